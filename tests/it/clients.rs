//! The local cloud judged by clients that nobody here wrote: boto3 and the AWS CLI.

use std::fs;

use serde_json::{Value, json};

use crate::emulator::{Emulator, free_port};
use crate::world::World;

#[test]
fn boto3_finds_s3_iam_and_sts_as_aws_has_them() {
    let world = World::new();
    world.local().script("s3_iam_sts.py");
}

#[test]
fn boto3_hears_of_what_happens_in_buckets_as_from_aws() {
    let world = World::new();
    world.local().script("s3_notifications.py");
}

#[test]
fn boto3_finds_lambda_as_aws_has_it() {
    let world = World::new();
    world.local().script("lambda.py");
}

#[test]
fn boto3_finds_asynchronous_calls_and_concurrency_as_aws_has_them() {
    let world = World::new();
    world.local().script("lambda_asynchronous.py");
}

#[test]
fn boto3_finds_api_gateway_as_aws_has_it() {
    let world = World::new();
    world.local().script("apigateway.py");
}

#[test]
fn boto3_finds_http_apis_as_aws_has_them() {
    let world = World::new();
    world.local().script("apigatewayv2.py");
}

#[test]
fn http_apis_serve_as_on_aws() {
    let world = World::new();
    world.local().script("http_traffic.py");
}

#[test]
fn boto3_finds_cloudwatch_logs_as_aws_has_them() {
    let world = World::new();
    world.local().script("logs.py");
}

#[test]
fn boto3_follows_logs_live_as_on_aws() {
    let world = World::new();
    world.local().script("live_tail.py");
}

#[test]
fn boto3_finds_cloudwatch_alarms_as_aws_has_them() {
    let world = World::new();
    world.local().script("cloudwatch.py");
}

#[test]
fn boto3_finds_cloudwatch_metrics_as_aws_has_them() {
    let world = World::new();
    world.local().script("cloudwatch_metrics.py");
}

#[test]
fn boto3_finds_sns_as_aws_has_it() {
    let world = World::new();
    world.local().script("sns.py");
}

#[test]
fn alarms_act_as_on_aws() {
    let world = World::new();
    world.local().script("alarm_actions.py");
}

/// What both have; `MiniStack` shows an empty description, and deletes alarms that are not there.
const WATCHED: &str = r#"
from datetime import datetime, timedelta, timezone
watch = client("cloudwatch")
metric = {"Namespace": "N", "MetricName": "M"}
watch.put_metric_alarm(
    AlarmName="a", AlarmDescription="d", Statistic="Sum", Period=60, EvaluationPeriods=2, DatapointsToAlarm=1, Threshold=1.5,
    ComparisonOperator="LessThanThreshold", TreatMissingData="ignore", Unit="Count", Dimensions=[{"Name": "x", "Value": "y"}],
    AlarmActions=["arn:aws:sns:eu-west-1:000000000000:t"], Tags=[{"Key": "k", "Value": "v"}], **metric)
watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="r", StateReasonData="{}")
watch.disable_alarm_actions(AlarmNames=["a"])
(alarm,) = watch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
tags = watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
alarm = {key: value for key, value in alarm.items() if not key.endswith("Timestamp")}

minute = timedelta(minutes=1)
now = datetime.now(timezone.utc).replace(second=0, microsecond=0)
def put(**datum):
    watch.put_metric_data(Namespace="N", MetricData=[{"Timestamp": now - minute, **datum}])
put(MetricName="D", Value=1.0, Unit="Count")
put(MetricName="D", Value=5.0, Unit="Count", Timestamp=now - timedelta(seconds=30))
put(MetricName="D", Value=7.0, Unit="Count", Timestamp=now - 3 * minute)
put(MetricName="V", Values=[1.0, 2.0], Counts=[2.0, 1.0])
put(MetricName="S", StatisticValues={"SampleCount": 2.0, "Sum": 5.0, "Minimum": 1.0, "Maximum": 4.0})
span = {"StartTime": now - 5 * minute, "EndTime": now}
def points(name):
    kinds = ["Sum", "Average", "Minimum", "Maximum", "SampleCount"]
    found = watch.get_metric_statistics(Namespace="N", MetricName=name, Period=60, Statistics=kinds, **span)["Datapoints"]
    return sorted(({**point, "Timestamp": (point["Timestamp"] - now).total_seconds()} for point in found), key=str)
