//! What a run of `rzap map` came to: for people, and as the document of `--json`.

use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Stop;
use super::tally::Tally;
use crate::error::{Error, Kind};
use crate::ui::{Report, Table, count, duration, rate};

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) app: String,
    pub(super) stage: String,
    pub(super) function: String,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) tally: Tally,
    /// Items that an earlier run has done.
    pub(super) resumed: u64,
    pub(super) took: Duration,
    /// Everything was said on the way: stdout has the results.
    pub(super) silent: bool,
}

impl Summary {
    /// Items a second, of this run.
    fn rate(&self) -> f64 {
        let items = u32::try_from(self.tally.done().saturating_sub(self.resumed)).unwrap_or(u32::MAX);
        f64::from(items) / self.took.as_secs_f64().max(0.001)
    }

    /// Ended with a line end, as [`Report::text`].
    pub(super) fn words(&self) -> String {
        let Tally { failed, throttles, retries, .. } = self.tally;
        let number = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX));
        let done = self.tally.done();
        let mut text = format!("{} {} done", number(done), if done == 1 { "item" } else { "items" });
        if failed > 0 {
            text.push_str(&format!(", {} failed", number(failed)));
        }
        if self.resumed > 0 {
            text.push_str(&format!(", {} by an earlier run", number(self.resumed)));
        }
        text.push_str(&format!(", in {} ({})\n", duration(self.took), rate(self.rate())));
        let extra = [(retries, "calls repeated after a failure"), (throttles, "calls throttled and made later")];
        for (times, what) in extra.into_iter().filter(|(times, _)| *times > 0) {
            text.push_str(&format!("{} {what}\n", number(times)));
        }
        let (errors, more) = self.tally.shown();
        if !errors.is_empty() {
            let mut table = Table::new(["failed", "error", "first index", "message"]).right(&[0, 2]);
            for errors in errors {
                table.row([number(errors.count), errors.kind, number(errors.index), start_of(&errors.message)]);
            }
            text.push_str(&format!("\n{}", table.text()));
        }
        if more > 0 {
            text.push_str(&format!("and {more} other kinds of errors\n"));
        }
        text
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "app": self.app,
            "stage": self.stage,
            "function": self.function,
            "input": self.input,
            "output": self.output,
            "items": self.tally.done(),
            "succeeded": self.tally.succeeded,
            "failed": self.tally.failed,
            "resumed": self.resumed,
            "calls": self.tally.calls,
            "retries": self.tally.retries,
            "throttles": self.tally.throttles,
            "seconds": (self.took.as_secs_f64() * 1000.0).round() / 1000.0,
            "errors": self.tally.errors(),
        })
    }

    /// The error of a run that ended before its input. `can_go_on`: the same command does the rest.
    pub(super) fn stopped(&self, stop: Stop, can_go_on: bool) -> Error {
        let number = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX));
        let done = self.tally.done();
        let are = if done == 1 { "1 item is".to_owned() } else { format!("{} items are", number(done)) };
        let mut error = match stop {
            Stop::Interrupted => Error::new(Kind::Interrupted, format!("interrupted: {are} done")),
            Stop::Failures(1) => Error::failed("stopped because an item failed"),
            Stop::Failures(failures) => Error::failed(format!("stopped because {} items failed", number(failures))),
            Stop::Input(error) | Stop::Fatal(error) => error,
        };
        if can_go_on && done > 0 {
            error = error.hint("the same command does the rest: what is done is not run again");
        }
        error.details = Some(Box::new(self.document()));
        error
    }
}

impl Report for Summary {
    fn text(&self) -> String {
        if self.silent { String::new() } else { self.words() }
    }

    fn json(&self) -> Value {
        self.document()
    }

    fn exit(&self) -> Option<Kind> {
        (self.tally.failed > 0).then_some(Kind::Failed)
    }
}

/// A message's first line, and of that as much as a table takes.
fn start_of(message: &str) -> String {
    const LONGEST: usize = 200;
    let first = message.lines().next().unwrap_or_default();
    let cut = first.chars().count() > LONGEST || message.lines().nth(1).is_some();
    first.chars().take(LONGEST).chain(cut.then_some('…')).collect()
}
