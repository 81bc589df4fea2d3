//! What a bucket calls when something happens to its objects: our entries in its notification configuration, and the
//! permissions on the functions.
//!
//! A bucket has one configuration, which is written as a whole, and it may be somebody else's bucket: ours are the
//! entries whose ids begin as our permissions' do, and every other one is written back as it was read (but for what
//! the SDK does not know yet). Nothing tells S3 to write only what nobody has changed meanwhile, so what was written
//! is read again. A bucket that `rzap.yaml` speaks of no more is found by the permissions.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Read;
use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, LambdaFunctionConfiguration, NotificationConfiguration,
    NotificationConfigurationFilter, S3KeyFilter,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Serialize, Serializer};

use super::Kind;
use super::attempt::{Made, Refused, patiently};
use super::function::{Grant, granted, id_prefix, statement_id, take_back};
use crate::aws::{Backoff, Cloud, explain, is_code};
use crate::config::StageConfig;
use crate::config::triggers::Trigger;
use crate::deploy::names::ALIAS;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, OrFailed as _, Result};

/// The word in our ids.
const WORD: &str = "s3";

/// Buckets read at once.
const PARALLEL: usize = 4;

/// What a bucket calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BucketNotification {
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// An ARN.
    #[serde(skip)]
    pub(crate) bucket: String,
    pub(crate) calls: BTreeSet<BucketCall>,
    /// The functions that it may call, by their names on AWS.
    pub(crate) may_call: BTreeSet<String>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BucketCall {
    /// The ARN of a function's alias.
    pub(crate) target: String,
    /// `s3:ObjectCreated:*`
    pub(crate) events: BTreeSet<String>,
    /// What keys begin and end with.
    pub(crate) prefix: String,
    pub(crate) suffix: String,
}

impl fmt::Display for BucketCall {
    /// `shop-dev-thumbnail on s3:ObjectCreated:* of in/*.jpg`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: Vec<&str> = self.events.iter().map(String::as_str).collect();
        let target = self.function().unwrap_or(&self.target);
        write!(f, "{target} on {} of {}*{}", events.join(", "), self.prefix, self.suffix)
    }
}

impl Serialize for BucketCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl BucketCall {
    /// The function's name on AWS, when it is the alias `live` that is called.
    fn function(&self) -> Option<&str> {
        let mut parts = self.target.split(':').skip(6);
        let (name, alias) = (parts.next()?, parts.next());
        (alias == Some(ALIAS)).then_some(name)
    }

    fn of(entry: &LambdaFunctionConfiguration) -> Self {
        let rules = entry.filter().and_then(|filter| filter.key()).map(S3KeyFilter::filter_rules).unwrap_or_default();
        let part = |name: &str| {
            // AWS writes `Prefix`, whatever it was given.
            let is = |rule: &&FilterRule| rule.name().is_some_and(|it| it.as_str().eq_ignore_ascii_case(name));
            rules.iter().find(is).and_then(FilterRule::value).unwrap_or_default().to_owned()
        };
        Self {
            target: entry.lambda_function_arn().to_owned(),
            events: entry.events().iter().map(|event| event.as_str().to_owned()).collect(),
            prefix: part("prefix"),
            suffix: part("suffix"),
        }
    }

    fn entry(&self, owner: &Owner) -> Result<LambdaFunctionConfiguration> {
        let rules = [(FilterRuleName::Prefix, &self.prefix), (FilterRuleName::Suffix, &self.suffix)];
        let rules = rules.into_iter().filter(|(_, value)| !value.is_empty());
        let rules: Vec<_> = rules.map(|(name, value)| FilterRule::builder().name(name).value(value).build()).collect();
        let filter = (!rules.is_empty()).then(|| {
            let key = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
            NotificationConfigurationFilter::builder().key(key).build()
        });
        LambdaFunctionConfiguration::builder()
            .id(statement_id(WORD, owner, &self.to_string()))
            .lambda_function_arn(&self.target)
            .set_events(Some(self.events.iter().map(|event| Event::from(event.as_str())).collect()))
            .set_filter(filter)
            .build()
            .or_failed(|| format!("describe what calls {}", self.target))
    }
}

