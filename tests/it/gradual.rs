//! Traffic that goes over step by step, smoke checks, alarms, and every way back.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::http;
use crate::process::wait_for;
use crate::world::World;

/// Says its generation at the start and at the end of an answer. What `/health` says is a file's.
const APP: &str = r#"import time
GENERATION = "g1"
HEALTH = 200
WORK = True
def handler(event, context):
    if not WORK and "path" not in event:
        raise RuntimeError("no work today")
    if event.get("path", event.get("rawPath")) == "/health":
        return {"statusCode": HEALTH, "body": "health " + GENERATION}
    first = GENERATION
    time.sleep(0.002)
    return {"statusCode": 200, "body": first + " " + GENERATION}
"#;

/// A stage in which traffic stays shared until the test is done with it, and one that is quick.
const CONFIG: &str = "app: shop
runtime: python3.13
region: eu-west-1
handler: app.handler
http: rest
stages:
  dev: { traffic: { canary: 30%, for: 1h } }
  quick: { traffic: { linear: 40%, every: 1s } }
";

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

/// What the alias `live` of a function says: its version, and the weights beside it.
fn alias(cloud: &Cloud, function: &str) -> Value {
    cloud.boto(&format!(
        r#"
alias = client("lambda").get_alias(FunctionName="{function}", Name="live")
answer([alias["FunctionVersion"], alias.get("RoutingConfig", {{}}).get("AdditionalVersionWeights", {{}})])
"#
    ))
}

const ALARMS: &str = r#"
for name in ["errors", "latency"]:
    client("cloudwatch").put_metric_alarm(
        AlarmName="shop-" + name, Namespace="Shop", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold")
"#;

fn set_alarm(cloud: &Cloud, name: &str, state: &str) {
    let arguments = format!("AlarmName='{name}', StateValue='{state}', StateReason='3 datapoints'");
    cloud.boto(&format!("client('cloudwatch').set_alarm_state({arguments})"));
}

fn releases(world: &World, stage: &str) -> usize {
    world.run(&format!("releases {stage} --local --json")).success().json()["releases"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_share_of_the_traffic_moves_and_no_client_sees_an_error() {
    let world = world();
    let url = world.run("deploy dev --local --json").success().url();
    world.edit("app.py", "\"g1\"", "\"g2\"");
    let answers: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let done = AtomicBool::new(false);
    let mut deploy = world.start("deploy dev --local");
    std::thread::scope(|scope| {
        let _end = End(&done);
        assert!(deploy.says("30 % to the new versions"), "it ended");
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let answer = match http::try_request("GET", &url, &[], "") {
                        Ok(answer) => format!("{} {}", answer.status, answer.text()),
                        Err(error) => error,
                    };
                    *answers.lock().expect("no client panics").entry(answer).or_default() += 1;
                }
            });
        }
        let count = || answers.lock().expect("no client panics").values().sum::<usize>();
        wait_for("400 answers", Duration::from_mins(1), || (count() >= 400).then_some(()));
        // Of those 30 % are new. Outside of these bounds it would be once in more than 10^20 runs.
        let shared = answers.lock().expect("no client panics").clone();
        let part =
            |answer: &str| shared.get(answer).copied().unwrap_or_default() * 100 / shared.values().sum::<usize>();
        assert!((10..55).contains(&part("200 g2 g2")), "{shared:?}");
        assert!(part("200 g1 g1") > 0, "{shared:?}");
        // The way back is seen by these clients, too.
        deploy.interrupt();
        let before = count();
        wait_for("answers after that", Duration::from_mins(1), || (count() > before + 50).then_some(()));
    });
    let output = deploy.wait().failure(130);
    let err = output.err();
    let end = err.lines().filter(|line| line.starts_with("error") || line.starts_with("hint"));
    insta::assert_snapshot!(end.collect::<Vec<_>>().join("\n"), @r"
    error: interrupted: traffic went back, the old release serves all again
    hint: what was prepared stays: `rzap deploy dev --local` tries again
    ");
    let answers = answers.into_inner().expect("no client panicked");
    let kinds: Vec<&str> = answers.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["200 g1 g1", "200 g2 g2"], "{answers:?}");
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", {}]));
    assert_eq!(releases(&world, "dev"), 1);

    // At once, from where it stopped.
    world.run("deploy dev --local --at-once").success();
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["2", {}]));
    assert_eq!(http::get(&url).text(), "g2 g2");
    assert_eq!(releases(&world, "dev"), 2);
}

