//! A function's subscription to an SNS topic.
//!
//! It cannot be tagged, and the topic may be somebody else's: the permission on the function says whose it is
//! ([`statement_id`]), and to which topic. It is given before there is a subscription and taken back after.
//! <https://docs.aws.amazon.com/sns/latest/dg/lambda-console.html>

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use aws_sdk_sns::config::Region;
use serde::Serialize;
use serde_json::{Value, json};

use super::Kind;
use super::function::{Grant, Granted, granted, statement_id, take_back};
use super::topic::GONE;
use crate::aws::{Cloud, explain, is_code};
use crate::config::StageConfig;
use crate::config::triggers::SnsTrigger;
use crate::config::triggers::Trigger;
use crate::deploy::names::ALIAS;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

const WORD: &str = "sns";

/// A subscription.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Subscription {
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// The function's name on AWS.
    #[serde(skip)]
    pub(crate) function: String,
    /// An ARN.
    #[serde(skip)]
    pub(crate) topic: String,
    /// The function lets the topic call it.
    pub(crate) permitted: bool,
    /// The topic does.
    pub(crate) subscribed: bool,
    /// A filter policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Value>,
    /// What the filter is about: `MessageAttributes` or `MessageBody`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter_scope: Option<String>,
    /// The ARN of the queue for messages that the function could not be given.
    pub(crate) dead_letters: Option<String>,
    #[serde(skip)]
    arn: OnceLock<String>,
}

impl Subscription {
    /// `topic` and `dead_letters` are ARNs.
    pub(crate) fn wanted(
        owner: &Owner,
        function: String,
        (topic, dead_letters): (String, Option<String>),
        config: &SnsTrigger,
    ) -> Self {
        let scope = if config.filter_body { "MessageBody" } else { "MessageAttributes" };
        Self {
            owner: owner.clone(),
            function,
            topic,
            permitted: true,
            subscribed: true,
            filter: config.filter.clone(),
            filter_scope: config.filter.is_some().then(|| scope.to_owned()),
            dead_letters,
            arn: OnceLock::new(),
        }
    }

    /// As a permission speaks of it.
    fn permitted(owner: &Owner, granted: Granted) -> Option<Self> {
        Some(Self {
            owner: owner.clone(),
            function: granted.function,
            topic: granted.source_arn?,
            permitted: true,
            subscribed: false,
            filter: None,
            filter_scope: None,
            dead_letters: None,
            arn: OnceLock::new(),
        })
    }

    /// SNS where the topic is: a function may hear topics of other regions.
    fn client(&self, cloud: &Cloud) -> aws_sdk_sns::Client {
        let region = self.topic.split(':').nth(3).unwrap_or_default();
        if region.is_empty() || region == cloud.region {
            return cloud.sns.clone();
        }
        let config = cloud.sns.config().to_builder().region(Region::new(region.to_owned()));
        aws_sdk_sns::Client::from_conf(config.build())
    }

    fn alias(&self, cloud: &Cloud) -> String {
        format!("{}:{ALIAS}", cloud.function_arn(&self.function))
    }

    /// The ARN of the subscription, if there is one. Who may not list those of somebody else's topic may list
    /// their own.
    async fn find(&self, cloud: &Cloud) -> Result<Option<String>> {
        let client = self.client(cloud);
        let alias = self.alias(cloud);
        let what = || explain_what(&self.topic);
        if self.topic.split(':').nth(4) == Some(cloud.account.as_str()) {
            let mut pages = client.list_subscriptions_by_topic().topic_arn(&self.topic).into_paginator().items().send();
            while let Some(one) = pages.next().await {
                match one {
                    Ok(one) if one.endpoint() == Some(alias.as_str()) => return Ok(one.subscription_arn),
                    Ok(_) => {}
                    Err(error) if is_code(&error, GONE) => return Ok(None),
                    Err(error) => return Err(explain(what())(error)),
                }
            }
            return Ok(None);
        }
        let mut pages = client.list_subscriptions().into_paginator().items().send();
        while let Some(one) = pages.next().await {
            let one = one.map_err(|error| explain(what())(error))?;
            if one.endpoint() == Some(alias.as_str()) && one.topic_arn() == Some(self.topic.as_str()) {
                return Ok(one.subscription_arn);
            }
        }
        Ok(None)
    }