impl BucketNotification {
    /// As it should be, with nothing it calls yet.
    pub(crate) fn wanted(owner: &Owner, bucket: &str) -> Self {
        let (bucket, calls, may_call) = (bucket.to_owned(), BTreeSet::new(), BTreeSet::new());
        Self { owner: owner.clone(), bucket, calls, may_call }
    }

    /// Adds a call.
    pub(crate) fn call(&mut self, call: BucketCall) {
        self.may_call.extend(call.function().map(str::to_owned));
        self.calls.insert(call);
    }

    fn name(&self) -> &str {
        self.bucket.rsplit(':').next().unwrap_or_default()
    }

    fn is_own(&self, entry: &LambdaFunctionConfiguration) -> bool {
        entry.id().is_some_and(|id| id.starts_with(&id_prefix(WORD, &self.owner)))
    }

    /// Our entries in a configuration.
    fn own_calls(&self, live: &Read) -> Vec<BucketCall> {
        let entries = live.lambda_function_configurations().iter();
        entries.filter(|entry| self.is_own(entry)).map(BucketCall::of).collect()
    }

    /// A configuration with our entries as they should be, and all others as they are.
    fn merged(&self, live: &Read) -> Result<NotificationConfiguration> {
        let others = live.lambda_function_configurations().iter().filter(|entry| !self.is_own(entry));
        let mut functions: Vec<LambdaFunctionConfiguration> = others.cloned().collect();
        for call in &self.calls {
            functions.push(call.entry(&self.owner)?);
        }
        Ok(NotificationConfiguration::builder()
            .set_lambda_function_configurations(Some(functions))
            .set_queue_configurations(live.queue_configurations.clone())
            .set_topic_configurations(live.topic_configurations.clone())
            .set_event_bridge_configuration(live.event_bridge_configuration.clone())
            .build())
    }

    /// The configuration; `None` when there is no bucket.
    async fn read(&self, cloud: &Cloud) -> Result<Option<Read>> {
        let call = cloud.s3.get_bucket_notification_configuration().bucket(self.name());
        match call.expected_bucket_owner(&cloud.account).send().await {
            Ok(configuration) => Ok(Some(configuration)),
            Err(error) if is_code(&error, &["NoSuchBucket"]) => Ok(None),
            Err(error) => {
                let elsewhere = is_code(&error, &["PermanentRedirect", "AuthorizationHeaderMalformed"]);
                let error = explain(format!("read the notifications of the bucket `{}`", self.name()))(error);
                Err(if elsewhere {
                    error.hint(format!(
                        "a bucket calls functions of its own region, and this stage is in {}",
                        cloud.region
                    ))
                } else {
                    error
                })
            }
        }
    }

    /// Writes what should be, and reads it again until it is so; nothing when there is no bucket and nothing to be
    /// called.
    async fn settle(&self, cloud: &Cloud) -> Result<()> {
        let mut backoff = Backoff::propagation();
        let mut written = false;
        loop {
            let Some(live) = self.read(cloud).await? else {
                if self.calls.is_empty() {
                    return Ok(());
                }
                let error = Error::failed(format!("there is no bucket `{}`", self.name()));
                return Err(error.hint("a trigger of a bucket by its ARN needs one that is there already"));
            };
            let own = self.own_calls(&live);
            let there: BTreeSet<BucketCall> = own.iter().cloned().collect();
            if there == self.calls && own.len() == there.len() {
                return Ok(());
            }
            if written && !backoff.sleep().await {
                let what = format!("the notifications of the bucket `{}` do not stay as they are written", self.name());
                return Err(Error::failed(what).hint("somebody else changes them at the same time: run rzap again"));
            }
            // S3 asks every receiver, those of others, too. Where nothing is added, nobody has to be asked.
            let adds = self.calls.iter().any(|call| !there.contains(call));
            let all = self.merged(&live)?;
            patiently(&mut Backoff::propagation(), async || self.write(cloud, all.clone(), adds).await).await?;
            written = true;
        }
    }

