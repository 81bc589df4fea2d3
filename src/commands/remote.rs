//! What `exec` and `manage` share: one call of the live function, which answers with what its console
//! prints, while it prints it (`templates/bridge/rzap_web/console.py`).

use std::time::Duration;

use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvokeWithResponseStreamResponseEvent as Event;
use serde_json::{Value, json};

use super::context::{Context, known_functions, owner_of};
use crate::aws::{code, explain};
use crate::config::StageConfig;
use crate::deploy::{self, ALIAS};
use crate::error::{Error, Kind, Result};
use crate::ui::{Report, Ui};

/// The function in which code may be run: the named one, or the only one. Refused before any call.
pub(super) fn allowed(stage: &StageConfig, name: Option<&str>) -> Result<String> {
    known_functions(stage, &name.map(str::to_owned).into_iter().collect::<Vec<_>>())?;
    let open =
        stage.functions.iter().filter(|(own, function)| function.web.exec && name.is_none_or(|name| name == *own));
    let open: Vec<&String> = open.map(|(own, _)| own).collect();
    match (open.as_slice(), name) {
        ([only], _) => Ok((*only).clone()),
        ([], _) => Err(refused(stage, name)),
        (several, _) => {
            let several: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(Error::usage("which function?").hint(format!("name one: {}", crate::config::suggest::list(&several))))
        }
    }
}

fn refused(stage: &StageConfig, name: Option<&str>) -> Error {
    let web = |name: &str| stage.functions.get(name).is_some_and(|function| function.entry.is_web());
    match name {
        Some(name) if !web(name) => Error::usage(format!("`{name}` is not a Python web app"))
            .hint("code is run through rzap's bridge, which is there for `wsgi`, `asgi` and `django`"),
        None if !stage.functions.keys().any(|name| web(name)) => {
            Error::usage(format!("no function of stage `{}` is a Python web app", stage.stage))
                .hint("code is run through rzap's bridge, which is there for `wsgi`, `asgi` and `django`")
        }
        _ => Error::usage(format!("stage `{}` does not allow code to be run in it", stage.stage)).hint(format!(
            "add `exec: true` to the stage in rzap.yaml (`stages: {{ {0}: {{ exec: true }} }}`), then `rzap deploy {0}`",
            stage.stage
        )),
    }
}

/// Runs what the event asks for and passes its output on.
pub(super) async fn run(
    context: &Context,
    stage: &StageConfig,
    function: &str,
    event: &Value,
) -> Result<Box<dyn Report>> {
    let timeout = stage.functions.get(function).map_or(900, |config| config.timeout);
    let cloud = context.cloud(stage).await?;
    let what = format!("run code in `{function}` of stage `{}`", stage.stage);
    // A repeated call after a lost answer would run the code twice, and code may be silent for long.
    let patience = TimeoutConfig::builder().read_timeout(Duration::from_secs(u64::from(timeout) + 60)).build();
    let once = || {
        aws_sdk_lambda::config::Config::builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(patience.clone())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
    };
    let (name, event) = (deploy::function_name(&owner_of(stage), function), event.to_string());
    let call = cloud.lambda.invoke_with_response_stream().function_name(&name).qualifier(ALIAS);
    let call = call.payload(Blob::new(&*event));
    let _careful = context.interrupt.carefully();
    let mut console =
        Console { ui: context.ui, unread: Vec::new(), out: String::new(), err: String::new(), exit: None };
    let work = async {
        let answer = match call.customize().config_override(once()).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => {
                return Err(explain(what.clone())(error).hint(format!(
                    "is it deployed? `rzap status {0}` shows it, `rzap deploy {0}` deploys it",
                    stage.stage
                )));
            }
            // Some emulators do not know the operation, and have no code for that.
            Err(error) if cloud.endpoint.is_some() && error.as_service_error().is_some() && code(&error).is_none() => {
                let call = cloud.lambda.invoke().function_name(&name).qualifier(ALIAS).payload(Blob::new(&*event));
                let answer = call.customize().config_override(once()).send().await.map_err(explain(what.clone()))?;
                console.read(answer.payload().map(AsRef::as_ref).unwrap_or_default());
                return Ok(answer.function_error.into_iter().collect());
            }
            Err(error) => return Err(explain(what.clone())(error)),
        };
        let mut events = answer.event_stream;
        loop {
            match events.recv().await.map_err(explain(what.clone()))? {
                Some(Event::PayloadChunk(chunk)) => {
                    console.read(chunk.payload().map(AsRef::as_ref).unwrap_or_default());
                }
                Some(Event::InvokeComplete(end)) => {
                    let failure = [end.error_code, end.error_details].into_iter().flatten().collect::<Vec<_>>();
                    return Ok(failure);
                }
                Some(_) => {}
                None => return Ok(Vec::new()),
            }
        }
    };
    let failure = tokio::select! {
        failure = work => failure?,
        () = context.interrupt.asked() => {
            return Err(Error::new(Kind::Interrupted, "interrupted").hint(format!(
                "what was started in `{function}` goes on until it is done, or until its timeout of {timeout} s"
            )));
        }
    };
    let rest = console.end();
    match console.exit {
        Some(exit) => Ok(Box::new(Ran { function: function.to_owned(), exit, out: console.out, err: console.err })),
        None => Err(broken(stage, function, timeout, &failure, &rest)),
    }
}

