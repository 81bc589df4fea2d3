//! One call of `FilterLogEvents`, and what its failure means for who follows a log.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatchlogs::error::{BoxError, ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::aws::{Cloud, code, explain, is_code, is_passing, is_throttled};
use crate::error::{Error, Kind};

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) group: String,
    /// Ms, both included.
    pub(super) from: i64,
    pub(super) until: Option<i64>,
    pub(super) pattern: Option<String>,
    pub(super) token: Option<String>,
    /// Events, at most.
    pub(super) limit: i32,
}

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<Found>,
    /// There is more; the page may be empty nevertheless.
    pub(super) token: Option<String>,
}

/// An event as it came.
#[derive(Debug)]
pub(super) struct Found {
    /// Some emulators give none.
    pub(super) id: Option<String>,
    pub(super) timestamp: i64,
    pub(super) stream: String,
    pub(super) message: String,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No such log group, now.
    Missing,
    Throttled,
    /// The token is no longer good: the round has to begin again.
    Token,
    /// Credentials have expired.
    Expired(Error),
    /// It may pass: the network, or the service.
    Passing(Error),
    Fatal(Error),
}

/// How far AWS's clock is ahead of ours, ms.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Ms since 1970, as AWS sees it.
    pub(super) fn now(&self) -> i64 {
        Timestamp::now().as_millisecond() + self.0.load(Ordering::Relaxed)
    }
}

/// `Date` has whole seconds: what is not more than this apart is the same time.
const SAME: i64 = 3_000;

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(|date| rfc2822::parse(date).ok());
        if let Some(date) = date {
            let ahead = date.timestamp().as_millisecond() - Timestamp::now().as_millisecond();
            self.0.store(if ahead.abs() > SAME { ahead } else { 0 }, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Asks once. Trying again is the scheduler's business: the SDK's own retries would hide what AWS refuses.
pub(super) async fn read(cloud: &Cloud, clock: Clock, question: Question) -> Result<Page, Trouble> {
    let Question { group, from, until, pattern, token, limit } = question;
    let had_token = token.is_some();
    let call = cloud.logs.filter_log_events().log_group_name(&group).start_time(from).set_end_time(until);
    let call = call.set_filter_pattern(pattern).set_next_token(token).limit(limit).customize();
    let call = call.config_override(Builder::new().retry_config(RetryConfig::disabled())).interceptor(clock);
    let page = call.send().await.map_err(|error| trouble(&group, had_token, error))?;
    let events = page.events.unwrap_or_default().into_iter().filter_map(|event| {
        let message = trimmed(event.message.unwrap_or_default());
        let stream = event.log_stream_name.unwrap_or_default();
        Some(Found { id: event.event_id, timestamp: event.timestamp?, stream, message })
    });
    let mut events: Vec<Found> = events.collect();
    // So it is on AWS; an emulator may think otherwise.
    events.sort_by_key(|event| event.timestamp);
    Ok(Page { events, token: page.next_token.filter(|token| !token.is_empty()) })
}

/// Without the line end.
pub(in crate::observe) fn trimmed(mut message: String) -> String {
    message.truncate(message.trim_end_matches(['\n', '\r']).len());
    message
}

/// True when logs are read too often, in whichever words `CloudWatch` Logs says so.
pub(in crate::observe) fn is_too_often<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code(error).is_some_and(is_throttled) || is_code(error, &["LimitExceededException", "RequestLimitExceeded"])
}

fn trouble<E>(group: &str, had_token: bool, error: SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let invalid = is_code(&error, &["InvalidParameterException"]);
    match code(&error) {
        Some("ResourceNotFoundException") => return Trouble::Missing,
        _ if is_too_often(&error) => return Trouble::Throttled,
        _ if invalid && had_token => return Trouble::Token,
        _ => {}
    }
    let denied = code(&error).is_some_and(|code| code.contains("AccessDenied"));
    let passing = is_passing(&error);
    let said = explain(format!("read the log group `{group}`"))(error);
    match said.kind {
        _ if invalid => Trouble::Fatal(said.hint(
            "is the filter pattern right? a phrase with special characters needs double quotes inside: --filter '\"a-b\"'",
        )),
        Kind::Access if denied => Trouble::Fatal(said),
        Kind::Access => Trouble::Expired(said),
        _ if passing => Trouble::Passing(said),
        _ => Trouble::Fatal(said),
    }
}
