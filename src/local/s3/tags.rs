//! Tags of objects and buckets: their rules, their XML, and `?tagging` of an object.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use std::collections::BTreeMap;

use super::super::wire::{Fault, Reply, parse_query};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::{Call, malformed_xml, notify, xml};

/// How many tags there may be.
pub(super) const OBJECT_LIMIT: usize = 10;
pub(super) const BUCKET_LIMIT: usize = 50;

pub(super) fn get(bucket: &Bucket, key: &str, version: Option<&str>) -> Result<Reply, Fault> {
    let object = bucket.object(key, version)?;
    Ok(bucket.show_version(xml(&document(&object.attributes.tags)), object.version.as_deref()))
}

pub(super) fn put(call: &Call<'_>, bucket: &Bucket, key: &str, version: Option<&str>) -> Result<Reply, Fault> {
    let tags = from_document(&call.document("Tagging")?, OBJECT_LIMIT)?;
    let object = bucket.amend(key, version, |object| object.attributes.tags = tags)?;
    notify::of_object(call, bucket, "ObjectTagging:Put", &object);
    Ok(bucket.show_version(Reply::empty(200), object.version.as_deref()))
}

pub(super) fn delete(call: &Call<'_>, bucket: &Bucket, key: &str, version: Option<&str>) -> Result<Reply, Fault> {
    let object = bucket.amend(key, version, |object| object.attributes.tags.clear())?;
    notify::of_object(call, bucket, "ObjectTagging:Delete", &object);
    Ok(bucket.show_version(Reply::empty(204), object.version.as_deref()))
}

/// `x-amz-tagging: a=1&b=2`
pub(super) fn from_header(header: &str) -> Result<BTreeMap<String, String>, Fault> {
    checked(parse_query(header).into_iter(), OBJECT_LIMIT)
}

/// `<Tagging><TagSet><Tag>…`
pub(super) fn from_document(document: &Element, limit: usize) -> Result<BTreeMap<String, String>, Fault> {
    from_elements(document.child("TagSet").ok_or_else(malformed_xml)?.children.iter(), limit)
}

/// `<Tag><Key/><Value/></Tag>` each.
pub(super) fn from_elements<'a>(
    tags: impl Iterator<Item = &'a Element>,
    limit: usize,
) -> Result<BTreeMap<String, String>, Fault> {
    let pairs: Option<Vec<_>> = tags
        .map(|tag| {
            let text = |name| tag.child(name).map(|child| child.text.clone());
            (tag.name == "Tag").then(|| text("Key").zip(text("Value"))).flatten()
        })
        .collect();
    checked(pairs.ok_or_else(malformed_xml)?.into_iter(), limit)
}

/// The whole document.
pub(super) fn document(tags: &BTreeMap<String, String>) -> Element {
    let tag = |(key, value): (&String, &String)| {
        Element::new("Tag", vec![Element::leaf("Key", key), Element::leaf("Value", value)])
    };
    Element::new("Tagging", vec![Element::new("TagSet", tags.iter().map(tag).collect())])
}

fn checked(pairs: impl Iterator<Item = (String, String)>, limit: usize) -> Result<BTreeMap<String, String>, Fault> {
    let invalid = |message: &str| Err(Fault::new(400, "InvalidTag", message));
    let mut tags = BTreeMap::new();
    for (key, value) in pairs {
        let legal = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
        if key.is_empty() || key.chars().count() > 128 || !key.chars().all(legal) {
            return invalid("The TagKey you have provided is invalid");
        }
        if value.chars().count() > 256 || !value.chars().all(legal) {
            return invalid("The TagValue you have provided is invalid");
        }
        if key.starts_with("aws:") {
            return invalid("System tags cannot be added/updated by requester");
        }
        if tags.insert(key, value).is_some() {
            return invalid("Cannot provide multiple Tags with the same key");
        }
    }
    if tags.len() > limit {
        let what = if limit == OBJECT_LIMIT { "Object" } else { "Bucket" };
        return Err(Fault::new(400, "BadRequest", format!("{what} tags cannot be greater than {limit}")));
    }
    Ok(tags)
}
