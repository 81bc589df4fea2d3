//! Ways of calling a function: sample events, dry runs, client contexts, answers into files, streams.

use std::path::Path;

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::world::World;

const NODE: &str = r"
import fs from 'node:fs';
const gone = async (file) => { while (!fs.existsSync(file)) await new Promise((done) => setTimeout(done, 5)); };

export const echo = async (event, context) => ({ event, context: context.clientContext });
export const large = async () => 'x'.repeat(7 * 1024 * 1024);
export const flow = awslambda.streamifyResponse(async (event, stream) => {
  const { go, fail, head } = event.queryStringParameters ?? event;
  if (head ?? event.rawPath) {
    stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'x-a': 'b' }, cookies: ['c=1'] });
  }
  stream.write('one');
  if (go) await gone(go);
  if (fail) throw new RangeError('in the middle');
  stream.write(Buffer.from([0xe2, 0x82, 0xac]));
  stream.end();
});
export const broken = awslambda.streamifyResponse(async () => { throw new TypeError('at once'); });
";

const CONFIG: &str = "app: ways
runtime: nodejs22.x
region: eu-west-1
timeout: 30
functions:
  echo: { handler: index.echo }
  large: { handler: index.large }
  flow: { handler: index.flow, http: url, stream: true }
  broken: { handler: index.broken }
stages: { dev: {} }
";

fn world() -> World {
    let world = World::new().file("rzap.yaml", CONFIG).file("index.mjs", NODE);
    world.run("deploy dev --local").success();
    world
}

fn echoed(world: &World, more: &[&str]) -> Value {
    world.args(&[&["invoke", "dev", "echo", "--local"], more].concat()).success().json()
}

