//! `cloudformation`: a stack beside the functions, and what they know of it.
//!
//! `MiniStack` calls functions and enforces less than AWS; moto says what was stored. The local cloud has no
//! `CloudFormation`.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
functions:
  web:
    handler: app.main
    env: { NOTES: '${stack.Notes}', PLAIN: one }
    policies:
      - { Effect: Allow, Action: 'sqs:SendMessage', Resource: '${stack.NotesArn}' }
cloudformation:
  template: infra.yaml
  parameters: { Delay: 3, Password: '${env.PASSWORD}' }
stages: { dev: {} }
";

/// With tags of YAML that no plain reader knows, and a letter that does not come back.
const TEMPLATE: &str = "Description: what the app needs besides, für später
Parameters:
  Delay: { Type: Number, Default: 0 }
  Password: { Type: String, NoEcho: true }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub '${AWS::StackName}-notes', DelaySeconds: !Ref Delay }
Outputs:
  Notes: { Value: !Ref Queue }
  NotesArn: { Value: !GetAtt Queue.Arn }
";

const APP: &str = "import os

def main(event, context):
    return {'notes': os.environ.get('NOTES', ''), 'plain': os.environ['PLAIN']}
";

const SECRET: &str = "correct-horse-battery";

fn world() -> World {
    let world = World::new().file("rzap.yaml", CONFIG).file("infra.yaml", TEMPLATE).file("app.py", APP);
    world.env("PASSWORD", SECRET)
}

/// The stack, its template, and what the function and its role know of it.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "stack = client('cloudformation').describe_stacks(StackName='shop-dev')['Stacks'][0]
sqs = client('sqs')
attributes = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName='shop-dev-notes')['QueueUrl'],
                                      AttributeNames=['DelaySeconds'])['Attributes']
function = client('lambda').get_function_configuration(FunctionName='shop-dev-web', Qualifier='live')
tags = {tag['Key']: tag['Value'] for tag in stack['Tags']}
answer({'id': stack['StackId'], 'status': stack['StackStatus'], 'delay': attributes['DelaySeconds'], 'tags': tags,
        'version': function['Version'], 'notes': function['Environment']['Variables']['NOTES']})",
    )
}

/// What differs, by the name of the resource's kind.
fn fields(plan: &Value, kind: &str) -> Vec<(String, bool)> {
    let changes = plan["changes"].as_array().cloned().unwrap_or_default();
    let changes = changes.iter().filter(|change| change["kind"] == kind);
    let differences = changes.flat_map(|change| change["differences"].as_array().cloned().unwrap_or_default());
    differences.map(|it| (it["field"].as_str().unwrap_or_default().to_owned(), it["later"] == true)).collect()
}

