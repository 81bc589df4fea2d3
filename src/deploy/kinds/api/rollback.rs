//! Back to a deployment that a REST API's stage has served before.

use aws_sdk_apigateway::operation::get_stage::GetStageOutput;
use aws_sdk_apigateway::types::{Op, PatchOperation};

use super::patiently;
use crate::aws::{Cloud, code, explain};
use crate::error::Result;

/// The id of the deployment that the stage serves.
pub(crate) async fn deployment_of_stage(cloud: &Cloud, id: &str, stage: &str) -> Result<Option<String>> {
    Ok(self::stage(cloud, id, stage).await?.and_then(|stage| stage.deployment_id))
}

/// The stage; `None` when there is none.
pub(super) async fn stage(cloud: &Cloud, id: &str, stage: &str) -> Result<Option<GetStageOutput>> {
    cloud.pace.gateway().await;
    match cloud.apigateway.get_stage().rest_api_id(id).stage_name(stage).send().await {
        Ok(stage) => Ok(Some(stage)),
        Err(error) if code(&error) == Some("NotFoundException") => Ok(None),
        Err(error) => Err(explain(format!("read the stage of the API `{id}`"))(error)),
    }
}

/// Whether a deployment is still there.
pub(crate) async fn has_deployment(cloud: &Cloud, id: &str, deployment: &str) -> Result<bool> {
    cloud.pace.gateway().await;
    match cloud.apigateway.get_deployment().rest_api_id(id).deployment_id(deployment).send().await {
        Ok(_) => Ok(true),
        Err(error) if code(&error) == Some("NotFoundException") => Ok(false),
        Err(error) => Err(explain(format!("read the deployment `{deployment}` of the API `{id}`"))(error)),
    }
}

/// Lets the stage serve a deployment, in one step.
/// <https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateStage.html>
pub(crate) async fn serve(cloud: &Cloud, id: &str, stage: &str, deployment: &str) -> Result<()> {
    cloud.pace.gateway().await;
    let patch = PatchOperation::builder().op(Op::Replace).path("/deploymentId").value(deployment).build();
    let update = || {
        let call = cloud.apigateway.update_stage().rest_api_id(id).stage_name(stage);
        call.patch_operations(patch.clone()).send()
    };
    let what = || format!("switch the stage `{stage}` of the API `{id}` to the deployment `{deployment}`");
    patiently(update).await.map_err(|error| explain(what())(error))?;
    Ok(())
}
