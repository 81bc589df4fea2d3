//! New parameters, new versions, labels, and the end of parameters.

use regex::Regex;
use serde_json::{Value, json};

use super::model::{Index, Parameter, Version};
use super::{Ssm, names, not_found};
use crate::local::members::{Members, constraint, invalid};
use crate::local::wire::Fault;

const KINDS: [&str; 3] = ["String", "StringList", "SecureString"];
/// Bytes of a standard and of an advanced parameter.
const STANDARD: usize = 4096;
const ADVANCED: usize = 8192;
/// Versions that are kept of one parameter.
const VERSIONS: usize = 100;
/// Labels of one version.
const LABELS: usize = 10;

impl Ssm {
    pub(super) fn put(&self, members: &Members) -> Result<Value, Fault> {
        let (name, region) = (members.required("Name")?, &members.region);
        names::check(region, name)?;
        let value = members.required("Value")?;
        if let Some(kind) = members.text("Type")?.filter(|kind| !KINDS.contains(kind)) {
            let rule = "Member must satisfy enum value set: [SecureString, StringList, String]";
            return Err(constraint(&format!("'{kind}'"), "Type", rule));
        }
        if members.text("Policies")?.is_some_and(|policies| !policies.is_empty()) {
            return Err(Fault::unsupported("SSM", "a parameter with Policies"));
        }
        if members.text("DataType")?.is_some_and(|kind| kind != "text") {
            return Err(Fault::unsupported("SSM", "a DataType other than text"));
        }
        let (overwrite, tags) = (members.flag("Overwrite")?, members.tags()?);
        if overwrite && !tags.is_empty() {
            return Err(invalid(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
            ));
        }
        self.index.write(|index| {
            let standing = index.find(region, name);
            if standing.is_some() && !overwrite {
                return Err(Fault::new(
                    400,
                    "ParameterAlreadyExists",
                    "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
                ));
            }
            let version = version(members, value, standing)?;
            let answer = json!({ "Version": version.number, "Tier": version.tier });
            let parameters = index.regions.entry(region.clone()).or_default();
            let fresh = || Parameter { name: name.to_owned(), versions: Vec::new(), tags };
            let parameter = parameters.entry(name.to_owned()).or_insert_with(fresh);
            if parameter.versions.len() >= VERSIONS && !parameter.versions[0].labels.is_empty() {
                let message = format!("The oldest version of {name} has a label, and {VERSIONS} versions are the most.");
                return Err(Fault::new(400, "ParameterMaxVersionLimitExceeded", message));
            }
            if parameter.versions.len() >= VERSIONS {
                parameter.versions.remove(0);
            }
            parameter.versions.push(version);
            Ok(answer)
        })
    }

    pub(super) fn delete_one(&self, members: &Members) -> Result<Value, Fault> {
        let name = members.required("Name")?;
        self.index.write(|index| remove(index, &members.region, name).then_some(json!({})).ok_or_else(not_found))
    }

    pub(super) fn delete_some(&self, members: &Members) -> Result<Value, Fault> {
        let names = members.texts("Names")?.unwrap_or_default();
        if names.is_empty() || names.len() > 10 {
            return Err(constraint(&format!("'{names:?}'"), "Names", "Member must have length between 1 and 10"));
        }
        self.index.write(|index| {
            let (deleted, invalid): (Vec<_>, Vec<_>) =
                names.into_iter().partition(|name| remove(index, &members.region, name));
            Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
        })
    }

    pub(super) fn label(&self, members: &Members) -> Result<Value, Fault> {
        let labels = members.texts("Labels")?.unwrap_or_default();
        let number = members.number("ParameterVersion")?;
        let (well, bad): (Vec<String>, Vec<String>) = labels.into_iter().partition(|label| is_label(label));
        self.change(&members.region, members.required("Name")?, |parameter| {
            let at = position(parameter, number)?;
            for label in &well {
                // A label is at one version.
                parameter.versions.iter_mut().for_each(|version| version.labels.retain(|it| it != label));
            }
            let version = &mut parameter.versions[at];
            if version.labels.len() + well.len() > LABELS {
                let message = "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.";
                return Err(Fault::new(400, "ParameterVersionLabelLimitExceeded", message));
            }
            version.labels.extend(well);
            Ok(json!({ "InvalidLabels": bad, "ParameterVersion": version.number }))
        })
    }

