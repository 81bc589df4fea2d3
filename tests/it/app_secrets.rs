//! Parameters and secrets of `resources:`: made, set by hand, read by functions, and never shown.
//!
//! The same story on the local cloud and on `MiniStack`; moto says what was stored.

use std::fs;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::{Emulator, free_port};
use crate::output::Output;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources:
  api-url: { type: parameter, value: 'https://plain-value.example' }
  api-key: { type: parameter, secure: true, value: '${env.API_KEY}' }
  pepper: { type: parameter, secure: true, generate: 40 }
  by-hand: { type: parameter, secure: true }
  db: { type: secret, value: { user: shop, password: '${env.DB_PASSWORD}' } }
  token: secret
  session: { type: secret, generate: 32 }
  shared: { type: secret, existing: other/thing }
functions:
  reader:
    handler: app.read
    env: { URL_NAME: '${resources.api-url.name}', URL_ARN: '${resources.api-url.arn}' }
    uses: { api-url: read, api-key: read, pepper: read, by-hand: read, db: read, token: read-write, session: read, shared: read }
stages: { dev: {} }
";

/// Reads all there is, and says of the secret ones only whether they are what they should be.
const APP: &str = r#"import hashlib, os

import boto3

def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()

def read(event, context):
    ssm, secrets = boto3.client("ssm"), boto3.client("secretsmanager")
    seen = {}
    for name in ("API_URL", "API_KEY", "PEPPER", "BY_HAND"):
        answer = ssm.get_parameter(Name=os.environ[name + "_PARAMETER"], WithDecryption=True)["Parameter"]
        seen[name] = [answer["Type"], len(answer["Value"]), digest(answer["Value"])]
    for name in ("DB", "TOKEN", "SESSION", "SHARED"):
        try:
            # MiniStack has a version of a secret that was made without a value, with nothing in it.
            text = secrets.get_secret_value(SecretId=os.environ[name + "_SECRET"]).get("SecretString")
            seen[name] = text and [len(text), digest(text)]
        except secrets.exceptions.ResourceNotFoundException:
            seen[name] = None
    seen["names"] = [os.environ["URL_NAME"], os.environ["URL_ARN"].split(":", 5)[5]]
    return seen
"#;

/// What must never be seen again.
const SECRETS: [&str; 6] = [
    "k3y-from-the-environment",
    "an0ther-key",
    "hunter2-of-the-database",
    "set-by-hand-1",
    "set-by-hand-2",
    "t0ken-from-stdin",
];

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("app.py", APP).env("API_KEY", SECRETS[0]).env("DB_PASSWORD", SECRETS[2])
}

/// Whatever rzap said, all of it.
#[derive(Default)]
struct Said(String);

impl Said {
    fn hear(&mut self, output: Output) -> Output {
        self.0.push_str(&output.stdout);
        self.0.push_str(&output.stderr);
        output
    }