#[test]
fn a_linear_shift_goes_to_its_end_and_is_one_release() {
    let world = world();
    let url = world.run("deploy quick --local --json").success().url();
    world.edit("app.py", "\"g1\"", "\"g2\"");
    let dry = world.run("deploy quick --local --dry-run").success();
    assert!(dry.stdout.contains("traffic: 40 % … 80 %, 1.0 s each, all after 2.0 s"), "{dry}");
    let output = world.run("deploy quick --local").success();
    output.says(&["40 % to the new versions, 2 s left", "80 % to the new versions, 1 s left"]);
    output.says(&["the new versions have all of it"]);
    assert_eq!(alias(&world.local(), "shop-quick-web"), json!(["2", {}]));
    assert_eq!(http::get(&url).text(), "g2 g2");
    assert_eq!(releases(&world, "quick"), 2);
    // `update` goes the same way, and what does not change moves nothing.
    world.edit("app.py", "\"g2\"", "\"g3\"");
    world.run("update quick --local").success().says(&["40 % to the new versions", "80 % to the new versions"]);
    let nothing = world.run("deploy quick --local").success();
    assert!(!nothing.stderr.contains("% to the new"), "{nothing}");
    assert_eq!(releases(&world, "quick"), 3);
}

#[test]
fn a_shift_that_was_killed_is_reverted_or_finished_by_the_next_run() {
    let world = world();
    world.run("deploy dev --local").success();
    world.edit("app.py", "\"g1\"", "\"g2\"");
    let kill = || {
        let mut deploy = world.start("deploy dev --local");
        assert!(deploy.says("30 % to the new versions"), "it ended");
        deploy.kill();
        deploy.wait().failure(137);
    };
    kill();
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", { "2": 0.3 }]));

    // Everybody who looks sees it.
    let status = world.run("status dev --local").success();
    assert!(status.stdout.contains("1 (70 %), 2 (30 %)"), "{status}");
    let status = world.run("status dev --local --json").success().json();
    assert_eq!(status["functions"][0]["share"], json!({ "version": "2", "percent": 30.0 }));
    assert_eq!(status["drift"], json!(false), "rzap's own shift is no change by hand: {status}");
    let listed = world.run("releases dev --local").success();
    assert!(listed.stdout.contains("some traffic goes to newer versions already"), "{listed}");
    assert!(listed.stdout.contains("live"), "{listed}");
    let dry = world.run("deploy dev --local --dry-run").success();
    assert!(dry.stdout.contains("web: 70 % version 1, 30 % version 2"), "{dry}");
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", { "2": 0.3 }]), "a dry run changes nothing");

    // The rule without a word: back, and then on with its own work, which is at once here.
    let reverted = world.run("deploy dev --local --at-once --json").success();
    reverted.says(&["nobody is moving it", "reverted: the old versions have all of it"]);
    assert!(!reverted.stderr.contains("changed by hand"), "{reverted}");
    let settled =
        json!({ "rule": "revert", "functions": [{ "function": "web", "from": "1", "to": "2", "percent": 30.0 }] });
    assert_eq!(reverted.json()["unfinished"], settled);
    assert_eq!(reverted.json()["release"], 2);
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["2", {}]));

    // Finished: the deploy has nothing left to do but to write the release.
    world.edit("app.py", "\"g2\"", "\"g3\"");
    kill();
    let finished = world.run("deploy dev --local --unfinished finish --json").success();
    finished.says(&["finished: the new versions have all of it"]);
    assert_eq!((finished.changes().len(), &finished.json()["release"]), (0, &json!(3)));
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["3", {}]));

    // And a rollback ends it, without a release of its own.
    world.edit("app.py", "\"g3\"", "\"g4\"");
    kill();
    let back = world.run("rollback dev --local").success();
    assert!(back.stdout.contains("all traffic is back at release 3"), "{back}");
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["3", {}]));
    assert_eq!(releases(&world, "dev"), 3);
    world.run("update dev --local --at-once").success();
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["4", {}]));
}

