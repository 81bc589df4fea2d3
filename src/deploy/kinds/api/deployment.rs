//! The deployment that a stage serves: making one, and reading which it is.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_apigateway::config::Config;
use aws_sdk_apigateway::config::retry::RetryConfig;
use aws_sdk_apigateway::operation::get_stage::GetStageOutput;

use super::{Api, log, patiently, rollback};
use crate::aws::{Backoff, Cloud, code, explain, is_passing, say};
use crate::deploy::access_log::AccessLog;
use crate::error::{Error, Result};

/// Deploys the routes as they are; the stage serves them at once. Gives the deployment's id. `before` is the one
/// that the stage has served so far.
///
/// SDK retries are off for this call: a repetition after a lost answer would leave a deployment that nobody serves.
/// Whether it was carried out the stage says, because it is the same call that switches it.
/// <https://docs.aws.amazon.com/apigateway/latest/api/API_CreateDeployment.html>
pub(super) async fn create(cloud: &Cloud, api: &Api, id: &str, before: Option<&String>) -> Result<String> {
    let stage = &api.owner.stage;
    let what = || format!("switch the stage `{stage}` of the API `{}`", api.name);
    let once = Config::builder().retry_config(RetryConfig::disabled());
    let create = || {
        let call = cloud.apigateway.create_deployment().rest_api_id(id).stage_name(stage);
        call.description(api.fingerprint()).customize().config_override(once.clone()).send()
    };
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5), Duration::from_mins(1));
    loop {
        cloud.pace.create_deployment().await;
        match patiently(create).await {
            Ok(made) => return made.id.ok_or_else(|| Error::failed(format!("failed to {}: no id came back", what()))),
            Err(error) if is_passing(&error) && backoff.sleep().await => {
                if let (_, Some((deployment, description))) = served_and_log(cloud, id, stage).await?
                    && before != Some(&deployment)
                    && description == Some(api.fingerprint())
                {
                    return Ok(deployment);
                }
                say("switching the stage again");
            }
            Err(error) => return Err(explain(what())(error)),
        }
    }
}

/// A deployment's id and description.
type Served = (String, Option<String>);

/// The access log of the stage, and the deployment that it serves.
pub(super) async fn served_and_log(
    cloud: &Cloud,
    id: &str,
    stage: &str,
) -> Result<(Option<AccessLog>, Option<Served>)> {
    let (stage, mut listed) = tokio::join!(rollback::stage(cloud, id, stage), descriptions(cloud, id));
    let Some(stage) = stage? else { return Ok((None, None)) };
    let log = log::of(&stage);
    let served = stage.deployment_id().and_then(|deployment| listed.remove_entry(deployment));
    Ok((log, if served.is_some() { served } else { of_stage(cloud, id, stage).await? }))
}

/// What the deployments say of themselves, by id; as far as one call tells. Asked beside the stage it spares
/// asking for the stage's deployment after it.
async fn descriptions(cloud: &Cloud, id: &str) -> BTreeMap<String, Option<String>> {
    cloud.pace.gateway().await;
    let answer = cloud.apigateway.get_deployments().rest_api_id(id).limit(500).send().await;
    let listed = answer.ok().and_then(|answer| answer.items).unwrap_or_default();
    listed.into_iter().filter_map(|one| Some((one.id?, one.description))).collect()
}

/// The deployment that the stage serves.
async fn of_stage(cloud: &Cloud, id: &str, stage: GetStageOutput) -> Result<Option<Served>> {
    let Some(deployment) = stage.deployment_id else { return Ok(None) };
    cloud.pace.gateway().await;
    match cloud.apigateway.get_deployment().rest_api_id(id).deployment_id(&deployment).send().await {
        Ok(found) => Ok(Some((deployment, found.description))),
        Err(error) if code(&error) == Some("NotFoundException") => Ok(None),
        Err(error) => Err(explain(format!("read the deployment of the API `{id}`"))(error)),
    }
}
