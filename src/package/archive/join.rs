//! Deflate streams, made one by one → one stream.
//!
//! libdeflate compresses a buffer into a whole stream and has no way to go on with a next buffer, but
//! a large file has to be compressed in pieces: for its memory, and so that all cores share it. A
//! stream is a chain of blocks of which the last one says so in its first bit (RFC 1951, 3.2.3). To
//! chain the streams of two pieces, that bit is cleared, and an empty stored block fills the stream up
//! to the next whole byte, as zlib does at a sync flush. Where the last block begins, only reading all
//! blocks tells; that costs a fiftieth of the compression.

use std::ops::Range;

/// How many bits the longest code has.
const LONGEST: usize = 15;

/// Extra bits behind the length symbols 257 to 285, and behind the distance symbols (3.2.5).
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA: [u8; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
/// The order in which the lengths of the code lengths' codes stand (3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Makes `stream`, a whole deflate stream, one that another may follow. `None` when it is not one.
pub(super) fn open_end(stream: &mut Vec<u8>) -> Option<()> {
    let Range { start: last, end } = Scanner::default().last_block(stream)?;
    *stream.get_mut(last / 8)? &= !(1 << (last % 8));
    // An empty stored block: three zero bits, zeros up to the byte's end, its length and that inverted.
    // What is left of the last byte is zero already.
    stream.truncate(end.div_ceil(8));
    if end % 8 == 0 || end % 8 > 5 {
        stream.push(0);
    }
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    Some(())
}

/// Walks through streams. The tables are kept from block to block.
#[derive(Default)]
struct Scanner {
    lengths: Codes,
    distances: Codes,
}

impl Scanner {
    /// The bits of the last block.
    fn last_block(&mut self, stream: &[u8]) -> Option<Range<usize>> {
        let mut bits = Bits { stream, at: 0 };
        loop {
            let start = bits.at;
            let last = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => {
                    bits.at = bits.at.next_multiple_of(8);
                    let length = bits.take(16)?;
                    bits.take(16)?;
                    bits.at += usize::from(length) * 8;
                }
                1 => {
                    let mut lengths = [8; 288];
                    lengths[144..256].fill(9);
                    lengths[256..280].fill(7);
                    self.lengths.set(&lengths)?;
                    self.distances.set(&[5; 30])?;
                    self.skip_symbols(&mut bits)?;
                }
                2 => {
                    self.read_codes(&mut bits)?;
                    self.skip_symbols(&mut bits)?;
                }
                _ => return None,
            }
            if bits.at > stream.len() * 8 {
                return None;
            }
            if last {
                return Some(start..bits.at);
            }
        }
    }

    fn read_codes(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let literals = usize::from(bits.take(5)?) + 257;
        let distances = usize::from(bits.take(5)?) + 1;
        let mut of_lengths = [0; 19];
        for place in ORDER.iter().take(usize::from(bits.take(4)?) + 4) {
            of_lengths[*place] = u8::try_from(bits.take(3)?).ok()?;
        }
        self.lengths.set(&of_lengths)?;
        let mut all = Vec::with_capacity(literals + distances);
        while all.len() < literals + distances {
            let (value, times) = match self.lengths.next(bits)? {
                length @ 0..16 => (u8::try_from(length).ok()?, 1),
                16 => (*all.last()?, 3 + bits.take(2)?),
                17 => (0, 3 + bits.take(3)?),
                _ => (0, 11 + bits.take(7)?),
            };
            all.extend(std::iter::repeat_n(value, usize::from(times)));
        }
        self.lengths.set(all.get(..literals)?)?;
        self.distances.set(all.get(literals..literals + distances)?)
    }

    /// Up to and with the end of the block.
    fn skip_symbols(&self, bits: &mut Bits<'_>) -> Option<()> {
        loop {
            match self.lengths.next(bits)? {
                0..256 => {}
                256 => return Some(()),
                symbol => {
                    bits.at += usize::from(*LENGTH_EXTRA.get(usize::from(symbol) - 257)?);
                    let distance = self.distances.next(bits)?;
                    bits.at += usize::from(*DISTANCE_EXTRA.get(usize::from(distance))?);
                }
            }
        }
    }
}

