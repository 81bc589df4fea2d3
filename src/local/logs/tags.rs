//! Tags of log groups, by ARN and, the older way, by name.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::input::{Input, group_of, missing};
use super::{Logs, invalid, no_group};
use crate::local::wire::Fault;

/// Adds tags under the documented limits: 50 per group, keys of 1 to 128 characters that do not start
/// with `aws:`, values of at most 256.
pub(super) fn add(tags: &mut BTreeMap<String, String>, more: BTreeMap<String, String>) -> Result<(), Fault> {
    for (key, value) in &more {
        if key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || key.to_ascii_lowercase().starts_with("aws:")
        {
            return Err(invalid(format!("the tag '{key}' is not valid")));
        }
    }
    tags.extend(more);
    if tags.len() > 50 {
        return Err(Fault::new(400, "TooManyTagsException", "A resource can have no more than 50 tags."));
    }
    Ok(())
}

impl Logs {
    pub(super) fn tag_resource(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.tag(input, &resource(input)?)
    }

    pub(super) fn untag_resource(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.untag(input, &resource(input)?, "tagKeys")
    }

    pub(super) fn list_tags_for_resource(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.group(input.region, &resource(input)?, |group| json!({ "tags": group.tags }))
    }

    pub(super) fn tag_group(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.tag(input, input.group_name()?)
    }

    pub(super) fn untag_group(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.untag(input, input.group_name()?, "tags")
    }

    pub(super) fn list_tags_of_group(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.group(input.region, input.group_name()?, |group| json!({ "tags": group.tags }))
    }

    fn tag(&self, input: &Input<'_>, name: &str) -> Result<Value, Fault> {
        let tags = input.map("tags")?;
        if tags.is_empty() {
            return Err(missing("tags"));
        }
        self.change_group(input.region, name, |group| add(&mut group.tags, tags).map(|()| Value::Null))
    }

    fn untag(&self, input: &Input<'_>, name: &str, member: &str) -> Result<Value, Fault> {
        let keys = input.texts(member)?.ok_or_else(|| missing(member))?;
        self.change_group(input.region, name, |group| {
            group.tags.retain(|key, _| !keys.contains(key));
            Ok(Value::Null)
        })
    }
}

/// The group of `resourceArn`. Both spellings of a group's ARN are taken, with and without `:*`.
fn resource(input: &Input<'_>) -> Result<String, Fault> {
    let arn = input.required("resourceArn")?;
    if !arn.starts_with("arn:") {
        return Err(invalid("the resource ARN is not valid"));
    }
    if !arn.contains(":log-group:") {
        return Err(no_group());
    }
    group_of(arn.strip_suffix(":*").unwrap_or(arn), input.region)
}