query = {"Id": "q", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "D"}, "Period": 60, "Stat": "Sum"}}
(data,) = watch.get_metric_data(MetricDataQueries=[query], ScanBy="TimestampAscending", **span)["MetricDataResults"]
def code(call, **arguments):
    try:
        return call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
answer([alarm, tags, [points(name) for name in "DVS"], data["Values"], data["StatusCode"],
        sorted(one["MetricName"] for one in watch.list_metrics(Namespace="N")["Metrics"]),
        code(watch.set_alarm_state, AlarmName="none", StateValue="OK", StateReason="x")])
"#;

#[test]
fn alarms_and_metrics_are_as_ministack_has_them() {
    let world = World::new();
    let emulator = Emulator::ministack();
    let ours = world.local().boto(WATCHED);
    assert_eq!(ours[3], json!([7.0, 6.0]));
    assert_eq!(ours, emulator.cloud().boto(WATCHED));
}

#[test]
fn the_aws_cli_makes_an_alarm_that_survives_a_restart() {
    let world = World::new();
    // Not the port that all others try first: one of them could take it while this cloud is stopped.
    world.run(&format!("local start --port {}", free_port())).success();
    let cloud = world.local();
    let put = "cloudwatch put-metric-alarm --alarm-name errors --namespace AWS/Lambda --metric-name Errors --statistic Sum \
               --period 60 --evaluation-periods 2 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold \
               --dimensions Name=FunctionName,Value=web --tags Key=team,Value=a";
    cloud.aws(&put.split_whitespace().collect::<Vec<_>>());
    let set = "cloudwatch set-alarm-state --alarm-name errors --state-value ALARM --state-reason tried";
    cloud.aws(&set.split_whitespace().collect::<Vec<_>>());
    let shown = || -> Value {
        let words = ["cloudwatch", "describe-alarms", "--alarm-names", "errors", "--output", "json"];
        serde_json::from_str(&world.local().aws(&words)).expect("JSON")
    };
    let before = shown();
    let alarm = &before["MetricAlarms"][0];
    assert_eq!((&alarm["StateValue"], &alarm["Threshold"]), (&json!("ALARM"), &json!(1.0)));
    assert_eq!(alarm["Dimensions"], json!([{ "Name": "FunctionName", "Value": "web" }]));

    world.run("local stop").success();
    world.run("local start").success();
    assert_eq!(shown(), before);
    world.local().aws(&["cloudwatch", "delete-alarms", "--alarm-names", "errors"]);
    assert_eq!(shown()["MetricAlarms"], json!([]));
}

#[test]
fn boto3_finds_eventbridge_scheduler_as_aws_has_it() {
    let world = World::new();
    world.local().script("scheduler.py");
}

#[test]
fn boto3_finds_eventbridge_as_aws_has_it() {
    let world = World::new();
    world.local().script("events.py");
}

#[test]
fn schedules_call_queues_and_buses_as_on_aws() {
    let world = World::new();
    world.local().script("scheduler_targets.py");
}

#[test]
fn log_subscriptions_call_functions_as_on_aws() {
    let world = World::new();
    world.local().script("log_subscriptions.py");
}

#[test]
fn boto3_finds_sqs_as_aws_has_it() {
    let world = World::new();
    world.local().script("sqs.py");
}

#[test]
fn boto3_finds_parameter_store_as_aws_has_it() {
    let world = World::new();
    world.local().script("ssm.py");
}

#[test]
fn boto3_finds_secrets_manager_as_aws_has_it() {
    let world = World::new();
    world.local().script("secretsmanager.py");
}

#[test]
fn ten_thousand_messages_go_through_a_queue() {
    let world = World::new();
    world.local().script("sqs_many.py");
}

#[test]
fn boto3_finds_event_source_mappings_as_aws_has_them() {
    let world = World::new();
    world.local().script("mappings.py");
}

