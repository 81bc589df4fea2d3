//! A world whose cloud can be put back to where it was, and broken again and again.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::cloud::Cloud;
use crate::emulator::free_port;
use crate::faulty::{Call, Fault, Proxy};
use crate::http;
use crate::output::Output;
use crate::scenes::Scene;
use crate::shape;
use crate::without_pause::{Answers, without_pause};
use crate::world::World;

/// See the head of this file.
pub(crate) struct Stand {
    world: World,
    pub(crate) proxy: Proxy,
    cloud: Cloud,
    /// Of the cloud. Not the one that all others try first: one of them could take it while this cloud is away.
    port: u16,
    /// Where the stage answers before the command and after it.
    urls: Vec<String>,
}

impl Stand {
    pub(crate) fn new(scene: &Scene) -> Self {
        let (world, port) = (World::new(), free_port());
        start(&world, port);
        let cloud = world.local();
        // Those that are there from the first deploy to the last.
        let mut urls: Option<BTreeSet<String>> = None;
        for (config, generation) in scene.deployed.iter().zip(1..) {
            write(&world, config, generation);
            let deployed = world.run("deploy dev --local --json").success().json();
            let functions = deployed["functions"].as_array().expect("functions").iter();
            let asked = functions.filter(|function| function["name"].as_str() != scene.unasked);
            let now = asked.filter_map(|function| function["url"].as_str().map(str::to_owned)).collect();
            urls = Some(match urls {
                Some(urls) => urls.intersection(&now).cloned().collect(),
                None => now,
            });
        }
        for command in scene.then {
            world.run(&format!("{command} --local")).success();
        }
        if let Some(config) = scene.now {
            write(&world, config, scene.deployed.len() + 1);
        }
        world.run("local stop").success();
        copy(&world, "state/cloud", "kept");
        start(&world, port);
        let proxy = Proxy::start(&cloud.endpoint);
        let world = world.at(&proxy.endpoint);
        let urls: Vec<String> = urls.into_iter().flatten().collect();
        assert!(!scene.serves() || !urls.is_empty(), "nobody to ask");
        Self { world, proxy, cloud, port, urls: if scene.serves() { urls } else { Vec::new() } }
    }

    /// Puts everything back to the start.
    pub(crate) fn reset(&self) {
        self.world.run("local stop").success();
        copy(&self.world, "kept", "state/cloud");
        start(&self.world, self.port);
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

    /// Does `work` while clients ask without a pause, one at each address. Fails unless all get answers of one
    /// generation. Nobody asks where nothing is served.
    pub(crate) fn asked(&self, work: impl Fn()) {
        let mut answers = ask_all(&self.urls, &work);
        // At the end, too, however quick it was.
        for url in &self.urls {
            let answer = http::get(url);
            answers.insert(format!("{} {}", answer.status, answer.text()), 1);
        }
        assert!(answers.keys().all(|answer| is_whole_answer(answer)), "{answers:?}");
    }
}

fn start(world: &World, port: u16) {
    world.run(&format!("local start --port {port}")).success();
}

fn ask_all(urls: &[String], work: &dyn Fn()) -> Answers {
    let Some((url, others)) = urls.split_first() else {
        work();
        return Answers::new();
    };
    let mut answers = Answers::new();
    let mine = without_pause(url, 1, |_| answers = ask_all(others, work));
    answers.extend(mine);
    answers
}

/// An answer of code and configuration that belong together.
fn is_whole_answer(answer: &str) -> bool {
    match answer.split(' ').collect::<Vec<_>>()[..] {
        ["200", name, code, configuration] => ["web", "old", "new"].contains(&name) && code == configuration,
        _ => false,
    }
}

/// The app of one generation. Each function says its name, its code's generation and its configuration's, which is
/// the code's where the configuration has none.
fn write(world: &World, config: &str, generation: usize) {
    world.write("rzap.yaml", config);
    world.write("layers/common/python/shared.py", &format!("GENERATION = {generation}\n"));
    for name in ["web", "old", "new"] {
        world.write(
            &format!("{name}/{name}.py"),
            &format!(
                "import os\nTEXT = '{name} {generation} ' + os.environ.get('GENERATION', '{generation}')\n\
                 def handler(event, context):\n    return {{'statusCode': 200, 'body': TEXT}}\n\
                 def app(environ, start_response):\n    start_response('200 OK', [('content-type', 'text/plain')])\n    \
                 return [TEXT.encode()]\n"
            ),
        );
    }
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

/// Runs the command without a fault, and then `break_it` for each of its calls, with where the command leads.
pub(crate) fn every_call(scene: &Scene, break_it: impl Fn(&Stand, &Call, &Value) + Sync) {
    // Two at a time: each mostly waits for its processes.
    std::thread::scope(|scope| {
        for half in 0..2 {
            let break_it = &break_it;
            scope.spawn(move || {
                let stand = Stand::new(scene);
                let run = stand.world.run(scene.command).success();
                let (calls, end) = (stand.proxy.calls(), stand.shape());
                assert!(calls.len() > 10, "{calls:?}\n{run}");
                // One that fails must not hide the others.
                let mut failed = Vec::new();
                let every = if is_whole() { 1 } else { scene.every };
                let mine = calls.iter().step_by(every).skip(half).step_by(2);
                for call in mine {
                    if catch_unwind(AssertUnwindSafe(|| break_it(&stand, call, &end))).is_err() {
                        failed.push(call.to_string());
                    }
                }
                assert!(failed.is_empty(), "{}: {failed:#?}", scene.command);
            });
        }
    });
}

/// Fails with what is different.
pub(crate) fn same(now: &Value, end: &Value, moment: &str) {
    let lines = |value: &Value| format!("{value:#}").lines().map(str::to_owned).collect::<Vec<_>>();
    let (now, end) = (lines(now), lines(end));
    let more: Vec<_> = now.iter().filter(|line| !end.contains(line)).collect();
    let less: Vec<_> = end.iter().filter(|line| !now.contains(line)).collect();
    assert!(now == end, "{moment}\ntoo much: {more:#?}\nmissing: {less:#?}");
}
