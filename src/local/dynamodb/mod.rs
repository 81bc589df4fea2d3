//! Amazon `DynamoDB` and `DynamoDB` Streams (JSON 1.0, `x-amz-target: DynamoDB_20120810.X` and
//! `DynamoDBStreams_20120810.X`).
//!
//! Tables, items, expressions, indexes, transactions and `PartiQL` are the `dynoxide` crate's, which is
//! held against `DynamoDB` itself by a public conformance suite. It keeps everything in `SQLite`, one file
//! per region, so a write costs what it changes and survives a killed local cloud. Ours is what it does
//! not have:
//!
//! ```text
//! handle ─► request (what is refused, ARNs as names) ─► engine ─► dynoxide ─► arn (this region's ARNs)
//!       ├─► streams (shards, iterators, records)          ▲
//!       └─► account (limits, endpoints, backup settings)  │
//!       source (for functions) ─► streams   upkeep (expiry, old stream records)
//! ```
//! Refused: backups, exports and imports, global tables, resource policies, Kinesis destinations,
//! contributor insights and auto scaling of replicas.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html>

mod account;
mod arn;
mod engine;
mod region;
mod request;
mod source;
mod streams;
mod upkeep;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use self::account::Settings;
use self::region::Region;
use super::Local;
use super::background::Background;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

const TABLES: &str = "DynamoDB_20120810.";
const STREAMS: &str = "DynamoDBStreams_20120810.";

/// The service.
pub(crate) struct DynamoDb {
    dir: PathBuf,
    settings: Store<Settings>,
    regions: Mutex<HashMap<String, Arc<Region>>>,
    upkeep: Background,
}

impl DynamoDb {
    /// Opens `{home}/dynamodb`; the tables of a region are opened when somebody asks for them.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("dynamodb");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        let settings = Store::open(&dir, "settings")?;
        Ok(Self { dir, settings, regions: Mutex::default(), upkeep: Background::default() })
    }

    /// Starts what works in the background: items expire, old stream records go.
    pub(crate) fn start(&self, local: &Arc<Local>) {
        self.upkeep.start(upkeep::run(Arc::downgrade(local)));
    }

    /// Stops it.
    pub(crate) fn stop(&self) {
        self.upkeep.stop();
    }

    /// Answers one API call.
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        // Every call reads or writes a file: that must not hold up the other connections.
        let local = Arc::clone(local);
        tokio::task::spawn_blocking(move || local.dynamodb.dispatch(&request))
            .await
            .map_err(|error| internal(&format!("the request was not finished: {error}")))?
    }

    fn dispatch(&self, request: &Request) -> Result<Reply, Fault> {
        let target = request.header("x-amz-target").unwrap_or_default();
        if let Some(operation) = target.strip_prefix(STREAMS) {
            let region = self.region(&request.region)?;
            return streams::answer(&region, operation, &request.json()?).map(|document| reply(document.to_string()));
        }
        let operation = target.strip_prefix(TABLES).ok_or_else(|| {
            Fault::new(400, "UnknownOperationException", format!("`{target}` is no operation of DynamoDB"))
        })?;
        match operation {
            "DescribeLimits" => Ok(reply(account::limits().to_string())),
            "DescribeEndpoints" => Ok(reply(account::endpoints(request.header("host")).to_string())),
            "DescribeContinuousBackups" => self.describe_backups(request).map(|document| reply(document.to_string())),
            "UpdateContinuousBackups" => self.update_backups(request).map(|document| reply(document.to_string())),
            operation => self.forward(operation, request),
        }
    }

    /// Hands a call to the engine.
    fn forward(&self, operation: &str, request: &Request) -> Result<Reply, Fault> {
        let region = self.region(&request.region)?;
        let body = request::prepare(operation, &request.region, &request.body)?;
        region.before(operation, &body)?;
        match engine::call(region.database(), operation, &body) {
            Ok(answer) => {
                if operation == "DeleteTable" {
                    self.forget_backups(&request.region, &answer)?;
                }
                Ok(reply(arn::outward(operation, &request.region, answer)))
            }
            Err(engine::Failure::Unknown) => Err(Fault::unsupported("DynamoDB", operation)),
            Err(engine::Failure::Refused { status, body }) => {
                Ok(written(status, arn::outward_text(&request.region, &body)))
            }
        }
    }

    /// The tables of a region, opened when this is the first call there.
    pub(crate) fn region(&self, name: &str) -> Result<Arc<Region>, Fault> {
        // It becomes a file name.
        if name.is_empty() || name.len() > 40 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(Fault::new(400, "UnrecognizedClientException", format!("`{name}` is no region")));
        }
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = regions.get(name) {
            return Ok(Arc::clone(region));
        }
        let region = Arc::new(Region::open(&self.dir.join(format!("{name}.db")), name)?);
        regions.insert(name.to_owned(), Arc::clone(&region));
        Ok(region)
    }

    /// Every region that has tables.
    fn all_regions(&self) -> Vec<Arc<Region>> {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".db")?.to_owned()));
        names.filter_map(|name| self.region(&name).ok()).collect()
    }
}

/// A JSON answer with the checksum that SDKs compare.
fn reply(body: impl Into<Bytes>) -> Reply {
    written(200, body)
}

fn written(status: u16, body: impl Into<Bytes>) -> Reply {
    let body = body.into();
    let checksum = crc32fast::hash(&body).to_string();
    Reply::empty(status).with("content-type", "application/x-amz-json-1.0").with("x-amz-crc32", checksum).body(body)
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message)
}

fn not_found(message: impl Into<String>) -> Fault {
    Fault::new(400, "ResourceNotFoundException", message)
}

fn internal(message: &str) -> Fault {
    Fault::new(500, "InternalServerError", format!("the local cloud cannot read or write its tables: {message}"))
}
