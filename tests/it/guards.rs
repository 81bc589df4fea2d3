//! What a deploy refuses to take away, and what it says about changes that somebody made by hand.

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::http;
use crate::output::Output;
use crate::world::World;

/// `multi` with a function URL beside its API, deployed on the local cloud.
fn deployed() -> World {
    let world = World::new().app("multi").env("RZAP_LOCAL", "1");
    world.edit("rzap.yaml", "handler: worker.handler", "handler: worker.handler\n    http: url");
    world.run("deploy dev").success();
    world
}

/// Kind, field and whether it was changed by hand, of every difference of a JSON document.
fn differences(output: &Output) -> Vec<(String, String, bool)> {
    let document = output.json();
    let mut all = Vec::new();
    for change in document["changes"].as_array().expect("changes") {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for difference in change["differences"].as_array().into_iter().flatten() {
            let by_hand = difference["by_hand"].as_bool().expect("by_hand is always there");
            all.push((text(&change["kind"]), text(&difference["field"]), by_hand));
        }
    }
    all
}

/// What a deploy without flags says, which must not change anything.
fn refused(world: &World, line: &str) -> String {
    let before = world.local().inventory();
    let refused = world.run(line).failure(2);
    assert_eq!(world.local().inventory(), before, "{refused}");
    refused.err()
}