    async fn write(&self, cloud: &Cloud, all: NotificationConfiguration, ask: bool) -> Result<Made, Refused> {
        let call = cloud.s3.put_bucket_notification_configuration().bucket(self.name());
        let call = call.expected_bucket_owner(&cloud.account).notification_configuration(all);
        let call = call.set_skip_destination_validation((!ask).then_some(true));
        let what = format!("set the notifications of the bucket `{}`", self.name());
        match call.send().await {
            Ok(_) => Ok(Made::Now),
            Err(error) if is_ambiguous(&error) => Err(Refused::from(explain(what)(error).hint(format!(
                "another notification of this bucket, not one of this stage, is for the same objects: \
                 `aws s3api get-bucket-notification-configuration --bucket {}` shows it",
                self.name()
            )))),
            Err(error) => Err(Refused::new(what, error, worth_waiting)),
        }
    }
}

fn is_ambiguous<E: aws_sdk_s3::error::ProvideErrorMetadata, R>(error: &aws_sdk_s3::error::SdkError<E, R>) -> bool {
    let text = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
    is_code(error, &["InvalidArgument"]) && text.contains("ambiguously defined")
}

/// What a refused call may be waiting for without knowing; `None` when another try would end the same.
fn worth_waiting(code: &str, text: &str) -> Option<&'static str> {
    match code {
        // Also the answer when the permission was given a moment ago.
        "InvalidArgument" if text.contains("Unable to validate the following destination") => {
            Some("waiting until S3 knows that it may call the function")
        }
        "OperationAborted" => Some("waiting for a change of the bucket that is in progress"),
        _ => None,
    }
}

impl Resource for BucketNotification {
    fn key(&self) -> Key {
        Key::new(Kind::BucketNotification, self.name())
    }

