//! `ParameterFilters`: which parameters a list has.

use serde_json::Value;

use super::model::{Parameter, Version};
use crate::local::members::Members;
use crate::local::wire::Fault;

/// All of them have to hold.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    key: String,
    option: String,
    values: Vec<String>,
}

impl Filters {
    /// Reads the filters of a request; `known` are the keys that the operation has, `tag:…` among them as `tag:`.
    pub(super) fn read(members: &Members, known: &[&str]) -> Result<Self, Fault> {
        let text = |filter: &Value, name: &str| filter[name].as_str().unwrap_or_default().to_owned();
        let values = |filter: &Value| -> Vec<String> {
            let values = filter["Values"].as_array().into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut filters = Vec::new();
        for filter in members.list("ParameterFilters")? {
            let (key, option) = (text(filter, "Key"), text(filter, "Option"));
            let is_known = |it: &&str| *it == key || (*it == "tag:" && key.starts_with("tag:"));
            if !known.iter().any(is_known) {
                let message = format!(
                    "The following filter key is not valid: {key}. Valid filter keys include: [{}].",
                    known.join(", ")
                );
                return Err(Fault::new(400, "InvalidFilterKey", message));
            }
            let options: &[&str] = match key.as_str() {
                "Name" => &["", "Equals", "BeginsWith", "Contains"],
                "Path" => &["", "OneLevel", "Recursive"],
                "Type" | "KeyId" | "Tier" | "DataType" => &["", "Equals", "BeginsWith"],
                _ => &["", "Equals"],
            };
            if !options.contains(&option.as_str()) {
                let message = format!(
                    "The following filter option is not valid: {option}. Valid options include: [{}].",
                    options[1..].join(", ")
                );
                return Err(Fault::new(400, "InvalidFilterOption", message));
            }
            filters.push(Filter { key, option, values: values(filter) });
        }
        // The older form knows only the beginning of names, and equality.
        for filter in members.list("Filters")? {
            let key = text(filter, "Key");
            let option = if key == "Name" { "BeginsWith" } else { "Equals" };
            filters.push(Filter { key, option: option.to_owned(), values: values(filter) });
        }
        Ok(Self(filters))
    }

    /// The version that a list shows of a parameter, if it is in it: the newest, or the one with the label.
    pub(super) fn pick<'a>(&self, parameter: &'a Parameter) -> Option<&'a Version> {
        let mut version = parameter.newest();
        for filter in &self.0 {
            if filter.key == "Label" {
                let has = |version: &&Version| version.labels.iter().any(|label| filter.values.contains(label));
                version = parameter.versions.iter().find(has)?;
            }
        }
        self.0.iter().all(|filter| filter.holds(parameter, version)).then_some(version)
    }
}

impl Filter {
    fn holds(&self, parameter: &Parameter, version: &Version) -> bool {
        let equals = |text: &str| {
            self.values.iter().any(|value| match self.option.as_str() {
                "BeginsWith" => text.starts_with(value),
                "Contains" => text.contains(value.as_str()),
                _ => text == value,
            })
        };
        match self.key.as_str() {
            "Name" => equals(&parameter.name),
            "Type" => equals(&version.kind),
            "KeyId" => version.key.as_deref().is_some_and(equals),
            "Tier" => equals(&version.tier),
            "DataType" => equals("text"),
            "Path" => self.values.iter().any(|path| {
                let below = if path.ends_with('/') { path.clone() } else { format!("{path}/") };
                let rest = parameter.name.strip_prefix(&below);
                rest.is_some_and(|rest| self.option == "Recursive" || !rest.contains('/'))
            }),
            key => match key.strip_prefix("tag:") {
                Some(tag) => parameter.tags.get(tag).is_some_and(|value| self.values.is_empty() || equals(value)),
                None => true,
            },
        }
    }
}
