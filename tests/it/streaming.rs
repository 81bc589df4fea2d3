//! Answers that are streamed: by Node's own means, by the bridge, at function URLs and by
//! `InvokeWithResponseStream`. Order is proved by handshake: a function waits for a file that is only made
//! when its first words have arrived.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;
use crate::{cloud, http};

const NODE: &str = r"
import fs from 'node:fs';
const gone = async (file) => { while (!fs.existsSync(file)) await new Promise((done) => setTimeout(done, 5)); };

export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const { go, done, fail } = event.queryStringParameters ?? event;
  const head = { statusCode: 201, headers: { 'x-from': 'node', 'content-type': 'text/plain' }, cookies: ['a=1', 'b=2'] };
  stream = awslambda.HttpResponseStream.from(stream, head);
  stream.write('one');
  if (go) await gone(go);
  console.log('after the first');
  if (fail) throw new RangeError('in the middle');
  stream.write('two');
  stream.end();
  if (done) fs.writeFileSync(done, '');
});

export const plain = async () => ({ plain: true });
export const broken = async () => { throw new TypeError('at once'); };
";

const WSGI: &str = r#"
import os, time

def app(environ, start_response):
    query = dict(pair.split("=") for pair in environ["QUERY_STRING"].split("&") if pair)
    write = start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("X-From", "wsgi")])
    def body():
        yield b"one"
        while "go" in query and not os.path.exists(query["go"]):
            time.sleep(0.005)
        if "fail" in query:
            raise LookupError("in the middle")
        yield b"two"
        if "done" in query:
            open(query["done"], "w").close()
    return body()
"#;

fn node() -> World {
    let config = "app: flow\nruntime: nodejs22.x\nregion: eu-west-1\nstages: { dev: {} }\nfunctions:\n  \
                  web: { handler: index.handler, http: url, stream: true }\n  \
                  plain: { handler: index.plain }\n  broken: { handler: index.broken }\n";
    World::new().file("rzap.yaml", config).file("index.mjs", NODE)
}

fn wsgi() -> World {
    let config = "app: flow\nruntime: python3.13\nregion: eu-west-1\nwsgi: app:app\nhttp: url\nstream: true\n\
                  stages: { dev: {} }\n";
    World::new().file("rzap.yaml", config).file("app.py", WSGI)
}

/// A file of the world that a function waits for, or makes.
fn flag(world: &World, name: &str) -> PathBuf {
    world.root().join("tmp").join(name)
}

fn make(path: &Path) {
    std::fs::write(path, "").expect("a file can be made");
}

/// An answer that is read part by part.
struct Reading {
    head: String,
    reader: BufReader<TcpStream>,
}

impl Reading {
    fn get(url: &str) -> Self {
        let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
        let stream = TcpStream::connect(host).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a timeout");
        write!(&stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n").expect("the request is sent");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).expect("a line of the head"), 0, "{head}");
        }
        Self { head: head.to_lowercase(), reader }
    }

    /// The next chunk; empty at the end. An error when the connection breaks before.
    fn chunk(&mut self) -> std::io::Result<String> {
        let mut size = String::new();
        if self.reader.read_line(&mut size)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let mut bytes = vec![0; size + 2];
        self.reader.read_exact(&mut bytes)?;
        bytes.truncate(size);
        Ok(String::from_utf8(bytes).expect("text"))
    }

    fn rest(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        loop {
            match self.chunk()? {
                chunk if chunk.is_empty() => return Ok(text),
                chunk => text.push_str(&chunk),
            }
        }
    }
}

fn log(world: &World, function: &str) -> String {
    world.run(&format!("tail dev {function} --local --no-follow --raw")).success().stdout
}

