//! State machines of `resources:`, the functions they call and those that start them.
//!
//! `MiniStack` really runs them; moto says what was stored. The local cloud has no Step Functions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
dir: src
resources:
  flow:
    type: state_machine
    definition: flow.asl.yaml
    substitutions: { Double: '${functions.double.arn}' }
  quick: { type: state_machine, definition: quick.asl.json, express: true }
functions:
  double: { handler: app.double }
  start: { handler: app.start, uses: [flow] }
stages: { dev: {} }
";

const FLOW: &str = "Comment: of ${stage}
StartAt: Double
States:
  Double: { Type: Task, Resource: '${Double}', End: true }
";

const QUICK: &str = r#"{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}"#;

const APP: &str = r#"import os

def double(event, context):
    return {"twice": event["number"] * 2, "as": context.invoked_function_arn.split(":")[-1]}

def start(event, context):
    return {"arn": os.environ["FLOW_STATE_MACHINE_ARN"]}
"#;

fn world() -> World {
    World::new()
        .file("rzap.yaml", CONFIG)
        .file("flow.asl.yaml", FLOW)
        .file("quick.asl.json", QUICK)
        .file("src/app.py", APP)
}

/// What is set of a state machine, and what its role may do.
fn stored(cloud: &Cloud, name: &str) -> Value {
    cloud.boto(&format!(
        "states, iam = client('stepfunctions'), client('iam')
[arn] = [it['stateMachineArn'] for it in states.list_state_machines()['stateMachines'] if it['name'] == {name:?}]
it = states.describe_state_machine(stateMachineArn=arn)
role = it['roleArn'].split('/')[-1]
policy = iam.get_role_policy(RoleName=role, PolicyName='rzap')['PolicyDocument']
trust = iam.get_role(RoleName=role)['Role']['AssumeRolePolicyDocument']['Statement'][0]['Principal']['Service']
answer({{'definition': json.loads(it['definition']), 'type': it['type'], 'policy': policy['Statement'], 'trust': trust,
        'log': it.get('loggingConfiguration', {{}}).get('level', 'OFF'), 'role': it['roleArn']}})"
    ))
}

#[test]
fn a_state_machine_calls_a_function_as_it_is_live() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    let made = world.run("deploy dev --json").success().changes();
    assert_eq!(made.iter().filter(|change| *change == "create state_machine").count(), 2, "{made:?}");
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();

    let flow = stored(&cloud, "shop-dev-flow");
    let double = flow["definition"]["States"]["Double"]["Resource"].as_str().unwrap_or_default();
    assert!(double.ends_with(":function:shop-dev-double:live"), "{flow}");
    assert_eq!((&flow["definition"]["Comment"], &flow["trust"]), (&json!("of dev"), &json!("states.amazonaws.com")));
    let call = json!([{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [double]}]);
    assert_eq!(flow["policy"], call, "exactly what the definition calls");
    let quick = stored(&cloud, "shop-dev-quick");
    assert_eq!((&quick["type"], &quick["log"]), (&json!("EXPRESS"), &json!("ERROR")));

    let answer = world.run("invoke dev start --json").success().json().to_string();
    assert!(answer.contains(":stateMachine:shop-dev-flow"), "{answer}");
    let run = "states = client('stepfunctions')
[arn] = [it['stateMachineArn'] for it in states.list_state_machines()['stateMachines'] if it['name'] == 'shop-dev-flow']
answer(states.start_execution(stateMachineArn=arn, input='{\"number\": 21}')['executionArn'])";
    let execution = cloud.boto(run);
    let ended = format!(
        "it = client('stepfunctions').describe_execution(executionArn={execution})
answer([it['status'], it.get('output')])"
    );
    wait_for("the execution", Duration::from_secs(40), || {
        let ended = cloud.boto(&ended);
        (ended[0] != "RUNNING").then(|| {
            assert_eq!(ended[0], "SUCCEEDED", "{ended}");
            assert!(ended[1].as_str().is_some_and(|output| output.contains("42")), "{ended}");
        })
    });

    // A change of the definition is a change in place; its role follows.
    world.edit("flow.asl.yaml", "Type: Task, Resource: '${Double}', End", "Type: Pass, Comment: '${Double}', End");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update role", "update state_machine"]);
    let changed = stored(&cloud, "shop-dev-flow");
    assert_eq!((&changed["role"], &changed["policy"][0]["Effect"]), (&flow["role"], &json!("Deny")));
    // Standard and express are two things.
    world.edit("rzap.yaml", "definition: quick.asl.json, express: true", "definition: quick.asl.json");
    world.run("deploy dev").failure(2).says(&["--allow-replace"]);
    world.run("deploy dev --allow-replace --delete-data").success();
    assert_eq!(stored(&cloud, "shop-dev-quick")["type"], "STANDARD");

    world.edit("rzap.yaml", "  quick: { type: state_machine, definition: quick.asl.json }\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete role", "delete state_machine"]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn the_control_plane_of_state_machines_on_moto() {
    let emulator = Emulator::moto();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    world.run("deploy dev").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    // By hand: what is seen is put back.
    cloud.boto(
        "states = client('stepfunctions')
[arn] = [it['stateMachineArn'] for it in states.list_state_machines()['stateMachines'] if it['name'] == 'shop-dev-flow']
states.update_state_machine(stateMachineArn=arn, definition=json.dumps({'StartAt': 'A', 'States': {'A': {'Type': 'Succeed'}}}))",
    );
    let changed = world.run("deploy dev --json").success();
    assert_eq!(changed.changes(), ["update state_machine"]);
    assert_eq!(changed.json()["changes"][0]["differences"][0]["by_hand"], true, "{}", changed.stdout);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}
