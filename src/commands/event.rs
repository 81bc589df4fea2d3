//! `rzap event`: a sample event for `rzap invoke`, as the service would send it.

use serde_json::Value;

use super::context::Context;
use super::samples::{Kind, Place, REGION};
use crate::error::Result;
use crate::ui::Report;

/// Print a sample event of a trigger, for `rzap invoke --payload -`
#[derive(Debug, clap::Args)]
pub(crate) struct Event {
    #[command(subcommand)]
    kind: Kind,
}

impl Event {
    pub(crate) fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let place = Place { region: context.said_region().unwrap_or(REGION).to_owned() };
        Ok(Box::new(Sample(self.kind.event(&place)?)))
    }
}

/// The event; the same for people and programs.
struct Sample(Value);

impl Report for Sample {
    fn text(&self) -> String {
        format!("{:#}\n", self.0)
    }

    fn json(&self) -> Value {
        self.0.clone()
    }
}
