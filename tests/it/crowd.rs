//! Many deploy the same stage at once, some die over it: one after the other, and the last one stands whole.

use std::collections::BTreeSet;

use crate::cloud;
use crate::http;
use crate::output::Output;
use crate::shape;
use crate::world::World;

/// A checkout of its own on a machine of its own, as far as rzap can tell: its version of the app has a layer and
/// a function that no other has.
fn checkout(endpoint: &str, version: usize) -> World {
    let config = format!(
        "app: crowd\nruntime: python3.13\nregion: eu-west-1\nlayers: [layers/common]\nenv: {{ VERSION: 'v{version}' }}\n\
         functions:\n  web: {{ handler: web.handler, dir: web, http: rest }}\n  only{version}: {{ handler: web.handler, dir: web }}\n\
         stages: {{ dev: {{}} }}\n"
    );
    let code = format!(
        "import os\nimport shared\ndef handler(event, context):\n    \
         return {{'statusCode': 200, 'body': 'v{version} ' + shared.VERSION + ' ' + os.environ['VERSION']}}\n"
    );
    let world = World::new().at(endpoint).file("rzap.yaml", &config).file("web/web.py", &code);
    world.file("layers/common/python/shared.py", &format!("VERSION = 'v{version}'\n"))
}

#[test]
fn ten_at_once_come_one_after_the_other_and_the_last_stage_is_one_of_them() {
    let host = World::new();
    let local = host.local();
    let endpoint = local.endpoint.clone();
    let url = checkout(&endpoint, 0).run("deploy dev --json").success().url();
    let url = format!("{url}/");
    let worlds: Vec<World> = (1..=10).map(|version| checkout(&endpoint, version)).collect();
    let (waiting, rest) = worlds.split_at(4);
    let (impatient, rest) = rest.split_at(2);
    let (doomed, last) = rest.split_at(3);

    let ends: Vec<Output> = std::thread::scope(|scope| {
        let mut runs = Vec::new();
        for victim in doomed {
            let mut run = victim.start("deploy dev");
            assert!(run.says("created   artifact"), "it never had the lock\n{}", run.wait());
            if runs.is_empty() {
                let patient = waiting.iter().map(|world| (world, "deploy dev"));
                let all = patient.chain(impatient.iter().map(|world| (world, "deploy dev --no-wait")));
                runs.extend(all.map(|(world, command)| scope.spawn(move || world.run(command))));
            }
            run.kill();
            assert_eq!(run.wait().code, 137);
        }
        // Whatever the last of them has left behind, somebody comes after it.
        runs.push(scope.spawn(|| last[0].run("deploy dev")));
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    let (impatient, patient): (Vec<&Output>, Vec<&Output>) =
        ends.iter().partition(|end| end.line.contains("--no-wait"));
    for end in patient {
        assert_eq!(end.code, 0, "{end}");
    }
    for end in &impatient {
        assert!(end.code == 0 || end.stderr.contains("error: stage `dev` is being deployed by arn:aws:"), "{end}");
    }

    let whole: Vec<&World> = worlds.iter().filter(|world| world.run("status dev --check").code == 0).collect();
    assert_eq!(whole.len(), 1, "the stage is as one of them wants it");
    let version = whole[0].read("layers/common/python/shared.py").replace("VERSION = '", "").replace("'\n", "");
    let answer = http::get(&url);
    assert_eq!((answer.status, answer.text()), (200, format!("{version} {version} {version}")));

    let listed = whole[0].run("releases dev --json").success().json();
    let numbers: Vec<u64> =
        listed["releases"].as_array().expect("a list").iter().filter_map(|it| it["number"].as_u64()).collect();
    let wanted: Vec<u64> = (1..=numbers.len() as u64).rev().collect();
    assert_eq!(numbers, wanted, "each number once");
    let done = ends.iter().filter(|end| end.code == 0).count();
    // One that was killed may have been done with everything.
    assert!((done + 1..=done + 1 + doomed.len()).contains(&numbers.len()), "{done} runs, {listed}");
    assert_eq!(listed["releases"][0]["live"], true);

    let there = shape::of(&endpoint);
    let count = |kind: &str| there[kind].as_array().map(Vec::len);
    assert_eq!(
        (count("layers"), count("apis"), count("roles")),
        (Some(1), Some(1), Some(2)),
        "a role for each function"
    );
    let functions: BTreeSet<&str> =
        there["functions"].as_array().expect("a list").iter().filter_map(|it| it["FunctionName"].as_str()).collect();
    let only = format!("crowd-dev-only{}", version.trim_start_matches('v'));
    assert_eq!(functions, BTreeSet::from(["crowd-dev-web", &only]));
    assert!(!there["buckets"].to_string().contains("/lock"), "{}", there["buckets"]);
    assert_eq!(whole[0].run("deploy dev --no-wait --json").success().changes(), [""; 0]);
    whole[0].run("undeploy dev --yes").success();
    assert_eq!(local.inventory(), cloud::nothing());
}
