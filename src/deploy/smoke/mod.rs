//! Smoke checks: what has to succeed on the new versions before traffic moves, and at the stage's own address
//! after it has.
//!
//! Before, a version is invoked by its number, which no client does: a request comes as the event that the
//! function's front would send ([`front::event`]), and the answer is judged as the front would read it
//! ([`front::of_front`]).
//! After, a request is a real one. The checks go one after the other, in the order of `rzap.yaml`. What an
//! answer says is not shown: it may be anybody's data.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use super::apply::{Event, Listener};
use super::front::{self, Answer, Asked, Front, of_front};
use super::kinds::Any;
use super::names::{ALIAS, function_name};
use super::plan::{Action, Plan};
use super::resource::Owner;
use super::stop::Stop;
use super::turn::Turn;
use crate::aws::{self, Cloud, Outgoing, explain};
use crate::config::{FunctionConfig, Get, Invoke, Smoke, StageConfig};
use crate::error::{Error, Result};

/// How long a front that was changed a moment ago may go on as it was.
const SETTLING: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_secs(1);

/// The checks of one stage.
pub(super) struct Checks<'a> {
    cloud: &'a Cloud,
    owner: Owner,
    stage: &'a StageConfig,
    plan: &'a Plan,
    /// Where functions answer, by the name in the config, as far as a check asks.
    addresses: BTreeMap<String, String>,
}

impl<'a> Checks<'a> {
    /// Makes them ready: finds out where the functions answer. The plan is applied.
    pub(super) async fn of(cloud: &'a Cloud, stage: &'a StageConfig, plan: &'a Plan) -> Result<Self> {
        let owner = Owner::of(stage);
        let mut checks = Self { cloud, owner, stage, plan, addresses: BTreeMap::new() };
        for check in &stage.smoke {
            let Smoke::Get(Get { function, .. }) = check else { continue };
            if checks.addresses.contains_key(function) {
                continue;
            }
            if let Some(address) = checks.address(function).await? {
                checks.addresses.insert(function.clone(), address);
            }
        }
        Ok(checks)
    }

    /// On the versions that are to serve. Nothing has moved yet.
    ///
    /// # Errors
    /// The first check that fails, or `stop`'s.
    pub(super) async fn before(&self, listener: &Listener, stop: &Stop) -> Result<()> {
        for check in &self.stage.smoke {
            let version = self.version(check.function());
            let what = format!("{} on version {version}", said(check));
            let work = async {
                match check {
                    Smoke::Get(get) => self.request(get, &version).await,
                    Smoke::Invoke(invoke) => self.invocation(invoke, &version).await,
                }
            };
            one(what, work, listener, stop).await?;
        }
        Ok(())
    }

    /// At the stage's address, and through the alias.
    ///
    /// # Errors
    /// The first check that fails, or `stop`'s.
    pub(super) async fn after(&self, listener: &Listener, stop: &Stop) -> Result<()> {
        for check in &self.stage.smoke {
            let work = async {
                match check {
                    Smoke::Get(get) => self.real_request(get).await,
                    Smoke::Invoke(invoke) => self.invocation(invoke, ALIAS).await,
                }
            };
            one(format!("{} on {}", said(check), self.stage.stage), work, listener, stop).await?;
        }
        Ok(())
    }

    /// The version of a function that is to serve; the alias, where this run does not touch the function.
    fn version(&self, name: &str) -> String {
        let found =
            self.plan.steps.iter().filter(|step| step.action != Action::Delete).find_map(|step| match &step.resource {
                Any::Function(function) if function.short_name == name => function.decided.version.get().cloned(),
                _ => None,
            });
        found.unwrap_or_else(|| ALIAS.to_owned())
    }

    fn config(&self, name: &str) -> Result<&FunctionConfig> {
        // The config was checked: this is a fault of ours.
        self.stage.functions.get(name).ok_or_else(|| Error::failed(format!("there is no function `{name}`")))
    }

    async fn invocation(&self, invoke: &Invoke, qualifier: &str) -> Result<()> {
        let payload = self.invoke(&invoke.function, qualifier, &invoke.payload).await?;
        match &invoke.contains {
            Some(text) if !String::from_utf8_lossy(&payload).contains(text) => Err(lacks()),
            _ => Ok(()),
        }
    }

    async fn request(&self, get: &Get, version: &str) -> Result<()> {
        let config = self.config(&get.function)?;
        let address = self.addresses.get(&get.function).map(String::as_str);
        let asked = Asked::get(&get.path);
        let event = front::event(self.stage, &self.cloud.account, (config, &asked), address)?;
        let payload = self.invoke(&get.function, version, &event).await?;
        judge(get, &of_front(config.front(), config.web.stream, &payload)?)
    }

