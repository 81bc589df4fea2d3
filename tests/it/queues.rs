//! Queues and what they call, in the local cloud: nothing is lost, whatever ends, and others agree about the answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::{Emulator, free_port};
use crate::process::wait_for;
use crate::world::World;

const MESSAGES: usize = 2000;

/// A function that sends on what it gets, with boto3 as it comes: where the local cloud is, and who one is
/// there, stands in its environment.
const SETUP: &str = r#"
iam, lam, sqs = client("iam"), client("lambda"), client("sqs")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="forwarder", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
iam.put_role_policy(RoleName="forwarder", PolicyName="queues", PolicyDocument=json.dumps(allow))
jobs = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "20"})["QueueUrl"]
done = sqs.create_queue(QueueName="done")["QueueUrl"]
code = '''
import os, sys, time
sys.path.insert(0, os.environ["SITE"])
import boto3
sqs = boto3.client("sqs")
def handler(event, context):
    # Work takes time: all of it must not be over before anybody can look.
    time.sleep(0.15)
    entries = [{"Id": str(at), "MessageBody": it["body"]} for at, it in enumerate(event["Records"])]
    assert not sqs.send_message_batch(QueueUrl=os.environ["DONE"], Entries=entries)["Failed"]
'''
site = os.path.dirname(os.path.dirname(boto3.__file__))
lam.create_function(FunctionName="forwarder", Runtime="python3.13", Role=role, Handler="app.handler", Timeout=20,
                    Code={"ZipFile": package(app__py=code)}, Environment={"Variables": {"SITE": site, "DONE": done}})
lam.get_waiter("function_active_v2").wait(FunctionName="forwarder")
for start in range(0, 2000, 10):
    sqs.send_message_batch(QueueUrl=jobs, Entries=[{"Id": str(at), "MessageBody": str(start + at)} for at in range(10)])
# Two at a time: each process loads boto3, which a busy machine does slowly.
lam.create_event_source_mapping(EventSourceArn="arn:aws:sqs:eu-west-1:000000000000:jobs", FunctionName="forwarder",
                                ScalingConfig={"MaximumConcurrency": 2})
"#;

/// How many messages wait and are under way, in both queues.
const COUNTS: &str = r#"
def counts(name):
    sqs = client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=["All"])["Attributes"]
    return [int(found["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible")]
answer({"jobs": counts("jobs"), "done": counts("done")})
"#;

const BODIES: &str = r#"
sqs, seen = client("sqs"), []
url = sqs.get_queue_url(QueueName="done")["QueueUrl"]
while True:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages", [])
    if not found:
        break
    seen += [int(message["Body"]) for message in found]
answer(sorted(set(seen)))
"#;

fn left(counts: &Value) -> u64 {
    counts["jobs"].as_array().into_iter().flatten().filter_map(Value::as_u64).sum()
}

#[test]
fn two_thousand_messages_are_processed_although_the_local_cloud_is_killed_in_the_middle() {
    let world = World::new();
    // Not the port that all others try first: one of them could take it while this cloud is gone.
    world.run(&format!("local start --port {}", free_port())).success();
    let cloud = world.local();
    cloud.boto(SETUP);
    wait_for("some of them to be done", Duration::from_secs(100), || (left(&cloud.boto(COUNTS)) < 1700).then_some(()));

    let pid = world.run("local status --json").success().json()["pid"].as_i64().expect("a process id");
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it can be killed");
    wait_for("the local cloud to be gone", Duration::from_secs(10), || {
        (world.run("local status --json").json()["running"] == false).then_some(())
    });

    // What was under way comes back after its visibility timeout; the mapping goes on by itself.
    let cloud = world.local();
    assert!(left(&cloud.boto(COUNTS)) > 0, "it was killed too late to show anything");
    wait_for("all of them to be done", Duration::from_mins(2), || (left(&cloud.boto(COUNTS)) == 0).then_some(()));
    let seen = cloud.boto(BODIES);
    assert_eq!(seen.as_array().map(Vec::len), Some(MESSAGES));
    assert_eq!((&seen[0], &seen[MESSAGES - 1]), (&json!(0), &json!(MESSAGES - 1)));
}

/// Answers of one cloud, without what is different every time.
const ANSWERS: &str = r#"
sqs = client("sqs")
found = {}

def tried(what, call, **arguments):
    try:
        result = call(**arguments)
        result.pop("ResponseMetadata")
        found[what] = result
        return result
    except ClientError as error:
        found[what] = error.response["Error"]["Code"]

made = {name: sqs.create_queue(QueueName=name, Attributes=more)["QueueUrl"] for name, more in {
    "plain": {"VisibilityTimeout": "50"}, "first.fifo": {"FifoQueue": "true", "ContentBasedDeduplication": "true"}}.items()}
for name, url in made.items():
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    found[name] = {key: value for key, value in shown.items() if "Timestamp" not in key and key not in ("QueueArn", "Policy")}
own = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00"},
       "s": {"DataType": "String.x", "StringValue": "é"}}
