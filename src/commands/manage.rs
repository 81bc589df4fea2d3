//! `rzap manage`: a management command of Django, run in the function that is live.

use serde_json::json;

use super::context::Context;
use super::remote;
use crate::config::{Entry, StageConfig};
use crate::error::{Error, Result};
use crate::ui::Report;

/// Without it Django does not know the project.
const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";

/// Run a management command of Django in a deployed app
#[derive(Debug, clap::Args)]
#[command(after_help = "The stage has to allow it: `exec: true` in rzap.yaml. The exit code is the command's own.\n\
    Nobody can be asked there: give --noinput to commands that would.\n\
    Examples: rzap manage dev -- migrate, rzap manage dev -- createcachetable --dry-run")]
pub(crate) struct Manage {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// The function; may be left out when only one allows it
    function: Option<String>,

    /// What would follow `manage.py`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Manage {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let function = remote::allowed(&stage, self.function.as_deref())?;
        check(&stage, &function)?;
        let event = json!({ "rzap": "exec", "kind": "manage", "arguments": self.command });
        remote::run(context, &stage, &function, &event).await
    }
}

fn check(stage: &StageConfig, name: &str) -> Result<()> {
    let Some(function) = stage.functions.get(name) else { return Ok(()) };
    if matches!(function.entry, Entry::Django(_)) || function.env.contains_key(SETTINGS) {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` is not known to be a Django project"))
        .hint("`django: mysite.settings` in rzap.yaml makes it one; next to `wsgi` or `asgi` it is enough to set")
        .hint(format!("the environment variable: `env: {{ {SETTINGS}: mysite.settings }}`")))
}
