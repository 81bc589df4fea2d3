//! How many things of many are done: a line that changes on a terminal, a line now and then elsewhere.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Ui;
use super::table::count;
use super::traffic::clock;

/// The rate is that of the last seconds.
const WINDOW: Duration = Duration::from_secs(5);
/// How often a line is said where nothing is drawn.
const LINE: Duration = Duration::from_secs(10);
/// Characters of the bar, where there is room for it.
const BAR: u64 = 20;

/// How far it has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    /// Where it is known.
    pub(crate) total: Option<u64>,
    pub(crate) running: usize,
    /// Calls that were refused.
    pub(crate) throttled: u64,
    /// Nothing new is started any more.
    pub(crate) stopping: bool,
}

/// See the head of this file. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    ui: Ui,
    bar: Option<ProgressBar>,
    said: Instant,
    samples: VecDeque<(Instant, u64)>,
}

impl Meter {
    pub(super) fn new(ui: Ui) -> Self {
        let bar = (ui.live && !ui.quiet).then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}");
            bar.set_style(
                style.unwrap_or_else(|_| ProgressStyle::default_spinner()).tick_strings(super::progress::TICKS),
            );
            bar
        });
        Self { ui, bar, said: Instant::now(), samples: VecDeque::new() }
    }

    /// Called often; shows what is worth showing.
    pub(crate) fn show(&mut self, count: &Count) {
        let now = Instant::now();
        self.samples.push_back((now, count.done));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.samples.pop_front();
        }
        if let Some(bar) = &self.bar {
            let wide = console::Term::stderr().size().1 >= 100;
            bar.set_message(line(count, self.rate(), wide));
            bar.tick();
        } else if now - self.said >= LINE {
            self.said = now;
            self.ui.say(&format!("… {}", line(count, self.rate(), false)));
        }
    }

    /// A second.
    fn rate(&self) -> f64 {
        let (Some((from, before)), Some((to, after))) = (self.samples.front(), self.samples.back()) else { return 0.0 };
        let seconds = (*to - *from).as_secs_f64();
        if seconds < 0.05 { 0.0 } else { small(after.saturating_sub(*before)) / seconds }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `12,345 of 100,000  4,812/s  0:18 min left  3 failed  500 at once`
fn line(at: &Count, rate: f64, wide: bool) -> String {
    let number = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX));
    let mut parts = Vec::new();
    if let Some(total) = at.total.filter(|_| wide) {
        let full = at.done.saturating_mul(BAR).checked_div(total).unwrap_or(BAR).min(BAR);
        let times = |text: &str, times: u64| text.repeat(usize::try_from(times).unwrap_or(0));
        parts.push(format!("{}{}", times("█", full), times("░", BAR - full)));
    }
    parts.push(match at.total {
        Some(total) => format!("{} of {}", number(at.done), number(total)),
        None => format!("{} done", number(at.done)),
    });
    parts.push(self::rate(rate));
    match at.total {
        _ if at.stopping => parts.push("stopping".to_owned()),
        Some(total) if rate > 0.0 && total > at.done => {
            let left = Duration::try_from_secs_f64(small(total - at.done) / rate).unwrap_or(Duration::MAX);
            parts.push(format!("{} left", clock(left.min(Duration::from_hours(9_999)))));
        }
        _ => {}
    }
    if at.failed > 0 {
        parts.push(format!("{} failed", number(at.failed)));
    }
    parts.push(format!("{} at once", number(at.running as u64)));
    if at.throttled > 0 {
        parts.push(format!("{} throttled", number(at.throttled)));
    }
    parts.join("  ")
}

/// `4,812/s`, `3.2/s`
pub(crate) fn rate(rate: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and never below 0")]
    let whole = rate.round() as usize;
    if rate < 10.0 { format!("{rate:.1}/s") } else { format!("{}/s", count(whole)) }
}

#[expect(clippy::cast_precision_loss, reason = "no count here has more than 52 bits")]
fn small(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_fits() {
        let at = Count { done: 12_345, failed: 3, total: Some(100_000), running: 500, throttled: 0, stopping: false };
        let short = "12,345 of 100,000  4,812/s  19 s left  3 failed  500 at once";
        assert_eq!(line(&at, 4812.3, false), short);
        assert_eq!(line(&at, 4812.3, true), format!("██░░░░░░░░░░░░░░░░░░  {short}"));
        let open = Count { total: None, failed: 0, throttled: 7, ..at };
        assert_eq!(line(&open, 3.21, true), "12,345 done  3.2/s  500 at once  7 throttled");
        assert_eq!(line(&Count { total: Some(0), ..Count::default() }, 0.0, false), "0 of 0  0.0/s  0 at once");
    }
}
