//! `rzap policy`: what functions may do, and what whoever runs rzap has to be allowed. Asks no cloud.

mod document;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::context::Context;
use crate::config::{Project, Role, StageConfig};
use crate::deploy::{self, Drawn, MANAGED_LIMIT, Place, Scope};
use crate::error::{Error, Result};
use crate::ui::{self, Report, Table};

/// Show what each function of a stage may do, or what whoever runs rzap needs
#[derive(Debug, clap::Args)]
pub(crate) struct Policy {
    /// The stage; may be left out when there is only one, and with --deployer
    stage: Option<String>,

    /// The least policy for whoever runs rzap on this app, as a JSON document for IAM; with a stage: on that one alone
    #[arg(long)]
    deployer: bool,

    /// The account's id, for ARNs [default: *]
    #[arg(long, value_name = "ID", default_value = "*", hide_default_value = true, value_parser = account)]
    account: String,
}

/// Twelve digits, or `*`.
fn account(text: &str) -> std::result::Result<String, String> {
    let well = text == "*" || (text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit()));
    if well { Ok(text.to_owned()) } else { Err("an account id has twelve digits".to_owned()) }
}

impl Policy {
    pub(crate) fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let project = context.project()?;
        if self.deployer { self.for_deployer(context, &project) } else { self.of_functions(context, &project) }
    }

    fn for_deployer(&self, context: &Context, project: &Project) -> Result<Box<dyn Report>> {
        let stages: Vec<StageConfig> = if let Some(name) = &self.stage {
            vec![project.stage_to_look_at(Some(name))?]
        } else {
            // A pattern stands for stages that all need the same.
            let names = project.stage_names().into_iter().map(|name| name.replace('*', "x"));
            names.map(|name| project.stage_to_look_at(Some(&name))).collect::<Result<_>>()?
        };
        let regions: Vec<String> = stages.iter().map(|stage| context.region(stage)).collect();
        let scopes = stages.iter().zip(&regions).map(|(config, region)| Scope {
            config,
            alone: self.stage.is_some(),
            account: &self.account,
            region,
        });
        let policies = deploy::policies(&scopes.collect::<Vec<_>>());
        if policies.len() > 1 {
            let size: usize = policies.iter().map(deploy::size).sum();
            context.ui.say(&format!(
                "{} characters are more than the {} of one managed policy: this is a list of {}, all of which are needed",
                ui::count(size),
                ui::count(MANAGED_LIMIT),
                policies.len()
            ));
        }
        Ok(Box::new(ForDeployer { policies }))
    }

    fn of_functions(&self, context: &Context, project: &Project) -> Result<Box<dyn Report>> {
        let stage = project.stage_to_show(self.stage.as_deref())?;
        let region = context.region(&stage);
        let partition = deploy::partition(&region).to_owned();
        let place = Place { account: self.account.clone(), region, partition, endpoint: None };
        let roles =
            deploy::roles(&stage, &place).map_err(|error| Error { kind: crate::error::Kind::Usage, ..error })?;
        Ok(Box::new(OfFunctions { stage, place, roles }))
    }
}

/// One document, or a list of them.
struct ForDeployer {
    policies: Vec<Value>,
}

impl Report for ForDeployer {
    fn text(&self) -> String {
        format!("{}\n", document::pretty(&self.json()))
    }

    fn json(&self) -> Value {
        match self.policies.as_slice() {
            [only] => only.clone(),
            several => json!(several),
        }
    }
}

/// Actions in one line, with the name of their service once: `sqs:SendMessage, GetQueueUrl`.
fn joined(actions: &[String]) -> String {
    let mut service = "";
    let mut line = String::new();
    for action in actions {
        let (of, name) = action.split_once(':').unwrap_or(("", action));
        line.push_str(if line.is_empty() { "" } else { ", " });
        line.push_str(if of == service { name } else { action });
        service = of;
    }
    line
}

struct OfFunctions {
    stage: StageConfig,
    place: Place,
    roles: Vec<Drawn>,
}

impl OfFunctions {
    /// An ARN without what all of the stage have: partition, region and account.
    fn short(&self, arn: &str) -> String {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let near = |part: &str, own: &str| part.is_empty() || part == own;
        match parts.as_slice() {
            ["arn", _, _, region, account, rest]
                if near(region, &self.place.region) && near(account, &self.place.account) =>
            {
                (*rest).to_owned()
            }
            _ => arn.to_owned(),
        }
    }

    /// Functions with a role that somebody else has made, and its ARN.
    fn brought(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stage.functions.values().filter_map(|function| match &function.role {
            Role::Arn(arn) => Some((function.name.as_str(), arn.as_str())),
            Role::Own | Role::Shared => None,
        })
    }
}

impl Report for OfFunctions {
    /// One line for each thing and each reason, with all that may be done with it.
    fn text(&self) -> String {
        let mut table = Table::new(["function", "may", "on", "because of"]);
        let mut seen: BTreeSet<[String; 4]> = BTreeSet::new();
        for drawn in &self.roles {
            let who = drawn.functions.join(", ");
            let mut things: Vec<((String, String), Vec<String>)> = Vec::new();
            for grant in &drawn.grants {
                for (what, on) in document::lines(&grant.statement) {
                    let thing = (self.short(&on), grant.because.clone());
                    match things.iter_mut().find(|(known, _)| *known == thing) {
                        Some((_, all)) if all.contains(&what) => {}
                        Some((_, all)) => all.push(what),
                        None => things.push((thing, vec![what])),
                    }
                }
            }
            let row = |((on, because), all): ((String, String), Vec<String>)| [who.clone(), joined(&all), on, because];
            let mut rows: Vec<[String; 4]> = things.into_iter().map(row).collect();
            for arn in &drawn.role.attached_policies {
                rows.push([who.clone(), "what it says".to_owned(), arn.clone(), "policies".to_owned()]);
            }
            if let Some(arn) = &drawn.role.permissions_boundary {
                rows.push([who.clone(), "no more than".to_owned(), arn.clone(), "permissions_boundary".to_owned()]);
            }
            rows.into_iter().filter(|row| seen.insert(row.clone())).for_each(|row| table.row(row));
        }
        for (function, arn) in self.brought() {
            table.row([function.to_owned(), "what it may".to_owned(), arn.to_owned(), "role".to_owned()]);
        }
        table.text()
    }

    fn json(&self) -> Value {
        let known = self.place.region != "*";
        let made = self.roles.iter().map(|drawn| {
            let role = &drawn.role;
            json!({
                // Where the region is not known, neither is the name.
                "role": known.then_some(&role.name),
                "functions": drawn.functions,
                "trust": role.trust,
                "policy": role.policy,
                "managed_policies": role.attached_policies,
                "permissions_boundary": role.permissions_boundary,
            })
        });
        let brought =
            self.brought().map(|(function, arn)| json!({"role": arn, "functions": [function], "policy": null}));
        json!({"app": self.stage.app, "stage": self.stage.stage, "roles": made.chain(brought).collect::<Vec<_>>()})
    }
}
