//! What has served a stage, the way back to it, and what is cleaned up after it.

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::http;
use crate::output::Output;
use crate::without_pause::without_pause;
use crate::world::World;

/// Answers with its code's and its configuration's generation.
const APP: &str = r#"import os
GENERATION = "g1"
def handler(event, context):
    return {"statusCode": 200, "body": GENERATION + " " + os.environ["SETTING"]}
"#;

const CONFIG: &str = "app: story
runtime: python3.13
region: eu-west-1
handler: app.handler
http: rest
env: { SETTING: s1 }
stages: { dev: {} }
";

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

/// Three generations: deployed, deployed with another setting, updated.
fn three_releases(world: &World) -> String {
    let url = world.run("deploy dev --json").success().url();
    world.edit("app.py", "g1", "g2");
    world.edit("rzap.yaml", "s1", "s2");
    world.run("deploy dev").success();
    world.edit("app.py", "g2", "g3");
    world.run("update dev").success();
    url
}

/// Release, live, `rollback_to`.
fn listed(world: &World) -> Value {
    let list = world.run("releases dev --json").success().json();
    let all = list["releases"].as_array().expect("releases").iter();
    let all = all.map(|release| json!([release["number"], release["live"], release["rollback_to"]]));
    all.collect()
}

fn moves(output: &Output) -> Value {
    let document = output.json();
    let all = document["moves"].as_array().expect("moves").iter();
    let all = all.map(|one| json!([one["function"], one["from"], one["to"]]));
    json!([document["from"], document["to"], document["release"], all.collect::<Value>()])
}

fn local(world: World) -> World {
    world.env("RZAP_LOCAL", "1")
}

#[test]
fn a_rollback_brings_code_and_configuration_back() {
    let world = local(world());
    assert_eq!(
        world.run("releases dev").success().out(),
        "story dev: no releases; `rzap deploy dev` makes the first one\n"
    );
    world.run("rollback dev").failure(1).says(&["has no releases", "`rzap deploy dev"]);
    let url = three_releases(&world);
    assert_eq!(http::get(&url).text(), "g3 s2");
    assert_eq!(listed(&world), json!([[3, true, null], [2, false, null], [1, false, null]]));

    let dry = world.run("rollback dev --dry-run --json").success();
    assert_eq!(moves(&dry), json!([3, 2, null, [["web", "3", "2"]]]));
    assert_eq!(http::get(&url).text(), "g3 s2", "a dry run moves nothing");

    let back = world.run("rollback dev").success();
    assert_eq!(
        back.out(),
        "story dev: back at release 2 ([s], release 4)\n  web: version 3 → 2\n\
         rzap.yaml and the code differ from it: `rzap deploy dev` moves forward again\n"
    );
    assert_eq!(http::get(&url).text(), "g2 s2", "the update is taken back");
    let status = world.run("status dev").success();
    assert!(status.stdout.contains(", back to release 2\n"), "{status}");
    let again = world.run("rollback dev --json").success();
    assert_eq!(moves(&again), json!([4, 1, 5, [["web", "2", "1"]]]));
    assert_eq!(http::get(&url).text(), "g1 s1", "the setting comes back, too");
    assert_eq!(listed(&world)[0], json!([5, true, 1]));

    let same = world.run("rollback dev 1 --json").success();
    assert_eq!(moves(&same), json!([5, 1, null, []]), "there is nothing to move, and no new release");
    world.run("rollback dev").failure(1).says(&["no release of stage `dev` before the one that is live"]);
    world.run("rollback dev 9").failure(2).says(&["has no release 9", "there are 1 to 5"]);

    let forward = world.run("deploy dev --json").success();
    assert_eq!((forward.changes(), &forward.json()["release"]), (vec!["update function".to_owned()], &json!(6)));
    assert_eq!(http::get(&url).text(), "g3 s2");
    // What served before that was a rollback to 1.
    assert_eq!(moves(&world.run("rollback dev --dry-run --json").success()), json!([6, 1, null, [["web", "3", "1"]]]));
    let listed = world.run("releases dev --limit 2").success();
    assert!(listed.stdout.contains("live") && listed.stdout.contains("4 older: `--limit` shows more"), "{listed}");
}

#[test]
fn a_rollback_that_was_killed_is_brought_to_its_end() {
    let world = local(world());
    let url = three_releases(&world);
    // As it is after the move and before the record.
    world.local().boto("client('lambda').update_alias(FunctionName='story-dev-web', Name='live', FunctionVersion='2')");
    let ended = world.run("rollback dev --json").success();
    assert_eq!(moves(&ended), json!([2, 2, 4, []]));
    assert_eq!(http::get(&url).text(), "g2 s2");
    assert_eq!(listed(&world)[0], json!([4, true, 2]));

    // A share that somebody gave away by hand ends with it.
    world.local().boto(
        "client('lambda').update_alias(FunctionName='story-dev-web', Name='live',
             RoutingConfig={'AdditionalVersionWeights': {'3': 1.0}})",
    );
    assert_eq!(http::get(&url).text(), "g3 s2");
    assert_eq!(moves(&world.run("rollback dev 2 --json").success()), json!([4, 2, 5, [["web", "3", "2"]]]));
    assert_eq!(http::get(&url).text(), "g2 s2");
}

