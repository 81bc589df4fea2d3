//! Placeholder for the service `lambda`; replaced on merge. Every function echoes its event.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::Local;
use super::wire::Fault;

#[derive(Debug)]
pub(crate) struct Lambda;

#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) function_arn_or_name: String,
    pub(crate) qualifier: Option<String>,
    pub(crate) region: String,
    pub(crate) payload: Bytes,
    pub(crate) client_context: Option<String>,
    pub(crate) request_id: String,
    pub(crate) trace_id: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) payload: Bytes,
    pub(crate) function_error: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) streamed: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct UrlOwner {
    pub(crate) region: String,
    pub(crate) function_arn: String,
    pub(crate) qualifier: Option<String>,
    pub(crate) auth_type: String,
    pub(crate) cors: Option<Value>,
    pub(crate) invoke_mode: String,
}

impl Lambda {
    /// The function's name says what it does: `raw` answers with the body it was sent, `fail` fails,
    /// `slow` takes 2 s, anything else echoes the event.
    pub(crate) async fn invoke(&self, _local: &Arc<Local>, call: Invocation) -> Result<Outcome, Fault> {
        let has = |word: &str| call.function_arn_or_name.contains(word);
        let event: Value = serde_json::from_slice(&call.payload).unwrap_or_default();
        let mut outcome =
            Outcome { payload: call.payload.clone(), function_error: None, content_type: None, streamed: false };
        if has(":raw") {
            outcome.payload = event["body"].as_str().unwrap_or("{}").to_owned().into();
        } else if has(":stream") {
            outcome.content_type = Some("application/vnd.awslambda.http-integration-response".into());
            outcome.payload =
                b"{\"statusCode\":201,\"headers\":{\"x-a\":\"b\"},\"cookies\":[\"c=1\"]}\0\0\0\0\0\0\0\0body"[..]
                    .into();
        } else if has(":fail") {
            outcome.function_error = Some("Unhandled".to_owned());
        } else {
            if has(":slow") {
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            }
            let text = String::from_utf8_lossy(&call.payload).into_owned();
            outcome.payload = serde_json::json!({ "statusCode": 200, "body": text }).to_string().into();
        }
        Ok(outcome)
    }

    pub(crate) fn permits(
        &self,
        function: &str,
        _qualifier: Option<&str>,
        _principal: &str,
        _source: Option<&str>,
    ) -> bool {
        !function.contains("denied")
    }

    pub(crate) fn url_is_public(&self, url: &UrlOwner) -> bool {
        !url.function_arn.contains("denied")
    }

    pub(crate) fn url_owner(&self, id: &str) -> Option<UrlOwner> {
        Some(UrlOwner {
            region: "us-east-1".into(),
            function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{id}"),
            qualifier: None,
            auth_type: if id.starts_with("iam") { "AWS_IAM" } else { "NONE" }.into(),
            cors: id.starts_with("cors").then(|| {
                serde_json::json!({ "AllowOrigins": ["https://a.example"], "AllowMethods": ["*"], "MaxAge": 60, "ExposeHeaders": ["x-a"] })
            }),
            invoke_mode: if id.starts_with("stream") { "RESPONSE_STREAM" } else { "BUFFERED" }.into(),
        })
    }
}
