//! The access log of an API's stage: where it goes, what a line of it says, and whether the account has let API Gateway
//! write it. The log group itself is a resource like those of functions.

use serde::Serialize;

use super::kinds::Any;
use super::names::access_log_name;
use super::plan::{Action, Plan};
use super::resource::Owner;
use crate::aws::{Cloud, explain};
use crate::config::StageConfig;
use crate::error::{Error, Result};

/// What a REST API writes of a request: one JSON document in one line. All are texts, because a variable without a
/// value is written as `-`.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>
const REST: &str = r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTimeEpoch":"$context.requestTimeEpoch","httpMethod":"$context.httpMethod","path":"$context.path","resourcePath":"$context.resourcePath","status":"$context.status","responseLatency":"$context.responseLatency","responseLength":"$context.responseLength","integrationRequestId":"$context.integration.requestId","integrationError":"$context.integration.error","error":"$context.error.message"}"#;

/// The same of an HTTP API, which has a route's key in place of a resource's path.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>
const HTTP: &str = r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTimeEpoch":"$context.requestTimeEpoch","httpMethod":"$context.httpMethod","path":"$context.path","routeKey":"$context.routeKey","status":"$context.status","responseLatency":"$context.responseLatency","responseLength":"$context.responseLength","integrationRequestId":"$context.integration.requestId","integrationError":"$context.integration.error","error":"$context.error.message"}"#;

/// How rzap's own formats are called where somebody's would be written out.
const OURS: &str = "rzap";

/// The access log of a stage of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AccessLog {
    /// The name of a log group, or the ARN of what is none.
    pub(crate) destination: String,
    /// `rzap`, or the text of somebody else's.
    pub(crate) format: String,
}

impl AccessLog {
    /// As a stage should have it, if it should.
    pub(crate) fn wanted(stage: &StageConfig, owner: &Owner) -> Option<Self> {
        stage.access_log.map(|_| Self { destination: access_log_name(owner), format: OURS.to_owned() })
    }

    /// As a stage of a REST API has it.
    pub(crate) fn of_rest(destination: Option<&str>, format: Option<&str>) -> Option<Self> {
        Self::read(destination, format, REST)
    }

    /// As a stage of an HTTP API has it.
    pub(crate) fn of_http(destination: Option<&str>, format: Option<&str>) -> Option<Self> {
        Self::read(destination, format, HTTP)
    }

    fn read(destination: Option<&str>, format: Option<&str>, ours: &str) -> Option<Self> {
        let destination = destination.filter(|arn| !arn.is_empty())?;
        let group = destination.split_once(":log-group:").map(|(_, name)| name.trim_end_matches(":*"));
        let format = format.unwrap_or_default();
        let format = if format == ours { OURS } else { format };
        Some(Self { destination: group.unwrap_or(destination).to_owned(), format: format.to_owned() })
    }

    /// The ARN to write to, without the `:*` that IAM would want.
    pub(crate) fn destination_arn(&self, cloud: &Cloud) -> String {
        if self.destination.starts_with("arn:") {
            self.destination.clone()
        } else {
            cloud.log_group_arn(&self.destination)
        }
    }

    /// The format of a REST API's lines.
    pub(crate) fn rest_format(&self) -> &str {
        if self.format == OURS { REST } else { &self.format }
    }

    /// The format of an HTTP API's lines.
    pub(crate) fn http_format(&self) -> &str {
        if self.format == OURS { HTTP } else { &self.format }
    }
}

/// Looks whether the account lets REST APIs write logs, where this plan is about to switch that on. HTTP APIs write in
/// the name of whoever switches it on.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html#set-up-access-logging-permissions>
///
/// # Errors
/// It does not: the role is one for all APIs of an account in a region, so rzap does not choose it.
pub(crate) async fn check(cloud: &Cloud, plan: &Plan) -> Result<()> {
    let switches_on = plan.steps.iter().any(|step| match &step.resource {
        Any::Api(api) if !matches!(step.action, Action::Keep | Action::Delete) => {
            let live = step.standing().and_then(Any::api);
            api.access_log.is_some() && live.is_none_or(|live| live.access_log != api.access_log)
        }
        _ => false,
    });
    if !switches_on {
        return Ok(());
    }
    cloud.pace.gateway().await;
    let account = cloud.apigateway.get_account().send().await;
    let account = account.map_err(explain("look whether API Gateway may write logs in this account"))?;
    if account.cloudwatch_role_arn().is_some_and(|arn| !arn.is_empty()) {
        return Ok(());
    }
    let what = format!(
        "`access_log` needs a role that lets API Gateway write logs, and account {} has set none in {}: nothing of the stage was changed",
        cloud.account, cloud.region
    );
    Err(Error::failed(what)
        .hint(format!(
            "make a role that {service} may assume, with the policy {policy}: {page}",
            service = "apigateway.amazonaws.com",
            policy = "AmazonAPIGatewayPushToCloudWatchLogs",
            page = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
        ))
        .hint(format!(
            "then `aws apigateway update-account --region {} --patch-operations op=replace,path=/cloudwatchRoleArn,value=ARN-OF-THE-ROLE`, once for all APIs",
            cloud.region
        ))
        .hint("or use `http: http`: an HTTP API needs no such role"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_one_line_of_json_that_api_gateway_accepts() {
        for format in [REST, HTTP] {
            assert!(serde_json::from_str::<serde_json::Value>(format).is_ok() && !format.contains('\n'));
            // A format without one of the ids is refused; more than 3 KB are, too.
            assert!(format.contains("$context.requestId") && format.len() < 3_000);
        }
    }

    #[test]
    fn what_somebody_changed_is_a_difference() {
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/apigateway/a-dev";
        let ours = AccessLog { destination: "/aws/apigateway/a-dev".into(), format: "rzap".into() };
        assert_eq!(AccessLog::of_rest(Some(arn), Some(REST)), Some(ours.clone()));
        assert_eq!(AccessLog::of_http(Some(&format!("{arn}:*")), Some(HTTP)), Some(ours.clone()));
        assert_ne!(AccessLog::of_http(Some(arn), Some(REST)), Some(ours.clone()));
        assert_ne!(AccessLog::of_rest(Some(arn), Some("$context.requestId")), Some(ours));
        let stream = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/amazon-apigateway-x";
        assert_eq!(AccessLog::of_rest(Some(stream), Some(REST)).map(|it| it.destination).as_deref(), Some(stream));
        assert_eq!(AccessLog::of_rest(None, None), None);
        assert_eq!(AccessLog::of_rest(Some(""), Some("")), None);
    }
}
