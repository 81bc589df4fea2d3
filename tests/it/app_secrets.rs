//! Parameters and secrets of `resources:`: made, set by hand, read by functions, and never shown.
//!
//! The same story on the local cloud and on `MiniStack`; moto says what was stored.

use std::fs;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
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

    let gone = said.hear(world.run("undeploy dev --yes")).success();
    assert!(gone.stdout.contains("secret shop/dev/token can be restored for 30 days"), "{}", gone.stdout);
    assert_eq!(stored(cloud), json!({}));
    // What exists already was never ours.
    cloud.boto(
        "answer(client('secretsmanager').delete_secret(SecretId='other/thing', ForceDeleteWithoutRecovery=True)['Name'])",
    );
    cloud.is_empty();
    said.has_no_secret();
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
