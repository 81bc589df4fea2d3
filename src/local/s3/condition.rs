//! Conditional requests: reads that depend on what the reader has, writes that depend on what is there.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use http::HeaderMap;
use jiff::Timestamp;

use super::super::wire::Fault;
use super::model::Object;
use super::no_key;

/// What a conditional read came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Send,
    NotModified,
}

/// Conditions of GET and HEAD.
pub(super) fn read(headers: &HeaderMap, object: &Object) -> Result<Read, Fault> {
    evaluate(headers, "", object).map(|fresh| if fresh { Read::Send } else { Read::NotModified })
}

/// Conditions of a copy on its source: `x-amz-copy-source-if-*`.
pub(super) fn copy_source(headers: &HeaderMap, object: &Object) -> Result<(), Fault> {
    if evaluate(headers, "x-amz-copy-source-", object)? {
        Ok(())
    } else {
        Err(failed("x-amz-copy-source-If-None-Match"))
    }
}

/// Conditions of a write on the object it would replace.
pub(super) fn write(headers: &HeaderMap, key: &str, current: Option<&Object>) -> Result<(), Fault> {
    match (text(headers, "if-none-match"), current) {
        (None, _) | (Some("*"), None) => {}
        (Some("*"), Some(_)) => return Err(failed("If-None-Match")),
        (Some(_), _) => return Err(Fault::unsupported("S3", "If-None-Match with anything but * on a write")),
    }
    match (text(headers, "if-match"), current) {
        (None, _) => Ok(()),
        (Some("*"), _) => Err(Fault::unsupported("S3", "If-Match: * on a write")),
        (Some(_), None) => Err(no_key(key)),
        (Some(etags), Some(object)) if matches(etags, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(failed("If-Match")),
    }
}

/// The condition of a delete: an entity tag, or `*` for "it exists".
pub(super) fn delete(etag: Option<&str>, current: Option<&Object>) -> Result<(), Fault> {
    match (etag, current) {
        (None, _) => Ok(()),
        (Some(etags), Some(object)) if matches(etags, &object.etag) => Ok(()),
        (Some(_), _) => Err(failed("If-Match")),
    }
}

/// `Ok(false)`: the reader already has it. RFC 9110 §13.2.2, and S3's pages of `GetObject` and `CopyObject`:
/// a tag that was compared outweighs a date.
fn evaluate(headers: &HeaderMap, prefix: &str, object: &Object) -> Result<bool, Fault> {
    let get = |name: &str| text(headers, &format!("{prefix}{name}"));
    let date = |name: &str| get(name).and_then(parse_date);
    match (get("if-match"), date("if-unmodified-since")) {
        (Some(etags), _) if !matches(etags, &object.etag) => return Err(failed(&format!("{prefix}If-Match"))),
        (None, Some(since)) if object.modified > since => return Err(failed(&format!("{prefix}If-Unmodified-Since"))),
        _ => {}
    }
    Ok(match (get("if-none-match"), date("if-modified-since")) {
        (Some(etags), _) => !matches(etags, &object.etag),
        (None, Some(since)) => object.modified > since || since > Timestamp::now(),
        (None, None) => true,
    })
}

/// Whether one of `a, "b", W/"c"` or `*` is `etag`.
fn matches(etags: &str, etag: &str) -> bool {
    etags
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|one| one == "*" || one == etag)
}

fn parse_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

fn failed(condition: &str) -> Fault {
    Fault::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .member("Condition", condition)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_without_their_quotes() {
        assert!(matches("\"abc\"", "abc"));
        assert!(matches("x, W/\"abc\"", "abc"));
        assert!(matches("*", "abc"));
        assert!(!matches("\"ab\"", "abc"));
    }

    #[test]
    fn http_dates_are_read() {
        let date = parse_date("Sat, 21 Nov 2026 03:14:15 GMT");
        assert_eq!(date.map(|date| date.to_string()).as_deref(), Some("2026-11-21T03:14:15Z"));
        assert_eq!(parse_date("yesterday"), None);
    }
}
