//! Somebody who visits a web app with a browser: keeps cookies, follows redirects, fills in forms.
//!
//! Every page is looked at for links that lead out of the app: an app that does not know under which path
//! it is served makes them. Forms are read by `form`.

use crate::form::{self, Form};
use crate::http::{self, Answer};

/// See the head of this file.
pub(crate) struct Visitor {
    /// Where the app takes itself to be: `http://127.0.0.1:4566`.
    origin: String,
    /// The path of the app, as it knows it, without a slash at its end.
    mount: String,
    /// What stands in place of `origin` to reach it.
    server: String,
    cookies: Vec<Cookie>,
}

struct Cookie {
    name: String,
    value: String,
    path: String,
}

/// A page, after all redirects.
pub(crate) struct Page {
    /// Path and query on the server.
    pub(crate) target: String,
    /// The statuses of the redirects that led here.
    pub(crate) hops: Vec<u16>,
    pub(crate) status: u16,
    pub(crate) answer: Answer,
}

impl Visitor {
    /// Somebody who never was here. `url` is what rzap shows.
    pub(crate) fn new(url: &str) -> Self {
        let start = url.find("://").expect("a URL") + 3;
        let (origin, mount) = url.split_at(url[start..].find('/').map_or(url.len(), |path| start + path));
        Self { origin: origin.to_owned(), mount: mount.to_owned(), server: origin.to_owned(), cookies: Vec::new() }
    }

    /// The same by the address the app has on AWS. `MiniStack` tells it that one for a function URL, and for an
    /// API none: as for a domain of one's own.
    pub(crate) fn as_on_aws(url: &str) -> Self {
        let local = Self::new(url);
        let id = local.mount.strip_prefix("/_aws/lambda-url/");
        let origin = id.map_or_else(
            || local.origin.replace("http://", "https://"),
            |id| format!("https://{id}.lambda-url.eu-west-1.on.aws"),
        );
        Self { origin, mount: String::new(), server: url.to_owned(), cookies: Vec::new() }
    }

    /// Somebody else at the same place.
    pub(crate) fn stranger(&self) -> Self {
        let (origin, mount, server) = (self.origin.clone(), self.mount.clone(), self.server.clone());
        Self { origin, mount, server, cookies: Vec::new() }
    }

    /// What addresses of the app begin with, as the app should see it: `origin/mount`.
    pub(crate) fn base(&self) -> String {
        format!("{}{}", self.origin, self.mount)
    }

    /// The path of the app.
    pub(crate) fn mount(&self) -> &str {
        &self.mount
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    /// Opens a page of the app; `path` begins below its mount point.
    #[track_caller]
    pub(crate) fn open(&mut self, path: &str) -> Page {
        self.send("GET", path, &[], b"")
    }

    /// A request to the app, whose redirects are followed.
    #[track_caller]
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let target = format!("{}{path}", self.mount);
        self.travel(method, target, headers, body)
    }

    /// A request with a JSON document.
    #[track_caller]
    pub(crate) fn json(&mut self, method: &str, path: &str, document: &serde_json::Value) -> Page {
        self.send(method, path, &[("content-type", "application/json")], document.to_string().as_bytes())
    }

    /// Follows the link whose text is `text`.
    #[track_caller]
    pub(crate) fn follow(&mut self, page: &Page, text: &str) -> Page {
        let target = self.resolve(&page.target, &page.link(text));
        self.travel("GET", target, &[], b"")
    }

    /// Sends a form as it is filled in.
    #[track_caller]
    pub(crate) fn submit(&mut self, page: &Page, form: &Form) -> Page {
        let target = self.resolve(&page.target, &form.action);
        if form.method == "GET" {
            let path = target.split('?').next().unwrap_or_default().to_owned();
            return self.travel("GET", format!("{path}?{}", form.encoded()), &[], b"");
        }
        let referer = format!("{}{}", self.origin, page.target);
        let (kind, body) = form.body();
        self.travel("POST", target, &[("content-type", &kind), ("referer", &referer)], &body)
    }