plain, fifo = made["plain"], made["first.fifo"]
tried("sent", sqs.send_message, QueueUrl=plain, MessageBody="é", MessageAttributes=own).pop("MessageId")
got = tried("received", sqs.receive_message, QueueUrl=plain, MessageAttributeNames=["All"], AttributeNames=["ApproximateReceiveCount"])
handle = got["Messages"][0].pop("ReceiptHandle")
got["Messages"][0].pop("MessageId")
tried("nothing", sqs.receive_message, QueueUrl=plain)
tried("hidden longer", sqs.change_message_visibility, QueueUrl=plain, ReceiptHandle=handle, VisibilityTimeout=60)
tried("deleted", sqs.delete_message, QueueUrl=plain, ReceiptHandle=handle)
for group in ("a", "b"):
    for body in ("1", "2"):
        sqs.send_message(QueueUrl=fifo, MessageBody=group + body, MessageGroupId=group)
found["order"] = [[item["Body"] for item in sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=most).get("Messages", [])]
                  for most in (1, 10, 10)]
tried("absent", sqs.get_queue_url, QueueName="absent")
tried("absent send", sqs.send_message, QueueUrl=plain + "-absent", MessageBody="x")
tried("no group", sqs.send_message, QueueUrl=fifo, MessageBody="x")
tried("too many", sqs.receive_message, QueueUrl=plain, MaxNumberOfMessages=11)
tried("empty batch", sqs.send_message_batch, QueueUrl=plain, Entries=[])
tried("twice", sqs.send_message_batch, QueueUrl=plain, Entries=[{"Id": "a", "MessageBody": "x"}] * 2)
tried("bad id", sqs.send_message_batch, QueueUrl=plain, Entries=[{"Id": "a.", "MessageBody": "x"}])
tried("eleven", sqs.send_message_batch, QueueUrl=plain, Entries=[{"Id": str(at), "MessageBody": "x"} for at in range(11)])
tried("bad handle", sqs.delete_message, QueueUrl=plain, ReceiptHandle="x")
tried("exists", sqs.create_queue, QueueName="plain", Attributes={"VisibilityTimeout": "51"})
answer(found)
"#;

/// What is said to all of them is answered alike, but for what is known to be missing elsewhere.
fn agrees(other: &Cloud, without: &[&str]) {
    let world = World::new();
    let (mut ours, mut theirs) = (world.local().boto(ANSWERS), other.boto(ANSWERS));
    assert!(ours.as_object().is_some_and(|answers| answers.len() > 15), "{ours}");
    for answers in [&mut ours, &mut theirs] {
        for queue in ["plain", "first.fifo"] {
            for name in without {
                answers[queue].as_object_mut().expect("attributes").remove(*name);
            }
        }
    }
    assert_eq!(ours, theirs);
}

#[test]
fn moto_answers_about_queues_as_the_local_cloud_does() {
    agrees(&Emulator::moto().cloud(), &[]);
}

/// `MiniStack` 1.5 shows neither encryption nor the scope of deduplication.
#[test]
fn ministack_answers_about_queues_as_the_local_cloud_does() {
    agrees(&Emulator::ministack().cloud(), &["SqsManagedSseEnabled", "DeduplicationScope", "FifoThroughputLimit"]);
}
