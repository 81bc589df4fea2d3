//! `CloudWatch` Logs: groups, streams and events (JSON 1.1, `x-amz-target: Logs_20140328.X`).
//!
//! Groups and streams are an index in a [`Store`]; events are one [`journal`] file per stream, named
//! by the stream's number so that no name from outside reaches the file system. Events are readable as
//! soon as the write is answered, and then sent to who has subscribed or listens live. Refused: Insights
//! queries, exports, KMS keys, and every other operation that is not listed in [`Logs::dispatch`].

mod events;
mod filter;
mod groups;
mod input;
mod journal;
mod live;
mod metric_filters;
mod pattern;
mod streams;
mod subscriptions;
mod tags;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::input::Input;
use self::journal::Journal;
use self::live::Live;
pub(crate) use self::metric_filters::Counted;
use self::metric_filters::MetricFilter;
use self::subscriptions::{Outbox, Subscription};
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::{ACCOUNT, Local};
use crate::error::{OrFailed as _, Result};

/// All groups by region and name, and the number the next stream gets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Index {
    next_stream: u64,
    regions: BTreeMap<String, BTreeMap<String, Group>>,
}

/// A log group; times in ms since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Group {
    created: i64,
    class: String,
    #[serde(default)]
    retention_days: Option<i64>,
    #[serde(default)]
    protected: bool,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    streams: BTreeMap<String, Stream>,
    /// By their names.
    #[serde(default)]
    subscriptions: BTreeMap<String, Subscription>,
    #[serde(default)]
    metric_filters: BTreeMap<String, MetricFilter>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stream {
    /// Unique over all groups and for ever; names the journal file.
    number: u64,
    created: i64,
}

type SharedJournal = Arc<RwLock<Journal>>;

/// The service.
#[derive(Debug)]
pub(crate) struct Logs {
    dir: PathBuf,
    index: Store<Index>,
    journals: Mutex<HashMap<u64, SharedJournal>>,
    outbox: Outbox,
    live: Live,
    /// By metric filters, until it is fetched.
    counted: Mutex<Vec<Counted>>,
}

