//! `rzap validate`: the whole config, resolved, or everything that is wrong with it.

use serde_json::{Value, json};

use super::context::Context;
use crate::config::StageConfig;
use crate::error::{OrFailed as _, Result};
use crate::ui::Report;

/// Check rzap.yaml and show it resolved, with every default filled in
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// Only this stage [default: all that have a fixed name]
    stage: Option<String>,
}

impl Validate {
    pub(crate) fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let project = context.project()?;
        let names = if let Some(name) = self.stage {
            vec![name]
        } else {
            project.check()?;
            project.stage_names().into_iter().filter(|name| !name.contains('*')).collect()
        };
        // What comes from the environment may be secret: it is shown as `${env.NAME}`.
        let show = |name: &String| project.stage_to_show(Some(name));
        let stages: Vec<StageConfig> = names.iter().map(show).collect::<Result<_>>()?;
        let yaml: Vec<String> = stages
            .iter()
            .map(|stage| serde_yaml::to_string(stage).or_failed(|| "write the config as YAML"))
            .collect::<Result<_>>()?;
        context.ui.say(&format!("{}: no errors", project.root.join("rzap.yaml").display()));
        Ok(Box::new(Valid { stages, yaml }))
    }
}

struct Valid {
    stages: Vec<StageConfig>,
    yaml: Vec<String>,
}

impl Report for Valid {
    fn text(&self) -> String {
        self.yaml.iter().map(|yaml| format!("---\n{}\n", yaml.trim_end())).collect()
    }

    fn json(&self) -> Value {
        json!({"stages": self.stages})
    }
}
