//! `rzap status`: the numbers of a stage are those of its calls, all stages are found, and `--watch` ends cleanly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::faulty::{Fault, Proxy};
use crate::output::Output;
use crate::process::wait_for;
use crate::tools::TOOLS;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.13
region: eu-west-1
resources:
  jobs: { type: queue, visibility_timeout: 6s, dlq: { max_receives: 1 } }
  failing: { type: alarm, metric: errors, function: web, above: 0 }
functions:
  web: { handler: app.web, http: rest }
  worker: { handler: app.worker, timeout: 6, triggers: [sqs: jobs] }
stages:
  dev: {}
  prod: {}
  \"pr-*\": { extends: dev }
";

const APP: &str = "def web(event, context):
    if event.get('fail'):
        raise ValueError('no')
    return {'statusCode': 200, 'body': 'hello'}


def worker(event, context):
    raise RuntimeError('cannot')
";

pub(crate) fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

fn function<'a>(status: &'a Value, name: &str) -> &'a Value {
    let functions = status["functions"].as_array().expect("functions");
    functions.iter().find(|function| function["name"] == name).unwrap_or_else(|| panic!("no {name}: {status}"))
}

/// Metrics come a moment after the call.
fn status_with(world: &World, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, Duration::from_mins(1), || {
        let status = world.run("status dev --local --no-drift --json").success().json();
        is(&status).then_some(status)
    })
}

fn send(cloud: &Cloud, body: &str) {
    cloud.boto(&format!(
        "sqs = client('sqs')\nsqs.send_message(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-jobs')['QueueUrl'], MessageBody='{body}')"
    ));
}

