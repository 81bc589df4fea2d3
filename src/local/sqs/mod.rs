//! Amazon SQS: standard and FIFO queues that keep their messages over a restart (JSON 1.0 and Query).
//!
//! ```text
//! handle ─► query (older clients) ─► queues · tags · send · receive · receipts · moves ─► attributes (Store)
//!                                         take · remove · deliver (other services) ─┐
//!                                                                                   ▼
//!                                               queue ─► contents · fifo (in memory), journal (on disk)
//! ```
//! Queues are known by region and name; their attributes and tags are an index in a [`Store`], their messages one
//! journal file per queue, named by a number. No operation costs more the more messages there are.
//!
//! Other than on AWS, a queue's name is free again at once after its deletion, and a queue may be purged as
//! often as one likes: both would only keep people waiting. Refused: permissions by label (a `Policy` is kept,
//! not enforced) and receive attempt ids.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html>

mod attributes;
mod contents;
mod fault;
mod fifo;
mod gauges;
mod input;
mod journal;
mod message;
mod moves;
mod query;
mod queues;
mod receipts;
mod receive;
mod send;
mod service;
mod shelf;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::attributes::Attributes;
use self::fault::no_queue;
pub(crate) use self::gauges::Gauges;
use self::input::Input;
use self::message::Message;
pub(crate) use self::message::{Attribute, Content, md5_of, md5_of_attributes};
use self::moves::Moves;
pub(crate) use self::service::{Outgoing, Taken};
use self::shelf::Shelf;
use super::route::Scope;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::{ACCOUNT, Local, guard};
use crate::error::{OrFailed as _, Result};

/// All queues by region and name, and the number the next one gets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Index {
    next: u64,
    regions: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// What is known of a queue besides its messages; times in s since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    /// Unique for ever; names the journal and stands in receipt handles.
    number: u64,
    created: i64,
    modified: i64,
    /// Only those that were set.
    attributes: Attributes,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// The service.
#[derive(Debug)]
pub(crate) struct Sqs {
    dir: PathBuf,
    index: Store<Index>,
    /// Queues that were used since the start, by number.
    shelves: Mutex<HashMap<u64, Arc<Shelf>>>,
    moves: Moves,
}

