//! The end of a secret, after a while or at once, and its way back.

use serde_json::{Value, json};

use super::model::seconds;
use super::{Secrets, bad_parameter, bad_request, not_found, now};
use crate::local::members::Members;
use crate::local::wire::Fault;

/// Days.
const WINDOW: std::ops::RangeInclusive<i64> = 7..=30;
/// ms
const DAY: i64 = 86_400_000;

impl Secrets {
    pub(super) fn delete(&self, members: &Members) -> Result<Value, Fault> {
        let (id, region) = (members.required("SecretId")?, &members.region);
        let (at_once, days) = (members.flag("ForceDeleteWithoutRecovery")?, members.number("RecoveryWindowInDays")?);
        if at_once && days.is_some() {
            return Err(bad_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        if days.is_some_and(|days| !WINDOW.contains(&days)) {
            return Err(bad_parameter("RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."));
        }
        self.index.write(|index| {
            let secret = index.find_mut(region, id).ok_or_else(not_found)?;
            let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
            if at_once {
                answer["DeletionDate"] = seconds(now()).into();
                let name = secret.name.clone();
                index.regions.get_mut(region).and_then(|secrets| secrets.remove(&name));
                return Ok(answer);
            }
            if secret.deleted.is_some() {
                return Err(bad_request(
                    "You can't perform this operation on the secret because it was already scheduled for deletion.",
                ));
            }
            let end = now() + days.unwrap_or(*WINDOW.end()) * DAY;
            secret.deleted = Some(end);
            answer["DeletionDate"] = seconds(end).into();
            Ok(answer)
        })
    }

    pub(super) fn restore(&self, members: &Members) -> Result<Value, Fault> {
        let id = members.required("SecretId")?;
        self.index.write(|index| {
            let secret = index.find_mut(&members.region, id).ok_or_else(not_found)?;
            secret.deleted = None;
            Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
        })
    }
}