    fn after(&self) -> Vec<Key> {
        let functions = self.may_call.iter().map(|name| Key::new(Kind::Function, name));
        [Key::new(Kind::S3Bucket, self.name())].into_iter().chain(functions).collect()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:s3:::{names}"];
        vec![Need::on(ON, &["s3:GetBucketNotification", "s3:PutBucketNotification"]).and_on(named)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let mut buckets: BTreeMap<String, Self> = BTreeMap::new();
        for one in granted(cloud, owner, WORD).await? {
            let Some(bucket) = one.source_arn else { continue };
            let entry = buckets.entry(bucket.clone()).or_insert_with(|| Self::wanted(owner, &bucket));
            entry.may_call.insert(one.function);
        }
        let found: Vec<Self> = stream::iter(buckets.into_values())
            .map(|mut one| async move {
                if let Some(live) = one.read(cloud).await? {
                    one.calls = one.own_calls(&live).into_iter().collect();
                }
                Ok::<_, Error>(one)
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(Found::ours(found))
    }

    /// A permission goes with its function.
    fn without(mut self, replaced: &Key) -> Self {
        if replaced.kind == Kind::Function {
            self.may_call.remove(&replaced.name);
        }
        self
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let id = statement_id(WORD, &self.owner, &self.bucket);
        let had = |name: &&String| live.is_some_and(|live| live.may_call.contains(*name));
        for function in self.may_call.iter().filter(|name| !had(name)) {
            let grant = Grant {
                id: &id,
                action: "lambda:InvokeFunction",
                principal: "s3.amazonaws.com",
                source_arn: Some(self.bucket.clone()),
                source_account: Some(cloud.account.clone()),
            };
            grant.give(cloud, function).await?;
        }
        self.settle(cloud).await?;
        for function in live.iter().flat_map(|live| &live.may_call).filter(|name| !self.may_call.contains(*name)) {
            take_back(cloud, function, &id).await?;
        }
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        Self::wanted(&self.owner, &self.bucket).settle(cloud).await?;
        let id = statement_id(WORD, &self.owner, &self.bucket);
        for function in &self.may_call {
            take_back(cloud, function, &id).await?;
        }
        Ok(())
    }
}

/// The buckets of others that the config names.
fn named(stage: &StageConfig) -> Vec<String> {
    stage
        .triggers()
        .filter_map(|trigger| match trigger {
            Trigger::S3(s3) => s3.bucket.arn(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_sdk_s3::types::{EventBridgeConfiguration, QueueConfiguration};

    use super::*;

    fn owner(stage: &str) -> Owner {
        Owner { app: "shop".into(), stage: stage.into() }
    }

    fn call(function: &str, prefix: &str) -> BucketCall {
        BucketCall {
            target: format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}:live"),
            events: BTreeSet::from(["s3:ObjectCreated:*".to_owned()]),
            prefix: prefix.into(),
            suffix: ".jpg".into(),
        }
    }

    fn of(stage: &str, calls: &[BucketCall]) -> BucketNotification {
        let mut all = BucketNotification::wanted(&owner(stage), "arn:aws:s3:::photos");
        calls.iter().cloned().for_each(|one| all.call(one));
        all
    }

    #[test]
    fn what_others_have_in_a_bucket_stays_as_it_is() {
        let by_hand = LambdaFunctionConfiguration::builder().id("mine").lambda_function_arn("arn:other");
        let by_hand = by_hand.events(Event::S3ObjectRemoved).build().unwrap();
        let queue =
            QueueConfiguration::builder().queue_arn("arn:queue").events(Event::S3ObjectCreated).build().unwrap();
        let other_stage = call("shop-prod-thumb", "").entry(&owner("prod")).unwrap();
        let old = call("shop-dev-old", "old/").entry(&owner("dev")).unwrap();
        let live = Read::builder()
            .lambda_function_configurations(by_hand.clone())
            .lambda_function_configurations(old)
            .lambda_function_configurations(other_stage.clone())
            .queue_configurations(queue.clone())
            .event_bridge_configuration(EventBridgeConfiguration::builder().build())
            .build();
        let wanted = of("dev", &[call("shop-dev-thumb", "in/")]);
        assert_eq!(wanted.own_calls(&live), [call("shop-dev-old", "old/")]);
        let merged = wanted.merged(&live).unwrap();
        let [first, second, own] = merged.lambda_function_configurations() else { panic!("{merged:?}") };
        assert_eq!((first, second), (&by_hand, &other_stage));
        assert_eq!(BucketCall::of(own), call("shop-dev-thumb", "in/"));
        assert_eq!(merged.queue_configurations(), [queue]);
        assert!(merged.event_bridge_configuration().is_some());
        let gone = of("dev", &[]).merged(&live).unwrap();
        assert_eq!(gone.lambda_function_configurations(), [by_hand, other_stage]);
    }

    #[test]
    fn a_call_is_one_line_of_a_plan() {
        let wanted = of("dev", &[call("shop-dev-thumb", "in/")]);
        assert_eq!(
            serde_json::to_value(&wanted).unwrap(),
            serde_json::json!({
                "calls": ["shop-dev-thumb on s3:ObjectCreated:* of in/*.jpg"], "may_call": ["shop-dev-thumb"],
            })
        );
        assert_eq!(
            wanted.after().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["S3 bucket `photos`", "function `shop-dev-thumb`"]
        );
        let replaced = Key::new(Kind::Function, "shop-dev-thumb");
        assert!(wanted.without(&replaced).may_call.is_empty(), "the permission went with the function");
    }

    #[test]
    fn what_only_takes_time_is_waited_for() {
        let asked = "Unable to validate the following destination configurations";
        assert!(worth_waiting("InvalidArgument", asked).is_some());
        assert!(worth_waiting("OperationAborted", "").is_some());
        let twice = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules";
        assert_eq!(worth_waiting("InvalidArgument", twice), None);
        assert_eq!(worth_waiting("AccessDenied", asked), None);
    }
}
