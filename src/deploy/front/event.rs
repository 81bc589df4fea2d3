//! The event that a function's front would make of a request: REST API 1.0, HTTP API and function URL 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::route::{self, Fit};
use crate::config::{FunctionConfig, Http, StageConfig};
use crate::error::{Error, Result};

const AGENT: &str = concat!("rzap/", env!("CARGO_PKG_VERSION"));
/// Who asks: nobody on the network does. Reserved for documentation.
const CLIENT: &str = "192.0.2.1";

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// In capitals.
    pub(crate) method: &'a str,
    /// With its query: `/guests?page=2`
    pub(crate) path: &'a str,
    /// In place of those that every event has, or beside them.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Nothing but a path.
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: &[], body: &[] }
    }
}

/// Builds it; `address` is where the function answers, if that is known. A function without a front gets the event
/// of a URL.
///
/// # Errors
/// None of the function's routes takes the request.
pub(crate) fn event(
    stage: &StageConfig,
    account: &str,
    (config, asked): (&FunctionConfig, &Asked<'_>),
    address: Option<&str>,
) -> Result<Value> {
    let host = address.and_then(|url| url.split("://").nth(1)?.split('/').next()).unwrap_or("localhost");
    let (path, query) = asked.path.split_once('?').unwrap_or((asked.path, ""));
    let Some(fit) = route::of(config, asked.method, path) else {
        return Err(Error::failed(format!("none of the routes of `{}` takes {} {path}", config.name, asked.method))
            .hint(format!("its routes are in rzap.yaml, under `functions.{}`", config.name)));
    };
    let common = Common {
        asked,
        headers: headers(host, asked),
        fit,
        host,
        path,
        query,
        account,
        now: Timestamp::now(),
        id: uuid::Uuid::new_v4().to_string(),
    };
    // A REST API with a Python web app behind it takes everything as binary.
    let binary = || stage.functions.values().any(|it| it.entry.is_web() && it.front() == Some(Http::Rest));
    Ok(match config.front() {
        Some(Http::Rest) => common.rest(&stage.stage, binary()),
        Some(Http::Api) => common.second(account, &decoded(path), HTTP_API_TEXTS),
        Some(Http::Url) | None => common.second("anonymous", path, URL_TEXTS),
    })
}

/// Types whose bodies HTTP APIs pass on as text, besides `text/*`; and endings of types.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
const HTTP_API_TEXTS: &[&str] = &["application/json", "application/xml", "application/javascript"];
/// Function URLs know some more.
const URL_TEXTS: &[&str] = &["application/json", "application/xml", "application/javascript", "+json", "+xml"];

/// The headers that any front adds, overridden by those of the request.
fn headers(host: &str, asked: &Asked<'_>) -> Vec<(String, String)> {
    let own = [("Accept", "*/*"), ("Host", host), ("User-Agent", AGENT), ("X-Forwarded-For", CLIENT)];
    let own = own.into_iter().chain([("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")]);
    let length = asked.body.len().to_string();
    let own = own.chain((!asked.body.is_empty()).then_some(("Content-Length", length.as_str())));
    let said = |name: &str| asked.headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
    let own = own.filter(|(name, _)| !said(name)).map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain(asked.headers.iter().cloned()).collect()
}

struct Common<'a> {
    asked: &'a Asked<'a>,
    headers: Vec<(String, String)>,
    fit: Fit,
    host: &'a str,
    path: &'a str,
    query: &'a str,
    account: &'a str,
    now: Timestamp,
    id: String,
}

