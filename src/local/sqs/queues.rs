//! Queues themselves: making, finding, changing, tagging, emptying and deleting them.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::attributes::{self, Attributes, READ_ONLY};
use super::contents::Change;
use super::fault::{disk, invalid, invalid_value, no_queue, queue_exists, unknown_attribute};
use super::input::Input;
use super::{Entry, Index, Sqs, now, of_arn, queue_arn};
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

/// "The response includes a maximum of 1,000 results."
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>
const MOST_LISTED: usize = 1000;

impl Sqs {
    pub(super) fn create_queue(&self, input: &Input) -> Result<Value, Fault> {
        let name = input.required("QueueName")?.to_owned();
        let asked: Attributes = input.map("Attributes")?;
        let fifo = asked.contains_key("FifoQueue");
        attributes::check_name(&name, fifo)?;
        let kept = attributes::changed(&Attributes::new(), &asked, fifo)?;
        let tags = checked_tags(input.map("tags")?)?;
        let url = url(input, &name);
        self.index.write(|index| {
            if let Some(there) = index.find(&input.region, &name) {
                return match difference(&there.attributes, &asked) {
                    Some(attribute) => Err(queue_exists(attribute)),
                    None => Ok(()),
                };
            }
            check_target(index, &input.region, &name, &kept)?;
            let (number, now) = (index.next, now() / 1000);
            index.next += 1;
            let entry = Entry { number, created: now, modified: now, attributes: kept, tags };
            index.regions.entry(input.region.clone()).or_default().insert(name.clone(), entry);
            Ok(())
        })?;
        Ok(json!({ "QueueUrl": url }))
    }

    pub(super) fn get_queue_url(&self, input: &Input) -> Result<Value, Fault> {
        let name = input.required("QueueName")?;
        if input.text("QueueOwnerAWSAccountId")?.is_some_and(|account| account != ACCOUNT) {
            return Err(no_queue());
        }
        self.entry(&input.region, name)?;
        Ok(json!({ "QueueUrl": url(input, name) }))
    }

    pub(super) fn list_queues(&self, input: &Input) -> Result<Value, Fault> {
        let prefix = input.text("QueueNamePrefix")?.unwrap_or_default();
        let names = self.index.read(|index| {
            let names = index.regions.get(&input.region).into_iter().flatten().map(|(name, _)| name);
            names.filter(|name| name.starts_with(prefix)).cloned().collect()
        });
        page(input, "QueueUrls", names)
    }

    pub(super) fn list_sources(&self, input: &Input) -> Result<Value, Fault> {
        let target = input.queue()?;
        self.entry(&input.region, &target)?;
        page(input, "queueUrls", self.sources(&input.region, &target)).map(|mut shown| {
            // An empty list is there all the same.
            if let Some(shown) = shown.as_object_mut() {
                shown.entry("queueUrls").or_insert_with(|| json!([]));
            }
            shown
        })
    }

    /// The queues whose dead letters go to this one.
    pub(super) fn sources(&self, region: &str, target: &str) -> Vec<String> {
        let arn = queue_arn(region, target);
        self.index.read(|index| {
            let queues = index.regions.get(region).into_iter().flatten();
            let to_it = |entry: &Entry| attributes::redrive(&entry.attributes).is_some_and(|it| it.target == arn);
            queues.filter(|(_, entry)| to_it(entry)).map(|(name, _)| name.clone()).collect()
        })
    }

    pub(super) fn get_attributes(&self, input: &Input) -> Result<Value, Fault> {
        let (name, entry, queue) = self.named(input)?;
        let asked = input.texts("AttributeNames")?;
        let all = asked.iter().any(|one| one == "All");
        let mut shown: Map<String, Value> =
            attributes::effective(&entry.attributes).into_iter().map(|(name, value)| (name, value.into())).collect();
        let counts = queue.at(now(), entry.number("MessageRetentionPeriod")).contents().counts();
        let known = [
            counts.visible.to_string(),
            counts.delayed.to_string(),
            counts.in_flight.to_string(),
            entry.created.to_string(),
            entry.modified.to_string(),
            queue_arn(&input.region, &name),
        ];
        shown.extend(READ_ONLY.iter().zip(known).map(|(name, value)| ((*name).to_owned(), value.into())));
        for one in &asked {
            if one != "All" && !attributes::is_known(one) {
                return Err(unknown_attribute(one));
            }
        }
        shown.retain(|name, _| all || asked.contains(name));
        // As on AWS: nothing rather than an empty map.
        Ok(if shown.is_empty() { json!({}) } else { json!({ "Attributes": shown }) })
    }

    pub(super) fn set_attributes(&self, input: &Input) -> Result<Value, Fault> {
        let name = input.queue()?;
        let asked: Attributes = input.map("Attributes")?;
        let queue = {
            let entry = self.entry(&input.region, &name)?;
            self.shelf(&entry)?
        };
        self.index.write(|index| {
            let before = index.find(&input.region, &name).ok_or_else(no_queue)?.attributes.clone();
            let fifo = attributes::is_fifo(&before);
            let after = attributes::changed(&before, &asked, fifo)?;
            if asked.contains_key("RedrivePolicy") {
                check_target(index, &input.region, &name, &after)?;
            }
            let entry = index.find_mut(&input.region, &name)?;
            entry.attributes = after;
            entry.modified = now() / 1000;
            Ok(Value::Null)
        })?;
        queue.changed.notify_waiters();
        Ok(Value::Null)
    }

