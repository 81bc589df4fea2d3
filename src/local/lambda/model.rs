//! What is kept of a function, and how it is shown.
//!
//! States are not switched by a task but read off the clock: a function is `Pending` until
//! `active_from`, an update `InProgress` until `updated_from`. So they hold across a restart and can
//! never get stuck. <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::wire::Fault;
use super::body::{conflict, missing};
use super::event_invoke::EventInvoke;
use super::layers::{Attached, Layer};
use super::names::{FunctionRef, LATEST, is_version};
use super::provisioned::Provisioned;

/// Everything Lambda remembers: functions and layers by region and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    regions: BTreeMap<String, BTreeMap<String, Function>>,
    #[serde(default)]
    pub(super) layers: BTreeMap<String, BTreeMap<String, Layer>>,
}

impl State {
    pub(super) fn find(&self, at: &FunctionRef) -> Result<&Function, Fault> {
        self.get(at).ok_or_else(|| at.not_found())
    }

    pub(super) fn find_mut(&mut self, at: &FunctionRef) -> Result<&mut Function, Fault> {
        self.regions.get_mut(&at.region).and_then(|functions| functions.get_mut(&at.name)).ok_or_else(|| at.not_found())
    }

    pub(super) fn get(&self, at: &FunctionRef) -> Option<&Function> {
        self.regions.get(&at.region)?.get(&at.name)
    }

    pub(super) fn insert(&mut self, at: &FunctionRef, function: Function) {
        self.regions.entry(at.region.clone()).or_default().insert(at.name.clone(), function);
    }

    pub(super) fn remove(&mut self, at: &FunctionRef) -> Option<Function> {
        self.regions.get_mut(&at.region)?.remove(&at.name)
    }

    /// The functions of a region, by name.
    pub(super) fn of(&self, region: &str) -> impl Iterator<Item = (&String, &Function)> {
        self.regions.get(region).into_iter().flatten()
    }

    /// All functions, with their places.
    pub(super) fn all(&self) -> impl Iterator<Item = (FunctionRef, &Function)> {
        self.regions.iter().flat_map(|(region, functions)| {
            functions.iter().map(|(name, function)| {
                (FunctionRef { region: region.clone(), name: name.clone(), qualifier: None }, function)
            })
        })
    }
}

/// One function with all that hangs on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Function {
    pub(super) latest: Version,
    pub(super) versions: BTreeMap<u64, Version>,
    /// Numbers are never given twice, also not after a deletion.
    pub(super) next_version: u64,
    pub(super) aliases: BTreeMap<String, Alias>,
    /// By qualifier; the function's own is under the empty string.
    pub(super) policies: BTreeMap<String, Policy>,
    /// By alias; the function's own is under the empty string.
    pub(super) urls: BTreeMap<String, Url>,
    pub(super) tags: BTreeMap<String, String>,
    /// `ReservedConcurrentExecutions`.
    pub(super) reserved: Option<u32>,
    /// By qualifier; the function's own is under `$LATEST`.
    #[serde(default)]
    pub(super) event_invoke: BTreeMap<String, EventInvoke>,
    /// By version or alias.
    #[serde(default)]
    pub(super) provisioned: BTreeMap<String, Provisioned>,
}

/// `$LATEST` or a published version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    /// `$LATEST` or a number.
    pub(super) number: String,
    pub(super) build: Build,
    /// A description given to `PublishVersion`, in place of the settings' one.
    pub(super) description: Option<String>,
    pub(super) revision: String,
    /// ms since the epoch.
    pub(super) modified: i64,
    /// `Pending` before, `Active` from here on; ms since the epoch.
    pub(super) active_from: i64,
    /// `InProgress` before; 0 when it was never updated.
    pub(super) updated_from: i64,
    /// What runs until an update is through.
    pub(super) before: Option<Box<Build>>,
}

/// What a worker is made from. Two builds with one id are the same build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Build {
    /// Fresh with every change, so that no warm worker outlives its code.
    pub(super) id: String,
    pub(super) settings: Settings,
    pub(super) code: Code,
}