    /// What there is of the subscription.
    async fn read(mut self, cloud: &Cloud) -> Result<Self> {
        let Some(arn) = self.find(cloud).await? else { return Ok(self) };
        let attributes = match self.client(cloud).get_subscription_attributes().subscription_arn(&arn).send().await {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) if is_code(&error, GONE) => return Ok(self),
            Err(error) => return Err(explain(format!("look at the {}", self.key()))(error)),
        };
        let json = |name: &str| -> Option<Value> { serde_json::from_str(attributes.get(name)?).ok() };
        self.subscribed = true;
        self.filter = json("FilterPolicy").filter(|policy| policy.as_object().is_some_and(|it| !it.is_empty()));
        if self.filter.is_some() {
            let scope = attributes.get("FilterPolicyScope").filter(|scope| !scope.is_empty()).cloned();
            self.filter_scope = Some(scope.unwrap_or_else(|| "MessageAttributes".to_owned()));
        }
        self.dead_letters = json("RedrivePolicy").and_then(|it| it["deadLetterTargetArn"].as_str().map(str::to_owned));
        self.arn = OnceLock::from(arn);
        Ok(self)
    }

    fn attributes(&self) -> BTreeMap<&'static str, String> {
        let mut attributes = BTreeMap::new();
        attributes.extend(self.filter.as_ref().map(|filter| ("FilterPolicy", filter.to_string())));
        attributes.extend(self.filter_scope.clone().map(|scope| ("FilterPolicyScope", scope)));
        let redrive = self.dead_letters.as_ref().map(|queue| json!({"deadLetterTargetArn": queue}).to_string());
        attributes.extend(redrive.map(|redrive| ("RedrivePolicy", redrive)));
        attributes
    }

    /// Sets what differs on the subscription there is, which hears every message meanwhile.
    async fn change(&self, cloud: &Cloud, arn: &str, live: &Self) -> Result<()> {
        let client = self.client(cloud);
        for (attribute, value) in self.steps(live) {
            let call = client.set_subscription_attributes().subscription_arn(arn).attribute_name(attribute);
            let sent = call.attribute_value(value).send().await;
            sent.map_err(explain(format!("set {attribute} of the {}", self.key())))?;
        }
        Ok(())
    }

    /// The attributes to set, in an order in which SNS takes them: members within members are for the body only,
    /// so the scope goes first on the way to the body and last on the way back.
    fn steps(&self, live: &Self) -> Vec<(&'static str, String)> {
        let mut steps = Vec::new();
        if self.filter != live.filter {
            // "To remove a filter policy, set it to an empty JSON body."
            // <https://docs.aws.amazon.com/sns/latest/dg/message-filtering-policy-remove.html>
            steps.push(("FilterPolicy", self.filter.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string)));
        }
        if let Some(scope) = self.filter_scope.as_ref().filter(|_| self.filter_scope != live.filter_scope) {
            let at = if scope == "MessageBody" { 0 } else { steps.len() };
            steps.insert(at, ("FilterPolicyScope", scope.clone()));
        }
        if self.dead_letters != live.dead_letters {
            steps.push(("RedrivePolicy", self.attributes().remove("RedrivePolicy").unwrap_or_default()));
        }
        steps
    }

    async fn subscribe(&self, cloud: &Cloud) -> Result<()> {
        let attributes: HashMap<String, String> =
            self.attributes().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let call = self.client(cloud).subscribe().topic_arn(&self.topic).protocol("lambda").endpoint(self.alias(cloud));
        match call.set_attributes(Some(attributes)).return_subscription_arn(true).send().await {
            Ok(_) => Ok(()),
            // "Subscription already exists with different attributes": made since we looked around.
            Err(error) if is_code(&error, &["InvalidParameter", "InvalidParameterException"]) => {
                let live = self.clone().without_details().read(cloud).await?;
                match live.arn.get() {
                    Some(arn) => self.change(cloud, arn, &live).await,
                    None => Err(explain(format!("create the {}", self.key()))(error)),
                }
            }
            Err(error) => Err(explain(format!("create the {}", self.key()))(error)),
        }
    }

    fn without_details(self) -> Self {
        Self { subscribed: false, filter: None, filter_scope: None, dead_letters: None, arn: OnceLock::new(), ..self }
    }
}

