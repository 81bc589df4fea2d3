//! Shard iterators and sequence numbers.
//!
//! An iterator is the stream's ARN, a position and the time it was made; it is good for 15 minutes
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html>).
//! A sequence number is the engine's position with an offset that makes it 21 digits long.

use std::fmt;
use std::str::FromStr;

use super::invalid;
use crate::local::wire::Fault;

const OFFSET: u128 = 100_000_000_000_000_000_000;
const LIFE_SECONDS: i64 = 15 * 60;

/// A place in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardIterator {
    pub(super) stream: String,
    /// The position of the record before the next one.
    pub(super) after: i64,
    /// Seconds since the epoch.
    made: i64,
}

impl ShardIterator {
    pub(super) fn now(stream: String, after: i64) -> Self {
        Self { stream, after, made: jiff::Timestamp::now().as_second() }
    }
}

impl fmt::Display for ShardIterator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}|1|{:016x}{:016x}", self.stream, self.after, self.made)
    }
}

impl FromStr for ShardIterator {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let read = || {
            let (stream, place) = text.split_once("|1|")?;
            let (after, made) = place.split_at_checked(16)?;
            let number = |hex: &str| i64::from_str_radix(hex, 16).ok();
            Some(Self { stream: stream.to_owned(), after: number(after)?, made: number(made)? })
        };
        let iterator = read().ok_or_else(|| invalid("Invalid ShardIterator"))?;
        if jiff::Timestamp::now().as_second() - iterator.made > LIFE_SECONDS {
            return Err(Fault::new(
                400,
                "ExpiredIteratorException",
                "The shard iterator has expired. Get a new one with GetShardIterator.",
            ));
        }
        Ok(iterator)
    }
}

/// The sequence number of a position.
pub(super) fn number(position: i64) -> String {
    (OFFSET + u128::try_from(position).unwrap_or_default()).to_string()
}

/// The position of a sequence number; `None` when it is none that was ever given.
pub(super) fn position(number: &str) -> Option<i64> {
    i64::try_from(number.parse::<u128>().ok()?.checked_sub(OFFSET)?).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_iterator_comes_back_as_it_was() {
        let made = ShardIterator::now("arn:x/stream/2026-11-21T12:00:00.000".into(), 1_732_192_739_123_456);
        assert_eq!(made.to_string().parse::<ShardIterator>().unwrap(), made);
    }

    #[test]
    fn an_old_one_and_a_made_up_one_are_refused() {
        let old = ShardIterator {
            made: jiff::Timestamp::now().as_second() - LIFE_SECONDS - 1,
            ..ShardIterator::now("a".into(), 1)
        };
        assert_eq!(old.to_string().parse::<ShardIterator>().unwrap_err().code, "ExpiredIteratorException");
        for text in ["", "a|1|", "a|1|0", "nonsense", "a|1|zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(text.parse::<ShardIterator>().unwrap_err().code, "ValidationException", "{text}");
        }
    }

    #[test]
    fn sequence_numbers_are_long_and_keep_their_order() {
        assert_eq!(number(5).len(), 21);
        assert_eq!(position(&number(1_732_192_739_123_456)), Some(1_732_192_739_123_456));
        assert!(number(9) < number(10));
        assert_eq!(position("12"), None);
    }
}
