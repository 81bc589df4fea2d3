//! A record of an API's access log in JSON: what was asked, what was answered, how long it took.
//!
//! The names of its fields are whoever wrote the format's; those of the console's examples and rzap's are known.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>

use serde_json::{Map, Value};

use super::level::Level;
use super::record::quoted;

/// One request to an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) method: String,
    pub(crate) path: String,
    /// HTTP's; what is no number is none.
    pub(crate) status: Option<u16>,
    /// Milliseconds.
    pub(crate) latency: Option<String>,
    /// What else was recorded.
    pub(crate) fields: Vec<(String, String)>,
}

impl Access {
    pub(crate) fn level(&self) -> Option<Level> {
        Some(match self.status? {
            500.. => Level::Error,
            400.. => Level::Warn,
            _ => Level::Info,
        })
    }
}

/// Reads one, with the id of the request; gives the document back when it is none.
pub(super) fn read(mut document: Map<String, Value>) -> Result<(Access, Option<String>), Map<String, Value>> {
    const METHODS: [&str; 2] = ["httpMethod", "method"];
    const PATHS: [&str; 4] = ["path", "resourcePath", "routeKey", "rawPath"];
    const STATUS: [&str; 2] = ["status", "statusCode"];
    const LATENCY: [&str; 2] = ["responseLatency", "latency"];
    // The id by which the function knows it joins it with the function's own lines.
    const REQUESTS: [&str; 3] = ["integrationRequestId", "requestId", "extendedRequestId"];
    let has = |names: &[&str]| names.iter().any(|name| document.contains_key(*name));
    // A log record may have a status and a path, too; it says so in a message.
    let message = ["message", "msg", "event", "level"].iter().any(|name| document.contains_key(*name));
    if message || !(has(&METHODS) || document.contains_key("routeKey")) || !has(&PATHS) || !has(&STATUS) {
        return Err(document);
    }
    let mut take = |names: &[&str]| names.iter().find_map(|name| text(&document.shift_remove(*name)?));
    let status = take(&STATUS).and_then(|status| status.parse().ok());
    let request = take(&REQUESTS);
    let (mut method, mut path) = (take(&METHODS).unwrap_or_default(), take(&PATHS).unwrap_or_default());
    // A route key has both.
    if let Some((of_route, route)) = path.split_once(' ').filter(|_| method.is_empty()) {
        (method, path) = (of_route.to_owned(), route.to_owned());
    }
    let latency = take(&LATENCY);
    let said = ["requestTime", "requestTimeEpoch", "timestamp"];
    let fields = document.into_iter().filter(|(name, _)| !said.contains(&name.as_str()));
    // API Gateway writes `-` for a variable that has no value.
    let fields = fields.filter_map(|(name, value)| Some((name, quoted(&text(&value)?)))).collect();
    Ok((Access { method, path, status, latency, fields }, request))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| text != "-" && !text.is_empty()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(document: Value) -> Option<(Access, Option<String>)> {
        let Value::Object(document) = document else { panic!("no object") };
        read(document).ok()
    }

    #[test]
    fn the_formats_of_the_page() {
        // The JSON example of REST APIs.
        let rest = json!({"requestId": "ab", "ip": "192.0.2.1", "caller": "-", "user": "-",
            "requestTime": "21/Nov/2026:14:03:07 +0000", "httpMethod": "GET", "resourcePath": "/orders/{id}",
            "status": "502", "protocol": "HTTP/1.1", "responseLength": "36"});
        let (access, request) = told(rest).expect("an access");
        assert_eq!((access.method.as_str(), access.path.as_str(), access.status), ("GET", "/orders/{id}", Some(502)));
        assert_eq!((access.level(), request.as_deref()), (Some(Level::Error), Some("ab")));
        let fields: Vec<String> = access.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(fields, ["ip=192.0.2.1", "protocol=HTTP/1.1", "responseLength=36"]);
        // That of HTTP APIs.
        let http =
            json!({"requestId": "ab", "ip": "192.0.2.1", "routeKey": "GET /orders", "status": "200", "latency": 12});
        let (access, _) = told(http).expect("an access");
        assert_eq!(
            (access.method.as_str(), access.path.as_str(), access.latency.as_deref()),
            ("GET", "/orders", Some("12"))
        );
    }

    #[test]
    fn a_request_is_told_by_the_id_that_its_function_knows() {
        let ours = |function: &str| {
            json!({"requestId": "ab", "httpMethod": "GET", "path": "/orders", "routeKey": "$default", "status": "200",
                "responseLatency": "12", "integrationRequestId": function, "error": "-"})
        };
        let (access, request) = told(ours("79b4")).expect("an access");
        assert_eq!(request.as_deref(), Some("79b4"));
        let fields: Vec<&str> = access.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(fields, ["requestId", "routeKey"], "the client's own stays to be seen");
        let (access, request) = told(ours("-")).expect("an access");
        assert_eq!((request.as_deref(), access.path.as_str()), (Some("ab"), "/orders"), "no function was called");
    }

    #[test]
    fn a_record_of_an_application_is_none() {
        assert_eq!(told(json!({"level": "info", "method": "GET", "path": "/", "status": 200})), None);
        assert_eq!(told(json!({"status": 200})), None);
    }
}
