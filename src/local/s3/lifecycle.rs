//! Lifecycle rules: checked, kept, shown. Nothing here expires by itself.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::buckets::required;
use super::{Call, malformed_xml, xml};

const MINIMUM: (&str, &str) = ("x-amz-transition-default-minimum-object-size", "all_storage_classes_128K");
const ACTIONS: [&str; 5] = [
    "AbortIncompleteMultipartUpload",
    "Expiration",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "Transition",
];

pub(super) fn get(bucket: &Bucket) -> Result<Reply, Fault> {
    let document = bucket.config.read(|config| config.lifecycle.clone()).ok_or_else(|| {
        let message = "The lifecycle configuration does not exist";
        Fault::new(404, "NoSuchLifecycleConfiguration", message).member("BucketName", &bucket.name)
    })?;
    Ok(xml(&document).with(MINIMUM.0, MINIMUM.1))
}

pub(super) fn put(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let mut document = call.document("LifecycleConfiguration")?;
    let count = document.children.len();
    if !(1..=1_000).contains(&count) || document.children.iter().any(|rule| rule.name != "Rule") {
        return Err(malformed_xml());
    }
    let mut ids = Vec::new();
    for rule in &mut document.children {
        check(rule)?;
        // AWS gives a rule without an id one, and shows it.
        if rule.value("ID").is_none_or(str::is_empty) {
            rule.children.retain(|child| child.name != "ID");
            rule.children.insert(0, Element::leaf("ID", uuid::Uuid::new_v4().to_string()));
        }
        let id = rule.value("ID").unwrap_or_default().to_owned();
        if id.len() > 255 {
            return Err(invalid("ID length should not exceed allowed limit of 255"));
        }
        if ids.contains(&id) {
            return Err(invalid("Rule ID must be unique. Found same ID for more than one rule"));
        }
        ids.push(id);
    }
    bucket.config.write(|config| {
        config.lifecycle = Some(document);
        Ok(Reply::empty(200).with(MINIMUM.0, MINIMUM.1))
    })
}

fn check(rule: &Element) -> Result<(), Fault> {
    if !matches!(required(rule, "Status")?, "Enabled" | "Disabled") {
        return Err(malformed_xml());
    }
    let known = |name: &str| ACTIONS.contains(&name) || ["ID", "Filter", "Prefix", "Status"].contains(&name);
    if rule.children.iter().any(|child| !known(&child.name))
        || (rule.child("Filter").is_none() == rule.child("Prefix").is_none())
    {
        return Err(malformed_xml());
    }
    let actions: Vec<&Element> = rule.children.iter().filter(|child| ACTIONS.contains(&child.name.as_str())).collect();
    if actions.is_empty() {
        return Err(invalid("At least one action needs to be specified in a rule"));
    }
    for action in actions {
        if action.children.is_empty() {
            return Err(malformed_xml());
        }
        for number in
            action.children.iter().filter(|child| child.name.ends_with("Days") || child.name.starts_with("DaysAfter"))
        {
            let days: i64 = number.text.trim().parse().map_err(|_| malformed_xml())?;
            // A transition may happen on the day of creation; the others not.
            let least = i64::from(!action.name.ends_with("Transition"));
            if days < least {
                return Err(invalid(&format!(
                    "'{}' for {} action must be a positive integer",
                    number.name, action.name
                )));
            }
        }
    }
    Ok(())
}

fn invalid(message: &str) -> Fault {
    Fault::new(400, "InvalidArgument", message)
}
