//! The access log of a REST API's stage.

use aws_sdk_apigateway::operation::get_stage::GetStageOutput;
use aws_sdk_apigateway::types::{Op, PatchOperation};

use super::{Api, patiently};
use crate::aws::{Cloud, explain};
use crate::deploy::access_log::AccessLog;
use crate::error::Result;

/// As the stage has it.
pub(super) fn of(stage: &GetStageOutput) -> Option<AccessLog> {
    let settings = stage.access_log_settings()?;
    AccessLog::of_rest(settings.destination_arn(), settings.format())
}

/// Makes it what it should be, in one call.
/// <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch>
pub(super) async fn set(cloud: &Cloud, api: &Api, id: &str) -> Result<()> {
    let patch = |op: Op, path: &str| PatchOperation::builder().op(op).path(path);
    let patches = match &api.access_log {
        Some(log) => vec![
            patch(Op::Replace, "/accessLogSettings/destinationArn").value(log.destination_arn(cloud)).build(),
            patch(Op::Replace, "/accessLogSettings/format").value(log.rest_format()).build(),
        ],
        None => vec![patch(Op::Remove, "/accessLogSettings").build()],
    };
    cloud.pace.gateway().await;
    let update = || {
        let call = cloud.apigateway.update_stage().rest_api_id(id).stage_name(&api.owner.stage);
        call.set_patch_operations(Some(patches.clone())).send()
    };
    let what = || format!("set the access log of the API `{}`", api.name);
    patiently(update).await.map_err(|error| explain(what())(error))?;
    Ok(())
}
