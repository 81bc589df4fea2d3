//! Small maps with keys of their own (`queue: { fifo: true }`), read strictly, and values in them that
//! have a range.

use std::ops::RangeInclusive;

use super::limits;
use super::locate::Span;
use super::raw::{Entry, Kind, Map};
use super::suggest;
use super::values::Reader;

/// The keys of one thing. Several maps may speak of it; the last that has a key counts.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    maps: Vec<&'a Map>,
    /// The one key of the short form, and the entry with its value.
    short: Option<(&'static str, &'a Entry)>,
    /// Where to point when something is missing.
    at: &'a Span,
    /// What this is, for "a queue has no key `x`".
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Reports every key that is none of `known`.
    pub(super) fn new(
        reader: &mut Reader<'_>,
        what: &'static str,
        at: &'a Span,
        maps: Vec<&'a Map>,
        known: &[&str],
    ) -> Self {
        for entry in maps.iter().flat_map(|map| &map.0).filter(|entry| !known.contains(&entry.key.as_str())) {
            let all = || format!("{what} has {}", suggest::list(known));
            let label = suggest::did_you_mean(&entry.key, known.iter().copied(), all);
            reader.problem(&entry.key_span, format!("{what} has no key `{}`", entry.key), label);
        }
        Self { maps, short: None, at, what }
    }

    /// A thing in its short form, `sqs: jobs`: the value is that of its key `main`.
    pub(super) fn short(what: &'static str, main: &'static str, entry: &'a Entry) -> Self {
        Self { maps: Vec::new(), short: Some((main, entry)), at: &entry.key_span, what }
    }

    /// Where to point when something is wrong with the thing as a whole.
    pub(super) fn at(&self) -> &'a Span {
        self.at
    }

    /// What counts for a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Entry> {
        let short = self.short.filter(|(main, _)| *main == key).map(|(_, entry)| entry);
        short.or_else(|| self.maps.iter().rev().find_map(|map| map.get(key)))
    }

    /// The same for a key that has to be there; `example` is how it could look.
    pub(super) fn need(&self, reader: &mut Reader<'_>, key: &str, example: &str) -> Option<&'a Entry> {
        let found = self.get(key);
        if found.is_none() {
            reader.problem(self.at, format!("{} needs `{key}`", self.what), format!("like `{key}: {example}`"));
        }
        found
    }

    /// `true` or `false`; `false` when it is not there.
    pub(super) fn flag(&self, reader: &mut Reader<'_>, key: &str) -> Option<bool> {
        self.get(key).map_or(Some(false), |entry| reader.yes_or_no(entry))
    }

    /// A whole number, if the key is there. `who` has the limit.
    pub(super) fn whole(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        (range, unit): (&RangeInclusive<i64>, &str),
        who: &str,
    ) -> Option<u32> {
        self.get(key).and_then(|entry| reader.within(entry, range, unit, who))
    }

    /// Seconds, if the key is there: a whole number of them, or `30s`, `5m`, `12h`, `14d`.
    pub(super) fn seconds(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        range: &RangeInclusive<i64>,
        who: &str,
    ) -> Option<u32> {
        self.get(key).and_then(|entry| seconds(reader, entry, range, who))
    }
}

/// A time in seconds: a whole number of them, or `30s`, `5m`, `12h`, `14d`. `who` has the limit.
pub(super) fn seconds(reader: &mut Reader<'_>, entry: &Entry, range: &RangeInclusive<i64>, who: &str) -> Option<u32> {
    let parsed = match &entry.value.kind {
        Kind::Number(number, _) => *number,
        Kind::Text(_) => spelt(&reader.text(entry)?.value),
        _ => None,
    };
    let Some(parsed) = parsed else {
        let title = format!("`{}` needs a time", entry.key);
        reader.problem(&entry.value.span, title, "like `30s`, `5m`, `12h` or `14d`; a bare number is seconds");
        return None;
    };
    if range.contains(&parsed) {
        return u32::try_from(parsed).ok();
    }
    let (low, high) = (readable(*range.start()), readable(*range.end()));
    let title = format!("`{}` is out of range: {who} allows {low} to {high}", entry.key);
    let label = if parsed < *range.start() { format!("at least {low}") } else { format!("at most {high}") };
    reader.problem(&entry.value.span, title, label);
    None
}

/// `5m` in seconds.
fn spelt(text: &str) -> Option<i64> {
    let (at, unit) = text.char_indices().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    let number = text[..at].trim_end();
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<i64>().ok().filter(|_| plain)?.checked_mul(seconds)
}

/// `14d`, `12h`, `5m` or `30s`: the largest unit that fits evenly.
fn readable(seconds: i64) -> String {
    let units = [(86400, "d"), (3600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(size, _)| seconds > 0 && seconds % size == 0);
    unit.map_or_else(
        || format!("{}s", limits::grouped(seconds)),
        |(size, letter)| format!("{}{letter}", limits::grouped(seconds / size)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        let cases = [("30s", Some(30)), ("5m", Some(300)), ("12 h", Some(43200)), ("14d", Some(1_209_600))];
        for (text, seconds) in cases {
            assert_eq!(spelt(text), seconds, "{text}");
        }
        for wrong in ["", "m", "5", "5x", "-5m", "+5m", "1.5h", "99999999999999999999s", "9223372036854775807d"] {
            assert_eq!(spelt(wrong), None, "{wrong}");
        }
        let shown = [0, 30, 90, 300, 43200, 1_209_600].map(readable);
        assert_eq!(shown, ["0s", "30s", "90s", "5m", "12h", "14d"]);
    }
}