impl Common<'_> {
    fn rest(&self, stage: &str, binary: bool) -> Value {
        let Self { asked, headers, host, path, account, id, .. } = self;
        let query = self.pairs();
        let resource = self.fit.route.split_once(' ').map_or("/", |(_, path)| path);
        let body = match (asked.body, binary) {
            ([], _) => Value::Null,
            (body, true) => encoded(body).into(),
            (body, false) => String::from_utf8_lossy(body).into(),
        };
        json!({
            "resource": resource,
            "path": path,
            "httpMethod": asked.method,
            "headers": single(headers),
            "multiValueHeaders": multiple(headers),
            "queryStringParameters": single(&query),
            "multiValueQueryStringParameters": multiple(&query),
            "pathParameters": single(&self.fit.variables),
            "stageVariables": null,
            "requestContext": {
                "accountId": account,
                "apiId": host.split('.').next(),
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "extendedRequestId": id,
                "httpMethod": asked.method,
                "identity": { "sourceIp": CLIENT, "userAgent": self.agent() },
                "path": format!("/{stage}{path}"),
                "protocol": "HTTP/1.1",
                "requestId": id,
                "requestTime": self.clock(),
                "requestTimeEpoch": self.now.as_millisecond(),
                "resourcePath": resource,
                "stage": stage,
            },
            "body": body,
            "isBase64Encoded": binary && !asked.body.is_empty(),
        })
    }

    /// Format 2.0; members that are empty are left out.
    fn second(&self, account: &str, path: &str, texts: &[&str]) -> Value {
        let Self { asked, host, query, id, .. } = self;
        let (mut headers, mut cookies) = (Map::new(), Vec::new());
        for (name, value) in &self.headers {
            match name.to_ascii_lowercase() {
                name if name == "cookie" => cookies.extend(value.split(';').map(|cookie| json!(cookie.trim()))),
                name => join(&mut headers, name, value),
            }
        }
        let (method, agent, key) = (asked.method, self.agent(), &self.fit.route);
        let mut event = json!({
            "version": "2.0",
            "routeKey": key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "accountId": account,
                "apiId": host.split('.').next(),
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT, "userAgent": agent },
                "requestId": id,
                "routeKey": key,
                "stage": "$default",
                "time": self.clock(),
                "timeEpoch": self.now.as_millisecond(),
            },
            "isBase64Encoded": false,
        });
        if !cookies.is_empty() {
            event["cookies"] = cookies.into();
        }
        let mut joined = Map::new();
        for (name, value) in self.pairs() {
            join(&mut joined, name, &value);
        }
        if !joined.is_empty() {
            event["queryStringParameters"] = joined.into();
        }
        if !self.fit.variables.is_empty() {
            let pairs = self.fit.variables.iter().map(|(name, value)| (name.clone(), Value::from(decoded(value))));
            event["pathParameters"] = pairs.collect::<Map<_, _>>().into();
        }
        if !asked.body.is_empty() {
            let text = std::str::from_utf8(asked.body).ok().filter(|_| self.is_text(texts));
            event["isBase64Encoded"] = text.is_none().into();
            event["body"] = text.map_or_else(|| encoded(asked.body), str::to_owned).into();
        }
        event
    }

    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().rfind(|(said, _)| said.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    fn agent(&self) -> &str {
        self.header("user-agent")
    }

    /// Whether the body is text by its type.
    fn is_text(&self, texts: &[&str]) -> bool {
        let kind = self.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let fits = |text: &str| if text.starts_with('+') { kind.ends_with(text) } else { kind == text };
        kind.starts_with("text/") || texts.iter().any(|text| fits(text))
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

/// Several values of one name are joined with a comma.
fn join(map: &mut Map<String, Value>, name: String, value: &str) {
    let joined = match map.get(&name).and_then(Value::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value.to_owned(),
    };
    map.insert(name, joined.into());
}

fn encoded(body: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(body)
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

    /// What both formats make of a request to one of these routes.
    fn both(asked: &Asked<'_>, route: &str, variables: &[(&str, &str)]) -> (Value, Value) {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (path, query) = asked.path.split_once('?').unwrap_or((asked.path, ""));
        let common = Common {
            asked,
            headers: headers("h.example", asked),
            fit: Fit { route: route.to_owned(), variables },
            host: "h.example",
            path,
            query,
            account: "1",
            now: Timestamp::UNIX_EPOCH,
            id: "i".into(),
        };
        (common.rest("dev", false), common.second("1", path, HTTP_API_TEXTS))
    }

    #[test]
    fn the_query_is_in_the_event_as_each_format_has_it() {
        let (first, second) = both(&Asked::get("/a?x=1&x=2&y=a+b"), "ANY /{proxy+}", &[("proxy", "a")]);
        assert_eq!(first["queryStringParameters"], json!({ "x": "2", "y": "a b" }));
        assert_eq!(first["multiValueQueryStringParameters"]["x"], json!(["1", "2"]));
        assert_eq!((&first["resource"], &first["pathParameters"]), (&json!("/{proxy+}"), &json!({ "proxy": "a" })));
        assert_eq!((&first["requestContext"]["path"], &first["body"]), (&json!("/dev/a"), &Value::Null));
        assert_eq!(second["queryStringParameters"], json!({ "x": "1,2", "y": "a b" }));
        assert_eq!((&second["rawQueryString"], &second["version"]), (&json!("x=1&x=2&y=a+b"), &json!("2.0")));
    }

    #[test]
    fn headers_cookies_and_body_are_there_as_each_format_has_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let said = [pair("Cookie", "a=1; b=2"), pair("X-Id", "1"), pair("x-id", "2"), pair("accept", "text/plain")];
        let headers = [said.as_slice(), &[pair("Content-Type", "application/json; charset=utf-8")]].concat();
        let asked = Asked { method: "POST", path: "/a", headers: &headers, body: b"{}" };
        let (first, second) = both(&asked, "POST /a", &[]);
        assert_eq!(
            (&first["headers"]["Cookie"], &first["headers"]["accept"]),
            (&json!("a=1; b=2"), &json!("text/plain"))
        );
        assert_eq!((&first["headers"]["Accept"], &first["httpMethod"]), (&Value::Null, &json!("POST")));
        assert_eq!((&first["body"], &first["headers"]["Content-Length"]), (&json!("{}"), &json!("2")));
        assert_eq!((&second["cookies"], &second["headers"]["cookie"]), (&json!(["a=1", "b=2"]), &Value::Null));
        assert_eq!((&second["headers"]["x-id"], &second["routeKey"]), (&json!("1,2"), &json!("POST /a")));
        assert_eq!((&second["body"], &second["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let (_, second) = both(
            &Asked { headers: &[pair("content-type", "application/x-www-form-urlencoded")], ..asked },
            "$default",
            &[],
        );
        assert_eq!((&second["body"], &second["isBase64Encoded"]), (&json!("e30="), &json!(true)));
    }
}
