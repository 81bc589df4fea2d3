//! Live progress: a spinner per running step on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Ui;
use super::table::{duration, short_name};
use super::traffic;
use crate::deploy::{Action, Event, Key, Turn};
use crate::package::{Step, amount};

/// What a spinner looks like, and at its end.
pub(super) const TICKS: &[&str] = &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", " "];

/// Listens to packaging and to `apply`.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    live: bool,
    quiet: bool,
    /// A line for each thing that is done.
    lines: bool,
    ui: Ui,
    bars: MultiProgress,
    running: Mutex<HashMap<String, ProgressBar>>,
    /// What was said last about a step, so that plain output does not repeat itself.
    said: Mutex<HashMap<String, String>>,
}

impl Progress {
    pub(super) fn new(live: bool, quiet: bool, ui: Ui) -> Self {
        let bars = MultiProgress::new();
        Self {
            shared: Arc::new(Shared {
                live,
                quiet,
                lines: true,
                ui,
                bars,
                running: Mutex::default(),
                said: Mutex::default(),
            }),
        }
    }

    /// The listener for [`crate::deploy::apply`].
    pub(crate) fn of_apply(&self) -> Arc<dyn Fn(Event) + Send + Sync> {
        let shared = self.shared.clone();
        Arc::new(move |event| shared.apply(event))
    }

    /// The listener for packaging.
    pub(crate) fn of_package(&self) -> impl Fn(Step) + Send + Sync + use<> {
        let shared = self.shared.clone();
        move |step| shared.package(step)
    }

