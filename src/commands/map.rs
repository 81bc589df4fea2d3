//! `rzap map`: a function called for every line of a file, many at once, the results in the order of the lines.
//!
//! At least once: an item whose answer was lost, or not yet written when the run died, is run again. What has a line in
//! the output is not.

mod call;
mod engine;
mod found;
mod input;
mod journal;
mod limit;
mod line;
mod order;
mod output;
mod source;
mod summary;
mod tally;

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::call::Caller;
use self::engine::{Engine, Settings, Stop};
use self::input::Point;
use self::journal::Identity;
use self::output::{Opened, Output};
use self::source::{Shape, Source};
use self::summary::Summary;
use super::context::{Context, one_function, owner_of};
use crate::aws::Cloud;
use crate::deploy::{self, ALIAS};
use crate::error::{Error, OrFailed as _, Result};
use crate::ui::Report;

/// Call a function for every line of a file, many at once; the results are in the order of the lines
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each line of the input is one JSON value and, without --batch, the event of one call. The output has one JSON object per \
item, {\"index\": 0, \"output\": …} or {\"index\": 0, \"error\": {\"source\", \"type\", \"message\"}}; index counts from 0, without \
blank lines.

Run again after a crash or Ctrl-C, the same command does what is left. Items are run at least once: a repeated call, or a \
crash, may run one twice.")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Map {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// The function; may be left out when there is only one
    function: Option<String>,

    /// The items, a JSON value per line: a file, or - for stdin
    #[arg(long, short, value_name = "FILE|-")]
    input: String,

    /// Where the results go: a file, or - for stdout (which no later run can continue)
    #[arg(long, short, value_name = "FILE|-", default_value = "-")]
    output: String,

    /// Calls at once, at most; fewer while Lambda throttles
    #[arg(long, short, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrency: u32,

    /// Send N items in one call, as a JSON array; an array of N answers is taken apart again
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch: Option<u64>,

    /// Write results as they come, not in the order of the input
    #[arg(long)]
    unordered: bool,

    /// Put the item into its result, as `input`
    #[arg(long)]
    with_input: bool,

    /// Calls of an item after one that failed; being throttled does not count
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=100))]
    retries: u32,

    /// Give up a call after so many seconds [default: the function's timeout and a minute]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: Option<u64>,

    /// Stop when N items have failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_failures: Option<u64>,

    /// Stop at the first item that fails: --max-failures 1
    #[arg(long, conflicts_with = "max_failures")]
    fail_fast: bool,

    /// An alias or a version
    #[arg(long, value_name = "Q", default_value = ALIAS)]
    qualifier: String,

    /// Throw away what the output has and begin anew
    #[arg(long)]
    restart: bool,
}

impl Map {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let to_stdout = self.output == "-";
        if to_stdout && context.ui.is_json() {
            return Err(Error::usage("results and the document of --json cannot both go to stdout")
                .hint("name a file: `--output results.jsonl`"));
        }
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        let function = one_function(&stage, self.function.as_deref())?;
        let config = stage.functions.get(&function);
        let source = Source::of(&self.input)?;
        if is_same_file(&self.input, &self.output) {
            return Err(Error::usage("input and output are the same file").hint("name another `--output`"));
        }
        let cloud = context.cloud(&stage).await?;
        let name = deploy::function_name(&owner_of(&stage), &function);
        let identity = Identity {
            rzap_map: 1,
            function: cloud.function_arn(&name),
            qualifier: self.qualifier.clone(),
            batch: self.batch,
            ordered: !self.unordered,
            with_input: self.with_input,
        };
        let concurrency = self.concurrency as usize;
        make_room_for(concurrency)?;

        // What there is goes only for an input that is right.
        let checked = if self.restart { Some(survey(context, &source, None).await?) } else { None };
        let opened = {
            let _spin = context.ui.progress().silent().spin("looking at what is done");
            let (path, restart, ui) = (self.output.clone(), self.restart, context.ui);
            tokio::task::spawn_blocking(move || Output::open(&path, &identity, restart, ui)).await
        };
        let Opened { output, mut found, expected } = opened.or_failed(|| "open the output")??;
        let total = match checked {
            Some(total) => total,
            None => match survey(context, &source, expected).await {
                Ok(total) => total,
                Err(error) => {
                    output.leave()?;
                    return Err(error);
                }
            },
        };
        let resumed = found.items();
        if resumed > 0 {
            context.ui.say(&format!("going on after {resumed} items that are done"));
        }

