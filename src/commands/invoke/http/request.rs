//! The request that `--http`, `-H` and `-d` describe.

use crate::commands::invoke::event::bytes_of;
use crate::error::{Error, Result};

/// A request, without where it goes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands::invoke) struct Wanted {
    pub(super) method: String,
    /// With its query; begins with `/`.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

const LIKE: &str = "like `--http /path`, `--http POST /path`; the stage and the function stand before it";

impl Wanted {
    /// Reads the flags: one word (`/path`, `GET /path`) or two.
    ///
    /// # Errors
    /// A method, path or header is none, or the data cannot be read.
    pub(super) fn read(words: &[String], headers: &[String], data: Option<&str>) -> Result<Self> {
        let (method, path) = match words {
            [one] => one.split_once(' ').map_or(("", one.as_str()), |(method, path)| (method, path.trim())),
            [method, path] => (method.as_str(), path.as_str()),
            _ => ("", ""),
        };
        if method.starts_with('/') || method.bytes().any(|byte| !byte.is_ascii_alphabetic()) {
            return Err(Error::usage(format!("`{method}` is no HTTP method")).hint(LIKE));
        }
        // In a URL it would be cut off, or worse.
        let clean = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !path.starts_with('/') || !path.bytes().all(clean) {
            let hint = if path.starts_with('/') { "what is no letter or digit is written like `%20`" } else { LIKE };
            return Err(Error::usage(format!("`{path}` is no path of a request")).hint(hint));
        }
        let mut headers: Vec<(String, String)> = headers.iter().map(|text| header(text)).collect::<Result<_>>()?;
        let body = data.map_or_else(|| Ok(Vec::new()), |data| bytes_of(data, "--data").map(|(bytes, _)| bytes))?;
        if data.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type".to_owned(), type_of(&body).to_owned()));
        }
        let method = match method {
            "" if data.is_some() => "POST".to_owned(),
            "" => "GET".to_owned(),
            method => method.to_ascii_uppercase(),
        };
        Ok(Self { method, path: path.to_owned(), headers, body })
    }
}

/// JSON is said to be JSON; anything else is a form, as with curl.
fn type_of(body: &[u8]) -> &'static str {
    let json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    if json { "application/json" } else { "application/x-www-form-urlencoded" }
}

/// `Name: value`
fn header(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let (name, value) = (name.trim(), value.trim());
    let good = http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok();
    if !good || !text.contains(':') {
        // Not shown: it may hold a token.
        return Err(
            Error::usage(format!("what `-H` says of `{name}` is no header")).hint("like `-H 'accept: text/html'`")
        );
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str], data: Option<&str>) -> Result<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let wanted = Wanted::read(&words, &[], data)?;
        let kind = wanted.headers.first().map(|(_, value)| format!(" {value}")).unwrap_or_default();
        Ok(format!("{} {}{kind}", wanted.method, wanted.path))
    }

    #[test]
    fn one_word_or_two_say_what_is_wanted() {
        assert_eq!(read(&["/a?b=1"], None).expect("good"), "GET /a?b=1");
        assert_eq!(read(&["put /a"], None).expect("good"), "PUT /a");
        assert_eq!(read(&["DELETE", "/a"], None).expect("good"), "DELETE /a");
        assert_eq!(read(&["/a"], Some("{}")).expect("good"), "POST /a application/json");
        assert_eq!(read(&["PATCH", "/"], Some("a=1")).expect("good"), "PATCH / application/x-www-form-urlencoded");
        for bad in [
            vec!["GET"],
            vec!["/a", "dev"],
            vec!["G3T", "/"],
            vec!["https://a/"],
            vec!["/a b"],
            vec!["/é"],
            vec!["/#x"],
        ] {
            assert!(read(&bad, None).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn headers_have_a_name_and_a_value() {
        assert_eq!(header("X-A:  b: c ").expect("good"), ("X-A".to_owned(), "b: c".to_owned()));
        assert_eq!(header("X-A:").expect("good"), ("X-A".to_owned(), String::new()));
        for bad in ["x", "x y: 1", ": 1", "x: a\nb"] {
            assert!(header(bad).is_err(), "{bad}");
        }
    }
}
