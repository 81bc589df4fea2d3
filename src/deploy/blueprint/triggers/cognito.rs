//! What happens to users: one resource for each user pool that calls a function, for a pool has one list of whom it
//! calls.

use std::collections::BTreeMap;

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::{CognitoTrigger, Pool, Trigger};
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, Kind, UserPoolTriggers};
use crate::error::{Error, Result};

impl Wakes for CognitoTrigger {
    /// Those of a pool stand together: see [`of_stage`].
    fn wanted(&self, _: &FunctionConfig, _: &Drawing<'_>) -> Result<Vec<Any>> {
        Ok(Vec::new())
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::UserPoolTriggers]
    }
}

/// What the user pools call in a stage.
pub(in crate::deploy::blueprint) fn of_stage(drawing: &Drawing<'_>) -> Result<Vec<Any>> {
    let mut pools: BTreeMap<String, UserPoolTriggers> = BTreeMap::new();
    for function in drawing.stage.functions.values() {
        for trigger in &function.triggers {
            let Trigger::Cognito(trigger) = trigger else { continue };
            let pool = match &trigger.pool {
                Pool::Own(name) => {
                    let name = &drawing.addresses.get(name)?.name;
                    pools.entry(name.clone()).or_insert_with(|| UserPoolTriggers::of_own(&drawing.owner, name))
                }
                Pool::Id(_) | Pool::Arn(_) => {
                    let id = id(&trigger.pool, drawing)?;
                    pools.entry(id.clone()).or_insert_with(|| UserPoolTriggers::of_id(&drawing.owner, &id))
                }
            };
            for event in &trigger.events {
                pool.call(event, &drawing.alias(function));
            }
        }
    }
    Ok(pools.into_values().map(Any::UserPoolTriggers).collect())
}

/// The id of a pool that is there already. A pool calls functions of its own account and region.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html>
fn id(pool: &Pool, drawing: &Drawing<'_>) -> Result<String> {
    let region = &drawing.place.region;
    let (said, id) = match pool {
        Pool::Own(said) | Pool::Id(said) => (said, Some(said.as_str())),
        Pool::Arn(said) => (said, said.strip_prefix(&drawing.place.arn("cognito-idp", region, "userpool/"))),
    };
    let here = id.filter(|id| id.strip_prefix(region.as_str()).is_some_and(|rest| rest.starts_with('_')));
    here.map(str::to_owned).ok_or_else(|| {
        Error::usage(format!(
            "the user pool {said} calls no functions of this stage: it lies in another account or region"
        ))
        .hint(format!("this stage is in {region} of the account {}", drawing.place.account))
    })
}
