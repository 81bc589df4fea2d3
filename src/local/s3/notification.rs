//! A bucket's notification configuration: read, checked as S3 checks it, kept, shown.
//!
//! Events that never happen here (restoring, replication, lifecycle) are kept as they come. What is sent when is said in [`notify`](super::notify).
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

use http::Method;
use serde::{Deserialize, Serialize};

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::{Call, malformed_xml, notify, xml};

/// Who is told what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receiver {
    kind: Kind,
    pub(super) id: String,
    pub(super) arn: String,
    /// `s3:ObjectCreated:*`
    events: Vec<String>,
    prefix: Option<String>,
    suffix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Function,
    Queue,
    Topic,
}

/// The elements of a receiver and of its ARN, and its service.
const KINDS: [(Kind, &str, &str, &str); 3] = [
    (Kind::Topic, "TopicConfiguration", "Topic", "sns"),
    (Kind::Queue, "QueueConfiguration", "Queue", "sqs"),
    (Kind::Function, "CloudFunctionConfiguration", "CloudFunction", "lambda"),
];

/// The element that says that the default bus of the region is told, too.
const EVENT_BRIDGE: &str = "EventBridgeConfiguration";

/// All there are, by family and what can happen to it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const EVENTS: [(&str, &[&str]); 10] = [
    ("ObjectCreated", &["Put", "Post", "Copy", "CompleteMultipartUpload"]),
    ("ObjectRemoved", &["Delete", "DeleteMarkerCreated"]),
    ("ObjectRestore", &["Post", "Completed", "Delete"]),
    ("ObjectTagging", &["Put", "Delete"]),
    ("ObjectAcl", &["Put"]),
    ("ObjectAnnotation", &["Put", "Delete"]),
    ("ObjectRetention", &["Put"]),
    ("LifecycleExpiration", &["Delete", "DeleteMarkerCreated"]),
    (
        "Replication",
        &[
            "OperationFailedReplication",
            "OperationNotTracked",
            "OperationMissedThreshold",
            "OperationReplicatedAfterThreshold",
        ],
    ),
    ("", &["LifecycleTransition", "IntelligentTiering", "ReducedRedundancyLostObject"]),
];

impl Receiver {
    /// Whether it is told of `ObjectCreated:Put` of this key.
    pub(super) fn wants(&self, event: &str, key: &str) -> bool {
        let named = |wanted: &String| {
            let wanted = wanted.strip_prefix("s3:").unwrap_or(wanted);
            wanted == event || wanted.strip_suffix('*').is_some_and(|family| event.starts_with(family))
        };
        let begins = self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix));
        let ends = self.suffix.as_ref().is_none_or(|suffix| key.ends_with(suffix));
        begins && ends && self.events.iter().any(named)
    }

    fn read(element: &Element, kind: Kind, arn: &str) -> Result<Self, Fault> {
        let id = element.value("Id").filter(|id| !id.is_empty());
        let mut filters = [("prefix", None), ("suffix", None)];
        for rule in
            element.child("Filter").and_then(|filter| filter.child("S3Key")).iter().flat_map(|key| &key.children)
        {
            let (Some(name), Some(value)) = (rule.value("Name"), rule.child("Value")) else {
                return Err(malformed_xml());
            };
            let Some((_, filter)) = filters.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
                return Err(invalid("filter rule name must be either prefix or suffix"));
            };
            if filter.replace(value.text.clone()).is_some() {
                let name = name.to_lowercase();
                return Err(invalid(&format!("Cannot specify more than one {name} rule in a filter.")));
            }
            if value.text.len() > 1024 {
                return Err(invalid("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"));
            }
        }
        let [(_, prefix), (_, suffix)] = filters;
        let events: Vec<String> = element.all("Event").map(|event| event.text.trim().to_owned()).collect();
        if events.is_empty() {
            return Err(malformed_xml());
        }
        if !events.iter().all(|event| is_known(event)) {
            return Err(invalid("A specified event is not supported for notifications"));
        }
        Ok(Self {
            kind,
            id: id.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned),
            arn: element.value(arn).filter(|arn| !arn.is_empty()).ok_or_else(malformed_xml)?.to_owned(),
            events,
            prefix,
            suffix,
        })
    }

    fn show(&self) -> Element {
        let names = KINDS.iter().find(|(kind, ..)| *kind == self.kind);
        let (element, arn) = names.map_or(("", ""), |(_, element, arn, _)| (element, arn));
        let mut children = vec![Element::leaf("Id", &self.id), Element::leaf(arn, &self.arn)];
        children.extend(self.events.iter().map(|event| Element::leaf("Event", event)));
        // AWS shows the names with a capital letter, however they came.
        let rules = [("Prefix", &self.prefix), ("Suffix", &self.suffix)];
        let rules: Vec<Element> = rules
            .into_iter()
            .filter_map(|(name, value)| {
                let value = value.as_ref()?;
                Some(Element::new("FilterRule", vec![Element::leaf("Name", name), Element::leaf("Value", value)]))
            })
            .collect();
        if !rules.is_empty() {
            children.push(Element::new("Filter", vec![Element::new("S3Key", rules)]));
        }
        Element::new(element, children)
    }

    /// Whether an event of an object could be both's.
    fn overlaps(&self, other: &Self) -> bool {
        let covers = |all: &str, one: &str| all == one || all.strip_suffix('*').is_some_and(|it| one.starts_with(it));
        let mut pairs = self.events.iter().flat_map(|one| other.events.iter().map(move |other| (one, other)));
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let (one, two) = (part(&self.prefix), part(&other.prefix));
        let (end, second) = (part(&self.suffix), part(&other.suffix));
        pairs.any(|(one, other)| covers(one, other) || covers(other, one))
            && (one.starts_with(&two) || two.starts_with(&one))
            && (end.ends_with(&second) || second.ends_with(&end))
    }
}

