//! One request on its way through a REST API: what events, templates and errors are made of.

use std::collections::BTreeMap;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access_log::Backend;
use super::address::{Address, host};
use crate::local::wire::Request;
use crate::local::{ACCOUNT, Local};

/// A request and what the gateway found out about it.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) request: Request,
    pub(super) request_id: String,
    /// For `x-amz-apigw-id` and `extendedRequestId`.
    pub(super) extended_id: String,
    pub(super) trace_id: String,
    pub(super) time: Timestamp,
    pub(super) api: String,
    pub(super) stage: String,
    /// Without the stage, still encoded; starts with `/`.
    pub(super) path: String,
    /// What stands before `path` in what the client asked for.
    pub(super) mount: String,
    pub(super) by_path: bool,
    pub(super) port: u16,
    pub(super) deployment: String,
    pub(super) stage_variables: BTreeMap<String, String>,
    pub(super) resource_id: String,
    pub(super) resource_path: String,
    pub(super) path_parameters: Vec<(String, String)>,
    /// Once the function has been called.
    pub(super) backend: Option<Backend>,
}

impl Context {
    /// Before the route is known. `address.path` is `/{stage}/…`.
    pub(super) fn new(local: &Local, request: Request, address: &Address, api: &str, stage: &str) -> Self {
        let path = address.path.get(stage.len() + 1..).filter(|path| path.starts_with('/')).unwrap_or("/");
        let trace_id = request.header("x-amzn-trace-id").map_or_else(trace_id, str::to_owned);
        Self {
            request_id: request.request_id.clone(),
            extended_id: format!("{}=", &uuid::Uuid::new_v4().simple().to_string()[..15]),
            trace_id,
            time: Timestamp::now(),
            api: api.to_owned(),
            stage: stage.to_owned(),
            path: path.to_owned(),
            mount: format!("{}/{stage}", address.prefix),
            by_path: !address.prefix.is_empty(),
            port: local.port,
            deployment: String::new(),
            stage_variables: BTreeMap::new(),
            resource_id: String::new(),
            resource_path: String::new(),
            path_parameters: Vec::new(),
            backend: None,
            request,
        }
    }

    /// What the client asked for, without the query.
    pub(super) fn full_path(&self) -> String {
        // `/stage` and `/stage/` are both the root resource, but the client said which.
        if self.request.path.len() == self.mount.len() {
            self.mount.clone()
        } else {
            format!("{}{}", self.mount, self.path)
        }
    }

    pub(super) fn domain(&self) -> String {
        host(&self.request).unwrap_or_else(|| "localhost".into())
    }

    /// `04/Mar/2020:19:15:17 +0000`
    pub(super) fn clf_time(&self) -> String {
        clf_time(self.time)
    }

    /// The request's headers as the integration gets them.
    pub(super) fn forwarded_headers(&self) -> Vec<(String, String)> {
        forwarded(&self.request, self.port, &self.trace_id, self.by_path.then_some(self.mount.as_str()))
    }

    /// The `$context` variables templates may use.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        // Longer names first: they are replaced as text.
        vec![
            ("extendedRequestId", self.extended_id.clone()),
            ("identity.sourceIp", self.request.peer.to_string()),
            ("identity.userAgent", self.request.header("user-agent").unwrap_or_default().to_owned()),
            ("requestTimeEpoch", self.time.as_millisecond().to_string()),
            ("requestTime", self.clf_time()),
            ("requestId", self.request_id.clone()),
            ("resourcePath", self.resource_path.clone()),
            ("resourceId", self.resource_id.clone()),
            ("domainPrefix", self.domain().split('.').next().unwrap_or_default().to_owned()),
            ("domainName", self.domain()),
            ("httpMethod", self.request.method.to_string()),
            ("accountId", ACCOUNT.to_owned()),
            ("protocol", "HTTP/1.1".to_owned()),
            ("apiId", self.api.clone()),
            ("stage", self.stage.clone()),
            ("path", self.full_path()),
        ]
    }

    /// `requestContext.identity`.
    pub(super) fn identity(&self, signed_by: Option<&str>) -> Value {
        json!({
            "accessKey": signed_by,
            "accountId": signed_by.map(|_| ACCOUNT),
            "caller": signed_by,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            "sourceIp": self.request.peer.to_string(),
            "user": signed_by,
            "userAgent": self.request.header("user-agent"),
            "userArn": signed_by.map(|_| format!("arn:aws:iam::{ACCOUNT}:root")),
        })
    }
}

/// `04/Mar/2020:19:15:17 +0000`
pub(super) fn clf_time(time: Timestamp) -> String {
    time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// `Root=1-{time}-{random}`
pub(super) fn trace_id() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("Root=1-{:08x}-{}", Timestamp::now().as_second(), &random[..24])
}

/// The access key a request is signed with; the signature itself is not verified.
pub(super) fn signed_by(request: &Request) -> Option<String> {
    let header = request.header("authorization").filter(|value| value.starts_with("AWS4-"));
    let credential = match header {
        Some(header) => {
            header.split(['=', ',', ' ']).skip_while(|word| *word != "Credential").nth(1).map(str::to_owned)
        }
        None => request.param("X-Amz-Credential"),
    };
    credential.and_then(|credential| credential.split('/').next().map(str::to_owned))
}

/// Headers that concern the connection, or that API Gateway drops
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>).
const DROPPED: [&str; 12] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// Name (lower case) and value of every header, with what the gateway adds.
pub(super) fn forwarded(request: &Request, port: u16, trace_id: &str, prefix: Option<&str>) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    let mut list: Vec<(String, String)> = Vec::new();
    for (name, value) in &request.headers {
        let signature = name == "authorization" && value.as_bytes().starts_with(b"AWS4-");
        if !DROPPED.contains(&name.as_str()) && !signature {
            headers.append(name, value.clone());
        }
    }
    for ours in ["x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"] {
        headers.remove(ours);
    }
    if prefix.is_some() {
        headers.remove("x-forwarded-prefix");
    }
    for (name, value) in &headers {
        list.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let peer = request.peer.to_string();
    let chain = request.header("x-forwarded-for").map_or(peer.clone(), |before| format!("{before}, {peer}"));
    list.push(("x-forwarded-for".into(), chain));
    list.push(("x-forwarded-port".into(), port.to_string()));
    list.push(("x-forwarded-proto".into(), "http".into()));
    list.push(("x-amzn-trace-id".into(), trace_id.to_owned()));
    if let Some(prefix) = prefix {
        list.push(("x-forwarded-prefix".into(), prefix.to_owned()));
    }
    list
}
