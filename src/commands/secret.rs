//! `rzap secret`: values that stand in no file, given to parameters and secrets.

use std::io::{IsTerminal as _, Read as _};

use serde_json::{Value, json};

use super::context::{Context, Locking, owner_of};
use crate::config::resources::{Hidden, LENGTH, ResourceConfig};
use crate::config::{self, StageConfig};
use crate::deploy::{self, Any, Owner};
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::Report;

/// Give a parameter or a secret its value, which then stands in no file
#[derive(Debug, clap::Args)]
pub(crate) struct Secret {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Set a value: it is asked for without showing it, or read from stdin
    Set(Set),
}

#[derive(Debug, clap::Args)]
struct Set {
    /// The stage
    stage: String,

    /// The parameter or secret, as rzap.yaml calls it
    name: String,

    /// Make a value up, of letters and digits that nobody gets to see [default: 32 of them]
    #[arg(long, value_name = "CHARACTERS", num_args = 0..=1, default_missing_value = "0", value_parser = clap::value_parser!(u32).range(0..=1024))]
    generate: Option<u32>,

    #[command(flatten)]
    locking: Locking,
}

impl Secret {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let Verb::Set(set) = self.verb;
        let stage = context.stage_to_look_at(Some(&set.stage))?;
        let owner = owner_of(&stage);
        let (holder, length) = holder(&stage, &owner, &set.name)?;
        let value = match set.generate {
            Some(0) => deploy::made_up(length),
            Some(length) => deploy::made_up(length),
            None => asked(context, &set)?,
        };
        let progress = context.ui.progress();
        let spin = progress.spin("looking at what is live");
        let cloud = context.cloud(&stage).await?;
        context.lock(&cloud, &owner, &set.locking, true, &progress).await?;
        let found = deploy::discover(&cloud, &owner, &stage).await?;
        // It may be the first of its kind, and made here.
        found.remember(&cloud, &owner, std::slice::from_ref(&holder)).await?;
        let made = deploy::set_value(&cloud, &holder, &value).await?;
        drop(spin);
        let (key, app, stage) = (holder.key(), stage.app, stage.stage);
        Ok(Box::new(Done { app, stage, name: set.name, key, made }))
    }
}

/// What keeps the value, and how long one is that is made up.
fn holder(stage: &StageConfig, owner: &Owner, name: &str) -> Result<(Any, u32)> {
    let is_holder = |it: &&ResourceConfig| matches!(it, ResourceConfig::Parameter(_) | ResourceConfig::Secret(_));
    let (holder, given, existing) = match stage.resources.get(name).filter(is_holder) {
        Some(ResourceConfig::Parameter(it)) => (deploy::parameter(owner, name, it), &it.given, &it.existing),
        Some(ResourceConfig::Secret(it)) => (deploy::secret(owner, name, it), &it.given, &it.existing),
        _ => {
            let all = stage.resources.iter().filter(|(_, it)| is_holder(it));
            let all: Vec<&str> = all.map(|(name, _)| name.as_str()).collect();
            let near =
                config::suggest::nearest(name, all.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| match all.as_slice() {
                [] => format!("write it into rzap.yaml: `resources: {{ {name}: secret }}`"),
                all => format!("there is {}", config::suggest::list(all)),
            });
            return Err(Error::usage(format!("no parameter or secret `{name}` in stage `{}`", stage.stage)).hint(hint));
        }
    };
    if let Some(existing) = existing {
        return Err(Error::usage(format!("`{name}` is `{existing}`, which is not rzap's to change")));
    }
    if given.value.is_some() {
        return Err(Error::usage(format!("the value of `{name}` comes from rzap.yaml"))
            .hint("change it there and deploy, or remove `value` from it: the next deploy would put it back"));
    }
    Ok((holder, given.generate.unwrap_or(LENGTH)))
}

fn asked(context: &Context, set: &Set) -> Result<Hidden> {
    let text = if std::io::stdin().is_terminal() {
        let asked = context.ui.ask_hidden(&format!("Value of {}: ", set.name))?;
        asked.ok_or_else(|| {
            Error::usage("nobody is there to ask for the value")
                .hint(format!("pipe it: `… | rzap secret set {} {}`", set.stage, set.name))
        })?
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).or_failed(|| "read the value from stdin")?;
        // What `echo` and editors put at the end belongs to no password.
        let line = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
        line.map(str::to_owned).unwrap_or(text)
    };
    if text.is_empty() {
        return Err(Error::usage("the value is empty").hint("nothing was changed"));
    }
    Ok(Hidden::new(text))
}

struct Done {
    app: String,
    stage: String,
    name: String,
    key: deploy::Key,
    made: bool,
}

impl Report for Done {
    fn text(&self) -> String {
        let Self { app, stage, key, made, .. } = self;
        let how = if *made { "made, with the value" } else { "has the new value" };
        format!("{app} {stage}: {key} {how}\nfunctions that keep what they have read see it after their next start\n")
    }

    fn json(&self) -> Value {
        let Self { app, stage, name, key, made } = self;
        json!({"app": app, "stage": stage, "name": name, "kind": key.kind, "aws_name": key.name, "created": made})
    }
}
