//! How many calls the commands make, and how many of them one after another: that must not grow unnoticed.
//!
//! `benches/latency.py` measures the same in seconds, with delays; here nothing is timed. On a busy machine a call may
//! come late for its round; then the command has another try.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::emulator::free_port;
use crate::faulty::{Call, Proxy};
use crate::http;
use crate::process::{Keeper, wait_for};
use crate::tools::{TOOLS, repository};
use crate::world::World;

const APP: &str = "GENERATION = 'g0'
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [GENERATION.encode()]
";

/// Tries of a command.
const RUNS: usize = 3;

fn world() -> World {
    let config = "app: quick\nruntime: python3.13\nregion: eu-west-1\nwsgi: app:app\nhttp: rest\nstages: { dev: {} }\n";
    let world = World::new().file("rzap.yaml", config).file("app.py", APP);
    // A zip of more than 1 MB: what is random does not get smaller.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.take(1_000_000 / 8).flatten().collect();
    world.write_bytes("noise.bin", &noise);
    world
}

/// What one run took.
struct Taken {
    calls: Vec<Call>,
}

impl Taken {
    /// Calls one after another, to the end.
    fn rounds(&self) -> usize {
        self.calls.iter().map(|call| call.round).max().unwrap_or_default()
    }

    /// Calls one after another until traffic has moved.
    fn until(&self, last: &str) -> usize {
        let moved = self.calls.iter().filter(|call| call.to_string().contains(last));
        moved.map(|call| call.round).max().unwrap_or_else(|| panic!("no {last}: {}", self.text()))
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self.calls.iter().map(|call| format!("round {}: {call}", call.round)).collect();
        lines.join("\n")
    }
}