    /// The same without a line for each thing that is done: for commands that only look.
    pub(crate) fn silent(&self) -> Self {
        let Shared { live, quiet, ui, ref bars, .. } = *self.shared;
        let shared = Shared {
            live,
            quiet,
            ui,
            lines: false,
            bars: bars.clone(),
            running: Mutex::default(),
            said: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A line of talk that does not tear the spinners.
    pub(crate) fn say(&self, text: &str) {
        self.shared.line(text);
    }

    /// Something that runs until the guard is dropped: "looking at what is live".
    pub(crate) fn spin(&self, what: &str) -> Spin {
        self.shared.start(what, what);
        Spin { shared: self.shared.clone(), what: what.to_owned() }
    }
}

/// Ends its spinner when dropped.
#[derive(Debug)]
pub(crate) struct Spin {
    shared: Arc<Shared>,
    what: String,
}

impl Drop for Spin {
    fn drop(&mut self) {
        self.shared.end(&self.what, None);
    }
}

impl Shared {
    fn package(&self, step: Step) {
        match step {
            Step::Building { functions, what } => self.start(&functions, &format!("build {functions}: {what}")),
            Step::Said { functions, line } => self.said(&functions, &line),
            Step::Built { functions, what, took } => {
                let took = style(duration(took)).for_stderr().dim();
                let tick = style("✓").for_stderr().green();
                self.end(&functions, Some(&format!("{tick} build     {functions}  {what}  {took}")));
            }
            Step::Installing { functions, tool } => {
                self.start(&functions, &format!("package {functions}: installing dependencies with {tool}"));
            }
            Step::Archiving { functions } => {
                self.start(&functions, &format!("package {functions}: writing the archive"));
            }
            Step::Packaged { functions, zipped, files } => {
                let unit = if files == 1 { "file" } else { "files" };
                let line = format!("package   {functions}  {} in {files} {unit}", amount(zipped));
                self.end(&functions, Some(&format!("{} {line}", style("✓").for_stderr().green())));
            }
            Step::Growing { .. } | Step::Grown { .. } => {}
            Step::Note(text) => self.line(&format!("{} {text}", style("note:").for_stderr().bold())),
        }
    }

    fn apply(&self, event: Event) {
        match event {
            Event::Started(key, action) => self.start(&key.to_string(), &sentence(action, &key, false)),
            Event::Progress(key, what) => self.progress(&key.to_string(), &what),
            Event::Done(key, action, time) => {
                let tick = style("✓").for_stderr().green();
                let time = style(duration(time)).for_stderr().dim();
                self.end(&key.to_string(), Some(&format!("{tick} {}  {time}", sentence(action, &key, true))));
            }
            Event::Turn(turn) => self.turn(turn),
            Event::Failed(key) => {
                let cross = style("✗").for_stderr().red();
                let name = short_name(&key.name);
                self.end(&key.to_string(), Some(&format!("{cross} failed    {:<20}  {name}", key.kind.words())));
            }
        }
    }

    fn turn(&self, turn: Turn) {
        match turn {
            Turn::Checking(what) => self.start(&what, &format!("smoke check {what}")),
            Turn::Checked(what, time, true) => {
                let tick = style("✓").for_stderr().green();
                let time = style(duration(time)).for_stderr().dim();
                self.end(&what, Some(&format!("{tick} smoke check {what}  {time}")));
            }
            Turn::Checked(what, _, false) => {
                let cross = style("✗").for_stderr().red();
                self.end(&what, Some(&format!("{cross} smoke check {what}")));
            }
            Turn::Share { percent, left, alarms } => {
                let (share, rest) = traffic::share(percent, left, alarms);
                if self.live {
                    self.start(traffic::ID, &share);
                    self.progress(traffic::ID, &rest);
                } else if self.is_news(traffic::ID, &share) {
                    self.line(&format!("… {share}, {rest}"));
                }
            }
            Turn::Back => {
                let cross = style("✗").for_stderr().red();
                self.end(traffic::ID, Some(&format!("{cross} traffic goes back to the old versions")));
            }
            Turn::Over => {
                let tick = style("✓").for_stderr().green();
                self.end(traffic::ID, Some(&format!("{tick} traffic   the new versions have all of it")));
            }
        }
    }

    /// Whether something else was said about it last.
    fn is_news(&self, id: &str, what: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(id.to_owned(), what.to_owned()).as_deref() != Some(what)
    }

    fn start(&self, id: &str, what: &str) {
        if self.quiet || !self.live {
            return;
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = running.entry(id.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style_of_spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_prefix(what.to_owned());
        bar.set_message("");
    }

    fn progress(&self, id: &str, what: &str) {
        if self.quiet {
            return;
        }
        if self.live {
            if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
                bar.set_message(format!("– {what}"));
            }
            return;
        }
        if self.is_news(id, what) {
            self.ui.say(&format!("… {id}: {what}"));
        }
    }

    /// A line of a program's: all of them are shown with `-v`, and where nothing is drawn unless the
    /// command only looks.
    fn said(&self, id: &str, line: &str) {
        if self.ui.verbose > 0 || (!self.live && self.lines) {
            self.line(&style(format!("  {line}")).for_stderr().dim().to_string());
        } else if self.live {
            self.progress(id, console::strip_ansi_codes(line).trim());
        }
    }

    fn end(&self, id: &str, line: Option<&str>) {
        if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        if let Some(line) = line.filter(|_| self.lines) {
            self.line(line);
        }
    }

    fn line(&self, line: &str) {
        if self.quiet {
            return;
        }
        if self.live {
            let _ = self.bars.println(line);
        } else {
            self.ui.say(line);
        }
    }
}

fn sentence(action: Action, key: &Key, done: bool) -> String {
    let verb = match (action, done) {
        (Action::Keep, false) => "keeping ",
        (Action::Keep, true) => "kept    ",
        (Action::Create, false) => "creating",
        (Action::Create, true) => "created ",
        (Action::Update, false) => "updating",
        (Action::Update, true) => "updated ",
        (Action::Replace, false) => "replacing",
        (Action::Replace, true) => "replaced ",
        (Action::Delete, false) => "deleting",
        (Action::Delete, true) => "deleted ",
    };
    format!("{verb}  {:<20}  {}", key.kind.words(), short_name(&key.name))
}

fn style_of_spinner() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner:.cyan} {prefix} {wide_msg:.dim}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner()).tick_strings(TICKS)
}