/// A position in a stream, in bits.
struct Bits<'a> {
    stream: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits, the first one lowest, at least 16 of them; zeros behind the end.
    fn peek(&self) -> u32 {
        let byte = self.at / 8;
        let four = if let Some(four) = self.stream.get(byte..byte + 4) {
            four.try_into().unwrap_or_default()
        } else {
            let rest = self.stream.get(byte..).unwrap_or_default();
            let mut four = [0; 4];
            four[..rest.len()].copy_from_slice(rest);
            four
        };
        u32::from_le_bytes(four) >> (self.at % 8)
    }

    fn take(&mut self, count: usize) -> Option<u16> {
        let value = self.peek() & ((1 << count) - 1);
        self.at += count;
        (self.at <= self.stream.len() * 8).then_some(())?;
        u16::try_from(value).ok()
    }
}

/// A Huffman code: for every way the next bits can read, the symbol and how many bits it takes.
#[derive(Default)]
struct Codes {
    /// Symbol · 16 + length; 0 where no code begins like this.
    table: Vec<u16>,
}

impl Codes {
    /// The code that has `lengths` (3.2.2).
    fn set(&mut self, lengths: &[u8]) -> Option<()> {
        let mut count = [0_u32; LONGEST + 1];
        for length in lengths {
            *count.get_mut(usize::from(*length))? += 1;
        }
        count[0] = 0;
        let longest = count.iter().rposition(|count| *count > 0).unwrap_or(0);
        let mut next = [0_u32; LONGEST + 1];
        for length in 1..=longest {
            next[length] = (next[length - 1] + count[length - 1]) << 1;
        }
        self.table.clear();
        self.table.resize(1 << longest, 0);
        for (symbol, length) in (0_u16..).zip(lengths.iter().map(|length| usize::from(*length))) {
            if length == 0 {
                continue;
            }
            // Codes stand in the stream with their highest bit first.
            let code = usize::try_from(next[length].reverse_bits() >> (32 - length)).ok()?;
            next[length] += 1;
            let entry = symbol << 4 | u16::try_from(length).ok()?;
            let mut place = code;
            while place < self.table.len() {
                self.table[place] = entry;
                place += 1 << length;
            }
        }
        Some(())
    }

    /// The next symbol.
    #[inline]
    fn next(&self, bits: &mut Bits<'_>) -> Option<u16> {
        // The table's length is a power of two.
        let place = usize::try_from(bits.peek()).ok()? & self.table.len().wrapping_sub(1);
        let entry = *self.table.get(place)?;
        bits.at += usize::from(entry & 15);
        (entry != 0 && bits.at <= bits.stream.len() * 8).then_some(entry >> 4)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use libdeflater::{CompressionLvl, Compressor, Decompressor};
    use proptest::prelude::*;

    use super::*;

    fn deflate(bytes: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut out = vec![0; compressor.deflate_compress_bound(bytes.len())];
        let length = compressor.deflate_compress(bytes, &mut out).unwrap();
        out.truncate(length);
        out
    }

    fn joined(pieces: &[Vec<u8>], level: i32) -> Vec<u8> {
        let mut all = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let mut stream = deflate(piece, level);
            if index + 1 < pieces.len() {
                open_end(&mut stream).unwrap();
            }
            all.extend(stream);
        }
        all
    }

    fn inflate(stream: &[u8], size: usize) -> Vec<u8> {
        let mut out = vec![0; size];
        assert_eq!(Decompressor::new().deflate_decompress(stream, &mut out).unwrap(), size);
        out
    }

    /// Noise, text with repeats far and near, and long runs: all kinds of blocks.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..70_000),
            prop::collection::vec(0..4_u8, 0..200),
            ("[a-f ]{1,40}", 0..9_000_usize).prop_map(|(text, times)| text.repeat(times).into_bytes()),
            prop::collection::vec(
                prop_oneof![Just(b"lambda".to_vec()), prop::collection::vec(any::<u8>(), 1..9)],
                0..30_000
            )
            .prop_map(|words| words.concat()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn pieces_become_one_stream(pieces in prop::collection::vec(piece(), 1..4), level in 0..=9_i32) {
            let whole = pieces.concat();
            prop_assert_eq!(inflate(&joined(&pieces, level), whole.len()), whole);
        }

        #[test]
        fn nonsense_is_refused_and_breaks_nothing(mut bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = open_end(&mut bytes);
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_is_refused() {
        let whole = deflate("twelve bytes".repeat(300).as_bytes(), 6);
        assert!((0..whole.len()).all(|length| open_end(&mut whole[..length].to_vec()).is_none()));
    }
}
