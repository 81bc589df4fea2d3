//! Triggers that are fired by way of their service, which then calls the function without waiting for it: a message to
//! a topic, an event on a bus. What came of it is read from the function's metrics and log.

use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::Value;

use super::{Fired, PATIENCE, Scene, fit, log_since};
use crate::aws::{Backoff, explain};
use crate::config::triggers::{EventsTrigger, SnsTrigger};
use crate::deploy::{self, Place};
use crate::error::{Error, Result};

/// A message to the topic, with what its filter asks for.
pub(super) async fn published(scene: &Scene<'_>, sns: &SnsTrigger, message: Option<&str>) -> Result<Fired> {
    let arn = deploy::source_arn(scene.stage, &Place::of(scene.cloud), &sns.topic)?;
    let mut text = message.unwrap_or("{}").to_owned();
    let mut call = scene.cloud.sns.publish().topic_arn(&arn);
    match (&sns.filter, sns.filter_body, message) {
        (Some(filter), true, None) => {
            text = fit::object(filter).ok_or_else(|| unguessed("filter", "--message '{…}'"))?.to_string();
        }
        (Some(filter), false, _) => {
            let made = fit::object(filter).ok_or_else(|| {
                unguessed("filter", "`aws sns publish --message-attributes …` with the local cloud as its endpoint")
            })?;
            for (name, value) in made.as_object().into_iter().flatten() {
                let kind = if value.is_number() { "Number" } else { "String" };
                let attribute = MessageAttributeValue::builder().data_type(kind).string_value(plain(value)).build();
                call = call.message_attributes(
                    name,
                    attribute.map_err(|error| {
                        Error::failed("cannot describe an attribute of the message").because(&error)
                    })?,
                );
            }
        }
        _ => {}
    }
    let topic = arn.rsplit(':').next().unwrap_or_default();
    let watch = Watch::begin(scene).await?;
    let sent = call.message(&text).send().await;
    sent.map_err(|error| scene.missing(explain(format!("publish to the topic `{topic}`"))(error)))?;
    watch.outcome(format!("a message to {topic}: {text}")).await
}

/// An event on the bus that fits the pattern; `detail` is JSON of the user's own.
pub(super) async fn put(scene: &Scene<'_>, events: &EventsTrigger, detail: Option<&str>) -> Result<Fired> {
    let mut pattern = events.pattern.clone();
    if let (Some(_), Value::Object(members)) = (detail, &mut pattern) {
        members.remove("detail");
    }
    let made = fit::object(&pattern).ok_or_else(|| unguessed("pattern", "--message '{…}'"))?;
    let text = |name: &str| made[name].as_str().map_or_else(|| "sample".to_owned(), str::to_owned);
    let detail = match detail {
        Some(detail) => detail.to_owned(),
        None => made.get("detail").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new())).to_string(),
    };
    let bus = match &events.bus {
        Some(bus) => deploy::source_arn(scene.stage, &Place::of(scene.cloud), bus)?,
        None => "default".to_owned(),
    };
    let entry = PutEventsRequestEntry::builder().event_bus_name(&bus).source(text("source")).detail(&detail);
    let entry = entry.detail_type(text("detail-type"));
    let entry = entry.set_resources(made["resources"].as_str().map(|arn| vec![arn.to_owned()])).build();
    let watch = Watch::begin(scene).await?;
    let answer = scene.cloud.eventbridge.put_events().entries(entry).send().await;
    let answer = answer.map_err(|error| scene.missing(explain("put an event")(error)))?;
    if let Some(refused) = answer.entries().iter().find_map(|entry| entry.error_message()) {
        return Err(Error::failed("EventBridge refused the event").because(&std::io::Error::other(refused.to_owned())));
    }
    let bus = bus.rsplit('/').next().unwrap_or_default();
    watch.outcome(format!("an event on {bus} of {}: {detail}", text("source"))).await
}

fn unguessed(what: &str, instead: &str) -> Error {
    Error::usage(format!("nobody could guess what fits this {what}")).hint(format!("say what is sent: {instead}"))
}

/// As an attribute has it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How often the function has run, from a moment on.
struct Watch<'a> {
    scene: &'a Scene<'a>,
    /// ms since 1970.
    since: i64,
    before: Runs,
}

#[derive(Debug, Clone, Copy)]
struct Runs {
    all: f64,
    failed: f64,
}

impl<'a> Watch<'a> {
    async fn begin(scene: &'a Scene<'a>) -> Result<Self> {
        let since = jiff::Timestamp::now().as_millisecond();
        Ok(Self { scene, since, before: runs(scene, since).await? })
    }

    /// Waits until it has run once more, and says what came of it.
    async fn outcome(self, what: String) -> Result<Fired> {
        let limit = PATIENCE + Duration::from_secs(u64::from(self.scene.function.timeout));
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500), limit);
        loop {
            let now = runs(self.scene, self.since).await?;
            if now.all > self.before.all {
                let failed = now.failed > self.before.failed;
                let error = failed.then(|| "it ended with an error, and is tried again as its settings say".to_owned());
                let outcome = if failed { String::new() } else { "the function has run".to_owned() };
                return Ok(Fired { what, outcome, error, log: log_since(self.scene, self.since).await? });
            }
            if !backoff.sleep().await {
                let error =
                    format!("the function was not called within {} s: what was sent may not fit", limit.as_secs());
                return Ok(Fired { what, outcome: String::new(), error: Some(error), log: String::new() });
            }
        }
    }
}

/// Invocations and errors in the minutes from that on, which a metric counts as one.
async fn runs(scene: &Scene<'_>, since: i64) -> Result<Runs> {
    let sum = async |metric: &str| {
        let function = Dimension::builder().name("FunctionName").value(scene.name()).build();
        let from = since - since.rem_euclid(60_000);
        let call = scene.cloud.cloudwatch.get_metric_statistics().namespace("AWS/Lambda").metric_name(metric);
        let call = call.dimensions(function).statistics(Statistic::Sum).period(60);
        let call = call.start_time(DateTime::from_millis(from)).end_time(DateTime::from_millis(from + 3_600_000));
        let answer = call.send().await.map_err(explain("read how often the function has run"))?;
        Ok::<f64, Error>(answer.datapoints().iter().filter_map(Datapoint::sum).sum())
    };
    Ok(Runs { all: sum("Invocations").await?, failed: sum("Errors").await? })
}
