//! How a stage looks in a terminal: 80 columns are enough, and nothing is said by colour alone.

use console::style;

use super::numbers::{Bill, Numbers};
use super::report::{Live, length};
use crate::commands::report::{FunctionReport, StageReport};
use crate::deploy::{Change, Share};
use crate::observe::{AlarmState, Depth, FunctionMetrics, Gap};
use crate::ui::{self, Table};

/// Days. ACM renews what it can 60 days before; what is left at 45 it warns of itself.
/// <https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html>
const SOON: f64 = 45.0;
/// Columns from which on each function's cost has a place.
const WIDE: usize = 110;
const NOTHING: &str = "–";

/// What is live and how it does.
pub(super) fn live(live: &Live) -> String {
    let StageReport { app, stage, region, account, endpoint, url, functions, .. } = &live.report;
    let place = endpoint.as_ref().map_or_else(|| format!("account {account}"), |endpoint| format!("at {endpoint}"));
    let mut text = format!("{app} {stage}  {region}, {place}\n");
    if let Some(url) = url {
        text.push_str(&format!("{url}\n"));
    }
    if let Some(release) = &live.seen.release {
        let commit = release.commit.as_ref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
        let back = release.rollback_to.map(|to| format!(", back to release {to}")).unwrap_or_default();
        let (ago, at) = (ui::ago(&release.at, live.now), ui::readable_time(&release.at));
        let by = ui::short_arn(&release.by);
        text.push_str(&format!("release {}, {ago} ({at}) by {by}{commit}{back}\n", release.number));
    }
    let sees_functions = live.seen.refused.iter().all(|(kind, _)| *kind != crate::deploy::Kind::Function);
    if functions.is_empty() && sees_functions {
        text.push_str("nothing is deployed\n");
    } else if !functions.is_empty() {
        text.push_str(&format!("\n{}", states(live)));
    }
    if functions.iter().any(|function| function.share.is_some()) {
        text.push_str(&format!("\n{}\n", on_the_way(stage)));
    }
    let warm = live.report.warm_text();
    if !warm.is_empty() {
        text.push_str(&format!("\n{warm}"));
    }
    if let Some(numbers) = &live.seen.numbers {
        text.push_str(&measured(live, numbers));
        text.push_str(&alarms(numbers.alarms.as_deref().unwrap_or_default(), live));
        text.push_str(&queues(numbers.queues.as_deref().unwrap_or_default()));
        text.push_str(&certificates(numbers));
    }
    text
}

fn states(live: &Live) -> String {
    let mut table = Table::new(["function", "state", "version", "runtime", "memory", "last change"]).right(&[2, 4]);
    for function in &live.report.functions {
        table.row([
            function.name.clone(),
            function.state.clone().unwrap_or_else(|| NOTHING.to_owned()),
            versions(function),
            if function.image.is_empty() { function.runtime.clone() } else { "image".to_owned() },
            format!("{} MB", function.memory),
            function.modified.as_deref().map_or_else(|| NOTHING.to_owned(), |at| ui::ago(at, live.now)),
        ]);
    }
    table.text()
}

/// `3`, or `3 (90 %), 4 (10 %)`.
fn versions(function: &FunctionReport) -> String {
    let version = function.version.as_deref().unwrap_or(NOTHING);
    let Some(Share { version: other, percent }) = &function.share else { return version.to_owned() };
    format!("{version} ({} %), {other} ({percent} %)", 100.0 - percent)
}

fn on_the_way(stage: &str) -> String {
    format!(
        "traffic is on its way from one release to the next: a deploy moves it right now, or was killed while it did; \
         then `rzap deploy {stage} --unfinished finish` or `… revert` goes on, and `rzap rollback {stage}` goes back"
    )
}