        let settings = Settings {
            concurrency,
            first: first(&cloud, concurrency),
            retries: self.retries,
            failures: self.max_failures.or(self.fail_fast.then_some(1)),
            ordered: !self.unordered,
            total,
        };
        let longest = config.map_or(900, |config| config.timeout);
        let patience = Duration::from_secs(self.timeout.unwrap_or(u64::from(longest) + 60));
        let streams = config.is_some_and(|config| config.web.stream && config.entry.is_web());
        let caller = Caller::new(&cloud, name, self.qualifier.clone(), &function, &stage.stage, patience);
        let engine = Engine::new(settings, caller.streaming(streams), found.front, std::mem::take(&mut found.tally));

        let shape = Shape { batch: self.batch, with_input: self.with_input };
        let _careful = context.interrupt.carefully();
        context.interrupt.at_work.store(output.can_go_on(), Ordering::Relaxed);
        let began = Instant::now();
        let input = source.start(expected, shape, found)?;
        let ended = engine.run(input, output, &context.interrupt, context.ui.meter()).await?;

        let summary = Summary {
            app: stage.app.clone(),
            stage: stage.stage.clone(),
            function,
            input: self.input,
            output: self.output,
            tally: ended.tally,
            resumed,
            took: began.elapsed(),
            silent: to_stdout,
        };
        let is_worth_saying = ended.stop.is_some() && summary.tally.done() > 0;
        if (to_stdout && ended.stop.is_none()) || is_worth_saying {
            context.ui.say(summary.words().trim_end());
        }
        if let Some(stop) = ended.stop {
            return Err(stopped(&summary, stop, ended.output));
        }
        ended.output.finish()?;
        Ok(Box::new(summary))
    }
}

/// Reads the input to its end, where that is possible, and says how many items it has.
async fn survey(context: &Context, source: &Source, expected: Option<Point>) -> Result<Option<u64>> {
    let _spin = context.ui.progress().silent().spin("checking the input");
    let source = source.clone();
    tokio::task::spawn_blocking(move || source.survey(expected)).await.or_failed(|| "read the input")?
}

fn is_same_file(input: &str, output: &str) -> bool {
    let file = |path: &str| std::fs::metadata(path).ok().filter(Metadata::is_file).map(|file| (file.dev(), file.ino()));
    file(input).is_some_and(|input| file(output) == Some(input))
}

/// The run ended early; the output stays for the next one.
fn stopped(summary: &Summary, stop: Stop, output: Output) -> Error {
    let error = summary.stopped(stop, output.can_go_on());
    match output.leave() {
        Ok(()) => error,
        Err(other) => error.hint(other.to_string()),
    }
}

/// Calls to begin with: all of them, but where the functions run on this very machine it finds out how many are of use.
fn first(cloud: &Cloud, concurrency: usize) -> usize {
    let here = ["://127.", "://localhost", "://[::1]"];
    let is_here = cloud.endpoint.as_ref().is_some_and(|endpoint| here.iter().any(|here| endpoint.contains(here)));
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    if is_here { (2 * processors).min(concurrency) } else { concurrency }
}

/// A connection for each call, and each is an open file.
fn make_room_for(concurrency: usize) -> Result<()> {
    const OTHERS: u64 = 64;
    let needed = concurrency as u64 + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let is_allowed = maximum.is_none_or(|maximum| maximum >= needed);
    if !is_allowed || setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }).is_err() {
        let most = maximum.or(current).unwrap_or_default().saturating_sub(OTHERS);
        return Err(Error::usage(format!("this system allows no {concurrency} connections at once"))
            .hint(format!("`--concurrency {most}` is the most; `ulimit -Hn` is the limit")));
    }
    Ok(())
}