/// Answers `GET|PUT /bucket?notification`.
pub(super) fn answer(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    if call.request.method == Method::GET {
        let (receivers, event_bridge) = bucket.config.read(|config| (config.receivers.clone(), config.event_bridge));
        let mut all: Vec<Element> = receivers.iter().map(Receiver::show).collect();
        if event_bridge {
            all.push(Element::leaf(EVENT_BRIDGE, ""));
        }
        return Ok(xml(&Element::new("NotificationConfiguration", all)));
    }
    let document = call.document("NotificationConfiguration")?;
    let event_bridge = document.child(EVENT_BRIDGE).is_some();
    let receivers = receivers(&document)?;
    check(&receivers, bucket)?;
    let skips =
        call.request.header("x-amz-skip-destination-validation").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    if !skips {
        for receiver in &receivers {
            ask(call, bucket, receiver)?;
        }
    }
    bucket.config.write(|config| {
        config.receivers = receivers;
        config.event_bridge = event_bridge;
        Ok(Reply::empty(200))
    })
}

fn receivers(document: &Element) -> Result<Vec<Receiver>, Fault> {
    let mut all = Vec::new();
    // Who hears of everything is asked nothing, and has no filter.
    for element in document.children.iter().filter(|element| element.name != EVENT_BRIDGE) {
        let (kind, _, arn, _) = KINDS.iter().find(|(_, name, ..)| *name == element.name).ok_or_else(malformed_xml)?;
        all.push(Receiver::read(element, *kind, arn)?);
    }
    Ok(all)
}

/// What S3 refuses before it asks any receiver.
fn check(receivers: &[Receiver], bucket: &Bucket) -> Result<(), Fault> {
    for (at, receiver) in receivers.iter().enumerate() {
        if receiver.id.len() > 255 {
            return Err(invalid("Id cannot exceed 255 characters"));
        }
        let before = &receivers[..at];
        if before.iter().any(|other| other.id == receiver.id) {
            return Err(invalid("Same ID used for multiple configurations. IDs must be unique"));
        }
        let service = KINDS.iter().find(|(kind, ..)| *kind == receiver.kind).map(|(.., service)| *service);
        let mut arn = receiver.arn.split(':').skip(2);
        let (named, region) = (arn.next(), arn.next());
        if named != service || arn.count() < 2 {
            return Err(invalid("The ARN could not be parsed"));
        }
        if region != Some(bucket.region().as_str()) {
            let message = "The notification destination service region is not valid for the bucket location constraint";
            return Err(invalid(message));
        }
        // A FIFO queue or topic: "S3 event notifications aren't compatible" with it.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
        if receiver.kind != Kind::Function && receiver.arn.strip_suffix(".fifo").is_some() {
            return Err(unreachable(&receiver.arn, "FIFO queues and topics are not allowed"));
        }
        if let Some(other) = before.iter().find(|other| other.overlaps(receiver)) {
            let filtered = |it: &Receiver| it.prefix.is_some() || it.suffix.is_some();
            return Err(invalid(if filtered(other) || filtered(receiver) {
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
            } else {
                "Configurations overlap. Configurations on the same bucket cannot share a common event type."
            }));
        }
    }
    Ok(())
}

