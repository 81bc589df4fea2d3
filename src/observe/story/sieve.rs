//! Which entries somebody wants to see: those of one request, failing invocations whole, what a pattern matches.
//!
//! Whether a line belongs to the request, or to a failure, may come out later: until then it is kept, with bounds.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use regex::Regex;

use super::{Entry, Reading};

/// Lines of one invocation that are kept; of a longer one, the latest.
const LINES: usize = 5_000;
/// Lines of all invocations that are kept.
const ALL: usize = 100_000;
/// Ms after which an invocation that has not ended will not: Lambda's longest is 15 minutes.
const TOO_OLD: i64 = 16 * 60_000;

/// Entries in, those that are wanted out.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    /// The beginning of a request id.
    request: Option<String>,
    errors: bool,
    grep: Option<Regex>,
    /// Stream → what is kept of it.
    kept: HashMap<String, Kept>,
    lines: usize,
    /// Ms: the newest event.
    now: i64,
}

/// Lines of one environment of which it is not known yet whether they are wanted.
#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    request: Option<Arc<str>>,
    /// A START was there: an end will be, too.
    framed: bool,
    bad: bool,
    left_out: usize,
}

impl Sieve {
    /// `request` is an id or its beginning; `grep` is asked of the messages as they came.
    pub(crate) fn new(request: Option<String>, errors: bool, grep: Option<Regex>) -> Self {
        Self { request, errors, grep, ..Self::default() }
    }

    pub(crate) fn take(&mut self, entry: Entry, give: &mut impl FnMut(Entry)) {
        if self.request.is_none() && !self.errors {
            return self.give(entry, give);
        }
        self.now = self.now.max(entry.event.timestamp);
        if self.errors {
            self.of_failures(entry, give);
        } else {
            self.of_request(entry, give);
        }
        if self.lines > ALL {
            self.make_room(give);
        }
    }

    /// Nothing more comes for a while: what has waited too long is let go.
    pub(crate) fn pause(&mut self, give: &mut impl FnMut(Entry)) {
        let old = self.now - TOO_OLD;
        let late = |kept: &Kept| kept.entries.front().is_none_or(|entry| entry.event.timestamp < old);
        let streams: Vec<String> =
            self.kept.iter().filter(|(_, kept)| late(kept)).map(|(stream, _)| stream.clone()).collect();
        for stream in streams {
            self.settle(&stream, Some("this invocation has not ended: no REPORT came"), give);
        }
    }

