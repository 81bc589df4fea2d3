//! How `rzap tail` shows what came: the flags that choose among the events, and the way from an event to the page.

use regex::Regex;

use crate::error::{Error, Result};
use crate::observe::LogEvent;
use crate::observe::story::{Entry, Joiner, Sieve, Story};
use crate::ui::{Storyteller, Ui};

/// Which events, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct Look {
    /// Only invocations that fail, each with all its lines once it has ended
    #[arg(long)]
    errors: bool,

    /// Only the lines of one request: its id, or the beginning of it
    #[arg(long, value_name = "ID", value_parser = request)]
    request: Option<String>,

    /// Only events that match this regular expression; (?i) at its beginning ignores case
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    grep: Option<Regex>,

    /// The messages as they came, nothing laid out
    #[arg(long)]
    raw: bool,

    /// Times in UTC instead of this machine's zone
    #[arg(long)]
    utc: bool,
}

/// An id goes into no command; but what no id has in it is a slip.
fn request(text: &str) -> Result<String, Error> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    if text.is_empty() || !text.bytes().all(known) {
        return Err(Error::usage(format!(
            "`{text}` is no request id: write it, or its beginning, as the lines have it"
        )));
    }
    Ok(text.to_owned())
}

fn pattern(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|error| Error::usage(format!("`{text}` is no regular expression")).because(&error))
}

impl Look {
    /// `functions` are the names that events may come from.
    pub(crate) fn printer<'a>(self, ui: Ui, functions: impl Iterator<Item = &'a String>) -> Printer {
        let teller = Storyteller::new(ui, functions, self.raw, self.utc, self.grep.clone());
        Printer {
            joiner: teller.lays_out().then(Joiner::default),
            story: Story::default(),
            sieve: Sieve::new(self.request, self.errors, self.grep),
            teller,
        }
    }
}

/// Takes events in the order of time and shows what is wanted of them.
#[derive(Debug)]
pub(crate) struct Printer {
    /// Programs get every event as it came.
    joiner: Option<Joiner>,
    story: Story,
    sieve: Sieve,
    teller: Storyteller,
}

impl Printer {
    /// One event; what it says may be shown with a later one.
    pub(crate) fn print(&mut self, event: LogEvent) {
        let Self { joiner, story, sieve, teller } = self;
        let mut understand = |event| sieve.take(story.read(event), &mut |entry: Entry| teller.tell(&entry));
        match joiner {
            Some(joiner) => joiner.take(event, &mut understand),
            None => understand(event),
        }
    }

    /// Nothing more comes for now: shows what waits for nothing but company.
    pub(crate) fn pause(&mut self) {
        let Self { joiner, story, sieve, teller } = self;
        if let Some(joiner) = joiner {
            joiner.pause(&mut |event| sieve.take(story.read(event), &mut |entry: Entry| teller.tell(&entry)));
        }
        sieve.pause(&mut |entry| teller.tell(&entry));
        teller.flush();
    }

    /// Nothing more comes at all.
    pub(crate) fn end(&mut self) {
        self.pause();
        let Self { sieve, teller, .. } = self;
        sieve.end(&mut |entry| teller.tell(&entry));
        teller.flush();
    }
}
