//! `rzap invoke`: one call of a function, or one request to its front; the answer on stdout, exactly.

mod call;
mod event;
mod failure;
mod http;
mod sink;
mod stream;

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use base64::Engine as _;

use self::sink::Sink;
use super::context::{Context, one_function, owner_of};
use super::samples::{Place, REGION};
use crate::aws::Cloud;
use crate::config::StageConfig;
use crate::deploy::{self, ALIAS};
use crate::error::{Error, Result};
use crate::ui::Report;

/// Call a function, or send a request to it: the answer goes to stdout, exactly as it came
///
/// On a terminal, JSON is laid out and what is no text is not shown; in a pipe or a file the answer is untouched.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags")]
pub(crate) struct Invoke {
    /// The stage; may be left out when there is only one
    stage: Option<String>,

    /// The function; may be left out when there is only one
    function: Option<String>,

    #[command(flatten)]
    event: event::Input,

    /// Do not wait for the answer
    #[arg(long = "async", conflicts_with_all = ["logs", "stream", "dry_run", "client_context", "output"])]
    asynchronous: bool,

    /// Do not run it: say whether it is there and may be called
    #[arg(long, conflicts_with_all = ["logs", "stream", "output"])]
    dry_run: bool,

    /// Show the answer while it is made
    #[arg(long)]
    stream: bool,

    /// An alias or a version [default: live]
    #[arg(long, value_name = "Q")]
    qualifier: Option<String>,

    /// What the function finds in its context's `client_context`
    #[arg(long, value_name = "JSON|@FILE|-")]
    client_context: Option<String>,

    /// Show the end of the log (4 KB) on stderr
    #[arg(long)]
    logs: bool,

    /// Write the answer to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    http: http::Flags,
}

impl Invoke {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(self.stage.as_deref())?;
        if let Some(wanted) = self.http.wanted()? {
            return self.request(context, &stage, wanted).await;
        }
        if self.http.include && !self.stream {
            return Err(Error::usage("`--include` is for requests and streams").hint("add `--http` or `--stream`"));
        }
        let function = one_function(&stage, self.function.as_deref())?;
        let region = context.said_region().or(stage.region.as_deref()).unwrap_or(REGION);
        let most = if self.asynchronous { event::MOST_ASYNCHRONOUS } else { event::MOST_SYNCHRONOUS };
        let payload = self.event.read(&Place { region: region.to_owned() }, most)?;
        let client_context = self.client_context.as_deref().map(event::client_context).transpose()?;
        let sink = Sink::open(context.ui, self.output.as_deref())?;
        let cloud = context.cloud(&stage).await?;
        let target = Target::new(context, (&cloud, &stage), function, self.qualifier);
        if self.asynchronous || self.dry_run {
            return call::unanswered(&target, payload, self.dry_run).await;
        }
        let asked = Asked { payload, client_context, logs: self.logs };
        if self.stream {
            stream::run(&target, asked, sink, self.http.include).await
        } else {
            call::run(&target, asked, sink).await
        }
    }

    /// A request, through the front or past it.
    async fn request(self, context: &Context, stage: &StageConfig, wanted: http::Wanted) -> Result<Box<dyn Report>> {
        let function = http::function(stage, self.function.as_deref(), self.http.direct)?;
        let direct = self.http.is_direct(function, (self.qualifier.is_some(), self.logs), &stage.stage)?;
        let sink = Sink::open(context.ui, self.output.as_deref())?;
        let cloud = context.cloud(stage).await?;
        let target = Target::new(context, (&cloud, stage), function.name.clone(), self.qualifier);
        let page = http::Page { sink, include: self.http.include };
        if direct {
            http::past_the_front(&target, function, wanted, page, self.logs).await
        } else {
            http::through_the_front(&target, function, wanted, page, self.http.location).await
        }
    }
}

/// What a function is asked.
#[derive(Debug)]
struct Asked {
    payload: Vec<u8>,
    /// In base64.
    client_context: Option<String>,
    logs: bool,
}

/// Whom it is about.
struct Target<'a> {
    context: &'a Context,
    cloud: &'a Cloud,
    stage: &'a StageConfig,
    /// The name in the config.
    function: String,
    /// The name on AWS.
    name: String,
    qualifier: String,
}

impl<'a> Target<'a> {
    fn new(
        context: &'a Context,
        (cloud, stage): (&'a Cloud, &'a StageConfig),
        function: String,
        qualifier: Option<String>,
    ) -> Self {
        let name = deploy::function_name(&owner_of(stage), &function);
        Self { context, cloud, stage, function, name, qualifier: qualifier.unwrap_or_else(|| ALIAS.to_owned()) }
    }

    /// The longest that the function may run.
    fn timeout(&self) -> Duration {
        let seconds = self.stage.functions.get(&self.function).map_or(900, |config| config.timeout);
        Duration::from_secs(u64::from(seconds))
    }

    /// As long as it takes, and never again by itself: a repeated call after a lost answer would run the function
    /// twice. A stream in which nothing moves for a while is healthy.
    fn once(&self) -> aws_sdk_lambda::config::Builder {
        let patience = TimeoutConfig::builder().read_timeout(self.timeout() + Duration::from_mins(1)).build();
        aws_sdk_lambda::config::Config::builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(patience)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
    }

    /// Whether the function's answers have a head of HTTP in front of them when nobody reads them as a stream.
    fn streams(&self) -> bool {
        self.stage.functions.get(&self.function).is_some_and(|config| config.web.stream && config.entry.is_web())
    }

    /// The end of a log, as AWS sends it.
    fn log(encoded: &str) -> String {
        let log = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}