#[test]
fn nothing_moves_when_something_is_gone() {
    let world = local(World::new().app("multi"));
    world.run("deploy dev").success();
    for file in ["web/web.py", "worker/worker.py"] {
        let text = world.read(file);
        world.write(file, &format!("# changed\n{text}"));
    }
    world.run("deploy dev").success();
    world.local().boto("client('lambda').delete_function(FunctionName='multi-dev-worker', Qualifier='1')");
    let refused = world.run("rollback dev").failure(1);
    refused.says(&["release 1 of stage `dev` cannot serve again: version 1 of `worker` is gone", "rzap deploy dev"]);
    let live = world.local().boto(
        "answer([client('lambda').get_alias(FunctionName='multi-dev-' + name, Name='live')['FunctionVersion']
                 for name in ('web', 'worker')])",
    );
    assert_eq!(live, json!(["2", "2"]));
}

#[test]
fn clients_see_no_error_while_a_stage_goes_back() {
    let world = local(world());
    let url = three_releases(&world);
    let answers = without_pause(&url, 3, |asked| {
        for (command, new) in
            [("releases dev", "200 g3 s2"), ("rollback dev", "200 g2 s2"), ("rollback dev", "200 g1 s1")]
        {
            world.run(command).success();
            asked.until(new);
        }
    });
    let kinds: Vec<&str> = answers.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["200 g1 s1", "200 g2 s2", "200 g3 s2"], "{answers:?}");
}

#[test]
fn the_same_story_on_ministack() {
    let emulator = Emulator::ministack();
    let world = world().at(&emulator.endpoint);
    let url = three_releases(&world);
    assert_eq!(http::get(&url).text(), "g3 s2");
    assert_eq!(moves(&world.run("rollback dev --json").success()), json!([3, 2, 4, [["web", "3", "2"]]]));
    assert_eq!(http::get(&url).text(), "g2 s2");
    assert_eq!(moves(&world.run("rollback dev --json").success()), json!([4, 1, 5, [["web", "2", "1"]]]));
    assert_eq!(http::get(&url).text(), "g1 s1");
    assert_eq!(listed(&world)[0], json!([5, true, 1]));
    world.run("undeploy dev --yes").success();
    emulator.cloud().is_empty();
}

#[test]
fn the_control_plane_of_a_rollback_on_moto() {
    let emulator = Emulator::moto();
    let world = world().at(&emulator.endpoint);
    three_releases(&world);
    let live = || {
        emulator
            .cloud()
            .boto("answer(client('lambda').get_alias(FunctionName='story-dev-web', Name='live')['FunctionVersion'])")
    };
    let newest = live();
    let back = world.run("rollback dev 1 --json").success();
    assert_eq!(moves(&back), json!([3, 1, 4, [["web", newest, "1"]]]));
    assert_eq!(live(), json!("1"));
    assert_eq!(listed(&world)[0], json!([4, true, 1]));
}

/// The versions of the story's function.
fn versions(cloud: &crate::cloud::Cloud) -> Value {
    cloud.boto(
        "answer([item['Version'] for item in every('lambda', 'list_versions_by_function', 'Versions',
                 FunctionName='story-dev-web') if item['Version'] != '$LATEST'])",
    )
}

/// Updates until the function has this many versions, from `first` on.
fn generations(world: &World, first: usize, last: usize) {
    for generation in first..=last {
        world.edit("app.py", &format!("g{}", generation - 1), &format!("g{generation}"));
        world.run("update dev").success();
    }
}

#[test]
fn versions_that_no_release_needs_go() {
    let world = local(world());
    world.run("deploy dev").success();
    generations(&world, 2, 3);
    // Somebody else's aliases count, also with a share.
    world.local().boto(
        "client('lambda').create_alias(FunctionName='story-dev-web', Name='held', FunctionVersion='3',
             RoutingConfig={'AdditionalVersionWeights': {'1': 0.1}})",
    );
    generations(&world, 4, 8);
    assert_eq!(versions(&world.local()), json!(["1", "3", "4", "5", "6", "7", "8"]));
    world.run("rollback dev 2").failure(1).says(&["version 2 of `web` is gone"]);
    let url = world.run("status dev --json").success().url();
    world.run("rollback dev 4").success();
    assert_eq!(http::get(&url).text(), "g4 s1");

    // The last five releases are 6 to 10 then, and the ninth is the rollback to 4.
    generations(&world, 9, 9);
    assert_eq!(versions(&world.local()), json!(["1", "3", "4", "6", "7", "8", "9"]));
    world.run("rollback dev 9").success();
    assert_eq!(http::get(&url).text(), "g4 s1", "the version of a rollback is one that is kept");
}

#[test]
fn others_delete_the_same_versions() {
    let ministack = Emulator::ministack();
    let world = world().at(&ministack.endpoint);
    world.run("deploy dev").success();
    generations(&world, 2, 7);
    assert_eq!(versions(&ministack.cloud()), json!(["3", "4", "5", "6", "7"]));
    let url = world.run("rollback dev 3 --json").success();
    assert_eq!(moves(&url), json!([7, 3, 8, [["web", "7", "3"]]]));
    let url = world.run("status dev --json").success().url();
    assert_eq!(http::get(&url).text(), "g3 s1");
}

