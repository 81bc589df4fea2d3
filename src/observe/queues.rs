//! How full queues are.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::aws::{Cloud, explain, is_code};
use crate::error::Result;

/// Queues looked at at once.
const PARALLEL: usize = 16;
/// The codes of the two protocols that SQS speaks.
const GONE: &[&str] = &["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];

/// A queue to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Queue {
    /// On AWS.
    pub(crate) name: String,
    /// Twelve digits; another account's where it is not ours.
    pub(crate) account: String,
    /// What could not be worked on ends here.
    pub(crate) dead_letters: bool,
}

/// What is in one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Depth {
    pub(crate) name: String,
    pub(crate) dead_letters: bool,
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
    /// Of its oldest message, s; null where `CloudWatch` has not said.
    pub(crate) oldest_seconds: Option<f64>,
}

/// Those of the queues that are there, in this order.
pub(crate) async fn depths(cloud: &Cloud, queues: &[Queue]) -> Result<Vec<Depth>> {
    let looks = queues.iter().map(|queue| depth(cloud, queue));
    let found: Vec<Option<Depth>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn depth(cloud: &Cloud, queue: &Queue) -> Result<Option<Depth>> {
    let what = || format!("look at the queue `{}`", queue.name);
    let call = cloud.sqs.get_queue_url().queue_name(&queue.name);
    let others = Some(queue.account.clone()).filter(|account| *account != cloud.account);
    let url = match call.set_queue_owner_aws_account_id(others).send().await {
        Ok(answer) => answer.queue_url.unwrap_or_default(),
        Err(error) if is_code(&error, GONE) => return Ok(None),
        Err(error) => return Err(explain(what())(error)),
    };
    let counts = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
        Attribute::ApproximateNumberOfMessagesDelayed,
    ];
    let call = cloud.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(counts.to_vec()));
    let found: HashMap<Attribute, String> = match call.send().await {
        Ok(answer) => answer.attributes.unwrap_or_default(),
        Err(error) if is_code(&error, GONE) => return Ok(None),
        Err(error) => return Err(explain(what())(error)),
    };
    let [visible, in_flight, delayed] =
        counts.map(|name| found.get(&name).and_then(|text| text.parse().ok()).unwrap_or_default());
    let (name, dead_letters) = (queue.name.clone(), queue.dead_letters);
    Ok(Some(Depth { name, dead_letters, visible, in_flight, delayed, oldest_seconds: None }))
}