/// What `UpdateFunctionConfiguration` changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) runtime: String,
    pub(super) role: String,
    pub(super) handler: String,
    pub(super) description: String,
    /// s
    pub(super) timeout: u32,
    /// MB
    pub(super) memory: u32,
    pub(super) environment: BTreeMap<String, String>,
    /// Size of `/tmp` in MB. Shown, not enforced.
    pub(super) ephemeral: u32,
    pub(super) architecture: String,
    pub(super) log_group: String,
    /// The ARN of a queue or a topic.
    #[serde(default)]
    pub(super) dead_letter: Option<String>,
    /// In their order: the later lie over the earlier.
    #[serde(default)]
    pub(super) layers: Vec<Attached>,
}

/// A deployment package or a layer's zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Code {
    /// Lower-case hex; names the file.
    pub(super) sha256: String,
    /// Zipped, in bytes.
    pub(super) size: u64,
    /// In bytes; 0 in what was kept before layers counted it.
    #[serde(default)]
    pub(super) unzipped: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alias {
    pub(super) version: String,
    pub(super) description: String,
    /// A second version and its share of the traffic, 0.0–1.0.
    pub(super) split: Option<(String, f64)>,
    pub(super) revision: String,
}

/// A resource policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) revision: String,
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) sid: String,
    pub(super) action: String,
    pub(super) principal: String,
    pub(super) source_arn: Option<String>,
    pub(super) source_account: Option<String>,
    pub(super) event_token: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) url_auth: Option<String>,
    pub(super) via_url: bool,
}

/// A function URL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Url {
    /// 32 characters, the first label of its host.
    pub(super) id: String,
    /// `NONE` or `AWS_IAM`.
    pub(super) auth: String,
    /// As it was given: `AllowOrigins`, `AllowMethods`, …
    pub(super) cors: Option<Value>,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub(super) mode: String,
    pub(super) created: i64,
    pub(super) modified: i64,
}

impl Build {
    pub(super) fn new(settings: Settings, code: Code) -> Self {
        Self { id: fresh_id(), settings, code }
    }
}

impl Version {
    /// A version that becomes active in `delay` ms.
    pub(super) fn new(number: &str, build: Build, delay: i64) -> Self {
        let now = now_ms();
        Self {
            number: number.to_owned(),
            build,
            description: None,
            revision: fresh_id(),
            modified: now,
            active_from: now + delay,
            updated_from: 0,
            before: None,
        }
    }

    pub(super) fn pending(&self) -> bool {
        now_ms() < self.active_from
    }

    /// An update is under way.
    pub(super) fn updating(&self) -> bool {
        now_ms() < self.updated_from
    }

    /// What an invocation runs now: the old build until an update is through.
    pub(super) fn running(&self) -> &Build {
        self.before.as_deref().filter(|_| self.updating()).unwrap_or(&self.build)
    }

    /// Replaces the build, in progress for `delay` ms.
    pub(super) fn update(&mut self, build: Build, delay: i64) {
        let now = now_ms();
        self.before = Some(Box::new(std::mem::replace(&mut self.build, build)));
        self.updated_from = now + delay;
        self.modified = now;
        self.revision = fresh_id();
    }

