//! `rzap event`: a sample event for `rzap invoke`, as the service would send it.
//!
//! The shapes are those that AWS documents, cited where they are written. Who sends and which account it is are
//! made up: 123456789012 is the account of AWS's own examples.

mod bus;
mod records;
mod user;
mod web;

use serde_json::Value;

use super::context::Context;
use crate::error::{Error, Result};
use crate::ui::Report;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

/// Print a sample event of a trigger, for `rzap invoke --payload -`
#[derive(Debug, clap::Args)]
pub(crate) struct Event {
    #[command(subcommand)]
    kind: Kind,
}

/// Which service sends.
#[derive(Debug, clap::Subcommand)]
enum Kind {
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

impl Event {
    pub(crate) fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let place = Place { region: context.said_region().unwrap_or(REGION).to_owned() };
        let event = match self.kind {
            Kind::S3(s3) => s3.event(&place),
            Kind::Sqs(sqs) => sqs.event(&place),
            Kind::Sns(sns) => sns.event(&place),
            Kind::Dynamodb(dynamodb) => dynamodb.event(&place)?,
            Kind::Kinesis(kinesis) => kinesis.event(&place),
            Kind::Events(events) => events.event(&place)?,
            Kind::Schedule(schedule) => schedule.event()?,
            Kind::Logs(logs) => logs.event()?,
            Kind::Cognito(cognito) => cognito.event(&place),
            Kind::Http(http) => http.event(&place),
            Kind::Url(url) => url.event(&place),
        };
        Ok(Box::new(Sample(event)))
    }
}

/// Where the event is from.
#[derive(Debug)]
struct Place {
    region: String,
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
