//! Log groups: create, delete, describe, retention, deletion protection.

use serde_json::{Map, Value, json};

use super::input::{Input, constraint, group_of, missing};
use super::{Group, Logs, group_arn, invalid, no_group, now, tags};
use crate::local::wire::Fault;

/// The only values `PutRetentionPolicy` takes, in days (its API page).
const RETENTION_DAYS: [i64; 23] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, 0];

const CLASSES: [&str; 2] = ["STANDARD", "INFREQUENT_ACCESS"];

impl Group {
    fn new(class: &str) -> Self {
        Self {
            created: now(),
            class: class.to_owned(),
            retention_days: None,
            protected: false,
            tags: std::collections::BTreeMap::new(),
            streams: std::collections::BTreeMap::new(),
            subscriptions: std::collections::BTreeMap::new(),
            metric_filters: std::collections::BTreeMap::new(),
        }
    }

    /// Before this time (ms) events have expired.
    pub(super) fn horizon(&self) -> i64 {
        self.retention_days.map_or(i64::MIN, |days| now() - days * 86_400_000)
    }
}

impl Logs {
    pub(super) fn create_group(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name()?;
        if name.starts_with("aws/") {
            return Err(invalid("Log groups starting with aws/ are reserved for AWS."));
        }
        if input.get("kmsKeyId").is_some() {
            return Err(Fault::unsupported("CloudWatch Logs", "kmsKeyId"));
        }
        let class = input.text("logGroupClass")?.unwrap_or("STANDARD");
        if !CLASSES.contains(&class) {
            return Err(Fault::unsupported("CloudWatch Logs", &format!("log group class {class}")));
        }
        let mut group = Group::new(class);
        group.protected = input.flag("deletionProtectionEnabled")?.unwrap_or(false);
        tags::add(&mut group.tags, input.map("tags")?)?;
        self.index.write(|index| {
            let groups = index.regions.entry(input.region.to_owned()).or_default();
            if groups.contains_key(name) {
                return Err(Fault::new(
                    400,
                    "ResourceAlreadyExistsException",
                    "The specified log group already exists",
                ));
            }
            groups.insert(name.to_owned(), group);
            Ok(Value::Null)
        })
    }

    /// Lambda's own way: no error when somebody else was faster.
    pub(super) fn create_missing_group(&self, region: &str, name: &str) -> Result<(), Fault> {
        self.index.write(|index| {
            index
                .regions
                .entry(region.to_owned())
                .or_default()
                .entry(name.to_owned())
                .or_insert_with(|| Group::new("STANDARD"));
            Ok(())
        })
    }

    pub(super) fn delete_group(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name()?;
        let group = self.index.write(|index| {
            let groups = index.regions.get_mut(input.region).ok_or_else(no_group)?;
            if groups.get(name).ok_or_else(no_group)?.protected {
                let why = "Cannot delete log group because deletion protection is enabled";
                return Err(Fault::new(400, "ValidationException", why));
            }
            groups.remove(name).ok_or_else(no_group)
        })?;
        self.forget(group.streams.into_values().map(|stream| stream.number))?;
        Ok(Value::Null)
    }

    pub(super) fn put_deletion_protection(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = group_of(input.required("logGroupIdentifier")?, input.region)?;
        let protected = input.flag("deletionProtectionEnabled")?.ok_or_else(|| missing("deletionProtectionEnabled"))?;
        self.change_group(input.region, &name, |group| {
            group.protected = protected;
            Ok(Value::Null)
        })
    }

    pub(super) fn put_retention(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let name = input.group_name()?;
        let days = input.number("retentionInDays")?.ok_or_else(|| missing("retentionInDays"))?;
        if days < 1 || !RETENTION_DAYS.contains(&days) {
            let allowed = RETENTION_DAYS.map(|days| days.to_string()).join(", ");
            return Err(constraint(
                &days.to_string(),
                "retentionInDays",
                &format!("Member must satisfy enum value set: [{allowed}]"),
            ));
        }
        self.change_group(input.region, name, |group| {
            group.retention_days = Some(days);
            Ok(Value::Null)
        })
    }

    pub(super) fn delete_retention(&self, input: &Input<'_>) -> Result<Value, Fault> {
        self.change_group(input.region, input.group_name()?, |group| {
            group.retention_days = None;
            Ok(Value::Null)
        })
    }

    pub(super) fn describe_groups(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let prefix = input.text("logGroupNamePrefix")?;
        let pattern = input.text("logGroupNamePattern")?;
        if prefix.is_some() && pattern.is_some() {
            return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
        }
        if input.flag("includeLinkedAccounts")? == Some(true) {
            return Err(Fault::unsupported("CloudWatch Logs", "includeLinkedAccounts"));
        }
        let class = input.text("logGroupClass")?;
        let only = input
            .texts("logGroupIdentifiers")?
            .map(|list| list.iter().map(|identifier| group_of(identifier, input.region)).collect::<Result<Vec<_>, _>>())
            .transpose()?;
        let limit = input.limit(50)?;
        let after = input.text("nextToken")?.map(decode_token).transpose()?;
        let mut page: Vec<(String, Group)> = self.index.read(|index| {
            let groups = index.regions.get(input.region).into_iter().flatten();
            groups
                .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after))
                .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
                .filter(|(name, _)| pattern.is_none_or(|pattern| name.contains(pattern)))
                .filter(|(name, _)| only.as_ref().is_none_or(|only| only.contains(name)))
                .filter(|(_, group)| class.is_none_or(|class| group.class == class))
                .take(limit + 1)
                .map(|(name, group)| (name.clone(), group.clone()))
                .collect()
        });
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(name, _)| encode_token(name));
        let described = page.iter().map(|(name, group)| self.describe(input.region, name, group, pattern.is_some()));
        let mut output = json!({ "logGroups": described.collect::<Result<Vec<_>, _>>()? });
        if let Some(next) = next {
            output["nextToken"] = next.into();
        }
        Ok(output)
    }

    /// `brief` is what `DescribeLogGroups` gives when it searches by pattern.
    fn describe(&self, region: &str, name: &str, group: &Group, brief: bool) -> Result<Value, Fault> {
        let arn = group_arn(region, name);
        let mut out = Map::new();
        out.insert("logGroupName".into(), name.into());
        out.insert("creationTime".into(), group.created.into());
        out.insert("arn".into(), format!("{arn}:*").into());
        if brief {
            return Ok(Value::Object(out));
        }
        let mut bytes = 0;
        for stream in group.streams.values() {
            bytes += self.journal(stream.number)?.read().map_or(0, |journal| journal.bytes());
        }
        out.insert("logGroupArn".into(), arn.into());
        out.insert("metricFilterCount".into(), group.metric_filters.len().into());
        out.insert("storedBytes".into(), bytes.into());
        out.insert("logGroupClass".into(), group.class.clone().into());
        out.insert("deletionProtectionEnabled".into(), group.protected.into());
        if let Some(days) = group.retention_days {
            out.insert("retentionInDays".into(), days.into());
        }
        Ok(Value::Object(out))
    }
}

/// A page token is the last name of the page before.
pub(super) fn encode_token(text: &str) -> String {
    hex::encode(text)
}

pub(super) fn decode_token(token: &str) -> Result<String, Fault> {
    hex::decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid("The specified nextToken is invalid."))
}