/// Functions with what was measured of them.
fn measured(live: &Live, numbers: &Numbers) -> String {
    let Some(measured) = &numbers.measured else { return String::new() };
    let of = |function: &FunctionReport| measured.functions.get(&function.function_name);
    let known: Vec<(&FunctionReport, &FunctionMetrics)> =
        live.report.functions.iter().filter_map(|function| Some((function, of(function)?))).collect();
    if known.is_empty() {
        return String::new();
    }
    let taken = numbers.taken(&live.seen.cloud, &live.seen.found);
    let last = format!("last {}", length(&numbers.window));
    let headings = [&last, "calls", "errors", "throttled", "p50", "p95", "p99", "cold", "at once", "cost"];
    let is_wide = ui::columns() >= WIDE;
    let mut table = if is_wide { Table::new(headings) } else { Table::new(headings).without_last() };
    table = table.right(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (function, metrics) in &known {
        let cold = numbers.cold.as_ref().and_then(|cold| cold.get(&function.function_name));
        let cold = cold.map(|cold| format!("{}{}", if cold.at_least { "≥ " } else { "" }, number(cold.count)));
        let cost = taken.as_ref().and_then(|(each, _)| each.get(&function.function_name));
        let durations = &metrics.duration_ms;
        let [p50, p95, p99] =
            [durations.p50, durations.p95, durations.p99].map(|it| it.map_or_else(|| NOTHING.to_owned(), time));
        table.row([
            function.name.clone(),
            number(metrics.invocations),
            errors(metrics),
            number(metrics.throttles),
            p50,
            p95,
            p99,
            cold.unwrap_or_else(|| NOTHING.to_owned()),
            number(metrics.concurrent_executions),
            cost.map_or_else(|| NOTHING.to_owned(), |taken| dollars(taken.usd)),
        ]);
    }
    let mut text = format!("\n{}", table.text());
    let lines: String =
        known.iter().map(|(function, metrics)| drawn(&function.name, metrics, numbers, &known)).collect();
    if !lines.is_empty() {
        text.push_str(&format!("\n{lines}"));
    }
    for (function, metrics) in &known {
        if let Some(age) = metrics.iterator_age_ms {
            text.push_str(&format!("{} is {} behind its stream (iterator age)\n", function.name, time(age)));
        }
    }
    text + &taken.map(|(_, bill)| costs(&bill, &last, live.report.endpoint.is_some())).unwrap_or_default()
}

/// `12 (1.0 %)`
fn errors(metrics: &FunctionMetrics) -> String {
    let errors = number(metrics.errors);
    if metrics.errors == 0 || metrics.invocations == 0 {
        return errors;
    }
    let (failed, all) = (u128::from(metrics.errors), u128::from(metrics.invocations));
    let tenths = (failed * 2000 + all) / (all * 2);
    format!("{errors} ({}.{} %)", tenths / 10, tenths % 10)
}

/// The invocations of a function over time, and its errors where there were some.
fn drawn(
    name: &str,
    metrics: &FunctionMetrics,
    numbers: &Numbers,
    all: &[(&FunctionReport, &FunctionMetrics)],
) -> String {
    if metrics.invocations + metrics.errors == 0 {
        return String::new();
    }
    let widest = all.iter().map(|(function, _)| function.name.len()).max().unwrap_or_default();
    let period = ui::span(numbers.window.period);
    let line = |name: &str, what: &str, values: &[u64]| {
        let most = values.iter().copied().max().unwrap_or_default();
        let start = format!("{name:widest$}  {what:6}  {}", ui::sparkline(values));
        let end = format!("  up to {} in {period}", number(most));
        let fits = console::measure_text_width(&start) + end.len() <= ui::columns();
        if fits { start + &end } else { start }
    };
    let mut text = format!("{}\n", line(name, "calls", &metrics.series.invocations));
    if metrics.errors > 0 {
        text.push_str(&format!("{}\n", style(line("", "errors", &metrics.series.errors)).red()));
    }
    text
}

fn costs(bill: &Bill, last: &str, is_elsewhere: bool) -> String {
    let Bill { all, usd_per_month, prices } = bill;
    let (the, cost) = if is_elsewhere { ("on AWS the", "would cost") } else { ("the", "cost") };
    let what = format!("{the} {last} {cost} {}, a month like it {}", dollars(all.usd), dollars(*usd_per_month));
    let why = format!("  {} requests and {:.1} GB-seconds,\n  {prices}", number(all.requests), all.gb_seconds);
    format!("\n{what}\n{}\n", style(why).dim())
}

/// `$0.0012`, `$15.55`
fn dollars(usd: f64) -> String {
    match usd {
        _ if usd >= 1.0 => format!("${usd:.2}"),
        _ if usd >= 0.000_1 || usd <= 0.0 => format!("${usd:.4}"),
        _ => "< $0.0001".to_owned(),
    }
}

/// Of ms: `12 ms`, `1.2 s`, `2 min`
fn time(ms: f64) -> String {
    match ms {
        _ if ms < 9.95 => format!("{ms:.1} ms"),
        _ if ms < 999.5 => format!("{ms:.0} ms"),
        _ if ms < 99_950.0 => format!("{:.1} s", ms / 1000.0),
        _ => format!("{:.0} min", ms / 60_000.0),
    }
}

fn number(number: u64) -> String {
    ui::count(usize::try_from(number).unwrap_or(usize::MAX))
}

fn alarms(alarms: &[AlarmState], live: &Live) -> String {
    if alarms.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["alarm", "state", "since"]);
    for alarm in alarms {
        let since = alarm.since.as_deref().map_or_else(|| NOTHING.to_owned(), |since| ui::ago(since, live.now));
        table.row([alarm.name.clone(), alarm.state.replace('_', " "), since]);
    }
    let mut text = format!("\n{}", table.text());
    for alarm in alarms.iter().filter(|alarm| alarm.state == "ALARM") {
        let reason = format!("! {}: {}", alarm.name, alarm.reason);
        let reason = console::truncate_str(&reason, ui::columns(), "…").into_owned();
        text.push_str(&format!("{}\n", style(reason).red().bold()));
    }
    text
}

