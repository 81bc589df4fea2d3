//! `InvokeWithResponseStream`: an answer shown while it is made, with the head of HTTP it may begin with taken off.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html>

use std::collections::VecDeque;
use std::time::Duration;

use aws_sdk_lambda::operation::invoke_with_response_stream::InvokeWithResponseStreamOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvokeWithResponseStreamResponseEvent as Event;
use aws_sdk_lambda::types::LogType;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::document_of;
use super::failure::{self, refused};
use super::{Asked, Sink, Target, http};
use crate::aws::explain;
use crate::deploy::{Head, Prelude};
use crate::error::{Error, Kind, Result};
use crate::ui::{self, Report};

/// An answer that is on its way.
pub(super) struct Stream<'a> {
    target: &'a Target<'a>,
    answer: InvokeWithResponseStreamOutput,
    prelude: Prelude,
    ready: VecDeque<Part>,
    /// By when all of it has to be there.
    until: Instant,
    /// Bytes of the payload until now.
    size: u64,
    ended: bool,
    pub(super) version: Option<String>,
    pub(super) log: Option<String>,
    /// What AWS calls it when the function failed, and its error document.
    pub(super) failure: Option<(String, String)>,
}

/// What of an answer comes next.
pub(super) enum Part {
    Head(Head),
    Body(Vec<u8>),
}

impl<'a> Stream<'a> {
    /// Calls the function.
    pub(super) async fn start(target: &'a Target<'a>, asked: Asked) -> Result<Self> {
        let until = Instant::now() + target.timeout() + Duration::from_mins(1);
        let call = target
            .cloud
            .lambda
            .invoke_with_response_stream()
            .function_name(&target.name)
            .qualifier(&target.qualifier)
            .set_log_type(asked.logs.then_some(LogType::Tail))
            .set_client_context(asked.client_context)
            .payload(Blob::new(asked.payload));
        let answer = call.customize().config_override(target.once()).send().await;
        let answer = answer.map_err(|error| refused(target, error))?;
        let version = answer.executed_version.clone();
        let (prelude, ready) = (Prelude::default(), VecDeque::new());
        Ok(Self { target, answer, prelude, ready, until, size: 0, ended: false, version, log: None, failure: None })
    }

    /// What comes next, a head at most once and first; `None` at the end.
    ///
    /// # Errors
    /// The stream broke off. A function that fails is no error here, see [`Self::failure`].
    pub(super) async fn next(&mut self) -> Result<Option<Part>> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Ok(Some(part));
            }
            if self.ended {
                return Ok(None);
            }
            let (head, body) = match self.event().await? {
                Some(Event::PayloadChunk(chunk)) => {
                    let bytes = chunk.payload.map(Blob::into_inner).unwrap_or_default();
                    self.size += bytes.len() as u64;
                    self.prelude.push(bytes)
                }
                Some(Event::InvokeComplete(end)) => {
                    self.ended = true;
                    self.log = end.log_result.as_deref().map(Target::log);
                    self.failure = end.error_code.map(|code| (code, end.error_details.unwrap_or_default()));
                    (None, self.prelude.rest())
                }
                // Something that this SDK does not know yet.
                Some(_) => continue,
                None => return Err(self.broken("it has no end")),
            };
            self.ready.extend(head.map(Part::Head));
            self.ready.extend(Some(body).filter(|body| !body.is_empty()).map(Part::Body));
        }
    }

    async fn event(&mut self) -> Result<Option<Event>> {
        match tokio::time::timeout_at(self.until, self.answer.event_stream.recv()).await {
            Ok(Ok(event)) => Ok(event),
            Ok(Err(error)) => {
                let what = format!("read the answer of `{}`", self.target.function);
                let error = explain(what)(error);
                Err(error.hint(format!("{} had come; the function may have gone on", ui::bytes(self.size))))
            }
            Err(_) => Err(self.broken("its function should have ended long ago")),
        }
    }

    fn broken(&self, why: &str) -> Error {
        let (function, size) = (&self.target.function, ui::bytes(self.size));
        let mut error = Error::failed(format!("the answer of `{function}` broke off after {size}"));
        error.causes.push(why.to_owned());
        error
    }

    /// The function's failure, if it failed.
    pub(super) fn failed(&self) -> Option<Error> {
        let (code, details) = self.failure.as_ref()?;
        let mut error = failure::failed(self.target, code, details.as_bytes());
        if error.causes.is_empty() && !details.is_empty() {
            error.causes.push(details.clone());
        }
        Some(error)
    }
}

/// Calls it, shows its answer as it comes, and with `include` the head before it.
pub(super) async fn run(target: &Target<'_>, asked: Asked, mut sink: Sink, include: bool) -> Result<Box<dyn Report>> {
    let mut stream = Stream::start(target, asked).await?;
    let mut head = None;
    loop {
        match stream.next().await {
            Ok(Some(Part::Head(it))) => {
                if include && !target.context.ui.is_json() {
                    sink.write(http::head_text(it.status, &it.headers).as_bytes())?;
                }
                head = Some(it);
            }
            Ok(Some(Part::Body(bytes))) => sink.write(&bytes)?,
            Ok(None) => break,
            Err(error) => {
                sink.end()?;
                return Err(error);
            }
        }
    }
    sink.end()?;
    let ui = target.context.ui;
    if !ui.is_json() {
        if let Some(log) = &stream.log {
            ui.say(log.trim_end());
        }
        if let Some(error) = stream.failed() {
            return Err(error);
        }
    }
    let Stream { version, log, failure, .. } = stream;
    Ok(Box::new(Streamed { head, body: sink.collected().to_vec(), output: sink.path(), version, log, failure }))
}

/// All of it, for programs; people have seen it.
struct Streamed {
    head: Option<Head>,
    body: Vec<u8>,
    output: Option<String>,
    version: Option<String>,
    log: Option<String>,
    failure: Option<(String, String)>,
}

impl Report for Streamed {
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> Value {
        let error = self.failure.as_ref();
        let head = self.head.as_ref();
        let mut document = json!({
            "status": 200,
            "head": head.map(|head| json!({"status": head.status, "headers": http::headers_json(&head.headers)})),
            "payload": document_of(&self.body),
            "function_error": error.map(|(code, _)| code),
            "error_details": error.map(|(_, details)| document_of(details.as_bytes())),
            "version": self.version,
            "log": self.log,
            "hint": error.and_then(|(_, details)| failure::hint(details.as_bytes())),
        });
        if let Some(path) = &self.output {
            document["output"] = json!(path);
        }
        document
    }

    fn exit(&self) -> Option<Kind> {
        self.failure.as_ref().map(|_| Kind::Failed)
    }
}
