//! Killed at any call, the next run ends where an uninterrupted one would have.
//!
//! Every call of a small app's commands has its turn: rzap dies before it reaches the cloud (even numbers) or
//! after the cloud has done it (odd ones). `RZAP_SWEEP=all` does both with each.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::cloud::Cloud;
use crate::faulty::{Call, Fault, Proxy};
use crate::http;
use crate::output::Output;
use crate::shape;
use crate::world::World;

const BEFORE: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { handler: web.handler, dir: web, http: rest }
  old: { handler: old.handler, dir: old, http: http }
stages: { dev: {} }
";

/// One function is another, one is new and one is gone: the HTTP API leads elsewhere.
const AFTER: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { handler: web.handler, dir: web, http: rest, memory: 640 }
  new: { handler: new.handler, dir: new, http: http }
stages: { dev: {} }
";

/// What a run begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Nothing,
    Deployed,
}

/// A world whose cloud can be put back to where it was.
pub(crate) struct Stand {
    world: World,
    pub(crate) proxy: Proxy,
    cloud: Cloud,
    /// The front of the stage, when it was deployed.
    url: Option<String>,
}

impl Stand {
    pub(crate) fn new(start: Start, changed: bool) -> Self {
        let world = World::new().file("rzap.yaml", BEFORE);
        let world = world.file("layers/common/python/shared.py", "WHO = 'shared'\n");
        for name in ["web", "old", "new"] {
            world.write(&format!("{name}/{name}.py"), &code(name, 1));
        }
        let cloud = world.local();
        let mut url = None;
        if start == Start::Deployed {
            url = Some(world.run("deploy dev --local --json").success().url());
        }
        if changed {
            world.write("rzap.yaml", AFTER);
            world.write("web/web.py", &code("web", 2));
        }
        world.run("local stop").success();
        copy(&world, "state/cloud", "kept");
        world.run("local start").success();
        let proxy = Proxy::start(&cloud.endpoint);
        let world = world.at(&proxy.endpoint);
        Self { world, proxy, cloud, url }
    }

    /// Puts everything back to the start.
    pub(crate) fn reset(&self) {
        self.world.run("local stop").success();
        copy(&self.world, "kept", "state/cloud");
        self.world.run("local start").success();
    }

    /// What happened to which call. Calls side by side come in any order.
    pub(crate) fn moment(&self, fault: Fault, run: &Output) -> String {
        let call = self.proxy.struck().map_or_else(|| "no call".to_owned(), |call| call.to_string());
        let Output { code, stdout, stderr, .. } = run;
        format!("{fault:?} at {call}\n--- exit {code}\n{stdout}---\n{stderr}")
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn shape(&self) -> Value {
        shape::of(&self.cloud.endpoint)
    }

    /// Fails unless clients get an answer, of the old code or of the new.
    pub(crate) fn serves(&self, what: &str) {
        let Some(url) = &self.url else { return };
        let answer = http::get(url);
        assert!(answer.status == 200 && ["web 1", "web 2"].contains(&answer.text().as_str()), "{what}\n{answer:?}");
    }
}

fn code(name: &str, generation: u8) -> String {
    format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': '{name} {generation}'}}\n")
}

/// Copies a folder of the world over another one.
fn copy(world: &World, from: &str, to: &str) {
    let (from, to) = (world.root().join(from), world.root().join(to));
    if to.exists() {
        std::fs::remove_dir_all(&to).expect("a folder of ours");
    }
    crate::world::copy(&from, &to);
}

/// Whether nothing is left out.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("RZAP_SWEEP").is_some_and(|value| value == "all")
}

/// Runs `command` without a fault, and then `break_it` for each of its calls, with where the command leads.
pub(crate) fn every_call(start: Start, changed: bool, command: &str, break_it: impl Fn(&Stand, &Call, &Value) + Sync) {
    // Two at a time: each mostly waits for its processes.
    std::thread::scope(|scope| {
        for half in 0..2 {
            let break_it = &break_it;
            scope.spawn(move || {
                let stand = Stand::new(start, changed);
                stand.world.run(command).success();
                let (calls, end) = (stand.proxy.calls(), stand.shape());
                assert!(calls.len() > 40, "{calls:?}");
                // One that fails must not hide the others.
                let mut failed = Vec::new();
                for call in calls.iter().filter(|call| call.number / 2 % 2 == half) {
                    if catch_unwind(AssertUnwindSafe(|| break_it(&stand, call, &end))).is_err() {
                        failed.push(call.to_string());
                    }
                }
                assert!(failed.is_empty(), "{command}: {failed:#?}");
            });
        }
    });
}

fn killed_anywhere(start: Start, changed: bool, command: &str) {
    every_call(start, changed, command, |stand, call, end| {
        let both = [Fault::KillBefore, Fault::KillAfter];
        let faults = if is_whole() { &both[..] } else { &both[call.number % 2..][..1] };
        for fault in faults {
            killed(stand, command, call, *fault, end);
        }
    });
}

fn killed(stand: &Stand, command: &str, call: &Call, fault: Fault, end: &Value) {
    stand.reset();
    let number = call.number;
    stand.proxy.rule(move |call| (call.number == number).then_some(fault));
    let run = stand.world.start(command);
    stand.proxy.victim(run.id());
    let killed = run.wait();
    let moment = stand.moment(fault, &killed);
    // There may be one less.
    assert_eq!(killed.code, if stand.proxy.struck().is_some() { 137 } else { 0 }, "{moment}");
    stand.proxy.settle();
    stand.proxy.rule(|_| None);
    if !command.starts_with("undeploy") {
        stand.serves(&moment);
    }
    let next = stand.world.run(command);
    assert_eq!(next.code, 0, "{moment}\n{next}");
    same(&stand.shape(), end, &moment);
}

#[test]
fn a_first_deploy_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(Start::Nothing, false, "deploy dev");
}

#[test]
fn a_new_version_killed_at_any_call_is_finished_by_the_next_deploy() {
    killed_anywhere(Start::Deployed, true, "deploy dev");
}

#[test]
fn an_undeploy_killed_at_any_call_is_finished_by_the_next_one() {
    killed_anywhere(Start::Deployed, false, "undeploy dev --yes");
}

/// Fails with what is different.
pub(crate) fn same(now: &Value, end: &Value, moment: &str) {
    let lines = |value: &Value| format!("{value:#}").lines().map(str::to_owned).collect::<Vec<_>>();
    let (now, end) = (lines(now), lines(end));
    let more: Vec<_> = now.iter().filter(|line| !end.contains(line)).collect();
    let less: Vec<_> = end.iter().filter(|line| !now.contains(line)).collect();
    assert!(now == end, "{moment}\ntoo much: {more:#?}\nmissing: {less:#?}");
}
