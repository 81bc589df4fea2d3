//! What there is, without the values.

use serde_json::{Value, json};

use super::Secrets;
use super::model::{Secret, seconds};
use crate::local::members::{Members, invalid, page};
use crate::local::wire::Fault;

const KEYS: [&str; 5] = ["name", "description", "tag-key", "tag-value", "all"];

impl Secrets {
    pub(super) fn describe(&self, members: &Members) -> Result<Value, Fault> {
        self.look(members, |secret| Ok(secret.described("VersionIdsToStages")))
    }

    pub(super) fn list(&self, members: &Members) -> Result<Value, Fault> {
        let mut filters = Vec::new();
        for filter in members.list("Filters")? {
            let key = filter["Key"].as_str().unwrap_or_default().to_owned();
            if !KEYS.contains(&key.as_str()) {
                if ["primary-region", "owning-service"].contains(&key.as_str()) {
                    return Err(Fault::unsupported("Secrets Manager", &format!("the filter {key}")));
                }
                return Err(invalid(format!("Invalid filter key: {key}")));
            }
            let values = filter["Values"].as_array().into_iter().flatten().filter_map(Value::as_str);
            filters.push((key, values.map(str::to_owned).collect::<Vec<_>>()));
        }
        let deleted = members.flag("IncludePlannedDeletion")?;
        let limit = members.limit("MaxResults", &(1..=100), 100)?;
        let after = members.after()?;
        let (found, token) = self.index.read(|index| {
            let all = index.regions.get(&members.region).into_iter().flatten();
            let matching = all.filter(|(_, secret)| {
                (deleted || secret.deleted.is_none()) && filters.iter().all(|(key, values)| holds(secret, key, values))
            });
            let described = matching.map(|(name, secret)| (name.as_str(), secret.described("SecretVersionsToStages")));
            page(described, after.as_deref(), limit)
        });
        let mut answer = json!({ "SecretList": found });
        if let Some(token) = token {
            answer["NextToken"] = token.into();
        }
        Ok(answer)
    }

    pub(super) fn list_versions(&self, members: &Members) -> Result<Value, Fault> {
        let all = members.flag("IncludeDeprecated")?;
        self.look(members, |secret| {
            let shown = secret.versions.iter().filter(|version| all || !version.stages.is_empty());
            let versions: Vec<Value> = shown
                .map(|version| {
                    json!({
                        "VersionId": version.id, "VersionStages": version.stages,
                        "CreatedDate": seconds(version.created), "KmsKeyIds": ["DefaultEncryptionKey"],
                    })
                })
                .collect();
            Ok(json!({ "ARN": secret.arn, "Name": secret.name, "Versions": versions }))
        })
    }
}

/// Whether one of the values fits; `!` before a value turns it round. Names, descriptions and tags fit from their
/// beginning, only the first two with regard to case.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html>
fn holds(secret: &Secret, key: &str, values: &[String]) -> bool {
    let begins = |text: &str, value: &str| text.starts_with(value);
    let fits = |value: &str| match key {
        "name" => begins(&secret.name, value),
        "description" => secret.description.as_deref().is_some_and(|text| begins(text, value)),
        "tag-key" => secret.tags.keys().any(|tag| begins(tag, value)),
        "tag-value" => secret.tags.values().any(|tag| begins(tag, value)),
        _ => {
            let tags = secret.tags.iter().flat_map(|(key, value)| [key, value]);
            let texts = [&secret.name].into_iter().chain(&secret.description).chain(tags);
            let value = value.to_lowercase();
            texts.into_iter().any(|text| text.to_lowercase().contains(&value))
        }
    };
    values.iter().any(|value| value.strip_prefix('!').map_or_else(|| fits(value), |value| !fits(value)))
}
