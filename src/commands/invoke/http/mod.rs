//! `--http`: a request as a client of the stage would send it, or, past the front, the event that would come of it.
//! Both ways look the same from outside.
//!
//! The exit code is that of `curl --fail`: 1 from status 400 on, though the body is shown.

mod direct;
mod front;
mod request;
mod shown;

use super::Sink;
use crate::config::{FunctionConfig, Http, StageConfig, suggest};
use crate::error::{Error, Result};

pub(super) use self::direct::past_the_front;
pub(super) use self::front::through_the_front;
pub(super) use self::request::Wanted;
pub(super) use self::shown::{head_text, headers_json};

/// What says how a request looks and goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct Flags {
    /// Send a request to where the stage answers: `--http /path?x=1`, `--http POST /path`; without a front, or with
    /// `--direct`, the function is called with the event that would come of it. Exits 1 when the status is 400 or more
    #[arg(long, value_name = "[METHOD] PATH", num_args = 1..=2,
          conflicts_with_all = ["payload", "event", "asynchronous", "dry_run", "stream", "client_context"])]
    http: Vec<String>,

    /// A header of the request; may come several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", requires = "http")]
    headers: Vec<String>,

    /// The request's body; its method is POST then if none is said
    #[arg(short, long, value_name = "DATA|@FILE|-", requires = "http")]
    data: Option<String>,

    /// Show status and headers, too (also with --stream)
    #[arg(short, long)]
    pub(super) include: bool,

    /// Follow redirects
    #[arg(short = 'L', long, requires = "http", conflicts_with = "direct")]
    pub(super) location: bool,

    /// Past the front: call the function itself
    #[arg(long, requires = "http")]
    pub(super) direct: bool,
}

impl Flags {
    /// The request, if one is wanted.
    pub(super) fn wanted(&self) -> Result<Option<Wanted>> {
        if self.http.is_empty() {
            return Ok(None);
        }
        Wanted::read(&self.http, &self.headers, self.data.as_deref()).map(Some)
    }

    /// Whether the request goes past the front.
    ///
    /// # Errors
    /// A qualifier or the log is wanted, neither of which a front knows.
    pub(super) fn is_direct(
        &self,
        function: &FunctionConfig,
        (qualifier, logs): (bool, bool),
        stage: &str,
    ) -> Result<bool> {
        if self.direct || function.front().is_none() {
            return Ok(true);
        }
        if qualifier {
            return Err(Error::usage("`--qualifier` does nothing here: what is in front calls the alias `live`")
                .hint("with `--direct` the function itself is called"));
        }
        if logs {
            let hint = format!("with `--direct` the function itself is called; `rzap tail {stage}` shows all logs");
            return Err(Error::usage("`--logs` does nothing here: what is in front passes no log on").hint(hint));
        }
        Ok(false)
    }
}

/// Where an answer goes.
pub(super) struct Page {
    pub(super) sink: Sink,
    pub(super) include: bool,
}

/// The function that a request goes to: the named one, the only one, or one of those behind the stage's only front.
///
/// # Errors
/// It has to be named, or there is none of that name.
pub(super) fn function<'a>(stage: &'a StageConfig, name: Option<&str>, direct: bool) -> Result<&'a FunctionConfig> {
    if name.is_none() && stage.functions.len() > 1 {
        let open: Vec<&FunctionConfig> = stage.functions.values().filter(|it| it.front().is_some()).collect();
        let shared = !direct && open.iter().all(|it| it.front() == open[0].front() && it.front() != Some(Http::Url));
        return match open.as_slice() {
            [one] => Ok(one),
            [first, ..] if shared => Ok(first),
            // Of an API and all else, which one is meant?
            several => {
                let all = stage.functions.values().map(|it| it.name.as_str());
                let names: Vec<&str> = if several.is_empty() {
                    all.collect()
                } else {
                    several.iter().map(|it| it.name.as_str()).collect()
                };
                Err(Error::usage("which function?").hint(format!("name one: {}", suggest::list(&names))))
            }
        };
    }
    let name = crate::commands::context::one_function(stage, name)?;
    // Just checked.
    stage.functions.get(&name).ok_or_else(|| Error::usage(format!("no function `{name}`")))
}
