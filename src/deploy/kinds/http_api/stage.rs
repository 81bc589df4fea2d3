//! The stage `$default`, and waiting for what it serves.

use std::time::Duration;

use aws_sdk_apigatewayv2::operation::get_stage::GetStageOutput;
use aws_sdk_apigatewayv2::types::AccessLogSettings;

use super::calls::{gone, take, take_raw};
use super::{DEFAULT, HttpApi};
use crate::aws::{Backoff, Cloud, code, explain, say};
use crate::deploy::access_log::AccessLog;
use crate::deploy::kinds::api::patiently;
use crate::error::{Error, Result};

/// As it is; `None` when there is none.
pub(super) async fn read(cloud: &Cloud, id: &str) -> Result<Option<GetStageOutput>> {
    let get = || cloud.apigatewayv2.get_stage().api_id(id).stage_name(DEFAULT).send();
    match take_raw(cloud, get).await {
        Ok(stage) => Ok(Some(stage)),
        Err(error) if code(&error) == Some("NotFoundException") => Ok(None),
        Err(error) => Err(explain(format!("read the stage of the HTTP API `{id}`"))(error)),
    }
}

/// Creates it; it deploys the routes that are there.
pub(super) async fn create(cloud: &Cloud, api: &HttpApi, id: &str) -> Result<()> {
    // Without tags: it is found through its API, and a stage with tags takes `apigateway:TagResource`, which is
    // not among the actions that AWS documents:
    // <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagementv2.html>
    let create = || {
        let call = cloud.apigatewayv2.create_stage().api_id(id).stage_name(DEFAULT).auto_deploy(true);
        call.set_access_log_settings(settings(cloud, api)).send()
    };
    match take_raw(cloud, create).await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ConflictException") => {
            deploy_automatically(cloud, api, id).await?;
            set_log(cloud, api, id).await
        }
        Err(error) => Err(explain(format!("create the stage of the HTTP API `{}`", api.name))(error)),
    }
}

/// Makes a stage that serves what somebody deployed serve the routes as they are, in one step, and those to
/// come. Whether it would deploy what is there when it is told to deploy by itself, AWS does not say.
pub(super) async fn take_over(cloud: &Cloud, api: &HttpApi, id: &str) -> Result<()> {
    cloud.pace.create_deployment().await;
    let what = || format!("deploy the routes of the HTTP API `{}`", api.name);
    let deploy = || cloud.apigatewayv2.create_deployment().api_id(id).stage_name(DEFAULT).send();
    patiently(deploy).await.map_err(|error| explain(what())(error))?;
    deploy_automatically(cloud, api, id).await
}

async fn deploy_automatically(cloud: &Cloud, api: &HttpApi, id: &str) -> Result<()> {
    let update = || cloud.apigatewayv2.update_stage().api_id(id).stage_name(DEFAULT).auto_deploy(true).send();
    take(cloud, format!("change the stage of the HTTP API `{}`", api.name), update).await?;
    Ok(())
}

/// The access log as the stage has it.
pub(super) fn log(stage: &GetStageOutput) -> Option<AccessLog> {
    let settings = stage.access_log_settings()?;
    AccessLog::of_http(settings.destination_arn(), settings.format())
}

fn settings(cloud: &Cloud, api: &HttpApi) -> Option<AccessLogSettings> {
    let log = api.access_log.as_ref()?;
    let settings = AccessLogSettings::builder().destination_arn(log.destination_arn(cloud));
    Some(settings.format(log.http_format()).build())
}

/// Makes the access log what it should be. That is no change of what is served: nothing is deployed for it.
pub(super) async fn set_log(cloud: &Cloud, api: &HttpApi, id: &str) -> Result<()> {
    let what = || format!("set the access log of the HTTP API `{}`", api.name);
    if let Some(settings) = settings(cloud, api) {
        let update = || {
            let call = cloud.apigatewayv2.update_stage().api_id(id).stage_name(DEFAULT);
            call.access_log_settings(settings.clone()).send()
        };
        take(cloud, what(), update).await?;
        return Ok(());
    }
    // A member that is left out of an update stays as it is.
    let delete = || cloud.apigatewayv2.delete_access_log_settings().api_id(id).stage_name(DEFAULT).send();
    gone(take_raw(cloud, delete).await, what)
}

/// What a stage says about its last deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Served {
    deployment: Option<String>,
    message: Option<String>,
}

/// How a deployment went.
#[derive(Debug, PartialEq, Eq)]
enum Verdict<'a> {
    Done,
    Unknown,
    Failed(&'a str),
}

impl Served {
    pub(super) fn of(stage: Option<&GetStageOutput>) -> Self {
        let text = |of: fn(&GetStageOutput) -> Option<&str>| stage.and_then(of).map(str::to_owned);
        Self {
            deployment: text(GetStageOutput::deployment_id),
            message: text(GetStageOutput::last_deployment_status_message),
        }
    }

    /// AWS says `Successfully deployed stage with deployment ID 'dty748'`, or `Deployment attempt failed: …`:
    /// <https://docs.aws.amazon.com/cli/latest/reference/apigatewayv2/get-stages.html>
    fn since(&self, before: &Self) -> Verdict<'_> {
        match &self.message {
            Some(message) if message.contains("failed") && self.message != before.message => Verdict::Failed(message),
            _ if self.deployment.is_some() && self.deployment != before.deployment => Verdict::Done,
            _ => Verdict::Unknown,
        }
    }
}

/// Waits until the stage serves the change: it deploys by itself, a moment later. Emulators have no such
/// moment, and most of them no deployments.
pub(super) async fn settle(cloud: &Cloud, api: &HttpApi, id: &str, before: &Served) -> Result<()> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2), Duration::from_secs(20));
    loop {
        let now = Served::of(read(cloud, id).await?.as_ref());
        match now.since(before) {
            Verdict::Done => return Ok(()),
            Verdict::Failed(message) => {
                let what = format!("failed to deploy the stage of the HTTP API `{}`", api.name);
                return Err(Error { causes: vec![message.to_owned()], ..Error::failed(what) });
            }
            Verdict::Unknown if cloud.endpoint.is_some() || !backoff.sleep().await => return Ok(()),
            Verdict::Unknown => say("waiting until the HTTP API serves the change"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_done_when_it_is_another_one() {
        let served = |deployment: &str, message: &str| Served {
            deployment: Some(deployment.to_owned()),
            message: Some(message.to_owned()),
        };
        let good = "Successfully deployed stage with deployment ID 'a'";
        let bad = "Deployment attempt failed: Unable to deploy API because no routes exist in this API";
        let before = served("a", good);
        assert_eq!(before.since(&Served::default()), Verdict::Done, "the first one");
        assert_eq!(before.since(&before), Verdict::Unknown, "it has not begun");
        assert_eq!(served("b", good).since(&before), Verdict::Done);
        assert_eq!(served("a", bad).since(&before), Verdict::Failed(bad));
        assert_eq!(served("a", bad).since(&served("a", bad)), Verdict::Unknown, "that was the former attempt");
        assert_eq!(Served::default().since(&Served::default()), Verdict::Unknown);
    }
}
