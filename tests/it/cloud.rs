//! A cloud as others see it: through boto3 and the AWS CLI.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process;
use crate::tools::TOOLS;

const LIMIT: Duration = Duration::from_secs(100);

/// What every script starts with. It is run with `ENDPOINT` set and answers with one JSON document.
const PRELUDE: &str = r#"
import io, json, os, sys, time, zipfile
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def client(service, region="eu-west-1"):
    return boto3.client(service, endpoint_url=os.environ["ENDPOINT"], region_name=region,
                        aws_access_key_id="test", aws_secret_access_key="test",
                        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}))

def every(service, operation, key, **kwargs):
    return [item for page in client(service).get_paginator(operation).paginate(**kwargs) for item in page.get(key, [])]

def answer(value):
    print(json.dumps(value, default=str, sort_keys=True))

def package(**files):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return body.getvalue()
"#;

/// Everything a stage could leave behind.
const INVENTORY: &str = r#"
s3 = client("s3")
apis = client("apigateway").get_rest_apis(limit=500)["items"]
buses = [bus["Name"] for bus in client("events").list_event_buses()["EventBuses"]]
buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
def unless_unsupported(service, operation, key, **kwargs):
    # The local cloud has not all of them; then there is nothing either.
    try:
        return every(service, operation, key, **kwargs)
    except ClientError as error:
        if "not supported by the local cloud" in str(error):
            return []
        raise

stacks = [item["StackName"] for item in unless_unsupported("cloudformation", "list_stacks", "StackSummaries")
          if item["StackStatus"] != "DELETE_COMPLETE"]
answer({
    "layers": [item["LayerName"] for item in every("lambda", "list_layers", "Layers")],
    "functions": [item["FunctionName"] for item in every("lambda", "list_functions", "Functions")],
    "roles": [item["RoleName"] for item in every("iam", "list_roles", "Roles")],
    "log groups": [item["logGroupName"] for item in every("logs", "describe_log_groups", "logGroups")],
    "apis": [item["name"] for item in apis],
    "http apis": [item["Name"] for item in client("apigatewayv2").get_apis()["Items"]],
    "schedules": [item["Name"] for item in every("scheduler", "list_schedules", "Schedules")],
    "schedule groups": [item["Name"] for item in every("scheduler", "list_schedule_groups", "ScheduleGroups")
                        if item["Name"] != "default" and item["State"] == "ACTIVE"],
    "event buses": [name for name in buses if name != "default"],
    "rules": [item["Name"] for name in buses for item in every("events", "list_rules", "Rules", EventBusName=name)],
    "parameters": [item["Name"] for item in every("ssm", "describe_parameters", "Parameters")],
    "secrets": [item["Name"] for item in every("secretsmanager", "list_secrets", "SecretList")],
    "queues": every("sqs", "list_queues", "QueueUrls"),
    "topics": [item["TopicArn"] for item in every("sns", "list_topics", "Topics")],
    "subscriptions": [item["Endpoint"] for item in every("sns", "list_subscriptions", "Subscriptions")],
    "alarms": [item["AlarmName"] for item in every("cloudwatch", "describe_alarms", "MetricAlarms")],
    "metric filters": [item["filterName"] for item in every("logs", "describe_metric_filters", "metricFilters")],
    "tables": every("dynamodb", "list_tables", "TableNames"),
    "event sources": [item["EventSourceArn"] for item in every("lambda", "list_event_source_mappings", "EventSourceMappings")
                      if item["State"] != "Deleting"],
    "stacks": stacks,
    "state machines": [item["name"] for item in unless_unsupported("stepfunctions", "list_state_machines", "stateMachines")
                       if client("stepfunctions").describe_state_machine(stateMachineArn=item["stateMachineArn"])["status"] == "ACTIVE"],
    "user pools": [item["Name"] for item in unless_unsupported("cognito-idp", "list_user_pools", "UserPools", MaxResults=60)],
    "buckets": buckets,
    "objects": [item["Key"] for name in buckets for item in every("s3", "list_objects_v2", "Contents", Bucket=name)],
})
"#;

/// An endpoint that speaks AWS's protocols.
pub(crate) struct Cloud {
    pub(crate) endpoint: String,
    home: PathBuf,
}

impl Cloud {
    pub(crate) fn new(endpoint: &str, home: PathBuf) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), home }
    }

    /// Runs a script with boto3; `client(service)`, `every(…)` and `answer(value)` are there.
    #[track_caller]
    pub(crate) fn boto(&self, script: &str) -> Value {
        let mut command = self.command("python3");
        command.args(["-c", &format!("{PRELUDE}\n{script}")]);
        let done = checked(&mut command, script);
        if done.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&done)
            .unwrap_or_else(|error| panic!("the script did not answer with JSON: {error}\n{done}"))
    }

    /// What is there: functions, roles, log groups, APIs, buckets, objects.
    #[track_caller]
    pub(crate) fn inventory(&self) -> Value {
        self.boto(INVENTORY)
    }

    /// Fails the test unless nothing is there that a stage could have left behind.
    #[track_caller]
    pub(crate) fn is_empty(&self) {
        assert_eq!(self.inventory(), nothing());
    }

    /// Runs a Python file of this folder with the endpoint as its argument; its stdout.
    #[track_caller]
    pub(crate) fn script(&self, name: &str) -> String {
        self.script_with(name, &[])
    }

    /// The same with further arguments.
    #[track_caller]
    pub(crate) fn script_with(&self, name: &str, arguments: &[&str]) -> String {
        let file = crate::tools::repository().join("tests/it/clients").join(name);
        let mut command = self.command("python3");
        command.arg(file).arg(&self.endpoint).args(arguments);
        checked(&mut command, name)
    }

    /// `aws …`; its stdout.
    #[track_caller]
    pub(crate) fn aws(&self, arguments: &[&str]) -> String {
        let mut command = self.command("aws");
        command.args(arguments);
        checked(&mut command, &arguments.join(" "))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = TOOLS.command(program);
        command.current_dir(&self.home).env("HOME", &self.home).env("ENDPOINT", &self.endpoint);
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_DEFAULT_REGION", "eu-west-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_PAGER", "");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }
}

/// The inventory of a cloud in which nothing is.
pub(crate) fn nothing() -> Value {
    let named = |line: &'static str| line.strip_prefix("    \"")?.split_once("\":").map(|(name, _)| name.to_owned());
    let empty = Value::Array(Vec::new());
    Value::Object(INVENTORY.lines().filter_map(named).map(|name| (name, empty.clone())).collect())
}

#[track_caller]
fn checked(command: &mut Command, what: &str) -> String {
    let done = process::run(command, LIMIT);
    let stdout = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    let program = command.get_program().to_string_lossy();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{program} failed: {}\n{what}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
        done.status
    );
    stdout
}
