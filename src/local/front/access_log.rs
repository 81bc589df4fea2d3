//! The access log: one line per request in the stage's own format, its `$context` variables filled in.
//!
//! A variable without a value, or that nobody here knows, is `-`. AWS does not say what it does with a quote in a
//! value; here it is escaped as in JSON, so that no client can end the record it is written into.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::local::Local;
use crate::local::apigateway::AccessLogSettings;
use crate::local::wire::Reply;

/// A variable's name without `$context.`, and its value.
pub(super) type Variable = (&'static str, String);

/// What became of the call to the function.
#[derive(Debug, Clone)]
pub(super) struct Backend {
    /// As the function knows it.
    pub(super) request_id: String,
    pub(super) latency: Duration,
    /// The function's own; `None` when it has not answered properly.
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
}

impl Backend {
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>: the status of
    /// the integration is Lambda's own in `integrationStatus`, the code's in `status`.
    fn variables(&self) -> Vec<Variable> {
        let latency = self.latency.as_millis().to_string();
        let mut all = vec![
            ("integration.requestId", self.request_id.clone()),
            ("awsEndpointRequestId", self.request_id.clone()),
            ("integration.latency", latency.clone()),
            ("integrationLatency", latency),
        ];
        if let Some(status) = self.status {
            all.push(("integration.status", status.to_string()));
            all.push(("integration.integrationStatus", "200".to_owned()));
            all.push(("integrationStatus", "200".to_owned()));
        }
        if let Some(error) = &self.error {
            all.push(("integration.error", error.clone()));
            all.push(("integrationErrorMessage", error.clone()));
        }
        all
    }
}

/// Whose log it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) settings: &'a AccessLogSettings,
    pub(super) region: &'a str,
    pub(super) api: &'a str,
    pub(super) stage: &'a str,
}

/// Writes the line of a request that began at `started`. What cannot be written is lost, as on AWS: the client gets its
/// answer in any case.
pub(super) fn write(
    local: &Local,
    of: Of<'_>,
    started: Instant,
    mut known: Vec<Variable>,
    backend: Option<&Backend>,
    reply: &Reply,
) {
    let (Some(group), Some(format)) = (of.settings.group(of.region), &of.settings.format) else { return };
    known.extend(backend.map(Backend::variables).unwrap_or_default());
    known.push(("status", reply.status.as_u16().to_string()));
    known.push(("responseLength", reply.body.len().to_string()));
    known.push(("responseLatency", started.elapsed().as_millis().to_string()));
    let line = filled(format.trim_end_matches('\n'), &known);
    let stream = format!("{}_{}", of.api, of.stage);
    let _ = local.logs.write(of.region, group, &stream, vec![(Timestamp::now().as_millisecond(), line)]);
}

fn filled(format: &str, known: &[Variable]) -> String {
    const START: &str = "$context.";
    let mut parts = format.split(START);
    let mut line = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|char: char| !char.is_ascii_alphanumeric() && !"._-".contains(char)).unwrap_or(part.len());
        let name = part[..end].trim_end_matches(['.', '-']);
        match known.iter().find(|(its, _)| *its == name) {
            Some((_, value)) if !value.is_empty() => {
                let quoted = serde_json::Value::from(value.as_str()).to_string();
                line.push_str(&quoted[1..quoted.len() - 1]);
            }
            _ => line.push('-'),
        }
        line.push_str(&part[name.len()..]);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_others_are_a_dash() {
        let known = [("requestId", "ab".to_owned()), ("path", "/a\"b".to_owned()), ("error.message", String::new())];
        let line = |format: &str| filled(format, &known);
        assert_eq!(line("$context.requestId"), "ab");
        assert_eq!(line("[$context.requestId] $context.nothing.here. $context.error.message -"), "[ab] -. - -");
        assert_eq!(line(r#"{"path":"$context.path","id":"$context.requestId"}"#), r#"{"path":"/a\"b","id":"ab"}"#);
        assert_eq!(line("$context.requestIdentity $context."), "- -", "names are whole");
        assert_eq!(line("plain $ text"), "plain $ text");
    }
}
