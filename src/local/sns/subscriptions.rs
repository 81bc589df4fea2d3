//! Who gets a topic's messages.
//!
//! <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>

use std::collections::BTreeMap;

use serde_json::Value;

use super::filter::Filter;
use super::input::Input;
use super::model::{FIFO, Subscription, arn};
use super::topics::page;
use super::{Sns, invalid};
use crate::local::ACCOUNT;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// What may be subscribed; those that have to confirm it first.
const AT_ONCE: [&str; 2] = ["lambda", "sqs"];
const CONFIRMED: [&str; 4] = ["email", "email-json", "http", "https"];

/// What AWS has besides.
const UNSUPPORTED: [&str; 3] = ["sms", "application", "firehose"];

impl Sns {
    /// Once more with the same attributes it is the same subscription.
    pub(super) fn subscribe(&self, input: Input<'_>) -> Result<Document, Fault> {
        let (topic_arn, protocol) = (input.required("TopicArn")?, input.required("Protocol")?);
        let endpoint = input.text("Endpoint").unwrap_or_default();
        if UNSUPPORTED.contains(&protocol) {
            return Err(Fault::unsupported("SNS", &format!("the protocol {protocol}")));
        }
        if !AT_ONCE.contains(&protocol) && !CONFIRMED.contains(&protocol) {
            return Err(invalid(format!("Does not support this protocol string: {protocol}")));
        }
        let asked = input.map("Attributes");
        for (name, value) in &asked {
            check(name, value)?;
        }
        check_filter(&asked)?;
        let wants_arn = input.flag("ReturnSubscriptionArn");
        self.state.write(|state| {
            let topic = state.topic_mut(topic_arn)?;
            check_endpoint(protocol, endpoint, topic.is_fifo())?;
            let same = |one: &&Subscription| one.protocol == protocol && one.endpoint == endpoint;
            let there = topic.subscriptions.iter().find(|(_, one)| same(one));
            if let Some((id, there)) = there {
                if asked.iter().any(|(name, value)| there.attributes.get(name) != Some(value)) {
                    return Err(invalid("Attributes Reason: Subscription already exists with different attributes"));
                }
                return Ok(answer(topic_arn, id, there.confirmed || wants_arn));
            }
            let confirmed = AT_ONCE.contains(&protocol);
            let id = uuid::Uuid::new_v4().to_string();
            let new = Subscription {
                protocol: protocol.to_owned(),
                endpoint: endpoint.to_owned(),
                confirmed,
                attributes: asked,
            };
            topic.subscriptions.insert(id.clone(), new);
            Ok(answer(topic_arn, &id, confirmed || wants_arn))
        })
    }

    /// The token would be in a mail or a request that nobody has sent.
    pub(super) fn confirm(&self, input: Input<'_>) -> Result<Document, Fault> {
        self.state.read(|state| state.topic(input.required("TopicArn")?).map(drop))?;
        Err(invalid("Token"))
    }

    /// One that is not there is gone already.
    pub(super) fn unsubscribe(&self, input: Input<'_>) -> Result<Document, Fault> {
        let arn = input.required("SubscriptionArn")?;
        let (topic, id) = arn.rsplit_once(':').filter(|_| arn.starts_with("arn:aws:sns:")).ok_or_else(|| {
            invalid(format!(
                "SubscriptionArn Reason: An ARN must have at least 6 elements, not {}",
                arn.split(':').count()
            ))
        })?;
        self.state.write(|state| {
            if let Ok(topic) = state.topic_mut(topic) {
                topic.subscriptions.remove(id);
            }
            Ok(Document::Nothing)
        })
    }

    pub(super) fn list_subscriptions(&self, input: Input<'_>) -> Result<Document, Fault> {
        let all = self.state.read(|state| {
            let topics = state.regions.get(input.region).into_iter().flatten();
            topics.flat_map(|(name, topic)| shown(&arn(input.region, name), &topic.subscriptions)).collect()
        });
        page(input, "Subscriptions", all)
    }

    pub(super) fn list_subscriptions_by_topic(&self, input: Input<'_>) -> Result<Document, Fault> {
        let arn = input.required("TopicArn")?;
        let all = self.state.read(|state| Ok(shown(arn, &state.topic(arn)?.subscriptions)))?;
        page(input, "Subscriptions", all)
    }

