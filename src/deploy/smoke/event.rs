//! The event that a function's front would send for a GET: REST API 1.0, HTTP API and function URL 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::config::{FunctionConfig, Http};

const AGENT: &str = concat!("rzap/", env!("CARGO_PKG_VERSION"));
/// Who asks: nobody on the network does. Reserved for documentation.
const CLIENT: &str = "192.0.2.1";

/// Builds it. `address` is where the function answers, if that is known yet.
pub(super) fn get(stage: &str, account: &str, (config, path): (&FunctionConfig, &str), address: Option<&str>) -> Value {
    let host = address.and_then(|url| url.split("://").nth(1)?.split('/').next()).unwrap_or("localhost");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let now = Timestamp::now();
    let common = Common { host, path, query, account, now, id: uuid::Uuid::new_v4().to_string() };
    match config.front() {
        Some(Http::Rest) => common.rest(stage),
        Some(Http::Api) => common.second(account, &decoded(path)),
        Some(Http::Url) | None => common.second("anonymous", path),
    }
}

struct Common<'a> {
    host: &'a str,
    path: &'a str,
    query: &'a str,
    account: &'a str,
    now: Timestamp,
    id: String,
}

impl Common<'_> {
    fn rest(&self, stage: &str) -> Value {
        let Self { host, path, account, id, .. } = self;
        let headers = [("Accept", "*/*"), ("Host", host), ("User-Agent", AGENT), ("X-Forwarded-For", CLIENT)];
        let headers = headers.into_iter().chain([("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")]);
        let headers: Vec<(String, String)> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = self.pairs();
        let proxy = path.trim_start_matches('/');
        let (resource, parameters) =
            if proxy.is_empty() { ("/", Value::Null) } else { ("/{proxy+}", json!({ "proxy": proxy })) };
        json!({
            "resource": resource,
            "path": path,
            "httpMethod": "GET",
            "headers": single(&headers),
            "multiValueHeaders": multiple(&headers),
            "queryStringParameters": single(&query),
            "multiValueQueryStringParameters": multiple(&query),
            "pathParameters": parameters,
            "stageVariables": null,
            "requestContext": {
                "accountId": account,
                "apiId": host.split('.').next(),
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "extendedRequestId": id,
                "httpMethod": "GET",
                "identity": { "sourceIp": CLIENT, "userAgent": AGENT },
                "path": format!("/{stage}{path}"),
                "protocol": "HTTP/1.1",
                "requestId": id,
                "requestTime": self.clock(),
                "requestTimeEpoch": self.now.as_millisecond(),
                "resourcePath": resource,
                "stage": stage,
            },
            "body": null,
            "isBase64Encoded": false,
        })
    }

    /// Format 2.0; members that are empty are left out.
    fn second(&self, account: &str, path: &str) -> Value {
        let Self { host, query, id, .. } = self;
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {
                "accept": "*/*", "host": host, "user-agent": AGENT,
                "x-forwarded-for": CLIENT, "x-forwarded-port": "443", "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": account,
                "apiId": host.split('.').next(),
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT, "userAgent": AGENT },
                "requestId": id,
                "routeKey": "$default",
                "stage": "$default",
                "time": self.clock(),
                "timeEpoch": self.now.as_millisecond(),
            },
            "isBase64Encoded": false,
        });
        let mut joined = Map::new();
        for (name, value) in self.pairs() {
            let text = match joined.get(&name).and_then(Value::as_str) {
                Some(before) => format!("{before},{value}"),
                None => value,
            };
            joined.insert(name, text.into());
        }
        if !joined.is_empty() {
            event["queryStringParameters"] = joined.into();
        }
        event
    }

    /// `21/Nov/2026:02:52:00 +0000`
    fn clock(&self) -> String {
        self.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let parts = self.query.split('&').filter(|part| !part.is_empty());
        let form = |text: &str| decoded(&text.replace('+', " "));
        parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (form(name), form(value)))
            .collect()
    }
}

/// Of several values the last; null when there are none.
fn single(pairs: &[(String, String)]) -> Value {
    let map: Map<String, Value> = pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    if map.is_empty() { Value::Null } else { map.into() }
}

/// All values by name; null when there are none.
fn multiple(pairs: &[(String, String)]) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        if let Value::Array(values) = map.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(value.clone().into());
        }
    }
    if map.is_empty() { Value::Null } else { map.into() }
}

/// `%2F` → `/`; what is no escape stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let byte = escape.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_what_is_none_stays() {
        assert_eq!(["a%20b", "%C3%A9", "100%", "%zz", "%2"].map(decoded), ["a b", "é", "100%", "%zz", "%2"]);
    }

    #[test]
    fn the_query_is_in_the_event_as_each_format_has_it() {
        let common = Common {
            host: "h.example",
            path: "/a",
            query: "x=1&x=2&y=a+b",
            account: "1",
            now: Timestamp::UNIX_EPOCH,
            id: "i".into(),
        };
        let (first, second) = (common.rest("dev"), common.second("1", "/a"));
        assert_eq!(first["queryStringParameters"], json!({ "x": "2", "y": "a b" }));
        assert_eq!(first["multiValueQueryStringParameters"]["x"], json!(["1", "2"]));
        assert_eq!((&first["resource"], &first["pathParameters"]), (&json!("/{proxy+}"), &json!({ "proxy": "a" })));
        assert_eq!(first["requestContext"]["path"], "/dev/a");
        assert_eq!(second["queryStringParameters"], json!({ "x": "1,2", "y": "a b" }));
        assert_eq!((&second["rawQueryString"], &second["version"]), (&json!("x=1&x=2&y=a+b"), &json!("2.0")));
    }
}
