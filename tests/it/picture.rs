//! Images for tests: PNG written and read without the library under test, and the size of a JPEG.

/// RGB, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pixels: Vec<[u8; 3]>,
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

impl Picture {
    /// A picture of which `colour` says each pixel, by column and row.
    pub(crate) fn new(width: usize, height: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Self {
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (column, row)));
        Self { width, height, pixels: pixels.map(|(column, row)| colour(column, row)).collect() }
    }

    /// The colour in this column and row.
    pub(crate) fn at(&self, column: usize, row: usize) -> [u8; 3] {
        self.pixels[row * self.width + column]
    }

    /// As PNG; `orientation` is the one of EXIF, 1–8, where 6 is a camera held upright.
    pub(crate) fn png(&self, orientation: Option<u8>) -> Vec<u8> {
        let size = |length: usize| u32::try_from(length).expect("a small picture").to_be_bytes();
        let mut file = SIGNATURE.to_owned();
        let mut chunk = |name: &[u8; 4], data: &[u8]| {
            let start = file.len() + 4;
            file.extend(size(data.len()));
            file.extend(name);
            file.extend(data);
            let sum = crc32fast::hash(&file[start..]);
            file.extend(sum.to_be_bytes());
        };
        let head: Vec<u8> = size(self.width).into_iter().chain(size(self.height)).chain([8, 2, 0, 0, 0]).collect();
        chunk(b"IHDR", &head);
        if let Some(orientation) = orientation {
            // One entry: tag 0x0112, a SHORT. https://www.w3.org/TR/png-3/#eXIf
            chunk(
                b"eXIf",
                &[b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0],
            );
        }
        let rows = self.pixels.chunks(self.width);
        let raw: Vec<u8> = rows.flat_map(|row| std::iter::once(0).chain(row.iter().flatten().copied())).collect();
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; compressor.zlib_compress_bound(raw.len())];
        let length = compressor.zlib_compress(&raw, &mut packed).expect("it fits");
        chunk(b"IDAT", &packed[..length]);
        chunk(b"IEND", b"");
        file
    }

    /// Reads an RGB PNG without interlacing.
    pub(crate) fn read(file: &[u8]) -> Self {
        let mut rest =
            file.strip_prefix(SIGNATURE).unwrap_or_else(|| panic!("not PNG: {:?}", &file[..file.len().min(80)]));
        let (mut head, mut packed) = (Vec::new(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (name, after) = after.split_at(4);
            let (data, after) = after.split_at(number(length));
            match name {
                b"IHDR" => head.extend(data),
                b"IDAT" => packed.extend(data),
                _ => {}
            }
            rest = &after[4..];
        }
        let (width, height) = (number(&head[..4]), number(&head[4..8]));
        assert_eq!(head[8..13], [8, 2, 0, 0, 0], "8 bits, RGB");
        let mut raw = vec![0; height * (width * 3 + 1)];
        libdeflater::Decompressor::new().zlib_decompress(&packed, &mut raw).expect("a PNG's data");
        let mut above = vec![0; width * 3];
        let mut pixels = Vec::new();
        for line in raw.chunks(width * 3 + 1) {
            above = unfiltered(line[0], &line[1..], &above);
            pixels.extend(above.chunks(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]));
        }
        Self { width, height, pixels }
    }
}

/// <https://www.w3.org/TR/png-3/#9Filters>
fn unfiltered(filter: u8, line: &[u8], above: &[u8]) -> Vec<u8> {
    let mut row: Vec<u8> = Vec::with_capacity(line.len());
    for (index, byte) in line.iter().enumerate() {
        let left = if index < 3 { 0 } else { row[index - 3] };
        let (up, corner) = (above[index], if index < 3 { 0 } else { above[index - 3] });
        let predicted = match filter {
            0 => 0,
            1 => left,
            2 => up,
            3 => u8::midpoint(left, up),
            4 => {
                let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
                let distance = |value: &u8| estimate.abs_diff(i16::from(*value));
                [left, up, corner].into_iter().min_by_key(distance).unwrap_or_default()
            }
            other => panic!("PNG has no filter {other}"),
        };
        row.push(byte.wrapping_add(predicted));
    }
    row
}

/// Width and height of a JPEG, from the head of its first frame.
pub(crate) fn jpeg_size(file: &[u8]) -> (usize, usize) {
    let mut rest = file.strip_prefix(b"\xff\xd8").expect("JPEG begins with SOI");
    loop {
        let (marker, length) = (rest[1], number(&rest[2..4]));
        if (0xc0..=0xc2).contains(&marker) {
            return (number(&rest[7..9]), number(&rest[5..7]));
        }
        rest = &rest[2 + length..];
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

#[test]
fn a_picture_that_is_written_is_read_again() {
    let picture = Picture::new(5, 3, |column, row| [u8::try_from(column * 50).expect("small"), 7, u8::from(row == 1)]);
    assert_eq!(Picture::read(&picture.png(Some(6))), picture);
}
