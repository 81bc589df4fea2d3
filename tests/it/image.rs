//! Functions that are container images, on the control planes of moto and `MiniStack`: nobody here runs
//! one.
//!
//! What moto 5.2.5 gets wrong: updates drop the `ImageConfig` and the architecture. So both are changed on
//! `MiniStack` only. `MiniStack` takes a tag for a digest, so tags are tested on moto.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::world::World;

const REPOSITORY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop";

/// An app of one function, which is an image.
fn app(image: &str) -> String {
    format!("app: shop\nregion: eu-west-1\nfunctions:\n  web:\n    image: {image}\nstages: {{ dev: }}\n")
}

fn digest(letter: &str) -> String {
    format!("{REPOSITORY}@sha256:{}", letter.repeat(64))
}

/// What a client sees of the function that serves.
fn seen(cloud: &Cloud) -> Value {
    cloud.boto(
        r#"
it = client("lambda").get_function(FunctionName="shop-dev-web", Qualifier="live")
config = it["Configuration"]
image = config.get("ImageConfigResponse", {}).get("ImageConfig", {})
answer([config["PackageType"], it["Code"]["ImageUri"], config["Architectures"],
        {key: value for key, value in image.items() if value}])
"#,
    )
}

fn story(emulator: &Emulator, keeps_all: bool) {
    let cloud = emulator.cloud();
    let world = World::new().at(&emulator.endpoint);
    world.write("rzap.yaml", &app(&digest("a")));

    assert_eq!(world.run("package").success().stdout, format!("web: image {}\n", digest("a")));
    let plan = world.run("deploy dev --dry-run --json").success();
    let changes = ["create bucket", "create function", "create log_group", "create role"];
    assert_eq!(plan.changes(), changes);
    assert_eq!(world.run("deploy dev --json").success().changes(), changes);
    assert_eq!(seen(&cloud), json!(["Image", digest("a"), ["x86_64"], {}]));
    assert_eq!(world.run("deploy dev --json").success().changes(), Vec::<String>::new());
    assert_eq!(world.run("update dev --json").success().changes(), Vec::<String>::new());
    let status = world.run("status dev --check --json").success();
    assert_eq!(status.json()["functions"][0]["image"], digest("a"));

    // Another image, and what is started in it.
    let started = "{ uri: IMAGE, command: [app.handler], entrypoint: [/run, --fast], workdir: /srv }";
    let image = if keeps_all { started.replace("IMAGE", &digest("b")) } else { digest("b") };
    world.write("rzap.yaml", &app(&image));
    let plan = world.run("deploy dev --dry-run --json").success();
    let plan_document = plan.json();
    let differences = plan_document["changes"][0]["differences"].as_array().expect("differences");
    let differences: Vec<&str> = differences.iter().filter_map(|difference| difference["field"].as_str()).collect();
    assert_eq!(differences, if keeps_all { vec!["image", "image_config"] } else { vec!["image"] }, "{plan}");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update function"]);
    let config = json!({"Command": ["app.handler"], "EntryPoint": ["/run", "--fast"], "WorkingDirectory": "/srv"});
    let config = if keeps_all { config } else { json!({}) };
    assert_eq!(seen(&cloud), json!(["Image", digest("b"), ["x86_64"], config]));

    // Only code: the next image with another processor, through `update`.
    world.edit("rzap.yaml", &digest("b"), &digest("c"));
    assert_eq!(world.run("update dev --json").success().changes(), ["update function"]);
    assert_eq!(seen(&cloud)[1], json!(digest("c")));
    assert_eq!(world.run("status dev --check").success().code, 0);
    if keeps_all {
        world.write("rzap.yaml", &app(&digest("c")).replace("    image:", "    arch: arm64\n    image:"));
        assert_eq!(world.run("deploy dev --json").success().changes(), ["update function"]);
        assert_eq!(seen(&cloud)[2], json!(["arm64"]));
        assert_eq!(world.run("status dev --check").success().code, 0);
    }

    // What Lambda does not do in place is a replacement, and somebody has to allow it.
    world.write("index.py", "def handler(event, context): ...\n");
    let zip = app("x").replace("image: x", "handler: index.handler\n    runtime: python3.13");
    world.write("rzap.yaml", &zip);
    let refused = world.run("deploy dev").failure(2);
    refused.says(&["a container image cannot become a zip package", "`rzap deploy dev --allow-replace`"]);
    world.run("update dev").failure(1).says(&["would have to be replaced", "`rzap deploy dev --allow-replace`"]);
    let plan = world.run("deploy dev --dry-run").success();
    assert!(plan.stdout.contains("\n  ± function  shop-dev-web  (deleted, then made anew)\n"), "{plan}");
    assert!(plan.stdout.contains(" → (none)  (forces the replacement)\n"), "{plan}");
    assert_eq!(seen(&cloud)[0], "Image");
    let replaced = world.run("deploy dev --allow-replace --json").success();
    assert_eq!(replaced.changes(), ["create artifact", "replace function"]);
    assert_eq!(world.run("status dev --check").success().code, 0);

    world.write("rzap.yaml", &app(&digest("a")));
    world.run("deploy dev").failure(2).says(&["a zip package cannot become a container image"]);
    world.run("update dev").failure(1).says(&["a zip package cannot become a container image"]);
    world.run("deploy dev --allow-replace").success();
    assert_eq!(seen(&cloud)[1], json!(digest("a")));
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn the_story_of_an_image_on_moto() {
    story(&Emulator::moto(), false);
}

#[test]
fn the_story_of_an_image_on_ministack() {
    story(&Emulator::ministack(), true);
}

/// A tag says nothing about what is behind it: `deploy` believes it, `update` has it resolved again.
#[test]
fn a_tag_is_sent_again_by_update_and_by_nothing_else() {
    let emulator = Emulator::moto();
    let world = World::new().at(&emulator.endpoint);
    world.write("rzap.yaml", &app(&format!("{REPOSITORY}:latest")));
    world.run("deploy dev").success();
    assert_eq!(world.run("deploy dev --json").success().changes(), Vec::<String>::new());
    let update = world.run("update dev --json").success();
    assert_eq!(update.changes(), ["update function"]);
    let difference = &update.json()["changes"][0]["differences"][0];
    assert_eq!(difference["new"], format!("{REPOSITORY}:latest"), "{update}");
    assert!(difference["old"].as_str().is_some_and(|old| old.contains("shop@sha256:")), "{update}");
    assert_eq!(world.run("status dev --check").success().code, 0);
}

#[test]
fn the_local_cloud_says_that_it_runs_no_images() {
    let world = World::new();
    world.write("rzap.yaml", &app(&digest("a")));
    let refused = world.run("deploy dev --local").failure(1);
    assert!(refused.stderr.contains("not supported by the local cloud"), "{refused}");
    world.run("undeploy dev --local --yes").success();
}
