//! `type: secret` — a secret of Secrets Manager.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>

use serde::Serialize;

use super::given::{self, Given};
use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 3] = ["value", "generate", "existing"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "secret",
    what: "a secret",
    keys: &KEYS,
    // Its ARN ends in six characters that AWS chooses.
    attributes: &["name"],
    access: &["read", "read-write"],
    read,
};

/// Bytes.
const MOST: usize = 65_536;

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Secret {
    #[serde(flatten)]
    pub(crate) given: Given,
    /// Name or ARN of one that is not rzap's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) existing: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<ResourceConfig> {
    if let Some(entry) = fields.get("existing") {
        let name = given::existing(reader, fields, &KEYS)?;
        let well = match name.strip_prefix("arn:") {
            Some(rest) => {
                let mut parts = rest.splitn(5, ':');
                parts.nth(1) == Some("secretsmanager") && parts.nth(2).is_some_and(|what| what.starts_with("secret:"))
            }
            None => name.chars().all(|each| each.is_ascii_alphanumeric() || "/_+=.@-".contains(each)),
        };
        if !well {
            let title = format!("`{name}` is not the name of a secret");
            reader.problem(&entry.value.span, title, "like `prod/db`, or the ARN of a secret");
        }
        return Some(ResourceConfig::Secret(Secret { given: Given::default(), existing: Some(name) }));
    }
    let given = given::read(reader, fields, ("Secrets Manager", MOST), true);
    Some(ResourceConfig::Secret(Secret { given, existing: None }))
}
