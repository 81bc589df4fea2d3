//! Schedule groups and their tags. Schedules themselves have none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{self, constraint, invalid};
use super::model::{DEFAULT, Group, conflict, group_arn, missing};
use super::{Scheduler, page};
use crate::local::ACCOUNT;
use crate::local::wire::{Fault, Request};

/// How long a group is `DELETING`, in ms. Short, but real: a client that makes it again at once must fail
/// here as it would on AWS.
const DELETING: i64 = 100;

/// Most tags of a group. <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html>
const MOST_TAGS: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GroupInput {
    client_token: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

impl Scheduler {
    pub(super) fn create_group(&self, request: &Request, name: &str) -> Result<Value, Fault> {
        input::name(name, "name")?;
        let input: GroupInput = input::read(request)?;
        input::token(input.client_token.as_deref())?;
        let mut tags = BTreeMap::new();
        add(&mut tags, input.tags.unwrap_or_default())?;
        self.state.write(|state| {
            let groups = state.groups(&request.region);
            match groups.get(name) {
                // The same call again: its answer got lost.
                Some(there)
                    if there.gone_at.is_none() && there.token.is_some() && there.token == input.client_token => {}
                Some(_) => return Err(conflict(format!("Schedule group {name} already exists."))),
                None => {
                    let now = Timestamp::now().as_millisecond();
                    let token = input.client_token;
                    let group = Group { created: now, modified: now, token, tags, ..Group::default() };
                    groups.insert(name.to_owned(), group);
                }
            }
            Ok(json!({ "ScheduleGroupArn": group_arn(&request.region, name) }))
        })
    }

    pub(super) fn get_group(&self, request: &Request, name: &str) -> Result<Value, Fault> {
        input::name(name, "name")?;
        Ok(self.now().group(&request.region, name)?.show(&request.region, name))
    }

    /// Its schedules go with it. They do here at once; on AWS some may still fire.
    pub(super) fn delete_group(&self, request: &Request, name: &str) -> Result<Value, Fault> {
        input::name(name, "name")?;
        input::token(request.param("clientToken").as_deref())?;
        if name == DEFAULT {
            return Err(invalid("The default schedule group cannot be deleted."));
        }
        self.state.write(|state| {
            let group = state.group(&request.region, name)?;
            if group.gone_at.is_some() {
                return Err(conflict(format!("Schedule group {name} is being deleted.")));
            }
            group.schedules.clear();
            group.gone_at = Some(Timestamp::now().as_millisecond() + DELETING);
            Ok(json!({}))
        })
    }

    pub(super) fn list_groups(&self, request: &Request) -> Result<Value, Fault> {
        let prefix = request.param("NamePrefix");
        if let Some(prefix) = &prefix {
            input::name(prefix, "namePrefix")?;
        }
        let mut now = self.now();
        let groups = now.groups(&request.region).iter();
        let shown = groups
            .filter(|(name, _)| prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str())))
            .map(|(name, group)| (name.clone(), group.show(&request.region, name)));
        page::of(request, "ScheduleGroups", shown.collect())
    }

    pub(super) fn tags(&self, request: &Request, arn: &str) -> Result<Value, Fault> {
        let mut now = self.now();
        let group = now.group(&request.region, named(request, arn)?)?;
        let tags: Vec<Value> = group.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        Ok(json!({ "Tags": tags }))
    }

    pub(super) fn tag(&self, request: &Request, arn: &str) -> Result<Value, Fault> {
        let input: GroupInput = input::read(request)?;
        let Some(tags) = input.tags else {
            let rule = "failed to satisfy constraint: Member must not be null";
            return Err(invalid(format!("1 validation error detected: Value null at 'tags' {rule}")));
        };
        let name = named(request, arn)?;
        self.state.write(|state| {
            add(&mut state.group(&request.region, name)?.tags, tags)?;
            Ok(json!({}))
        })
    }

    pub(super) fn untag(&self, request: &Request, arn: &str) -> Result<Value, Fault> {
        let keys: Vec<String> =
            request.query().into_iter().filter(|(name, _)| name == "TagKeys").map(|(_, key)| key).collect();
        let name = named(request, arn)?;
        self.state.write(|state| {
            state.group(&request.region, name)?.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        })
    }
}

/// The group of an ARN; only groups have tags.
fn named<'a>(request: &Request, arn: &'a str) -> Result<&'a str, Fault> {
    let (head, name) = arn.split_once(":schedule-group/").ok_or_else(|| {
        let pattern = r"^arn:aws[a-z-]*:scheduler:[a-z0-9\-]+:\d{12}:schedule-group\/[0-9a-zA-Z-_.]+$";
        constraint(arn, "resourceArn", &format!("Member must satisfy regular expression pattern: {pattern}"))
    })?;
    if head != format!("arn:aws:scheduler:{}:{ACCOUNT}", request.region) {
        return Err(missing(format!("Schedule group {name} does not exist.")));
    }
    input::name(name, "resourceArn")
}

fn add(tags: &mut BTreeMap<String, String>, more: Vec<Tag>) -> Result<(), Fault> {
    for Tag { key, value } in more {
        input::length(&key, "tags.member.key", 1, 128)?;
        input::length(&value, "tags.member.value", 1, 256)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!("The tag key {key} is reserved.")));
        }
        tags.insert(key, value);
    }
    if tags.len() > MOST_TAGS {
        return Err(Fault::new(402, "ServiceQuotaExceededException", "A schedule group can have at most 50 tags."));
    }
    Ok(())
}
