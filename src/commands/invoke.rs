//! `rzap invoke`: one call of a function; its answer on stdout, exactly.

use std::io::Read as _;
use std::time::Duration;

use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use base64::Engine as _;
use serde_json::{Value, json};

use super::context::{Context, one_function, owner_of};
use crate::aws::{code, explain};
use crate::deploy::{self, ALIAS};
use crate::error::{Error, Kind, OrFailed as _, Result};
use crate::observe;
use crate::ui::Report;

/// Call a function: its answer goes to stdout, exactly as it came
#[derive(Debug, clap::Args)]
pub(crate) struct Invoke {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// The function; may be left out when there is only one
    function: Option<String>,

    /// The event: JSON, @FILE, or - for stdin
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    payload: String,

    /// Do not wait for the answer
    #[arg(long = "async", conflicts_with = "logs")]
    asynchronous: bool,

    /// An alias or a version
    #[arg(long, value_name = "Q", default_value = ALIAS)]
    qualifier: String,

    /// Show the end of the log (4 KB) on stderr
    #[arg(long)]
    logs: bool,
}

impl Invoke {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let function = one_function(&stage, self.function.as_deref())?;
        let payload = payload(&self.payload)?;
        let cloud = context.cloud(&stage).await?;
        let name = deploy::function_name(&owner_of(&stage), &function);
        let kind = if self.asynchronous { InvocationType::Event } else { InvocationType::RequestResponse };
        let call = cloud
            .lambda
            .invoke()
            .function_name(&name)
            .qualifier(&self.qualifier)
            .invocation_type(kind)
            .set_log_type(self.logs.then_some(LogType::Tail))
            .payload(Blob::new(payload));
        // A repeated call after a lost answer would run the function twice.
        let longest = stage.functions.get(&function).map_or(900, |config| config.timeout);
        let patience = TimeoutConfig::builder().read_timeout(Duration::from_secs(u64::from(longest) + 60)).build();
        let once =
            aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(patience);
        let answer = match call.customize().config_override(once).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => {
                return Err(explain(format!("call `{function}` of stage `{}`", stage.stage))(error).hint(format!(
                    "is it deployed? `rzap status {0}` shows it, `rzap deploy {0}` deploys it",
                    stage.stage
                )));
            }
            Err(error) => return Err(explain(format!("call `{function}` of stage `{}`", stage.stage))(error)),
        };
        let log =
            answer.log_result().map(|log| base64::engine::general_purpose::STANDARD.decode(log).unwrap_or_default());
        let log = log.map(|log| String::from_utf8_lossy(&log).into_owned());
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let streams = stage.functions.get(&function).is_some_and(|config| config.web.stream && config.entry.is_web());
        let answered = Answered {
            payload: streams.then(|| deploy::unstreamed(&payload)).flatten().unwrap_or(payload),
            function_error: answer.function_error,
            version: answer.executed_version,
            status: answer.status_code,
            log,
        };
        if !context.ui.is_json() {
            if let Some(log) = &answered.log {
                context.ui.say(log.trim_end());
            }
            if self.asynchronous {
                context.ui.say(&format!("{function} will run (status {})", answered.status));
            }
            if let Some(error) = &answered.function_error {
                context.ui.data(&answered.payload);
                return Err(failed(&function, error, &answered.payload, &stage.stage));
            }
        }
        Ok(Box::new(answered))
    }
}

/// The event as bytes. JSON is checked here: AWS's own message for it is less clear.
fn payload(text: &str) -> Result<Vec<u8>> {
    let (bytes, source) = match text.strip_prefix('@') {
        Some(path) => (std::fs::read(path).or_failed(|| format!("read the payload from {path}"))?, path),
        None if text == "-" => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).or_failed(|| "read the payload from stdin")?;
            (bytes, "stdin")
        }
        None => (text.as_bytes().to_vec(), "--payload"),
    };
    match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::usage(format!("the payload from {source} is not JSON"))
            .because(&error)
            .hint("a text is JSON only in quotes: --payload '\"text\"'")),
    }
}

/// The function failed; its answer is on stdout already.
fn failed(function: &str, kind: &str, payload: &[u8], stage: &str) -> Error {
    let detail: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
    let mut error = Error::failed(format!("the function `{function}` failed ({kind})"));
    let (name, text) = (detail["errorType"].as_str(), detail["errorMessage"].as_str());
    error.causes.extend(match (name, text) {
        (Some(name), Some(text)) => Some(format!("{name}: {text}")),
        (one, other) => one.or(other).map(str::to_owned),
    });
    if let Some(hint) = text.and_then(observe::hint) {
        error = error.hint(hint);
    }
    error.hint(format!("`--logs` shows the end of its log, `rzap tail {stage} {function}` all of it"))
}

struct Answered {
    payload: Vec<u8>,
    function_error: Option<String>,
    version: Option<String>,
    status: i32,
    log: Option<String>,
}

impl Answered {
    /// What to do, where the function's error says that something is missing.
    fn hint(&self) -> Option<String> {
        self.function_error.as_ref()?;
        observe::hint(serde_json::from_slice::<Value>(&self.payload).ok()?["errorMessage"].as_str()?)
    }
}

impl Report for Answered {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    fn json(&self) -> Value {
        let payload = serde_json::from_slice(&self.payload)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.payload).into_owned()));
        json!({
            "status": self.status,
            "payload": if self.payload.is_empty() { Value::Null } else { payload },
            "function_error": self.function_error,
            "version": self.version,
            "log": self.log,
            "hint": self.hint(),
        })
    }

    fn exit(&self) -> Option<Kind> {
        self.function_error.as_ref().map(|_| Kind::Failed)
    }
}