/// The parts come while they are made, a hang-up does not stop the function, a failure in the middle
/// breaks the connection.
fn streams(world: &World, url: &str, from: &str, failure: &str) {
    let go = flag(world, "go");
    let mut answer = Reading::get(&format!("{url}/?go={}", go.display()));
    assert_eq!(answer.chunk().expect("a chunk"), "one");
    for line in ["http/1.1 201 created", &format!("x-from: {from}"), "set-cookie: a=1", "content-type: text/plain"] {
        assert!(answer.head.lines().any(|head| head == line), "{line}\n{}", answer.head);
    }
    make(&go);
    assert_eq!(answer.rest().expect("all of it"), "two");
    // The same connection takes the next request, so the answer has ended as it should.
    let (later, done) = (flag(world, "later"), flag(world, "done"));

    let mut answer = Reading::get(&format!("{url}/?go={}&done={}", later.display(), done.display()));
    assert_eq!(answer.chunk().expect("a chunk"), "one");
    drop(answer);
    make(&later);
    wait_for("the function to come to its end", Duration::from_mins(1), || done.exists().then_some(()));

    let late = flag(world, "late");
    let mut answer = Reading::get(&format!("{url}/?go={}&fail=1", late.display()));
    assert_eq!(answer.chunk().expect("a chunk"), "one");
    make(&late);
    let error = answer.rest().expect_err("the connection breaks");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    wait_for("the log of the failure", Duration::from_mins(1), || log(world, "web").contains(failure).then_some(()));

    // What it can do alone it does at once, and a whole reader gets the whole.
    assert_eq!(http::get(&format!("{url}/")).text(), "onetwo");
    let log = log(world, "web");
    assert!(log.matches("REPORT RequestId").count() >= 4, "{log}");
}

#[test]
fn a_node_function_streams_at_its_url() {
    let world = node();
    let url = world.run("deploy dev --local --json").success().url();
    streams(&world, &url, "node", "RangeError");
    assert_eq!(http::get(&format!("{url}/")).headers("set-cookie"), ["a=1", "b=2"]);
}

#[test]
fn a_wsgi_app_streams_at_its_url() {
    let world = wsgi();
    let url = world.run("deploy dev --local --json").success().url();
    streams(&world, &url, "wsgi", "LookupError: in the middle");
}

#[test]
fn an_asgi_app_streams_at_its_url() {
    let app = r#"
import asyncio, os
from urllib.parse import parse_qsl

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    query = dict(parse_qsl(scope["query_string"].decode()))
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"x-from", b"asgi")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    while "go" in query and not os.path.exists(query["go"]):
        await asyncio.sleep(0.005)
    if "fail" in query:
        raise LookupError("in the middle")
    await send({"type": "http.response.body", "body": b"two"})
    if "done" in query:
        open(query["done"], "w").close()
"#;
    let world = wsgi().file("app.py", app);
    world.edit("rzap.yaml", "wsgi:", "asgi:");
    let url = world.run("deploy dev --local --json").success().url();
    streams(&world, &url, "asgi", "LookupError: in the middle");
}