impl Sqs {
    /// Opens `{home}/sqs`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("sqs");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        let index = Store::open(&dir, "queues")?;
        Ok(Self { dir, index, shelves: Mutex::default(), moves: Moves::default() })
    }

    /// Answers one API call, faults included: only here it is known which protocol the caller speaks.
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let Some(target) = request.header("x-amz-target") else {
            let (action, document) = query::read(&request);
            let input = input(local, &request, document);
            return Ok(match self.perform(local, &action, input).await {
                Ok(output) => query::reply(&action, &request.request_id, &output),
                Err(fault) => fault::into_query(&fault, &request.request_id),
            });
        };
        let action = target.strip_prefix("AmazonSQS.").unwrap_or(target).to_owned();
        let input = input(local, &request, request.json()?);
        let reply = match self.perform(local, &action, input).await {
            Ok(Value::Null) => Reply::empty(200),
            Ok(output) => Reply::json(200, &output),
            Err(fault) => fault.into_json(),
        };
        Ok(reply.with("content-type", "application/x-amz-json-1.0"))
    }

    async fn perform(&self, local: &Arc<Local>, action: &str, input: Input) -> Result<Value, Fault> {
        if action == "ReceiveMessage" {
            return self.receive_message(local, input).await;
        }
        let (shared, action) = (Arc::clone(local), action.to_owned());
        // A queue that is used for the first time is read from the disk: that must not hold up others.
        tokio::task::spawn_blocking(move || shared.sqs.dispatch(&shared, &action, &input))
            .await
            .map_err(|error| Fault::new(500, "InternalError", format!("the request was not finished: {error}")))?
    }

    fn dispatch(&self, local: &Arc<Local>, action: &str, input: &Input) -> Result<Value, Fault> {
        match action {
            "CreateQueue" => self.create_queue(input),
            "GetQueueUrl" => self.get_queue_url(input),
            "ListQueues" => self.list_queues(input),
            "ListDeadLetterSourceQueues" => self.list_sources(input),
            "GetQueueAttributes" => self.get_attributes(input),
            "SetQueueAttributes" => self.set_attributes(input),
            "DeleteQueue" => self.delete_queue(input),
            "PurgeQueue" => self.purge_queue(input),
            "TagQueue" => self.tag_queue(input),
            "UntagQueue" => self.untag_queue(input),
            "ListQueueTags" => self.list_queue_tags(input),
            "SendMessage" => self.send_message(input),
            "SendMessageBatch" => self.send_batch(input),
            "DeleteMessage" => self.delete_message(input),
            "DeleteMessageBatch" => self.delete_batch(input),
            "ChangeMessageVisibility" => self.change_visibility(input),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(input),
            "StartMessageMoveTask" => self.start_move(local, input),
            "ListMessageMoveTasks" => self.list_moves(input),
            "CancelMessageMoveTask" => self.cancel_move(input),
            "" => Err(fault::missing("Action")),
            other => Err(Fault::unsupported("SQS", other)),
        }
    }

    fn entry(&self, region: &str, name: &str) -> Result<Entry, Fault> {
        self.index.read(|index| index.find(region, name).cloned()).ok_or_else(no_queue)
    }

    /// A queue's messages, read from the disk when they are asked for first.
    fn shelf(&self, entry: &Entry) -> Result<Arc<Shelf>, Fault> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = shelves.get(&entry.number) {
            return Ok(Arc::clone(queue));
        }
        // Deleted since it was looked up: its file must not come back.
        if !self
            .index
            .read(|index| index.regions.values().flat_map(BTreeMap::values).any(|it| it.number == entry.number))
        {
            return Err(no_queue());
        }
        let fifo = attributes::is_fifo(&entry.attributes);
        let queue = Shelf::open(&self.journal_path(entry.number), fifo).map_err(|error| fault::disk(&error))?;
        let queue = Arc::new(queue);
        shelves.insert(entry.number, Arc::clone(&queue));
        Ok(queue)
    }

    /// The queue that a request is about, with its messages.
    fn named(&self, input: &Input) -> Result<(String, Entry, Arc<Shelf>), Fault> {
        let name = input.queue()?;
        let entry = self.entry(&input.region, &name)?;
        let queue = self.shelf(&entry)?;
        Ok((name, entry, queue))
    }

    fn journal_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number}.jsonl"))
    }
}

impl Index {
    fn find(&self, region: &str, name: &str) -> Option<&Entry> {
        self.regions.get(region)?.get(name)
    }

    fn find_mut(&mut self, region: &str, name: &str) -> Result<&mut Entry, Fault> {
        self.regions.get_mut(region).and_then(|queues| queues.get_mut(name)).ok_or_else(no_queue)
    }
}

/// What a request says, and by whom and where it was said.
fn input(local: &Local, request: &Request, document: Value) -> Input {
    let sender = Scope::read(&request.headers, &request.raw_query).ok().flatten();
    let sender = sender.map_or_else(|| ACCOUNT.to_owned(), |scope| scope.access_key);
    // A client that was led here under AWS's own name could not follow that name back.
    let host = request.header("host").filter(|host| !guard::host_name(host).ends_with(".amazonaws.com"));
    let base = host.map_or_else(|| format!("http://127.0.0.1:{}", local.port), |host| format!("http://{host}"));
    Input::new(document, request.region.clone(), sender, base)
}

pub(crate) fn queue_arn(region: &str, name: &str) -> String {
    format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}")
}

/// Region and name of one of our queues.
fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let (region, rest) = arn.strip_prefix("arn:aws:sqs:")?.split_once(':')?;
    let (account, name) = rest.split_once(':')?;
    (account == ACCOUNT && !name.is_empty()).then_some((region, name))
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
