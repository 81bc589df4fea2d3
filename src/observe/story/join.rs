//! Puts the lines of a traceback together that came as one event each: what a program prints itself is divided at its
//! line ends.
//!
//! Only while a traceback is open do the events behind it wait, so that what comes out stays in the order of time.

use std::collections::{HashMap, VecDeque};

use super::LogEvent;
use super::clean::clean;
use super::trace;

/// Events that wait at most.
const WAITING: usize = 2_000;
/// Ms that a traceback may take to be written.
const SLOWEST: i64 = 1_000;
/// Bytes of one traceback.
const LARGEST: usize = 256 * 1024;

/// Events in, events out, fewer.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    queue: VecDeque<Held>,
    /// The number of the first in the queue.
    first: u64,
    /// Stream → the number of its open traceback.
    open: HashMap<String, u64>,
}

#[derive(Debug)]
struct Held {
    event: LogEvent,
    open: bool,
    /// Within Python's frames: the line that ends them is not indented.
    frames: bool,
}

impl Joiner {
    /// Takes an event and gives out what is complete. Commands to a terminal are taken out of it.
    pub(crate) fn take(&mut self, mut event: LogEvent, give: &mut impl FnMut(LogEvent)) {
        if let std::borrow::Cow::Owned(text) = clean(&event.message) {
            event.message = text;
        }
        let begins = trace::may_begin(&event.message) && !event.message.contains(['\n', '\r']);
        if self.queue.is_empty() && !begins {
            return give(event);
        }
        let now = event.timestamp;
        if let Some(event) = self.go_on(event) {
            if begins {
                self.open.insert(event.stream.clone(), self.first + self.queue.len() as u64);
            }
            let frames = begins && event.message.starts_with("Traceback");
            self.queue.push_back(Held { event, open: begins, frames });
        }
        let late = |held: &Held| held.open && now - held.event.timestamp > SLOWEST;
        if self.queue.len() > WAITING || self.queue.front().is_some_and(late) {
            self.close_front();
        }
        self.drain(give);
    }

    /// Gives out all that waits: nothing more comes for a while.
    pub(crate) fn pause(&mut self, give: &mut impl FnMut(LogEvent)) {
        self.open.clear();
        self.first += self.queue.len() as u64;
        self.queue.drain(..).for_each(|held| give(held.event));
    }

    /// Puts the event to the open traceback of its stream; gives it back when it does not belong there.
    fn go_on(&mut self, event: LogEvent) -> Option<LogEvent> {
        let Some(number) = self.open.get(&event.stream) else { return Some(event) };
        let at = usize::try_from(number - self.first).ok()?;
        let Some(held) = self.queue.get_mut(at) else { return Some(event) };
        let line = event.message.as_str();
        let ends = held.frames && trace::kind_at(line.split(": ").next().unwrap_or(line)).is_some();
        // An exception of an unusual name ends the frames, too, but nothing that looks like a log line.
        let unusual = || {
            let plain = line.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            let (word, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
            held.frames && plain && (rest.is_empty() || rest.starts_with(": ")) && word != "END"
        };
        if (trace::goes_on(line) || ends || unusual()) && held.event.message.len() < LARGEST {
            held.frames =
                if line.starts_with("Traceback") { true } else { held.frames && line.starts_with([' ', '\t']) };
            held.event.message.push('\n');
            held.event.message.push_str(line);
            return None;
        }
        held.open = false;
        self.open.remove(&event.stream);
        Some(event)
    }

    fn close_front(&mut self) {
        if let Some(held) = self.queue.front_mut() {
            held.open = false;
            self.open.remove(&held.event.stream);
        }
    }

    fn drain(&mut self, give: &mut impl FnMut(LogEvent)) {
        while let Some(held) = self.queue.pop_front_if(|held| !held.open) {
            self.first += 1;
            give(held.event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[(i64, &str, &str)]) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut out = Vec::new();
        let mut give = |event: LogEvent| out.push(format!("{} {}: {}", event.timestamp, event.stream, event.message));
        for (timestamp, stream, message) in lines {
            let (function, message) = ("web".to_owned(), (*message).to_owned());
            joiner.take(LogEvent { timestamp: *timestamp, function, message, stream: (*stream).to_owned() }, &mut give);
        }
        joiner.pause(&mut give);
        assert!(joiner.open.is_empty() && joiner.queue.is_empty());
        out
    }

    #[test]
    fn the_lines_of_a_traceback_become_one_event_and_the_order_stays() {
        let lines = [
            (1, "a", "before"),
            (2, "a", "Traceback (most recent call last):"),
            (3, "b", "of another"),
            (3, "a", "  File \"/var/task/x.py\", line 1, in f"),
            (3, "a", "    boom()"),
            (4, "a", "ValueError: no"),
            (4, "a", ""),
            (4, "a", "During handling of the above exception, another exception occurred:"),
            (4, "a", "Traceback (most recent call last):"),
            (4, "a", "  File \"/var/task/x.py\", line 2, in g"),
            (4, "a", "Odd"),
            (5, "b", "java.lang.IllegalStateException: no"),
            (5, "b", "\tat x.Y.z(Y.java:1)"),
            (6, "a", "END RequestId: 1"),
            (6, "b", "after"),
        ];
        assert_eq!(
            joined(&lines),
            [
                "1 a: before",
                "2 a: Traceback (most recent call last):\n  File \"/var/task/x.py\", line 1, in f\n    boom()\nValueError: \
                 no\n\nDuring handling of the above exception, another exception occurred:\nTraceback (most recent call \
                 last):\n  File \"/var/task/x.py\", line 2, in g\nOdd",
                "3 b: of another",
                "5 b: java.lang.IllegalStateException: no\n\tat x.Y.z(Y.java:1)",
                "6 a: END RequestId: 1",
                "6 b: after",
            ]
        );
    }

    #[test]
    fn nobody_waits_long_for_an_end_that_does_not_come() {
        let mut joiner = Joiner::default();
        let mut out = Vec::new();
        let event = |timestamp, stream: &str, message: &str| LogEvent {
            timestamp,
            function: "web".to_owned(),
            message: message.to_owned(),
            stream: stream.to_owned(),
        };
        joiner.take(event(0, "a", "ValueError: no"), &mut |event| out.push(event.message));
        joiner.take(event(500, "b", "one"), &mut |event| out.push(event.message));
        assert!(out.is_empty());
        joiner.take(event(1_600, "b", "two"), &mut |event| out.push(event.message));
        assert_eq!(out, ["ValueError: no", "one", "two"]);
        for number in 0..=WAITING {
            joiner.take(
                event(0, "c", if number == 0 { "Traceback (most recent call last):" } else { "  x" }),
                &mut |_| {},
            );
            joiner.take(event(0, "d", "y"), &mut |event| out.push(event.message));
        }
        assert!(joiner.queue.len() <= WAITING);
    }
}
