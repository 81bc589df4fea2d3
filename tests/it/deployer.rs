//! What `rzap policy --deployer` prints is enough for whoever runs rzap, and is the least.
//!
//! `MiniStack` refuses what a user's policy does not name. What it does not know, and what that means here:
//! - It takes `*` for the resource of a call that has the name in its body, like `CreateFunction`. So where that matters
//!   the statements are tested with `*`, and the ARNs by the snapshot of the policy and by the README.
//! - It does not know the condition key `iam:PolicyARN`, nor the tags of user pools for `aws:ResourceTag`.
//! - It takes `GetAlias`, `UpdateAlias` and `DeleteAlias` for `ListAliases`; these three stay untested.

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::world::World;

/// The statements for this config. Services whose calls `MiniStack` knows the resources of keep theirs.
fn statements(world: &World) -> Vec<Value> {
    let printed = world.run("policy --deployer --json").success().json();
    let documents = printed.as_array().cloned().unwrap_or_else(|| vec![printed]);
    let statements =
        documents.iter().flat_map(|document| document["Statement"].as_array().cloned().unwrap_or_default());
    let statements = statements.map(|mut statement| {
        let keeps = ["arn:aws:s3:", "arn:aws:iam:", "arn:aws:cognito-idp:"];
        let resources = statement["Resource"].to_string();
        let unknown = [("ArnEquals", "iam:PolicyARN"), ("StringEquals", "aws:ResourceTag/rzap:app")];
        if unknown.iter().any(|(operator, key)| statement["Condition"][*operator][*key] != Value::Null) {
            statement.as_object_mut().expect("a statement").remove("Condition");
        }
        if !keeps.iter().any(|service| resources.contains(service)) {
            statement["Resource"] = "*".into();
        }
        statement
    });
    let aliases = json!({"Effect": "Allow", "Action": "lambda:ListAliases", "Resource": "*"});
    statements.chain([aliases]).collect()
}

/// Lets the user do what the config wants now, and what it ever wanted: a stage goes on looking for what it had.
fn grant(emulator: &Emulator, world: &World, before: &mut Vec<Value>) {
    let now = statements(world);
    let mut statements = before.clone();
    statements.extend(now.iter().filter(|one| !before.contains(one)).cloned());
    let all = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    emulator
        .cloud()
        .boto(&format!("client('iam').put_user_policy(UserName='ci', PolicyName='ci', PolicyDocument={all:?})"));
    *before = statements;
}

