//! The path of a request as HTTP APIs see it: decoded, before routes are looked for.
//!
//! "API Gateway decodes URL-encoded request parameters before passing them to your backend integration"
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>). How it
//! does that was recorded by others: it decodes, cuts at a `?` that has come up, refuses an escape that
//! is none, and decodes once more, so `%252F` arrives as `/` and `100%25` not at all
//! (<https://github.com/hotsock/voker/blob/main/vokerhttp/testdata/ingress-paths.json>).

use crate::local::wire::percent_decode;

/// `None`: the request is refused with 400.
pub(super) fn decoded(raw: &str) -> Option<String> {
    let once = percent_decode(raw);
    let cut = once.split('?').next().unwrap_or_default();
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = cut.as_bytes();
    let good = |at: usize| bytes[at] != b'%' || (hex(bytes.get(at + 1)) && hex(bytes.get(at + 2)));
    (0..bytes.len()).all(good).then(|| percent_decode(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recorded paths.
    #[test]
    fn paths_are_decoded_as_recorded_from_aws() {
        for (sent, arrived) in [
            ("/capture/plain", Some("/capture/plain")),
            ("/capture/space%20value", Some("/capture/space value")),
            ("/capture/question%3Fvalue", Some("/capture/question")),
            ("/capture/percent%25done", None),
            ("/capture/hash%23value", Some("/capture/hash#value")),
            ("/capture/slash%2Fvalue", Some("/capture/slash/value")),
            ("/capture/unicode-%CE%BB-%E4%B8%96%E7%95%8C", Some("/capture/unicode-λ-世界")),
            ("/capture/literal%252Fvalue", Some("/capture/literal/value")),
            ("/capture/literal%253Fvalue", Some("/capture/literal?value")),
            ("/capture/literal%2525value", Some("/capture/literal%value")),
        ] {
            assert_eq!(decoded(sent).as_deref(), arrived, "{sent}");
        }
    }
}
