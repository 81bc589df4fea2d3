//! How an answer over HTTP is shown, wherever it came from, and what is said of one that is an error.

use serde_json::{Map, Value, json};

use super::Page;
use crate::commands::invoke::Target;
use crate::error::{Error, Kind, Result};
use crate::ui::Report;

/// An answer that has begun.
pub(super) struct Answering<'a> {
    target: &'a Target<'a>,
    page: Page,
    /// `GET /path`, without the query, which may hold a token.
    what: String,
    status: u16,
    headers: Vec<(String, String)>,
    /// JSON for a terminal, until it is whole.
    held: Option<Vec<u8>>,
}

impl<'a> Answering<'a> {
    /// Shows the head, if it is wanted.
    pub(super) fn begin(
        target: &'a Target<'a>,
        mut page: Page,
        (method, path): (&str, &str),
        (status, headers): (u16, Vec<(String, String)>),
    ) -> Result<Self> {
        if page.include && !target.context.ui.is_json() {
            page.sink.write(head_text(status, &headers).as_bytes())?;
        }
        let json = headers.iter().any(|(name, value)| name == "content-type" && value.contains("json"));
        let held = (json && page.sink.is_shown()).then(Vec::new);
        let what = format!("{method} {}", path.split('?').next().unwrap_or_default());
        Ok(Self { target, page, what, status, headers, held })
    }

    /// Takes the next part of the body.
    pub(super) fn part(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.held {
            Some(held) => {
                held.extend_from_slice(bytes);
                Ok(())
            }
            None => self.page.sink.write(bytes),
        }
    }

    /// Ends it before its time, because of `error`: what came is shown.
    pub(super) fn broken(mut self, error: Error) -> Error {
        if let Some(held) = self.held.take() {
            // The first error says more than one about showing.
            let _ = self.page.sink.write(&held);
        }
        let _ = self.page.sink.end();
        error
    }

    /// Ends it. `through` is where the answer came from.
    ///
    /// # Errors
    /// It is one, and people read it: programs find that in the document.
    pub(super) fn end(mut self, through: &Through) -> Result<Box<dyn Report>> {
        if let Some(held) = self.held.take() {
            self.page.sink.whole(&held)?;
        }
        self.page.sink.end()?;
        let ui = self.target.context.ui;
        if !ui.is_json() {
            if self.status >= 400 {
                return Err(self.error(through));
            }
            let location = self.headers.iter().find(|(name, _)| name == "location");
            if let (300..400, Some((_, to))) = (self.status, location) {
                let how = if through.direct { "" } else { " (`-L` follows it)" };
                ui.say(&format!("{}: {} to {to}{how}", self.what, reason(self.status)));
            }
        }
        let (body, encoded) = match std::str::from_utf8(self.page.sink.collected()) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (base64(self.page.sink.collected()), true),
        };
        let mut document = json!({
            "through": through.word,
            "url": through.url,
            "status": self.status,
            "headers": headers_json(&self.headers),
            "body": if self.page.sink.path().is_some() { Value::Null } else { body.into() },
            "is_base64_encoded": encoded,
            "version": through.version,
            "log": through.log,
        });
        if let Some(path) = self.page.sink.path() {
            document["output"] = json!(path);
        }
        Ok(Box::new(Answered { document, failed: self.status >= 400 }))
    }

    fn error(&self, through: &Through) -> Error {
        let (stage, function) = (&self.target.stage.stage, &self.target.function);
        let error = Error::failed(format!("{} answered {}", self.what, reason(self.status)));
        let rest = through.word == "rest";
        match self.status {
            // What a REST API says where it has no route:
            // <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
            403 if rest => error.hint("a REST API answers this, too, where none of its routes takes the request"),
            500..=599 => error.hint(format!("`rzap tail {stage} {function}` shows the log")),
            _ => error,
        }
    }
}

/// Where an answer came from.
#[derive(Debug, Default)]
pub(super) struct Through {
    /// `rest`, `http`, `url` or `function`.
    pub(super) word: &'static str,
    pub(super) direct: bool,
    pub(super) url: Option<String>,
    pub(super) version: Option<String>,
    pub(super) log: Option<String>,
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// `404 Not Found`
fn reason(status: u16) -> String {
    let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

/// Status and headers as text, with the empty line that ends them.
pub(in crate::commands::invoke) fn head_text(status: u16, headers: &[(String, String)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("HTTP {}\n{lines}\n", reason(status))
}

/// All values by name.
pub(in crate::commands::invoke) fn headers_json(headers: &[(String, String)]) -> Value {
    let mut map = Map::new();
    for (name, value) in headers {
        if let Value::Array(values) = map.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(value.clone().into());
        }
    }
    map.into()
}

/// All of it, for programs; people have seen it.
struct Answered {
    document: Value,
    failed: bool,
}

impl Report for Answered {
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> Value {
        self.document.clone()
    }

    fn exit(&self) -> Option<Kind> {
        self.failed.then_some(Kind::Failed)
    }
}