#[test]
fn queues_call_functions_as_on_aws() {
    let world = World::new();
    world.local().script("mappings_running.py");
}

#[test]
fn the_aws_cli_sends_receives_and_moves_messages() {
    let world = World::new();
    let cloud = world.local();
    // Version 1 of the CLI has an address of its own for SQS, which `AWS_ENDPOINT_URL` does not change.
    let sqs = |operation: &str, arguments: &[&str]| {
        cloud.aws(&[&["sqs", operation, "--endpoint-url", &cloud.endpoint], arguments].concat())
    };
    let json = |text: String| -> Value { serde_json::from_str(&text).expect("JSON") };
    let make = |name: &str, attributes: &str| {
        let url = json(sqs("create-queue", &["--queue-name", name, "--attributes", attributes, "--query", "QueueUrl"]));
        url.as_str().expect("a URL").to_owned()
    };
    let dead = make("dead", "DelaySeconds=0");
    let redrive = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":"1"}"#;
    let jobs = make("jobs", &json!({ "RedrivePolicy": redrive }).to_string());
    assert_eq!(jobs, format!("{}/000000000000/jobs", cloud.endpoint));
    let own = r#"{"kind": {"DataType": "String", "StringValue": "x"}}"#;
    sqs("send-message", &["--queue-url", &jobs, "--message-body", "hello", "--message-attributes", own]);
    let receive = |url: &str| {
        sqs("receive-message", &["--queue-url", url, "--visibility-timeout", "0", "--message-attribute-names", "All"])
    };
    assert_eq!(json(receive(&jobs))["Messages"][0]["MessageAttributes"]["kind"]["StringValue"], "x");
    // An empty answer is no text at all.
    assert_eq!(receive(&jobs), "");
    let received = json(receive(&dead));
    let handle = received["Messages"][0]["ReceiptHandle"].as_str().expect("a handle");
    sqs("delete-message", &["--queue-url", &dead, "--receipt-handle", handle]);
    let count = ["--attribute-names", "ApproximateNumberOfMessages", "--query", "Attributes.*", "--output", "text"];
    assert_eq!(sqs("get-queue-attributes", &[&["--queue-url", &dead], &count[..]].concat()), "0");
    assert_eq!(json(sqs("list-queues", &["--queue-name-prefix", "d"])), json!({ "QueueUrls": [dead] }));
    sqs("delete-queue", &["--queue-url", &jobs]);
    let mappings = cloud.aws(&["lambda", "list-event-source-mappings", "--query", "EventSourceMappings"]);
    assert_eq!(json(mappings), json!([]));
}

#[test]
fn the_aws_cli_makes_lists_and_deletes_schedules() {
    let world = World::new();
    let cloud = world.local();
    let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "scheduler.amazonaws.com"}}]}"#;
    let role = cloud.aws(&[
        "iam",
        "create-role",
        "--role-name",
        "caller",
        "--assume-role-policy-document",
        trust,
        "--query",
        "Role.Arn",
        "--output",
        "text",
    ]);
    let target =
        json!({"Arn": "arn:aws:lambda:eu-west-1:000000000000:function:jobs:live", "RoleArn": role, "Input": "{}"});
    cloud.aws(&["scheduler", "create-schedule-group", "--name", "nights", "--tags", "Key=team,Value=ops"]);
    let nightly = ["--name", "nightly", "--group-name", "nights"];
    let settings = [
        "--schedule-expression",
        "cron(0 2 * * ? *)",
        "--schedule-expression-timezone",
        "UTC",
        "--flexible-time-window",
        "Mode=OFF",
        "--end-date",
        "2099-01-01T00:00:00Z",
        "--target",
        &target.to_string(),
    ];
    let arn = cloud.aws(
        &[
            &["scheduler", "create-schedule"],
            &nightly[..],
            &settings[..],
            &["--query", "ScheduleArn", "--output", "text"],
        ]
        .concat(),
    );
    assert_eq!(arn, "arn:aws:scheduler:eu-west-1:000000000000:schedule/nights/nightly");
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&cloud.aws(arguments)).expect("JSON") };
    let shown = json(&[&["scheduler", "get-schedule"], &nightly[..]].concat());
    assert_eq!((&shown["Target"]["Input"], &shown["State"]), (&json!("{}"), &json!("ENABLED")));
    assert_eq!(shown["EndDate"], json!(4_070_908_800.0));
    let query = ["--query", "Schedules[].[GroupName, Name]"];
    let listed = json(&[&["scheduler", "list-schedules", "--name-prefix", "night"], &query[..]].concat());
    assert_eq!(listed, json!([["nights", "nightly"]]));
    cloud.aws(&[&["scheduler", "delete-schedule"], &nightly[..]].concat());
    cloud.aws(&["scheduler", "delete-schedule-group", "--name", "nights"]);
    assert_eq!(json(&["scheduler", "list-schedules", "--query", "Schedules"]), json!([]));
}