    pub(super) fn get_subscription_attributes(&self, input: Input<'_>) -> Result<Document, Fault> {
        let arn = input.required("SubscriptionArn")?;
        self.state.read(|state| {
            let (topic, found) = state.subscription(arn)?;
            let mut shown = BTreeMap::from([
                ("SubscriptionArn", arn.to_owned()),
                ("TopicArn", topic),
                ("Protocol", found.protocol.clone()),
                ("Endpoint", found.endpoint.clone()),
                ("Owner", ACCOUNT.to_owned()),
                ("ConfirmationWasAuthenticated", found.confirmed.to_string()),
                ("PendingConfirmation", (!found.confirmed).to_string()),
                ("RawMessageDelivery", "false".to_owned()),
                ("SubscriptionPrincipal", format!("arn:aws:iam::{ACCOUNT}:root")),
            ]);
            if found.attributes.contains_key("FilterPolicy") {
                shown.insert("FilterPolicyScope", "MessageAttributes".to_owned());
            }
            shown.extend(found.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())));
            let pairs = shown.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
            Ok(Document::map().with("Attributes", Document::Pairs(pairs.collect())))
        })
    }

    /// An empty value takes one away, and so does an empty filter policy.
    pub(super) fn set_subscription_attributes(&self, input: Input<'_>) -> Result<Document, Fault> {
        let (arn, name) = (input.required("SubscriptionArn")?, input.required("AttributeName")?);
        let value = input.text("AttributeValue").unwrap_or_default();
        check(name, value)?;
        self.state.write(|state| {
            let found = state.subscription_mut(arn)?;
            let nothing = value.is_empty()
                || (name == "FilterPolicy"
                    && serde_json::from_str(value).is_ok_and(|it: Value| it == serde_json::json!({})));
            if nothing {
                found.attributes.remove(name);
            } else {
                found.attributes.insert(name.to_owned(), value.to_owned());
            }
            check_filter(&found.attributes)?;
            Ok(Document::Nothing)
        })
    }
}

fn answer(topic: &str, id: &str, known: bool) -> Document {
    let arn = if known { format!("{topic}:{id}") } else { "pending confirmation".to_owned() };
    Document::map().with("SubscriptionArn", arn)
}

fn shown(topic: &str, subscriptions: &BTreeMap<String, Subscription>) -> Vec<(String, Document)> {
    let one = |(id, one): (&String, &Subscription)| {
        let arn = format!("{topic}:{id}");
        let shown = Document::map()
            .with("SubscriptionArn", if one.confirmed { arn.as_str() } else { "PendingConfirmation" })
            .with("Owner", ACCOUNT)
            .with("Protocol", &one.protocol)
            .with("Endpoint", &one.endpoint)
            .with("TopicArn", topic);
        (arn, shown)
    };
    subscriptions.iter().map(one).collect()
}

fn check(name: &str, value: &str) -> Result<(), Fault> {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    match name {
        "FilterPolicy" | "FilterPolicyScope" => Ok(()),
        "RawMessageDelivery" if matches!(value, "true" | "false") => Ok(()),
        "DeliveryPolicy" if value.is_empty() || json(value).is_some() => Ok(()),
        "RedrivePolicy" if value.is_empty() => Ok(()),
        "RedrivePolicy" => {
            let target = json(value).and_then(|it| it["deadLetterTargetArn"].as_str().map(str::to_owned));
            match target.filter(|arn| arn.starts_with("arn:aws:sqs:")) {
                Some(_) => Ok(()),
                None => Err(invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")),
            }
        }
        "RawMessageDelivery" | "DeliveryPolicy" => {
            Err(invalid(format!("Attributes Reason: {name}: Invalid value [{value}]")))
        }
        "SubscriptionRoleArn" | "ReplayPolicy" => Err(Fault::unsupported("SNS", &format!("the attribute {name}"))),
        _ => Err(invalid("AttributeName")),
    }
}

/// The policy and what it is about belong together.
fn check_filter(attributes: &BTreeMap<String, String>) -> Result<(), Fault> {
    let scope = attributes.get("FilterPolicyScope").map(String::as_str);
    if !matches!(scope, None | Some("MessageAttributes" | "MessageBody")) {
        let scope = scope.unwrap_or_default();
        return Err(invalid(format!(
            "FilterPolicyScope: Invalid value [{scope}]. Please use either MessageBody or MessageAttributes"
        )));
    }
    match attributes.get("FilterPolicy") {
        Some(policy) => Filter::read(policy, scope == Some("MessageBody")).map(drop),
        None => Ok(()),
    }
}

fn check_endpoint(protocol: &str, endpoint: &str, fifo: bool) -> Result<(), Fault> {
    let like = |service: &str| endpoint.starts_with(&format!("arn:aws:{service}:")) && endpoint.split(':').count() >= 6;
    let well = match protocol {
        "lambda" => like("lambda"),
        "sqs" => like("sqs"),
        "email" | "email-json" => endpoint.contains('@'),
        "http" => endpoint.starts_with("http://"),
        _ => endpoint.starts_with("https://"),
    };
    if !well {
        return Err(invalid(match protocol {
            "sqs" => "SQS endpoint ARN",
            "lambda" => "Lambda endpoint ARN",
            "email" | "email-json" => "Email address",
            _ => "Endpoint must match the specified protocol",
        }));
    }
    // <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html>
    match (fifo, protocol) {
        (false, "sqs") if endpoint.ends_with(FIFO) => {
            Err(invalid("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"))
        }
        (true, "sqs") | (false, _) => Ok(()),
        (true, _) => Err(invalid("Endpoint Reason: Please use FIFO SQS queue")),
    }
}