#[test]
fn a_sample_event_is_what_rzap_event_prints() {
    let world = world();
    let answer = echoed(&world, &["--event", "s3", "--bucket", "photos", "--key", "in/a b.jpg"]);
    let record = &answer["event"]["Records"][0];
    assert_eq!((&record["s3"]["object"]["key"], &record["awsRegion"]), (&json!("in/a+b.jpg"), &json!("eu-west-1")));
    let url = echoed(&world, &["--logs", "--event", "url", "--path", "/x?y=1"]);
    assert_eq!(url["event"]["rawQueryString"], "y=1");
    insta::assert_snapshot!(world.run("invoke dev echo --event s3 --key x --logs").failure(2).err(), @r"
    error: `s3 --key x --logs` is no sample event
      cause: unexpected argument '--logs' found
    hint: `rzap event s3 --help` shows what there is
    hint: `--event` takes all that follows it: what else this command is to know stands before it
    ");
    world.run("invoke dev echo --payload {} --event s3").failure(2).says(&["cannot be used with"]);
}

#[test]
fn a_dry_run_says_whether_it_may_be_called() {
    let world = world();
    let dry = world.run("invoke dev echo --local --dry-run").success();
    assert_eq!((dry.stdout.as_str(), dry.stderr.as_str()), ("", "echo may be called (status 204)\n"));
    let document = world.run("invoke dev echo --local --dry-run --json").success().json();
    assert_eq!((&document["status"], &document["payload"]), (&json!(204), &Value::Null));
    world.run("invoke dev echo --local --dry-run --qualifier 7").failure(1).says(&["Function not found"]);
    assert!(!world.run("tail dev echo --local --no-follow").stdout.contains("START"), "nothing ran");
    world.run("invoke dev echo --local --dry-run --async").failure(2);
}

#[test]
fn a_client_context_reaches_the_function() {
    let world = world();
    world.write("context.json", r#"{"custom": {"who": "me"}}"#);
    for given in [r#"{"custom": {"who": "me"}}"#, "@context.json"] {
        let answer = echoed(&world, &["--client-context", given]);
        // Node's runtime passes it on as it came.
        assert_eq!(answer["context"]["custom"]["who"], "me", "{answer}");
    }
    let said =
        |context: &str| world.args(&["invoke", "dev", "echo", "--local", "--client-context", context]).failure(2).err();
    insta::assert_snapshot!(said("[1]"), @"error: the client context from --client-context is not a JSON object");
    insta::assert_snapshot!(said(&format!("{{\"a\": \"{}\"}}", "x".repeat(3_000))), @"error: the client context has 4,012 bytes in base64; AWS takes 3,583 at most");
}

#[test]
fn an_answer_goes_into_a_file_that_keeps_what_it_had_until_then() {
    let world = world();
    world.write("answer.json", "something longer than the answer will be, so that it would show");
    world.run("invoke dev echo --local -o answer.json --qualifier 7").failure(1);
    assert!(world.read("answer.json").starts_with("something longer"));
    let written = world.run("invoke dev echo --local --payload [1] -o answer.json").success();
    assert_eq!((written.stdout.as_str(), written.stderr.as_str()), ("", "13 B written to answer.json\n"));
    assert_eq!(world.read("answer.json"), r#"{"event":[1]}"#);
    let document = world.run("invoke dev echo --local --payload [2] --output answer.json --json").success().json();
    assert_eq!((&document["output"], &document["payload"]), (&json!("answer.json"), &Value::Null));
    assert_eq!(world.read("answer.json"), r#"{"event":[2]}"#);
    world.run("invoke dev echo --local -o no/where").failure(1).says(&["write the answer to no/where"]);
}

#[test]
fn what_is_too_large_is_said_with_what_to_do() {
    let world = world();
    world.write("large.json", &format!("\"{}\"", "x".repeat(2 * 1024 * 1024)));
    let late = world.run("invoke dev echo --local --async --payload @large.json").failure(1);
    insta::assert_snapshot!(late.err(), @r"
    error: the event has [size]; an asynchronous call takes [size] at most
    hint: put what is large into S3, and its key into the event
    ");
    world.run("invoke dev echo --local --payload @large.json").success();
    world.write("large.json", &format!("\"{}\"", "x".repeat(6 * 1024 * 1024)));
    world.run("invoke dev echo --local --payload @large.json").failure(1).says(&["6.0 MB"]);
    let answer = world.run("invoke dev large --local").failure(1);
    answer.says(&["hint: put what is large into S3 and answer with its key, or stream the answer (`--stream`)"]);
}

fn make(path: &Path) {
    std::fs::write(path, "").expect("a file can be made");
}

/// The command shows the first words while the function waits for a file that is made only then.
fn comes_while_it_is_made(world: &World, command: &str, go: &Path) -> String {
    let mut running = world.start(command);
    assert!(running.says("one"), "{}", running.wait());
    make(go);
    running.wait().success().stdout
}

#[test]
fn a_stream_is_shown_while_it_is_made() {
    let world = world();
    let go = |name: &str| world.root().join("tmp").join(name);
    let event = |go: &Path, head: bool| format!(r#"{{"go":"{}","head":{head}}}"#, go.display());
    let call = "invoke dev flow --local --stream --payload";
    let text = comes_while_it_is_made(&world, &format!("{call} {}", event(&go("a"), false)), &go("a"));
    assert_eq!(text, "one€");
    // The head is no part of the answer, but can be seen.
    let text = comes_while_it_is_made(&world, &format!("{call} {}", event(&go("b"), true)), &go("b"));
    assert_eq!(text, "one€");
    let text = comes_while_it_is_made(&world, &format!("{call} {} -i", event(&go("c"), true)), &go("c"));
    assert_eq!(text, "HTTP 201 Created\nx-a: b\nset-cookie: c=1\ncontent-type: application/json\n\none€");
    // The same at its URL, and past it.
    let asked = |go: &Path| format!("invoke dev flow --local --http /?go={}", go.display());
    assert_eq!(comes_while_it_is_made(&world, &asked(&go("d")), &go("d")), "one€");
    let past = format!("{} --direct -i", asked(&go("e")));
    let text = comes_while_it_is_made(&world, &past, &go("e"));
    assert!(text.starts_with("HTTP 201 Created\n") && text.ends_with("\n\none€"), "{text}");
}

#[test]
fn a_stream_that_fails_in_the_middle_is_an_error_after_what_came() {
    let world = world();
    let call = ["invoke", "dev", "flow", "--local", "--stream", "--payload", r#"{"fail": true, "head": true}"#];
    let failed = world.args(&[call.as_slice(), &["--logs"]].concat()).failure(1);
    assert_eq!(failed.stdout, "one");
    failed.says(&["REPORT RequestId", "error: the function `flow` failed (Unhandled)", "RangeError: in the middle"]);
    let document = world.args(&[call.as_slice(), &["--json"]].concat()).failure(1).json();
    assert_eq!((&document["payload"], &document["head"]["status"]), (&json!("one"), &json!(201)));
    assert_eq!((&document["function_error"], &document["version"]), (&json!("Unhandled"), &json!("1")));
    assert_eq!(document["error_details"]["errorType"], "RangeError");

    let past = world.run("invoke dev flow --local --direct --http /?fail=1").failure(1);
    assert_eq!(past.stdout, "one");
    past.says(&["RangeError: in the middle"]);
    let front = world.run("invoke dev flow --local --http /?fail=1").failure(1);
    assert_eq!(front.stdout, "one");
    front.says(&["the answer broke off", "hint: `rzap tail dev flow --local` shows the log"]);

    world.run("invoke dev broken --local --stream").failure(1).says(&["TypeError: at once"]);
    // Who does not stream is one part.
    assert_eq!(world.run("invoke dev echo --local --stream --payload [1]").success().stdout, r#"{"event":[1]}"#);
}

#[test]
fn a_stream_ends_with_ctrl_c() {
    let world = world();
    let never = world.root().join("tmp/never");
    let event = format!(r#"{{"go":"{}"}}"#, never.display());
    let mut running = world.start(&format!("invoke dev flow --local --stream --payload {event}"));
    assert!(running.says("one"), "{}", running.wait());
    running.interrupt();
    let output = running.wait();
    assert_eq!((output.code, output.stdout.as_str()), (130, "one"), "{output}");
    make(&never);
}

/// It has no `InvokeWithResponseStream` worth the name; dry runs and contexts it takes.
#[test]
fn dry_runs_and_sample_events_on_ministack() {
    let emulator = Emulator::ministack();
    let world = World::new().app("hello-python").at(&emulator.endpoint);
    world.run("deploy dev").success();
    world.run("invoke dev --dry-run").success().says(&["may be called (status 204)"]);
    world.args(&["invoke", "dev", "--client-context", r#"{"custom": {}}"#, "--event", "url"]).success();
}