    /// Refuses to change what is still being made.
    pub(super) fn settled(&self, at: &FunctionRef) -> Result<(), Fault> {
        if self.pending() {
            return Err(self.not_ready());
        }
        if self.updating() {
            return Err(conflict(format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {}",
                at.arn()
            )));
        }
        Ok(())
    }

    /// The fault for using a version that is still `Pending`.
    #[expect(clippy::unused_self, reason = "reads as a property of the version")]
    pub(super) fn not_ready(&self) -> Fault {
        conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        )
    }

    /// `FunctionConfiguration`, as single-function operations show it. `arn` is the one to show.
    pub(super) fn show(&self, at: &FunctionRef, arn: &str) -> Map<String, Value> {
        let mut shown = self.show_listed(at, arn);
        if self.pending() {
            shown.insert("State".into(), "Pending".into());
            shown.insert("StateReason".into(), "The function is being created.".into());
            shown.insert("StateReasonCode".into(), "Creating".into());
        } else {
            shown.insert("State".into(), "Active".into());
        }
        if self.updating() {
            shown.insert("LastUpdateStatus".into(), "InProgress".into());
            shown.insert("LastUpdateStatusReason".into(), "The function is being created.".into());
            shown.insert("LastUpdateStatusReasonCode".into(), "Creating".into());
        } else if !self.pending() {
            shown.insert("LastUpdateStatus".into(), "Successful".into());
        }
        let runtime = format!("arn:aws:lambda:{}::runtime:local", at.region);
        shown.insert("RuntimeVersionConfig".into(), json!({ "RuntimeVersionArn": runtime }));
        shown
    }

    /// `FunctionConfiguration` as lists show it: without states.
    pub(super) fn show_listed(&self, at: &FunctionRef, arn: &str) -> Map<String, Value> {
        let Build { settings, code, .. } = &self.build;
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("FunctionName", at.name.as_str().into());
        put("FunctionArn", arn.into());
        put("Runtime", settings.runtime.as_str().into());
        put("Role", settings.role.as_str().into());
        put("Handler", settings.handler.as_str().into());
        put("CodeSize", code.size.into());
        put("Description", self.description.as_ref().unwrap_or(&settings.description).as_str().into());
        put("Timeout", settings.timeout.into());
        put("MemorySize", settings.memory.into());
        put("LastModified", lambda_time(self.modified).into());
        put("CodeSha256", code.base64().into());
        put("Version", self.number.as_str().into());
        if !settings.environment.is_empty() {
            put("Environment", json!({ "Variables": settings.environment }));
        }
        if !settings.layers.is_empty() {
            let layer = |layer: &Attached| json!({ "Arn": layer.arn, "CodeSize": layer.code.size });
            put("Layers", settings.layers.iter().map(layer).collect());
        }
        if let Some(arn) = &settings.dead_letter {
            put("DeadLetterConfig", json!({ "TargetArn": arn }));
        }
        put("TracingConfig", json!({ "Mode": "PassThrough" }));
        put("RevisionId", self.revision.as_str().into());
        put("PackageType", "Zip".into());
        put("Architectures", json!([settings.architecture]));
        put("EphemeralStorage", json!({ "Size": settings.ephemeral }));
        put("SnapStart", json!({ "ApplyOn": "None", "OptimizationStatus": "Off" }));
        put("LoggingConfig", json!({ "LogFormat": "Text", "LogGroup": settings.log_group }));
        shown
    }
}

impl Code {
    /// `CodeSha256` as AWS writes it.
    pub(super) fn base64(&self) -> String {
        use base64::Engine as _;
        hex::decode(&self.sha256)
            .map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes))
            .unwrap_or_default()
    }
}

impl Function {
    /// The version a qualifier stands for; an alias by its main version.
    pub(super) fn version(&self, at: &FunctionRef, qualifier: Option<&str>) -> Result<&Version, Fault> {
        match qualifier {
            None | Some(LATEST) => Ok(&self.latest),
            Some(text) if is_version(text) => text
                .parse()
                .ok()
                .and_then(|number: u64| self.versions.get(&number))
                .ok_or_else(|| missing(format!("Function not found: {}", at.arn_of(text)))),
            Some(alias) => {
                let found = self.aliases.get(alias);
                let found = found.ok_or_else(|| missing(format!("Function not found: {}", at.arn_of(alias))))?;
                self.version(at, Some(&found.version))
            }
        }
    }

    /// Every version: `$LATEST` first, then ascending.
    pub(super) fn every_version(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.latest).chain(self.versions.values())
    }

    /// Every build that may still be run.
    pub(super) fn builds(&self) -> impl Iterator<Item = &Build> {
        self.every_version().flat_map(|version| {
            let before = version.before.as_deref().filter(|_| version.updating());
            std::iter::once(&version.build).chain(before)
        })
    }
}

/// A fresh UUID.
pub(super) fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}

/// Now, in ms since the epoch.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// `2026-11-21T02:52:00.000+0000`, Lambda's own way.
pub(super) fn lambda_time(ms: i64) -> String {
    formatted(ms, "%Y-%m-%dT%H:%M:%S.%3f+0000")
}

/// `2026-11-21T02:52:00.000Z`.
pub(super) fn iso_time(ms: i64) -> String {
    formatted(ms, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

pub(super) fn formatted(ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime(format).to_string()
}
