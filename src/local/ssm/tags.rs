//! Tags of parameters; nothing else that Systems Manager tags is here.

use serde_json::{Value, json};

use super::{Ssm, names};
use crate::local::members::{Members, invalid};
use crate::local::wire::Fault;

/// Tags of one parameter.
const MOST: usize = 50;

impl Ssm {
    pub(super) fn add_tags(&self, members: &Members) -> Result<Value, Fault> {
        let (name, tags) = (self.tagged(members)?, members.tags()?);
        if let Some(key) = tags.keys().find(|key| key.is_empty() || key.to_lowercase().starts_with("aws:")) {
            return Err(invalid(format!("Invalid tag key: {key}")));
        }
        self.change(&members.region, &name, |parameter| {
            parameter.tags.extend(tags);
            if parameter.tags.len() > MOST {
                return Err(Fault::new(400, "TooManyTagsError", "The number of tags exceeds the limit of 50."));
            }
            Ok(json!({}))
        })
    }

    pub(super) fn remove_tags(&self, members: &Members) -> Result<Value, Fault> {
        let (name, keys) = (self.tagged(members)?, members.texts("TagKeys")?.unwrap_or_default());
        self.change(&members.region, &name, |parameter| {
            parameter.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        })
    }

    pub(super) fn list_tags(&self, members: &Members) -> Result<Value, Fault> {
        let name = self.tagged(members)?;
        let tags = self.parameter(&members.region, &name, |parameter| parameter.tags.clone())?;
        let list: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "TagList": list }))
    }

    /// The parameter that a request is about.
    fn tagged(&self, members: &Members) -> Result<String, Fault> {
        let kind = members.required("ResourceType")?;
        if kind != "Parameter" {
            return Err(Fault::unsupported("SSM", &format!("a tag of a {kind}")));
        }
        let (name, _) = names::parse(&members.region, members.required("ResourceId")?);
        let gone = |_| {
            Fault::new(
                400,
                "InvalidResourceId",
                "The resource ID is not valid. Verify that you entered the correct ID and try again.",
            )
        };
        self.exists(&members.region, &name).map_err(gone)?;
        Ok(name)
    }
}