    /// The end of the log: what failed is shown, ended or not.
    pub(crate) fn end(&mut self, give: &mut impl FnMut(Entry)) {
        let mut streams: Vec<(i64, String)> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.bad)
            .map(|(stream, kept)| (kept.entries.front().map_or(0, |entry| entry.event.timestamp), stream.clone()))
            .collect();
        streams.sort();
        for (_, stream) in streams {
            self.settle(&stream, None, give);
        }
        self.kept.clear();
        self.lines = 0;
    }

    /// Lines without an id wait for the next one of their stream.
    fn of_request(&mut self, entry: Entry, give: &mut impl FnMut(Entry)) {
        let Some(id) = entry.request.clone() else { return self.keep(entry) };
        // Lines before a START are of the environment's own start, and go with its first invocation.
        let before = self.kept.remove(&entry.event.stream).unwrap_or_default();
        self.lines -= before.entries.len();
        if self.wants(&id) {
            for mut entry in before.entries {
                entry.request = Some(id.clone());
                self.give(entry, give);
            }
            self.give(entry, give);
        }
    }

    fn wants(&self, id: &str) -> bool {
        self.request
            .as_deref()
            .is_none_or(|start| id.get(..start.len()).is_some_and(|id| id.eq_ignore_ascii_case(start)))
    }

    fn of_failures(&mut self, entry: Entry, give: &mut impl FnMut(Entry)) {
        let stream = entry.event.stream.clone();
        let starts = matches!(entry.reading, Reading::Frame { start: true });
        let ends = matches!(&entry.reading, Reading::Summary(summary) if !summary.init);
        let (access, bad) = (matches!(entry.reading, Reading::Access(_)), entry.is_bad());
        // The end of the one before was not seen.
        if starts && self.kept.get(&stream).is_some_and(|kept| kept.framed) {
            self.settle(&stream, None, give);
        }
        self.keep(entry);
        if ends {
            return self.settle(&stream, None, give);
        }
        // An API's log, or a cloud without START and REPORT, tells of no end: there a line stands for itself. But the
        // start of an environment, too, may fail before the first START.
        let Some(kept) = self.kept.get_mut(&stream).filter(|kept| !kept.framed && (access || bad)) else { return };
        if access || !kept.entries.iter().any(|entry| matches!(entry.reading, Reading::Frame { .. })) {
            let before = kept.entries.len();
            let last = kept.entries.back().and_then(|entry| entry.request.clone());
            let of_it = |entry: &Entry| entry.request.is_some() && entry.request == last;
            let mut at = 0;
            kept.entries.retain(|entry| {
                at += 1;
                at == before || (!access && of_it(entry))
            });
            self.lines -= before - kept.entries.len();
            self.settle(&stream, None, give);
        }
    }

    fn keep(&mut self, entry: Entry) {
        let kept = self.kept.entry(entry.event.stream.clone()).or_default();
        kept.framed |= matches!(entry.reading, Reading::Frame { start: true });
        kept.bad |= entry.is_bad();
        if let Some(id) = &entry.request {
            kept.request = Some(id.clone());
        }
        kept.entries.push_back(entry);
        self.lines += 1;
        if kept.entries.len() > LINES {
            kept.entries.pop_front();
            kept.left_out += 1;
            self.lines -= 1;
        }
    }

    /// Shows what is kept of a stream if it failed, or if nobody can know any more.
    fn settle(&mut self, stream: &str, why: Option<&str>, give: &mut impl FnMut(Entry)) {
        let Some(kept) = self.kept.remove(stream) else { return };
        self.lines -= kept.entries.len();
        let unknown = why.is_some() && self.errors && kept.framed;
        let wanted = kept.request.as_deref().is_none_or(|id| self.wants(id));
        if !(self.errors && wanted && (kept.bad || unknown)) {
            return;
        }
        let note = |text: String, like: Option<&Entry>| {
            like.map(|like| Entry {
                reading: Reading::Note(text),
                request: kept.request.clone(),
                event: like.event.clone(),
            })
        };
        if kept.left_out > 0 {
            let text = format!("{} lines before this one are left out; `--request` shows all", kept.left_out);
            note(text, kept.entries.front()).into_iter().for_each(&mut *give);
        }
        let last = why.and_then(|why| note(why.to_owned(), kept.entries.back()));
        for mut entry in kept.entries {
            entry.request = entry.request.or_else(|| kept.request.clone());
            self.give(entry, give);
        }
        last.into_iter().for_each(give);
    }

    /// Too much is kept: the oldest goes first.
    fn make_room(&mut self, give: &mut impl FnMut(Entry)) {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.entries.front().map(|entry| entry.event.timestamp));
        if let Some(stream) = oldest.map(|(stream, _)| stream.clone()) {
            self.settle(&stream, Some("too many invocations run at once to wait for its end"), give);
        }
    }

    #[cfg(test)]
    pub(super) fn lines_kept(&self) -> usize {
        debug_assert_eq!(self.lines, self.kept.values().map(|kept| kept.entries.len()).sum::<usize>());
        self.lines
    }

    fn give(&self, entry: Entry, give: &mut impl FnMut(Entry)) {
        if self.grep.as_ref().is_none_or(|grep| grep.is_match(&entry.event.message)) {
            give(entry);
        }
    }
}
