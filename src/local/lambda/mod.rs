//! Lambda: functions that are kept as on AWS and really run, as local processes.
//!
//! ```text
//! handle ─► functions · versions · aliases · layers · permissions · urls · tags · limits ─► model (Store)
//!       └─► invoke ─► pool ─► environment ─► worker ─► runtime_api ◄─ bootstrap or templates/runtimes
//!                                   └─► console ─► logs
//! ```
//!
//! Zip packages and layers for Python, Node and `provided.*`. Images, VPCs, JSON logs, response streams over the API and extensions are refused. Event source mappings are kept
//! here; what delivers by them is [`super::triggers`].

mod aliases;
mod asynchronous;
mod body;
mod check;
mod code;
mod console;
mod destinations;
mod ended;
mod environment;
mod event_invoke;
mod functions;
mod interpreter;
mod invoke;
mod layers;
mod limits;
mod mappings;
mod metrics;
mod model;
mod names;
mod page;
mod permissions;
mod pool;
mod provisioned;
mod runtime_api;
mod sandbox;
mod stream;
mod tags;
mod unzip;
mod urls;
mod versions;
mod worker;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use self::asynchronous::Events;
use self::code::Packages;
use self::interpreter::Interpreter;
pub(crate) use self::invoke::{Invocation, Outcome, Streaming};
use self::mappings::Mappings;
pub(crate) use self::mappings::{Kind, Mapping};
pub(crate) use self::metrics::iterator_age;
use self::model::State;
use self::names::FunctionRef;
use self::permissions::Caller;
use self::pool::Pool;
pub(crate) use self::runtime_api::Part;
use super::Local;
use super::background::Background;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::{OrFailed as _, Result};

/// How long a function is `Pending` and an update `InProgress`, in ms. Short, but real: a client that
/// does not wait must fail here as it would on AWS.
const DELAY: i64 = 50;
const DELAY_VARIABLE: &str = "RZAP_LOCAL_FUNCTION_DELAY_MS";

/// Where packages are unpacked, below the service's folder.
const TASKS: &str = "tasks";

/// The Lambda service.
#[derive(Debug)]
pub(crate) struct Lambda {
    store: Store<State>,
    mappings: Mappings,
    events: Events,
    packages: Packages,
    pool: Pool,
    folders: Folders,
    /// By runtime.
    interpreters: tokio::sync::Mutex<HashMap<String, Option<Interpreter>>>,
    /// ms
    delay: i64,
    keeper: Background,
}

#[derive(Debug)]
struct Folders {
    /// The bootstraps.
    runtime: PathBuf,
    /// The workers' own folders.
    scratch: PathBuf,
}

/// Whom a function URL belongs to.
#[derive(Debug, Clone)]
pub(crate) struct UrlOwner {
    pub(crate) region: String,
    /// Without a qualifier.
    pub(crate) function_arn: String,
    /// An alias.
    pub(crate) qualifier: Option<String>,
    /// `NONE` or `AWS_IAM`
    pub(crate) auth_type: String,
    /// As configured: `AllowOrigins`, `AllowMethods`, …
    pub(crate) cors: Option<Value>,
    /// `BUFFERED` or `RESPONSE_STREAM`
    pub(crate) invoke_mode: String,
}

impl Lambda {
    /// Opens the state in `{home}/lambda`. What earlier workers left there is removed.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("lambda");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        // Workers run in other folders, so their paths must be absolute.
        let dir = dir.canonicalize().or_failed(|| format!("find {}", dir.display()))?;
        let folders = Folders { runtime: dir.join("runtime"), scratch: dir.join("workers") };
        let _ = std::fs::remove_dir_all(&folders.scratch);
        for folder in [&folders.runtime, &folders.scratch] {
            std::fs::create_dir_all(folder).or_failed(|| format!("create {}", folder.display()))?;
        }
        for (name, text) in [sandbox::PYTHON_BOOTSTRAP, sandbox::NODE_BOOTSTRAP] {
            let path = folders.runtime.join(name);
            std::fs::write(&path, text).or_failed(|| format!("write {}", path.display()))?;
        }
        Ok(Self {
            store: Store::open(&dir, "functions")?,
            mappings: Mappings::open(&dir)?,
            events: Events::open(dir.join("events"))?,
            packages: Packages::open(dir.join("packages"), dir.join(TASKS))?,
            pool: Pool::default(),
            folders,
            interpreters: tokio::sync::Mutex::default(),
            delay: std::env::var(DELAY_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(DELAY),
            keeper: Background::default(),
        })
    }

