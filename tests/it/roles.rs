//! As whom functions run: a role each, one that they share, one that somebody brings.
//!
//! The local cloud and `MiniStack` run the same stories, moto where nothing has to run. `MiniStack` and moto take a role
//! for granted as soon as it was made; that one is waited for `latency` tests.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::world::World;

const APP: &str = "def handler(event, context):\n    return 1\n";

fn config(lines: &str, functions: &str) -> String {
    format!(
        "app: shop\nruntime: python3.12\nregion: eu-west-1\n{lines}functions:\n  one: {{ handler: app.handler }}\n\
         {functions}stages: {{ dev: {{}} }}\n"
    )
}

fn world(lines: &str, functions: &str) -> World {
    World::new().file("app.py", APP).file("rzap.yaml", &config(lines, functions))
}

const TWO: &str =
    "  two: { handler: app.handler, policies: [{ Effect: Allow, Action: s3:GetObject, Resource: '*' }] }\n";

fn roles(cloud: &Cloud) -> Vec<String> {
    let roles =
        cloud.boto("answer(sorted(item['Arn'].split(':role')[1] for item in every('iam', 'list_roles', 'Roles')))");
    serde_json::from_value(roles).expect("a list of roles")
}

/// From the one role that all functions of a stage had once to a role each, and back again, with nothing that serves or
/// could serve again ever without its role.
fn moves_to_roles_of_its_own(world: &World, cloud: &Cloud) {
    world.write("rzap.yaml", &config("role: shared\n", TWO));
    world.run("deploy dev").success();
    assert_eq!(roles(cloud), ["/shop-dev-eu-west-1"]);

    world.write("rzap.yaml", &config("", TWO));
    let plan = world.run("deploy dev --dry-run --json").success();
    assert_eq!(plan.changes(), ["create role", "create role", "update function", "update function"]);
    world.run("deploy dev").success();
    let own = ["/rzap/shop/dev/eu-west-1/shop-dev-one-eu-west-1", "/rzap/shop/dev/eu-west-1/shop-dev-two-eu-west-1"];
    let both = [own[0], own[1], "/shop-dev-eu-west-1"];
    // Release 1 may serve again, so its role stays, and is nothing that differs.
    assert_eq!(roles(cloud), both);
    world.run("status dev --check").success();
    world.run("rollback dev").success();
    assert_eq!(world.run("invoke dev one").success().json(), json!(1));
    assert_eq!(roles(cloud), both);
    world.run("deploy dev").success();
    assert_eq!(roles(cloud), both);

    // Until no release that can serve again has it.
    for generation in 0..6 {
        world.write("app.py", &format!("def handler(event, context):\n    return {generation}\n"));
        world.run("update dev").success();
    }
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete role"]);
    assert_eq!(roles(cloud), own);

    // A function's role goes with it.
    world.write("rzap.yaml", &config("", ""));
    world.run("deploy dev").success();
    assert_eq!(roles(cloud), own[..1]);
    assert_eq!(world.run("invoke dev one").success().json(), json!(5));
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn a_stage_moves_to_roles_of_its_own_in_the_local_cloud() {
    let world = world("", "").env("RZAP_LOCAL", "1");
    moves_to_roles_of_its_own(&world, &world.local());
}

#[test]
fn a_stage_moves_to_roles_of_its_own_on_ministack() {
    let emulator = Emulator::ministack();
    moves_to_roles_of_its_own(&world("", "").at(&emulator.endpoint), &emulator.cloud());
}

/// The role of `one`: managed policies, and the boundary.
fn hangs_on(cloud: &Cloud) -> Value {
    cloud.boto(
        "iam = client('iam')\nname = 'shop-dev-one-eu-west-1'\n\
         attached = iam.list_attached_role_policies(RoleName=name)['AttachedPolicies']\n\
         boundary = iam.get_role(RoleName=name)['Role'].get('PermissionsBoundary', {})\n\
         answer([sorted(it['PolicyName'] for it in attached), boundary.get('PermissionsBoundaryArn', '').split('/')[-1]])",
    )
}

/// `aws`: whether the cloud has AWS's own policies, which moto has not.
fn managed_policies_and_boundaries(world: &World, cloud: &Cloud, aws: bool) {
    let make = "iam = client('iam')\ndocument = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]})\n\
                answer([iam.create_policy(PolicyName=name, PolicyDocument=document)['Policy']['Arn'] for name in ['reads', 'limit', 'less']])";
    let arns: Vec<String> = serde_json::from_value(cloud.boto(make)).expect("three ARNs");
    let (reads, limit, less) = (&arns[0], &arns[1], &arns[2]);
    let own = if aws { "AmazonS3ReadOnlyAccess" } else { less };
    let both = format!("policies: ['{own}', '{reads}']\npermissions_boundary: {limit}\n");
    world.write("rzap.yaml", &config(&both, ""));
    world.run("deploy dev").success();
    assert_eq!(hangs_on(cloud), json!([[own.rsplit('/').next(), Some("reads")], "limit"]));
    if !aws {
        world.run("undeploy dev --yes").success();
        assert_eq!(roles(cloud), [""; 0]);
        return;
    }
    world.run("status dev --check").success();

    // What somebody attached by hand is a difference like any other.
    cloud.boto(&format!("client('iam').attach_role_policy(RoleName='shop-dev-one-eu-west-1', PolicyArn={less:?})"));
    let status = world.run("status dev --check").failure(3);
    assert!(status.stdout.contains(&format!("attached_policies: - {less}")), "{status}");
    world.write("rzap.yaml", &config(&format!("policies: ['{reads}']\npermissions_boundary: {less}\n"), ""));
    assert_eq!(world.run("deploy dev --json --yes").success().changes(), ["update role"]);
    assert_eq!(hangs_on(cloud), json!([["reads"], "less"]));

    world.write("rzap.yaml", &config("", ""));
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update role"]);
    assert_eq!(hangs_on(cloud), json!([[], ""]));
    world.run("undeploy dev --yes").success();
    assert_eq!(roles(cloud), [""; 0]);
}

#[test]
fn managed_policies_and_boundaries_in_the_local_cloud() {
    let world = world("", "").env("RZAP_LOCAL", "1");
    managed_policies_and_boundaries(&world, &world.local(), true);
}

#[test]
fn managed_policies_and_boundaries_on_ministack() {
    let emulator = Emulator::ministack();
    managed_policies_and_boundaries(&world("", "").at(&emulator.endpoint), &emulator.cloud(), true);
}

#[test]
fn managed_policies_and_boundaries_on_moto() {
    let emulator = Emulator::moto();
    managed_policies_and_boundaries(&world("", "").at(&emulator.endpoint), &emulator.cloud(), false);
}

#[test]
fn a_role_that_somebody_brings_is_used_and_left_alone() {
    let world = world("", "").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    let make = "trust = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'lambda.amazonaws.com'}, 'Action': 'sts:AssumeRole'}]})\n\
                answer(client('iam').create_role(RoleName='mine', AssumeRolePolicyDocument=trust)['Role']['Arn'])";
    let arn = cloud.boto(make);
    let arn = arn.as_str().expect("an ARN");
    let uses = format!("  two: {{ handler: app.handler, role: '{arn}', uses: {{ jobs: send }} }}\n");
    world.write("rzap.yaml", &config("resources: { jobs: queue }\n", &uses));
    let plan = world.run("deploy dev --dry-run").success();
    assert!(plan.stdout.contains(&format!("two runs as {arn}: rzap does not change what that role may do")), "{plan}");
    world.run("deploy dev").success();
    assert_eq!(roles(&cloud), ["/mine", "/rzap/shop/dev/eu-west-1/shop-dev-one-eu-west-1"]);
    let hangs = cloud.boto(
        "answer([client('lambda').get_function_configuration(FunctionName='shop-dev-two')['Role'],\n\
         client('iam').list_role_policies(RoleName='mine')['PolicyNames']])",
    );
    assert_eq!(hangs, json!([arn, []]));
    world.run("undeploy dev --yes").success();
    assert_eq!(roles(&cloud), ["/mine"]);
}

#[test]
fn a_policy_that_iam_would_not_take_is_refused_before_anything_is_made() {
    let statement = |index: usize| {
        format!("{{ Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::{}-{index}/*' }}", "x".repeat(40))
    };
    let statements: Vec<String> = (0..110).map(statement).collect();
    let world = world(&format!("policies: [{}]\n", statements.join(", ")), "").env("RZAP_LOCAL", "1");
    let refused = world.run("deploy dev").failure(2);
    refused.says(&[
        "the policy of the role `shop-dev-one-eu-west-1` has 1",
        "and IAM allows 10240",
        "managed policies",
    ]);
    assert_eq!(world.local().inventory()["functions"], json!([]));
    world.run("policy dev").failure(2);
}

#[test]
fn traffic_is_not_shared_between_versions_of_two_roles() {
    let world = world("role: shared\n", "").env("RZAP_LOCAL", "1");
    world.run("deploy dev").success();
    world.write("rzap.yaml", &config("traffic: { canary: 50%, for: 1s }\n", ""));
    world.run("deploy dev").failure(1).says(&[
        "the role of `one` changes",
        "rzap deploy dev --at-once",
        "role: shared",
    ]);
    assert_eq!(roles(&world.local()), ["/shop-dev-eu-west-1"]);
    world.run("deploy dev --at-once").success();
    world.write("app.py", "def handler(event, context):\n    return 2\n");
    world.run("deploy dev").success();
    assert_eq!(world.run("invoke dev one").success().json(), json!(2));
}

#[test]
fn what_functions_may_do_is_shown_without_a_cloud() {
    let functions = "  two: { handler: app.handler, role: shared, triggers: [sqs: jobs], policies: [AmazonS3ReadOnlyAccess] }\n  \
                     three: { handler: app.handler, role: 'arn:aws:iam::123456789012:role/theirs' }\n";
    let world = world("resources: { jobs: queue }\nuses: { jobs: send }\n", functions);
    insta::assert_snapshot!(world.run("policy dev").success().out(), @"
    function  may                                                    on                                              because of
    one       logs:CreateLogStream, PutLogEvents                     log-group:/aws/lambda/shop-dev-one:*            logs
    one       sqs:SendMessage, GetQueueUrl, GetQueueAttributes       shop-dev-jobs                                   uses jobs
    two       logs:CreateLogStream, PutLogEvents                     log-group:/aws/lambda/shop-dev-two:*            logs
    two       sqs:ReceiveMessage, DeleteMessage, GetQueueAttributes  shop-dev-jobs                                   trigger sqs
    two       sqs:SendMessage, GetQueueUrl, GetQueueAttributes       shop-dev-jobs                                   uses jobs
    two       what it says                                           arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess  policies
    three     what it may                                            arn:aws:iam::123456789012:role/theirs           role
    ");
    let document = world.run("policy dev --json --account 123456789012").success().json();
    let role = &document["roles"][0];
    assert_eq!((&role["role"], &role["functions"]), (&json!("shop-dev-one-eu-west-1"), &json!(["one"])));
    let queue = &role["policy"]["Statement"][1]["Resource"];
    assert_eq!(*queue, json!(["arn:aws:sqs:eu-west-1:123456789012:shop-dev-jobs"]));
    assert_eq!(
        document["roles"][2],
        json!({"role": "arn:aws:iam::123456789012:role/theirs", "functions": ["three"], "policy": null})
    );
}
