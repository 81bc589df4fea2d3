//! The events of an HTTP API's Lambda integration, payload formats 2.0 and 1.0.
//!
//! Header names are in lower case in both, as documented. Recorded events of format 1.0 spell the seven
//! headers the gateway handles itself `Content-Length`, `Host`, `X-Forwarded-For`, …; an app should not
//! care.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::address::host;
use super::context::clf_time;
use super::event_v1::{multiple, single};
use super::event_v2::{self, Told};
use super::http_route::Found;
use super::{binary, event_v2::body};
use crate::local::ACCOUNT;
use crate::local::apigatewayv2::Served;
use crate::local::wire::Request;

/// Everything an event is made of.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// As the integration gets them.
    pub(super) headers: Vec<(String, String)>,
    pub(super) api: &'a str,
    pub(super) served: &'a Served,
    pub(super) route: &'a Found,
    /// Decoded; begins with the stage unless that is `$default`.
    pub(super) path: &'a str,
    /// For `requestId` and `apigw-requestid`.
    pub(super) id: &'a str,
    /// The access key an `AWS_IAM` route was called with.
    pub(super) signer: Option<String>,
}

impl Call<'_> {
    /// Which bodies are text was tried out on AWS by others: "everything else, including a missing
    /// Content-Type and application/x-www-form-urlencoded, is base64-encoded"
    /// (<https://github.com/ministackorg/ministack/pull/766>).
    fn is_text(&self) -> bool {
        binary::is_http_api_text(self.request.header("content-type"))
    }

    /// Payload format 2.0; members that are empty are left out.
    pub(super) fn v2(&self) -> Value {
        let mut event = event_v2::build(
            self.request,
            Told {
                account: ACCOUNT,
                api: self.api,
                path: self.path,
                route_key: &self.route.key,
                stage: &self.served.stage,
                request_id: self.id,
                headers: self.headers.clone(),
                text: self.is_text(),
                signer: self.signer.clone(),
            },
        );
        let parameters = single(&self.route.parameters);
        if !parameters.is_null() {
            event["pathParameters"] = parameters;
        }
        if !self.served.variables.is_empty() {
            event["stageVariables"] = json!(self.served.variables);
        }
        event
    }

    /// Payload format 1.0; members that are empty are null.
    pub(super) fn v1(&self) -> Value {
        let request = self.request;
        let query = request.query();
        let time = Timestamp::now();
        let domain = host(request).unwrap_or_else(|| "localhost".into());
        let resource = self.route.template.as_deref().unwrap_or(&self.route.key);
        let body = body(request, self.is_text());
        let encoded = body.as_ref().is_some_and(|(_, encoded)| *encoded);
        let variables = &self.served.variables;
        json!({
            "version": "1.0",
            "resource": resource,
            "path": self.path,
            "httpMethod": request.method.as_str(),
            "headers": single(&self.headers),
            "multiValueHeaders": multiple(&self.headers),
            "queryStringParameters": single(&query),
            "multiValueQueryStringParameters": multiple(&query),
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": self.api,
                "domainName": domain,
                "domainPrefix": domain.split('.').next(),
                "extendedRequestId": self.id,
                "httpMethod": request.method.as_str(),
                "identity": {
                    "accessKey": self.signer,
                    "accountId": self.signer.as_ref().map(|_| ACCOUNT),
                    "caller": self.signer,
                    "cognitoAmr": null,
                    "cognitoAuthenticationProvider": null,
                    "cognitoAuthenticationType": null,
                    "cognitoIdentityId": null,
                    "cognitoIdentityPoolId": null,
                    "principalOrgId": null,
                    "sourceIp": request.peer.to_string(),
                    "user": self.signer,
                    "userAgent": request.header("user-agent"),
                    "userArn": self.signer.as_ref().map(|_| format!("arn:aws:iam::{ACCOUNT}:root")),
                },
                "path": self.path,
                "protocol": "HTTP/1.1",
                "requestId": self.id,
                "requestTime": clf_time(time),
                "requestTimeEpoch": time.as_millisecond(),
                "resourceId": self.route.key,
                "resourcePath": resource,
                "stage": self.served.stage,
            },
            "pathParameters": single(&self.route.parameters),
            "stageVariables": if variables.is_empty() { Value::Null } else { json!(variables) },
            "body": body.map(|(text, _)| text),
            "isBase64Encoded": encoded,
        })
    }
}