#[test]
fn a_stack_stands_before_what_speaks_of_it_and_is_touched_only_when_it_changed() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    let plan = world.run("deploy dev --dry-run").success();
    assert!(!plan.stdout.contains(SECRET) && !plan.stderr.contains(SECRET));
    let deployed = world.run("deploy dev --json").success();
    assert!(deployed.changes().contains(&"create stack".to_owned()), "{:?}", deployed.changes());
    assert!(deployed.stderr.contains("Queue: CREATE_COMPLETE"), "{}", deployed.stderr);
    let before = stored(&cloud);
    assert_eq!(before["tags"]["rzap:app"], "shop");
    assert!(before["notes"].as_str().is_some_and(|url| url.ends_with("/shop-dev-notes")), "{before}");
    assert_eq!((&before["delay"], &before["status"]), (&json!("3"), &json!("CREATE_COMPLETE")));
    let answer = world.run("invoke dev web --json").success().json();
    assert!(answer.to_string().contains("/shop-dev-notes"), "{answer}");
    let policy = cloud.boto(
        "answer(client('iam').get_role_policy(RoleName=client('iam').list_roles()['Roles'][0]['RoleName'], PolicyName='rzap')['PolicyDocument'])",
    );
    assert!(policy.to_string().contains(":shop-dev-notes\""), "{policy}");

    // The same template again: nothing happens, and nothing looks changed by hand.
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    world.run("status dev --check").success();
    world.edit("app.py", "'plain'", "'changed'");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["create artifact", "update function"]);
    assert_eq!(stored(&cloud)["id"], before["id"]);

    // A parameter: the plan says what comes later and no value of any; what turns out to be the same stays.
    world.edit("rzap.yaml", "Delay: 3", "Delay: 9");
    let plan = world.run("deploy dev --dry-run --json").success();
    assert!(!plan.stdout.contains(SECRET), "{}", plan.stdout);
    assert_eq!(fields(&plan.json(), "stack"), [("parameters.Delay".to_owned(), false)]);
    assert_eq!(fields(&plan.json(), "function"), [("env.NOTES".to_owned(), true)]);
    let shown = world.run("deploy dev --dry-run").success().stdout;
    assert!(shown.contains("(known during the deploy)") && shown.contains("${stack.NotesArn}"), "{shown}");
    let version = stored(&cloud)["version"].clone();
    world.run("deploy dev").success();
    let after = stored(&cloud);
    assert_eq!((&after["delay"], &after["version"], &after["id"]), (&json!("9"), &version, &before["id"]));
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // The hidden one.
    let other = world.env("PASSWORD", "another");
    let plan = other.run("deploy dev --dry-run --json").success();
    assert_eq!(fields(&plan.json(), "stack"), [("parameters.Password".to_owned(), false)]);
    other.run("deploy dev").success();
    assert!(other.run("deploy dev --json").success().changes().is_empty());

    // Somebody changes it: what is seen is put back.
    cloud.boto(
        "cf = client('cloudformation')
cf.update_stack(StackName='shop-dev', UsePreviousTemplate=True, Parameters=[
    {'ParameterKey': 'Delay', 'ParameterValue': '1'}, {'ParameterKey': 'Password', 'UsePreviousValue': True}])
cf.get_waiter('stack_update_complete').wait(StackName='shop-dev', WaiterConfig={'Delay': 1})",
    );
    let plan = other.run("status dev --json").success().json();
    assert_eq!(plan["drift"], true, "{plan}");
    other.run("deploy dev --yes").success();
    assert_eq!(stored(&cloud)["delay"], "9");

    // An output that there is not.
    other.edit("rzap.yaml", "'${stack.Notes}'", "'${stack.Nots}'");
    let failed = other.run("deploy dev").failure(2);
    assert!(failed.stderr.contains("has no output `Nots`; it has Notes, NotesArn"), "{}", failed.stderr);
    other.edit("rzap.yaml", "'${stack.Nots}'", "'${stack.Notes}'");

    // Not in the config any more: it holds data.
    other.edit("rzap.yaml", "    env: { NOTES: '${stack.Notes}', PLAIN: one }\n", "    env: { PLAIN: one }\n");
    let policies =
        "    policies:\n      - { Effect: Allow, Action: 'sqs:SendMessage', Resource: '${stack.NotesArn}' }\n";
    other.edit("rzap.yaml", policies, "");
    let stack = "cloudformation:\n  template: infra.yaml\n  parameters: { Delay: 9, Password: '${env.PASSWORD}' }\n";
    other.edit("rzap.yaml", stack, "");
    let kept = other.run("deploy dev --json").success().json();
    assert_eq!(kept["kept"][0]["kind"], "stack", "{kept}");
    assert!(kept["kept"][0].to_string().contains("AWS::SQS::Queue"), "{kept}");
    assert_eq!(other.run("deploy dev --delete-data --json").success().changes(), ["delete stack"]);
    other.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn a_stack_that_fails_says_why_and_the_next_run_goes_on() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    // The name is taken: of all the events this is the one that matters.
    cloud.boto(
        "client('s3').create_bucket(Bucket='taken', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})",
    );
    let bucket = "Resources:\n  Photos:\n    Type: AWS::S3::Bucket\n    Properties: { BucketName: taken }\n";
    world.edit("infra.yaml", "Resources:\n", bucket);
    let failed = world.run("deploy dev").failure(1);
    let said = &failed.stderr;
    assert!(
        said.contains("failed to create the stack `shop-dev`") && said.contains("`Photos` (AWS::S3::Bucket)"),
        "{said}"
    );
    assert!(!said.contains(SECRET), "{said}");
    let status = "answer(client('cloudformation').describe_stacks(StackName='shop-dev')['Stacks'][0]['StackStatus'])";
    assert_eq!(cloud.boto(status), "ROLLBACK_COMPLETE");
    // The next run removes what is left, and makes it.
    world.edit("infra.yaml", bucket, "Resources:\n");
    world.run("deploy dev").success();
    assert_eq!(cloud.boto(status), "CREATE_COMPLETE");
    // A failed update leaves it as it was.
    world.edit("infra.yaml", "Resources:\n", bucket);
    let failed = world.run("deploy dev").failure(1);
    assert!(failed.stderr.contains("`Photos` (AWS::S3::Bucket)"), "{}", failed.stderr);
    assert_eq!(cloud.boto(status), "UPDATE_ROLLBACK_COMPLETE");
    world.edit("infra.yaml", bucket, "Resources:\n");
    assert!(world.run("deploy dev --json").success().changes().iter().all(|change| !change.ends_with("stack")));
    world.run("undeploy dev --yes --delete-data").success();
    cloud.boto("client('s3').delete_bucket(Bucket='taken')");
    cloud.is_empty();
}