#[test]
fn the_numbers_of_a_stage_are_those_of_its_calls() {
    let world = world();
    world.run("deploy dev --local").success();
    let idle = world.run("status dev --local --no-drift").success().out();
    // The alarm finds its state within the next seconds.
    let (idle, rest) = idle.split_once("\nalarm").unwrap_or_else(|| panic!("{idle}"));
    insta::assert_snapshot!(idle, @r"
    shop dev  eu-west-1, at http://127.0.0.1:[port]
    http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/
    release 1, [ago] ([time]) by root

    function  state   version  runtime     memory  last change
    web       Active        1  python3.13  512 MB  [ago]
    worker    Active        1  python3.13  512 MB  [ago]

    last 1 h  calls  errors  throttled  p50  p95  p99  cold  at once     cost
    web           0       0          0    –    –    –     0        0  $0.0000
    worker        0       0          0    –    –    –     0        0  $0.0000

    on AWS the last 1 h would cost $0.0000, a month like it $0.0000
      0 requests and 0.0 GB-seconds,
      list price of eu-west-1, September 2026, without the free tier
    ");
    let (_, queues) = rest.split_once("\n\n").unwrap_or_else(|| panic!("{rest}"));
    insta::assert_snapshot!(queues, @r"
    queue              messages  in flight  delayed  oldest
    shop-dev-jobs             0          0        0       –
    shop-dev-jobs-dlq         0          0        0       –
    ");
    for _ in 0..3 {
        world.run("invoke dev web --local --payload {}").success();
    }
    world.args(&["invoke", "dev", "web", "--local", "--payload", r#"{"fail": true}"#]).failure(1);
    let cloud = world.local();
    send(&cloud, "one");
    let status = status_with(&world, "the numbers", |status| {
        let buried = |queue: &Value| queue["name"] == "shop-dev-jobs-dlq" && queue["visible"] == 1;
        function(status, "web")["metrics"]["invocations"] == 4
            && function(status, "worker")["metrics"]["errors"] == 1
            && status["queues"].as_array().expect("queues").iter().any(buried)
    });
    assert_eq!(status["missing"], json!([]));
    let web = function(&status, "web");
    let metrics = &web["metrics"];
    assert_eq!((&metrics["errors"], &metrics["throttles"]), (&json!(1), &json!(0)));
    assert_eq!(metrics["concurrent_executions"], 1);
    let series = |name: &str| -> u64 {
        let points = metrics["series"][name].as_array().expect("points");
        assert_eq!(points.len(), 30, "{metrics}");
        points.iter().filter_map(Value::as_u64).sum()
    };
    assert_eq!((series("invocations"), series("errors")), (4, 1));
    let durations = ["p50", "p95", "p99"].map(|name| metrics["duration_ms"][name].as_f64().expect("a duration"));
    assert!(durations[0] > 0.0 && durations.is_sorted(), "{durations:?}");
    assert_eq!(web["cold_starts"], json!({"count": 1, "at_least": false}));
    assert_eq!(web["cost"]["requests"], 4);
    let usd = |of: &Value| of["usd"].as_f64().expect("dollars");
    assert!(usd(&web["cost"]) >= 4.0 * 0.2e-6 && usd(&status["cost"]) > usd(&web["cost"]), "{status}");
    assert!(status["cost"]["prices"].as_str().is_some_and(|it| it.contains("eu-west-1")), "{status}");
    assert_eq!((&status["window"]["seconds"], &status["window"]["period_seconds"]), (&json!(3600), &json!(120)));
    let names: Vec<&Value> = status["queues"].as_array().expect("queues").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["shop-dev-jobs", "shop-dev-jobs-dlq"]);
    assert_eq!(status["alarms"][0]["name"], "shop-dev-failing");
    assert_eq!((&status["drift"], &status["in_sync"]), (&Value::Null, &Value::Null), "nothing was compared");

    let text = world.run("status dev --local").success().out();
    for part in [
        "last 1 h",
        "1 (25.0 %)",
        "calls   ▁",
        "errors  ▁",
        "! 1 dead letter waits in shop-dev-jobs-dlq",
        "as rzap.yaml says",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let plain = World::env(world, "LC_ALL", "C");
    let text = plain.run("status dev --local --no-drift --window 10m").success().out();
    assert!(text.contains("last 10 min") && text.contains("calls   _") && !text.contains('▁'), "{text}");
    plain.run("status dev --local --window 15d").failure(2).says(&["between 1m and 14d"]);
}

#[test]
fn all_stages_are_listed_also_those_of_others() {
    let world = world();
    world.run("deploy dev --local").success();
    world.run("deploy pr-7 --local").success();
    world.run("deploy prod --local").success();
    world.edit("app.py", "hello", "hello again");
    world.run("update dev --local").success();
    // Somebody else's branch has a stage that this file does not know.
    world.edit("rzap.yaml", "  \"pr-*\": { extends: dev }\n", "  next: {}\n");
    // An age of two digits is wider.
    let list = world.run("status --local").success().out();
    let list: Vec<String> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    insta::assert_snapshot!(list.join("\n"), @r"
    shop

    stage region release when who commit functions rzap.yaml
    dev eu-west-1 2 [ago] root – 2 dev
    next eu-west-1 not deployed – – – 0 next
    pr-7 eu-west-1 1 [ago] root – 2 no
    prod eu-west-1 1 [ago] root – 2 prod

    `rzap status dev` shows one of them
    ");
    let document = world.run("status --local --json").success().json();
    let of = |name: &str| {
        let stages = document["stages"].as_array().expect("stages");
        stages.iter().find(|stage| stage["stage"] == name).unwrap_or_else(|| panic!("no {name}: {document}")).clone()
    };
    assert_eq!(document["missing"], json!([]));
    assert_eq!((&of("dev")["functions"], &of("dev")["config"]), (&json!(2), &json!("dev")));
    assert_eq!((&of("pr-7")["config"], &of("pr-7")["deployed"]), (&Value::Null, &json!(true)));
    assert_eq!(of("dev")["url"], world.run("status dev --local --json").success().json()["url"]);
    assert_eq!((&of("next")["deployed"], &of("next")["release"]), (&json!(false), &Value::Null));
    // What only functions tell of: the record of its releases is gone.
    world.local().boto(
        "s3 = client('s3')\nbucket = s3.list_buckets()['Buckets'][0]['Name']\n\
         for it in s3.list_objects_v2(Bucket=bucket, Prefix='shop/pr-7/')['Contents']: s3.delete_object(Bucket=bucket, Key=it['Key'])",
    );
    let document = world.run("status --local --json").success().json();
    let stages = document["stages"].as_array().expect("stages");
    let branch = stages.iter().find(|stage| stage["stage"] == "pr-7").expect("pr-7 by its tags");
    assert_eq!((&branch["functions"], &branch["release"]), (&json!(2), &Value::Null));
}

#[test]
fn a_watch_writes_one_look_after_another_and_ends_with_ctrl_c() {
    let world = world();
    world.run("deploy dev --local").success();
    let mut watch = world.start("status dev --local --watch 1 --json");
    wait_for("the first look", Duration::from_mins(1), || watch.says("\"missing\"").then_some(()));
    watch.interrupt();
    let done: Output = watch.wait();
    assert_eq!(done.code, 0, "{done}");
    let first = done.stdout.lines().next().expect("a line");
    let first: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!((&first["stage"], &first["functions"][0]["metrics"]["invocations"]), (&json!("dev"), &json!(0)));
}

#[test]
fn a_watch_goes_on_when_the_cloud_answers_again() {
    let world = world();
    let cloud = world.local();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    world.run("deploy dev").success();
    let mut watch = world.start("status dev --watch 1 --json");
    assert!(watch.says("\"number\":1"), "the first look");
    let gone = Arc::new(AtomicBool::new(true));
    let switch = gone.clone();
    proxy.rule(move |_| switch.load(Ordering::SeqCst).then_some(Fault::Unseen));
    assert!(watch.says("trying again"));
    gone.store(false, Ordering::SeqCst);
    world.write("app.py", &APP.replace("hello", "hello again"));
    world.run("deploy dev").success();
    assert!(watch.says("\"number\":2"), "it goes on");
    watch.interrupt();
    let done = watch.wait();
    assert_eq!(done.code, 0, "{done}");
}

/// A terminal of 80 by 24 that gets smaller: what is drawn, and how it ends.
const TERMINAL: &str = r#"
import fcntl, os, pty, select, signal, struct, sys, termios, time
def size(rows, columns): fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
pid, master = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
size(24, 80)
seen, deadline, step = b"", time.monotonic() + 60, 0
while time.monotonic() < deadline:
    if not select.select([master], [], [], 1)[0]: continue
    try: block = os.read(master, 65536)
    except OSError: break
    if not block: break
    seen += block
    if step == 0 and b"Ctrl-C ends" in seen: size(8, 60); step = 1
    elif step == 1 and b"more lines" in seen: os.write(master, b"\x03"); step = 2
_, status = os.waitpid(pid, 0)
sys.stdout.write(repr((os.waitstatus_to_exitcode(status), seen.startswith(b"\x1b[?1049h") or b"\x1b[?1049h" in seen, seen.endswith(b"\x1b[?1049l"), step)))
"#;

#[test]
fn a_watch_on_a_terminal_is_drawn_in_place_follows_its_size_and_gives_it_back() {
    let world = world();
    world.run("deploy dev --local").success();
    world.write("terminal.py", TERMINAL);
    let python = TOOLS.command("python");
    let rzap = env!("CARGO_BIN_EXE_rzap");
    let line = format!("{} terminal.py {rzap} status dev --local --watch 60", python.get_program().display());
    let done = world.shell(&line);
    assert_eq!(done.stdout.trim(), "(0, True, True, 2)", "{done}");
}