#[test]
fn a_smoke_check_that_fails_before_moves_nothing_and_after_goes_back() {
    let world = world();
    world.edit(
        "rzap.yaml",
        "stages:",
        "smoke: [GET /health, { invoke: web, payload: { n: 1 } }]\nstages:\n  plain: {}",
    );
    let url = world.run("deploy plain --local --json").success().url();
    world.edit("app.py", "HEALTH = 200", "HEALTH = 503");
    let failed = world.run("deploy plain --local --quiet").failure(1);
    insta::assert_snapshot!(failed.err(), @r"
    error: smoke check `GET /health` of `web` on version 2 failed
      cause: it answered 503, not below 400
    hint: no traffic was moved; what is done stays done: `rzap deploy plain --local` continues from here
    ");
    assert_eq!(alias(&world.local(), "shop-plain-web"), json!(["1", {}]));
    assert_eq!(http::get(&format!("{url}/health")).status, 200);
    world.edit("app.py", "HEALTH = 503", "HEALTH = 200");
    world.edit("app.py", "WORK = True", "WORK = False");
    let failed = world.run("update plain --local --quiet").failure(1);
    insta::assert_snapshot!(failed.err(), @r"
    error: smoke check of `web` on version 3 failed
      cause: the function failed (Unhandled)
      cause: RuntimeError: no work today
    hint: no traffic was moved; what is done stays done: `rzap update plain --local` continues from here
    ");
    assert_eq!(alias(&world.local(), "shop-plain-web"), json!(["1", {}]));

    // Only the alias knows what fails now: the version, invoked by its number, is well.
    world.edit("app.py", "WORK = False", "WORK = True");
    world.write(
        "app.py",
        "def handler(event, context):\n    live = context.invoked_function_arn.endswith(':live')\n    \
         return {'statusCode': 500 if live else 200, 'body': 'g2'}\n",
    );
    let failed = world.run("deploy plain --local --quiet").failure(1);
    insta::assert_snapshot!(failed.err(), @r"
    error: smoke check `GET /health` of `web` on plain failed; traffic went back, the old release serves all again
      cause: it answered 500, not below 400
    hint: what was prepared stays: `rzap deploy plain --local` tries again
    ");
    assert_eq!(alias(&world.local(), "shop-plain-web"), json!(["1", {}]));
    assert_eq!(http::get(&url).text(), "g1 g1");
    assert_eq!(releases(&world, "plain"), 1);
}

#[test]
fn an_api_that_was_turned_over_goes_back_when_a_check_fails_after_that() {
    const TWO: &str = "def old(event, context):\n    return {'statusCode': 200, 'body': 'old'}\n\n\
                       def new(event, context):\n    live = context.invoked_function_arn.endswith(':live')\n    \
                       return {'statusCode': 500 if live else 200, 'body': 'new'}\n";
    for front in ["rest", "http"] {
        let config = |old: &str, new: &str| {
            format!(
                "app: two\nruntime: python3.13\nregion: eu-west-1\nstages: {{ dev: {{}} }}\nsmoke: [GET /]\nfunctions:\n  \
                 old: {{ handler: app.old{old} }}\n  new: {{ handler: app.new{new} }}\n"
            )
        };
        let http = format!(", http: {front}");
        let world = World::new().file("rzap.yaml", &config(&http, "")).file("app.py", TWO);
        let url = world.run("deploy dev --local --json").success().url();
        world.write("rzap.yaml", &config("", &http));
        let failed = world.run("deploy dev --local").failure(1);
        failed.says(&["`GET /` of `new` on dev failed; traffic went back", "it answered 500, not below 400"]);
        assert_eq!(http::get(&url).text(), "old", "{front}");
        assert_eq!(releases(&world, "dev"), 1);
    }
}

#[test]
fn requests_are_checked_on_every_front_before_and_after() {
    for front in ["rest", "http", "url"] {
        let world = World::new().app("guestbook");
        world.edit(
            "rzap.yaml",
            "http: rest",
            &format!("http: {front}\nsmoke: [{{ get: \"/api/entries?n=1\", status: 200, contains: entries }}]"),
        );
        let output = world.run("deploy dev --local").success();
        output.says(&[
            "smoke check `GET /api/entries` of `web` on version 1",
            "smoke check `GET /api/entries` of `web` on dev",
        ]);
        world.edit("guestbook.py", "\"/api/entries\"", "\"/api/all\"");
        let failed = world.run("update dev --local").failure(1);
        failed.says(&["on version 2 failed", "it answered 404, not 200", "no traffic was moved"]);
        let url = world.run("status dev --local --json").success().url();
        assert_eq!(http::get(&format!("{url}/api/entries")).status, 200);
    }
}

#[test]
fn alarms_stop_a_shift_before_it_starts_and_call_it_back() {
    let world = world();
    world.edit("rzap.yaml", "stages:", "alarms: [shop-errors, shop-latency]\nstages:");
    // There is nothing to shift in a first deploy, so there is nothing to look at.
    world.run("deploy dev --local").success();
    world.edit("app.py", "\"g1\"", "\"g2\"");
    let missing = world.run("deploy dev --local --quiet").failure(1);
    insta::assert_snapshot!(missing.err(), @r"
    error: there is no alarm `shop-errors`, `shop-latency` in eu-west-1
    hint: `alarms` in rzap.yaml names CloudWatch alarms of the stage's own region and account
    hint: no traffic was moved; what is done stays done: `rzap deploy dev --local` continues from here
    ");

    world.local().boto(ALARMS);
    set_alarm(&world.local(), "shop-latency", "ALARM");
    let firing = world.run("deploy dev --local --quiet").failure(1);
    insta::assert_snapshot!(firing.err(), @r"
    error: the alarm `shop-latency` is in ALARM
      cause: 3 datapoints
    hint: what has to go out in spite of it goes with `--at-once`
    hint: no traffic was moved; what is done stays done: `rzap deploy dev --local` continues from here
    ");
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", {}]), "nothing moved");

    set_alarm(&world.local(), "shop-latency", "OK");
    set_alarm(&world.local(), "shop-errors", "INSUFFICIENT_DATA");
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says("30 % to the new versions, 1:00:00 h left, 2 alarms are quiet"), "{}", deploy.wait());
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", { "2": 0.3 }]));
    set_alarm(&world.local(), "shop-errors", "ALARM");
    let called_back = deploy.wait().failure(1);
    called_back.says(&[
        "the alarm `shop-errors` is in ALARM, with 30 % of the traffic on the new version; traffic went back",
        "3 datapoints",
    ]);
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", {}]));
    // Who wants to get rid of what the alarm is about does not wait for it.
    world.run("deploy dev --local --at-once").success();
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["2", {}]));
}

/// `MiniStack` stores weights and does not apply them; it has composite alarms. moto does not speak the protocol
/// of the SDK's CloudWatch client.
#[test]
fn weights_and_composite_alarms_on_ministack() {
    let emulator = Emulator::ministack();
    let world = world().at(&emulator.endpoint);
    world.edit("rzap.yaml", "stages:", "alarms: [shop-all]\nsmoke: [GET /health]\nstages:");
    world.run("deploy dev").success();
    world.edit("app.py", "\"g1\"", "\"g2\"");
    world.run("deploy dev").failure(1).says(&["there is no alarm `shop-all` in eu-west-1"]);
    emulator.cloud().boto(ALARMS);
    emulator
        .cloud()
        .boto("client('cloudwatch').put_composite_alarm(AlarmName='shop-all', AlarmRule='ALARM(shop-errors)')");
    let mut deploy = world.start("deploy dev");
    assert!(deploy.says("30 % to the new versions, 1:00:00 h left, 1 alarm is quiet"), "{}", deploy.wait());
    // PublishVersion makes a version even when nothing changed: which one it is by now is not said.
    let shared = alias(&emulator.cloud(), "shop-dev-web");
    let weights: Vec<&Value> = shared[1].as_object().into_iter().flat_map(|weights| weights.values()).collect();
    assert_eq!((&shared[0], weights), (&json!("1"), vec![&json!(0.3)]));
    set_alarm(&emulator.cloud(), "shop-errors", "ALARM");
    deploy.wait().failure(1).says(&["the alarm `shop-all` is in ALARM", "traffic went back"]);
    assert_eq!(alias(&emulator.cloud(), "shop-dev-web"), json!(["1", {}]));
    set_alarm(&emulator.cloud(), "shop-errors", "OK");
    world.edit("rzap.yaml", "for: 1h", "for: 1s");
    world.run("deploy dev").success().says(&["the new versions have all of it"]);
    let over = alias(&emulator.cloud(), "shop-dev-web");
    assert!(over[0] != "1" && over[1] == json!({}), "{over}");
}

#[test]
fn a_shift_whose_lock_is_taken_away_goes_back() {
    let world = world();
    world.run("deploy dev --local").success();
    world.edit("app.py", "\"g1\"", "\"g2\"");
    let mut deploy = world.start("deploy dev --local");
    assert!(deploy.says("30 % to the new versions"), "{}", deploy.wait());
    world.local().boto("client('s3').delete_object(Bucket='rzap-000000000000-eu-west-1', Key='shop/dev/lock')");
    let stopped = deploy.wait().failure(1);
    stopped.says(&[
        "the lock of this stage was taken from this run",
        "traffic went back, the old release serves all again",
    ]);
    assert_eq!(alias(&world.local(), "shop-dev-web"), json!(["1", {}]));
    assert_eq!(releases(&world, "dev"), 1);
}

/// Ends the clients when it goes, also by a panic: the scope would wait for them for ever.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
