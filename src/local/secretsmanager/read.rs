//! Values, one or several at once.

use serde_json::{Value, json};

use super::model::{CURRENT, Secret, seconds};
use super::{Secrets, bad_parameter, bad_request, not_found, now};
use crate::local::members::Members;
use crate::local::wire::Fault;

const DAY: i64 = 86_400_000;
/// Secrets of one `BatchGetSecretValue`.
const BATCH: usize = 20;

impl Secrets {
    pub(super) fn get_value(&self, members: &Members) -> Result<Value, Fault> {
        let (version, stage) = (members.text("VersionId")?, members.text("VersionStage")?);
        let today = now() / DAY * DAY;
        let read = self.look(members, |secret| Ok((value(secret, version, stage)?, secret.accessed == Some(today))))?;
        let (answer, is_noted) = read;
        if !is_noted {
            self.change(members, |secret| {
                secret.accessed = Some(today);
                Ok(())
            })?;
        }
        Ok(answer)
    }

    pub(super) fn get_values(&self, members: &Members) -> Result<Value, Fault> {
        if members.get("Filters").is_some() || members.get("NextToken").is_some() {
            return Err(Fault::unsupported("Secrets Manager", "BatchGetSecretValue with Filters"));
        }
        let ids = members.texts("SecretIdList")?.unwrap_or_default();
        if ids.is_empty() || ids.len() > BATCH {
            return Err(bad_parameter(format!("SecretIdList must have 1 to {BATCH} items.")));
        }
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        self.index.read(|index| {
            for id in ids {
                let found = index.find(&members.region, &id).ok_or_else(not_found);
                match found.and_then(|secret| value(secret, None, None)) {
                    Ok(value) => values.push(value),
                    Err(fault) => {
                        errors.push(json!({ "SecretId": id, "ErrorCode": fault.code, "Message": fault.message }));
                    }
                }
            }
        });
        Ok(json!({ "SecretValues": values, "Errors": errors }))
    }
}

fn value(secret: &Secret, id: Option<&str>, stage: Option<&str>) -> Result<Value, Fault> {
    secret.stands()?;
    let version = match (id, stage) {
        (Some(id), stage) => {
            let found = secret.versions.iter().find(|version| version.id == id);
            let missing = || {
                let message = format!("Secrets Manager can't find the specified secret value for VersionId: {id}");
                Fault::new(400, "ResourceNotFoundException", message)
            };
            let version = found.ok_or_else(missing)?;
            if let Some(stage) = stage.filter(|stage| !version.stages.iter().any(|it| it == stage)) {
                let message =
                    format!("You provided a VersionStage that is not associated to the provided VersionId: {stage}");
                return Err(bad_request(message));
            }
            version
        }
        (None, stage) => {
            let stage = stage.unwrap_or(CURRENT);
            let missing = || {
                let message =
                    format!("Secrets Manager can't find the specified secret value for staging label: {stage}");
                Fault::new(400, "ResourceNotFoundException", message)
            };
            secret.with_stage(stage).ok_or_else(missing)?
        }
    };
    let mut answer = json!({
        "ARN": secret.arn, "Name": secret.name, "VersionId": version.id, "VersionStages": version.stages,
        "CreatedDate": seconds(version.created),
    });
    let kinds = [("SecretString", &version.content.text), ("SecretBinary", &version.content.binary)];
    for (member, content) in kinds.into_iter().filter_map(|(member, content)| Some((member, content.as_ref()?))) {
        answer[member] = content.as_str().into();
    }
    Ok(answer)
}
