//! The main job on the local cloud: a folder becomes an app that answers, changes, and goes away again.

use serde_json::json;

use crate::http;
use crate::process::wait_for;
use crate::world::World;

#[test]
fn a_flask_app_is_deployed_and_its_url_answers() {
    let world = World::new().app("guestbook");
    let output = world.run("deploy dev --local").success();
    insta::assert_snapshot!(output.out(), @r"
    guestbook dev: 6 created ([s], release 1)
    http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/
    ");
    let url = output.stdout.lines().last().unwrap_or_default().trim_end_matches('/').to_owned();

    let page = http::get(&format!("{url}/"));
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("Nobody has signed yet."), "{}", page.text());

    // The links in the page work: the app knows under which path it is served.
    let text = page.text();
    let (_, after) = text.split_once("rel=\"stylesheet\" href=\"").expect("a stylesheet");
    let (style, _) = after.split_once('"').expect("its address");
    let host = url.split("/_aws").next().unwrap_or_default();
    let css = http::get(&format!("{host}{style}"));
    assert_eq!((css.status, css.header("content-type")), (200, Some("text/css; charset=utf-8")));
    let icon = http::get(&format!("{url}/favicon.ico"));
    let png = std::fs::read(world.project().join("static/favicon.png")).expect("the icon");
    assert!(icon.bytes == png, "a binary answer came back changed");

    // A form, a redirect and a session cookie.
    let signed = http::post_form(&format!("{url}/sign"), "name=Ada+Z%C3%BCrich&message=Hello%0Athere");
    assert_eq!(signed.status, 303);
    let back = signed.header("location").expect("a redirect").to_owned();
    let cookies = signed.headers("set-cookie");
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let cookie = cookies[0].split(';').next().unwrap_or_default();
    let again = http::request("GET", &format!("{host}{back}"), &[("cookie", cookie)], "");
    for text in ["Thank you, Ada Zürich!", "value=\"Ada Zürich\"", "Hello"] {
        assert!(again.text().contains(text), "no {text}: {}", again.text());
    }
    assert_eq!(http::get(&format!("{url}/missing")).status, 404);
}

