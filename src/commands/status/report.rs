//! The report on one stage: all that was seen, and what differs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::look::Seen;
use super::{live_functions, text};
use crate::commands::report::StageReport;
use crate::config::StageConfig;
use crate::deploy::{Change, Front, Release};
use crate::error::Kind;
use crate::observe::Window;
use crate::ui::{self, Report, Ui};

/// What differs from rzap.yaml.
pub(super) struct Drift {
    pub(super) changes: Vec<Change>,
    pub(super) kept: Vec<Change>,
    /// Everything could be compared.
    pub(super) is_whole: bool,
}

/// A stage as it is at one moment.
pub(super) struct Live {
    pub(super) report: StageReport,
    pub(super) seen: Seen,
    /// Whether it was compared, and all of it.
    pub(super) compared: Option<bool>,
    pub(super) check: bool,
    pub(super) now: Timestamp,
    /// What is live was shown already.
    said: bool,
}

impl Live {
    /// Not compared yet.
    pub(super) fn new(stage: &StageConfig, seen: Seen) -> Self {
        let fronts: Vec<Front> = seen.found.ours.iter().filter_map(|any| Front::of(&seen.cloud, any)).collect();
        let owner = (stage.app.as_str(), stage.stage.as_str());
        let report = StageReport::new(&seen.cloud, owner, &live_functions(&seen.found), &fronts);
        let mut report = report.with_schedules(&seen.found.ours);
        for function in &mut report.functions {
            function.share = seen.unfinished.as_ref().and_then(|unfinished| unfinished.share_of(&function.name));
        }
        report.left_out.clone_from(&stage.left_out);
        report.release = seen.release.as_ref().map(|release| release.number);
        Self { report, seen, compared: None, check: false, now: Timestamp::now(), said: false }
    }

    /// Adds what differs.
    pub(super) fn compare(&mut self, drift: Drift, check: bool) {
        self.report.changes = drift.changes;
        self.report.kept = drift.kept;
        self.compared = Some(drift.is_whole);
        self.check = check;
    }

    /// Shows what is live; the rest follows with the report.
    pub(super) fn say_now(&mut self, ui: Ui) {
        ui.data(text::live(self).as_bytes());
        self.said = true;
    }

    /// `Some(true)` where that is sure, `None` where not all could be looked at.
    fn sure(&self, found: bool, otherwise: bool) -> Option<bool> {
        match self.compared? {
            _ if found => Some(!otherwise),
            true => Some(otherwise),
            false => None,
        }
    }
}

impl Report for Live {
    fn text(&self) -> String {
        let mut text = if self.said { String::new() } else { text::live(self) };
        if self.compared.is_some() {
            text.push_str(&text::drift(self));
        }
        text.push_str(&text::gaps(&self.seen.gaps));
        text
    }

    fn json(&self) -> Value {
        let mut document = self.report.document();
        let changes = &self.report.changes;
        document["last_release"] = json!(self.seen.release.as_ref().map(Release::document));
        document["drift"] = json!(self.sure(changes.iter().any(|change| change.drift().is_some()), false));
        document["in_sync"] = json!(self.sure(!changes.is_empty(), true));
        if let Some(numbers) = &self.seen.numbers {
            let taken = numbers.taken(&self.seen.cloud, &self.seen.found);
            for (function, of) in
                self.report.functions.iter().zip(document["functions"].as_array_mut().into_iter().flatten())
            {
                let name = &function.function_name;
                let measured = numbers.measured.as_ref().and_then(|measured| measured.functions.get(name));
                of["metrics"] = json!(measured);
                of["cold_starts"] = json!(numbers.cold.as_ref().and_then(|cold| cold.get(name)));
                of["cost"] = json!(taken.as_ref().and_then(|(each, _)| each.get(name)));
            }
            document["window"] = window(&numbers.window);
            document["cost"] = json!(taken.map(|(_, bill)| bill));
            document["alarms"] = json!(numbers.alarms);
            document["queues"] = json!(numbers.queues);
            document["certificates"] = json!(numbers.certificates);
        }
        document["missing"] = json!(self.seen.gaps);
        document
    }

    fn exit(&self) -> Option<Kind> {
        (self.check && !self.report.changes.is_empty()).then_some(Kind::Pending)
    }
}

fn window(window: &Window) -> Value {
    let time = |second: i64| Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default();
    json!({
        "seconds": window.length(), "period_seconds": window.period,
        "since": time(window.since), "until": time(window.until),
    })
}

/// `1 h`, `90 min`, `7 d`: a window as people say it.
pub(super) fn length(window: &Window) -> String {
    let seconds = window.length();
    match seconds {
        _ if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        _ if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        _ if seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => ui::span(seconds),
    }
}
