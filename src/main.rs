//! rzap deploys serverless apps to AWS Lambda, and runs them locally.
//!
//! # The house
//!
//! | room | has |
//! |---|---|
//! | [`commands`] | one file per verb; parses its arguments, returns one report |
//! | [`config`]   | `rzap.yaml` → `StageConfig`, every error at once with its line |
//! | [`package`]  | folder → zip per function, the same bytes every time |
//! | [`deploy`]   | blueprint, plan, apply, release; one file per resource kind |
//! | [`aws`]      | clients, waiting, AWS's errors in words |
//! | [`observe`]  | logs read back from a stage |
//! | [`local`]    | the local cloud: a server that speaks AWS's protocols and runs the functions |
//! | [`ui`]       | the only room that prints |
//! | [`error`]    | kind, message, causes, hints; the kind decides the exit code |
//!
//! # The life of `rzap deploy dev`
//!
//! `main` parses the command line and hands it to `commands::deploy`. That reads `rzap.yaml`
//! (`config`), then does two things side by side: builds the packages (`package`) and looks at what is
//! live (`deploy::discover`). From both comes a blueprint, from blueprint and live a plan, all pure.
//! `deploy::apply` carries the plan out, each step as soon as what it waits for is done; only when all
//! is ready does `deploy::turn_over` move traffic, and the release is written down. The report goes back
//! to `main`, which prints it once and turns it into the exit code.

mod aws;
mod commands;
mod config;
mod deploy;
mod error;
mod local;
mod observe;
mod package;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::{Command, Context, Global, Interrupt};
use crate::error::{Error, Result};
use crate::ui::{Report, Ui};

/// Deploy serverless apps to AWS Lambda in seconds, and run them locally without AWS or Docker
#[derive(Debug, Parser)]
#[command(name = "rzap", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Start with `rzap init`, then `rzap deploy dev --local`.")]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    global: Global,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context::new(cli.global);
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed("failed to start").because(&error))
        .and_then(|runtime| {
            let result = runtime.block_on(run(cli.command, &context));
            // Reads of stdin and the like cannot be cancelled; nobody waits for them.
            runtime.shutdown_background();
            result
        });
    match result {
        Ok(report) => {
            context.ui.report(report.as_ref());
            ExitCode::from(report.exit().map_or(0, error::Kind::exit_code))
        }
        Err(error) => {
            context.ui.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

async fn run(command: Command, context: &Context) -> Result<Box<dyn Report>> {
    let signals = tokio::spawn(listen(context.interrupt.clone(), context.ui));
    let result = tokio::select! {
        result = command.run(context) => result,
        error = context.interrupt.ended() => Err(error),
    };
    context.release().await;
    signals.abort();
    result
}

/// Passes Ctrl-C, SIGTERM and SIGHUP on for as long as a command runs.
async fn listen(interrupt: Interrupt, ui: Ui) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut ctrl_c), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    let mut hangup = if may_hear_hangup() { signal(SignalKind::hangup()).ok() } else { None };
    let mut hung_up = async || match &mut hangup {
        Some(hangup) => hangup.recv().await,
        None => std::future::pending().await,
    };
    loop {
        tokio::select! {
            _ = ctrl_c.recv() => {}
            _ = term.recv() => {}
            _ = hung_up() => {}
        }
        interrupt.signal(|text| ui.say(text));
    }
}

/// False below `nohup`, whom listening would undo, and where that cannot be told.
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn may_hear_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1, the lowest bit.
    ignored.is_some_and(|mask| mask & 1 == 0)
}