    #[track_caller]
    fn travel(&mut self, method: &str, target: String, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let mut page = self.request(method, target, headers, body);
        while let (301..=303, Some(location)) = (page.status, page.answer.header("location")) {
            let (next, mut hops) = (self.resolve(&page.target, location), std::mem::take(&mut page.hops));
            hops.push(page.status);
            assert!(hops.len() < 8, "redirects without an end: {target}", target = page.target);
            page = Page { hops, ..self.request("GET", next, &[], b"") };
        }
        page.links_stay_below(&self.mount);
        page
    }

    fn request(&mut self, method: &str, target: String, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let path = target.split('?').next().unwrap_or_default();
        let fitting = self.cookies.iter().filter(|cookie| path.starts_with(&cookie.path));
        let cookies: Vec<String> = fitting.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let cookies = cookies.join("; ");
        let mut all = vec![("user-agent", "visitor"), ("accept", "*/*")];
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        // As browsers do, and as Django's protection against forged requests wants it.
        if !["GET", "HEAD"].contains(&method) && !headers.iter().any(|(name, _)| *name == "origin") {
            all.push(("origin", &self.origin));
        }
        all.extend(headers);
        let answer = http::request(method, &format!("{}{target}", self.server), &all, body);
        for line in answer.headers("set-cookie") {
            self.keep(line);
        }
        Page { target, hops: Vec::new(), status: answer.status, answer }
    }

    fn keep(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is name=value");
        let attributes: Vec<(String, &str)> =
            parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(|(k, v)| (k.to_lowercase(), v)).collect();
        let attribute = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
        let path = attribute("path").unwrap_or("/").to_owned();
        self.cookies.retain(|cookie| cookie.name != name);
        let old = attribute("max-age") == Some("0") || attribute("expires").is_some_and(|date| date.contains(" 1970 "));
        if !old {
            self.cookies.push(Cookie { name: name.to_owned(), value: value.to_owned(), path });
        }
    }

    /// Where a link on a page leads: path and query. Fails the test when that is another server.
    #[track_caller]
    fn resolve(&self, from: &str, link: &str) -> String {
        if link.contains("://") {
            let inside = link.strip_prefix(&self.origin);
            return inside.unwrap_or_else(|| panic!("{link} leads away from {}", self.origin)).to_owned();
        }
        let path = from.split('?').next().unwrap_or_default();
        match link.chars().next() {
            None => from.to_owned(),
            Some('/') => link.to_owned(),
            Some('?') => format!("{path}{link}"),
            Some(_) => format!("{}/{link}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
        }
    }
}

impl Page {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        self.answer.text()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.answer.header(name)
    }

    /// Fails the test unless the page has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.target, self.text());
        self
    }

    /// Fails the test unless the page, as a reader sees it, has all these texts.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        let text = form::unescaped(&self.text());
        for expected in texts {
            assert!(text.contains(expected), "{} does not say `{expected}`:\n{text}", self.target);
        }
        self
    }

    /// The form that has a control of this name.
    #[track_caller]
    pub(crate) fn form(&self, control: &str) -> Form {
        form::find(&self.text(), control).unwrap_or_else(|| panic!("no form with `{control}` in\n{}", self.text()))
    }

    /// Where the link with this text leads.
    #[track_caller]
    fn link(&self, text: &str) -> String {
        let html = self.text();
        let links = form::elements(&html, "a");
        let mut fitting = links.iter().filter(|(_, inner)| form::unescaped(form::plain(inner).trim()) == text);
        let (attributes, _) = fitting.next().unwrap_or_else(|| panic!("no link `{text}` in\n{html}"));
        attributes.get("href").expect("a link has an address").clone()
    }

    #[track_caller]
    fn links_stay_below(&self, mount: &str) {
        if !self.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            return;
        }
        for link in form::links(&self.text()) {
            let outside = link.starts_with('/') && link != mount && !link.starts_with(&format!("{mount}/"));
            assert!(!outside, "{} has the link {link}, which is not below {mount}/:\n{}", self.target, self.text());
        }
    }
}
