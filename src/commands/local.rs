//! `rzap local`: the local cloud itself.

mod trigger;

use serde_json::{Value, json};

use super::context::Context;
use crate::error::Result;
use crate::local::daemon;
use crate::ui::Report;

/// Start, stop and look at the local cloud
#[derive(Debug, clap::Args)]
pub(crate) struct Local {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Start it in the background (`--local` does that by itself)
    Start {
        /// The port [default: the one used last, else 4599]
        #[arg(long)]
        port: Option<u16>,
        /// Stay in the foreground until Ctrl-C
        #[arg(long)]
        foreground: bool,
    },
    /// Stop it; its state stays
    Stop,
    /// Show whether and where it runs
    Status,
    /// Forget everything in it
    Reset,
    Trigger(trigger::Fire),
}

impl Local {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let dir = daemon::state_dir()?;
        let (text, document) = match self.verb {
            Verb::Trigger(fire) => return fire.run(context).await,
            Verb::Start { port, foreground: true } => {
                // The server ends itself on Ctrl-C, in good order.
                let _careful = context.interrupt.carefully();
                let ui = context.ui;
                daemon::run(&dir, port, move |running| {
                    ui.say(&format!("the local cloud answers at {} (Ctrl-C stops it)", running.endpoint));
                })
                .await?;
                ("the local cloud has stopped".to_owned(), json!({"running": false}))
            }
            Verb::Start { port, foreground: false } => {
                let running = daemon::ensure(&dir, port).await?;
                (format!("the local cloud answers at {}", running.endpoint), described(&running))
            }
            Verb::Stop => match daemon::stop(&dir).await? {
                Some(_) => ("the local cloud has stopped; its state is kept".to_owned(), json!({"running": false})),
                None => ("the local cloud is not running".to_owned(), json!({"running": false})),
            },
            Verb::Status => match daemon::status(&dir).await? {
                Some(running) => (
                    format!(
                        "the local cloud answers at {}\nprocess  {}\nversion  {}\nstate    {}\nlog      {}",
                        running.endpoint,
                        running.pid,
                        running.version,
                        running.state_dir.display(),
                        running.log.display()
                    ),
                    described(&running),
                ),
                None => (
                    format!("the local cloud is not running\nstate    {}", dir.display()),
                    json!({"running": false, "state_dir": dir}),
                ),
            },
            Verb::Reset => {
                let reset = daemon::reset(&dir).await?;
                let text = if reset.removed {
                    "the local cloud has forgotten everything"
                } else {
                    "there was nothing to forget"
                };
                (text.to_owned(), json!({"running": reset.running.is_some(), "removed": reset.removed}))
            }
        };
        Ok(Box::new(Said { text, document }))
    }
}

fn described(running: &daemon::Running) -> Value {
    let mut document = serde_json::to_value(running).unwrap_or_default();
    document["running"] = json!(true);
    document
}

struct Said {
    text: String,
    document: Value,
}

impl Report for Said {
    fn text(&self) -> String {
        format!("{}\n", self.text)
    }

    fn json(&self) -> Value {
        self.document.clone()
    }
}
