//! What a function is called with: a payload from wherever it is, or a sample event; and the client context.
//!
//! JSON and sizes are checked here: AWS's own messages for them are less clear, or come as a broken connection.

use std::io::Read as _;

use base64::Engine as _;
use serde_json::Value;

use crate::commands::samples::{self, Place};
use crate::error::{Error, OrFailed as _, Result};
use crate::ui;

/// Bytes. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const MOST_SYNCHRONOUS: usize = 6 * 1024 * 1024;
/// The same page.
pub(super) const MOST_ASYNCHRONOUS: usize = 1024 * 1024;
/// Bytes, in base64. <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
const MOST_CONTEXT: usize = 3_583;

/// Where the event comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Input {
    /// The event: JSON, @FILE, or - for stdin [default: {}]
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    payload: Option<String>,

    /// A sample event, in the words of `rzap event`, to which all that follows belongs: `--event s3 --key a.jpg`
    #[arg(long, value_name = "KIND", num_args = 1.., allow_hyphen_values = true, conflicts_with = "payload")]
    event: Vec<String>,
}

impl Input {
    /// The event as bytes, `most` of them.
    pub(super) fn read(&self, place: &Place, most: usize) -> Result<Vec<u8>> {
        let bytes = if self.event.is_empty() {
            let (bytes, source) = bytes_of(self.payload.as_deref().unwrap_or("{}"), "--payload")?;
            if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
                let hint = "a text is JSON only in quotes: --payload '\"text\"'";
                return Err(Error::usage(format!("the payload from {source} is not JSON")).because(&error).hint(hint));
            }
            bytes
        } else {
            let sample = samples::sample(&self.event, place).map_err(|error| {
                error.hint("`--event` takes all that follows it: what else this command is to know stands before it")
            });
            sample?.to_string().into_bytes()
        };
        if bytes.len() > most {
            let (is, may) = (ui::bytes(bytes.len() as u64), ui::bytes(most as u64));
            let how = if most == MOST_ASYNCHRONOUS { "asynchronous" } else { "synchronous" };
            return Err(Error::failed(format!("the event has {is}; an {how} call takes {may} at most"))
                .hint("put what is large into S3, and its key into the event"));
        }
        Ok(bytes)
    }
}

/// What an argument stands for, and what to call its source: itself, a file's content, or all of stdin.
pub(super) fn bytes_of(text: &str, flag: &str) -> Result<(Vec<u8>, String)> {
    match text.strip_prefix('@') {
        Some(path) => {
            let bytes = std::fs::read(path).or_failed(|| format!("read {} from {path}", noun(flag)))?;
            Ok((bytes, path.to_owned()))
        }
        None if text == "-" => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).or_failed(|| format!("read {} from stdin", noun(flag)))?;
            Ok((bytes, "stdin".to_owned()))
        }
        None => Ok((text.as_bytes().to_vec(), flag.to_owned())),
    }
}

fn noun(flag: &str) -> String {
    format!("the {}", flag.trim_start_matches('-').replace('-', " "))
}

/// The client context in base64.
pub(super) fn client_context(text: &str) -> Result<String> {
    let (bytes, source) = bytes_of(text, "--client-context")?;
    let wrong = || Error::usage(format!("the client context from {source} is not a JSON object"));
    let parsed: Value = serde_json::from_slice(&bytes).map_err(|error| wrong().because(&error))?;
    if !parsed.is_object() {
        return Err(wrong());
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(parsed.to_string());
    if encoded.len() > MOST_CONTEXT {
        let (is, may) = (ui::count(encoded.len()), ui::count(MOST_CONTEXT));
        return Err(Error::usage(format!("the client context has {is} bytes in base64; AWS takes {may} at most")));
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_context_is_a_small_object() {
        assert_eq!(client_context(r#" {"custom": {}} "#).expect("good"), "eyJjdXN0b20iOnt9fQ==");
        for bad in ["[]", "x", &format!(r#"{{"a": "{}"}}"#, "x".repeat(2_680))] {
            assert!(client_context(bad).is_err(), "{bad}");
        }
        assert!(client_context(&format!(r#"{{"a": "{}"}}"#, "x".repeat(2_670))).is_ok());
    }
}