/// What a command may take: calls one after another until traffic moves (which `.0` is), and to the end.
struct Limit(Option<&'static str>, usize, usize);

/// A run that keeps to the limit. `prepare` gets the number of the run.
#[track_caller]
fn within(world: &World, proxy: &Proxy, command: &str, limit: &Limit, prepare: impl Fn(usize)) -> Taken {
    let mut last = String::new();
    for run in 0..RUNS {
        prepare(run);
        proxy.in_rounds();
        world.run(command).success();
        let taken = Taken { calls: proxy.calls() };
        let until = limit.0.map_or(0, |moves| taken.until(moves));
        if until <= limit.1 && taken.rounds() <= limit.2 {
            return taken;
        }
        last = format!("{until} rounds until traffic moved, {} in all\n{}", taken.rounds(), taken.text());
    }
    panic!("{command}: {last}");
}

fn edit(world: &World, generation: usize) {
    let text = world.read("app.py");
    let (_, rest) = text.split_once('\n').expect("lines");
    world.write("app.py", &format!("GENERATION = 'g{generation}'\n{rest}"));
}

const UPDATE_ALIAS: &str = "/aliases/live";

#[test]
fn commands_take_no_more_calls_than_they_did() {
    let world = world();
    let cloud = world.local();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    // Who we are; five for the bucket and the lock; one of looking, one whether the role's name is free; the role, its policy; the function, its state, the
    // alias, the permission, the API's switch; the release, the lock.
    within(&world, &proxy, "deploy dev", &Limit(Some("/deployments"), 16, 18), |run| {
        if run > 0 {
            world.run("undeploy dev --yes").success();
        }
    });
    let url = world.run("status dev --json").success().url();

    // Who we are; the lock beside what is live; the code; that it is ready; the alias. Then the release, the lock.
    let update = within(&world, &proxy, "update dev", &Limit(Some(UPDATE_ALIAS), 5, 7), |run| edit(&world, run + 1));
    assert!(update.calls.len() <= 11, "{} calls\n{}", update.calls.len(), update.text());

    // Who we are, the lock, three of looking, the lock.
    let same = within(&world, &proxy, "deploy dev", &Limit(None, 0, 6), |_| {});
    // Seven are about roles: two by name, the list of those with a path, and four for the one there is.
    assert!(same.calls.len() <= 38, "{} calls\n{}", same.calls.len(), same.text());

    within(&world, &proxy, "deploy dev", &Limit(Some(UPDATE_ALIAS), 9, 11), |run| edit(&world, run + 11));
    assert!(http::get(&url).text().starts_with("g1"));

    // Who we are; the lock beside which releases there are; those; what is live; the alias. Then the last release, the new
    // one, the lock.
    let back = within(&world, &proxy, "rollback dev", &Limit(Some(UPDATE_ALIAS), 5, 8), |_| {});
    let moves = back.calls.iter().filter(|call| call.method == "PUT" && call.path.ends_with(UPDATE_ALIAS));
    assert_eq!(moves.count(), 1, "one move of the alias\n{}", back.text());

    // Who we are, beside what is there; then what that is like.
    within(&world, &proxy, "status dev", &Limit(None, 0, 2), |_| {});
}

#[test]
fn an_update_notices_what_changed_before_it_had_the_lock() {
    let world = world();
    let cloud = world.local();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    let url = world.run("deploy dev --json").success().url();
    edit(&world, 1);
    // After the update has looked, and before its change arrives.
    let done = AtomicBool::new(false);
    proxy.rule(move |call| {
        let looked = call.method == "PUT" && call.path.contains("/code");
        if looked && !done.swap(true, Ordering::SeqCst) {
            cloud.boto(
                "client('lambda').update_function_configuration(FunctionName='quick-dev-web', Description='by hand')\nanswer(1)",
            );
        }
        None
    });
    world.run("update dev").success();
    let codes = proxy.calls().into_iter().filter(|call| call.method == "PUT" && call.path.contains("/code"));
    assert_eq!(codes.count(), 2, "the first one named a revision that is gone");
    assert_eq!(http::get(&url).text(), "g1");
    proxy.rule(|_| None);
    // What somebody did is a difference as ever.
    let status = world.run("status dev --check").failure(3);
    assert!(status.stdout.contains("description: by hand → (none)"), "{status}");
}

/// `benches/slow_cloud.py`, in front of `endpoint`.
struct SlowCloud {
    _keeper: Keeper,
    endpoint: String,
}

impl SlowCloud {
    fn start(world: &World, endpoint: &str, arguments: &[&str]) -> Self {
        let port = free_port().to_string();
        let mut command = TOOLS.command("python");
        let script = repository().join("benches/slow_cloud.py");
        command.arg(script).args([endpoint, "--port", &port, "--delay", "0"]).args(arguments);
        let keeper = Keeper::guard(&command, &world.root().join("slow-cloud"));
        let slow = Self { _keeper: keeper, endpoint: format!("http://127.0.0.1:{port}") };
        wait_for("the slow cloud to answer", Duration::from_mins(1), || {
            let answer = http::try_request("GET", &format!("{}/_slow_cloud", slow.endpoint), &[], "");
            answer.is_ok_and(|answer| answer.status == 200).then_some(())
        });
        slow
    }

    /// Calls of an operation, and how many of them came too early.
    fn seen(&self, operation: &str) -> (usize, usize) {
        let calls: Value = http::get(&format!("{}/_slow_cloud", self.endpoint)).json();
        let calls = calls.as_array().expect("calls").iter().filter(|call| call["operation"] == operation);
        let calls: Vec<&Value> = calls.collect();
        (calls.len(), calls.iter().filter(|call| call["early"] == true).count())
    }
}

#[test]
fn fresh_roles_and_functions_that_come_to_be_are_waited_for() {
    let world = world();
    let cloud = world.local();
    let slow = SlowCloud::start(&world, &cloud.endpoint, &["--role", "2", "--pending", "1", "--updating", "1"]);
    let world = world.at(&slow.endpoint);
    let url = world.run("deploy dev --json").success().url();
    assert_eq!(http::get(&url).text(), "g0");
    let (all, early) = slow.seen("lambda CreateFunction");
    assert!(early > 0 && all == early + 1, "{all} calls, {early} of them too early");
    assert!(slow.seen("lambda GetFunction").1 > 0);
    edit(&world, 1);
    world.edit("rzap.yaml", "http: rest", "http: rest\nmemory: 640");
    world.run("deploy dev").success();
    assert_eq!(http::get(&url).text(), "g1");
    edit(&world, 2);
    world.run("update dev").success();
    assert_eq!(http::get(&url).text(), "g2");
    // Whoever waits for an update does not try in vain.
    assert_eq!(slow.seen("lambda UpdateFunctionCode"), (2, 0));
    assert_eq!(slow.seen("lambda UpdateFunctionConfiguration"), (1, 0));
}

#[test]
fn a_stage_with_many_functions_is_deployed_at_the_rates_of_aws() {
    let world = World::new().file("app.py", "def handler(event, context):\n    return 1\n");
    let functions: String = (0..20).map(|number| format!("  f{number}: {{ handler: app.handler }}\n")).collect();
    let config = format!(
        "app: many\nruntime: python3.13\nregion: eu-west-1\nfunctions:\n{functions}  web: {{ handler: app.handler, http: rest }}\n\
         stages: {{ dev: {{}} }}\n"
    );
    world.write("rzap.yaml", &config);
    let cloud = world.local();
    let slow =
        SlowCloud::start(&world, &cloud.endpoint, &["--role", "2", "--pending", "0.3", "--updating", "0.3", "--rates"]);
    let world = world.at(&slow.endpoint).env("RZAP_PACE", "aws");
    world.run("deploy dev").success();
    // While the role cannot be used, one function tries for all of them.
    let (all, early) = slow.seen("lambda CreateFunction");
    assert!(all - early == 21 && early < 21, "{all} calls, {early} of them too early");
    world.run("status dev --check").success();
    world.write("app.py", "def handler(event, context):\n    return 2\n");
    world.run("update dev").success();
    world.run("rollback dev").success();
}
