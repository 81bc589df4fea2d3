//! What a dry run says, to people and in pull requests.

use serde_json::json;

use crate::world::World;

/// A deployed stage whose config says something else now, with values that want to be more than values.
fn changed() -> World {
    let world = World::new().app("multi").env("RZAP_LOCAL", "1");
    world.run("deploy dev").success();
    world.edit("web/web.py", "\"method\": event", "\"edited\": True, \"method\": event");
    world.edit("rzap.yaml", "memory: 256", "memory: 384");
    world.edit("rzap.yaml", "http: rest", "http: http");
    world.edit("rzap.yaml", "answers HTTP", r#""a | b ```` </details>\n# \e[31mred""#);
    world.edit("rzap.yaml", r#"BATCH: "10""#, "TOKEN: hunter2");
    world.edit(
        "rzap.yaml",
        "    policies:\n",
        "    policies:\n      - { Effect: Allow, Action: \"s3:GetObject\", Resource: \"arn:aws:s3:::photos/*|`\" }\n",
    );
    world
}

#[test]
fn a_plan_is_in_order_and_says_what_is_replaced_kept_and_hidden() {
    let world = changed();
    let plan = world.run("deploy dev --dry-run").success();
    insta::assert_snapshot!(plan.out(), @r"
    multi dev: 2 to create, 3 to update, 1 to delete, 5 unchanged
      ~ role      multi-dev-worker-eu-west-1
          policy: + Allow s3:GetObject on arn:aws:s3:::photos/*|`
      + artifact  multi/[sha256]….zip
      ~ function  multi-dev-web
          code: changed, 483 B → 494 B
          description: answers HTTP → a | b ```` </details>\n# \u{1b}[31mred
          memory: 256 MB → 384 MB
      ~ function  multi-dev-worker
          env.BATCH: removed (hidden)
          env.TOKEN: added (hidden)
          memory: 256 MB → 384 MB
      + HTTP API  multi-dev  (replaces API multi-dev: the URL changes)
      - API       multi-dev  (replaced by HTTP API multi-dev)
          ! http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/ stops answering for good (needs --allow-replace)
    refused without --allow-replace
    ");
    assert!(!format!("{}{}", plan.stdout, plan.stderr).contains("hunter2"), "{plan}");

    let document = world.run("deploy dev --dry-run --json").success().json();
    assert_eq!(document["unchanged"], 5, "{document}");
    let differences =
        document["changes"].as_array().expect("changes").iter().filter_map(|it| it["differences"].as_array());
    let env: Vec<_> = differences.flatten().filter(|it| it["hidden"] == true).collect();
    let hidden = |field: &str, change: &str| json!({"field": field, "old": null, "new": null, "hidden": true, "by_hand": false, "change": change});
    assert_eq!(env, [&hidden("env.BATCH", "delete"), &hidden("env.TOKEN", "create")]);
}

#[test]
fn in_markdown_no_value_is_more_than_a_value() {
    let plan = changed().run("deploy dev --dry-run --markdown").success();
    insta::assert_snapshot!(plan.out(), @r"
    ### `multi` `dev`: 2 to create, 3 to update, 1 to delete, 5 unchanged

    `````diff
    ! role      multi-dev-worker-eu-west-1
    +     policy: Allow s3:GetObject on arn:aws:s3:::photos/*|`
    + artifact  multi/[sha256]….zip
    ! function  multi-dev-web
    !     code: changed, 483 B → 494 B
    -     description: answers HTTP
    +     description: a | b ```` </details>\n# \u{1b}[31mred
    -     memory: 256 MB
    +     memory: 384 MB
    ! function  multi-dev-worker
    !     env.BATCH: removed (hidden)
    !     env.TOKEN: added (hidden)
    -     memory: 256 MB
    +     memory: 384 MB
    + HTTP API  multi-dev  (replaces API multi-dev: the URL changes)
    - API       multi-dev  (replaced by HTTP API multi-dev)
    -     ! http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/ stops answering for good (needs --allow-replace)
    `````

    ```diff
    # refused without --allow-replace
    ```
    ");
    assert!(!format!("{}{}", plan.stdout, plan.stderr).contains("hunter2"), "{plan}");
}

#[test]
fn markdown_is_of_a_dry_run_and_no_json() {
    let world = World::new().app("hello-python");
    world.run("deploy dev --markdown").failure(2).says(&["--dry-run"]);
    world.run("deploy dev --dry-run --markdown --json").failure(2).says(&["'--markdown'", "'--json'"]);
    let world = world.env("RZAP_LOCAL", "1");
    world.run("deploy dev").success();
    let nothing = world.run("deploy dev --dry-run --markdown").success();
    assert_eq!(nothing.stdout, "### `hello-python` `dev`: nothing to change\n");
}
