//! Placeholder for the service `lambda`; replaced on merge. Every function echoes its event.

use std::sync::Arc;

use bytes::Bytes;

use super::Local;
use super::wire::Fault;

#[derive(Debug)]
pub(crate) struct Lambda;

pub(crate) struct Invocation {
    pub(crate) function: String,
    pub(crate) payload: Bytes,
}

pub(crate) struct Outcome {
    pub(crate) payload: Bytes,
    pub(crate) function_error: Option<String>,
}

pub(crate) struct UrlOwner {
    pub(crate) function_arn: String,
    pub(crate) auth: String,
    pub(crate) cors: Option<serde_json::Value>,
    pub(crate) mode: String,
}

impl Lambda {
    /// The function's name says what it does: `raw` answers with the body it was sent, `fail` fails,
    /// `slow` takes 2 s, anything else echoes the event.
    pub(crate) async fn invoke(&self, _local: &Arc<Local>, invocation: Invocation) -> Result<Outcome, Fault> {
        let mut error = None;
        let mut payload = invocation.payload.clone();
        if invocation.function.contains(":raw") {
            let event: serde_json::Value = serde_json::from_slice(&invocation.payload).unwrap_or_default();
            payload = event["body"].as_str().unwrap_or("{}").to_owned().into();
        } else if invocation.function.contains(":fail") {
            error = Some("Unhandled".to_owned());
        } else {
            if invocation.function.contains(":slow") {
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            }
            let text = String::from_utf8_lossy(&invocation.payload).into_owned();
            payload = serde_json::json!({ "statusCode": 200, "body": text }).to_string().into();
        }
        Ok(Outcome { payload, function_error: error })
    }

    pub(crate) fn permits(&self, function_arn: &str, _principal: &str, _source_arn: &str) -> bool {
        !function_arn.contains("denied")
    }

    pub(crate) fn permits_url(&self, function_arn: &str, _auth: &str) -> bool {
        !function_arn.contains("denied")
    }

    pub(crate) fn url_owner(&self, id: &str) -> Option<UrlOwner> {
        let auth = if id.starts_with("iam") { "AWS_IAM" } else { "NONE" };
        Some(UrlOwner {
            function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{id}"),
            auth: auth.into(),
            cors: id.starts_with("cors").then(|| {
                serde_json::json!({ "AllowOrigins": ["https://a.example"], "AllowMethods": ["*"], "MaxAge": 60, "ExposeHeaders": ["x-a"] })
            }),
            mode: "BUFFERED".into(),
        })
    }
}