    /// Removes what a killed server left in `{home}/lambda` and a plain removal would stumble over: the
    /// read-only folders of unpacked packages.
    pub(crate) fn release(home: &Path) {
        unzip::remove_tree(&home.join("lambda").join(TASKS));
    }

    /// Starts what works in the background: idle environments and unused packages go after a while.
    #[expect(clippy::unused_async, reason = "all services are started alike")]
    pub(crate) async fn start(&self, local: &Arc<Local>) {
        let weak = Arc::downgrade(local);
        self.keeper.start(async move {
            let mut every = tokio::time::interval(Duration::from_secs(30));
            loop {
                every.tick().await;
                let Some(local) = weak.upgrade() else { return };
                local.lambda.tidy();
                provisioned::settle(&local);
            }
        });
        asynchronous::resume(self, local);
    }

    /// Kills all workers with everything they started, and removes what only they needed.
    #[expect(clippy::unused_async, reason = "all services are stopped alike")]
    pub(crate) async fn stop(&self) {
        self.keeper.stop();
        // What is killed here has not failed: it goes on with the next start.
        self.events.close();
        self.pool.close();
        self.packages.clear();
        // Emptied at the next start in any case.
        let _ = std::fs::remove_dir_all(&self.folders.scratch);
    }

    /// Runs a function and waits for its answer. A function that fails is an outcome; a fault says
    /// that it did not run.
    pub(crate) async fn invoke(&self, local: &Arc<Local>, call: Invocation) -> Result<Outcome, Fault> {
        invoke::run(self, local, call).await
    }

    /// The same for a function that may stream: its answer is there in parts, as it comes.
    pub(crate) fn stream(&self, local: &Arc<Local>, call: Invocation) -> Result<Streaming, Fault> {
        invoke::stream(self, local, call)
    }

    /// Takes an asynchronous invocation, as `Event` over the API does, and does not wait for it.
    pub(crate) fn enqueue(&self, local: &Arc<Local>, call: Invocation) -> Result<(), Fault> {
        asynchronous::enqueue(self, local, call)
    }

    /// Whether the resource policy of exactly this qualifier lets a service invoke the function.
    /// `function` is an ARN, or a name in `us-east-1`.
    pub(crate) fn permits(
        &self,
        function: &str,
        qualifier: Option<&str>,
        principal: &str,
        source_arn: Option<&str>,
    ) -> bool {
        let caller = Caller { action: "lambda:InvokeFunction", principal, source_arn, url_auth: None };
        self.allows(function, qualifier, caller)
    }

    /// Whether anybody may call this URL: its type is `NONE` and the policy has both statements that
    /// URLs need since October 2025. <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
    pub(crate) fn url_is_public(&self, url: &UrlOwner) -> bool {
        let caller = |action| Caller { action, principal: "*", source_arn: None, url_auth: Some(&url.auth_type) };
        let allowed = |action| self.allows(&url.function_arn, url.qualifier.as_deref(), caller(action));
        url.auth_type == "NONE" && allowed("lambda:InvokeFunctionUrl") && allowed("lambda:InvokeFunction")
    }

    /// The function URL with this id, the first label of its host.
    pub(crate) fn url_owner(&self, url_id: &str) -> Option<UrlOwner> {
        self.store.read(|state| {
            state.all().find_map(|(at, function)| {
                let (alias, url) = function.urls.iter().find(|(_, url)| url.id == url_id)?;
                Some(UrlOwner {
                    function_arn: at.arn(),
                    region: at.region,
                    qualifier: (!alias.is_empty()).then(|| alias.clone()),
                    auth_type: url.auth.clone(),
                    cors: url.cors.clone(),
                    invoke_mode: url.mode.clone(),
                })
            })
        })
    }