#[test]
fn the_aws_cli_sees_a_stage_that_rzap_deployed() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    let cloud = world.local();
    let json =
        |text: String| -> Value { serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")) };

    let names = cloud.aws(&["lambda", "list-functions", "--query", "Functions[].FunctionName", "--output", "text"]);
    assert_eq!(names.split_whitespace().collect::<Vec<_>>(), ["multi-dev-web", "multi-dev-worker"]);

    let function = ["--function-name", "multi-dev-worker:live", "--cli-binary-format", "raw-in-base64-out"];
    let payload = ["--payload", r#"{"numbers": [20, 22]}"#, "answer.json"];
    // The CLI v1 takes the payload as it is and knows no --cli-binary-format.
    let called = json(cloud.aws(&[&["lambda", "invoke"], &function[..2], &payload].concat()));
    assert_eq!(called, json!({"StatusCode": 200, "ExecutedVersion": "1"}));
    let answer = fs::read_to_string(world.root().join("home/answer.json")).expect("the CLI wrote the answer");
    assert_eq!(json(answer), json!({"sum": 42, "count": 2}));

    let group = "/aws/lambda/multi-dev-worker";
    let log = json(cloud.aws(&["logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "REPORT"]));
    let message = log["events"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("REPORT RequestId: ") && message.contains("Memory Size: 256 MB"), "{log}");
    let empty =
        json(cloud.aws(&["logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "nowhere"]));
    assert_eq!(empty["events"], json!([]));

    let whoami = json(cloud.aws(&["sts", "get-caller-identity"]));
    let account = whoami["Account"].as_str().unwrap_or_default();
    assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()), "{whoami}");
    let apis = json(cloud.aws(&["apigateway", "get-rest-apis", "--query", "items[].name"]));
    assert_eq!(apis, json!(["multi-dev"]));
}

#[test]
fn the_aws_cli_copies_a_large_file_in_parts_and_back() {
    let world = World::new();
    let cloud = world.local();
    // 18 MB: three parts of the CLI's 8 MiB. A pattern that no shift by a block reproduces.
    let bytes: Vec<u8> = (0..18_000_000_u32).flat_map(|number| u8::try_from(number * 31 % 251)).collect();
    let home = world.root().join("home");
    fs::write(home.join("up.bin"), &bytes).expect("a file");

    cloud.aws(&["s3", "mb", "s3://films"]);
    cloud.aws(&["s3", "cp", "up.bin", "s3://films/a folder/up.bin", "--no-progress"]);
    let head = cloud.aws(&["s3api", "head-object", "--bucket", "films", "--key", "a folder/up.bin", "--query", "ETag"]);
    assert!(head.contains("-3"), "not uploaded in three parts: {head}");
    cloud.aws(&["s3", "cp", "s3://films/a folder/up.bin", "down.bin", "--no-progress"]);
    assert!(fs::read(home.join("down.bin")).expect("the file came back") == bytes, "the file came back changed");

    let listing = cloud.aws(&["s3", "ls", "s3://films", "--recursive"]);
    assert!(listing.ends_with("18000000 a folder/up.bin"), "{listing}");
    cloud.aws(&["s3", "rb", "s3://films", "--force"]);
    assert_eq!(cloud.aws(&["s3", "ls"]), "");
}
