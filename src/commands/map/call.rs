//! One call of the function, and what it came to: an answer, a failure of this item, a refusal that says nothing about
//! it, or the end of the whole run.
//!
//! The SDK's own retries are off: which call may be made again, and when, the engine decides.

use std::error::Error as _;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::RequestId as _;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use bytes::Bytes;
use serde::Deserialize;

use super::line::{Failure, Source};
use crate::aws::{Cloud, code, explain};
use crate::deploy;
use crate::error::{Error, Kind};

/// What a call came to.
#[derive(Debug)]
pub(super) enum Heard {
    Answer(Bytes),
    /// This item could not be done; `true`: perhaps the next time.
    Failed(Failure, bool),
    /// It was not run: too many run already, or nothing could be reached.
    Refused(Error),
    /// No other call would do any better.
    Fatal(Error),
}

/// Calls one function.
#[derive(Debug)]
pub(super) struct Caller {
    client: Client,
    name: String,
    qualifier: String,
    /// Its answers are streams, which nobody reads here.
    streams: bool,
    patience: Duration,
    /// `worker` of stage `dev`, for messages.
    what: String,
    stage: String,
}

/// What a function that failed answers.
/// <https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html>
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Raised {
    error_type: Option<String>,
    error_message: Option<String>,
}

impl Caller {
    /// `patience` is for one call.
    pub(super) fn new(
        cloud: &Cloud,
        name: String,
        qualifier: String,
        function: &str,
        stage: &str,
        patience: Duration,
    ) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).operation_timeout(patience).build();
        let config = cloud.lambda.config().to_builder();
        let config = config
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self {
            client: Client::from_conf(config.build()),
            name,
            qualifier,
            streams: false,
            patience,
            what: format!("call `{function}` of stage `{stage}`"),
            stage: stage.to_owned(),
        }
    }

    /// With answers that are streams.
    pub(super) fn streaming(self, streams: bool) -> Self {
        Self { streams, ..self }
    }

    pub(super) async fn call(&self, payload: Bytes) -> Heard {
        let call = self.client.invoke().function_name(&self.name).qualifier(&self.qualifier);
        let answer = match call.payload(Blob::new(payload)).send().await {
            Ok(answer) => answer,
            Err(error) => return self.refused(error),
        };
        let id = answer.request_id().map(str::to_owned);
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let Some(how) = answer.function_error else {
            let whole = self.streams.then(|| deploy::unstreamed(&payload)).flatten();
            return Heard::Answer(whole.unwrap_or(payload).into());
        };
        let raised: Raised = serde_json::from_slice(&payload).unwrap_or_default();
        let text = || String::from_utf8_lossy(&payload[..payload.len().min(1_000)]).into_owned();
        let failure = Failure {
            source: Source::Function,
            kind: raised.error_type.unwrap_or(how),
            message: raised.error_message.unwrap_or_else(text),
            request_id: id,
        };
        Heard::Failed(failure, true)
    }

    fn refused(&self, error: SdkError<InvokeError, HttpResponse>) -> Heard {
        let SdkError::ServiceError(service) = &error else { return self.unanswered(error) };
        let status = service.raw().status().as_u16();
        let kind = code(&error).unwrap_or("unknown error").to_owned();
        let explained = |error| explain(self.what.clone())(error);
        match (status, kind.as_str()) {
            // EC2 throttled Lambda while it made an environment for the function.
            (429, _) | (_, "EC2ThrottledException" | "ThrottlingException") => Heard::Refused(explained(error)),
            // Of this item: too large, or not what the function's runtime takes.
            (413 | 415, _) | (400, "InvalidRequestContentException") => {
                Heard::Failed(self.failure(&error, Source::Lambda, kind), false)
            }
            (404, _) => {
                Heard::Fatal(explained(error).hint(format!(
                    "is it deployed? `rzap status {0}` shows it, `rzap deploy {0}` deploys it",
                    self.stage
                )))
            }
            // The function is being changed, or Lambda is in trouble.
            (408..=410 | 500.., _) => Heard::Failed(self.failure(&error, Source::Lambda, kind), true),
            _ => Heard::Fatal(explained(error)),
        }
    }

    fn failure(&self, error: &SdkError<InvokeError, HttpResponse>, source: Source, kind: String) -> Failure {
        use aws_sdk_lambda::error::ProvideErrorMetadata as _;
        let message = error.as_service_error().and_then(|error| error.message());
        Failure {
            source,
            kind,
            message: message.unwrap_or(&self.what).to_owned(),
            request_id: error.request_id().map(str::to_owned),
        }
    }

    /// No answer, or none of Lambda's.
    fn unanswered(&self, error: SdkError<InvokeError, HttpResponse>) -> Heard {
        let (timed_out, sent) = match &error {
            SdkError::ConstructionFailure(_) => return Heard::Fatal(explain(self.what.clone())(error)),
            SdkError::TimeoutError(_) => (true, true),
            SdkError::DispatchFailure(_) => (false, !could_not_connect(&error)),
            _ => (false, true),
        };
        let kind = if timed_out { "Timeout" } else { "NoAnswer" };
        let explained = explain(self.what.clone())(error);
        if explained.kind == Kind::Access {
            return Heard::Fatal(explained);
        }
        // What was not sent did not run.
        if !sent {
            return Heard::Refused(explained);
        }
        let message = match explained.causes.last() {
            _ if timed_out => format!("no answer within {} s", self.patience.as_secs()),
            Some(cause) => cause.clone(),
            None => explained.message,
        };
        Heard::Failed(Failure { source: Source::Network, kind: kind.to_owned(), message, request_id: None }, true)
    }
}

/// Whether there was not even a connection.
fn could_not_connect(error: &SdkError<InvokeError, HttpResponse>) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if text.contains("(Connect)") || text.contains("connect timeout") {
            return true;
        }
        next = error.source();
    }
    false
}
