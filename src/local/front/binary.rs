//! Which payloads are binary.
//!
//! REST: `binaryMediaTypes` against the request's `Content-Type`, and for responses against the first
//! media type of `Accept`; `*/*` in the list makes every payload binary.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html>

/// A media type without its parameters, in lower case.
fn bare(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a header's first media type is in an API's list.
pub(super) fn listed(types: &[String], header: Option<&str>) -> bool {
    let first = header.and_then(|header| header.split(',').next()).map(bare);
    types.iter().map(|kind| bare(kind)).any(|kind| {
        let Some(first) = &first else { return kind == "*/*" };
        match kind.strip_suffix("/*") {
            Some("*") => true,
            Some(family) => first.split('/').next() == Some(family),
            None => kind == *first,
        }
    })
}

/// What function URLs pass on as text; everything else is base64 in the event.
pub(super) fn is_text(content_type: Option<&str>) -> bool {
    let kind = bare(content_type.unwrap_or_default());
    kind.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// The same for HTTP APIs, which know fewer texts.
pub(super) fn is_http_api_text(content_type: Option<&str>) -> bool {
    let kind = bare(content_type.unwrap_or_default());
    kind.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_media_type_counts() {
        let types = ["image/png".to_owned(), "font/*".to_owned()];
        assert!(listed(&types, Some("image/png;q=0.8, text/html")));
        assert!(!listed(&types, Some("text/html, image/png")));
        assert!(listed(&types, Some("font/woff2")) && !listed(&types, Some("*/*")) && !listed(&types, None));
        let all = ["*/*".to_owned()];
        assert!(listed(&all, None) && listed(&all, Some("text/html")));
    }

    #[test]
    fn function_urls_know_text_by_its_type() {
        assert!(
            is_text(Some("Application/JSON; charset=utf-8"))
                && is_text(Some("image/svg+xml"))
                && is_text(Some("text/csv"))
        );
        assert!(!is_text(Some("application/x-www-form-urlencoded")) && !is_text(Some("image/png")) && !is_text(None));
    }
}
