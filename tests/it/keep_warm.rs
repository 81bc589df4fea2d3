//! `keep_warm`: a schedule calls the function, says what it costs, is put back and goes away again.
//!
//! The local cloud and `MiniStack` really fire; moto, which does not, says what was stored.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

/// No framework: what is tested is what never reaches it. It says in the log that it was imported.
const APP: &str = r#"print("the app is imported", flush=True)

def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"hello"]
"#;

const CONFIG: &str = "app: warmed
runtime: python3.13
region: eu-west-1
wsgi: app:app
keep_warm: true
stages: { dev: {} }
";

const GROUP: &str = "warmed-dev";
const SCHEDULE: &str = "warmed-dev-web-warm";

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP)
}

/// Everything `GetSchedule` says but the times, which differ from run to run.
fn schedule(cloud: &Cloud) -> Value {
    cloud.boto(&format!(
        "shown = client('scheduler').get_schedule(GroupName={GROUP:?}, Name={SCHEDULE:?})\n\
         answer({{key: value for key, value in shown.items() if key not in ('ResponseMetadata', 'CreationDate', 'LastModificationDate')}})"
    ))
}

/// Changes the schedule by hand; `change` is Python that has the arguments of `UpdateSchedule` in `it`.
fn by_hand(cloud: &Cloud, change: &str) {
    cloud.boto(&format!(
        "from datetime import datetime, timedelta, timezone\n\
         scheduler = client('scheduler')\n\
         it = scheduler.get_schedule(GroupName={GROUP:?}, Name={SCHEDULE:?})\n\
         for key in ('ResponseMetadata', 'CreationDate', 'LastModificationDate', 'Arn'): it.pop(key, None)\n\
         it = {{key: value for key, value in it.items() if value is not None}}\n\
         {change}\n\
         scheduler.update_schedule(**it)"
    ));
}

/// The lines of the function's log.
fn log(cloud: &Cloud) -> Vec<String> {
    let lines = cloud.boto(
        "try:\n    answer([event['message'] for event in every('logs', 'filter_log_events', 'events', \
         logGroupName='/aws/lambda/warmed-dev-web')])\nexcept ClientError: answer([])",
    );
    serde_json::from_value(lines).expect("a list of lines")
}

/// Waits until so many calls have ended; their REPORT lines.
fn calls(cloud: &Cloud, count: usize) -> Vec<String> {
    wait_for(&format!("{count} calls"), Duration::from_secs(40), || {
        let lines = log(cloud);
        let reports: Vec<String> = lines.iter().filter(|line| line.starts_with("REPORT ")).cloned().collect();
        assert!(!lines.iter().any(|line| line.contains("Error")), "{lines:?}");
        (reports.len() >= count).then_some(reports)
    })
}

fn differences(changed: &Value) -> Vec<(String, Value, Value)> {
    let differences = changed["changes"][0]["differences"].as_array().cloned().unwrap_or_default();
    differences
        .into_iter()
        .map(|it| (it["field"].as_str().unwrap_or_default().to_owned(), it["old"].clone(), it["new"].clone()))
        .collect()
}

