//! `accessLogSettings` of a stage, of both kinds of API: what they may say. `front` writes the log.
//!
//! A log group is the only destination here; Firehose is refused. The account's role that REST APIs need is always there:
//! see `GetAccount`.

use serde::{Deserialize, Serialize};

use super::model::{bad_request, unsupported};
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

/// Bytes of a format. <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>
const LONGEST: usize = 3 * 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AccessLogSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::local) destination_arn: Option<String>,
    /// Of one line, with `$context` variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::local) format: Option<String>,
}

impl AccessLogSettings {
    /// Refuses what AWS does, and what nobody here would write.
    pub(in crate::local) fn check(&self, region: &str) -> Result<(), Fault> {
        let arn = self.destination_arn.as_deref().unwrap_or_default();
        if arn.starts_with("arn:") && arn.contains(":firehose:") {
            return Err(unsupported("an access log that goes to Firehose"));
        }
        if self.group(region).is_none() {
            return Err(bad_request(format!(
                "Invalid ARN specified in the request: '{arn}' is no log group of this account and region"
            )));
        }
        let format = self.format.as_deref().unwrap_or_default();
        if !format.contains("$context.requestId") && !format.contains("$context.extendedRequestId") {
            return Err(bad_request(
                "Invalid access log format: it must include $context.requestId or $context.extendedRequestId",
            ));
        }
        if format.trim_end_matches('\n').contains('\n') {
            return Err(bad_request(
                "Access Log format must be single line, new line character is allowed only at end of the format",
            ));
        }
        if format.len() > LONGEST {
            return Err(bad_request("Access Log format must not be larger than 3 KB"));
        }
        Ok(())
    }

    /// The log group.
    pub(in crate::local) fn group(&self, region: &str) -> Option<&str> {
        let name = self.destination_arn.as_deref()?.strip_prefix("arn:aws:logs:")?.strip_prefix(region)?;
        let name = name.strip_prefix(&format!(":{ACCOUNT}:log-group:"))?;
        Some(name.strip_suffix(":*").unwrap_or(name)).filter(|name| !name.is_empty() && !name.contains(':'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(arn: &str, format: &str) -> Option<String> {
        let settings = AccessLogSettings { destination_arn: Some(arn.into()), format: Some(format.into()) };
        settings.check("eu-west-1").err().map(|fault| fault.message)
    }

    #[test]
    fn only_what_can_be_written_is_taken() {
        let arn = "arn:aws:logs:eu-west-1:000000000000:log-group:/aws/apigateway/a";
        assert_eq!(fault(arn, "$context.requestId"), None);
        assert_eq!(fault(&format!("{arn}:*"), "$context.extendedRequestId\n"), None);
        for (arn, format) in [
            (arn, "$context.status"),
            (arn, "$context.requestId\n$context.status"),
            ("arn:aws:logs:us-east-1:000000000000:log-group:a", "$context.requestId"),
            ("a", "$context.requestId"),
            ("arn:aws:firehose:eu-west-1:000000000000:deliverystream/amazon-apigateway-a", "$context.requestId"),
        ] {
            assert!(fault(arn, format).is_some(), "{arn} {format}");
        }
    }
}