#[test]
fn an_address_does_not_go_without_a_flag() {
    let world = deployed();
    let status = world.run("status dev --json").success().json();
    let urls: Vec<&str> =
        status["functions"].as_array().expect("functions").iter().filter_map(|it| it["url"].as_str()).collect();
    let [api, own] = urls[..] else { panic!("two addresses: {status}") };
    // The function behind the second one wants no web events: that it says so is an answer.
    let answered = (http::get(api).status, http::get(own).status);
    assert_eq!(answered, (200, 502));

    world.edit("rzap.yaml", "http: url", "description: adds up");
    world.edit("rzap.yaml", "http: rest", "http: http");
    world.edit("rzap.yaml", "    description: adds numbers up\n", "");
    insta::assert_snapshot!(refused(&world, "deploy dev --quiet"), @r"
    error: this deploy would take something away for good, and that needs --allow-replace
      cause: function `multi-dev-worker`: http://127.0.0.1:[port]/_aws/lambda-url/[id]/ stops answering for good
      cause: API `multi-dev`: http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/ stops answering for good
    hint: nothing was changed; if you mean it: `rzap deploy dev --allow-replace`
    hint: `rzap deploy dev --dry-run` shows the whole plan
    ");
    assert!(refused(&world, "deploy dev --delete-data").contains("`rzap deploy dev --delete-data --allow-replace`"));
    assert_eq!((http::get(api).status, http::get(own).status), answered);

    insta::assert_snapshot!(world.run("deploy dev --dry-run").success().out(), @r"
    multi dev: 1 to create, 1 to update, 1 to delete, 8 unchanged
      ~ function  multi-dev-worker
          ! http://127.0.0.1:[port]/_aws/lambda-url/[id]/ stops answering for good (needs --allow-replace)
          description: adds numbers up → adds up
          url: open → none
      + HTTP API  multi-dev  (replaces API multi-dev: the URL changes)
      - API       multi-dev  (replaced by HTTP API multi-dev)
          ! http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/ stops answering for good (needs --allow-replace)
    refused without --allow-replace
    ");
    insta::assert_snapshot!(world.run("deploy dev --dry-run --markdown").success().out(), @r"
    ### `multi` `dev`: 1 to create, 1 to update, 1 to delete, 8 unchanged

    ```diff
    ! function  multi-dev-worker
    -     ! http://127.0.0.1:[port]/_aws/lambda-url/[id]/ stops answering for good (needs --allow-replace)
    -     description: adds numbers up
    +     description: adds up
    -     url: open
    +     url: none
    + HTTP API  multi-dev  (replaces API multi-dev: the URL changes)
    - API       multi-dev  (replaced by HTTP API multi-dev)
    -     ! http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/ stops answering for good (needs --allow-replace)
    ```

    ```diff
    # refused without --allow-replace
    ```
    ");
    let plan = world.run("deploy dev --dry-run --json").success().json();
    assert_eq!(
        (&plan["needs"], &plan["refused"], &plan["kept"]),
        (&json!(["--allow-replace"]), &json!(true), &json!([]))
    );
    let loss = json!([{"what": format!("{api} stops answering for good"), "needs": "--allow-replace"}]);
    assert_eq!(plan["changes"][2]["losses"], loss, "{plan}");
    let plan = world.run("deploy dev --dry-run --json --allow-replace").success().json();
    assert_eq!((&plan["needs"], &plan["refused"]), (&json!([]), &json!(false)));

    let done = world.run("deploy dev --json --allow-replace").success();
    assert_eq!(done.changes(), ["create http_api", "delete api", "update function"]);
    assert_ne!(http::get(api).status, 200, "it is gone");
    world.run("deploy dev").success();
}

#[test]
fn a_function_goes_freely_but_its_address_does_not() {
    let world = deployed();
    let config = world.read("rzap.yaml");
    world.write("rzap.yaml", "app: multi\nruntime: python3.13\nregion: eu-west-1\nmemory: 256\nlog_retention: 7\n\
        env: { LOG_LEVEL: debug }\nfunctions:\n  web:\n    description: answers HTTP\n    dir: web\n    handler: web.handler\n    \
        http: rest\n    timeout: 10\nstages: { dev: }\n");
    let said = refused(&world, "deploy dev --quiet");
    assert!(said.contains("function `multi-dev-worker`: http://127.0.0.1:[port]/_aws/lambda-url/"), "{said}");
    world.run("deploy dev --allow-replace").success();
    // With no address of its own it only has to be gone from the config.
    world.write("rzap.yaml", &config.replace("    http: url\n", ""));
    world.run("deploy dev").success();
    world.write(
        "rzap.yaml",
        &config
            .replace("http: url", "description: another")
            .replace("  worker:", "  other:")
            .replace("    description: adds numbers up\n", ""),
    );
    let done = world.run("deploy dev --json").success();
    assert!(done.changes().contains(&"delete function".to_owned()), "{done}");
}

#[test]
fn no_flag_opens_a_protected_stage() {
    let world = World::new().app("multi").env("RZAP_LOCAL", "1");
    world.run("deploy prod").success();
    world.edit("rzap.yaml", "http: rest", "http: url");
    let refused = world.run("deploy prod --quiet --allow-replace --delete-data").failure(1);
    insta::assert_snapshot!(refused.err(), @r"
    error: stage `prod` is protected, and this deploy would take something away for good
      cause: API `multi-prod`: http://127.0.0.1:[port]/_aws/execute-api/[id]/prod/ stops answering for good
    hint: no flag overrides that: remove `protect: true` from rzap.yaml if you mean it; nothing was changed
    ");
    let plan = world.run("deploy prod --dry-run --allow-replace").success();
    assert!(
        plan.stdout.ends_with("refused: stage prod is protected (`protect: true` in rzap.yaml), whatever the flags\n"),
        "{plan}"
    );
    assert_eq!(world.run("deploy prod --dry-run --allow-replace --json").success().json()["refused"], true);
    world.run("undeploy prod --yes").failure(1).says(&["is protected"]);
    // Anything else is deployed as ever.
    world.edit("rzap.yaml", "http: url", "http: rest");
    world.edit("rzap.yaml", "memory: 512", "memory: 640");
    assert_eq!(world.run("deploy prod --json").success().changes(), ["update function", "update function"]);
    world.edit("rzap.yaml", "    protect: true\n", "");
    world.edit("rzap.yaml", "http: rest", "http: url");
    world.run("deploy prod --allow-replace").success();
    world.run("undeploy prod --yes").success();
    world.local().is_empty();
}

/// What somebody does who does not like files.
const BY_HAND: &str = r#"
it = client("lambda")
it.update_function_configuration(FunctionName="multi-dev-web", MemorySize=512,
                                 Environment={"Variables": {"LOG_LEVEL": "debug", "SNEAKY": "hunter2"}})
client("logs").put_retention_policy(logGroupName="/aws/lambda/multi-dev-web", retentionInDays=3)
client("logs").delete_log_group(logGroupName="/aws/lambda/multi-dev-worker")
"#;

#[test]
fn what_was_changed_by_hand_is_told_from_what_the_config_changed() {
    let world = deployed();
    let cloud = world.local();
    cloud.boto(BY_HAND);
    world.edit("rzap.yaml", "timeout: 10", "timeout: 12");
    world.edit("rzap.yaml", "BATCH: \"10\"", "BATCH: swordfish");
    let status = world.run("status dev").success().out();
    let (_, differs) = status.split_once("\n\nchanged").expect("drift");
    insta::assert_snapshot!(differs, @r"
     by hand since release 1: 1 missing, 2 different (`rzap deploy dev` puts it back)
      ~ log group  /aws/lambda/multi-dev-web
          retention_days: 3 days → 7 days
      + log group  /aws/lambda/multi-dev-worker  (removed by hand)
      ~ function   multi-dev-web
          env.SNEAKY: removed (hidden)
          memory: 512 MB → 256 MB
          serving: the alias `live` does not serve this yet

    differs from rzap.yaml: 2 different
      ~ function  multi-dev-web
          timeout: 10 s → 12 s
      ~ function  multi-dev-worker
          env.BATCH: changed (hidden)
    ");
    let document = world.run("status dev --json").success().json();
    assert_eq!((&document["drift"], &document["in_sync"]), (&json!(true), &json!(false)));
    assert_eq!(document["last_release"].get("marks"), None);
    insta::assert_snapshot!(world.run("deploy dev --dry-run").success().out(), @r"
    multi dev: 1 to create, 3 to update, 6 unchanged
      ~ log group  /aws/lambda/multi-dev-web
          retention_days: 3 days → 7 days  (changed by hand)
      + log group  /aws/lambda/multi-dev-worker  (removed by hand)
      ~ function   multi-dev-web
          env.SNEAKY: removed (hidden)  (added by hand)
          memory: 512 MB → 256 MB  (changed by hand)
          serving: the alias `live` does not serve this yet  (changed by hand)
          timeout: 10 s → 12 s
      ~ function   multi-dev-worker
          env.BATCH: changed (hidden)
    ");
    let done = world.run("deploy dev --quiet").success();
    insta::assert_snapshot!(done.err(), @r"
    warning: changed by hand since release 1; this deploy puts it back:
      ~ log group  /aws/lambda/multi-dev-web
          retention_days: 3 days → 7 days
      + log group  /aws/lambda/multi-dev-worker  (removed by hand)
      ~ function   multi-dev-web
          env.SNEAKY: removed (hidden)
          memory: 512 MB → 256 MB
          serving: the alias `live` does not serve this yet
    ");
    let status = world.run("status dev --check --json").success();
    assert_eq!(status.json()["drift"], false);
    // Neither what was put back nor what was deployed can be read in a record.
    let records = cloud.boto(
        r#"
s3 = client("s3")
name = s3.list_buckets()["Buckets"][0]["Name"]
keys = [item["Key"] for item in every("s3", "list_objects_v2", "Contents", Bucket=name, Prefix="multi/dev/releases/")]
answer([s3.get_object(Bucket=name, Key=key)["Body"].read().decode() for key in keys])
"#,
    );
    let text = records.to_string();
    assert!(text.contains("env.BATCH") && !text.contains("swordfish") && !text.contains("hunter2"), "{text}");
    assert!(world.run("releases dev --json").success().json()["releases"][0].get("marks").is_none());
}

/// A key pressed in a terminal in which rzap runs, and how it ends.
fn pressed(world: &World, key: &str) -> Output {
    let terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let rzap = env!("CARGO_BIN_EXE_rzap");
    world.shell(&format!("printf {key} | python3 -c '{terminal}' '{rzap}' deploy dev"))
}

#[test]
fn whoever_can_answer_is_asked_before_it_is_put_back() {
    let world = deployed();
    let cloud = world.local();
    let change = "client('logs').put_retention_policy(logGroupName='/aws/lambda/multi-dev-web', retentionInDays=3)";
    cloud.boto(change);
    let no = pressed(&world, "n");
    assert!(no.code == 1 && no.stdout.contains("Put it back?") && no.stdout.contains("nothing was changed"), "{no}");
    assert_eq!(world.run("status dev --json").success().changes(), ["update log_group"]);
    let yes = pressed(&world, "y");
    assert_eq!(yes.code, 0, "{yes}");
    world.run("status dev --check").success();
}

/// rzap's own unfinished work is nobody's change by hand, and what an update does not look at stays one.
#[test]
fn nobody_is_taken_for_somebody_else() {
    let world = deployed();
    let image = "  three: { image: \"000000000000.dkr.ecr.eu-west-1.amazonaws.com/three:1\" }\nstages:";
    world.edit("rzap.yaml", "stages:", image);
    world.edit("rzap.yaml", "memory: 256", "memory: 384");
    world.run("deploy dev").failure(1).says(&["traffic was not moved"]);
    world.edit("rzap.yaml", image, "stages:");
    world.edit("rzap.yaml", "memory: 384", "memory: 320");
    let status = world.run("status dev --json").success();
    assert!(!status.changes().is_empty() && status.json()["drift"] == false, "{status}");
    world.run("deploy dev").success();

    let cloud = world.local();
    cloud.boto("client('lambda').update_function_configuration(FunctionName='multi-dev-worker', Timeout=61)");
    world.edit("worker/worker.py", "def handler", "# changed\ndef handler");
    world.run("update dev worker").success();
    let worker = |field: &str, by_hand: bool| ("function".to_owned(), field.to_owned(), by_hand);
    assert_eq!(differences(&world.run("status dev --json").success()), [worker("timeout", true)]);
    world.run("deploy dev").success().says(&["changed by hand since release 3"]);

    // Back at another version, the alias is where rzap has put it.
    world.run("rollback dev").success();
    let status = world.run("status dev --json").success();
    assert_eq!(status.json()["drift"], false, "{status}");
}

#[test]
fn a_release_of_an_older_rzap_accuses_nobody() {
    let world = deployed();
    let cloud = world.local();
    cloud.boto(
        r#"
s3 = client("s3")
name = s3.list_buckets()["Buckets"][0]["Name"]
record = json.loads(s3.get_object(Bucket=name, Key="multi/dev/releases/1.json")["Body"].read())
del record["marks"]
s3.put_object(Bucket=name, Key="multi/dev/releases/1.json", Body=json.dumps(record))
"#,
    );
    cloud.boto(BY_HAND);
    let status = world.run("status dev --json").success();
    assert!(status.json()["drift"] == false && differences(&status).iter().all(|(_, _, by_hand)| !by_hand), "{status}");
    let deployed = world.run("deploy dev").success();
    assert!(!deployed.stderr.contains("by hand"), "{deployed}");
    // What cannot be read stops nobody.
    cloud.boto("s3 = client('s3')\ns3.put_object(Bucket=s3.list_buckets()['Buckets'][0]['Name'], Key='multi/dev/releases/2.json', Body='{')");
    world.edit("rzap.yaml", "timeout: 10", "timeout: 12");
    let deployed = world.run("deploy dev").success();
    deployed.says(&["warning: changes made by hand cannot be told from others: failed to read s3://"]);
    assert_eq!(world.run("status dev --json").success().json()["release"], 3);
}

#[test]
fn another_front_and_changes_by_hand_on_ministack() {
    let emulator = Emulator::ministack();
    let cloud = emulator.cloud();
    let world = World::new().app("multi").at(&emulator.endpoint);
    let address = world.run("deploy dev --json").success().url();
    cloud.boto(BY_HAND);
    let status = world.run("status dev --json").success();
    assert_eq!(status.changes(), ["create log_group", "update function", "update log_group"]);
    assert!(differences(&status).iter().all(|(_, _, by_hand)| *by_hand), "{status}");
    world.run("deploy dev").success().says(&["changed by hand since release 1; this deploy puts it back"]);
    world.run("status dev --check").success();

    world.edit("rzap.yaml", "http: rest", "http: http");
    world.run("deploy dev").failure(2).says(&["API `multi-dev`: http", "stops answering for good", "--allow-replace"]);
    let done = world.run("deploy dev --json --allow-replace").success();
    assert_eq!(done.changes(), ["create http_api", "delete api"]);
    assert_ne!(done.url(), address);
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn a_function_that_is_replaced_is_checked_before_it_serves() {
    let emulator = Emulator::ministack();
    let world = World::new().app("hello-python").at(&emulator.endpoint);
    world.edit("rzap.yaml", "http: url", "smoke: [{ invoke: main }]");
    let zip = world.read("rzap.yaml");
    let digest = "a".repeat(64);
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:{digest}");
    world.write(
        "rzap.yaml",
        &format!(
            "app: hello-python\nregion: eu-west-1\nfunctions: {{ main: {{ image: \"{image}\" }} }}\nstages: {{ dev: }}\n"
        ),
    );
    world.run("deploy dev").success();
    world.write("rzap.yaml", &zip);
    let deployed = world.run("deploy dev --allow-replace").success();
    deployed.says(&["smoke check of `main` on version", "smoke check of `main` on dev"]);
}

/// The API stays with its address, and may call the new function as it did the old one.
#[test]
fn a_function_that_is_replaced_keeps_its_api_on_ministack() {
    let emulator = Emulator::ministack();
    let cloud = emulator.cloud();
    let world = World::new().app("hello-python").at(&emulator.endpoint);
    world.edit("rzap.yaml", "http: url", "http: http");
    let zip = world.read("rzap.yaml");
    let first = world.run("deploy dev --json").success();
    let address = format!("{}/", first.url());
    assert_eq!(http::get(&address).status, 200);

    let digest = "a".repeat(64);
    let image = format!(
        "app: hello-python\nregion: eu-west-1\nfunctions:\n  web:\n    http: http\n    \
         image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:{digest}\nstages: {{ dev: }}\n"
    );
    world.write("rzap.yaml", &image);
    let refused = world.run("deploy dev").failure(2);
    refused.says(&[
        "a zip package cannot become a container image",
        "its versions (up to 1) are deleted",
        "--allow-replace",
    ]);
    let plan = world.run("deploy dev --dry-run --json").success();
    assert_eq!(plan.changes(), ["replace function", "update http_api"]);
    let forced = |difference: &&Value| difference["forces_replacement"] == true;
    let document = plan.json();
    let fields = document["changes"][0]["differences"].as_array().expect("differences").iter().filter(forced);
    assert_eq!(fields.map(|it| it["field"].clone()).collect::<Vec<_>>(), ["image"]);
    world
        .run("update dev")
        .failure(1)
        .says(&["would have to be replaced", "`rzap deploy dev --allow-replace` does that"]);
    assert_eq!(http::get(&address).status, 200, "nothing was changed");
    world.run("deploy dev --allow-replace").success();
    world.run("status dev --check").success();

    world.write("rzap.yaml", &zip);
    let back = world.run("deploy dev --json --allow-replace").success();
    assert!(back.changes().contains(&"replace function".to_owned()), "{back}");
    assert_eq!((http::get(&address).status, format!("{}/", back.url())), (200, address.clone()));
    world.run("status dev --check").success();

    // What a replacement leaves that was killed in its middle needs no flag any more.
    cloud.boto("client('lambda').delete_function(FunctionName='hello-python-dev-web')");
    let again = world.run("deploy dev --json").success();
    assert_eq!(again.changes(), ["create function", "update http_api"]);
    assert_eq!(http::get(&address).status, 200);
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}
