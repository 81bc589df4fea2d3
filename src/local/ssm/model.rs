//! Parameters as they are kept, and as they are answered.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::arn;
use crate::local::ACCOUNT;

/// Parameters by region and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) regions: BTreeMap<String, BTreeMap<String, Parameter>>,
}

impl Index {
    pub(super) fn find(&self, region: &str, name: &str) -> Option<&Parameter> {
        self.regions.get(region)?.get(name)
    }

    pub(super) fn find_mut(&mut self, region: &str, name: &str) -> Option<&mut Parameter> {
        self.regions.get_mut(region)?.get_mut(name)
    }
}

/// One parameter; it has at least one version, the newest last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) versions: Vec<Version>,
    pub(super) tags: BTreeMap<String, String>,
}

/// One version of a parameter.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) number: i64,
    /// `String`, `StringList` or `SecureString`.
    pub(super) kind: String,
    pub(super) value: String,
    /// Of a `SecureString`.
    pub(super) key: Option<String>,
    pub(super) description: Option<String>,
    pub(super) pattern: Option<String>,
    pub(super) tier: String,
    /// ms since the epoch.
    pub(super) modified: i64,
    pub(super) labels: Vec<String>,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {} of a {}", self.number, self.kind)
    }
}

impl Version {
    pub(super) fn is_secure(&self) -> bool {
        self.kind == "SecureString"
    }

    fn shown(&self, name: &str, decrypted: bool) -> String {
        if decrypted || !self.is_secure() {
            return self.value.clone();
        }
        // As long as KMS would make it, as different for each version, and no way back.
        let hash = Sha256::digest(format!("{name}:{}:{}", self.number, self.value));
        STANDARD.encode([b"\x01\x02\x02\x00x".as_slice(), &hash, &Sha256::digest(hash)].concat())
    }

    /// What history and descriptions have in common.
    pub(super) fn described(&self, name: &str) -> Value {
        let mut out = json!({
            "Name": name, "Type": self.kind, "LastModifiedDate": seconds(self.modified),
            "LastModifiedUser": format!("arn:aws:iam::{ACCOUNT}:root"), "Version": self.number, "Tier": self.tier,
            "Policies": [], "DataType": "text",
        });
        let more = [("KeyId", &self.key), ("Description", &self.description), ("AllowedPattern", &self.pattern)];
        for (member, value) in more.into_iter().filter_map(|(member, value)| Some((member, value.as_ref()?))) {
            out[member] = value.as_str().into();
        }
        out
    }

    /// One of `GetParameterHistory`.
    pub(super) fn past(&self, name: &str, decrypted: bool) -> Value {
        let mut out = self.described(name);
        out["Value"] = self.shown(name, decrypted).into();
        out["Labels"] = self.labels.clone().into();
        out
    }

    /// `Parameter`. `selector` is what the caller said after the name.
    pub(super) fn answered(&self, (region, name): (&str, &str), selector: Option<&str>, decrypted: bool) -> Value {
        let mut out = json!({
            "Name": name, "Type": self.kind, "Value": self.shown(name, decrypted), "Version": self.number,
            "LastModifiedDate": seconds(self.modified), "ARN": arn(region, name), "DataType": "text",
        });
        if let Some(selector) = selector {
            out["Selector"] = format!(":{selector}").into();
        }
        out
    }
}

impl Parameter {
    /// The version that counts.
    pub(super) fn newest(&self) -> &Version {
        // There is always one; the first is as good as none for the compiler's sake.
        &self.versions[self.versions.len() - 1]
    }

    /// The version a selector names: a number or a label.
    pub(super) fn selected(&self, selector: Option<&str>) -> Option<&Version> {
        let Some(selector) = selector else { return Some(self.newest()) };
        match selector.parse::<i64>() {
            Ok(number) => self.versions.iter().find(|version| version.number == number),
            Err(_) => self.versions.iter().find(|version| version.labels.iter().any(|label| label == selector)),
        }
    }
}

/// As AWS writes times: seconds with a fraction.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
