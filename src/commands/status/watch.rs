//! `rzap status --watch`: the same over and over. On a terminal it is drawn in place, elsewhere one below the other.
//!
//! Whoever watches for days meets a network that is gone, expired credentials and a computer that sleeps: the last
//! that was seen stays, with its age and what is wrong.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::look::{Seen, look};
use super::report::Live;
use super::window_now;
use crate::commands::context::Context;
use crate::config::StageConfig;
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::{self, Nothing, Report, Screen};

/// How often the age of what is shown is drawn.
const TICK: Duration = Duration::from_secs(1);

/// Until somebody asks for the end. The first look has to succeed.
pub(super) async fn watch(
    context: &Context,
    stage: &StageConfig,
    length: i64,
    every: Duration,
) -> Result<Box<dyn Report>> {
    let cloud = context.cloud(stage).await?;
    let _careful = context.interrupt.carefully();
    let mut asked = std::pin::pin!(context.interrupt.asked());
    let mut resized = signal(SignalKind::window_change()).or_failed(|| "listen for the terminal's size")?;
    let again = || look(cloud.clone(), stage, Some(window_now(length)));
    let mut shown = tokio::select! {
        seen = again() => Shown::new(Live::new(stage, seen?), every),
        () = &mut asked => return Ok(Box::new(Nothing)),
    };
    let screen = if context.ui.is_json() { None } else { Screen::open() };
    loop {
        shown.write(context, screen.as_ref());
        let next = Instant::now() + every;
        let outcome: Result<Seen> = {
            let mut looking = std::pin::pin!(async {
                sleep_until(next).await;
                again().await
            });
            loop {
                tokio::select! {
                    seen = &mut looking => break seen,
                    () = &mut asked => return Ok(Box::new(Nothing)),
                    _ = resized.recv() => shown.draw(screen.as_ref()),
                    () = tokio::time::sleep(TICK) => shown.draw(screen.as_ref()),
                }
            }
        };
        match outcome {
            Ok(seen) => shown = Shown::new(Live::new(stage, seen), every),
            Err(error) => shown.fail(error),
        }
    }
}

/// What is on the screen.
struct Shown {
    live: Live,
    every: Duration,
    trouble: Option<Error>,
}

impl Shown {
    fn new(live: Live, every: Duration) -> Self {
        Self { live, every, trouble: None }
    }

    fn fail(&mut self, error: Error) {
        self.trouble = Some(error);
    }

    /// A new look, or that there was none.
    fn write(&self, context: &Context, screen: Option<&Screen>) {
        match (screen, &self.trouble) {
            (Some(_), _) => self.draw(screen),
            (None, Some(error)) => context.ui.warn(&format!("{error}; trying again")),
            (None, None) if context.ui.is_json() => context.ui.json_line(&self.live.json()),
            (None, None) => {
                let at = self.live.now.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
                context.ui.data(format!("{at}\n{}\n", self.live.text()).as_bytes());
            }
        }
    }

    fn draw(&self, screen: Option<&Screen>) {
        let Some(screen) = screen else { return };
        let age = Timestamp::now().as_second() - self.live.now.as_second();
        let clock = self.live.now.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
        let mut head = format!("as of {clock} ({} ago), every {} s, Ctrl-C ends", ui::span(age), self.every.as_secs());
        if let Some(error) = &self.trouble {
            head.push_str(&format!("\n! {error}; trying again"));
        }
        screen.draw(&format!("{head}\n\n{}", self.live.text()));
    }
}
