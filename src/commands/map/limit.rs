//! How many calls may run at once: what was asked for, or as many as the other side takes.
//!
//! Refusals cut it, answers let it grow again, as TCP does. Where the functions share this machine's processors it
//! begins small and grows while that is of use. Pure: time is given to it.

use std::time::Duration;

use tokio::time::Instant;

/// What is left after a refusal.
const CUT: f64 = 0.7;
/// By how much it grows while that is of use.
const MORE: f64 = 1.5;
/// So much faster it must have become for that.
const WORTH_IT: f64 = 1.1;
/// What is measured over a shorter time says nothing.
const LEAST: Duration = Duration::from_millis(250);
/// Rounds after which more is tried again.
const AGAIN: u32 = 20;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Limit {
    most: usize,
    now: f64,
    running: usize,
    /// Counts cuts: a call from before the last one says nothing about what is allowed since.
    era: u32,
    trial: Option<Trial>,
}

/// More at once is being tried.
#[derive(Debug)]
struct Trial {
    since: Instant,
    answers: usize,
    /// The most answers a second so far.
    rate: f64,
    /// How many there were before it grew, until it is known whether that was of use.
    before: Option<f64>,
    /// Rounds since then.
    idle: u32,
}

impl Limit {
    /// At most `most`; `first` to begin with.
    pub(super) fn new(most: usize, first: usize, now: Instant) -> Self {
        let first = precise(first.clamp(1, most));
        let trial = Trial { since: now, answers: 0, rate: 0.0, before: Some(first), idle: 0 };
        Self { most, now: first, running: 0, era: 0, trial: Some(trial).filter(|_| first < precise(most)) }
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn has_room(&self) -> bool {
        precise(self.running) < self.now.floor()
    }

    /// A call starts; what is returned goes into [`Self::refused`].
    pub(super) fn start(&mut self) -> u32 {
        self.running += 1;
        self.era
    }

    /// A call was carried out, well or not.
    pub(super) fn answered(&mut self, at: Instant) {
        self.running = self.running.saturating_sub(1);
        let Some(trial) = &mut self.trial else {
            // About a hundredth of it for each round of calls.
            let step = (precise(self.most) / 100.0).max(1.0);
            self.now = (self.now + step / self.now).min(precise(self.most));
            return;
        };
        trial.answers += 1;
        let took = at.duration_since(trial.since);
        if precise(trial.answers) < self.now || took < LEAST {
            return;
        }
        let rate = precise(trial.answers) / took.as_secs_f64();
        let faster = rate > trial.rate * WORTH_IT;
        *trial =
            Trial { since: at, answers: 0, rate: trial.rate.max(rate), before: trial.before, idle: trial.idle + 1 };
        match trial.before.take() {
            Some(before) if !faster => {
                self.now = before;
                trial.idle = 0;
            }
            None if trial.idle < AGAIN => {}
            _ => {
                trial.before = Some(self.now);
                self.now = (self.now * MORE).min(precise(self.most));
            }
        }
    }

    /// A call was refused because there are too many, or the other side was not to be reached.
    pub(super) fn refused(&mut self, era: u32) {
        self.trial = None;
        if era == self.era {
            self.now = (precise(self.running) * CUT).clamp(1.0, precise(self.most));
            self.era += 1;
        }
        self.running = self.running.saturating_sub(1);
    }
}

#[expect(clippy::cast_precision_loss, reason = "no number here has more than 52 bits")]
fn precise(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_burst_of_refusals_is_one_cut_and_answers_let_it_grow_again() {
        let start = Instant::now();
        let mut limit = Limit::new(100, 100, start);
        let eras: Vec<u32> = (0..100).map(|_| limit.start()).collect();
        assert!(!limit.has_room());
        for era in &eras[..40] {
            limit.refused(*era);
        }
        assert_eq!(limit.running(), 60);
        assert!(limit.has_room(), "70 are allowed");
        for _ in 0..10 {
            limit.start();
        }
        assert!(!limit.has_room());
        // One for each round.
        for _ in 0..71 {
            limit.answered(start);
            limit.start();
        }
        assert!(limit.has_room());
        for _ in 0..10_000 {
            limit.answered(start);
            limit.start();
        }
        assert!(limit.now <= 100.0 && limit.now > 99.0, "{limit:?}");
    }

    #[tokio::test]
    async fn it_never_falls_to_nothing() {
        let mut limit = Limit::new(10, 10, Instant::now());
        for _ in 0..100 {
            let era = limit.start();
            limit.refused(era);
        }
        assert!(limit.has_room());
    }

    #[tokio::test]
    async fn it_grows_while_that_is_of_use_and_no_longer() {
        /// Answers a second with so many at once, on a machine that does 100 a second at most.
        fn settled(each_ms: u64, most_a_second: u64) -> f64 {
            let mut clock = Instant::now();
            let mut limit = Limit::new(500, 4, clock);
            for _ in 0..2_000 {
                while limit.has_room() {
                    limit.start();
                }
                let running = limit.running() as u64;
                // So many are answered together, and take as long as the machine needs for them.
                clock = at(clock, each_ms.max(running * 1000 / most_a_second));
                for _ in 0..running {
                    limit.answered(clock);
                }
                if limit.now >= 500.0 {
                    break;
                }
            }
            limit.now
        }
        assert!(settled(100, 1_000_000) >= 500.0, "they only wait: all at once");
        assert!(settled(10, 100) < 10.0, "the machine has no more");
    }
}
