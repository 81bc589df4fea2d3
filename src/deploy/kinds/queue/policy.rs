//! Which services may send to a queue: the statements of its policy that are rzap's.
//!
//! A queue has one policy for everybody. Ours in it are known by their ids; what somebody else wrote there stays.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-creating-custom-policies.html>

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What the ids of our statements begin with. Only letters and digits: SQS takes more, IAM does not.
const OURS: &str = "rzapSender";

/// A service that may send, on behalf of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Sender {
    /// `sns.amazonaws.com`
    pub(crate) service: String,
    /// The ARN of a topic, a rule, a bucket.
    pub(crate) source: String,
}

/// A queue's policy as it was found.
#[derive(Debug, Clone, Default)]
pub(in crate::deploy::kinds) struct Policy {
    pub(in crate::deploy::kinds) senders: BTreeSet<Sender>,
    /// Statements of others.
    others: Vec<Value>,
    /// Ours that are not as we write them.
    strange: bool,
}

impl Policy {
    /// From the attribute; an empty text is no policy.
    pub(in crate::deploy::kinds) fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.clone(),
            one @ Value::Object(_) => vec![one.clone()],
            _ => Vec::new(),
        };
        let mut policy = Self::default();
        for statement in statements {
            if !statement["Sid"].as_str().is_some_and(|id| id.starts_with(OURS)) {
                policy.others.push(statement);
                continue;
            }
            let sender = sender(&statement);
            policy.strange |= sender.is_none();
            policy.senders.extend(sender);
        }
        policy
    }

    /// The attribute that lets exactly `senders` send besides what others wrote; `None` when it need not be
    /// written. An empty text takes the policy away.
    pub(in crate::deploy::kinds) fn with(&self, senders: &BTreeSet<Sender>, queue: &str) -> Option<String> {
        if self.senders == *senders && !self.strange {
            return None;
        }
        let statements: Vec<Value> =
            self.others.iter().cloned().chain(senders.iter().map(|sender| statement(sender, queue))).collect();
        if statements.is_empty() {
            return Some(String::new());
        }
        Some(json!({"Version": "2012-10-17", "Statement": statements}).to_string())
    }
}

/// `queue` is its ARN. A bucket's ARN does not have the account, and its name may be somebody else's one day.
fn statement(Sender { service, source }: &Sender, queue: &str) -> Value {
    let id = format!("{OURS}{}", hex::encode(&Sha256::digest(format!("{service} {source}").as_bytes())[..4]));
    let mut condition = json!({"ArnEquals": {"aws:SourceArn": source}});
    if source.split(':').nth(4) == Some("") {
        let account = queue.split(':').nth(4).unwrap_or_default();
        condition["StringEquals"] = json!({"aws:SourceAccount": account});
    }
    json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": condition,
    })
}

/// Whom one of our statements lets send.
fn sender(statement: &Value) -> Option<Sender> {
    let text = |value: &Value| match value {
        Value::Array(items) if items.len() == 1 => items.first()?.as_str().map(str::to_owned),
        value => value.as_str().map(str::to_owned),
    };
    let sender = Sender {
        service: text(&statement["Principal"]["Service"])?,
        source: text(&statement["Condition"]["ArnEquals"]["aws:SourceArn"])?,
    };
    let allows = text(&statement["Action"]).is_some_and(|action| action.eq_ignore_ascii_case("sqs:SendMessage"));
    (allows && statement["Effect"] == "Allow").then_some(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:shop-dev-jobs";

    fn sender(source: &str) -> Sender {
        Sender { service: "sns.amazonaws.com".into(), source: source.into() }
    }

    #[test]
    fn what_others_wrote_stays() {
        let topic = "arn:aws:sns:eu-west-1:123456789012:news";
        let theirs =
            json!({"Sid": "theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": QUEUE});
        let before = Policy::read(&json!({"Version": "2012-10-17", "Statement": theirs}).to_string());
        assert_eq!(before.with(&BTreeSet::new(), QUEUE), None, "nothing of ours, nothing wanted");
        let wanted = BTreeSet::from([sender(topic), sender("arn:aws:s3:::up")]);
        let written = before.with(&wanted, QUEUE).expect("a policy");
        let after = Policy::read(&written);
        assert_eq!(after.senders, wanted);
        assert_eq!(after.with(&wanted, QUEUE), None);
        assert!(written.contains(r#"{"aws:SourceAccount":"123456789012"}"#), "{written}");
        let back: Value = serde_json::from_str(&after.with(&BTreeSet::new(), QUEUE).expect("a policy")).expect("JSON");
        assert_eq!(back["Statement"], json!([theirs]));
    }

    #[test]
    fn a_policy_of_nobody_goes() {
        let wanted = BTreeSet::from([sender("arn:aws:sns:eu-west-1:123456789012:news")]);
        let written = Policy::default().with(&wanted, QUEUE).expect("a policy");
        assert_eq!(Policy::read(&written).with(&BTreeSet::new(), QUEUE).as_deref(), Some(""));
        let changed = Policy::read(&written.replace("sqs:SendMessage", "sqs:*"));
        assert!(changed.senders.is_empty() && changed.with(&BTreeSet::new(), QUEUE).as_deref() == Some(""));
        assert_eq!(changed.with(&wanted, QUEUE), Some(written));
    }
}
