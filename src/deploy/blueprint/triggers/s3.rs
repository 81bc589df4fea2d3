//! What happens in a bucket: one resource for each bucket that wakes a function, for a bucket has one list of whom
//! it calls.

use std::collections::BTreeMap;

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::{S3Trigger, Trigger};
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, BucketCall, BucketNotification, Kind};
use crate::error::Result;

impl Wakes for S3Trigger {
    /// Those of a bucket stand together: see [`of_stage`].
    fn wanted(&self, _: &FunctionConfig, _: &Drawing<'_>) -> Result<Vec<Any>> {
        Ok(Vec::new())
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::BucketNotification]
    }
}

/// What the buckets call in a stage.
pub(in crate::deploy::blueprint) fn of_stage(drawing: &Drawing<'_>) -> Result<Vec<Any>> {
    let mut buckets: BTreeMap<String, BucketNotification> = BTreeMap::new();
    for function in drawing.stage.functions.values() {
        for trigger in &function.triggers {
            let Trigger::S3(trigger) = trigger else { continue };
            let arn = drawing.addresses.arn(&trigger.bucket)?;
            let bucket = buckets.entry(arn.clone());
            let bucket = bucket.or_insert_with(|| BucketNotification::wanted(&drawing.owner, &arn));
            bucket.call(BucketCall {
                target: drawing.alias(function),
                events: trigger.events.clone(),
                prefix: trigger.prefix.clone(),
                suffix: trigger.suffix.clone(),
            });
        }
    }
    Ok(buckets.into_values().map(Any::BucketNotification).collect())
}