#[test]
fn a_second_deploy_changes_nothing_and_says_so() {
    let world = World::new().app("guestbook");
    world.run("deploy dev --local").success();
    let before = world.local().boto(WRITES);
    let text = world.run("deploy dev --local").success();
    insta::assert_snapshot!(text.out(), @r"
    guestbook dev: nothing to change ([s], release 1)
    http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/
    ");
    insta::assert_snapshot!(text.err(), @"✓ package   web  [size] in [n] files");
    let document = world.run("deploy dev --local --json").success();
    assert_eq!(document.changes(), [""; 0]);
    assert_eq!(document.json()["release"], 1);
    // Not even the same bytes again: no object and no function was written.
    assert_eq!(world.local().boto(WRITES), before);
    insta::assert_snapshot!(world.run("deploy dev --local --dry-run").success().out(), @"guestbook dev: nothing to change");
}

/// When everything was written last.
const WRITES: &str = r#"
bucket = client("s3").list_buckets()["Buckets"][0]["Name"]
answer([
    [(item["Key"], item["LastModified"]) for item in every("s3", "list_objects_v2", "Contents", Bucket=bucket)],
    [(item["Version"], item["LastModified"]) for item in every("lambda", "list_versions_by_function", "Versions", FunctionName="guestbook-dev-web")],
    [(item["id"], item["createdDate"]) for item in client("apigateway").get_deployments(restApiId=client("apigateway").get_rest_apis()["items"][0]["id"])["items"]],
])
"#;

#[test]
fn a_dry_run_shows_everything_and_makes_nothing() {
    let world = World::new().app("multi");
    let output = world.run("deploy dev --local --dry-run").success();
    insta::assert_snapshot!(output.out(), @r"
    multi dev: 10 to create
      + artifact bucket  rzap-000000000000-eu-west-1
      + role             multi-dev-web-eu-west-1
      + role             multi-dev-worker-eu-west-1
      + log group        /aws/lambda/multi-dev-web
      + log group        /aws/lambda/multi-dev-worker
      + artifact         multi/[sha256]….zip
      + artifact         multi/[sha256]….zip
      + function         multi-dev-web
      + function         multi-dev-worker
      + API              multi-dev
    ");
    world.local().is_empty();
}

#[test]
fn an_edit_is_live_after_an_update() {
    let world = World::new().app("guestbook");
    let url = world.run("deploy dev --local --json").success().url();
    world.edit("guestbook.py", "return jsonify(entries=newest_first())", "return jsonify(edited=True)");

    // Seen as a difference before, gone after.
    assert_eq!(
        world.run("status dev --local --check --json").failure(3).changes(),
        ["create artifact", "update function"]
    );
    let update = world.run("update dev --local").success();
    insta::assert_snapshot!(update.out(), @"guestbook dev: web is version 2 ([s])");
    assert_eq!(http::get(&format!("{url}/api/entries")).json(), json!({"edited": true}));
    let status = world.run("status dev --local --check --json").success();
    assert_eq!(status.json()["functions"][0]["version"], "2");
    assert_eq!(status.json()["release"], 2);

    let again = world.run("update dev --local --json").success();
    assert_eq!(again.changes(), [""; 0]);
    assert_eq!(again.json()["functions"][0]["version"], "2");
}

#[test]
fn an_update_needs_a_deploy_before_it() {
    let world = World::new().app("hello-python");
    insta::assert_snapshot!(world.run("update dev --local --quiet").failure(1).err(), @r"
    error: the function `web` of stage `dev` is not deployed
    hint: run `rzap deploy dev --local` first; `update` changes code only
    ");
    world.local().is_empty();
}

#[test]
fn a_change_by_hand_is_found_and_put_back() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    world.run("status dev --local --check").success();

    world
        .local()
        .boto("client('lambda').update_function_configuration(FunctionName='multi-dev-worker', MemorySize=1024)");
    insta::assert_snapshot!(world.run("status dev --local --check").failure(3).out(), @r"
    multi dev  eu-west-1, at http://127.0.0.1:[port]
    http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/
    release 1, [ago] ([time]) by root

    function  state   version  runtime      memory  last change
    web       Active        1  python3.13   256 MB  [ago]
    worker    Active        1  python3.13  1024 MB  [ago]

    changed by hand since release 1: 1 different (`rzap deploy dev` puts it back)
      ~ function  multi-dev-worker
          memory: 1024 MB → 256 MB
          serving: the alias `live` does not serve this yet
    ");
    assert_eq!(world.run("deploy dev --local --json").success().changes(), ["update function"]);
    world.run("status dev --local --check").success();

    // What somebody deleted comes back, too.
    world.local().boto(
        "api = client('apigateway'); api.delete_rest_api(restApiId=api.get_rest_apis()['items'][0]['id'])\n\
         client('logs').delete_log_group(logGroupName='/aws/lambda/multi-dev-web')",
    );
    let back = world.run("deploy dev --local --json").success();
    assert_eq!(back.changes(), ["create api", "create log_group"]);
    assert_eq!(http::get(&format!("{}/x", back.url())).status, 200);
    world.run("status dev --local --check").success();
}

#[test]
fn what_leaves_the_config_leaves_the_cloud() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    let config = std::fs::read_to_string(world.project().join("rzap.yaml")).expect("the config");
    let (before, rest) = config.split_once("  worker:\n").expect("a worker");
    let (_, stages) = rest.split_once("\nstages:").expect("stages");
    let (stages, _) = stages.split_once("    functions:").expect("an override");
    world.write("rzap.yaml", &format!("{before}\nstages:{stages}"));

    let changed = world.run("deploy dev --local --json").success();
    assert!(changed.changes().contains(&"delete function".to_owned()), "{changed}");
    let left = world.local().inventory();
    assert_eq!(left["functions"], json!(["multi-dev-web"]));
    // Logs stay as long as the stage does.
    assert_eq!(left["log groups"], json!(["/aws/lambda/multi-dev-web", "/aws/lambda/multi-dev-worker"]));
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}

#[test]
fn undeploy_wants_a_yes_and_leaves_nothing() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    world.args(&["invoke", "dev", "worker", "--local", "--payload", r#"{"numbers": []}"#]).success();
    let before = world.local().inventory();
    insta::assert_snapshot!(world.run("undeploy dev --local").failure(2).err(), @r"
    multi dev in eu-west-1 (account 000000000000), to delete:
      - API              multi-dev  (http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/ stops answering for good)
      - function         multi-dev-worker  (with all its versions)
      - function         multi-dev-web  (with all its versions)
      - artifact         multi/[sha256]….zip
      - artifact         multi/[sha256]….zip
      - release history  multi/dev/  (with the list of releases)
      - log group        /aws/lambda/multi-dev-worker  (with all its logs)
      - log group        /aws/lambda/multi-dev-web  (with all its logs)
      - role             multi-dev-worker-eu-west-1
      - role             multi-dev-web-eu-west-1
      - artifact bucket  rzap-000000000000-eu-west-1
    error: deleting a stage needs a yes, and nobody is there to ask
    hint: `rzap undeploy dev --yes --local`
    ");
    assert_eq!(world.local().inventory(), before);

    let gone = world.run("undeploy dev --local --yes").success();
    insta::assert_snapshot!(gone.out(), @"multi dev: 11 deleted ([s])");
    world.local().is_empty();
    insta::assert_snapshot!(world.run("undeploy dev --local --yes").success().out(), @"multi dev: nothing is deployed");
}

#[test]
fn undeploy_can_keep_the_logs_and_never_takes_a_protected_stage() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    world.run("deploy prod --local").success();
    insta::assert_snapshot!(world.run("undeploy prod --local --yes").failure(1).err(), @r"
    error: stage `prod` is protected
    hint: remove `protect: true` from rzap.yaml if you mean it
    ");

    world.run("undeploy dev --local --yes --keep-logs").success();
    let left = world.local().inventory();
    assert_eq!(left["functions"], json!(["multi-prod-web", "multi-prod-worker"]));
    assert!(left["log groups"].to_string().contains("/aws/lambda/multi-dev-worker"), "{left}");
    world.run("status prod --local --check").success();
}

#[test]
fn the_state_of_the_local_cloud_survives_a_restart() {
    let world = World::new().app("guestbook");
    // Not the port that all others try first: one of them could take it while this cloud is stopped.
    world.run(&format!("local start --port {}", crate::emulator::free_port())).success();
    let url = world.run("deploy dev --local --json").success().url();
    http::post_form(&format!("{url}/sign"), "name=Ada&message=Hello");
    world.run("tail dev --local --no-follow").success();

    insta::assert_snapshot!(world.run("local stop").success().out(), @"the local cloud has stopped; its state is kept");
    insta::assert_snapshot!(world.run("local status").success().out(), @r"
    the local cloud is not running
    state    [world]/state
    ");
    assert!(http::try_request("GET", &url, &[], "").is_err(), "something answers still");
    world.run("local start").success();

    // The same address, and a fresh process behind it: what lay in its /tmp is gone, as on AWS.
    assert_eq!(http::get(&format!("{url}/api/entries")).json(), json!({"entries": []}));
    let status = world.run("status dev --local --check --json").success();
    assert_eq!(status.url(), url);
    assert!(world.run("tail dev --local --no-follow --raw").success().stdout.contains("START RequestId"));

    insta::assert_snapshot!(world.run("local reset").success().out(), @"the local cloud has forgotten everything");
    world.local().is_empty();
}

#[test]
fn a_function_answers_at_its_url() {
    let world = World::new().app("hello-python");
    let url = world.run("deploy dev --local --json").success().url();
    let answer = http::get(&format!("{url}/there?name=Ada"));
    assert_eq!(answer.json(), json!({"hello": "Ada", "path": "/there", "function": "hello-python-dev-web"}));
    assert_eq!(http::get(&format!("{url}/")).json()["hello"], "world");
    assert_eq!(
        world.args(&["invoke", "--local", "--payload", r#"{"name":"Bob"}"#]).success().json(),
        json!({"hello": "Bob"})
    );
    world.run("undeploy dev --local --yes").success();
    world.local().is_empty();
}

#[test]
fn a_node_function_answers_with_its_modules() {
    let world = World::new().app("hello-node");
    let url = world.run("deploy dev --local --json").success().url();
    assert_eq!(http::get(&format!("{url}/?name=Ada")).json()["greeting"], "Hello, Ada!");
    let log = world.run("tail dev --local --no-follow --filter path").success();
    assert!(log.stdout.contains("path /"), "{log}");
}

#[test]
fn a_bootstrap_in_sh_answers() {
    let world = World::new().app("hello-bootstrap");
    let url = world.run("deploy dev --local --json").success().url();
    let answer = http::get(&format!("{url}/"));
    assert!(answer.text().starts_with("Hello from sh on "), "{answer:?}");
}

#[test]
fn two_stages_and_two_functions_do_not_meet() {
    let world = World::new().app("multi");
    let dev = world.run("deploy dev --local --json").success().url();
    let prod = world.run("deploy prod --local --json").success().url();
    let answer = http::get(&format!("{dev}/a/b?x=1&x=2"));
    let query = json!({"x": ["1", "2"]});
    let expected = json!({"method": "GET", "path": "/a/b", "stage": "dev", "query": query, "log_level": "debug"});
    assert_eq!(answer.json(), expected);
    assert_eq!(http::get(&format!("{prod}/")).json()["log_level"], "warning");
    assert_eq!(http::get(&format!("{dev}/missing")).status, 404);

    world.run("undeploy dev --local --yes").success();
    assert_eq!(http::get(&format!("{prod}/")).json()["stage"], "prod");
    wait_for("the API of dev to be gone", std::time::Duration::from_secs(5), || {
        (http::get(&format!("{dev}/")).status == 403).then_some(())
    });
}
