//! `rzap exec`: Python code, run in the function that is live.

use std::io::Read as _;

use serde_json::json;

use super::context::Context;
use super::remote;
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::Report;

/// Run Python code in a deployed web app; its output comes as it is written
#[derive(Debug, clap::Args)]
#[command(override_usage = "rzap exec [OPTIONS] [STAGE] [FUNCTION] <CODE>")]
#[command(
    after_help = "The stage has to allow it: `exec: true` in rzap.yaml. The exit code is the code's own: 1 after an exception.\n\
    Examples: rzap exec dev 'len(__import__(\"sys\").path)', rzap exec dev shop.jobs:cleanup"
)]
pub(crate) struct Exec {
    /// The stage and the function, which may be left out when there is only one; then an expression, statements,
    /// `module:function`, or - for stdin
    #[arg(value_name = "CODE", required = true, num_args = 1..=3, allow_negative_numbers = true)]
    words: Vec<String>,
}

impl Exec {
    pub(crate) async fn run(mut self, context: &Context) -> Result<Box<dyn Report>> {
        let code = self.words.pop().unwrap_or_default();
        let (stage, function) = (self.words.first(), self.words.get(1));
        let stage = context.stage_to_look_at(stage.map(String::as_str))?;
        let function = remote::allowed(&stage, function.map(String::as_str))?;
        let code = if code == "-" { from_stdin()? } else { code };
        remote::run(context, &stage, &function, &json!({ "rzap": "exec", "kind": "code", "code": code })).await
    }
}

fn from_stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).or_failed(|| "read the code from stdin")?;
    if text.trim().is_empty() {
        return Err(Error::usage("there is no code on stdin"));
    }
    Ok(text)
}
