//! The index of commands: one file each, one line each in the list below.
//!
//! A command parses its own arguments, does its work through the other rooms, and returns one report.

mod cache;
mod context;
mod deploy;
mod errors;
mod event;
mod exec;
mod gradual;
mod init;
mod invoke;
mod local;
mod manage;
mod map;
mod package;
mod policy;
mod provisioned;
mod releases;
mod remote;
mod report;
mod rollback;
mod samples;
mod secret;
mod status;
mod tail;
mod templates;
mod undeploy;
mod unlock;
mod update;
mod validate;

pub(crate) use self::context::{Context, Global, Interrupt};
use crate::error::Result;
use crate::ui::Report;

/// What rzap can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Validate(validate::Validate),
    Package(package::Package),
    Policy(policy::Policy),
    Deploy(deploy::Deploy),
    Update(update::Update),
    Status(status::Status),
    Releases(releases::Releases),
    Rollback(rollback::Rollback),
    Invoke(invoke::Invoke),
    Map(map::Map),
    Event(event::Event),
    Exec(exec::Exec),
    Manage(manage::Manage),
    Tail(tail::Tail),
    Errors(errors::Errors),
    Secret(secret::Secret),
    Undeploy(undeploy::Undeploy),
    Unlock(unlock::Unlock),
    Local(local::Local),
    Cache(cache::Cache),
}

impl Command {
    /// Runs the command. What it has to say at its end is the report.
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        match self {
            Self::Init(init) => init.run(context),
            Self::Validate(validate) => validate.run(context),
            Self::Package(package) => package.run(context).await,
            Self::Policy(policy) => policy.run(context),
            Self::Deploy(deploy) => deploy.run(context).await,
            Self::Update(update) => update.run(context).await,
            Self::Status(status) => status.run(context).await,
            Self::Releases(releases) => releases.run(context).await,
            Self::Rollback(rollback) => rollback.run(context).await,
            Self::Invoke(invoke) => invoke.run(context).await,
            Self::Map(map) => map.run(context).await,
            Self::Event(event) => event.run(context),
            Self::Exec(exec) => exec.run(context).await,
            Self::Manage(manage) => manage.run(context).await,
            Self::Tail(tail) => tail.run(context).await,
            Self::Errors(errors) => errors.run(context).await,
            Self::Secret(secret) => secret.run(context).await,
            Self::Undeploy(undeploy) => undeploy.run(context).await,
            Self::Unlock(unlock) => unlock.run(context).await,
            Self::Local(local) => local.run(context).await,
            Self::Cache(cache) => cache.run(),
        }
    }
}
