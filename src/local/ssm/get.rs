//! Values: one, some, all below a path, and how they were.

use serde_json::{Value, json};

use super::filter::Filters;
use super::put::version_not_found;
use super::{Ssm, names, not_found};
use crate::local::members::{Members, constraint, invalid, page};
use crate::local::wire::Fault;

impl Ssm {
    pub(super) fn get_one(&self, members: &Members) -> Result<Value, Fault> {
        let (region, text) = (&members.region, members.required("Name")?);
        let (name, selector) = names::parse(region, text);
        let decrypted = members.flag("WithDecryption")?;
        let found = self.parameter(region, &name, |parameter| {
            parameter.selected(selector).map(|version| version.answered((region, &name), selector, decrypted))
        })?;
        let missing = || version_not_found(&name, selector.unwrap_or_default());
        Ok(json!({ "Parameter": found.ok_or_else(missing)? }))
    }

    pub(super) fn get_some(&self, members: &Members) -> Result<Value, Fault> {
        let (region, decrypted) = (&members.region, members.flag("WithDecryption")?);
        let texts = members.texts("Names")?.unwrap_or_default();
        if texts.is_empty() || texts.len() > 10 {
            let rule = "Member must have length less than or equal to 10";
            return Err(constraint(&format!("'[{}]'", texts.join(", ")), "Names", rule));
        }
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        self.index.read(|index| {
            for text in texts {
                let (name, selector) = names::parse(region, &text);
                let version = index.find(region, &name).and_then(|parameter| parameter.selected(selector));
                match version {
                    Some(version) => found.push(version.answered((region, &name), selector, decrypted)),
                    None => invalid.push(text),
                }
            }
        });
        Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
    }

    pub(super) fn get_by_path(&self, members: &Members) -> Result<Value, Fault> {
        let (region, path) = (&members.region, members.required("Path")?);
        if !path.starts_with('/') {
            return Err(invalid(format!(
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_. Given: {path}"
            )));
        }
        let below = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let (recursive, decrypted) = (members.flag("Recursive")?, members.flag("WithDecryption")?);
        let filters = Filters::read(members, &["Type", "KeyId", "Label"])?;
        let limit = members.limit("MaxResults", &(1..=10), 10)?;
        let after = members.after()?;
        let (found, token) = self.index.read(|index| {
            let all = index.regions.get(region).into_iter().flatten();
            let matching = all.filter_map(|(name, parameter)| {
                let rest = name.strip_prefix(&below)?;
                let version = filters.pick(parameter)?;
                (recursive || !rest.contains('/'))
                    .then(|| (name.as_str(), version.answered((region, name), None, decrypted)))
            });
            page(matching, after.as_deref(), limit)
        });
        Ok(with_token(json!({ "Parameters": found }), token))
    }

    pub(super) fn history(&self, members: &Members) -> Result<Value, Fault> {
        let (name, _) = names::parse(&members.region, members.required("Name")?);
        let decrypted = members.flag("WithDecryption")?;
        let limit = members.limit("MaxResults", &(1..=50), 50)?;
        let after = members.after()?;
        let (found, token) = self.parameter(&members.region, &name, |parameter| {
            // Numbers of one width are in the order of their names.
            let keys: Vec<String> =
                parameter.versions.iter().map(|version| format!("{:020}", version.number)).collect();
            let versions = keys.iter().map(String::as_str).zip(&parameter.versions);
            page(versions.map(|(key, version)| (key, version.past(&name, decrypted))), after.as_deref(), limit)
        })?;
        Ok(with_token(json!({ "Parameters": found }), token))
    }

    pub(super) fn exists(&self, region: &str, name: &str) -> Result<(), Fault> {
        self.parameter(region, name, |_| ()).map_err(|_| not_found())
    }
}

pub(super) fn with_token(mut answer: Value, token: Option<String>) -> Value {
    if let Some(token) = token {
        answer["NextToken"] = token.into();
    }
    answer
}