impl Logs {
    /// Opens `{home}/logs`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("logs");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        let index = Store::open(&dir, "groups")?;
        let (journals, outbox, live) = (Mutex::default(), Outbox::default(), Live::default());
        Ok(Self { dir, index, journals, outbox, live, counted: Mutex::default() })
    }

    /// Starts sending what is written to those who have subscribed.
    pub(crate) fn start(&self, local: &Arc<Local>) {
        self.outbox.start(local);
    }

    /// Answers one API call.
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        // A page may read many files: that must not hold up the other connections.
        let local = Arc::clone(local);
        tokio::task::spawn_blocking(move || local.logs.dispatch(&local, &request)).await.map_err(|error| {
            Fault::new(500, "ServiceUnavailableException", format!("the request was not finished: {error}"))
        })?
    }

    /// Appends events (ms since the epoch, message) as Lambda does: group and stream are created when
    /// they are missing, and what `PutLogEvents` refuses for its age is taken.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have made for this")]
    pub(crate) fn write(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        events: Vec<(i64, String)>,
    ) -> Result<(), Fault> {
        if !self.index.read(|index| index.regions.get(region).is_some_and(|groups| groups.contains_key(group))) {
            self.create_missing_group(region, group)?;
        }
        let number = self.stream_number(region, group, stream, true)?;
        self.append((region, group, stream), number, &events)?;
        self.count(region, group, &events);
        Ok(())
    }

    fn dispatch(&self, local: &Local, request: &Request) -> Result<Reply, Fault> {
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix("Logs_20140328.").unwrap_or(target);
        let input = Input::new(request.json()?, &request.region);
        let output = match operation {
            // Large, or without an end: these two write their answers themselves.
            "FilterLogEvents" => return self.filter_events(&input),
            "StartLiveTail" => return self.start_live_tail(&input),
            "CreateLogGroup" => self.create_group(&input),
            "DeleteLogGroup" => self.delete_group(&input),
            "DescribeLogGroups" => self.describe_groups(&input),
            "PutRetentionPolicy" => self.put_retention(&input),
            "DeleteRetentionPolicy" => self.delete_retention(&input),
            "PutLogGroupDeletionProtection" => self.put_deletion_protection(&input),
            "TagResource" => self.tag_resource(&input),
            "UntagResource" => self.untag_resource(&input),
            "ListTagsForResource" => self.list_tags_for_resource(&input),
            "TagLogGroup" => self.tag_group(&input),
            "UntagLogGroup" => self.untag_group(&input),
            "ListTagsLogGroup" => self.list_tags_of_group(&input),
            "CreateLogStream" => self.create_stream(&input),
            "DeleteLogStream" => self.delete_stream(&input),
            "DescribeLogStreams" => self.describe_streams(&input),
            "PutLogEvents" => self.put_events(&input),
            "GetLogEvents" => self.get_events(&input),
            "PutSubscriptionFilter" => self.put_subscription(local, &input),
            "DeleteSubscriptionFilter" => self.delete_subscription(&input),
            "DescribeSubscriptionFilters" => self.describe_subscriptions(&input),
            "PutMetricFilter" => self.put_metric_filter(&input),
            "DescribeMetricFilters" => self.describe_metric_filters(&input),
            "DeleteMetricFilter" => self.delete_metric_filter(&input),
            other => Err(Fault::unsupported("CloudWatch Logs", other)),
        }?;
        let reply = match output {
            Value::Null => Reply::empty(200),
            document => Reply::json(200, &document),
        };
        Ok(reply.with("content-type", "application/x-amz-json-1.1"))
    }

    fn group<R>(&self, region: &str, name: &str, look: impl FnOnce(&Group) -> R) -> Result<R, Fault> {
        self.index
            .read(|index| index.regions.get(region).and_then(|groups| groups.get(name)).map(look))
            .ok_or_else(no_group)
    }

    fn change_group<R>(
        &self,
        region: &str,
        name: &str,
        change: impl FnOnce(&mut Group) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        self.index.write(|index| {
            change(index.regions.get_mut(region).and_then(|groups| groups.get_mut(name)).ok_or_else(no_group)?)
        })
    }

    fn journal(&self, number: u64) -> Result<SharedJournal, Fault> {
        let mut journals = self.journals();
        if let Some(journal) = journals.get(&number) {
            return Ok(Arc::clone(journal));
        }
        let journal = Arc::new(RwLock::new(Journal::open(self.journal_path(number)).map_err(|error| disk(&error))?));
        journals.insert(number, Arc::clone(&journal));
        Ok(journal)
    }

    /// Appends to the stream with this number: region, group and name are its place.
    fn append(&self, place: (&str, &str, &str), number: u64, events: &[(i64, String)]) -> Result<(), Fault> {
        let journal = self.journal(number)?;
        let appended = journal.write().unwrap_or_else(PoisonError::into_inner).append(now(), events);
        let first = appended.map_err(|error| disk(&error))?;
        self.live.written(place, events);
        self.written(place, (number, first), events);
        Ok(())
    }

    /// Forgets streams that are no longer in the index.
    fn forget(&self, numbers: impl IntoIterator<Item = u64>) -> Result<(), Fault> {
        for number in numbers {
            self.journals().remove(&number);
            match std::fs::remove_file(self.journal_path(number)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(disk(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn journal_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number}.jsonl"))
    }

    fn journals(&self) -> MutexGuard<'_, HashMap<u64, SharedJournal>> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ARN of a group, without the `:*` that IAM policies want.
fn group_arn(region: &str, name: &str) -> String {
    format!("arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}")
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterException", message)
}

fn no_group() -> Fault {
    Fault::new(400, "ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> Fault {
    Fault::new(400, "ResourceNotFoundException", "The specified log stream does not exist.")
}

fn disk(error: &std::io::Error) -> Fault {
    Fault::new(
        500,
        "ServiceUnavailableException",
        format!("the local cloud cannot read or write a log stream: {error}"),
    )
}