/// Why there is no exit code. `failure` is what Lambda says, `rest` what came instead of output.
fn broken(stage: &StageConfig, function: &str, timeout: u32, failure: &[String], rest: &str) -> Error {
    let documents = failure.iter().map(String::as_str).chain([rest]);
    let document = documents.filter_map(|text| serde_json::from_str::<Value>(text).ok()).find(Value::is_object);
    let document = document.unwrap_or(Value::Null);
    let (kind, message) = (document["errorType"].as_str(), document["errorMessage"].as_str());
    let said = format!("{} {rest}", failure.join(" "));
    if said.contains("Timedout") || said.contains("timed out") {
        return Error::failed(format!("the code in `{function}` was stopped by the function's timeout of {timeout} s"))
            .hint(format!("raise `timeout:` in rzap.yaml (at most 900 s), then `rzap deploy {}`", stage.stage));
    }
    // Only the bridge's own refusals: what the code raises is printed by the console.
    if kind == Some("ValueError") {
        let mut error = Error::failed(format!("the version of `{function}` that is live runs no code from outside"));
        error.causes.extend(message.map(str::to_owned));
        return error.hint(format!(
            "it was deployed before `exec: true` was in rzap.yaml, or by an older rzap: run `rzap deploy {}` first",
            stage.stage
        ));
    }
    let mut error = Error::failed(format!("`{function}` did not finish what was run in it"));
    error.causes.extend(match (kind, message) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        _ if rest.is_empty() => failure.first().cloned(),
        _ => Some(format!("it answered {}", start_of(rest))),
    });
    error.hint(format!("`rzap tail {} {function}` shows its log", stage.stage))
}

/// Enough of a text to recognise it.
fn start_of(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().take(LONGEST).chain((text.chars().count() > LONGEST).then_some('…')).collect()
}

/// The console's lines of JSON on their way to the terminal.
struct Console {
    ui: Ui,
    unread: Vec<u8>,
    out: String,
    err: String,
    exit: Option<u8>,
}

impl Console {
    fn read(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        // A runtime that cannot stream gives all lines at once, as a JSON string.
        if self.unread.first() == Some(&b'"') {
            return;
        }
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            self.line(&line);
        }
    }

    /// What is left and is no line of the console.
    fn end(&mut self) -> String {
        let rest = std::mem::take(&mut self.unread);
        match serde_json::from_slice::<String>(&rest) {
            Ok(lines) => {
                self.read(lines.as_bytes());
                String::new()
            }
            Err(_) => String::from_utf8_lossy(&rest).into_owned(),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        if let Some(text) = line["out"].as_str() {
            if self.ui.is_json() { self.out.push_str(text) } else { self.ui.data(text.as_bytes()) }
        }
        if let Some(text) = line["err"].as_str() {
            if self.ui.is_json() { self.err.push_str(text) } else { self.ui.passed_on(text.as_bytes()) }
        }
        if let Some(code) = line["exit"].as_u64() {
            self.exit = Some(u8::try_from(code).unwrap_or(1));
        }
    }
}

struct Ran {
    function: String,
    exit: u8,
    out: String,
    err: String,
}

impl Report for Ran {
    /// All of it was said on the way.
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> Value {
        json!({ "function": self.function, "exit": self.exit, "stdout": self.out, "stderr": self.err })
    }

    fn exit(&self) -> Option<Kind> {
        (self.exit != 0).then_some(Kind::Exit(self.exit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Color;

    /// What comes of an answer in these parts, and what is left of it.
    fn read(parts: &[&str]) -> (Console, String) {
        let ui = Ui::new(Color::Never, true, false, 0, String::new());
        let mut console = Console { ui, unread: Vec::new(), out: String::new(), err: String::new(), exit: None };
        for part in parts {
            console.read(part.as_bytes());
        }
        let rest = console.end();
        (console, rest)
    }

    #[test]
    fn lines_are_read_however_they_come() {
        let lines = concat!(r#"{"out": "a\nü"}"#, "\n", r#"{"err": "b"}"#, "\n", r#"{"exit": 3}"#, "\n");
        let whole = Value::from(lines).to_string();
        let (first, second) = lines.split_at(7);
        let (start, end) = whole.split_at(9);
        // In one piece, in two, and as the text that a handler returns whose runtime cannot stream.
        for parts in [&[lines][..], &[first, second], &["", lines], &[&whole], &[start, end]] {
            let (console, rest) = read(parts);
            assert_eq!((console.out.as_str(), console.err.as_str()), ("a\nü", "b"), "{parts:?}");
            assert_eq!((console.exit, rest.as_str()), (Some(3), ""), "{parts:?}");
        }
    }

    #[test]
    fn what_is_no_output_is_left() {
        let document = r#"{"errorType": "ValueError", "errorMessage": "no"}"#;
        let (console, rest) = read(&[document]);
        assert_eq!((console.exit, rest.as_str()), (None, document));
    }
}
