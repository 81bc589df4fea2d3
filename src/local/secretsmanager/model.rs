//! Secrets as they are kept, and as they are answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bad_request;
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

/// Secrets by region and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) regions: BTreeMap<String, BTreeMap<String, Secret>>,
}

/// One secret; times in ms since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) key: Option<String>,
    pub(super) created: i64,
    pub(super) changed: i64,
    /// The day on which it was read.
    pub(super) accessed: Option<i64>,
    /// When its recovery window is over.
    pub(super) deleted: Option<i64>,
    pub(super) tags: BTreeMap<String, String>,
    /// The newest last.
    pub(super) versions: Vec<Version>,
}

/// One version of a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) content: Content,
    pub(super) created: i64,
    pub(super) stages: Vec<String>,
}

/// What is in a version: text, or bytes in base64 as they came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) text: Option<String>,
    pub(super) binary: Option<String>,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {} ({})", self.id, self.stages.join(", "))
    }
}

impl Index {
    /// By name, by ARN, or by an ARN without its last six characters.
    pub(super) fn find(&self, region: &str, id: &str) -> Option<&Secret> {
        let name = self.name(region, id)?;
        self.regions.get(region)?.get(&name)
    }

    pub(super) fn find_mut(&mut self, region: &str, id: &str) -> Option<&mut Secret> {
        let name = self.name(region, id)?;
        self.regions.get_mut(region)?.get_mut(&name)
    }

    fn name(&self, region: &str, id: &str) -> Option<String> {
        let secrets = self.regions.get(region)?;
        if !id.starts_with("arn:") {
            return secrets.contains_key(id).then(|| id.to_owned());
        }
        let is_meant = |secret: &&Secret| secret.arn == id || id == prefix(region, &secret.name);
        secrets.values().find(is_meant).map(|secret| secret.name.clone())
    }
}

impl Secret {
    /// The fault of what cannot be done with a deleted one.
    pub(super) fn stands(&self) -> Result<(), Fault> {
        match self.deleted {
            None => Ok(()),
            Some(_) => {
                Err(bad_request("You can't perform this operation on the secret because it was marked for deletion."))
            }
        }
    }

    pub(super) fn with_stage(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.iter().any(|it| it == stage))
    }

    /// Gives a stage to one version and takes it from all others.
    pub(super) fn give_stage(&mut self, stage: &str, id: &str) {
        if stage == CURRENT {
            let before = self.with_stage(CURRENT).map(|version| version.id.clone());
            if let Some(before) = before.filter(|before| before != id) {
                self.take_stage(PREVIOUS);
                self.add_stage(PREVIOUS, &before);
            }
            // What is current again is not previous at the same time.
            if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
                version.stages.retain(|stage| stage != PREVIOUS);
            }
        }
        self.take_stage(stage);
        self.add_stage(stage, id);
    }

    pub(super) fn take_stage(&mut self, stage: &str) {
        self.versions.iter_mut().for_each(|version| version.stages.retain(|it| it != stage));
    }

    fn add_stage(&mut self, stage: &str, id: &str) {
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.push(stage.to_owned());
        }
    }

    pub(super) fn stages(&self) -> Value {
        let with = self.versions.iter().filter(|version| !version.stages.is_empty());
        Value::Object(with.map(|version| (version.id.clone(), version.stages.clone().into())).collect())
    }

    pub(super) fn tag_list(&self) -> Value {
        self.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    }

    /// What descriptions and lists have in common.
    pub(super) fn described(&self, stages: &str) -> Value {
        let mut out = json!({
            "ARN": self.arn, "Name": self.name, "CreatedDate": seconds(self.created),
            "LastChangedDate": seconds(self.changed), "Tags": self.tag_list(),
        });
        if !self.versions.is_empty() {
            out[stages] = self.stages();
        }
        let texts = [("Description", &self.description), ("KmsKeyId", &self.key)];
        for (member, text) in texts.into_iter().filter_map(|(member, text)| Some((member, text.as_ref()?))) {
            out[member] = text.as_str().into();
        }
        let times = [("LastAccessedDate", self.accessed), ("DeletedDate", self.deleted)];
        for (member, time) in times.into_iter().filter_map(|(member, time)| Some((member, time?))) {
            out[member] = seconds(time).into();
        }
        out
    }
}

/// The ARN of a secret without what is chosen.
pub(super) fn prefix(region: &str, name: &str) -> String {
    format!("arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}")
}

/// As AWS writes times: seconds with a fraction.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
pub(super) fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn version(id: &str) -> Version {
        let content = Content { text: Some(id.to_owned()), binary: None };
        Version { id: id.to_owned(), content, created: 0, stages: Vec::new() }
    }

    #[test]
    fn what_was_current_is_previous_and_only_one_is() {
        let mut secret = Secret {
            arn: String::new(),
            name: "s".into(),
            description: None,
            key: None,
            created: 0,
            changed: 0,
            accessed: None,
            deleted: None,
            tags: BTreeMap::new(),
            versions: vec![version("1"), version("2"), version("3")],
        };
        for id in ["1", "2", "3"] {
            secret.give_stage(CURRENT, id);
        }
        let stages: Vec<_> = secret.versions.iter().map(|version| version.stages.join(",")).collect();
        assert_eq!(stages, ["", PREVIOUS, CURRENT]);
        // Back to what was there before.
        secret.give_stage(CURRENT, "2");
        assert_eq!(secret.with_stage(CURRENT).unwrap().id, "2");
        assert_eq!(secret.with_stage(PREVIOUS).unwrap().id, "3");
        assert!(secret.versions.iter().all(|version| version.stages.len() < 2));
    }
}
