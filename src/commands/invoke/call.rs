//! Lambda's `Invoke`: with an answer, without one, or only to see whether it would be allowed.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use serde_json::{Value, json};

use super::failure::{self, refused};
use super::{Asked, Sink, Target};
use crate::deploy;
use crate::error::{Kind, Result};
use crate::ui::Report;

/// What AWS says of a call.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) status: i32,
    pub(super) payload: Vec<u8>,
    pub(super) function_error: Option<String>,
    pub(super) version: Option<String>,
    pub(super) log: Option<String>,
}

/// Calls it and waits for what it returns.
pub(super) async fn invoke(target: &Target<'_>, asked: Asked, kind: InvocationType) -> Result<Returned> {
    let call = target
        .cloud
        .lambda
        .invoke()
        .function_name(&target.name)
        .qualifier(&target.qualifier)
        .invocation_type(kind)
        .set_log_type(asked.logs.then_some(LogType::Tail))
        .set_client_context(asked.client_context)
        .payload(Blob::new(asked.payload));
    let answer = call.customize().config_override(target.once()).send().await;
    let answer = answer.map_err(|error| refused(target, error))?;
    Ok(Returned {
        status: answer.status_code,
        log: answer.log_result.as_deref().map(Target::log),
        function_error: answer.function_error,
        version: answer.executed_version,
        payload: answer.payload.map(Blob::into_inner).unwrap_or_default(),
    })
}

/// Calls it, shows its answer.
pub(super) async fn run(target: &Target<'_>, asked: Asked, mut sink: Sink) -> Result<Box<dyn Report>> {
    let mut returned = invoke(target, asked, InvocationType::RequestResponse).await?;
    if target.streams()
        && let Some(document) = deploy::unstreamed(&returned.payload)
    {
        returned.payload = document;
    }
    let ui = target.context.ui;
    if !ui.is_json()
        && let Some(log) = &returned.log
    {
        ui.say(log.trim_end());
    }
    sink.whole(&returned.payload)?;
    sink.end()?;
    if !ui.is_json()
        && let Some(kind) = &returned.function_error
    {
        return Err(failure::failed(target, kind, &returned.payload));
    }
    Ok(Box::new(Answered { returned, output: sink.path() }))
}

/// Calls it without an answer: it runs later, or not at all.
pub(super) async fn unanswered(target: &Target<'_>, payload: Vec<u8>, dry_run: bool) -> Result<Box<dyn Report>> {
    let kind = if dry_run { InvocationType::DryRun } else { InvocationType::Event };
    let asked = Asked { payload, client_context: None, logs: false };
    let returned = invoke(target, asked, kind).await?;
    let ui = target.context.ui;
    if !ui.is_json() {
        let (function, status) = (&target.function, returned.status);
        let what = if dry_run { "may be called" } else { "will run" };
        ui.say(&format!("{function} {what} (status {status})"));
    }
    Ok(Box::new(Answered { returned, output: None }))
}

/// All of it, for programs; people have seen it.
struct Answered {
    returned: Returned,
    output: Option<String>,
}

/// JSON as it is, other text as a text, nothing as null.
pub(super) fn document_of(payload: &[u8]) -> Value {
    if payload.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
}

impl Report for Answered {
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> Value {
        let Self { returned, output } = self;
        let failed = returned.function_error.is_some();
        let mut document = json!({
            "status": returned.status,
            "payload": if output.is_some() { Value::Null } else { document_of(&returned.payload) },
            "function_error": returned.function_error,
            "version": returned.version,
            "log": returned.log,
            "hint": failed.then(|| failure::hint(&returned.payload)).flatten(),
        });
        if let Some(path) = output {
            document["output"] = json!(path);
        }
        document
    }

    fn exit(&self) -> Option<Kind> {
        self.returned.function_error.as_ref().map(|_| Kind::Failed)
    }
}
