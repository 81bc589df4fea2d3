//! Whether a bucket tells `EventBridge` what happens to its objects: the one switch for that in its notification
//! configuration.
//!
//! Everything else in there is not the bucket's: it is written back as it was read, and nobody in it is asked again.
//! What a bucket calls is [`BucketNotification`](crate::deploy::kinds::BucketNotification), which comes after it
//! and leaves the switch as it is.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html>

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Read;
use aws_sdk_s3::types::{EventBridgeConfiguration, NotificationConfiguration};

use crate::aws::{Backoff, Cloud, explain, is_code};
use crate::error::{Error, Result};

async fn read(cloud: &Cloud, bucket: &str) -> Result<Option<Read>> {
    let call = cloud.s3.get_bucket_notification_configuration().bucket(bucket);
    match call.expected_bucket_owner(&cloud.account).send().await {
        Ok(configuration) => Ok(Some(configuration)),
        Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(None),
        Err(error) => Err(explain(format!("read the notifications of the bucket `{bucket}`"))(error)),
    }
}

pub(super) async fn is_on(cloud: &Cloud, bucket: &str) -> Result<bool> {
    Ok(read(cloud, bucket).await?.is_some_and(|live| live.event_bridge_configuration.is_some()))
}

/// Turns it on or off, and reads it again until it is so: what comes next writes the whole configuration, too, and
/// must not write what was.
pub(super) async fn switch(cloud: &Cloud, bucket: &str, on: bool) -> Result<()> {
    let what = || format!("set the notifications of the bucket `{bucket}`");
    let mut backoff = Backoff::propagation();
    let mut written = false;
    loop {
        let Some(live) = read(cloud, bucket).await? else {
            let error = Error::failed(format!("failed to {}: it is not there any more", what()));
            return Err(error.hint("run the same command again: it makes the bucket anew"));
        };
        if live.event_bridge_configuration.is_some() == on {
            return Ok(());
        }
        if written && !backoff.sleep().await {
            let error =
                Error::failed(format!("the notifications of the bucket `{bucket}` do not stay as they are written"));
            return Err(error.hint("somebody else changes them at the same time: run rzap again"));
        }
        let all = NotificationConfiguration::builder()
            .set_lambda_function_configurations(live.lambda_function_configurations)
            .set_queue_configurations(live.queue_configurations)
            .set_topic_configurations(live.topic_configurations)
            .set_event_bridge_configuration(on.then(|| EventBridgeConfiguration::builder().build()))
            .build();
        let call = cloud.s3.put_bucket_notification_configuration().bucket(bucket).notification_configuration(all);
        let call = call.expected_bucket_owner(&cloud.account).skip_destination_validation(true);
        match call.send().await {
            Ok(_) => written = true,
            // A change of the bucket that is in progress.
            Err(error) if is_code(&error, &["OperationAborted"]) && backoff.sleep().await => {}
            Err(error) => return Err(explain(what())(error)),
        }
    }
}