    async fn real_request(&self, get: &Get) -> Result<()> {
        let Some(address) = self.addresses.get(&get.function) else {
            return Err(Error::failed(format!("`{}` has no address", get.function)));
        };
        let url = format!("{}{}", address.trim_end_matches('/'), get.path);
        let limit = Duration::from_secs(u64::from(self.config(&get.function)?.timeout) + 10);
        let settling = if self.cloud.endpoint.is_none() && self.front_changed() { SETTLING } else { Duration::ZERO };
        let started = Instant::now();
        loop {
            let judged = answered(&url, limit).await.and_then(|answer| judge(get, &answer));
            if judged.is_ok() || started.elapsed() >= settling {
                return judged;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// API Gateway's data plane and DNS take some seconds to know of a new front.
    fn front_changed(&self) -> bool {
        self.plan.steps.iter().filter(|step| !matches!(step.action, Action::Keep | Action::Delete)).any(|step| {
            match &step.resource {
                Any::Api(_) | Any::HttpApi(_) => true,
                Any::Function(function) => !matches!(&step.live, Some(Any::Function(live)) if live.url == function.url),
                _ => false,
            }
        })
    }

    /// One call, never repeated: it may have done something. The payload of the answer comes back.
    async fn invoke(&self, function: &str, qualifier: &str, payload: &Value) -> Result<Vec<u8>> {
        let timeout = self.config(function)?.timeout;
        let patience = TimeoutConfig::builder().read_timeout(Duration::from_secs(u64::from(timeout) + 60)).build();
        let once =
            aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(patience);
        let call = self.cloud.lambda.invoke().function_name(function_name(&self.owner, function)).qualifier(qualifier);
        let call = call.payload(Blob::new(payload.to_string())).customize().config_override(once);
        let answer = call.send().await.map_err(explain(format!("call `{function}`")))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let Some(kind) = answer.function_error else { return Ok(payload) };
        let detail: Value = serde_json::from_slice(&payload).unwrap_or(Value::Null);
        let mut error = Error::failed(format!("the function failed ({kind})"));
        let parts = [&detail["errorType"], &detail["errorMessage"]].into_iter().filter_map(Value::as_str);
        error.causes.extend(Some(parts.collect::<Vec<_>>().join(": ")).filter(|text| !text.is_empty()));
        Err(error)
    }

    /// Where a function answers: what this run has made knows, else it is looked up.
    async fn address(&self, name: &str) -> Result<Option<String>> {
        let (cloud, full) = (self.cloud, function_name(&self.owner, name));
        let stays = self.plan.steps.iter().filter(|step| step.action != Action::Delete);
        let known = stays.clone().find_map(|step| match &step.resource {
            Any::Function(function) if function.name == full && function.url.is_open() => {
                function.decided.url.get().cloned()
            }
            other => Front::of(cloud, other).filter(|front| front.functions.contains(&full)).map(|front| front.url),
        });
        if known.is_some() {
            return Ok(known);
        }
        front::address(cloud, &self.owner, self.config(name)?).await
    }
}

/// What a GET brings, as any client would get it.
async fn answered(url: &str, limit: Duration) -> Result<Answer> {
    let request = Outgoing { method: "GET".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    let answer = aws::send(request, limit).await?;
    Ok(Answer { status: answer.status, headers: Vec::new(), body: answer.whole().await? })
}

/// Carries out one check, unless `stop` comes first.
async fn one(what: String, work: impl Future<Output = Result<()>>, listener: &Listener, stop: &Stop) -> Result<()> {
    let started = Instant::now();
    listener(Event::Turn(Turn::Checking(what.clone())));
    let result = tokio::select! {
        result = work => result,
        () = stop.set() => return Err(stop.error()),
    };
    listener(Event::Turn(Turn::Checked(what.clone(), started.elapsed(), result.is_ok())));
    result.map_err(|error| error.context(format!("smoke check {what} failed")))
}

fn judge(get: &Get, answer: &Answer) -> Result<()> {
    let status = answer.status;
    let good = get.status.map_or((100..400).contains(&status), |wanted| wanted == status);
    if !good {
        let wanted = get.status.map_or_else(|| "below 400".to_owned(), |wanted| wanted.to_string());
        return Err(Error::failed(format!("it answered {status}, not {wanted}")));
    }
    match &get.contains {
        Some(text) if !String::from_utf8_lossy(&answer.body).contains(text) => Err(lacks()),
        _ => Ok(()),
    }
}

fn lacks() -> Error {
    Error::failed("the answer has not in it what `contains` says")
}

/// How a check is called; a query may hold a token.
fn said(check: &Smoke) -> String {
    match check {
        Smoke::Get(get) => format!("`GET {}` of `{}`", get.path.split('?').next().unwrap_or_default(), get.function),
        Smoke::Invoke(invoke) => format!("of `{}`", invoke.function),
    }
}