/// Two functions, of which the first has the API.
const TWO: &str = "app: story
runtime: python3.13
region: eu-west-1
functions:
  one: { handler: app.one, http: API }
  two: { handler: app.two }
stages: { dev: {} }
";

/// The API moves from one function to the other, and back with a rollback.
fn goes_back_with_its_api(world: &World, api: &str) {
    let answer =
        |name: &str| format!("def {name}(event, context):\n    return {{'statusCode': 200, 'body': '{name}'}}\n");
    world.write("app.py", &format!("{}{}", answer("one"), answer("two")));
    world.write("rzap.yaml", &TWO.replace("API", api));
    let url = format!("{}/", world.run("deploy dev --json").success().url());
    assert_eq!(http::get(&url).text(), "one");
    world.edit("rzap.yaml", &format!("app.one, http: {api} }}"), "app.one }");
    world.edit("rzap.yaml", "app.two }", &format!("app.two, http: {api} }}"));
    world.run("deploy dev").success();
    assert_eq!(http::get(&url).text(), "two");
    for (target, body, new) in [("", "one", 3), ("2", "two", 4), ("1", "one", 5)] {
        let back = world.run(&format!("rollback dev {target} --json")).success().json();
        assert_eq!((&back["api"], &back["moves"], &back["release"]), (&json!(true), &json!([]), &json!(new)));
        assert_eq!(http::get(&url).text(), body);
    }
    let done = world.run("rollback dev 1 --json").success().json();
    assert_eq!((&done["api"], &done["release"]), (&json!(false), &Value::Null));
    assert_eq!(world.run("deploy dev --json").success().changes().len(), 1, "the API moves forward again");
    assert_eq!(http::get(&url).text(), "two");
}

#[test]
fn a_rest_api_goes_back_with_its_functions() {
    goes_back_with_its_api(&local(World::new()), "rest");
}

#[test]
fn an_http_api_goes_back_with_its_functions() {
    goes_back_with_its_api(&local(World::new()), "http");
    let emulator = Emulator::ministack();
    goes_back_with_its_api(&World::new().at(&emulator.endpoint), "http");
}

#[test]
fn an_api_that_is_gone_does_not_come_back() {
    let world = local(world());
    world.run("deploy dev").success();
    world.edit("rzap.yaml", "http: rest", "http: url");
    world.edit("app.py", "g1", "g2");
    world.run("deploy dev --allow-replace").success();
    world
        .run("rollback dev")
        .failure(1)
        .says(&["release 1 of stage `dev` cannot serve again: the REST API", "is gone"]);
    let url = world.run("status dev --json").success().url();
    assert_eq!(http::get(&url).text(), "g2 s1");
}

#[test]
fn a_url_answers_as_it_did_in_that_release() {
    let app = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'g1']\n";
    let config = "app: story\nruntime: python3.13\nregion: eu-west-1\nwsgi: app:app\nhttp: url\nstream: true\n\
                  stages: { dev: {} }\n";
    let world = local(World::new().file("app.py", app).file("rzap.yaml", config));
    let url = world.run("deploy dev --json").success().url();
    world.edit("rzap.yaml", "stream: true", "stream: false");
    world.edit("app.py", "g1", "g2");
    world.run("deploy dev").success();
    let mode = || {
        world.local().boto(
            "answer(client('lambda').get_function_url_config(FunctionName='story-dev-web', Qualifier='live')['InvokeMode'])",
        )
    };
    assert_eq!((http::get(&url).text(), mode()), ("g2".to_owned(), json!("BUFFERED")));
    let back = world.run("rollback dev --json").success().json();
    assert_eq!(back["moves"][0]["url"], "streaming");
    assert_eq!((http::get(&url).text(), mode()), ("g1".to_owned(), json!("RESPONSE_STREAM")));
    world.local().boto("client('lambda').delete_function_url_config(FunctionName='story-dev-web', Qualifier='live')");
    world.run("rollback dev 2").failure(1).says(&["the URL of `web` is gone"]);
}

#[test]
fn a_layer_that_is_gone_still_serves_its_old_version() {
    let config = "app: story\nruntime: python3.13\nregion: eu-west-1\nhandler: app.handler\nlayers: [layers/common]\n\
                  stages: { dev: {} }\n";
    let app = "import shared\ndef handler(event, context):\n    return shared.WHO\n";
    let world = local(World::new().file("rzap.yaml", config).file("app.py", app));
    world.write("layers/common/python/shared.py", "WHO = 'one'\n");
    world.run("deploy dev").success();
    world.edit("layers/common/python/shared.py", "one", "two");
    world.run("deploy dev").success();
    let answer = || world.run("invoke dev").success().json();
    assert_eq!((answer(), world.local().inventory()["layers"].as_array().map(Vec::len)), (json!("two"), Some(1)));
    world.run("rollback dev").success();
    assert_eq!(answer(), json!("one"));
}