    pub(super) fn unlabel(&self, members: &Members) -> Result<Value, Fault> {
        let labels = members.texts("Labels")?.unwrap_or_default();
        let number = members.number("ParameterVersion")?;
        self.change(&members.region, members.required("Name")?, |parameter| {
            let at = position(parameter, number)?;
            let version = &mut parameter.versions[at];
            let (removed, invalid): (Vec<String>, Vec<String>) =
                labels.into_iter().partition(|label| version.labels.contains(label));
            version.labels.retain(|label| !removed.contains(label));
            Ok(json!({ "RemovedLabels": removed, "InvalidLabels": invalid }))
        })
    }
}

/// The version that a put makes of what it says and of what was there.
fn version(members: &Members, value: &str, standing: Option<&Parameter>) -> Result<Version, Fault> {
    let before = standing.map(Parameter::newest);
    let kind = match (members.text("Type")?, before) {
        (None, None) => return Err(invalid("A parameter type is required when you create a parameter.")),
        (None, Some(before)) => before.kind.clone(),
        (Some(kind), Some(before)) if kind != before.kind => {
            return Err(Fault::new(
                400,
                "HierarchyTypeMismatchException",
                "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.",
            ));
        }
        (Some(kind), _) => kind.to_owned(),
    };
    let key = members.text("KeyId")?;
    if key.is_some() && kind != "SecureString" {
        return Err(invalid("KeyId is required for SecureString type parameter only."));
    }
    let tier = match members.text("Tier")?.unwrap_or("Standard") {
        "Intelligent-Tiering" if value.len() > STANDARD => "Advanced",
        "Standard" | "Intelligent-Tiering" => before.map_or("Standard", |before| before.tier.as_str()),
        "Advanced" => "Advanced",
        other => {
            let rule = "Member must satisfy enum value set: [Advanced, Intelligent-Tiering, Standard]";
            return Err(constraint(&format!("'{other}'"), "Tier", rule));
        }
    };
    let most = if tier == "Advanced" { ADVANCED } else { STANDARD };
    if value.len() > most {
        return Err(invalid(format!("{tier} tier parameters support a maximum parameter value of {most} characters.")));
    }
    let pattern = members.text("AllowedPattern")?.or_else(|| before.and_then(|before| before.pattern.as_deref()));
    if let Some(pattern) = pattern {
        let rule = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
            Fault::new(
                400,
                "InvalidAllowedPatternException",
                "The request doesn't meet the regular expression requirement.",
            )
        })?;
        if !rule.is_match(value) {
            let message = "Parameter value, cannot be validated against allowedPattern: ".to_owned() + pattern;
            return Err(Fault::new(400, "ParameterPatternMismatchException", message));
        }
    }
    let description = members.text("Description")?.or_else(|| before.and_then(|before| before.description.as_deref()));
    let default_key = || before.and_then(|before| before.key.clone()).unwrap_or_else(|| "alias/aws/ssm".to_owned());
    Ok(Version {
        number: before.map_or(1, |before| before.number + 1),
        key: (kind == "SecureString").then(|| key.map_or_else(default_key, str::to_owned)),
        kind,
        value: value.to_owned(),
        description: description.map(str::to_owned),
        pattern: pattern.map(str::to_owned),
        tier: tier.to_owned(),
        modified: jiff::Timestamp::now().as_millisecond(),
        labels: Vec::new(),
    })
}

fn remove(index: &mut Index, region: &str, name: &str) -> bool {
    index.regions.get_mut(region).is_some_and(|parameters| parameters.remove(name).is_some())
}

/// Where a version is; the newest when nobody says which.
fn position(parameter: &Parameter, number: Option<i64>) -> Result<usize, Fault> {
    let Some(number) = number else { return Ok(parameter.versions.len() - 1) };
    let found = parameter.versions.iter().position(|version| version.number == number);
    found.ok_or_else(|| version_not_found(&parameter.name, &number.to_string()))
}

pub(super) fn version_not_found(name: &str, selector: &str) -> Fault {
    let message =
        format!("Systems Manager could not find version {selector} of {name}. Verify the version and try again.");
    Fault::new(400, "ParameterVersionNotFound", message)
}

/// "Labels can contain letters, numbers, periods, hyphens, and underscores, can't begin with a number, aws or ssm."
fn is_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    let reserved =
        lower.starts_with("aws") || lower.starts_with("ssm") || lower.starts_with(|it: char| it.is_ascii_digit());
    let well = label.chars().all(|each| each.is_ascii_alphanumeric() || "._-".contains(each));
    !label.is_empty() && label.len() <= 100 && well && !reserved
}
