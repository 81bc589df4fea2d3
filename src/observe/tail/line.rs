//! Whether the cloud answers: who follows a log for days meets networks that go and credentials that expire.
//!
//! While it does not, one call at a time looks whether it does again. It is said once that it is gone, and
//! once that it is back.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Notice;
use crate::error::Error;

/// Between two looks: the first time, and at most.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(15);
/// A single call may fail without anybody having to know.
const SILENT_FAILURES: u32 = 1;
/// Of a clock that jumped, ms.
const SLEPT: i64 = 60_000;

/// The state of the connection.
#[derive(Debug)]
pub(super) struct Line {
    down: Option<Down>,
    /// Both clocks at the last look: only one of them goes on while the machine sleeps.
    clocks: (i64, Instant),
}

#[derive(Debug)]
struct Down {
    since: Instant,
    failures: u32,
    retry: Instant,
    pause: Duration,
    expired: bool,
    said: bool,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { down: None, clocks: (Timestamp::now().as_millisecond(), Instant::now()) }
    }

    /// When the next call may be made, if not now.
    pub(super) fn retry(&self) -> Option<Instant> {
        self.down.as_ref().map(|down| down.retry)
    }

    /// For how long nothing has answered.
    pub(super) fn down_for(&self) -> Option<Duration> {
        self.down.as_ref().map(|down| down.since.elapsed())
    }

    /// Whether it is for new credentials that we wait.
    pub(super) fn needs_credentials(&self) -> bool {
        self.down.as_ref().is_some_and(|down| down.expired)
    }

    /// A call failed. What is to be said of it.
    pub(super) fn failed(&mut self, error: &Error, expired: bool) -> Option<Notice> {
        let now = Instant::now();
        let down =
            self.down.get_or_insert(Down { since: now, failures: 0, retry: now, pause: FIRST, expired, said: false });
        // Calls that were under way together fail together.
        if now < down.retry {
            return None;
        }
        down.failures += 1;
        down.expired = expired;
        down.retry = now + down.pause;
        down.pause = (down.pause * 2).min(LONGEST);
        if down.said || (down.failures <= SILENT_FAILURES && !expired) {
            return None;
        }
        down.said = true;
        let mut notice = Notice::warning(if expired {
            format!("the credentials have expired ({}); trying again until there are new ones", cause(error))
        } else {
            format!("connection lost ({}); trying again", cause(error))
        });
        if expired {
            notice.hint = error.hints.first().cloned();
        }
        Some(notice)
    }

    /// A call was answered. Whether it was down before, and what is to be said of it.
    pub(super) fn answered(&mut self) -> (bool, Option<Notice>) {
        let Some(down) = self.down.take() else { return (false, None) };
        let gone = seconds(down.since.elapsed());
        let what = if down.expired { "there are new credentials" } else { "the connection is back" };
        let notice = down.said.then(|| Notice::word(format!("{what} after {gone}: reading what came meanwhile")));
        (true, notice)
    }

    /// Whether the machine slept since the last look.
    pub(super) fn slept(&mut self) -> Option<Notice> {
        let (wall, steady) = (Timestamp::now().as_millisecond(), Instant::now());
        let (old_wall, old_steady) = std::mem::replace(&mut self.clocks, (wall, steady));
        let passed = i64::try_from((steady - old_steady).as_millis()).unwrap_or(i64::MAX);
        let slept = (wall - old_wall).saturating_sub(passed);
        let slept = u64::try_from(slept).ok().filter(|_| slept > SLEPT)?;
        let slept = seconds(Duration::from_millis(slept));
        Some(Notice::word(format!("this machine slept for {slept}: reading what came meanwhile")))
    }
}

/// The innermost cause says most in a line.
fn cause(error: &Error) -> &str {
    error.causes.last().unwrap_or(&error.message)
}

/// `12 s`, `5 min`, `3 h 20 min`
fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_said_once_and_so_is_the_return() {
        let mut line = Line::new();
        let error = Error::failed("failed to read").because(&std::io::Error::other("refused"));
        let mut said = Vec::new();
        for _ in 0..50 {
            said.extend(line.failed(&error, false));
            tokio::time::sleep_until(line.retry().expect("it is down")).await;
        }
        assert_eq!(
            said.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(),
            ["connection lost (refused); trying again"]
        );
        let (was_down, notice) = line.answered();
        assert!(was_down && notice.is_some_and(|it| it.text.starts_with("the connection is back after ")));
        assert!(line.answered().1.is_none() && line.retry().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_failure_is_nobodys_concern() {
        let mut line = Line::new();
        assert!(line.failed(&Error::failed("x"), false).is_none());
        assert!(line.failed(&Error::failed("x"), false).is_none(), "one that was under way at the same time");
        assert!(matches!(line.answered(), (true, None)));
    }

    #[tokio::test(start_paused = true)]
    async fn expired_credentials_are_said_at_once() {
        let mut line = Line::new();
        let error = Error::access("failed to read").hint("run `aws sso login`");
        let notice = line.failed(&error, true).expect("a notice");
        assert_eq!(notice.hint.as_deref(), Some("run `aws sso login`"));
        assert!(line.needs_credentials());
    }

    #[test]
    fn times_are_short() {
        let text = |seconds_| seconds(Duration::from_secs(seconds_));
        assert_eq!([5, 300, 12_000].map(text), ["5 s", "5 min", "3 h 20 min"]);
    }
}
