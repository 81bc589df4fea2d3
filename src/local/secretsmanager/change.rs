//! New secrets and new versions of them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{CURRENT, Content, Secret, Version, prefix};
use super::{Secrets, bad_parameter, bad_request, now, password};
use crate::local::members::{Members, invalid};
use crate::local::wire::Fault;

/// Bytes of a value.
const LARGEST: usize = 65_536;
/// Versions without a stage go when there are more than this.
const VERSIONS: usize = 100;
const LONGEST: usize = 512;

impl Secrets {
    pub(super) fn create(&self, members: &Members) -> Result<Value, Fault> {
        let (name, region) = (members.required("Name")?, &members.region);
        let well = |each: char| each.is_ascii_alphanumeric() || "-/_+=.@!".contains(each);
        if name.len() > LONGEST || !name.chars().all(well) {
            return Err(invalid(
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
            ));
        }
        refuse(members, &["AddReplicaRegions"])?;
        let (content, tags, token) = (content(members)?, members.tags()?, token(members)?);
        let (key, description) = (members.text("KmsKeyId")?, members.text("Description")?);
        self.index.write(|index| {
            let secrets = index.regions.entry(region.clone()).or_default();
            match secrets.get(name) {
                Some(there) if there.deleted.is_some() => {
                    return Err(bad_request(
                        "You can't create this secret because a secret with this name is already scheduled for deletion.",
                    ));
                }
                Some(there) => {
                    // The same call again is no other.
                    let same = |version: &&Version| version.id == token && Some(&version.content) == content.as_ref();
                    return match there.versions.iter().find(same) {
                        Some(_) => Ok(answer(there, Some(&token))),
                        None => Err(Fault::new(
                            400,
                            "ResourceExistsException",
                            format!("The operation failed because the secret {name} already exists."),
                        )),
                    };
                }
                None => {}
            }
            let now = now();
            let mut secret = Secret {
                arn: format!("{}-{}", prefix(region, name), password::suffix()),
                name: name.to_owned(),
                description: description.map(str::to_owned),
                key: key.map(str::to_owned),
                created: now,
                changed: now,
                accessed: None,
                deleted: None,
                tags,
                versions: Vec::new(),
            };
            let id = content.is_some().then_some(token.as_str());
            if let Some(content) = content {
                add(&mut secret, &token, content, &[CURRENT.to_owned()])?;
            }
            let answer = answer(&secret, id);
            secrets.insert(name.to_owned(), secret);
            Ok(answer)
        })
    }

    pub(super) fn put(&self, members: &Members) -> Result<Value, Fault> {
        let token = token(members)?;
        let stages = members.texts("VersionStages")?.unwrap_or_else(|| vec![CURRENT.to_owned()]);
        let missing = || bad_parameter("You must provide either SecretString or SecretBinary.");
        let content = content(members)?.ok_or_else(missing)?;
        self.change(members, |secret| {
            // The first value counts, whatever it was called.
            let first = secret.with_stage(CURRENT).is_none() && !stages.iter().any(|stage| stage == CURRENT);
            let stages = if first { [stages.as_slice(), &[CURRENT.to_owned()]].concat() } else { stages };
            add(secret, &token, content, &stages)?;
            let version = secret.versions.iter().find(|version| version.id == token);
            let stages = version.map(|version| version.stages.clone()).unwrap_or_default();
            let mut answer = answer(secret, Some(&token));
            answer["VersionStages"] = stages.into();
            Ok(answer)
        })
    }

    pub(super) fn update(&self, members: &Members) -> Result<Value, Fault> {
        let (content, token) = (content(members)?, token(members)?);
        let (key, description) = (members.text("KmsKeyId")?, members.text("Description")?);
        self.change(members, |secret| {
            if let Some(description) = description {
                secret.description = Some(description.to_owned());
            }
            if let Some(key) = key {
                secret.key = Some(key.to_owned());
            }
            secret.changed = now();
            let id = content.is_some().then_some(token.as_str());
            if let Some(content) = content {
                add(secret, &token, content, &[CURRENT.to_owned()])?;
            }
            Ok(answer(secret, id))
        })
    }
}

fn answer(secret: &Secret, version: Option<&str>) -> Value {
    let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(version) = version {
        answer["VersionId"] = version.into();
    }
    answer
}

/// Adds a version; the same one again changes nothing.
fn add(secret: &mut Secret, token: &str, content: Content, stages: &[String]) -> Result<(), Fault> {
    match secret.versions.iter().find(|version| version.id == token) {
        Some(version) if version.content == content => return Ok(()),
        Some(_) => {
            return Err(Fault::new(
                400,
                "ResourceExistsException",
                format!(
                    "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {}.",
                    secret.arn
                ),
            ));
        }
        None => {}
    }
    secret.versions.push(Version { id: token.to_owned(), content, created: now(), stages: Vec::new() });
    for stage in stages {
        secret.give_stage(stage, token);
    }
    secret.changed = now();
    while secret.versions.len() > VERSIONS {
        let Some(oldest) = secret.versions.iter().position(|version| version.stages.is_empty()) else { break };
        secret.versions.remove(oldest);
    }
    Ok(())
}

fn content(members: &Members) -> Result<Option<Content>, Fault> {
    let (text, binary) = (members.text("SecretString")?, members.text("SecretBinary")?);
    if text.is_some() && binary.is_some() {
        return Err(bad_parameter("You can't specify both SecretString and SecretBinary."));
    }
    if text.or(binary).is_some_and(|value| value.len() > LARGEST) {
        return Err(bad_parameter(format!("Secret value is too large: {LARGEST} bytes are the most.")));
    }
    let (text, binary) = (text.map(str::to_owned), binary.map(str::to_owned));
    Ok((text.is_some() || binary.is_some()).then_some(Content { text, binary }))
}

/// What the caller calls the version, or a fresh id.
fn token(members: &Members) -> Result<String, Fault> {
    let Some(token) = members.text("ClientRequestToken")? else { return Ok(Uuid::new_v4().to_string()) };
    if !(32..=64).contains(&token.len()) {
        return Err(bad_parameter("ClientRequestToken must be 32-64 characters long."));
    }
    Ok(token.to_owned())
}

/// What this server has not.
fn refuse(members: &Members, names: &[&str]) -> Result<(), Fault> {
    match names.iter().find(|name| members.get(name).is_some_and(|value| value != &json!([]))) {
        Some(name) => Err(Fault::unsupported("Secrets Manager", &format!("CreateSecret with {name}"))),
        None => Ok(()),
    }
}