fn explain_what(topic: &str) -> String {
    format!("list the subscriptions of {topic}")
}

impl Resource for Subscription {
    fn key(&self) -> Key {
        let topic = self.topic.rsplit(':').next().unwrap_or_default();
        Key::new(Kind::Subscription, format!("{}/{topic}", self.function))
    }

    fn after(&self) -> Vec<Key> {
        let name = |arn: &String| arn.rsplit(':').next().unwrap_or_default().to_owned();
        let mut after = vec![Key::new(Kind::Function, &self.function), Key::new(Kind::Topic, name(&self.topic))];
        after.extend(self.dead_letters.as_ref().map(|queue| Key::new(Kind::Queue, name(queue))));
        after
    }

    /// What a subscription is called SNS decides, so what is done to one has no ARN.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html>
    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:sns:{region}:{account}:{names}"];
        const ANY: &[&str] = &[
            "sns:ListSubscriptions",
            "sns:GetSubscriptionAttributes",
            "sns:SetSubscriptionAttributes",
            "sns:Unsubscribe",
        ];
        let topics = Need::on(ON, &["sns:ListSubscriptionsByTopic", "sns:Subscribe"]).and_on(named);
        vec![Need::anywhere(ANY), topics]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for granted in granted(cloud, owner, WORD).await? {
            if let Some(one) = Self::permitted(owner, granted).filter(|one| seen.insert(one.key())) {
                found.push(one.read(cloud).await?);
            }
        }
        Ok(Found::ours(found))
    }

    fn without(mut self, replaced: &Key) -> Self {
        self.permitted &= *replaced != Key::new(Kind::Function, &self.function);
        self
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if live.is_none_or(|live| !live.permitted) {
            let grant = Grant {
                id: &statement_id(WORD, &self.owner, &self.topic),
                action: "lambda:InvokeFunction",
                principal: "sns.amazonaws.com",
                source_arn: Some(self.topic.clone()),
                source_account: None,
            };
            grant.give(cloud, &self.function).await?;
        }
        match live.and_then(|live| Some((live, live.arn.get()?))) {
            Some((live, arn)) => self.change(cloud, arn, live).await,
            None => self.subscribe(cloud).await,
        }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let arn = match self.arn.get() {
            Some(arn) => Some(arn.clone()),
            None => self.find(cloud).await?,
        };
        if let Some(arn) = arn {
            match self.client(cloud).unsubscribe().subscription_arn(arn).send().await {
                Ok(_) => {}
                Err(error) if is_code(&error, GONE) => {}
                Err(error) => return Err(explain(format!("delete the {}", self.key()))(error)),
            }
        }
        take_back(cloud, &self.function, &statement_id(WORD, &self.owner, &self.topic)).await
    }
}

/// The topics of others that the config names.
fn named(stage: &StageConfig) -> Vec<String> {
    stage
        .triggers()
        .filter_map(|trigger| match trigger {
            Trigger::Sns(sns) => sns.topic.arn(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(filter: Option<Value>, scope: Option<&str>, dead_letters: Option<&str>) -> Subscription {
        Subscription {
            owner: Owner { app: "shop".into(), stage: "dev".into() },
            function: "shop-dev-web".into(),
            topic: "arn:aws:sns:eu-west-1:123456789012:news".into(),
            permitted: true,
            subscribed: true,
            filter,
            filter_scope: scope.map(str::to_owned),
            dead_letters: dead_letters.map(str::to_owned),
            arn: OnceLock::new(),
        }
    }

    #[test]
    fn attributes_change_in_an_order_that_sns_takes() {
        let body = with(Some(json!({"a": {"b": [1]}})), Some("MessageBody"), None);
        let flat = with(Some(json!({"a": ["b"]})), Some("MessageAttributes"), Some("arn:aws:sqs:eu-west-1:1:q"));
        let names = |wanted: &Subscription, live: &Subscription| -> Vec<&str> {
            wanted.steps(live).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&body, &flat), ["FilterPolicyScope", "FilterPolicy", "RedrivePolicy"]);
        assert_eq!(names(&flat, &body), ["FilterPolicy", "FilterPolicyScope", "RedrivePolicy"]);
        assert_eq!(with(None, None, None).steps(&body), [("FilterPolicy", "{}".to_owned())]);
        assert!(flat.steps(&flat).is_empty());
    }
}