/// What a stack waits for until it is told.
const GATE: &str = "  Gate:
    Type: AWS::CloudFormation::WaitCondition
    CreationPolicy: { ResourceSignal: { Timeout: PT3M } }
";

#[test]
fn whoever_interrupts_leaves_cloudformation_at_work_and_the_next_run_waits_for_it() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    world.edit("infra.yaml", "Outputs:\n", &format!("{GATE}Outputs:\n"));
    let mut deploy = world.start("deploy dev");
    assert!(deploy.says("Gate: CREATE_IN_PROGRESS"), "{}", deploy.wait());
    deploy.interrupt();
    let output = deploy.wait();
    assert_eq!(output.code, 130, "{output}");
    output.says(&["AWS goes on with the stack `shop-dev`", "it waits for that and continues"]);
    let status = "answer(client('cloudformation').describe_stacks(StackName='shop-dev')['Stacks'][0]['StackStatus'])";
    assert_eq!(cloud.boto(status), "CREATE_IN_PROGRESS");
    let mut next = world.start("deploy dev --no-wait");
    assert!(next.says("waiting for what is going on: CREATE_IN_PROGRESS"), "{}", next.wait());
    let signal = "client('cloudformation').signal_resource(StackName='shop-dev', LogicalResourceId='Gate', UniqueId='1', Status='SUCCESS')";
    cloud.boto(signal);
    next.wait().success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn a_large_template_goes_through_the_bucket() {
    let emulator = Emulator::ministack();
    let world = world().at(&emulator.endpoint);
    let filler = "# this line is here to make the template larger than what goes with a call\n".repeat(800);
    world.edit("infra.yaml", "Resources:\n", &format!("{filler}Resources:\n"));
    world.run("deploy dev").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    assert_eq!(stored(&emulator.cloud())["delay"], "3");
    world.run("undeploy dev --yes --delete-data").success();
    emulator.cloud().is_empty();
}

#[test]
fn roles_in_a_template_have_to_be_allowed() {
    let emulator = Emulator::moto();
    let world = world().at(&emulator.endpoint);
    world.edit("rzap.yaml", "  template: infra.yaml\n", "  template: infra.yaml\n  capabilities: [iam]\n");
    world.run("deploy dev").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    // What is somebody else's is not touched.
    world.run("undeploy dev --yes --delete-data").success();
    emulator.cloud().is_empty();
    emulator.cloud().boto(
        "client('cloudformation').create_stack(StackName='shop-dev', TemplateBody='{\"Resources\": {\"T\": {\"Type\": \"AWS::SNS::Topic\"}}}')",
    );
    let refused = world.run("deploy dev").failure(1);
    assert!(refused.stderr.contains("does not belong to stage `dev`"), "{}", refused.stderr);
}

#[test]
fn the_local_cloud_has_no_stacks_and_rzap_says_so() {
    let world = world().env("RZAP_LOCAL", "1");
    let cloud = world.local();
    let dry = world.run("deploy dev --dry-run --json").success();
    assert_eq!(dry.json()["left_out"], json!(["cloudformation"]));
    let deployed = world.run("deploy dev --json").success();
    assert!(deployed.stderr.contains("the local cloud does not have cloudformation"), "{}", deployed.stderr);
    assert_eq!(deployed.json()["left_out"], json!(["cloudformation"]));
    let answer = world.run("invoke dev web --json").success().json();
    assert!(answer.to_string().contains(r#""notes":"""#), "{answer}");
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}