    fn allows(&self, function: &str, qualifier: Option<&str>, caller: Caller<'_>) -> bool {
        let region = FunctionRef::region_of(function, "us-east-1");
        let Ok(at) = FunctionRef::parse(function, &region, qualifier) else { return false };
        self.store.read(|state| {
            state.get(&at).is_some_and(|function| permissions::allows(function, at.qualifier.as_deref(), caller))
        })
    }

    /// Ends environments and removes packages that nothing refers to any more.
    fn tidy(&self) {
        let (builds, packages) = self.store.read(|state| {
            let mut builds = HashSet::new();
            let mut packages = HashSet::new();
            for build in state.all().flat_map(|(_, function)| function.builds()) {
                builds.insert(build.id.clone());
                packages.insert(build.code.sha256.clone());
                packages.extend(build.settings.layers.iter().map(|layer| layer.code.sha256.clone()));
            }
            let layers = state.layers.values().flat_map(|layers| layers.values());
            packages.extend(layers.flat_map(layers::Layer::codes).map(|code| code.sha256.clone()));
            (builds, packages)
        });
        self.pool.tidy(&builds);
        self.packages.sweep(|sha256| packages.contains(sha256));
    }

    /// Answers one API request.
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let changes = request.method != Method::GET && !request.path.ends_with("invocations");
        let answered = self.answer(local, request).await;
        if changes && answered.is_ok() {
            // An alias may have moved, or a version gone.
            provisioned::settle(local);
        }
        answered
    }

    async fn answer(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let at = |name: &str| FunctionRef::parse(name, &request.region, request.param("Qualifier").as_deref());
        let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
        let method = &request.method;
        let is = |wanted: &Method| method == wanted;
        match segments.as_slice() {
            ["2015-03-31", "packages", file] if is(&get) => functions::download(self, file).await,
            ["2015-03-31", "functions"] if is(&post) => functions::create(self, local, &request).await,
            ["2015-03-31", "functions"] if is(&get) => functions::list(self, &request),
            ["2015-03-31", "functions", name] if is(&get) => functions::get(self, local, &at(name)?),
            ["2015-03-31", "functions", name] if is(&delete) => functions::delete(self, &at(name)?),
            ["2015-03-31", "functions", name, "invocations"] if is(&post) => {
                invoke::handle(self, local, &request, &at(name)?).await
            }
            ["2021-11-15", "functions", name, "response-streaming-invocations"] if is(&post) => {
                stream::handle(self, local, &request, &at(name)?).await
            }
            ["2015-03-31", "functions", name, "code"] if is(&put) => {
                functions::update_code(self, local, &request, &at(name)?).await
            }
            ["2015-03-31", "functions", name, "configuration"] if is(&put) => {
                functions::update_configuration(self, local, &request, &at(name)?)
            }
            ["2015-03-31", "functions", name, "configuration"] if is(&get) => {
                functions::configuration(self, &at(name)?)
            }
            ["2015-03-31", "functions", name, "versions"] if is(&post) => versions::create(self, &request, &at(name)?),
            ["2015-03-31", "functions", name, "versions"] if is(&get) => versions::list(self, &request, &at(name)?),
            ["2015-03-31", "functions", name, "aliases"] if is(&post) => aliases::create(self, &request, &at(name)?),
            ["2015-03-31", "functions", name, "aliases"] if is(&get) => aliases::list(self, &request, &at(name)?),
            ["2015-03-31", "functions", name, "aliases", alias] if is(&get) => aliases::get(self, &at(name)?, alias),
            ["2015-03-31", "functions", name, "aliases", alias] if is(&put) => {
                aliases::update(self, &request, &at(name)?, alias)
            }
            ["2015-03-31", "functions", name, "aliases", alias] if is(&delete) => {
                aliases::delete(self, &at(name)?, alias)
            }
            ["2015-03-31", "functions", name, "policy"] if is(&post) => permissions::add(self, &request, &at(name)?),
            ["2015-03-31", "functions", name, "policy"] if is(&get) => permissions::get(self, &at(name)?),
            ["2015-03-31", "functions", name, "policy", sid] if is(&delete) => {
                permissions::remove(self, &request, &at(name)?, sid)
            }
            ["2021-10-31", "functions", name, "url"] if is(&post) => urls::create(self, local, &request, &at(name)?),
            ["2021-10-31", "functions", name, "url"] if is(&get) => urls::get(self, local, &at(name)?),
            ["2021-10-31", "functions", name, "url"] if is(&put) => urls::update(self, local, &request, &at(name)?),
            ["2021-10-31", "functions", name, "url"] if is(&delete) => urls::delete(self, &at(name)?),
            ["2021-10-31", "functions", name, "urls"] if is(&get) => urls::list(self, local, &request, &at(name)?),
            ["2015-03-31", "event-source-mappings", rest @ ..] => mappings::handle(self, local, &request, rest),
            ["2017-03-31", "tags", arn] if mappings::is_mapping(arn) => mappings::tags_of(self, &request, arn),
            ["2017-03-31", "tags", arn] if is(&get) => tags::list(self, &tags::place(arn, &request.region)?),
            ["2017-03-31", "tags", arn] if is(&post) => tags::add(self, &request, &tags::place(arn, &request.region)?),
            ["2017-03-31", "tags", arn] if is(&delete) => {
                tags::remove(self, &request, &tags::place(arn, &request.region)?)
            }
            [
                version,
                "functions",
                name,
                what @ ("concurrency" | "provisioned-concurrency" | "event-invoke-config"),
                rest @ ..,
            ] => self.calls(local, &request, (version, what, rest), &at(name)?),
            ["2018-10-31", "layers"] if is(&get) && request.param("find").as_deref() == Some("LayerVersion") => {
                layers::get_by_arn(self, local, &request)
            }
            ["2018-10-31", "layers"] if is(&get) => layers::list(self, &request),
            ["2018-10-31", "layers", name, "versions"] if is(&post) => {
                layers::publish(self, local, &request, name).await
            }
            ["2018-10-31", "layers", name, "versions"] if is(&get) => layers::versions(self, &request, name),
            ["2018-10-31", "layers", name, "versions", number] if is(&get) => {
                layers::get(self, local, &request, name, number)
            }
            ["2018-10-31", "layers", name, "versions", number] if is(&delete) => {
                layers::delete(self, &request, name, number)
            }
            ["2018-10-31", "layers", _, "versions", _, "policy", ..] => {
                Err(Fault::unsupported("lambda", "permissions of layers"))
            }
            ["2016-08-19", "account-settings"] if is(&get) => Ok(limits::account(self, &request.region)),
            _ => Err(Fault::unsupported("lambda", &format!("{method} {}", request.path))),
        }
    }

    /// How many calls at once, and what becomes of those that nobody waits for.
    fn calls(
        &self,
        local: &Arc<Local>,
        request: &Request,
        (version, what, rest): (&str, &str, &[&str]),
        at: &FunctionRef,
    ) -> Result<Reply, Fault> {
        match (version, what, request.method.as_str(), rest) {
            ("2017-10-31", "concurrency", "PUT", []) => limits::put(self, request, at),
            ("2017-10-31", "concurrency", "DELETE", []) => limits::delete(self, at),
            ("2019-09-30", "concurrency", "GET", []) => limits::get(self, at),
            ("2019-09-30", "provisioned-concurrency", "PUT", []) => provisioned::put(self, local, request, at),
            ("2019-09-30", "provisioned-concurrency", "GET", []) if request.param("List").as_deref() == Some("ALL") => {
                provisioned::list(self, request, at)
            }
            ("2019-09-30", "provisioned-concurrency", "GET", []) => provisioned::get(self, at),
            ("2019-09-30", "provisioned-concurrency", "DELETE", []) => provisioned::delete(self, at),
            ("2019-09-25", "event-invoke-config", "PUT", []) => event_invoke::put(self, local, request, at, true),
            ("2019-09-25", "event-invoke-config", "POST", []) => event_invoke::put(self, local, request, at, false),
            ("2019-09-25", "event-invoke-config", "GET", []) => event_invoke::get(self, at),
            ("2019-09-25", "event-invoke-config", "DELETE", []) => event_invoke::delete(self, at),
            ("2019-09-25", "event-invoke-config", "GET", ["list"]) => event_invoke::list(self, request, at),
            _ => Err(Fault::unsupported("lambda", &format!("{} {}", request.method, request.path))),
        }
    }
}