fn queues(queues: &[Depth]) -> String {
    if queues.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["queue", "messages", "in flight", "delayed", "oldest"]).right(&[1, 2, 3, 4]);
    for queue in queues {
        let oldest = queue.oldest_seconds.map_or_else(|| NOTHING.to_owned(), |seconds| time(seconds * 1000.0));
        let [visible, in_flight, delayed] = [queue.visible, queue.in_flight, queue.delayed].map(number);
        table.row([queue.name.clone(), visible, in_flight, delayed, oldest]);
    }
    let mut text = format!("\n{}", table.text());
    for queue in queues.iter().filter(|queue| queue.dead_letters && queue.visible + queue.in_flight > 0) {
        let count = queue.visible + queue.in_flight;
        let letters = if count == 1 { "dead letter waits" } else { "dead letters wait" };
        let line = format!("! {} {letters} in {}", number(count), queue.name);
        text.push_str(&format!("{}\n", style(line).red().bold()));
    }
    text
}

fn certificates(numbers: &Numbers) -> String {
    let all = numbers.certificates.iter().flatten();
    let soon = all.filter_map(|one| Some((one, one.days_left.filter(|days| *days <= SOON)?)));
    let lines: String = soon
        .map(|(one, days)| {
            let when = if days < 1.0 { "less than a day".to_owned() } else { format!("{days:.0} days") };
            format!("{}\n", style(format!("! the certificate of {} expires in {when}", one.domain)).yellow())
        })
        .collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// What differs from rzap.yaml, or that nothing does.
pub(super) fn drift(live: &Live) -> String {
    let StageReport { stage, changes, kept, .. } = &live.report;
    let mut text = String::new();
    if changes.is_empty() {
        let seen = if live.compared == Some(true) { "" } else { ", as far as it may be seen" };
        text.push_str(&format!("\nas rzap.yaml says{seen}\n"));
    }
    let words = ["missing", "different", "to be replaced", "too many"];
    let drift: Vec<Change> = changes.iter().filter_map(Change::drift).collect();
    let pending: Vec<Change> = changes.iter().filter_map(Change::pending).collect();
    if let Some(release) = live.seen.release.as_ref().filter(|_| !drift.is_empty()) {
        let (what, lines) = (ui::summary(&drift, words), ui::plan_text(&drift));
        text.push_str(&format!(
            "\nchanged by hand since release {}: {what} (`rzap deploy {stage}` puts it back)\n{lines}",
            release.number
        ));
    }
    if !pending.is_empty() {
        let (what, lines) = (ui::summary(&pending, words), ui::plan_text(&pending));
        text.push_str(&format!("\ndiffers from rzap.yaml: {what}\n{lines}"));
    }
    if !kept.is_empty() {
        text.push_str(&format!("\nnot in rzap.yaml any more\n{}", ui::plan_text(kept)));
    }
    text
}

/// What is not there, and which permission would show it.
pub(super) fn gaps(gaps: &[Gap]) -> String {
    if gaps.is_empty() {
        return String::new();
    }
    let lines: String = gaps.iter().map(|gap| format!("  {}\n", gap.text())).collect();
    format!("\n{}\n{lines}", style("not shown:").yellow())
}
