//! Events of `EventBridge`, of a schedule and of a log group.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

use super::{ACCOUNT, Place, id, json_of};
use crate::error::{Error, OrFailed as _, Result};

/// An event of an `EventBridge` bus
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Events {
    #[arg(long, default_value = "shop")]
    source: String,
    #[arg(long, default_value = "paid")]
    detail_type: String,
    #[arg(long, value_name = "JSON", default_value = r#"{"id": "1"}"#)]
    detail: String,
}

impl Events {
    /// <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
    pub(super) fn event(self, place: &Place) -> Result<Value> {
        let detail = json_of("--detail", &self.detail)?;
        if !detail.is_object() {
            return Err(Error::usage("what `--detail` says is no JSON object"));
        }
        Ok(json!({
            "version": "0",
            "id": id(),
            "detail-type": self.detail_type,
            "source": self.source,
            "account": ACCOUNT,
            "time": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": place.region,
            "resources": [],
            "detail": detail,
        }))
    }
}

/// What a schedule sends: its `input`
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Schedule {
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
}

impl Schedule {
    /// A schedule of rzap always has an input, so there is nothing that the scheduler would make up.
    /// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html>
    pub(super) fn event(self) -> Result<Value> {
        json_of("--input", &self.input)
    }
}

/// Lines of a log group
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Logs {
    #[arg(long, default_value = "/aws/lambda/shop-dev-web")]
    group: String,
    /// Once for each line
    #[arg(long, default_value = "ERROR out of coffee")]
    message: Vec<String>,
}

impl Logs {
    /// gzip in base64. <https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html>
    pub(super) fn event(self) -> Result<Value> {
        let now = Timestamp::now();
        let line = |(at, message): (usize, String)| {
            let id = format!("3{:015}{at:040}", now.as_millisecond());
            json!({ "id": id, "timestamp": now.as_millisecond(), "message": message })
        };
        let batch = json!({
            "messageType": "DATA_MESSAGE",
            "owner": ACCOUNT,
            "logGroup": self.group,
            "logStream": format!("{}/[1]{}", now.strftime("%Y/%m/%d"), id().replace('-', "")),
            "subscriptionFilters": ["sample"],
            "logEvents": self.message.into_iter().enumerate().map(line).collect::<Vec<_>>(),
        });
        let text = batch.to_string();
        let mut gzip = Compressor::new(CompressionLvl::default());
        let mut bytes = vec![0; gzip.gzip_compress_bound(text.len())];
        let written = gzip.gzip_compress(text.as_bytes(), &mut bytes).or_failed(|| "pack the lines")?;
        bytes.truncate(written);
        Ok(json!({ "awslogs": { "data": STANDARD.encode(bytes) } }))
    }
}
