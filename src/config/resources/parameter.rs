//! `type: parameter` — a parameter of SSM Parameter Store.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use serde::Serialize;

use super::given::{self, Given};
use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::interpolate::Word;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 4] = ["value", "secure", "generate", "existing"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "parameter",
    what: "a parameter",
    keys: &KEYS,
    attributes: &["name", "arn"],
    access: &["read", "read-write"],
    read,
};

/// Bytes of a standard parameter; larger ones cost.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>
const MOST: usize = 4096;

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Parameter {
    /// A `SecureString`.
    pub(crate) secure: bool,
    #[serde(flatten)]
    pub(crate) given: Given,
    /// Name or ARN of one that is not rzap's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) existing: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<ResourceConfig> {
    if fields.get("existing").is_some() {
        let existing = given::existing(reader, fields, &KEYS);
        if let (Some(name), Some(entry)) = (&existing, fields.get("existing")) {
            check_name(reader, entry, name);
        }
        let given = Given::default();
        return Some(ResourceConfig::Parameter(Parameter { secure: false, given, existing: Some(existing?) }));
    }
    let secure = fields.flag(reader, "secure")?;
    let given = given::read(reader, fields, ("Parameter Store", MOST), false);
    if let (Some(_), false, Some(entry)) = (given.generate, secure, fields.get("generate")) {
        reader.problem(&entry.key_span, "a value that is made up is a secret", "add `secure: true`");
    }
    if let Word::Is(app) = reader.words.app
        && ["aws", "ssm"].iter().any(|reserved| app.starts_with(reserved))
    {
        let title = format!("a parameter's name begins with the app's, and Parameter Store keeps `/{app}…` for itself");
        reader.problem(fields.at(), title, "rename the app, or use `type: secret`");
    }
    Some(ResourceConfig::Parameter(Parameter { secure, given, existing: None }))
}

/// A name or an ARN of a parameter.
fn check_name(reader: &mut Reader<'_>, entry: &crate::config::raw::Entry, name: &str) {
    let label = "like `/shared/url`, or the ARN of a parameter";
    let well = match name.strip_prefix("arn:") {
        Some(rest) => {
            let mut parts = rest.splitn(5, ':');
            parts.nth(1) == Some("ssm") && parts.nth(2).is_some_and(|what| what.starts_with("parameter/"))
        }
        None => name.chars().all(|each| each.is_ascii_alphanumeric() || "._-/".contains(each)),
    };
    if !well {
        reader.problem(&entry.value.span, format!("`{name}` is not the name of a parameter"), label);
    }
}
