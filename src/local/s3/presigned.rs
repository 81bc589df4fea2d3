//! Links to objects: when they end. Their signature is not checked, as no signature is here.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::super::wire::{Fault, Request};

/// The parameters of a link of signature version 2.
pub(super) const V2: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];

/// Whether the request is such a link; those name no region.
pub(super) fn is_v2(request: &Request) -> bool {
    !request.headers.contains_key("authorization")
        && request.param(V2[0]).is_some()
        && request.param("X-Amz-Credential").is_none()
}

/// Refuses a link that is past its end.
pub(super) fn check(request: &Request) -> Result<(), Fault> {
    let malformed = |message: &str| Err(Fault::new(400, "AuthorizationQueryParametersError", message));
    let ends = if request.headers.contains_key("authorization") {
        return Ok(());
    } else if is_v2(request) {
        let seconds = request.param(V2[1]).and_then(|seconds| seconds.parse().ok());
        let Some(ends) = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
            return malformed(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            );
        };
        ends
    } else {
        let Some(signed) = request.param("X-Amz-Date").as_deref().and_then(parse) else {
            return malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
        };
        let seconds: Option<i64> = request.param("X-Amz-Expires").and_then(|seconds| seconds.parse().ok());
        let Some(seconds) = seconds.filter(|seconds| (0..=604_800).contains(seconds)) else {
            return malformed(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
            );
        };
        signed + seconds.seconds()
    };
    if Timestamp::now() > ends {
        Err(Fault::new(403, "AccessDenied", "Request has expired").member("Expires", ends.to_string()))
    } else {
        Ok(())
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_signature_is_read() {
        assert_eq!(parse("20261121T031415Z").map(|time| time.to_string()).as_deref(), Some("2026-11-21T03:14:15Z"));
        assert_eq!(parse("2026-11-21"), None);
    }
}
