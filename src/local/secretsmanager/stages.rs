//! Stages moved by hand.

use serde_json::{Value, json};

use super::model::CURRENT;
use super::{Secrets, bad_parameter, now};
use crate::local::members::Members;
use crate::local::wire::Fault;

impl Secrets {
    pub(super) fn update_stage(&self, members: &Members) -> Result<Value, Fault> {
        let stage = members.required("VersionStage")?;
        let (from, to) = (members.text("RemoveFromVersionId")?, members.text("MoveToVersionId")?);
        self.change(members, |secret| {
            let holder = secret.with_stage(stage).map(|version| version.id.clone());
            if from.is_none() && to.is_none() {
                return Err(bad_parameter("You must specify MoveToVersionId or RemoveFromVersionId."));
            }
            if let Some(id) = to.filter(|id| !secret.versions.iter().any(|version| version.id == **id)) {
                let message = format!("Secrets Manager can't find the specified secret version: {id}");
                return Err(Fault::new(400, "ResourceNotFoundException", message));
            }
            if from.is_some() && holder.as_deref() != from {
                let from = from.unwrap_or_default();
                return Err(bad_parameter(format!("The staging label {stage} is not attached to version {from}.")));
            }
            match (to, holder) {
                (Some(to), Some(holder)) if from.is_none() && holder != to => {
                    return Err(bad_parameter(format!(
                        "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
                    )));
                }
                (Some(to), _) => secret.give_stage(stage, to),
                (None, _) if stage == CURRENT => {
                    return Err(bad_parameter(format!("You can only move staging label {stage} to a different secret version. It can’t be completely removed.")));
                }
                (None, _) => secret.take_stage(stage),
            }
            secret.changed = now();
            Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
        })
    }
}
