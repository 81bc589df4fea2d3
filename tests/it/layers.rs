//! Layers: folders and dependencies of their own, published once, and gone when nobody has them.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::world::World;

const PYTHON: &str = r#"
import os
import shared

try:
    import six
except ImportError:
    six = None

def handler(event, context):
    return {"shared": shared.WHO, "six": six and six.__version__, "code": "one"}
"#;

const CONFIG: &str = "
app: shop
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  first: { handler: app.handler }
  second: { handler: app.handler }
stages: { dev: {} }
";

/// Two functions with one layer folder.
fn shop() -> World {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", PYTHON);
    world.file("layers/common/python/shared.py", "WHO = 'one'\n")
}

fn answer(world: &World, function: &str) -> Value {
    world.run(&format!("invoke dev {function} --local")).success().json()
}

/// The layers of every function, by name and version.
fn layers_of(cloud: &Cloud) -> Value {
    cloud.boto(
        r#"answer({
            item["FunctionName"]: [layer["Arn"].split(":", 6)[6] for layer in item.get("Layers", [])]
            for item in every("lambda", "list_functions", "Functions")
        })"#,
    )
}

fn names(cloud: &Cloud) -> Vec<String> {
    let inventory = cloud.inventory();
    let layers = inventory["layers"].as_array().expect("layers");
    layers.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The names in the artifact bucket of what one run uploaded, and how large they are.
fn uploaded(cloud: &Cloud) -> Vec<u64> {
    let sizes = cloud.boto(
        r#"answer(sorted(
            item["Size"] for name in [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
            for item in every("s3", "list_objects_v2", "Contents", Bucket=name) if item["Key"].endswith(".zip")
        ))"#,
    );
    sizes.as_array().expect("a list").iter().filter_map(Value::as_u64).collect()
}

#[test]
fn a_folder_is_published_once_and_replaced_when_it_changes() {
    let world = shop();
    let first = world.run("deploy dev --local --json").success();
    let kinds = first.changes();
    assert_eq!(kinds.iter().filter(|change| *change == "create layer").count(), 1, "{first}");
    assert_eq!(answer(&world, "first"), json!({"shared": "one", "six": null, "code": "one"}));
    let cloud = world.local();
    let before = names(&cloud);
    assert!(before.len() == 1 && before[0].starts_with("shop-dev-common-"), "{before:?}");
    let has = format!("{}:1", before[0]);
    assert_eq!(layers_of(&cloud), json!({"shop-dev-first": [has], "shop-dev-second": [has]}));
    world.run("status dev --local --check").success();
    assert_eq!(world.run("deploy dev --local --json").success().changes(), [""; 0]);

    world.edit("layers/common/python/shared.py", "one", "two");
    let plan = world.run("deploy dev --local --dry-run --json").success().changes();
    assert_eq!(plan, ["create artifact", "create layer", "delete layer", "update function", "update function"]);
    let second = world.run("deploy dev --local --json").success();
    let changes = second.changes();
    assert_eq!(changes, ["create artifact", "create layer", "delete layer", "update function", "update function"]);
    for function in ["first", "second"] {
        assert_eq!(answer(&world, function)["shared"], "two");
    }
    let after = names(&cloud);
    assert!(after.len() == 1 && after != before, "{before:?} {after:?}");

    // The code has none of it, and taking the layer away takes it away.
    world.edit("rzap.yaml", "layers: [layers/common]\n", "");
    world.write("shared.py", "WHO = 'code'\n");
    world.run("deploy dev --local").success();
    assert_eq!(answer(&world, "first")["shared"], "code");
    assert_eq!(names(&cloud), [""; 0]);

    world.run("undeploy dev --local --yes").success();
    cloud.is_empty();
}