    /// None of the secrets, in no spelling that is easily read back.
    #[track_caller]
    fn has_no_secret(&self) {
        for secret in SECRETS {
            assert!(!self.0.contains(secret), "{secret} in\n{}", self.0);
            let encoded = base64(secret.as_bytes());
            assert!(!self.0.contains(encoded.trim_end_matches('=')), "{secret} in base64");
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Every object of every bucket and the configuration of every function, as text.
fn kept(cloud: &Cloud) -> String {
    let kept = cloud.boto(
        "s3, texts = client('s3'), []
for bucket in s3.list_buckets()['Buckets']:
    for item in every('s3', 'list_objects_v2', 'Contents', Bucket=bucket['Name']):
        body = s3.get_object(Bucket=bucket['Name'], Key=item['Key'])['Body'].read()
        texts.append(item['Key'] + ' ' + body.decode('latin-1'))
for function in every('lambda', 'list_functions', 'Functions'):
    texts.append(json.dumps(client('lambda').get_function_configuration(FunctionName=function['FunctionName']), default=str))
answer(texts)",
    );
    kept.to_string()
}

/// Names, types and versions, and which tags say that they are ours.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "ssm, secrets = client('ssm'), client('secretsmanager')
found = {}
for item in ssm.get_parameters_by_path(Path='/shop/dev', WithDecryption=True)['Parameters']:
    tags = ssm.list_tags_for_resource(ResourceType='Parameter', ResourceId=item['Name'])['TagList']
    found[item['Name']] = [item['Type'], item['Version'], sorted(tag['Key'] for tag in tags)]
for item in every('secretsmanager', 'list_secrets', 'SecretList'):
    if item['Name'].startswith('shop/'):
        secret = secrets.describe_secret(SecretId=item['Name'])
        found[item['Name']] = sorted(tag['Key'] for tag in secret['Tags'])
answer(found)",
    )
}

/// What the roles allow: one action of each kind of access, with the end of the ARN.
fn granted(cloud: &Cloud) -> Value {
    cloud.boto(
        "iam, found = client('iam'), set()
wanted = {'ssm:GetParameter', 'ssm:PutParameter', 'secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'}
for role in every('iam', 'list_roles', 'Roles'):
    for policy in iam.list_role_policies(RoleName=role['RoleName'])['PolicyNames']:
        document = iam.get_role_policy(RoleName=role['RoleName'], PolicyName=policy)['PolicyDocument']
        for statement in document['Statement']:
            actions, arns = statement['Action'], statement['Resource']
            for action in wanted.intersection([actions] if isinstance(actions, str) else actions):
                for arn in [arns] if isinstance(arns, str) else arns:
                    found.add(action + ' ' + arn.split(':', 5)[5])
answer(sorted(found))",
    )
}

fn set(world: &World, said: &mut Said, name: &str, value: &str) {
    said.hear(world.with_stdin(&format!("secret set dev {name}"), &format!("{value}\n"))).success();
}

fn digest(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the function saw.
fn read(world: &World) -> Value {
    world.run("invoke dev").success().json()
}

fn is(seen: &Value, text: &str) -> bool {
    let list = seen.as_array().expect("a list");
    list.last().and_then(Value::as_str) == Some(digest(text).as_str())
}

/// Deploys, sets, changes, reads, and leaves nothing but what can be restored.
fn story(world: World, cloud: &Cloud) {
    let mut said = Said::default();
    cloud.boto("answer(client('secretsmanager').create_secret(Name='other/thing', SecretString='others')['Name'])");

    // A parameter cannot be without a value: nothing is made before somebody has said one.
    let refused = said.hear(world.run("deploy dev")).failure(1);
    assert!(refused.stderr.contains("`rzap secret set dev by-hand`"), "{}", refused.stderr);
    assert_eq!(stored(cloud), json!({}));
    set(&world, &mut said, "by-hand", SECRETS[3]);
    let plan = said.hear(world.run("deploy dev --dry-run --json")).success();
    assert_eq!(plan.json()["refused"], false, "{}", plan.stdout);

    let deployed = said.hear(world.run("deploy dev")).success();
    assert!(
        deployed.stdout.contains("secret token has no value yet: `rzap secret set dev token`"),
        "{}",
        deployed.stdout
    );
    assert!(said.hear(world.run("deploy dev --json")).success().changes().is_empty(), "it is as it should be");
    let (ours, noted) = (json!(["rzap:app", "rzap:stage"]), json!(["rzap:app", "rzap:stage", "rzap:value"]));
    let all = json!({
        "/shop/dev/api-key": ["SecureString", 1, noted], "/shop/dev/api-url": ["String", 1, noted],
        "/shop/dev/by-hand": ["SecureString", 1, ours], "/shop/dev/pepper": ["SecureString", 1, ours],
        "shop/dev/db": ours, "shop/dev/session": ours, "shop/dev/token": ours,
    });
    assert_eq!(stored(cloud), all);

    // Exactly these, and nothing by a wildcard but what AWS chooses.
    assert_eq!(
        granted(cloud),
        json!([
            "secretsmanager:GetSecretValue secret:other/thing-??????",
            "secretsmanager:GetSecretValue secret:shop/dev/db-??????",
            "secretsmanager:GetSecretValue secret:shop/dev/session-??????",
            "secretsmanager:GetSecretValue secret:shop/dev/token-??????",
            "secretsmanager:PutSecretValue secret:shop/dev/token-??????",
            "ssm:GetParameter parameter/shop/dev/api-key",
            "ssm:GetParameter parameter/shop/dev/api-url",
            "ssm:GetParameter parameter/shop/dev/by-hand",
            "ssm:GetParameter parameter/shop/dev/pepper",
        ])
    );

    let seen = read(&world);
    assert!(is(&seen["API_URL"], "https://plain-value.example") && is(&seen["API_KEY"], SECRETS[0]), "{seen}");
    assert!(is(&seen["BY_HAND"], SECRETS[3]) && is(&seen["SHARED"], "others"), "{seen}");
    assert!(is(&seen["DB"], &format!(r#"{{"user":"shop","password":"{}"}}"#, SECRETS[2])), "{seen}");
    assert_eq!((&seen["TOKEN"], &seen["PEPPER"][1], &seen["SESSION"][0]), (&Value::Null, &json!(40), &json!(32)));
    assert_eq!(seen["names"], json!(["/shop/dev/api-url", "parameter/shop/dev/api-url"]));

    // By hand: a deploy that does not know the value leaves it alone.
    set(&world, &mut said, "token", SECRETS[5]);
    set(&world, &mut said, "by-hand", SECRETS[4]);
    said.hear(world.run("secret set dev session --generate 50")).success();
    assert!(said.hear(world.run("deploy dev --json")).success().changes().is_empty());
    said.hear(world.run("status dev --check")).success();
    let again = read(&world);
    assert!(is(&again["TOKEN"], SECRETS[5]) && is(&again["BY_HAND"], SECRETS[4]), "{again}");
    assert!(again["SESSION"][0] == 50 && again["PEPPER"] == seen["PEPPER"], "{again}");
    let refused = said.hear(world.with_stdin("secret set dev db", "x")).failure(2);
    assert!(refused.stderr.contains("comes from rzap.yaml"), "{}", refused.stderr);

    // The environment says another value: that shows, and what it is does not.
    let world = world.env("API_KEY", SECRETS[1]);
    let plan = said.hear(world.run("deploy dev --dry-run")).success();
    assert!(
        plan.stdout.contains("/shop/dev/api-key") && plan.stdout.contains("value: changed (hidden)"),
        "{}",
        plan.stdout
    );
    assert!(!plan.stdout.contains("by hand"), "{}", plan.stdout);
    assert_eq!(said.hear(world.run("deploy dev --json")).success().changes(), ["update parameter"]);
    assert!(is(&read(&world)["API_KEY"], SECRETS[1]));
    said.0.push_str(&kept(cloud));
    said.has_no_secret();

    removals(&world, cloud, &mut said);
    said.has_no_secret();
}

/// The second half: overwritten, removed, wanted again, and gone.
fn removals(world: &World, cloud: &Cloud, said: &mut Said) {
    // Somebody overwrites what the config has: the next deploy says so, and puts it back.
    cloud.boto(
        "client('secretsmanager').put_secret_value(SecretId='shop/dev/db', SecretString='{}')
answer(client('ssm').put_parameter(Name='/shop/dev/api-url', Value='x', Overwrite=True)['Version'])",
    );
    let back = said.hear(world.run("deploy dev --json")).success();
    assert_eq!(back.changes(), ["update parameter", "update secret"]);
    assert!(back.stderr.contains("changed by hand"), "{}", back.stderr);

    // What is not in the config any more stays as long as it holds what nothing brings back.
    world.edit("rzap.yaml", "  token: secret\n", "");
    world.edit("rzap.yaml", "token: read-write, ", "");
    world.edit("rzap.yaml", "  api-url: { type: parameter, value: 'https://plain-value.example' }\n", "");
    world.edit(
        "rzap.yaml",
        "    env: { URL_NAME: '${resources.api-url.name}', URL_ARN: '${resources.api-url.arn}' }\n",
        "",
    );
    world.edit("rzap.yaml", "api-url: read, ", "");
    let kept = said.hear(world.run("deploy dev --json")).success();
    assert!(kept.changes().contains(&"delete parameter".to_owned()), "{:?}", kept.changes());
    assert_eq!(
        (&kept.json()["kept"][0]["name"], &kept.json()["kept"][0]["kind"]),
        (&json!("shop/dev/token"), &json!("secret"))
    );
    let deleted = said.hear(world.run("deploy dev --delete-data --json")).success();
    assert_eq!(deleted.changes(), ["delete secret"]);
    // It is wanted again: it comes back with what was in it.
    world.edit("rzap.yaml", "  session:", "  token: secret\n  session:");
    let restored = said.hear(world.run("deploy dev --json")).success();
    assert_eq!(restored.changes(), ["create secret"]);
    assert_eq!(
        cloud.boto("answer(client('secretsmanager').get_secret_value(SecretId='shop/dev/token')['SecretString'])"),
        SECRETS[5]
    );

    let gone = said.hear(world.run("undeploy dev --yes --delete-data")).success();
    assert!(gone.stdout.contains("secret shop/dev/token can be restored for 30 days"), "{}", gone.stdout);
    assert_eq!(stored(cloud), json!({}));
    // What exists already was never ours.
    cloud.boto(
        "answer(client('secretsmanager').delete_secret(SecretId='other/thing', ForceDeleteWithoutRecovery=True)['Name'])",
    );
    cloud.is_empty();
}

#[test]
fn parameters_and_secrets_in_the_local_cloud() {
    // boto3 has to be in the package: no runtime brings it there.
    let world = world().file("requirements.txt", "boto3\n").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    let log = world.root().join("state/local.log");
    story(world, &cloud);
    // Not in its log either.
    let log = fs::read_to_string(log).unwrap_or_default();
    assert!(SECRETS.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[test]
fn parameters_and_secrets_on_ministack() {
    let emulator = Emulator::ministack();
    story(world().at(&emulator.endpoint), &emulator.cloud());
}

/// Two resources with values of the config, and no function that reads them.
const SMALL: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources:
  key: { type: parameter, secure: true, value: '${env.API_KEY}' }
  db: { type: secret, value: '${env.API_KEY}' }
  token: secret
functions: { reader: { handler: app.read } }
stages: { dev: {} }
";

/// Makes, keeps, changes, and leaves alone what was set by hand.
fn small_story(world: World) {
    let mut said = Said::default();
    said.hear(world.run("deploy dev")).success();
    set(&world, &mut said, "token", SECRETS[5]);
    assert!(said.hear(world.run("deploy dev --json")).success().changes().is_empty());
    let world = world.env("API_KEY", SECRETS[1]);
    let changed = said.hear(world.run("deploy dev --json")).success();
    assert_eq!(changed.changes(), ["update parameter", "update secret"]);
    assert!(!changed.stderr.contains("by hand"), "{}", changed.stderr);
    assert!(said.hear(world.run("deploy dev --json")).success().changes().is_empty());
    // Another type is another parameter: under the same name there is none for a moment.
    world.edit("rzap.yaml", "secure: true, ", "");
    let refused = said.hear(world.run("deploy dev")).failure(2);
    assert!(
        refused.stderr.contains("finds nothing") && refused.stderr.contains("--allow-replace"),
        "{}",
        refused.stderr
    );
    assert_eq!(said.hear(world.run("deploy dev --allow-replace --json")).success().changes(), ["replace parameter"]);
    assert!(said.hear(world.run("deploy dev --json")).success().changes().is_empty());
    said.has_no_secret();
    world.run("undeploy dev --yes --delete-data").success();
}

#[test]
fn the_control_plane_of_parameters_and_secrets_on_moto() {
    let emulator = Emulator::moto();
    small_story(world().file("rzap.yaml", SMALL).at(&emulator.endpoint));
    emulator.cloud().is_empty();
}

#[test]
fn whoever_may_not_read_values_still_sees_that_they_change() {
    let emulator = Emulator::strict_ministack();
    let reads = [
        "ssm:GetParameter",
        "ssm:GetParameters",
        "secretsmanager:GetSecretValue",
        "secretsmanager:BatchGetSecretValue",
    ];
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": reads, "Resource": "*"},
    ]});
    small_story(world().file("rzap.yaml", SMALL).with_policy(&emulator, &policy));
    emulator.cloud().is_empty();
}

/// What others say of it, too; times, users and ARNs' ends differ.
const COMPARED: &str = "ssm, secrets = client('ssm'), client('secretsmanager')
def code(call, **arguments):
    try:
        return sorted(set(call(**arguments)) - {'ResponseMetadata'})
    except ClientError as error:
        return error.response['Error']['Code']
ssm.put_parameter(Name='/t/a', Value='1', Type='String', Tags=[{'Key': 'k', 'Value': 'v'}])
ssm.put_parameter(Name='/t/a', Value='2', Overwrite=True)
ssm.put_parameter(Name='/t/b/c', Value='s', Type='SecureString')
secrets.create_secret(Name='t/a', SecretString='1', Tags=[{'Key': 'k', 'Value': 'v'}])
secrets.put_secret_value(SecretId='t/a', SecretString='2', ClientRequestToken='x' * 40)
secrets.create_secret(Name='t/gone', SecretString='1')
secrets.delete_secret(SecretId='t/gone', RecoveryWindowInDays=30)
pick = lambda item, *keys: [item.get(key) for key in keys]
answer([
    [pick(item, 'Name', 'Type', 'Value', 'Version', 'DataType') for item in ssm.get_parameters_by_path(Path='/t', Recursive=True, WithDecryption=True)['Parameters']],
    [pick(item, 'Version', 'Value', 'Labels') for item in ssm.get_parameter_history(Name='/t/a')['Parameters']],
    ssm.get_parameter(Name='/t/a:1')['Parameter']['Value'],
    ssm.list_tags_for_resource(ResourceType='Parameter', ResourceId='/t/a')['TagList'],
    ssm.get_parameters(Names=['/t/a', '/t/none'])['InvalidParameters'],
    code(ssm.get_parameter, Name='/t/none'), code(ssm.put_parameter, Name='/t/a', Value='3', Type='String'),
    code(ssm.put_parameter, Name='/t/a', Value='3', Overwrite=True, Tags=[{'Key': 'k', 'Value': 'v'}]),
    code(ssm.delete_parameter, Name='/t/none'),
    pick(secrets.get_secret_value(SecretId='t/a'), 'Name', 'SecretString', 'VersionId', 'VersionStages'),
    secrets.get_secret_value(SecretId='t/a', VersionStage='AWSPREVIOUS')['SecretString'],
    sorted(secrets.describe_secret(SecretId='t/a')['VersionIdsToStages'].values()), secrets.describe_secret(SecretId='t/a')['Tags'],
    [item['Name'] for item in secrets.list_secrets()['SecretList']],
    [item['Name'] for item in secrets.list_secrets(IncludePlannedDeletion=True)['SecretList']],
    code(secrets.get_secret_value, SecretId='t/none'), code(secrets.get_secret_value, SecretId='t/gone'),
    code(secrets.create_secret, Name='t/a', SecretString='3'), code(secrets.restore_secret, SecretId='t/gone'),
    code(secrets.get_secret_value, SecretId='t/gone'),
])";

#[test]
fn parameters_and_secrets_are_as_others_have_them() {
    let world = World::new();
    let ours = world.local().boto(COMPARED);
    assert_eq!(ours, Emulator::ministack().cloud().boto(COMPARED), "MiniStack");
    assert_eq!(ours, Emulator::moto().cloud().boto(COMPARED), "moto");
}

#[test]
fn the_aws_cli_finds_after_a_restart_what_only_its_owner_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    // Not the port that all others try first: one of them could take it while this cloud is stopped.
    world.run(&format!("local start --port {}", free_port())).success();
    let aws = |line: &str| world.local().aws(&line.split_whitespace().collect::<Vec<_>>());
    aws("ssm put-parameter --name /a/b --type SecureString --value s3cret");
    aws("secretsmanager create-secret --name a/c --secret-string t0ken");
    world.run("local stop").success();
    for file in ["parameters.json", "secrets.json"] {
        let kept = fs::metadata(world.root().join("state/cloud").join(file)).expect("a file");
        assert_eq!(kept.permissions().mode() & 0o777, 0o600, "{file}");
    }
    world.run("local start").success();
    let parameter = "ssm get-parameter --name /a/b --with-decryption --query Parameter.Value --output text";
    assert_eq!(aws(parameter), "s3cret");
    assert_eq!(aws("secretsmanager get-secret-value --secret-id a/c --query SecretString --output text"), "t0ken");
}
