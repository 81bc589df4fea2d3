//! What a tail does with its live sessions: when they are opened, and what is read beside them.

use tokio::time::Instant;

use super::live::{self, Heard, Refusal};
use super::{Notice, Tail, again, pace};
use crate::error::Result;

impl Tail {
    /// Opens sessions once all groups have been read to the end: what comes live is the newest.
    pub(super) fn tend_live(&mut self) -> Option<Instant> {
        let live = self.live.as_mut()?;
        if self.line.retry().is_some() || self.groups.iter().any(|group| group.rounds == 0) {
            return None;
        }
        let present = self.groups.iter().enumerate().filter(|(_, group)| group.present);
        let present: Vec<(usize, String)> = present.map(|(at, group)| (at, group.name.clone())).collect();
        Some(live.tend(&self.cloud, &present))
    }

    pub(super) fn heard(&mut self, heard: Heard) -> Result<()> {
        match heard {
            Heard::Began(groups) => {
                for at in groups {
                    self.groups[at].hurry();
                }
            }
            Heard::Update { groups, events, sampled } => {
                self.beat = Instant::now() + pace::AFTER_UPDATE;
                let due = self.beat;
                let mut events = events.into_iter().peekable();
                while let Some((_, group, ..)) = events.peek() {
                    let name = live::name_of(group).to_owned();
                    let its = std::iter::from_fn(|| events.next_if(|(_, group, ..)| live::name_of(group) == name));
                    let its = its.map(|(timestamp, _, stream, message)| (timestamp, stream, message));
                    match self.groups.iter().position(|group| group.name == name) {
                        Some(at) => self.groups[at].live(its),
                        None => its.for_each(drop),
                    }
                }
                self.updates += 1;
                let is_left_out = self.updates.is_multiple_of(pace::LEFT_OUT);
                let is_busy = |at: &usize| !is_left_out && self.groups[*at].quiet() < pace::BUSY;
                let mut busy: Vec<usize> = groups.iter().copied().filter(is_busy).collect();
                if sampled {
                    for at in &groups {
                        self.groups[*at].look_back();
                    }
                    busy = groups;
                    if again(&mut self.sampled) {
                        let text =
                            "more than 500 events a second: AWS sends a sample of them live, the others are read";
                        self.notices.push_back(Notice::word(text));
                    }
                }
                for at in busy {
                    let group = &mut self.groups[at];
                    // Not all clouds keep to one update a second.
                    let due = group.asked.map_or(due, |asked| due.max(asked + pace::NOT_BEFORE));
                    group.due = group.due.min(due);
                }
            }
            Heard::Ended(groups, why) => {
                for at in groups {
                    self.groups[at].hurry();
                }
                if let Some(Refusal { error, denied, unknown }) = why {
                    if denied {
                        return Err(error);
                    }
                    let error_text = error.causes.last().unwrap_or(&error.message).clone();
                    if unknown {
                        self.live = None;
                        let text = format!("no live sessions here ({error_text}): reading every second instead");
                        self.notices.push_back(Notice::warning(text));
                    } else if again(&mut self.not_live) {
                        let text = format!("the live session ended ({error_text}): reading until there is a new one");
                        self.notices.push_back(Notice::warning(text));
                    }
                }
            }
        }
        Ok(())
    }
}
