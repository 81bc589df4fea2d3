//! Who may talk to the local cloud: programs of this machine, not web pages that a browser of this
//! machine shows.
//!
//! A server that accepts any key and runs code must not be reachable from a page. Two ways lead in:
//! a foreign name that resolves to 127.0.0.1 (DNS rebinding), answered by looking at `Host`, and a
//! cross-site form or fetch, answered by looking at `Origin` and `Sec-Fetch-Site`, which pages cannot
//! forge. Traffic to deployed APIs is for browsers too; only its host is checked.

use std::net::IpAddr;

use http::HeaderMap;

/// Whether `Host` names this machine (or AWS, for a client that was pointed here by other means).
pub(crate) fn host_allowed(headers: &HeaderMap) -> bool {
    text(headers, "host").map(host_name).is_some_and(|name| is_local(&name) || name.ends_with(".amazonaws.com"))
}

/// Whether a web page of another site made a browser send this request.
pub(crate) fn is_foreign_page(headers: &HeaderMap) -> bool {
    match text(headers, "origin") {
        // `null` is what sandboxed frames and local files send.
        Some(origin) => !origin.split_once("://").is_some_and(|(_, authority)| is_local(&host_name(authority))),
        None => text(headers, "sec-fetch-site").is_some_and(|site| matches!(site, "cross-site" | "same-site")),
    }
}

/// The host of `host[:port]`, lower case, without brackets and without the root dot.
pub(crate) fn host_name(authority: &str) -> String {
    let name = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(name, _)| name),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn is_local(name: &str) -> bool {
    // Clients put `stream-` (before April 2026 `streaming-`) before the host for `StartLiveTail`.
    let name = name.strip_prefix("stream-").or_else(|| name.strip_prefix("streaming-")).unwrap_or(name);
    // RFC 6761: resolvers and browsers keep everything under `localhost` on the machine.
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for good in [
            "127.0.0.1:4599",
            "localhost:4599",
            "b.localhost",
            "[::1]:4599",
            "LOCALHOST.",
            "b.s3.eu-west-1.amazonaws.com",
        ] {
            assert!(host_allowed(&headers("host", good)), "{good}");
        }
        for bad in [
            "evil.example:4599",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "amazonaws.com.evil.example",
            "",
        ] {
            assert!(!host_allowed(&headers("host", bad)), "{bad}");
        }
        assert!(!host_allowed(&HeaderMap::new()));
    }

    #[test]
    fn pages_of_other_sites_are_recognised() {
        assert!(!is_foreign_page(&HeaderMap::new()));
        assert!(!is_foreign_page(&headers("origin", "http://localhost:3000")));
        assert!(!is_foreign_page(&headers("sec-fetch-site", "none")));
        for origin in ["https://evil.example", "null", "http://localhost.evil.example:4599"] {
            assert!(is_foreign_page(&headers("origin", origin)), "{origin}");
        }
        assert!(is_foreign_page(&headers("sec-fetch-site", "cross-site")));
    }
}
