//! Requests: of a REST API (payload 1.0), an HTTP API and a function URL (payload 2.0).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{ACCOUNT, Place, id};

/// Who asks: nobody on the network does. Reserved for documentation.
const CLIENT: &str = "192.0.2.1";
const AGENT: &str = concat!("rzap/", env!("CARGO_PKG_VERSION"));

/// A request to an API
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Http {
    /// Of a REST API (1.0) or an HTTP API (2.0)
    #[arg(long, default_value = "1.0", value_parser = ["1.0", "2.0"])]
    payload: String,
    #[command(flatten)]
    request: Request,
}

/// A request to a function URL
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Url {
    #[command(flatten)]
    request: Request,
}

#[derive(Debug, clap::Args)]
struct Request {
    #[arg(long, default_value = "GET")]
    method: String,
    /// With its query: `/guests?page=2`
    #[arg(long, default_value = "/")]
    path: String,
    #[arg(long)]
    body: Option<String>,
    #[arg(long, default_value = "application/json")]
    content_type: String,
}

impl Http {
    pub(super) fn event(&self, place: &Place) -> Value {
        let host = format!("ab12cd34ef.execute-api.{}.amazonaws.com", place.region);
        if self.payload == "1.0" { self.request.first(&host) } else { self.request.second(&host, ACCOUNT) }
    }
}

impl Url {
    /// <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>
    pub(super) fn event(&self, place: &Place) -> Value {
        let host = format!("ab12cd34ef56gh78ij90.lambda-url.{}.on.aws", place.region);
        self.request.second(&host, "anonymous")
    }
}

impl Request {
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
    fn first(&self, host: &str) -> Value {
        let (path, query) = self.parts();
        let mut headers: Vec<(&str, &str)> = vec![
            ("Accept", "*/*"),
            ("Host", host),
            ("User-Agent", AGENT),
            ("X-Forwarded-For", CLIENT),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
        ];
        headers.extend(self.body.as_ref().map(|_| ("Content-Type", self.content_type.as_str())));
        let query: Vec<(&str, &str)> = pairs(query);
        let proxy = path.trim_start_matches('/');
        let (resource, parameters) =
            if proxy.is_empty() { ("/", Value::Null) } else { ("/{proxy+}", json!({ "proxy": proxy })) };
        json!({
            "resource": resource,
            "path": path,
            "httpMethod": self.method,
            "headers": single(&headers),
            "multiValueHeaders": multiple(&headers),
            "queryStringParameters": single(&query),
            "multiValueQueryStringParameters": multiple(&query),
            "pathParameters": parameters,
            "stageVariables": null,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": host.split('.').next(),
                "deploymentId": "abc123",
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "extendedRequestId": id(),
                "httpMethod": self.method,
                // Without an authorizer all but the last two are null.
                "identity": {
                    "accessKey": null, "accountId": null, "caller": null, "cognitoAuthenticationProvider": null,
                    "cognitoAuthenticationType": null, "cognitoIdentityId": null, "cognitoIdentityPoolId": null,
                    "principalOrgId": null, "sourceIp": CLIENT, "user": null, "userAgent": AGENT, "userArn": null,
                },
                "path": format!("/dev{path}"),
                "protocol": "HTTP/1.1",
                "requestId": id(),
                "requestTime": clock(),
                "requestTimeEpoch": Timestamp::now().as_millisecond(),
                "resourceId": "123456",
                "resourcePath": resource,
                "stage": "dev",
            },
            "body": self.body,
            "isBase64Encoded": false,
        })
    }

    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>;
    /// members that are empty are left out.
    fn second(&self, host: &str, account: &str) -> Value {
        let (path, query) = self.parts();
        let mut headers = json!({
            "accept": "*/*", "host": host, "user-agent": AGENT,
            "x-forwarded-for": CLIENT, "x-forwarded-port": "443", "x-forwarded-proto": "https",
        });
        if let Some(body) = &self.body {
            headers["content-type"] = self.content_type.as_str().into();
            headers["content-length"] = body.len().to_string().into();
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "accountId": account,
                "apiId": host.split('.').next(),
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "http": { "method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT, "userAgent": AGENT },
                "requestId": id(),
                "routeKey": "$default",
                "stage": "$default",
                "time": clock(),
                "timeEpoch": Timestamp::now().as_millisecond(),
            },
            "isBase64Encoded": false,
        });
        let mut joined: Map<String, Value> = Map::new();
        for (name, value) in pairs(query) {
            let before = joined.get(name).and_then(Value::as_str).map(|before| format!("{before},"));
            joined.insert(name.to_owned(), format!("{}{value}", before.unwrap_or_default()).into());
        }
        if !joined.is_empty() {
            event["queryStringParameters"] = joined.into();
        }
        if let Some(body) = &self.body {
            event["body"] = body.as_str().into();
        }
        event
    }

    fn parts(&self) -> (&str, &str) {
        self.path.split_once('?').unwrap_or((&self.path, ""))
    }
}

fn pairs(query: &str) -> Vec<(&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

/// The last of several counts; null when there is none.
fn single(pairs: &[(&str, &str)]) -> Value {
    let map: Map<String, Value> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    if map.is_empty() { Value::Null } else { map.into() }
}

fn multiple(pairs: &[(&str, &str)]) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        let list = map.entry(*name).or_insert_with(|| json!([]));
        list.as_array_mut().into_iter().for_each(|list| list.push((*value).into()));
    }
    if map.is_empty() { Value::Null } else { map.into() }
}

/// `21/Nov/2026:02:52:00 +0000`
fn clock() -> String {
    Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}
