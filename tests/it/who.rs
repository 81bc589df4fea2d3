//! Whom a key belongs to is remembered for those who only look; STS is asked all the same, and has the last word.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::faulty::{Fault, Proxy};
use crate::http;
use crate::world::World;

const CONFIG: &str =
    "app: who\nruntime: python3.13\nregion: eu-west-1\nhandler: app.handler\nhttp: rest\nstages: { dev: {} }\n";

fn world() -> World {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", "def handler(event, context):\n    return {}\n");
    let folder = world.root().join("own-cache").display().to_string();
    world.env("RZAP_CACHE_DIR", &folder)
}

/// The one file there is, and what is in it.
#[track_caller]
fn remembered(world: &World) -> (PathBuf, Value) {
    let folder = world.root().join("own-cache/keys");
    let files: Vec<PathBuf> = fs::read_dir(folder).expect("the folder").map(|it| it.expect("a file").path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let text = fs::read(file).expect("text");
    (file.clone(), serde_json::from_slice(&text).expect("JSON"))
}

/// What it says of the stage, without what changes by itself.
#[track_caller]
fn status(world: &World) -> Value {
    let said: Value = world.run("status dev --no-drift --json").success().json();
    json!([said["url"], said["release"], said["functions"].as_array().map(Vec::len)])
}

#[test]
fn who_we_are_is_remembered_and_asked_all_the_same() {
    let world = world();
    let cloud = world.local();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    let url = world.run("deploy dev --json").success().url();
    assert_eq!(http::get(&url).status, 200);
    let (file, said) = remembered(&world);
    assert_eq!(said["account"], "000000000000");
    let key = world.run("status dev --no-drift --json").success();
    assert!(key.stdout.contains(&url), "{key}");
    let before = status(&world);
    assert_ne!(before[0], Value::Null);

    // The key was somebody else's when it was remembered, or the file is damaged.
    let wrong = json!({ "account": "111111111111", "caller": "arn:aws:iam::111111111111:root" }).to_string();
    for wrong in [wrong.as_str(), "{\"account\":", "", "{\"account\":\"\",\"caller\":\"\"}"] {
        fs::write(&file, wrong).expect("written");
        assert_eq!(status(&world), before, "{wrong}");
        assert_eq!(remembered(&world).1, said, "{wrong}");
    }

    // What changes something does not believe it.
    fs::write(&file, r#"{"account":"111111111111","caller":"arn:aws:iam::111111111111:root"}"#).expect("written");
    world.run("deploy dev").success();
    assert_eq!(remembered(&world).1, said);
}

#[test]
fn a_key_that_was_good_once_is_refused_in_the_words_of_sts() {
    let world = world();
    let cloud = world.local();
    let proxy = Proxy::start(&cloud.endpoint);
    let world = world.at(&proxy.endpoint);
    world.run("deploy dev").success();
    proxy.rule(|_| Some(Fault::Expired));
    let refused = world.run("status dev").failure(4);
    assert!(refused.stderr.contains("find out who we are"), "{refused}");
    assert!(!refused.stdout.contains("dev"), "{refused}");
}