    pub(super) fn delete_queue(&self, input: &Input) -> Result<Value, Fault> {
        let name = input.queue()?;
        let entry = self.index.write(|index| {
            let gone = index.regions.get_mut(&input.region).and_then(|queues| queues.remove(&name));
            gone.ok_or_else(no_queue)
        })?;
        let queue = self.shelves.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry.number);
        if let Some(queue) = queue {
            // Whoever waits for messages learns that there will be none.
            queue.changed.notify_waiters();
        }
        match std::fs::remove_file(self.journal_path(entry.number)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk(&error)),
            _ => Ok(Value::Null),
        }
    }

    pub(super) fn purge_queue(&self, input: &Input) -> Result<Value, Fault> {
        let (_, entry, queue) = self.named(input)?;
        queue.at(now(), entry.number("MessageRetentionPeriod")).record(vec![Change::Clear])?;
        Ok(Value::Null)
    }

    pub(super) fn tag_queue(&self, input: &Input) -> Result<Value, Fault> {
        let name = input.queue()?;
        let more = checked_tags(input.map("Tags")?)?;
        self.change_tags(input, &name, |tags| tags.extend(more))
    }

    pub(super) fn untag_queue(&self, input: &Input) -> Result<Value, Fault> {
        let (name, keys) = (input.queue()?, input.texts("TagKeys")?);
        self.change_tags(input, &name, |tags| tags.retain(|key, _| !keys.contains(key)))
    }

    fn change_tags(
        &self,
        input: &Input,
        name: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Value, Fault> {
        self.index.write(|index| {
            let tags = &mut index.find_mut(&input.region, name)?.tags;
            change(tags);
            if tags.len() > 50 {
                return Err(invalid("Too many tags added for queue."));
            }
            Ok(Value::Null)
        })
    }

    pub(super) fn list_queue_tags(&self, input: &Input) -> Result<Value, Fault> {
        let tags = self.entry(&input.region, &input.queue()?)?.tags;
        Ok(if tags.is_empty() { json!({}) } else { json!({ "Tags": tags }) })
    }
}

impl Entry {
    /// A numeric attribute, or its default.
    pub(super) fn number(&self, name: &str) -> i64 {
        attributes::number(&self.attributes, name)
    }

    pub(super) fn is_fifo(&self) -> bool {
        attributes::is_fifo(&self.attributes)
    }
}

fn url(input: &Input, name: &str) -> String {
    format!("{}/{ACCOUNT}/{name}", input.base)
}

/// The first attribute that is asked for and is not so.
fn difference<'a>(there: &Attributes, asked: &'a Attributes) -> Option<&'a str> {
    let there = attributes::effective(there);
    let json = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let same = |name: &String, value: &String| match there.get(name) {
        None => value.is_empty(),
        Some(other) => other == value || json(other).is_some_and(|other| Some(other) == json(value)),
    };
    asked.iter().find(|(name, value)| !same(name, value)).map(|(name, _)| name.as_str())
}

/// A dead-letter queue must be there, of the same kind, and willing.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
fn check_target(index: &Index, region: &str, name: &str, kept: &Attributes) -> Result<(), Fault> {
    let Some(redrive) = attributes::redrive(kept) else { return Ok(()) };
    let text = kept.get("RedrivePolicy").map(String::as_str).unwrap_or_default();
    let bad = |reason: &str| invalid_value(text, "RedrivePolicy", reason);
    let target = of_arn(&redrive.target).filter(|(other, _)| *other == region);
    let target = target.and_then(|(region, target)| index.find(region, target));
    let target = target.ok_or_else(|| bad("Dead letter target does not exist."))?;
    if attributes::is_fifo(&target.attributes) != attributes::is_fifo(kept) {
        return Err(bad("Dead-letter queue must be same type of queue as the source."));
    }
    if !attributes::takes_dead_letters_of(&target.attributes, &queue_arn(region, name)) {
        return Err(bad("The dead-letter queue's redriveAllowPolicy does not allow this source queue."));
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>, "Queue tags"
fn checked_tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Fault> {
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid(format!(
                "The tag {key:?} is too long: keys have 1–128 characters, values at most 256."
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys must not begin with aws:"));
        }
    }
    if tags.len() > 50 {
        return Err(invalid("Too many tags added for queue."));
    }
    Ok(tags)
}

/// One page of queue URLs. Only who says how many they want gets a token for more.
fn page(input: &Input, member: &str, names: Vec<String>) -> Result<Value, Fault> {
    let most = match input.number("MaxResults")? {
        None => MOST_LISTED,
        Some(most) => usize::try_from(most)
            .ok()
            .filter(|most| (1..=MOST_LISTED).contains(most))
            .ok_or_else(|| invalid_value(most, "MaxResults", "MaxResults must be an integer between 1 and 1000."))?,
    };
    let after = match input.text("NextToken")?.filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => {
            let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(name.ok_or_else(|| invalid("Invalid or expired next token."))?)
        }
    };
    let mut names: Vec<String> =
        names.into_iter().filter(|name| after.as_ref().is_none_or(|after| name > after)).take(most + 1).collect();
    let more = names.len() > most && input.get("MaxResults").is_some();
    names.truncate(most);
    let mut shown = Map::new();
    if let Some(last) = names.last().filter(|_| more) {
        shown.insert("NextToken".to_owned(), URL_SAFE_NO_PAD.encode(last).into());
    }
    if !names.is_empty() {
        shown.insert(member.to_owned(), names.iter().map(|name| url(input, name)).collect());
    }
    Ok(Value::Object(shown))
}
