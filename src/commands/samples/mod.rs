//! Events as the services that wake a function would send them: for `rzap event`, and for triggers that are fired by hand.
//!
//! The shapes are those that AWS documents, cited where they are written. Who sends and which account it is are
//! made up: 123456789012 is the account of AWS's own examples.

mod bus;
mod records;
mod user;
mod web;

use clap::Parser as _;
use serde_json::Value;

use crate::error::{Error, Result};

const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "us-east-1";

/// Which service sends.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Kind {
    S3(records::S3),
    Sqs(records::Sqs),
    Sns(records::Sns),
    Dynamodb(records::DynamoDb),
    Kinesis(records::Kinesis),
    Events(bus::Events),
    Schedule(bus::Schedule),
    Logs(bus::Logs),
    Cognito(user::Cognito),
    Http(web::Http),
    Url(web::Url),
}

/// A kind with its flags, as they stand in a command line.
#[derive(Debug, clap::Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(subcommand)]
    kind: Kind,
}

impl Kind {
    /// The event.
    pub(super) fn event(self, place: &Place) -> Result<Value> {
        Ok(match self {
            Self::S3(s3) => s3.event(place),
            Self::Sqs(sqs) => sqs.event(place),
            Self::Sns(sns) => sns.event(place),
            Self::Dynamodb(dynamodb) => dynamodb.event(place)?,
            Self::Kinesis(kinesis) => kinesis.event(place),
            Self::Events(events) => events.event(place)?,
            Self::Schedule(schedule) => schedule.event()?,
            Self::Logs(logs) => logs.event()?,
            Self::Cognito(cognito) => cognito.event(place),
            Self::Http(http) => http.event(place),
            Self::Url(url) => url.event(place),
        })
    }
}

/// The event that `rzap event` with these words would print.
///
/// # Errors
/// There is no such kind or flag.
pub(super) fn sample(words: &[String], place: &Place) -> Result<Value> {
    let parsed = Words::try_parse_from(words).map_err(|error| {
        let text = error.render().to_string();
        let mut wrong = Error::usage(format!("`{}` is no sample event", words.join(" ")));
        // The rest of it speaks of a command line that is not this one.
        wrong.causes.extend(text.lines().next().map(|line| line.trim_start_matches("error: ").to_owned()));
        let kind = words.first().filter(|_| error.kind() != clap::error::ErrorKind::InvalidSubcommand);
        let kind = kind.map(|kind| format!(" {kind}")).unwrap_or_default();
        wrong.hint(format!("`rzap event{kind} --help` shows what there is"))
    });
    parsed?.kind.event(place)
}

/// Where the event is from.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) region: String,
}

impl Place {
    fn arn(&self, service: &str, what: &str) -> String {
        format!("arn:aws:{service}:{}:{ACCOUNT}:{what}", self.region)
    }
}

/// JSON that a flag gives.
fn json_of(flag: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::usage(format!("what `{flag}` says is not JSON")).because(&error))
}

fn id() -> String {
    uuid::Uuid::new_v4().to_string()
}