#[test]
fn a_function_is_kept_warm_until_the_config_says_otherwise() {
    let world = world();
    insta::assert_snapshot!(world.run("deploy dev --local --dry-run").success().out(), @r"
    warmed dev: 9 to create
      + artifact bucket  rzap-000000000000-eu-west-1
      + role             warmed-dev-eu-west-1-scheduler
      + role             warmed-dev-web-eu-west-1
      + log group        /aws/lambda/warmed-dev-web
      + schedule group   warmed-dev
      + artifact         warmed/[sha256]….zip
      + function         warmed-dev-web
      + API              warmed-dev
      + schedule         warmed-dev-web-warm
    keep_warm web: 8,640 calls a month, about $0.01 (Lambda $0.0021, if each takes 5 ms; Scheduler $0.0086, after 14 million free calls; us-east-1, March 2026)
      it keeps one process warm, not several, and a deploy still starts cold
    ");
    let deployed = world.run("deploy dev --local").success();
    insta::assert_snapshot!(deployed.out(), @r"
    warmed dev: 9 created ([s], release 1)
    http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/
    keep_warm web: 8,640 calls a month, about $0.01 (Lambda $0.0021, if each takes 5 ms; Scheduler $0.0086, after 14 million free calls; us-east-1, March 2026)
      it keeps one process warm, not several, and a deploy still starts cold
    ");
    let cloud = world.local();
    insta::assert_snapshot!(serde_json::to_string_pretty(&schedule(&cloud)).expect("JSON"), @r#"
    {
      "ActionAfterCompletion": "NONE",
      "Arn": "arn:aws:scheduler:eu-west-1:000000000000:schedule/warmed-dev/warmed-dev-web-warm",
      "FlexibleTimeWindow": {
        "Mode": "OFF"
      },
      "GroupName": "warmed-dev",
      "Name": "warmed-dev-web-warm",
      "ScheduleExpression": "rate(5 minutes)",
      "ScheduleExpressionTimezone": "UTC",
      "State": "ENABLED",
      "Target": {
        "Arn": "arn:aws:lambda:eu-west-1:000000000000:function:warmed-dev-web:live",
        "Input": "{\"rzap\": \"warm\"}",
        "RetryPolicy": {
          "MaximumEventAgeInSeconds": 86400,
          "MaximumRetryAttempts": 0
        },
        "RoleArn": "arn:aws:iam::000000000000:role/warmed-dev-eu-west-1-scheduler"
      }
    }
    "#);
    // A rate begins at once, and that call is the cold one.
    assert!(calls(&cloud, 1)[0].contains("Init Duration"), "{:?}", log(&cloud));
    let unchanged = world.run("deploy dev --local --json").success();
    assert_eq!(unchanged.changes(), [""; 0]);

    // The next one is not waited for, but made to come.
    by_hand(
        &cloud,
        "it['ScheduleExpression'] = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime('at(%Y-%m-%dT%H:%M:%S)')",
    );
    assert!(!calls(&cloud, 2)[1].contains("Init Duration"), "the process was not warm: {:?}", log(&cloud));
    assert_eq!(log(&cloud).iter().filter(|line| line.contains("the app is imported")).count(), 1);

    // What was done by hand is found and put back.
    let status = world.run("status dev --local --check --json").failure(3);
    assert_eq!(status.changes(), ["update schedule"]);
    let fields: Vec<_> = differences(&status.json()).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(fields, ["expression"]);
    assert_eq!(status.json()["functions"][0]["keep_warm"], Value::Null, "what is off costs nothing");
    by_hand(
        &cloud,
        "it['ScheduleExpression'] = 'rate(1 hours)'; it['State'] = 'DISABLED'; it['Target']['Input'] = '{}'; \
         it['Target']['Arn'] = it['Target']['Arn'].replace(':live', ''); it['Target']['RetryPolicy']['MaximumRetryAttempts'] = 9",
    );
    let live = "arn:aws:lambda:eu-west-1:000000000000:function:warmed-dev-web:live";
    assert_eq!(
        differences(&world.run("status dev --local --check --json").failure(3).json()),
        [
            ("expression".to_owned(), json!("rate(1 hours)"), json!("rate(5 minutes)")),
            ("input".to_owned(), json!("{}"), json!(r#"{"rzap": "warm"}"#)),
            ("retries".to_owned(), json!(9), json!(0)),
            ("state".to_owned(), json!("DISABLED"), json!("ENABLED")),
            ("target".to_owned(), json!(live.trim_end_matches(":live")), json!(live)),
        ]
    );
    assert_eq!(world.run("deploy dev --local --json").success().changes(), ["update schedule"]);
    insta::assert_snapshot!(world.run("status dev --local --check").success().out(), @r"
    warmed dev  eu-west-1, at http://127.0.0.1:[port]
    http://127.0.0.1:[port]/_aws/execute-api/[id]/dev/
    release 2, [ago] ([time]) by root

    function  state   version  runtime     memory  last change
    web       Active        1  python3.13  512 MB  [ago]

    keep_warm web: 8,640 calls a month, about $0.01 (Lambda $0.0021, if each takes 5 ms; Scheduler $0.0086, after 14 million free calls; us-east-1, March 2026)
      it keeps one process warm, not several, and a deploy still starts cold

    as rzap.yaml says
    ");
    let warm = &world.run("status dev --local --json").success().json()["functions"][0]["keep_warm"];
    assert_eq!((&warm["calls_per_month"], &warm["prices"]), (&json!(8640), &json!("us-east-1, March 2026")));

    // Off again: nothing of it stays, and the role of the functions does.
    world.edit("rzap.yaml", "keep_warm: true", "keep_warm: false");
    let off = world.run("deploy dev --local --json").success();
    assert_eq!(off.changes(), ["delete role", "delete schedule", "delete schedule_group"]);
    let left = cloud.inventory();
    assert_eq!((&left["schedules"], &left["schedule groups"]), (&json!([]), &json!([])));
    assert_eq!(left["roles"], json!(["warmed-dev-web-eu-west-1"]));
    // On at once after that: the former group may still be going.
    world.edit("rzap.yaml", "keep_warm: false", "keep_warm: true");
    let on = world.run("deploy dev --local --json").success();
    assert_eq!(on.changes(), ["create role", "create schedule", "create schedule_group"]);
    world.run("undeploy dev --local --yes").success();
    cloud.is_empty();
}

#[test]
fn schedules_survive_a_restart_and_what_was_missed_is_not_made_up_for() {
    // A slow machine may not stop the cloud in time; then that says nothing, and the next try has more of it.
    assert!([5, 15, 45].into_iter().any(restart_after_missing_one), "a cloud takes more than 45 s to stop");
}

/// `false` when the schedule may have been due before the cloud had stopped.
fn restart_after_missing_one(seconds: u64) -> bool {
    let world = world();
    world.run(&format!("local start --port {}", crate::emulator::free_port())).success();
    world.run("deploy dev --local").success();
    let cloud = world.local();
    calls(&cloud, 1);
    let due = now() + seconds;
    let at = format!("datetime.fromtimestamp({due}, timezone.utc).strftime('at(%Y-%m-%dT%H:%M:%S)')");
    by_hand(&cloud, &format!("it['ScheduleExpression'] = {at}"));
    world.run("local stop").success();
    if now() >= due {
        return false;
    }
    wait_for("the time to pass", Duration::from_mins(1), || (now() > due).then_some(()));
    let cloud = world.local();
    // A schedule that is due now is called, and the other one would have been called before it.
    cloud.boto(&format!(
        "scheduler = client('scheduler')\n\
         target = scheduler.get_schedule(GroupName={GROUP:?}, Name={SCHEDULE:?})['Target']\n\
         scheduler.create_schedule(GroupName={GROUP:?}, Name='probe', ScheduleExpression='rate(1 days)', \
         FlexibleTimeWindow={{'Mode': 'OFF'}}, Target=target)"
    ));
    assert_eq!(calls(&cloud, 2).len(), 2);
    // Somebody else's schedule in our group is one too many.
    assert_eq!(world.run("status dev --local --json").success().changes(), ["delete schedule", "update schedule"]);
    world.run("undeploy dev --local --yes").success();
    cloud.is_empty();
    true
}

/// Seconds since the epoch.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock that is set").as_secs()
}

#[test]
fn a_group_of_somebody_else_is_not_touched() {
    let world = world();
    world.local().boto(&format!("client('scheduler').create_schedule_group(Name={GROUP:?})"));
    insta::assert_snapshot!(world.run("deploy dev --local --quiet").failure(1).err(), @r"
    error: the schedule group `warmed-dev` exists, but does not belong to stage `dev` of app `warmed`: rzap does not touch it
    hint: rename the app, the stage or the function in rzap.yaml, or remove that resource yourself
    ");
    // Without a schedule nobody needs the name.
    world.edit("rzap.yaml", "keep_warm: true", "keep_warm: false");
    world.run("deploy dev --local").success();
    world.run("undeploy dev --local --yes").success();
    assert_eq!(world.local().inventory()["schedule groups"], json!([GROUP]));
}

#[test]
fn a_schedule_really_warms_on_ministack() {
    let emulator = Emulator::ministack();
    let cloud = emulator.cloud();
    let world = world().at(&emulator.endpoint);
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    // MiniStack looks every ten seconds what is due; ours is not for five minutes, so a twin is.
    cloud.boto(&format!(
        "scheduler = client('scheduler')\n\
         target = scheduler.get_schedule(GroupName={GROUP:?}, Name={SCHEDULE:?})['Target']\n\
         scheduler.create_schedule(GroupName={GROUP:?}, Name='twin', ScheduleExpression='at(2026-01-01T00:00:00)', \
         FlexibleTimeWindow={{'Mode': 'OFF'}}, Target=target)"
    ));
    wait_for("the call", Duration::from_secs(40), || {
        log(&cloud).iter().any(|line| line.contains("the app is imported")).then_some(())
    });
    by_hand(&cloud, "it['State'] = 'DISABLED'");
    let status = world.run("status dev --check --json").failure(3);
    assert_eq!(status.changes(), ["delete schedule", "update schedule"]);
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete schedule", "update schedule"]);
    world.run("status dev --check").success();
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn what_moto_knows_of_a_schedule_is_what_aws_would_know() {
    let emulator = Emulator::moto();
    let cloud = emulator.cloud();
    let world = world().at(&emulator.endpoint);
    world.run("deploy dev").success();
    // What moto stores wrongly of the API is told in `moto`.
    let differs = || world.run("status dev --json").success().changes();
    assert_eq!(differs(), ["update api"]);
    let seen = cloud.boto(&format!(
        r#"
shown = client("scheduler").get_schedule(GroupName={GROUP:?}, Name={SCHEDULE:?})
group = client("scheduler").get_schedule_group(Name={GROUP:?})
role = client("iam").get_role(RoleName="warmed-dev-eu-west-1-scheduler")["Role"]
policy = client("iam").get_role_policy(RoleName=role["RoleName"], PolicyName="rzap")["PolicyDocument"]
answer({{
    "schedule": {{key: shown[key] for key in ("ScheduleExpression", "ScheduleExpressionTimezone", "State", "FlexibleTimeWindow", "Target")}},
    "group tags": {{tag["Key"]: tag["Value"] for tag in client("scheduler").list_tags_for_resource(ResourceArn=group["Arn"])["Tags"]}},
    "role tags": {{tag["Key"]: tag["Value"] for tag in role["Tags"]}},
    "trust": role["AssumeRolePolicyDocument"]["Statement"],
    "policy": policy["Statement"],
}})
"#
    ));
    insta::assert_snapshot!(serde_json::to_string_pretty(&seen).expect("JSON"), @r#"
    {
      "group tags": {
        "rzap:app": "warmed",
        "rzap:stage": "dev"
      },
      "policy": [
        {
          "Action": [
            "lambda:InvokeFunction"
          ],
          "Effect": "Allow",
          "Resource": [
            "arn:aws:lambda:eu-west-1:123456789012:function:warmed-dev-web:live"
          ],
          "Sid": "CallFunctions"
        }
      ],
      "role tags": {
        "rzap:app": "warmed",
        "rzap:stage": "dev"
      },
      "schedule": {
        "FlexibleTimeWindow": {
          "Mode": "OFF"
        },
        "ScheduleExpression": "rate(5 minutes)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "Target": {
          "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:warmed-dev-web:live",
          "Input": "{\"rzap\": \"warm\"}",
          "RetryPolicy": {
            "MaximumRetryAttempts": 0
          },
          "RoleArn": "arn:aws:iam::123456789012:role/warmed-dev-eu-west-1-scheduler"
        }
      },
      "trust": [
        {
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": {
              "aws:SourceAccount": "123456789012",
              "aws:SourceArn": "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/warmed-dev"
            }
          },
          "Effect": "Allow",
          "Principal": {
            "Service": "scheduler.amazonaws.com"
          }
        }
      ]
    }
    "#);
    by_hand(&cloud, "it['ScheduleExpression'] = 'rate(1 minutes)'");
    assert_eq!(differs(), ["update api", "update schedule"]);
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update api", "update schedule"]);
    assert_eq!(differs(), ["update api"]);
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}
