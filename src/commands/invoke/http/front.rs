//! Through the front: a real request to where the stage answers, and its answer while it comes.

use std::time::Duration;

use super::shown::{Answering, Through};
use super::{Page, Wanted};
use crate::aws::{self, Incoming, Outgoing};
use crate::commands::context::owner_of;
use crate::commands::invoke::Target;
use crate::config::{FunctionConfig, Http};
use crate::deploy;
use crate::error::{Error, Result};
use crate::ui::Report;

/// As many redirects are followed.
const MOST_REDIRECTS: usize = 10;

/// Sends it and shows the answer.
pub(in crate::commands::invoke) async fn through_the_front(
    target: &Target<'_>,
    function: &FunctionConfig,
    wanted: Wanted,
    page: Page,
    follow: bool,
) -> Result<Box<dyn Report>> {
    let stage = &target.stage.stage;
    let Some(address) = deploy::address(target.cloud, &owner_of(target.stage), function).await? else {
        return Err(Error::failed(format!("`{}` of stage `{stage}` has no address", function.name))
            .hint(format!("is it deployed? `rzap status {stage}` shows it, `rzap deploy {stage}` deploys it")));
    };
    let url = format!("{}{}", address.trim_end_matches('/'), wanted.path);
    let (mut method, path) = (wanted.method, wanted.path);
    // The function that takes it may be another one behind the same API; what is in front has limits of its own.
    let longest = target.stage.functions.values().map(|it| it.timeout).max().unwrap_or(900);
    let limit = Duration::from_secs(u64::from(longest) + 10);
    let mut request = Outgoing { method: method.clone(), url, headers: wanted.headers, body: wanted.body };
    let mut redirects = 0;
    let (mut incoming, url) = loop {
        target.context.ui.detail(&format!("{} {}", request.method, request.url));
        let url = request.url.clone();
        let incoming = aws::send(request.clone(), limit).await?;
        match next(&incoming, &request).filter(|_| follow) {
            None => break (incoming, url),
            Some(_) if redirects == MOST_REDIRECTS => {
                return Err(Error::failed(format!("{method} {path} is redirected more than {MOST_REDIRECTS} times")));
            }
            Some(there) => request = there,
        }
        redirects += 1;
    };
    method.clone_from(&request.method);
    let word = match function.front() {
        Some(Http::Rest) => "rest",
        Some(Http::Api) => "http",
        Some(Http::Url) | None => "url",
    };
    let through = Through { word, url: Some(url), ..Through::default() };
    let head = (incoming.status, incoming.headers.clone());
    let mut answering = Answering::begin(target, page, (&method, &path), head)?;
    loop {
        match incoming.part().await {
            Ok(Some(bytes)) => answering.part(&bytes)?,
            Ok(None) => return answering.end(&through),
            Err(error) => {
                let hint = format!("`rzap tail {stage} {}` shows the log", function.name);
                return Err(answering.broken(error.hint(hint)));
            }
        }
    }
}

/// The request that a redirect asks for, as browsers make it of this one.
/// <https://fetch.spec.whatwg.org/#http-redirect-fetch>
fn next(incoming: &Incoming, request: &Outgoing) -> Option<Outgoing> {
    let status = incoming.status;
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let url = joined(&request.url, incoming.header("location")?)?;
    let mut there = Outgoing { url, ..request.clone() };
    let asks_anew = match status {
        301 | 302 => request.method == "POST",
        303 => request.method != "HEAD",
        _ => false,
    };
    if asks_anew {
        "GET".clone_into(&mut there.method);
        there.body.clear();
        there.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    if origin(&there.url) != origin(&request.url) {
        // Not for others' eyes.
        let secret = ["authorization", "cookie", "x-api-key"];
        there.headers.retain(|(name, _)| !secret.contains(&name.to_ascii_lowercase().as_str()));
    }
    Some(there)
}

/// Scheme, host and port of a URL, and where its path begins.
fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    Some(&url[..end])
}

/// Where a `Location` leads from a URL. <https://www.rfc-editor.org/rfc/rfc3986#section-5.2>
fn joined(from: &str, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    let base = origin(from)?;
    if location.starts_with("http://") || location.starts_with("https://") {
        return Some(location.to_owned());
    }
    if location.starts_with("//") {
        return Some(format!("{}:{location}", from.split(':').next()?));
    }
    if location.starts_with('/') {
        return Some(format!("{base}{location}"));
    }
    let path = from[base.len()..].split('?').next().unwrap_or_default();
    if location.is_empty() || location.starts_with('?') {
        return Some(format!("{base}{path}{location}"));
    }
    // Another scheme: nothing that could be asked.
    if location.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let (location, query) =
        location.split_once('?').map_or((location, String::new()), |(at, query)| (at, format!("?{query}")));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').skip(1).collect();
    let last = location.rsplit('/').next().unwrap_or_default();
    for part in location.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if matches!(last, "." | "..") && !parts.is_empty() { "/" } else { "" };
    Some(format!("{base}/{}{slash}{query}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_from_where_it_stands() {
        let from = "https://a.example/dev/x/y?z=1";
        for (location, expected) in [
            ("https://b.example/c#d", "https://b.example/c"),
            ("//b.example/c", "https://b.example/c"),
            ("/c?d=1", "https://a.example/c?d=1"),
            ("c", "https://a.example/dev/x/c"),
            ("./c/", "https://a.example/dev/x/c/"),
            ("../c?q=a/../b", "https://a.example/dev/c?q=a/../b"),
            ("..", "https://a.example/dev/"),
            ("../../../c", "https://a.example/c"),
            ("?q=2", "https://a.example/dev/x/y?q=2"),
        ] {
            assert_eq!(joined(from, location).as_deref(), Some(expected), "{location}");
        }
        assert_eq!(joined(from, "mailto:a@b.example"), None);
        assert_eq!(joined("http://a.example", "c").as_deref(), Some("http://a.example/c"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("http://a:1/b?c"), Some("http://a:1"));
        assert_eq!(origin("http://a:1?c"), Some("http://a:1"));
        assert_ne!(origin("http://a/"), origin("https://a/"));
    }
}
