//! The only room that prints. stdout is data, stderr is talk.

mod ago;
mod answer;
mod changes;
mod errors;
mod folded;
mod markdown;
mod meter;
mod plan;
mod progress;
mod screen;
mod sparkline;
mod story;
mod table;
mod traffic;
mod when;

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use console::style;
use serde_json::Value;

pub(crate) use self::ago::{ago, readable_time, short_arn, span};
pub(crate) use self::answer::{is_binary, laid_out};
pub(crate) use self::folded::folded;
pub(crate) use self::markdown::plan_markdown;
pub(crate) use self::meter::{Count, Meter, rate};
pub(crate) use self::plan::{plan_talk, plan_text, summary};
pub(crate) use self::progress::Progress;
pub(crate) use self::screen::Screen;
pub(crate) use self::sparkline::sparkline;
pub(crate) use self::story::Storyteller;
pub(crate) use self::table::{Table, age, columns, count, duration};
pub(crate) use self::when::{When, when};
use crate::error::{Error, Kind, Result};
/// `1.4 MB`: the same units everywhere.
pub(crate) use crate::package::amount as bytes;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// What a command has to say, once, at its end.
pub(crate) trait Report {
    /// For people; ends with a line end unless empty.
    fn text(&self) -> String;

    /// For programs: one documented JSON document, or null when all was said on the way.
    fn json(&self) -> Value;

    /// Not an error, but not 0 either: `status --check` exits 3.
    fn exit(&self) -> Option<Kind> {
        None
    }
}

/// The report of a command that has said everything on the way.
pub(crate) struct Nothing;

impl Report for Nothing {
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> Value {
        Value::Null
    }
}

/// The streams and how to write to them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    /// The flags that say where this run goes, each with a space before it: ` --local`.
    flags: &'static str,
    json: bool,
    quiet: bool,
    verbose: u8,
    /// stderr is a terminal that somebody is looking at.
    live: bool,
}

impl Ui {
    /// Looks at the terminal, `NO_COLOR` and `CI`. `flags` go onto the commands in hints.
    pub(crate) fn new(color: Color, json: bool, quiet: bool, verbose: u8, flags: String) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !set("NO_COLOR") && !dumb,
        };
        let terminal = std::io::stderr().is_terminal();
        console::set_colors_enabled(wanted(std::io::stdout().is_terminal()));
        console::set_colors_enabled_stderr(wanted(terminal));
        // One per process, and it lives as long.
        let flags = String::leak(flags);
        Self { flags, json, quiet, verbose, live: terminal && !set("CI") && !dumb }
    }

    /// A command that goes where this run goes: with its flags.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("{command}{}", self.flags)
    }

    /// Whether the answer is wanted as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody reads stdout at a terminal.
    #[expect(clippy::unused_self, reason = "the streams belong to the Ui")]
    pub(crate) fn is_read(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Whether `-v` was given.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Whether somebody can answer questions.
    pub(crate) fn can_ask(&self) -> bool {
        self.live && !self.json && std::io::stdin().is_terminal()
    }

    /// Prints a report, once.
    pub(crate) fn report(&self, report: &dyn Report) {
        match (self.json, report.json()) {
            (true, Value::Null) => {}
            (true, document) => self.data(document_text(&document).as_bytes()),
            (false, _) => self.data(report.text().as_bytes()),
        }
    }

    /// One line of JSON on stdout, for streams of them.
    pub(crate) fn json_line(&self, value: &Value) {
        self.data(format!("{value}\n").as_bytes());
    }

    /// Bytes on stdout, as they are. Whoever closed the pipe wants no more: that ends us quietly. What cannot be
    /// written for another reason, a full disk, must not look as if it had been.
    pub(crate) fn data(&self, bytes: &[u8]) {
        match on_stdout(bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => {
                let error = Error::failed("failed to write the answer to stdout").because(&error);
                let error = error.hint("the command itself was done; is the disk full that stdout leads to?");
                self.line(errors::text(&error, self.flags).trim_end());
                std::process::exit(error.kind.exit_code().into());
            }
        }
    }

    /// Bytes on stderr, as they are: what was run somewhere else said them there.
    #[expect(clippy::unused_self, reason = "the streams belong to the Ui")]
    pub(crate) fn passed_on(&self, bytes: &[u8]) {
        // Whoever does not listen to stderr may still want what comes on stdout.
        let _ = std::io::stderr().lock().write_all(bytes);
    }

    /// A line of talk.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// Detail that only `-v` wants.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.line(&style(text).for_stderr().dim().to_string());
        }
    }

    /// Something the user should know though nothing failed.
    pub(crate) fn warn(&self, text: &str) {
        self.line(&format!("{} {text}", style("warning:").for_stderr().yellow().bold()));
    }

    /// What to do about something that was just shown.
    pub(crate) fn hint(&self, text: &str) {
        self.line(&format!("{} {text}", style("hint:").for_stderr().cyan().bold()));
    }

    /// An error: to stderr for people, and as a document on stdout with `--json`.
    pub(crate) fn error(&self, error: &Error) {
        // Whoever pressed Ctrl-C while nothing was at stake knows.
        if error.kind == Kind::Interrupted && error.hints.is_empty() {
            return;
        }
        self.line(errors::text(error, self.flags).trim_end());
        if self.json {
            // The exit code says it, too, when nobody listens.
            let _ = on_stdout(document_text(&errors::json(error, self.flags)).as_bytes());
        }
    }

    /// Asks; `None` when nobody can answer.
    pub(crate) fn confirm(&self, question: &str) -> Result<Option<bool>> {
        if !self.can_ask() {
            return Ok(None);
        }
        let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
        answer
            .map_err(|error| Error::failed("failed to ask").because(&error))
            .map(|answer| Some(answer.unwrap_or(false)))
    }

    /// Asks for a text that is not shown while it is typed; `None` when nobody can answer.
    pub(crate) fn ask_hidden(&self, question: &str) -> Result<Option<String>> {
        if !self.can_ask() {
            return Ok(None);
        }
        let terminal = console::Term::stderr();
        let asked = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
        asked.map(Some).map_err(|error| Error::failed("failed to ask").because(&error))
    }

    /// Lets the user choose; `None` when nobody can answer.
    pub(crate) fn choose(&self, question: &str, options: &[String]) -> Result<Option<usize>> {
        if !self.can_ask() {
            return Ok(None);
        }
        let answer = dialoguer::Select::new().with_prompt(question).items(options).default(0).interact_opt();
        answer.map_err(|error| Error::failed("failed to ask").because(&error))
    }

    /// Shows what packaging and applying do.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(self.live, self.quiet, *self)
    }

    /// Shows how many things of many are done.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(*self)
    }

    fn line(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
        let _ = self;
    }
}

/// One JSON document, with a line end.
fn document_text(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn on_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}