#[test]
fn another_client_reads_the_stream_of_an_invocation() {
    let world = node();
    world.run("deploy dev --local").success();
    let go = flag(&world, "go");
    let cloud = world.local();
    let answer = cloud.boto(&format!(
        r#"
import base64
lam = client("lambda")
def call(function, qualifier="live", **event):
    answer = lam.invoke_with_response_stream(FunctionName="flow-dev-" + function, Qualifier=qualifier,
                                             LogType="Tail", Payload=json.dumps(event))
    parts, end = [], None
    for event in answer["EventStream"]:
        if "PayloadChunk" in event:
            parts.append(event["PayloadChunk"]["Payload"].decode())
            if parts[-1].endswith("one"):
                open({go:?}, "w").close()
        else:
            end = event["InvokeComplete"]
    log = base64.b64decode(end.pop("LogResult")).decode()
    assert "REPORT RequestId" in log, log
    return [answer["StatusCode"], answer["ExecutedVersion"], "".join(parts), end]
streamed = call("web", go={go:?})
failed = call("web", fail=True)
whole = lam.invoke(FunctionName="flow-dev-web", Payload=b"{{}}")["Payload"].read().decode()
try:
    call("nothing")
    missing = None
except ClientError as error:
    missing = error.response["Error"]["Code"]
dry = lam.invoke_with_response_stream(FunctionName="flow-dev-web", InvocationType="DryRun")["StatusCode"]
answer({{"streamed": streamed, "failed": failed, "whole": whole, "missing": missing, "dry": dry,
         "plain": call("plain"), "broken": call("broken")}})
"#,
        go = go.display().to_string(),
    ));
    let head = r#"{"statusCode":201,"headers":{"x-from":"node","content-type":"text/plain"},"cookies":["a=1","b=2"]}"#;
    let nulls = "\0".repeat(8);
    assert_eq!(answer["streamed"], json!([200, "1", format!("{head}{nulls}onetwo"), {}]));
    assert_eq!(answer["failed"][2], format!("{head}{nulls}one"));
    assert_eq!(answer["failed"][3]["ErrorCode"], "Unhandled");
    let details = answer["failed"][3]["ErrorDetails"].as_str().expect("details");
    assert!(details.contains(r#""errorType":"RangeError","errorMessage":"in the middle""#), "{details}");
    // Somebody who does not stream gets all of it at the end.
    assert_eq!(answer["whole"], format!("{head}{nulls}onetwo"));
    assert_eq!((&answer["missing"], &answer["dry"]), (&json!("ResourceNotFoundException"), &json!(204)));
    assert_eq!(answer["plain"], json!([200, "1", r#"{"plain":true}"#, {}]));
    assert_eq!(answer["broken"][3]["ErrorCode"], "Unhandled");
    assert!(answer["broken"][2].as_str().is_some_and(|text| text.contains("at once")), "{answer}");
}

#[test]
fn how_a_url_answers_is_compared_and_changed() {
    let world = wsgi();
    let cloud = world.local();
    world.run("deploy dev --local").success();
    let mode = |cloud: &cloud::Cloud| {
        cloud.boto(
            "lam = client('lambda')\n\
             config = lam.get_function_configuration(FunctionName='flow-dev-web', Qualifier='live')\n\
             url = lam.get_function_url_config(FunctionName='flow-dev-web', Qualifier='live')\n\
             answer([url['InvokeMode'], config.get('Environment', {}).get('Variables', {})])",
        )
    };
    let wrapped = json!({"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/rzap_web/start"});
    assert_eq!(mode(&cloud), json!(["RESPONSE_STREAM", wrapped]));
    world.run("status dev --local --check").success();

    cloud.boto(
        "client('lambda').update_function_url_config(FunctionName='flow-dev-web', Qualifier='live',\
         InvokeMode='BUFFERED')",
    );
    let drift = world.run("status dev --local --check --json").failure(3);
    assert_eq!(
        drift.json()["changes"][0]["differences"],
        json!([{"field": "url", "old": "open", "new": "streaming", "hidden": false, "by_hand": true}])
    );
    assert_eq!(world.run("deploy dev --local --json").success().changes(), ["update function"]);
    assert_eq!(mode(&cloud)[0], "RESPONSE_STREAM");

    // More than its code would have to change.
    world.run("update dev --local").success();
    world.edit("rzap.yaml", "stream: true", "stream: false");
    let refused = world.run("update dev --local").failure(1);
    refused.says(&["error: `stream` or `exec` of `web` has changed", "hint: run `rzap deploy dev --local`"]);
    let url = world.run("deploy dev --local --json").success().url();
    assert_eq!(mode(&cloud), json!(["BUFFERED", {}]));
    assert_eq!(http::get(&format!("{url}/")).text(), "onetwo");
    // With the bridge's runtime but at a URL that does not stream, answers are documents.
    world.edit("rzap.yaml", "stream: false", "exec: true");
    let url = world.run("deploy dev --local --json").success().url();
    assert_eq!(mode(&cloud), json!(["BUFFERED", wrapped]));
    assert_eq!(http::get(&format!("{url}/")).text(), "onetwo");
    world.run("status dev --local --check").success();
    world.run("update dev --local").success();
    world.edit("rzap.yaml", "exec: true", "exec: false");
    world.run("update dev --local").failure(1).says(&["`stream` or `exec` of `web` has changed"]);
}

/// The event of a function URL.
fn event(query: &str) -> String {
    let domain = "abc.lambda-url.eu-west-1.on.aws";
    let context = json!({"domainName": domain, "http": {"method": "GET", "path": "/", "sourceIp": "127.0.0.1"}});
    let event = json!({"version": "2.0", "rawPath": "/", "rawQueryString": query, "headers": {"host": domain},
                       "requestContext": context, "isBase64Encoded": false});
    event.to_string()
}

#[test]
fn who_invokes_an_app_that_streams_gets_a_document() {
    let world = wsgi();
    world.run("deploy dev --local").success();
    let answer = world.args(&["invoke", "dev", "--local", "--payload", &event("")]).success().json();
    let headers = json!({"Content-Type": "text/plain", "X-From": "wsgi"});
    let expected =
        json!({"statusCode": 201, "headers": headers, "cookies": ["a=1"], "body": "onetwo", "isBase64Encoded": false});
    assert_eq!(answer, expected);
    let failed = world.args(&["invoke", "dev", "--local", "--payload", &event("fail=1")]).failure(1);
    assert_eq!(failed.json()["errorType"], "LookupError");
    assert_eq!(world.args(&["invoke", "dev", "--local", "--payload", r#"{"rzap": "warm"}"#]).success().stdout, "null");
}

#[test]
fn a_stream_ends_at_200_mb_and_the_function_lives_on() {
    let app = r#"
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    megabytes = int(environ["QUERY_STRING"] or 0)
    return (b"x" * 1024 * 1024 for n in range(megabytes)) if megabytes else [str(os.getpid()).encode()]
"#;
    let world = wsgi().file("app.py", app);
    world.edit("rzap.yaml", "stages:", "timeout: 60\nstages:");
    let url = world.run("deploy dev --local --json").success().url();
    let process = http::get(&format!("{url}/")).text();
    assert_eq!(http::get(&format!("{url}/?20")).bytes.len(), 20 * 1024 * 1024);
    let mut answer = Reading::get(&format!("{url}/?201"));
    let mut size = 0;
    let error = loop {
        match answer.chunk() {
            Ok(chunk) => size += chunk.len(),
            Err(error) => break error,
        }
        assert!(size <= 200 * 1024 * 1024, "{size}");
    };
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    assert!(size > 100 * 1024 * 1024, "{size}");
    assert_eq!(http::get(&format!("{url}/")).text(), process);
}

#[test]
fn a_wrapper_starts_the_runtime() {
    let config = "app: wrapped\nruntime: python3.13\nregion: eu-west-1\nfunctions:\n  \
                  own: { handler: app.handler, env: { AWS_LAMBDA_EXEC_WRAPPER: /var/task/wrap } }\n  \
                  layered: { handler: app.handler, layers: [layer], env: { AWS_LAMBDA_EXEC_WRAPPER: /opt/wrap } }\n  \
                  missing: { handler: app.handler, env: { AWS_LAMBDA_EXEC_WRAPPER: /var/task/nothing } }\n\
                  stages: { dev: {} }\n";
    let python = "import os, sys\ndef handler(event, context):\n    \
                  return [os.environ.get('WRAPPED'), os.environ['AWS_LAMBDA_EXEC_WRAPPER'], os.environ['_HANDLER']]\n";
    let script = |who: &str| format!("#!/bin/sh\nexport WRAPPED=\"{who}, $#\"\nexec \"$@\"\n");
    let world = World::new().file("rzap.yaml", config).file("app.py", python);
    for (path, who) in [("wrap", "own"), ("layer/wrap", "layered")] {
        world.write(path, &script(who));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(world.project().join(path), mode).expect("it can be made executable");
    }
    world.run("deploy dev --local").success();
    // The interpreter, its six flags and the runtime; and the folder of the layers.
    let answer = world.run("invoke dev own --local").success().json();
    assert_eq!(answer, json!(["own, 8", "/var/task/wrap", "app.handler"]));
    let answer = world.run("invoke dev layered --local").success().json();
    assert_eq!(answer, json!(["layered, 9", "/opt/wrap", "app.handler"]));
    let failed = world.run("invoke dev missing --local --logs").failure(1);
    assert_eq!(failed.json()["errorType"], "Runtime.ExitError");
    failed.says(&["/var/task/nothing: does not exist", "exit status 127"]);
}

/// `MiniStack` starts functions by a runtime of its own, whatever the wrapper says, and gives what it answers
/// to a streaming URL as it is. What it keeps accounts of is the mode.
#[test]
fn how_a_url_answers_is_changed_on_ministack_too() {
    let emulator = Emulator::ministack();
    let cloud = emulator.cloud();
    let mode = "url = client('lambda').get_function_url_config(FunctionName='flow-dev-web', Qualifier='live')\n\
                answer(url['InvokeMode'])";
    let world = wsgi().at(&emulator.endpoint);
    let url = world.run("deploy dev --json").success().url();
    assert_eq!(cloud.boto(mode), "RESPONSE_STREAM");
    assert_eq!(http::get(&format!("{url}/")).json()["body"], "onetwo");
    world.run("status dev --check").success();

    world.edit("rzap.yaml", "stream: true", "stream: false");
    let url = world.run("deploy dev --json").success().url();
    assert_eq!(cloud.boto(mode), "BUFFERED");
    let answer = http::get(&format!("{url}/"));
    assert_eq!((answer.status, answer.text().as_str()), (201, "onetwo"), "{answer:?}");
    world.run("status dev --check").success();
    world.run("undeploy dev --yes").success();
}
