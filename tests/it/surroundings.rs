//! A machine that is not as it should be: a full disk, a home that cannot be written to or is not there, a wrong
//! clock, an output that nobody takes. rzap says so and breaks nothing, or does not mind.

use std::fs;

use serde_json::{Value, json};

use crate::cloud;
use crate::faulty::Proxy;
use crate::http;
use crate::world::World;

/// More than the limit, of bytes that do not compress.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..400_000).flat_map(|_| next()).collect()
}

/// For the shell: no file gets larger than 2 MB, and writing more is an error, as on a full disk. It is the same for
/// root and for others, and needs no mount.
const FULL: &str = "trap '' XFSZ; ulimit -f 2048;";

#[test]
fn a_full_disk_is_said_and_leaves_no_half_of_a_package() {
    let world = World::new().app("hello-python").env("RZAP_LOCAL", "1");
    world.write_bytes("noise.bin", &noise());
    let cache = world.root().join("cache").display().to_string();
    let world = world.env("RZAP_CACHE_DIR", &cache);
    let full = world.shell(&format!("{FULL} rzap package dev --quiet")).failure(1);
    insta::assert_snapshot!(full.err(), @r"
    error: cannot package web
      cause: cannot write the package to [world]/cache/zips
      cause: i/o error: File too large (os error 27)
    hint: free some space, or point RZAP_CACHE_DIR at another disk
    ");
    let left = world.shell(&format!("find {cache} -type f -size +100k")).success();
    assert_eq!(left.stdout, "");
    world.run("package dev").success();
}

#[test]
fn a_local_cloud_on_a_full_disk_says_so_and_loses_nothing() {
    let world = World::new().app("hello-python");
    let url = world.run("deploy dev --local --json").success().url();
    world.run("local stop").success();
    world.shell(&format!("{FULL} rzap local start")).success();
    world.write_bytes("noise.bin", &noise());
    let full = world.run("deploy dev --local").failure(1);
    full.says(&["failed to upload the package", "the local cloud cannot use its disk", "traffic was not moved"]);
    assert_eq!(http::get(&url).json()["hello"], "world");
    world.run("local stop").success();
    let done = world.run("deploy dev --local --no-wait --json").success();
    assert_eq!(done.json()["release"], 2);
    world.run("undeploy dev --local --yes").success();
    assert_eq!(world.local().inventory(), cloud::nothing());
}

#[test]
fn a_map_that_fills_the_disk_is_finished_when_there_is_room() {
    const CONFIG: &str =
        "app: large\nruntime: python3.13\nregion: eu-west-1\nhandler: app.handler\nstages: { dev: {} }\n";
    const ITEMS: usize = 150;
    let app = "import os\n\ndef handler(event, context):\n    with open(os.path.join(event['ran'], str(event['n'])), 'a') as file:\n        \
               file.write('x')\n    return {'n': event['n'], 'text': 'x' * 20_000}\n";
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", app);
    world.run("deploy dev --local").success();
    let ran = world.root().join("ran");
    fs::create_dir(&ran).expect("a folder");
    let items: String = (0..ITEMS).map(|n| format!("{}\n", json!({ "n": n, "ran": ran }))).collect();
    world.write("items.jsonl", &items);
    let line = "map dev --local --input items.jsonl --output out.jsonl --concurrency 4";
    let full = world.shell(&format!("{FULL} rzap {line}")).failure(1);
    full.says(&["out.jsonl", "File too large", "hint: is the disk full?"]);
    let written = world.read("out.jsonl").lines().count();
    assert!((90..ITEMS).contains(&written), "{written}");

    world.run(line).success().says(&["going on after "]);
    let text = world.read("out.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), ITEMS);
    for (n, line) in lines.iter().enumerate() {
        assert_eq!((&line["index"], &line["output"]["n"]), (&json!(n), &json!(n)));
    }
    // What was on the disk whole was not run again.
    let times = |n: usize| fs::read(ran.join(n.to_string())).map_or(0, |text| text.len());
    assert!((0..written - 1).all(|n| times(n) == 1) && (0..ITEMS).all(|n| times(n) >= 1));
}

/// Where nobody can make a folder, root included.
const NOWHERE: &str = "/proc";

#[test]
fn a_home_that_cannot_be_written_to_is_named_with_the_way_around_it() {
    let world = World::new().app("hello-python").env("HOME", NOWHERE);
    world.run("validate").success();
    // What was chosen is used, and nothing else is needed.
    let url = world.run("deploy dev --local --json").success().url();
    assert_eq!(http::get(&url).json()["hello"], "world");
    world.run("local stop").success();

    let world = world.env("RZAP_CACHE_DIR", "").env("RZAP_STATE_DIR", "");
    insta::assert_snapshot!(world.run("package dev --quiet").failure(1).err(), @r"
    error: failed to create the folder /proc/.cache/rzap/zips
      cause: No such file or directory (os error 2)
    hint: point RZAP_CACHE_DIR at a folder you can write to
    ");
    insta::assert_snapshot!(world.run("status dev --local --quiet").failure(1).err(), @r"
    error: cannot create the local cloud's state folder /proc/.local/state/rzap
      cause: No such file or directory (os error 2)
    hint: set RZAP_STATE_DIR to a folder you may write to
    ");
}

#[test]
fn without_a_home_and_with_a_project_that_is_only_read_everything_works() {
    let world = World::new().app("multi").env("HOME", "");
    let list = |world: &World| world.shell("find . -printf '%p %s %T@ %m\\n' | sort").success().stdout;
    world.shell("chmod -R a-w .").success();
    let before = list(&world);
    for command in ["validate", "package dev", "deploy dev --local", "status dev --local --check", "update dev --local"]
    {
        world.run(command).success();
    }
    world.run("undeploy dev --local --yes").success();
    assert_eq!(list(&world), before, "nothing is written into the project");
    world.local().is_empty();
}

#[test]
fn a_clock_that_is_an_hour_off_is_no_obstacle() {
    for ahead in [3600, -3600] {
        let world = World::new().app("multi");
        let local = world.local();
        let proxy = Proxy::start(&local.endpoint);
        let world = world.at(&proxy.endpoint);
        proxy.clock(ahead);
        let url = world.run("deploy dev --json").success().url();
        assert!(proxy.too_skewed() > 0, "nothing was refused, so nothing is tested");
        assert_eq!(http::get(&url.replace(&proxy.endpoint, &local.endpoint)).status, 200);
        world.edit("web/web.py", "def handler", "# changed\ndef handler");
        world.run("update dev").success();
        world.run("rollback dev").success();
        assert_eq!(world.run("status dev --json").success().json()["release"], 3);
        assert_eq!(world.run("unlock dev --json").success().json()["holder"], json!(null));
        world.run("undeploy dev --yes").success();
        local.is_empty();
    }
}

/// Runs it with an end of a pipe as its stdout of which the other end is closed.
const NOBODY: &str = r#"
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
sys.exit(subprocess.run([os.environ["RZAP"], *sys.argv[1:]], stdout=write).returncode)
"#;

#[test]
fn an_answer_that_nobody_takes_ends_quietly_and_one_that_is_lost_does_not() {
    let world = World::new().app("hello-python").env("RZAP", env!("CARGO_BIN_EXE_rzap")).file("nobody.py", NOBODY);
    let quiet = world.shell("python3 nobody.py validate --json --quiet").success();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let lost = world.shell("rzap validate --json --quiet > /dev/full").failure(1);
    insta::assert_snapshot!(lost.err(), @r"
    error: failed to write the answer to stdout
      cause: No space left on device (os error 28)
    hint: the command itself was done; is the disk full that stdout leads to?
    ");
    // An error stays one, also when its document is for nobody.
    world.edit("rzap.yaml", "runtime:", "rumtime:");
    for command in ["python3 nobody.py validate --json", "rzap validate --json > /dev/full"] {
        world.shell(command).failure(2).says(&["did you mean `runtime`?"]);
    }
}
