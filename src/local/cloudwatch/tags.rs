//! Tags of alarms.

use std::collections::BTreeMap;

use super::input::Input;
use super::model::{Alarm, arn};
use super::{CloudWatch, bad_value, fault};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Of one alarm.
const MOST: usize = 50;

/// `Tags` of a request, each key once.
pub(super) fn given(input: &Input<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags = BTreeMap::new();
    for tag in input.structures("Tags", usize::MAX)? {
        let (key, value) = (tag.required("Key", 1..=128)?, tag.required("Value", 0..=256)?);
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(bad_value("aws: prefixed tag key names are not allowed for external use."));
        }
        if tags.insert(key, value).is_some() {
            return Err(bad_value("A tag key must not be given twice."));
        }
    }
    few(&tags)?;
    Ok(tags)
}

fn few(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    if tags.len() > MOST { Err(bad_value("A resource can have no more than 50 tags.")) } else { Ok(()) }
}

impl CloudWatch {
    pub(super) fn tag(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        input.get("Tags").ok_or_else(|| input.missing("Tags"))?;
        let tags = given(input)?;
        self.change(input, region, |alarm| {
            alarm.tags.extend(tags);
            few(&alarm.tags)
        })
    }

    pub(super) fn untag(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        input.get("TagKeys").ok_or_else(|| input.missing("TagKeys"))?;
        let keys = input.texts("TagKeys", usize::MAX)?;
        self.change(input, region, |alarm| {
            alarm.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
    }

    pub(super) fn list_tags(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let (resource, name) = resource(input, region)?;
        let tags = self.state.read(|state| state.get(region, &name).map(|alarm| alarm.tags.clone()));
        let tags = tags.ok_or_else(|| none(&resource))?;
        let shown = |(key, value): (&String, &String)| Document::map().with("Key", key).with("Value", value);
        Ok(Document::map().with("Tags", tags.iter().map(shown).collect::<Vec<_>>()))
    }

    fn change(
        &self,
        input: &Input<'_>,
        region: &str,
        change: impl FnOnce(&mut Alarm) -> Result<(), Fault>,
    ) -> Result<Document, Fault> {
        let (resource, name) = resource(input, region)?;
        self.state.write(|state| {
            change(state.get_mut(region, &name).ok_or_else(|| none(&resource))?)?;
            Ok(Document::map())
        })
    }
}

/// `ResourceARN` and the name of the alarm in it.
fn resource(input: &Input<'_>, region: &str) -> Result<(String, String), Fault> {
    let resource = input.required("ResourceARN", 1..=1024)?;
    if !resource.starts_with("arn:") {
        return Err(bad_value(format!("Invalid ARN: {resource}")));
    }
    match resource.strip_prefix(&arn(region, "")) {
        Some(name) => Ok((resource.clone(), name.to_owned())),
        None => Err(none(&resource)),
    }
}

fn none(resource: &str) -> Fault {
    let code = "ResourceNotFoundException";
    fault(404, code, code, format!("{resource} not found")).member("ResourceId", resource)
}
