//! What of a stage can be watched: the names of its functions, queues and alarms. Names are computed, so they are known
//! before anything was looked at, and everything can be asked for at once.

use std::collections::{BTreeMap, BTreeSet};

use super::alarms::of_stage;
use super::blueprint::Blueprint;
use super::kinds::Any;
use crate::config::StageConfig;

/// Names are those on AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// With the names in the config.
    pub(crate) functions: BTreeMap<String, String>,
    /// Functions that read streams.
    pub(crate) readers: BTreeSet<String>,
    /// Functions with provisioned concurrency, and how many processes.
    pub(crate) provisioned: BTreeMap<String, i32>,
    pub(crate) queues: BTreeSet<SeenQueue>,
    pub(crate) alarms: BTreeSet<String>,
    /// It answers by way of an API, which may have a domain.
    pub(crate) has_api: bool,
}

/// A queue of the stage, or one that wakes a function of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeenQueue {
    pub(crate) name: String,
    /// Twelve digits.
    pub(crate) account: String,
    pub(crate) dead_letters: bool,
}

/// Of a blueprint.
pub(crate) fn outline(blueprint: &Blueprint, stage: &StageConfig, account: &str) -> Outline {
    let mut outline = Outline { alarms: of_stage(stage).into_iter().collect(), ..Outline::default() };
    let (mut queues, mut graves) = (BTreeSet::new(), BTreeSet::new());
    for any in &blueprint.resources {
        match any {
            Any::Function(it) => drop(outline.functions.insert(it.name.clone(), it.short_name.clone())),
            Any::Provisioned(it) => drop(outline.provisioned.insert(it.function.clone(), it.executions)),
            Any::Alarm(it) => drop(outline.alarms.insert(it.name.clone())),
            Any::Api(_) | Any::HttpApi(_) => outline.has_api = true,
            Any::Queue(it) => {
                queues.insert((it.name.clone(), account.to_owned()));
                let letters = it.dead_letters.as_ref().and_then(|letters| letters.queue.rsplit(':').next());
                graves.extend(letters.map(str::to_owned));
            }
            Any::EventSource(it) => match queue(&it.source) {
                Some(queue) => drop(queues.insert(queue)),
                None => drop(outline.readers.insert(it.function.clone())),
            },
            _ => {}
        }
    }
    let seen = |(name, account): (String, String)| SeenQueue { dead_letters: graves.contains(&name), name, account };
    outline.queues = queues.into_iter().map(seen).collect();
    outline
}

/// Name and account of `arn:aws:sqs:eu-west-1:123456789012:jobs`; `None` for what is no queue.
fn queue(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.split(':').skip(2);
    let (service, account, name) = (parts.next()?, parts.nth(1)?, parts.next()?);
    (service == "sqs").then(|| (name.to_owned(), account.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_told_from_a_stream() {
        let found = queue("arn:aws:sqs:eu-west-1:123456789012:jobs");
        assert_eq!(found, Some(("jobs".to_owned(), "123456789012".to_owned())));
        assert_eq!(queue("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"), None);
        assert_eq!(queue("jobs"), None);
    }
}
