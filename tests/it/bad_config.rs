//! What `rzap validate` says about an rzap.yaml that is wrong: everything, at once, with its place.

use crate::world::World;

/// The complaint about a config: exit 2, nothing on stdout.
fn complaint(config: &str) -> String {
    let world = World::new().file("rzap.yaml", config).file("app.py", "def handler(event, context): pass\n");
    let output = world.run("validate").failure(2);
    assert_eq!(output.stdout, "", "{output}");
    output.err()
}

const GOOD: &str = "app: demo\nruntime: python3.13\nregion: eu-west-1\nhandler: app.handler\n";

fn with(lines: &str) -> String {
    format!("{GOOD}{lines}\n")
}

#[test]
fn an_unknown_key_is_an_error_with_a_suggestion() {
    insta::assert_snapshot!(complaint(&with("memroy: 512\nstages: { dev: {} }")), @r"
    error: `rzap.yaml` has an error

    error: unknown key `memroy`
     --> rzap.yaml:5:1
      |
    5 | memroy: 512
      | ^^^^^^ did you mean `memory`?
    ");
}

#[test]
fn a_wrong_type_says_what_is_expected() {
    insta::assert_snapshot!(complaint(&with("memory: lots\nenv: [A, B]\nstages: { dev: {} }")), @r"
    error: `rzap.yaml` has 2 errors

    error: `memory` needs a whole number of MB
     --> rzap.yaml:5:9
      |
    5 | memory: lots
      |         ^^^^ this is text

    error: `env` needs a map of names and values
     --> rzap.yaml:6:1
      |
    6 | env: [A, B]
      | ^^^ this is a list
    ");
}

#[test]
fn a_duplicate_key_is_never_resolved_silently() {
    insta::assert_snapshot!(complaint(&with("memory: 512\nmemory: 1024\nstages: { dev: {} }")), @r"
    error: `rzap.yaml` has an error

    error: `memory` is set twice
     --> rzap.yaml:6:1
      |
    6 | memory: 1024
      | ^^^^^^ first set on line 5
    ");
}

#[test]
fn yaml_that_cannot_be_read_shows_the_place() {
    insta::assert_snapshot!(complaint("app: demo\n  runtime: python3.13\nstages: { dev: {}\n"), @r"
    error: `rzap.yaml` has an error

    error: a `:` cannot stand here
     --> rzap.yaml:2:10
      |
    2 |   runtime: python3.13
      |          ^ check the indentation, or put text with `: ` in quotes
    ");
}

#[test]
fn a_handler_whose_file_is_missing_is_found_before_anything_is_deployed() {
    let config = with("stages: { dev: {} }").replace("app.handler", "ap.handler");
    insta::assert_snapshot!(complaint(&config), @r"
    error: `rzap.yaml` has an error

    error: `ap.handler` names a file that is not there
     --> rzap.yaml:4:10
      |
    4 | handler: ap.handler
      |          ^^^^^^^^^^ did you mean `app.handler`?
    ");
}

#[test]
fn names_have_a_form_and_a_length() {
    let config = with(&format!("stages: {{ Dev_1: {{}}, {}: {{}} }}", "x".repeat(31))).replace("demo", "My App");
    insta::assert_snapshot!(complaint(&config), @r"
    error: `rzap.yaml` has 3 errors

    error: `My App` cannot be the name of an app
     --> rzap.yaml:1:6
      |
    1 | app: My App
      |      ^^^^^^ only a-z, 0-9 and `-`; how about `my-app`?

    error: `Dev_1` cannot be the name of a stage
     --> rzap.yaml:5:11
      |
    5 | stages: { Dev_1: {}, xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: {} }
      |           ^^^^^ only a-z, 0-9 and `-`; how about `dev-1`?

    error: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` cannot be the name of a stage
     --> rzap.yaml:5:22
      |
    5 | stages: { Dev_1: {}, xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: {} }
      |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 31 characters, at most 30 are allowed
    ");
}

#[test]
fn limits_of_aws_are_checked_here() {
    let numbers = "memory: 64\ntimeout: 901\nephemeral_storage: 20000\nlog_retention: 8";
    let config = with(&format!("{numbers}\nenv: {{ AWS_REGION: x, 1X: y }}\nstages: {{ dev: {{}} }}"));
    insta::assert_snapshot!(complaint(&config), @r"
    error: `rzap.yaml` has 6 errors

    error: `memory` is out of range: Lambda allows 128 to 10,240 MB
     --> rzap.yaml:5:9
      |
    5 | memory: 64
      |         ^^ at least 128

    error: `timeout` is out of range: Lambda allows 1 to 900 seconds
     --> rzap.yaml:6:10
      |
    6 | timeout: 901
      |          ^^^ at most 900

    error: `ephemeral_storage` is out of range: Lambda allows 512 to 10,240 MB
     --> rzap.yaml:7:20
      |
    7 | ephemeral_storage: 20000
      |                    ^^^^^ at most 10,240

    error: CloudWatch Logs cannot keep a log for exactly 8 days
     --> rzap.yaml:8:16
      |
    8 | log_retention: 8
      |                ^ the nearest it can is 7

    error: `AWS_REGION` cannot be an environment variable of a function
     --> rzap.yaml:9:8
      |
    9 | env: { AWS_REGION: x, 1X: y }
      |        ^^^^^^^^^^ Lambda sets it itself

    error: `1X` cannot be an environment variable of a function
     --> rzap.yaml:9:23
      |
    9 | env: { AWS_REGION: x, 1X: y }
      |                       ^^ it has to start with a letter
    ");
}

#[test]
fn four_kilobytes_of_environment_are_the_most() {
    let config = with(&format!("env: {{ BIG: {} }}\nstages: {{ dev: {{}} }}", "x".repeat(4100)));
    insta::assert_snapshot!(complaint(&config), @r"
    error: `rzap.yaml` has an error

    error: the environment of `main` has 4,110 bytes
     --> rzap.yaml:5:1
      |
    5 | env: { BIG: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      | ^^^ Lambda allows 4,096 for all names and values, written as JSON
    ");
}

#[test]
fn a_stage_that_extends_itself_is_found() {
    let config = with("stages:\n  dev: { extends: prod }\n  prod: { extends: dev }\n  solo: { extends: solo }");
    insta::assert_snapshot!(complaint(&config), @r"
    error: `rzap.yaml` has 2 errors

    error: stages extend each other in a circle: dev → prod → dev
     --> rzap.yaml:7:20
      |
    7 |   prod: { extends: dev }
      |                    ^^^ break the circle here or elsewhere

    error: stage `solo` extends itself
     --> rzap.yaml:8:20
      |
    8 |   solo: { extends: solo }
      |                    ^^^^
    ");
}

#[test]
fn several_mistakes_come_at_once() {
    let config = with("wsgi: app:app\nhttp: soap\ntimeout: 0\nstages:\n  dev: { memmory: 1 }");
    insta::assert_snapshot!(complaint(&config), @r"
    error: `rzap.yaml` has 4 errors

    error: a function has either `handler` or `wsgi`
     --> rzap.yaml:5:1
      |
    5 | wsgi: app:app
      | ^^^^ remove one of them

    error: unknown kind of HTTP front `soap`
     --> rzap.yaml:6:7
      |
    6 | http: soap
      |       ^^^^ use `rest`, `http` or `url`

    error: `timeout` is out of range: Lambda allows 1 to 900 seconds
     --> rzap.yaml:7:10
      |
    7 | timeout: 0
      |          ^ at least 1

    error: unknown key `memmory`
     --> rzap.yaml:9:10
      |
    9 |   dev: { memmory: 1 }
      |          ^^^^^^^ did you mean `memory`?
    ");
}

#[test]
fn a_stage_that_is_not_there_is_suggested() {
    let world = World::new().app("guestbook");
    insta::assert_snapshot!(world.run("validate dve").failure(2).err(), @r"
    error: no stage `dve`
    hint: did you mean `dev`?
    ");
    insta::assert_snapshot!(world.run("deploy --local").failure(2).err(), @r"
    error: which stage?
    hint: name one: `dev` and `prod`
    ");
}

#[test]
fn a_project_that_is_not_there_is_said_with_the_way_to_one() {
    let world = World::new();
    insta::assert_snapshot!(world.run("deploy dev").failure(2).err(), @r"
    error: no `rzap.yaml` here or in any folder above `[project]`
    hint: run `rzap init` to write one, or name the folder with `--project DIR`
    ");
    insta::assert_snapshot!(world.run("validate --project nowhere").failure(2).err(), @r"
    error: there is no rzap.yaml in `nowhere`
    hint: run `rzap init nowhere` to write one
    ");
    let misnamed = World::new().file("rzap.yml", GOOD);
    insta::assert_snapshot!(misnamed.run("validate").failure(2).err(), @r"
    error: the config is called `rzap.yaml`, not `rzap.yml`
    hint: mv [project]/rzap.yml [project]/rzap.yaml
    ");
}

#[test]
fn a_secret_of_the_environment_that_is_not_set_is_asked_for_by_name() {
    let world = World::new()
        .file("rzap.yaml", &with("env: { TOKEN: \"${env.API_TOKEN}\" }\nstages: { dev: {} }"))
        .file("app.py", "");
    insta::assert_snapshot!(world.run("validate dev").failure(2).err(), @r#"
    error: `rzap.yaml` has an error

    error: the environment variable `API_TOKEN` is not set
     --> rzap.yaml:5:16
      |
    5 | env: { TOKEN: "${env.API_TOKEN}" }
      |                ^^^^^^^^^^^^^^^^ set it, or write `${env.API_TOKEN:-DEFAULT}`
    "#);
    let set = world.env("API_TOKEN", "very-secret");
    let shown = set.run("validate dev").success();
    assert!(!shown.stdout.contains("very-secret") && !shown.stderr.contains("very-secret"), "{shown}");
}

#[test]
fn errors_are_documents_for_programs() {
    let world = World::new().file("rzap.yaml", &with("memroy: 512\nstages: { dev: {} }")).file("app.py", "");
    let output = world.run("validate --json").failure(2);
    insta::assert_snapshot!(output.out(), @r#"
    {
      "error": {
        "kind": "usage",
        "message": "`rzap.yaml` has an error",
        "causes": [],
        "places": [
          {
            "path": "rzap.yaml",
            "line": 5,
            "column": 1,
            "message": "unknown key `memroy`",
            "label": "did you mean `memory`?"
          }
        ],
        "hints": []
      }
    }
    "#);
}

#[test]
fn a_good_config_is_shown_resolved() {
    let world = World::new().app("multi");
    insta::assert_snapshot!(world.run("validate prod").success().out(), @r#"
    ---
    app: multi
    stage: prod
    region: eu-west-1
    local: false
    protect: true
    functions:
      web:
        name: web
        runtime: python3.13
        arch: x86_64
        entry:
          handler: web.handler
        memory: 512
        timeout: 10
        ephemeral_storage: 512
        env:
          LOG_LEVEL: warning
        description: answers HTTP
        http: rest
        log_retention: 90
        policies: []
        role: own
        source:
          exclude: []
          include: []
      worker:
        name: worker
        runtime: python3.13
        arch: x86_64
        entry:
          handler: worker.handler
        memory: 512
        timeout: 300
        ephemeral_storage: 1024
        env:
          BATCH: "10"
          LOG_LEVEL: warning
        description: adds numbers up
        log_retention: 90
        policies:
        - Effect: Allow
          Action:
          - sqs:SendMessage
          Resource: arn:aws:sqs:*:*:multi-results
        role: own
        source:
          exclude:
          - "*.md"
          include: []
    "#);
}
