//! Concurrency: what is reserved, and what the account has.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>

use serde_json::json;

use super::super::wire::{Fault, Reply, Request};
use super::Lambda;
use super::body::{Body, invalid, refused};
use super::model::State;
use super::names::FunctionRef;

/// Concurrent executions per region.
pub(super) const ACCOUNT_CONCURRENCY: u32 = 1000;
/// What must stay for functions without a reservation.
const LEAST_UNRESERVED: u32 = 100;

/// `PUT /2017-10-31/functions/{name}/concurrency`
pub(super) fn put(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let member = "ReservedConcurrentExecutions";
    let asked = Body::of(request)?.number(member)?;
    let null = || invalid("null", "reservedConcurrentExecutions", "Member must not be null");
    let asked = u32::try_from(asked.ok_or_else(null)?).map_err(|_| {
        invalid("-1", "reservedConcurrentExecutions", "Member must have value greater than or equal to 0")
    })?;
    lambda.store.write(|state| {
        let mine = state.find(at)?.reserved.unwrap_or(0);
        let others = reserved(state, &at.region).saturating_sub(mine);
        if asked.saturating_add(others) > ACCOUNT_CONCURRENCY - LEAST_UNRESERVED {
            return Err(too_much("ReservedConcurrentExecutions"));
        }
        let provisioned: u32 = state.find(at)?.provisioned.values().map(|it| it.requested).sum();
        if asked < provisioned {
            return Err(refused(format!(
                "ReservedConcurrentExecutions {asked} should not be lower than function's total provisioned concurrency \
                 [{provisioned}]."
            )));
        }
        state.find_mut(at)?.reserved = Some(asked);
        Ok(Reply::json(200, &json!({ member: asked })))
    })
}

/// `GET /2019-09-30/functions/{name}/concurrency`
pub(super) fn get(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| {
        Ok(Reply::json(
            200,
            &state
                .find(at)?
                .reserved
                .map_or_else(|| json!({}), |reserved| json!({ "ReservedConcurrentExecutions": reserved })),
        ))
    })
}

/// `DELETE /2017-10-31/functions/{name}/concurrency`
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        state.find_mut(at)?.reserved = None;
        Ok(Reply::empty(204))
    })
}

/// `GET /2016-08-19/account-settings`
pub(super) fn account(lambda: &Lambda, region: &str) -> Reply {
    lambda.store.read(|state| {
        let functions: Vec<_> = state.of(region).map(|(_, function)| function).collect();
        let size: u64 =
            functions.iter().flat_map(|function| function.every_version()).map(|version| version.build.code.size).sum();
        Reply::json(
            200,
            &json!({
                "AccountLimit": {
                    "TotalCodeSize": 322_122_547_200_u64,
                    "CodeSizeUnzipped": 262_144_000,
                    "CodeSizeZipped": 52_428_800,
                    "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
                    "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - reserved(state, region),
                },
                "AccountUsage": { "TotalCodeSize": size, "FunctionCount": functions.len() },
            }),
        )
    })
}

/// Whether a function without a reservation may have so many provisioned.
pub(super) fn can_spare(state: &State, at: &FunctionRef, asked: u32) -> bool {
    let others = state.of(&at.region).filter(|(name, function)| **name != at.name && function.reserved.is_none());
    let others: u32 = others.flat_map(|(_, function)| function.provisioned.values()).map(|it| it.requested).sum();
    asked.saturating_add(others).saturating_add(reserved(state, &at.region)) <= ACCOUNT_CONCURRENCY - LEAST_UNRESERVED
}

/// The refusal of more than the account has to spare.
pub(super) fn too_much(what: &str) -> Fault {
    refused(format!(
        "Specified {what} for function decreases account's UnreservedConcurrentExecution below its minimum value of \
         [{LEAST_UNRESERVED}]."
    ))
}

/// All reservations of a region together.
pub(super) fn reserved(state: &State, region: &str) -> u32 {
    state.of(region).filter_map(|(_, function)| function.reserved).sum()
}