#[test]
fn dependencies_in_a_layer_of_their_own_are_uploaded_once() {
    let world = shop().file("requirements.txt", "six==1.16.0\n");
    world.edit("rzap.yaml", "layers: [", "layer: auto\nlayers: [");
    world.run("deploy dev --local").success();
    assert_eq!(answer(&world, "first"), json!({"shared": "one", "six": "1.16.0", "code": "one"}));
    let cloud = world.local();
    let (published, sizes) = (names(&cloud), uploaded(&cloud));
    assert_eq!(published.len(), 2, "{published:?}");
    assert_eq!(sizes.len(), 3, "the code, the folder, the dependencies: {sizes:?}");

    // A change of the code uploads the code, and nothing is published.
    world.edit("app.py", "\"code\": \"one\"", "\"code\": \"two\"");
    let update = world.run("update dev --local --json").success();
    assert_eq!(update.changes(), ["update function", "update function"]);
    assert_eq!(answer(&world, "second")["code"], "two");
    assert_eq!(names(&cloud), published);
    assert_eq!(uploaded(&cloud), sizes, "small packages do not go by the bucket");
    let size = &update.json()["changes"][0]["differences"];
    let size = size.as_array().expect("differences").iter().find(|it| it["field"] == "code_size").expect("a size");
    assert!(size["new"].as_u64().is_some_and(|bytes| bytes < 2000), "{size} for a change of the code");

    // A user's layer over a dependency, the code over both.
    world.write("layers/common/python/six.py", "__version__ = 'mine'\n");
    world.run("update dev first --local").success();
    assert_eq!(answer(&world, "first")["six"], "mine");
    assert_eq!(answer(&world, "second")["six"], "1.16.0");
    // The second function still has the layer that the first one had.
    assert_eq!(names(&cloud).len(), 3, "{:?}", names(&cloud));
    world.run("update dev --local").success();
    assert_eq!(answer(&world, "second")["six"], "mine");
    assert_eq!(names(&cloud).len(), 2, "{:?}", names(&cloud));

    // A dependency that changes is another layer, for `update` too.
    std::fs::remove_file(world.project().join("layers/common/python/six.py")).expect("it is there");
    world.write("requirements.txt", "six==1.17.0\n");
    let update = world.run("update dev --local --json").success();
    let changes = update.changes();
    assert_eq!(changes.iter().filter(|change| *change == "create layer").count(), 2, "{update}");
    assert_eq!(answer(&world, "first")["six"], "1.17.0");
    world.run("status dev --local --check").success();

    // Back into the package: no layer, one zip.
    world.edit("rzap.yaml", "layer: auto\n", "");
    world.run("deploy dev --local").success();
    assert_eq!(answer(&world, "first")["six"], "1.17.0");
    assert_eq!(names(&cloud).len(), 1);
    world.run("undeploy dev --local --yes").success();
    cloud.is_empty();
}