#[test]
fn the_policy_that_is_printed_is_enough_for_the_life_of_a_stage() {
    let emulator = Emulator::strict_ministack();
    let policy = json!({"Version": "2012-10-17", "Statement": statements(&World::new().app("guestbook"))});
    let world = World::new().app("guestbook").with_policy(&emulator, &policy);
    let mut before = Vec::new();
    let mut change = |from: &str, to: &str| {
        world.edit("rzap.yaml", from, to);
        grant(&emulator, &world, &mut before);
    };
    world.run("deploy dev").success();
    world.run("deploy dev").success();
    world.edit("guestbook.py", "Thank you", "Thanks");
    change("app: guestbook", "app: guestbook\ntimeout: 20");
    world.run("update dev").success();
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    world.write("event.json", r#"{"no": "web event"}"#);
    world.run("invoke dev --payload @event.json").failure(1);
    world.run("tail dev --no-follow").success();
    // Every call of the other kinds of HTTP fronts, too, and those for static files.
    change("http: rest", "http: http\nstatic: true");
    world.run("deploy dev --allow-replace").success();
    emulator.cloud().boto(
        "api = client('apigatewayv2')\nid = api.get_apis()['Items'][0]['ApiId']\nroute = api.get_routes(ApiId=id)['Items'][0]\n\
         api.create_route(ApiId=id, RouteKey='GET /x', Target=route['Target'])\n\
         api.update_route(ApiId=id, RouteId=route['RouteId'], AuthorizationType='AWS_IAM')\n\
         api.update_stage(ApiId=id, StageName='$default', AutoDeploy=False)\n\
         api.create_integration(ApiId=id, IntegrationType='HTTP_PROXY', IntegrationUri='https://example.com')",
    );
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    change("http: http", "http: url\nlayer: auto\nkeep_warm: true");
    world.run("deploy dev --allow-replace").success();
    emulator.cloud().boto(
        "it = client('scheduler').get_schedule(GroupName='guestbook-dev', Name='guestbook-dev-web-warm')\n\
         names = ['Name', 'GroupName', 'ScheduleExpression', 'FlexibleTimeWindow', 'Target']\n\
         client('scheduler').update_schedule(State='DISABLED', **{name: it[name] for name in names})",
    );
    world.run("deploy dev").success();
    world.edit("requirements.txt", "\n", "\nsix==1.17.0\n");
    world.run("update dev").success();
    // And those that move traffic step by step.
    emulator.cloud().boto(
        "client('cloudwatch').put_metric_alarm(AlarmName='errors', Namespace='Shop', MetricName='errors', Statistic='Sum', \
         Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator='GreaterThanThreshold')",
    );
    let gradual = "app: guestbook\ntraffic: { canary: 50%, for: 1s }\nalarms: [errors]\nsmoke: [GET /, { invoke: web, payload: { rzap: warm } }]";
    change("app: guestbook", gradual);
    world.edit("guestbook.py", "Thanks", "Thank you");
    world.run("update dev").success().says(&["50 % to the new versions", "1 alarm is quiet"]);
    // What is beside functions, and several of them.
    let arn = emulator.cloud().boto(
        "document = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]})\n\
         answer(client('iam').create_policy(PolicyName='limit', PolicyDocument=document)['Policy']['Arn'])",
    );
    let arn = arn.as_str().expect("an ARN");
    let beside = format!(
        "app: guestbook\nresources: {{ jobs: {{ type: queue, dlq: {{ max_receives: 2 }} }} }}\nuses: {{ jobs: send }}\n\
         triggers: [{{ sqs: jobs }}, {{ schedule: rate(1 hour) }}]\npolicies: ['{arn}']\npermissions_boundary: {arn}"
    );
    change("app: guestbook", &beside);
    world.run("deploy dev --at-once").success();
    world.run("status dev --check").success();
    change(&beside, "app: guestbook\nrole: shared");
    world.run("deploy dev --at-once --delete-data").success();
    world.run("rollback dev").success();
    world.run("deploy dev --at-once").success();
    world.run("undeploy dev --yes").success();
    emulator.cloud().boto("client('cloudwatch').delete_alarms(AlarmNames=['errors'])");
    emulator.cloud().is_empty();
}

/// The same for whatever else a config may speak of: made, changed and taken away.
#[test]
fn the_policy_that_is_printed_is_enough_for_all_that_an_app_may_have() {
    let emulator = Emulator::strict_ministack();
    let policy = json!({"Version": "2012-10-17", "Statement": statements(&World::new().app("orders"))});
    let world = World::new().app("orders").with_policy(&emulator, &policy);
    let mut before = Vec::new();
    let mut change = |edits: &[(&str, &str)]| {
        for (from, to) in edits {
            world.edit("rzap.yaml", from, to);
        }
        grant(&emulator, &world, &mut before);
    };
    // Tables and their streams.
    change(&[]);
    world.run("deploy dev").success();
    change(&[
        ("    key: id\n", "    key: id\n    pitr: true\n    stream: new_image\n"),
        (", ttl: expires", ", ttl: until"),
        ("batch: 50", "batch: 40"),
    ]);
    world.run("deploy dev --delete-data").success();
    world.run("status dev --check").success();
    // The access log of the API.
    change(&[("stages: {", "access_log: true\nstages: {")]);
    world.run("deploy dev").success();
    // Events and log subscriptions.
    emulator.cloud().boto("client('logs').create_log_group(logGroupName='/others')");
    let events = "  listener:
    handler: orders.api
    triggers:
      - events: { source: [shop] }
      - events: { bus: happened, name: paid, pattern: { source: [shop] } }
      - logs: /others
";
    change(&[
        ("functions:\n", &format!("functions:\n{events}")),
        ("resources:\n", "resources:\n  happened: event_bus\n"),
    ]);
    world.run("deploy dev").success();
    change(&[("- logs: /others", "- logs: { group: /others, pattern: ERROR }")]);
    world.run("deploy dev").success();
    change(&[("      - logs: { group: /others, pattern: ERROR }\n", "")]);
    world.run("deploy dev").success();
    emulator.cloud().boto("client('logs').delete_log_group(logGroupName='/others')");
    // Topics, who hears them, and alarms.
    let topics = "  letters: { type: queue, dlq: true }
  news: { type: topic, subscribe: [letters, a@example.com] }
  errors: { type: alarm, function: listener, above: 5, notify: news }
  lines: { type: log_alarm, function: listener, pattern: ERROR, notify: boss@example.com }
";
    change(&[
        ("resources:\n", &format!("resources:\n{topics}")),
        ("      - events: { source: [shop] }\n", "      - sns: news\n"),
    ]);
    world.run("deploy dev").success();
    change(&[
        ("subscribe: [letters, a@example.com]", "subscribe: [letters, b@example.com], display_name: News"),
        ("- sns: news", "- sns: { topic: news, filter: { kind: [sale] } }"),
    ]);
    world.run("deploy dev").success();
    change(&[
        ("      - sns: { topic: news, filter: { kind: [sale] } }\n", ""),
        ("  lines: { type: log_alarm, function: listener, pattern: ERROR, notify: boss@example.com }\n", ""),
    ]);
    world.run("deploy dev").success();
    // Buckets and what they call.
    change(&[
        ("resources:\n", "resources:\n  uploads: { type: bucket, versioned: true, expire: 9d, cors: '*' }\n"),
        ("    handler: orders.api\n    triggers:\n", "    handler: orders.api\n    triggers:\n      - s3: uploads\n"),
    ]);
    world.run("deploy dev").success();
    emulator.cloud().boto(
        "s3 = client('s3')\n[name] = [it['Name'] for it in s3.list_buckets()['Buckets'] if 'uploads' in it['Name']]\n\
         s3.put_object(Bucket=name, Key='a', Body=b'1')\ns3.delete_object(Bucket=name, Key='a')\n\
         s3.create_multipart_upload(Bucket=name, Key='b')",
    );
    change(&[(", expire: 9d, cors: '*'", "")]);
    world.run("deploy dev").success();
    // What becomes of asynchronous calls, and how many calls at once.
    let calls = "    on_failure: letters\n    dead_letter: letters\n    concurrency: { reserved: 3, provisioned: 1 }\n";
    change(&[(
        "    handler: orders.api\n    triggers:\n",
        &format!("    handler: orders.api\n{calls}    triggers:\n"),
    )]);
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    change(&[(calls, "")]);
    world.run("deploy dev").success();
    // Parameters and secrets: made, changed, deleted and brought back.
    let values = "  url: { type: parameter, secure: true, value: a }\n  key: { type: secret, value: a }\n";
    change(&[("resources:\n", &format!("resources:\n{values}"))]);
    world.run("deploy dev").success();
    change(&[("value: a }\n  key", "value: b }\n  key"), ("{ type: secret, value: a }", "{ type: secret, value: b }")]);
    world.run("deploy dev").success();
    change(&[("  key: { type: secret, value: b }\n", "")]);
    world.run("deploy dev --delete-data").success();
    change(&[("resources:\n", "resources:\n  key: secret\n")]);
    world.run("deploy dev").success();
    world.with_stdin("secret set dev key", "c").success();
    world.run("undeploy dev --yes").failure(2).says(&["with 2 objects", "--delete-data"]);
    world.run("undeploy dev --yes --delete-data").success();
    emulator.cloud().is_empty();
}

#[test]
fn the_policy_that_is_printed_is_enough_for_user_pools() {
    let config = "app: shop
runtime: python3.12
region: eu-west-1
handler: app.main
resources: { users: { type: user_pool, clients: [web] } }
uses: [users]
triggers: [{ cognito: pre_sign_up }]
stages: { dev: {} }
";
    let emulator = Emulator::strict_ministack();
    let world = World::new().file("rzap.yaml", config).file("app.py", "def main(event, context):\n    return event\n");
    let policy = json!({"Version": "2012-10-17", "Statement": statements(&world)});
    let world = world.with_policy(&emulator, &policy);
    world.run("deploy dev").success();
    let clients = ("clients: [web]", "clients: { web: { flows: [custom_auth] }, app: }, mfa: optional");
    world.edit("rzap.yaml", clients.0, &format!("{}, attributes: {{ age: number }}, verify: []", clients.1));
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    world.edit("rzap.yaml", clients.1, clients.0);
    world.edit("rzap.yaml", "triggers: [{ cognito: pre_sign_up }]\n", "");
    let mut before = policy["Statement"].as_array().cloned().unwrap_or_default();
    grant(&emulator, &world, &mut before);
    world.run("deploy dev --allow-replace").success();
    world.run("undeploy dev --yes").success();
    emulator.cloud().is_empty();
}

#[test]
fn without_one_of_its_actions_a_deploy_fails() {
    let emulator = Emulator::strict_ministack();
    let all = statements(&World::new().app("guestbook"));
    let world = World::new().app("guestbook");
    let world = world.with_policy(&emulator, &json!({"Version": "2012-10-17", "Statement": all}));
    let grant = |without: &str| {
        let mut some = all.clone();
        for statement in &mut some {
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.retain(|action| action != without);
            }
        }
        some.retain(|statement| statement["Action"] != without && statement["Action"] != json!([]));
        let policy = json!({"Version": "2012-10-17", "Statement": some}).to_string();
        emulator
            .cloud()
            .boto(&format!("client('iam').put_user_policy(UserName='ci', PolicyName='ci', PolicyDocument={policy:?})"));
    };
    // Each deploy gets a little further than the one before.
    let made = [
        "s3:CreateBucket",
        "iam:ListRoles",
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "lambda:CreateFunction",
        "lambda:CreateAlias",
        "lambda:AddPermission",
    ];
    for action in made {
        grant(action);
        world.run("deploy dev").failure(4).says(&[action]);
    }
    grant("");
    world.run("deploy dev").success();
    for action in ["lambda:DeleteFunction", "iam:DeleteRolePolicy", "iam:DeleteRole", "s3:DeleteBucket"] {
        grant(action);
        world.run("undeploy dev --yes").failure(4).says(&[action]);
    }
    grant("");
    world.run("undeploy dev --yes").success();
    emulator.cloud().is_empty();
}
