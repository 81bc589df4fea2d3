//! What an entry says, as lines of styled pieces; where they go on the page is the layout's.

use std::borrow::Cow;

use super::ink::{Line, Style};
use crate::observe::story::{Access, Entry, Level, Outcome, Reading, Record, Summary, has_trace, is_foreign};

/// The lines of an entry; none for what the summary tells.
pub(super) fn lines(entry: &Entry) -> Vec<Line<'_>> {
    match &entry.reading {
        Reading::Text { .. } => {
            let body = entry.body().trim_end();
            if has_trace(body) { trace(body) } else { split(body).map(plain).collect() }
        }
        Reading::Record(record) => of_record(record),
        Reading::Access(access) => vec![of_access(access)],
        Reading::Summary(summary) => {
            let style = if summary.failed() { Style::Error } else { Style::Dim };
            vec![vec![(style, Cow::Owned(of_summary(summary)))]]
        }
        Reading::Frame { .. } => Vec::new(),
        Reading::Note(text) => vec![vec![(Style::Dim, Cow::Owned(format!("({text})")))]],
    }
}

/// A runtime keeps an event of several lines together by ending them with CR.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let end = if text[at..].starts_with("\r\n") { at + 2 } else { at + 1 };
        rest = Some(&text[end..]);
        Some(&text[..at])
    })
}

fn plain(line: &str) -> Line<'_> {
    vec![(Style::Plain, Cow::Borrowed(line))]
}

/// A traceback: what is not the app's own is dim.
fn trace(text: &str) -> Vec<Line<'_>> {
    let mut foreign: Option<usize> = None;
    let styled = split(text).map(|line| {
        let indent = line.len() - line.trim_start().len();
        // Python shows the statement below its frame, deeper.
        let below = foreign.is_some_and(|frame| indent > frame);
        if !below {
            foreign = is_foreign(line).then_some(indent);
        }
        vec![(if foreign.is_some() { Style::Dim } else { Style::Plain }, Cow::Borrowed(line))]
    });
    styled.collect()
}

fn of_record(record: &Record) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = split(record.message.trim_end()).map(plain).collect();
    if let Some(line) = lines.last_mut() {
        // One that says nothing gives its place to the fields.
        line.retain(|(_, text)| !text.is_empty());
        fields(&record.fields, line);
    }
    if let Some(text) = &record.trace {
        lines.extend(trace(text));
    }
    lines
}

fn fields<'a>(fields: &'a [(String, String)], line: &mut Line<'a>) {
    for (at, (name, value)) in fields.iter().enumerate() {
        let gap = if line.is_empty() {
            ""
        } else if at == 0 {
            "  "
        } else {
            " "
        };
        line.push((Style::Dim, Cow::Owned(format!("{gap}{name}={value}"))));
    }
}

/// `GET /orders/7 502  12 ms  ip=192.0.2.1`
fn of_access(access: &Access) -> Line<'_> {
    let style = match access.level() {
        Some(Level::Error) => Style::Error,
        Some(Level::Warn) => Style::Warn,
        _ => Style::Plain,
    };
    let asked = format!("{} {} ", access.method, access.path);
    let status = access.status.map_or_else(|| "–".to_owned(), |status| status.to_string());
    let mut line = vec![(Style::Plain, Cow::Owned(asked)), (style, Cow::Owned(status))];
    if let Some(latency) = &access.latency {
        line.push((Style::Plain, Cow::Owned(format!("  {latency} ms"))));
    }
    fields(&access.fields, &mut line);
    line
}

/// `└ 12 ms, billed 13 ms, 40 of 128 MB, cold start 230 ms`
fn of_summary(summary: &Summary) -> String {
    let took = ms(summary.duration);
    let what = if summary.init { "the start " } else { "" };
    let mut parts = vec![match &summary.outcome {
        Outcome::Done => format!("{what}{took}"),
        Outcome::Failed(Some(kind)) => format!("{what}failed after {took}: {kind}"),
        Outcome::Failed(None) => format!("{what}failed after {took}"),
        Outcome::TimedOut => format!("{what}timed out after {took}"),
        Outcome::OutOfMemory => format!("{what}ran out of memory after {took}"),
        Outcome::Exited => format!("{what}ended after {took}: the process exited"),
    }];
    parts.extend(summary.billed.map(|time| format!("billed {}", ms(time))));
    parts.extend(summary.used.zip(summary.memory).map(|(used, memory)| format!("{used} of {memory} MB")));
    parts.extend(summary.init_duration.map(|time| format!("cold start {}", ms(time))));
    parts.extend(summary.restore_duration.map(|time| format!("restored in {}", ms(time))));
    parts.extend(summary.xray.as_ref().map(|trace| format!("trace {trace}")));
    format!("└ {}", parts.join(", "))
}

/// `0.8 ms`, `12 ms`, `3.0 s`, `2 min 5 s`
fn ms(time: f64) -> String {
    match time {
        ..9.95 if time.fract() > 0.0 => format!("{time:.1} ms"),
        ..999.5 => format!("{time:.0} ms"),
        _ => crate::ui::duration(std::time::Duration::from_secs_f64(time / 1000.0)),
    }
}