#[test]
fn node_finds_its_dependencies_in_a_layer_by_require_and_by_import() {
    let config = "
app: shop
runtime: nodejs22.x
region: eu-west-1
layer: auto
layers: [tools]
functions:
  common: { handler: common.handler }
  modern: { handler: modern.handler }
stages: { dev: {} }
";
    let world = World::new()
        .file("rzap.yaml", config)
        .file("package.json", r#"{"dependencies": {"greeting": "1.0.0"}}"#)
        .file("node_modules/greeting/package.json", r#"{"name": "greeting", "version": "1.0.0"}"#)
        .file("node_modules/greeting/index.js", "exports.hello = 'hello';")
        .file("tools/nodejs/node_modules/tool/index.js", "exports.name = 'tool';")
        .file(
            "common.js",
            "const { hello } = require('greeting');
             exports.handler = async () => [hello, require('tool').name, require.resolve('greeting')];",
        )
        .file(
            "modern.mjs",
            "import greeting from 'greeting'; import tool from 'tool';
             export const handler = async () => [greeting.hello, tool.name];",
        );
    world.run("deploy dev --local").success();
    let common = answer(&world, "common");
    assert_eq!((&common[0], &common[1]), (&json!("hello"), &json!("tool")));
    assert!(!common[2].as_str().unwrap_or_default().starts_with("/var/task"), "{common}");
    assert_eq!(answer(&world, "modern"), json!(["hello", "tool"]));
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}

#[test]
fn old_code_and_new_layers_need_not_fit_together() {
    // 140 MB of zeros: they fit into the code or into a layer, but not into both at once.
    let world = shop();
    let big = world.project().join("big.bin");
    let file = std::fs::File::create(&big).expect("a file");
    file.set_len(140 << 20).expect("a size");
    world.run("deploy dev --local").success();
    std::fs::rename(&big, world.project().join("layers/common/big.bin")).expect("it moves");
    world.run("deploy dev --local").success();
    world.run("status dev --local --check").success();
    assert_eq!(answer(&world, "first")["shared"], "one");

    // And back.
    std::fs::rename(world.project().join("layers/common/big.bin"), &big).expect("it moves");
    world.run("deploy dev --local").success();
    world.run("status dev --local --check").success();

    // Both at once never fit: that is seen before anything is uploaded.
    std::fs::copy(&big, world.project().join("layers/common/big.bin")).expect("it is copied");
    world.run("deploy dev --local").failure(1).says(&["its layers 140.", "in layers:", "layers/common"]);
}

#[test]
fn a_deploy_killed_between_layers_and_functions_is_finished_by_the_next_one() {
    for moment in ["created   layer", "waiting until it is active", "updated   function", "deleted   layer"] {
        let world = shop();
        let update = moment.contains("updated") || moment.contains("deleted");
        if update {
            world.run("deploy dev --local").success();
            world.edit("layers/common/python/shared.py", "one", "two");
        }
        let mut deploy = world.start("deploy dev --local");
        assert!(deploy.says(moment), "it never said `{moment}`\n{}", deploy.wait());
        deploy.kill();
        deploy.wait();
        world.run("deploy dev --local").success();
        world.run("status dev --local --check").success();
        assert_eq!(answer(&world, "second")["shared"], if update { "two" } else { "one" });
        assert_eq!(names(&world.local()).len(), 1);
        world.run("undeploy dev --local --yes").success();
        world.local().is_empty();
    }
}

#[test]
fn a_layer_of_somebody_else_is_not_touched() {
    let world = shop();
    world.run("deploy dev --local").success();
    let cloud = world.local();
    let published = names(&cloud);
    // One with a name that begins like ours, and a deletion by hand of ours.
    let publish =
        r#"client("lambda").publish_layer_version(LayerName="shop-dev-theirs", Content={"ZipFile": package(a="1")})"#;
    cloud.boto(publish);
    let delete = format!(r#"client("lambda").delete_layer_version(LayerName="{}", VersionNumber=1)"#, published[0]);
    cloud.boto(&delete);
    world.run("status dev --local --check").failure(3);
    assert_eq!(world.run("deploy dev --local --json").success().changes(), ["create layer"]);
    assert_eq!(answer(&world, "first")["shared"], "one");
    world.run("undeploy dev --local --yes").success();
    assert_eq!(names(&cloud), ["shop-dev-theirs"]);
}

#[test]
fn layers_that_cannot_be_built_are_neither_missing_nor_too_many() {
    let world = shop();
    world.run("deploy dev --local").success();
    let key = format!("-----BEGIN {}-----\n{}\n", "PRIVATE KEY", "A".repeat(64));
    world.write("layers/common/python/key.pem", &key);
    let status = world.run("status dev --local --json").success();
    assert_eq!(status.says(&["the code cannot be compared"]).changes(), [""; 0], "{status}");
    let layers = &status.json()["functions"][0]["layers"];
    assert!(layers[0].as_str().unwrap_or_default().starts_with("shop-dev-common-"), "{status}");
}

#[test]
fn the_aws_cli_publishes_and_attaches_layers() {
    let world = shop();
    world.run("deploy dev --local").success();
    let cloud = world.local();
    cloud.boto(r#"open(os.path.join(os.environ["HOME"], "layer.zip"), "wb").write(package(a="1"))"#);
    let json =
        |text: String| -> Value { serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")) };
    let publish = ["lambda", "publish-layer-version", "--layer-name", "mine", "--zip-file", "fileb://layer.zip"];
    let arn = json(cloud.aws(&publish))["LayerVersionArn"].as_str().unwrap_or_default().to_owned();
    assert_eq!(arn, "arn:aws:lambda:eu-west-1:000000000000:layer:mine:1");
    let query = ["--query", "Layers[].LayerName"];
    assert_eq!(json(cloud.aws(&[&["lambda", "list-layers"], &query[..]].concat()))[0], "mine");
    let by_arn = json(cloud.aws(&["lambda", "get-layer-version-by-arn", "--arn", &arn]));
    assert_eq!(by_arn["Version"], 1);

    // Somebody else's layer of this account goes by its ARN, under ours or over it.
    world.edit("rzap.yaml", "[layers/common]", &format!("['{arn}', layers/common]"));
    world.run("deploy dev --local").success();
    world.run("status dev --local --check").success();
    let found =
        ["lambda", "get-function-configuration", "--function-name", "shop-dev-first:live", "--query", "Layers[].Arn"];
    let layers = json(cloud.aws(&found));
    assert_eq!(layers[0], arn.as_str());
    assert!(layers[1].as_str().unwrap_or_default().contains(":layer:shop-dev-common-"), "{layers}");
    cloud.aws(&["lambda", "delete-layer-version", "--layer-name", "mine", "--version-number", "1"]);
    assert_eq!(answer(&world, "first")["shared"], "one");
    world.edit("rzap.yaml", "runtime: python3.13", "runtime: python3.13\nmemory: 256");
    world.run("deploy dev --local").success();
    world.run("undeploy dev --local --yes").success();
    cloud.is_empty();
}

#[test]
fn folders_of_equal_content_are_one_layer() {
    let world = shop().file("layers/again/python/shared.py", "WHO = 'one'\n");
    world.edit(
        "rzap.yaml",
        "second: { handler: app.handler }",
        "second: { handler: app.handler, layers: [layers/again] }",
    );
    world.edit("rzap.yaml", "[layers/common]", "[layers/common, layers/again]");
    world.run("deploy dev --local").success();
    let cloud = world.local();
    let published = names(&cloud);
    assert!(published.len() == 1 && published[0].starts_with("shop-dev-again-"), "{published:?}");
    let has = format!("{}:1", published[0]);
    assert_eq!(layers_of(&cloud), json!({"shop-dev-first": [has], "shop-dev-second": [has]}));
    world.run("status dev --local --check").success();
}

#[test]
fn what_a_layer_lacks_is_said_before_anything_is_uploaded() {
    let world = shop().file("layers/wrong/module.py", "").file("layers/empty/.DS_Store", "");
    world.edit("rzap.yaml", "[layers/common]", "[layers/wrong]");
    world.run("package dev").success().says(&["layer layers/wrong", "python3.13 finds nothing in it"]);
    world.edit("rzap.yaml", "[layers/wrong]", "[layers/empty]");
    world.run("package dev").failure(1).says(&["there is nothing to pack in the layer layers/empty"]);
    let foreign = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:3";
    world.edit("rzap.yaml", "[layers/empty]", &format!("['{foreign}', layers/common]"));
    let packages = world.run("package dev --json").success().json();
    assert_eq!(packages["packages"]["first"]["layers"][0], json!({"arn": foreign}));
    assert_eq!(packages["packages"]["first"]["layers"][1]["own"]["part"], "common");
    let shown = world.run("package dev --output zips").success().out();
    assert!(shown.contains(&format!("layer {foreign}: only Lambda knows how large it is")), "{shown}");
    assert!(shown.contains("layer common: "), "{shown}");
    let zips = std::fs::read_dir(world.project().join("zips")).expect("zips").flatten();
    let layers = zips.filter(|zip| zip.file_name().to_string_lossy().starts_with("layer-common-"));
    assert_eq!(layers.count(), 1);
    world.run("deploy dev --local").failure(1).says(&["layers of other accounts is not supported by the local cloud"]);
}

#[test]
fn layers_come_and_go_on_ministack_and_on_moto() {
    for emulator in [Emulator::ministack(), Emulator::moto()] {
        let cloud = emulator.cloud();
        let world = shop().at(&emulator.endpoint);
        world.run("deploy dev").success();
        let published = names(&cloud);
        assert_eq!(published.len(), 1, "{published:?}");
        let has = format!("{}:1", published[0]);
        assert_eq!(layers_of(&cloud), json!({"shop-dev-first": [has], "shop-dev-second": [has]}));
        assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);
        world.edit("layers/common/python/shared.py", "one", "two");
        world.run("deploy dev").success();
        let after = names(&cloud);
        assert!(after.len() == 1 && after != published, "{published:?} {after:?}");
        assert_eq!(layers_of(&cloud)["shop-dev-first"], json!([format!("{}:1", after[0])]));
        world.run("undeploy dev --yes").success();
        cloud.is_empty();
    }
}
