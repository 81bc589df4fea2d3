//! What a visitor needs of HTML: forms with what is filled in, links, and text without its escapes.
//!
//! No parser: the pages are ours and Django's, whose tags are regular.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// The attributes of a tag; those without a value have an empty one.
pub(crate) type Attributes = BTreeMap<String, String>;

/// Never in what the tests send.
const BOUNDARY: &str = "----visitor-7MA4YWxkTrZu0gW";

/// A form, filled in as the page has it and then by the test.
#[derive(Debug)]
pub(crate) struct Form {
    /// Where it goes, as the page says it; empty is the page itself.
    pub(crate) action: String,
    /// `GET` or `POST`
    pub(crate) method: &'static str,
    multipart: bool,
    /// All controls by name, with what they can be set to; nothing when that is any text.
    offered: BTreeMap<String, Vec<String>>,
    fields: Vec<(String, String)>,
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    control: String,
    name: String,
    kind: String,
    bytes: Vec<u8>,
}

impl Form {
    /// Fills a control in, presses a button, or chooses what is offered. Fails the test when there is no
    /// such control or choice.
    #[track_caller]
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let offered = self.offered.get(name).unwrap_or_else(|| panic!("no control `{name}` in {self:?}"));
        assert!(offered.is_empty() || offered.iter().any(|each| each == value), "`{name}` has only {offered:?}");
        self.fields.retain(|(control, _)| control != name);
        // Lines of a form end so: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html
        self.fields.push((name.to_owned(), value.replace("\r\n", "\n").replace('\n', "\r\n")));
        self
    }

    /// Chooses a file.
    #[track_caller]
    pub(crate) fn file(mut self, control: &str, name: &str, kind: &str, bytes: &[u8]) -> Self {
        assert!(self.multipart && self.offered.contains_key(control), "no file can be chosen for `{control}`");
        let (control, name, kind) = (control.to_owned(), name.to_owned(), kind.to_owned());
        self.files.push(File { control, name, kind, bytes: bytes.to_owned() });
        self
    }

    /// What a control can be set to.
    #[track_caller]
    pub(crate) fn offered(&self, name: &str) -> &[String] {
        self.offered.get(name).unwrap_or_else(|| panic!("no control `{name}` in {self:?}"))
    }

    /// What a control is set to.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(control, _)| control == name);
        field.map_or_else(|| panic!("nothing is set for `{name}` in {self:?}"), |(_, value)| value.as_str())
    }

    /// As a query, or the body of a plain form.
    pub(crate) fn encoded(&self) -> String {
        let pairs = self.fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Content type and body of a POST.
    pub(crate) fn body(&self) -> (String, Vec<u8>) {
        if !self.multipart {
            return ("application/x-www-form-urlencoded".to_owned(), self.encoded().into_bytes());
        }
        let fields = self.fields.iter().map(|(name, value)| Part { name, file: None, bytes: value.as_bytes() });
        let files = self.files.iter().map(|file| Part {
            name: &file.control,
            file: Some((&file.name, &file.kind)),
            bytes: &file.bytes,
        });
        multipart(fields.chain(files))
    }
}

/// One part of a multipart body.
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    /// Its name and its type.
    pub(crate) file: Option<(&'a str, &'a str)>,
    pub(crate) bytes: &'a [u8],
}