/// A function has to let the bucket in; queues and topics get a message.
fn ask(call: &Call<'_>, bucket: &Bucket, receiver: &Receiver) -> Result<(), Fault> {
    let arn = &receiver.arn;
    if receiver.kind == Kind::Function {
        let source = notify::arn(&bucket.name);
        return if call.local.lambda.permits(arn, None, notify::SENDER, Some(&source)) {
            Ok(())
        } else {
            Err(unreachable(arn, &format!("Not authorized to invoke function [{arn}]")))
        };
    }
    notify::test(call, bucket, arn).map_err(
        |fault| {
            if fault.status == 501 { fault } else { unreachable(arn, &fault.message) }
        },
    )
}

fn unreachable(arn: &str, why: &str) -> Fault {
    invalid("Unable to validate the following destination configurations")
        .member("ArgumentName1", arn)
        .member("ArgumentValue1", why)
}

fn is_known(event: &str) -> bool {
    let Some(event) = event.strip_prefix("s3:") else { return false };
    let (family, what) = event.split_once(':').unwrap_or(("", event));
    let known = EVENTS.iter().find(|(known, _)| *known == family);
    known.is_some_and(|(_, all)| (what == "*" && !family.is_empty()) || all.contains(&what))
}

fn invalid(message: &str) -> Fault {
    Fault::new(400, "InvalidArgument", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(events: &[&str], prefix: Option<&str>, suffix: Option<&str>) -> Receiver {
        Receiver {
            kind: Kind::Function,
            id: "id".into(),
            arn: "arn".into(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            prefix: prefix.map(str::to_owned),
            suffix: suffix.map(str::to_owned),
        }
    }

    #[test]
    fn a_receiver_is_told_what_it_asked_for() {
        let photos = receiver(&["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"], Some("in/"), Some(".jpg"));
        assert!(photos.wants("ObjectCreated:Put", "in/a b.jpg"));
        assert!(photos.wants("ObjectRemoved:Delete", "in/a.jpg"));
        assert!(!photos.wants("ObjectRemoved:DeleteMarkerCreated", "in/a.jpg"));
        assert!(!photos.wants("ObjectCreated:Put", "out/a.jpg"));
        assert!(!photos.wants("ObjectCreated:Put", "in/a.png"));
    }

    #[test]
    fn two_receivers_overlap_when_an_event_could_be_both_s() {
        let all = receiver(&["s3:ObjectCreated:*"], None, None);
        let put = receiver(&["s3:ObjectCreated:Put"], Some("in/"), None);
        assert!(all.overlaps(&put) && put.overlaps(&all));
        assert!(!all.overlaps(&receiver(&["s3:ObjectRemoved:*"], None, None)));
        assert!(!put.overlaps(&receiver(&["s3:ObjectCreated:Put"], Some("out/"), None)));
        let (jpg, png) = (Some(".jpg"), Some(".png"));
        assert!(!receiver(&["s3:ObjectCreated:*"], None, jpg).overlaps(&receiver(&["s3:ObjectCreated:*"], None, png)));
    }

    #[test]
    fn events_are_those_of_s3() {
        for event in ["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:LifecycleTransition", "s3:Replication:*"] {
            assert!(is_known(event), "{event}");
        }
        for event in ["ObjectCreated:*", "s3:*", "s3:ObjectCreated", "s3:ObjectCreated:Got", "s3:Nothing:*", ""] {
            assert!(!is_known(event), "{event}");
        }
    }
}