/// Content type and body, as browsers make them.
/// <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>
pub(crate) fn multipart<'a>(parts: impl Iterator<Item = Part<'a>>) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for Part { name, file, bytes } in parts {
        let quoted = |text: &str| text.replace('"', "%22").replace('\n', "%0A");
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(name)).bytes());
        if let Some((file, kind)) = file {
            body.extend(format!("; filename=\"{}\"\r\nContent-Type: {kind}", quoted(file)).bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// Percent-encodes all that is not unreserved.
pub(crate) fn encode(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The first form with a control of this name.
pub(crate) fn find(html: &str, control: &str) -> Option<Form> {
    let forms = elements(html, "form").into_iter().map(|(attributes, inner)| read(&attributes, inner));
    forms.into_iter().find(|form| form.offered.contains_key(control))
}

fn read(attributes: &Attributes, inner: &str) -> Form {
    let word = |name: &str| attributes.get(name).map(|value| value.to_lowercase()).unwrap_or_default();
    let mut form = Form {
        action: attributes.get("action").cloned().unwrap_or_default(),
        method: if word("method") == "post" { "POST" } else { "GET" },
        multipart: word("enctype") == "multipart/form-data",
        offered: BTreeMap::new(),
        fields: Vec::new(),
        files: Vec::new(),
    };
    for found in rule(r"(?s)<(input|button|textarea|select)\b").find_iter(inner) {
        let rest = &inner[found.start()..];
        let name = found.as_str().trim_start_matches('<');
        let (attributes, content) = element(rest, name);
        let Some(control) = attributes.get("name").filter(|name| !name.is_empty()) else { continue };
        let value = attributes.get("value").cloned();
        let offered = form.offered.entry(control.clone()).or_default();
        let set = match (name, attributes.get("type").map_or("text", String::as_str)) {
            ("textarea", _) => Some(unescaped(content.trim_start_matches('\r').strip_prefix('\n').unwrap_or(content))),
            ("select", _) => {
                let options = elements(content, "option");
                let values = options.iter().map(|(option, text)| {
                    option.get("value").cloned().unwrap_or_else(|| unescaped(plain(text).trim()))
                });
                offered.extend(values);
                let chosen = options.iter().position(|(option, _)| option.contains_key("selected"));
                offered.get(chosen.unwrap_or(0)).cloned()
            }
            (_, "radio" | "checkbox") => {
                let value = value.unwrap_or_else(|| "on".to_owned());
                offered.push(value.clone());
                attributes.contains_key("checked").then_some(value)
            }
            ("button", _) | (_, "submit" | "image" | "button" | "file" | "reset") => None,
            _ => Some(value.unwrap_or_default()),
        };
        form.fields.extend(set.map(|value| (control.clone(), value)));
    }
    form
}

/// The attributes and the content of every element of this name; they are not nested.
pub(crate) fn elements<'a>(html: &'a str, name: &str) -> Vec<(Attributes, &'a str)> {
    let starts = rule(&format!(r"<{name}\b"));
    starts.find_iter(html).map(|found| element(&html[found.start()..], name)).collect()
}

/// The element `html` begins with.
fn element<'a>(html: &'a str, name: &str) -> (Attributes, &'a str) {
    static TAG: LazyLock<Regex> = LazyLock::new(|| rule(r#"(?s)^<\w+((?:[^>"']|"[^"]*"|'[^']*')*)>"#));
    static ATTRIBUTE: LazyLock<Regex> =
        LazyLock::new(|| rule(r#"([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?"#));
    let Some(tag) = TAG.captures(html) else { return (Attributes::new(), "") };
    let attributes = ATTRIBUTE.captures_iter(&tag[1]).map(|found| {
        let value = found.get(2).or(found.get(3)).or(found.get(4)).map_or("", |value| value.as_str());
        (found[1].to_lowercase(), unescaped(value))
    });
    let rest = &html[tag[0].len()..];
    (attributes.collect(), rest.split(&format!("</{name}")).next().unwrap_or_default())
}

/// Where all links, images, styles, scripts and forms lead.
pub(crate) fn links(html: &str) -> Vec<String> {
    let found = rule(r#"\s(?:href|src|action)\s*=\s*"([^"]*)""#);
    found.captures_iter(html).map(|found| unescaped(&found[1])).collect()
}

/// Without tags.
pub(crate) fn plain(html: &str) -> String {
    rule(r"(?s)<[^>]*>").replace_all(html, "").into_owned()
}

/// The characters in place of the references that frameworks write.
pub(crate) fn unescaped(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#x27;", "'")];
    let text = named.iter().fold(text.to_owned(), |text, (reference, with)| text.replace(reference, with));
    text.replace("&amp;", "&")
}

fn rule(text: &str) -> Regex {
    Regex::new(text).expect("a rule")
}

#[test]
fn a_form_is_sent_as_a_browser_sends_it() {
    let html = r#"<form method="post" action="/a?b=1&amp;c" enctype="multipart/form-data">
        <input type="hidden" name="token" value="a&quot;b"><input name='q' value=x disabled-not>
        <textarea name="text">
one &lt; two</textarea><input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
        <select name="s"><option value="64">64</option><option value="128" selected>128</option></select>
        <input type="file" name="f"><button name="go" value="1">Go</button></form>"#;
    let form = find(html, "text").expect("a form");
    assert_eq!((form.action.as_str(), form.method), ("/a?b=1&c", "POST"));
    assert_eq!(form.encoded(), "token=a%22b&q=x&text=one%20%3C%20two&r=2&s=128");
    let form = form.set("s", "64").set("go", "1").file("f", "ä\".txt", "text/plain", b"\x00\xff");
    let (kind, body) = form.body();
    assert_eq!(kind, format!("multipart/form-data; boundary={BOUNDARY}"));
    let end =
        "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"ä%22.txt\"\r\nContent-Type: text/plain\r\n\r\n\0";
    let mut end = end.as_bytes().to_owned();
    end.extend([0xff]);
    end.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    assert!(body.ends_with(&end), "{}", String::from_utf8_lossy(&body));
    assert!(find(html, "nothing").is_none());
}
