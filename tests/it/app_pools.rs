//! User pools of `resources:`, the functions they call and those that use them; and pools of others.
//!
//! `MiniStack` really signs users in and calls functions for their tokens; moto, like AWS, sets back whatever a change
//! does not say. The local cloud has no Cognito.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
dir: src
resources:
  users:
    type: user_pool
    clients: { web: { flows: [user_password_auth] } }
    attributes: { tenant: string }
functions:
  admin:
    handler: app.admin
    uses: { users: read-write }
    env: { CLIENT: '${resources.users.clients.web.id}', POOL: 'pool ${resources.users.id}' }
  token:
    handler: app.token
    triggers:
      - cognito: pre_token_generation_v2
stages: { dev: {} }
";

const APP: &str = r#"import os

def admin(event, context):
    return {name: os.environ.get(name) for name in ["CLIENT", "POOL", "USERS_USER_POOL_ID", "USERS_WEB_CLIENT_ID"]}

def token(event, context):
    claims = {"claimsToAddOrOverride": {"shop": event["userName"]}}
    event["response"] = {"claimsAndScopeOverrideDetails": {"idTokenGeneration": claims, "accessTokenGeneration": claims}}
    return event
"#;

fn world() -> World {
    World::new().file("rzap.yaml", CONFIG).file("src/app.py", APP)
}

/// The pool of the stage with its clients, as it is.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "it = client('cognito-idp')
[id] = [one['Id'] for one in it.list_user_pools(MaxResults=60)['UserPools'] if one['Name'] == 'shop-dev-users']
clients = [it.describe_user_pool_client(UserPoolId=id, ClientId=one['ClientId'])['UserPoolClient']
           for one in it.list_user_pool_clients(UserPoolId=id, MaxResults=60)['UserPoolClients']]
answer({'pool': it.describe_user_pool(UserPoolId=id)['UserPool'], 'clients': clients,
        'mfa': it.get_user_pool_mfa_config(UserPoolId=id)})",
    )
}

#[test]
fn users_sign_in_and_a_function_speaks_in_their_tokens() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    let made = world.run("deploy dev --json").success().changes();
    let kinds: Vec<&String> = made.iter().filter(|change| change.contains("user_pool")).collect();
    assert_eq!(kinds, ["create user_pool", "create user_pool_triggers"], "{made:?}");
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();

    let Value::Object(all) = stored(&cloud) else { panic!("no pool") };
    let (pool, client) = (&all["pool"], &all["clients"][0]);
    let (id, client_id) = (pool["Id"].as_str().unwrap_or_default(), client["ClientId"].as_str().unwrap_or_default());
    assert_eq!(pool["UserPoolTags"], json!({ "rzap:app": "shop", "rzap:stage": "dev" }));
    assert_eq!(pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"], true, "nobody signs up by themselves");
    assert_eq!(pool["Policies"]["PasswordPolicy"]["MinimumLength"], 12);
    assert_eq!(
        (&client["ClientName"], &client["PreventUserExistenceErrors"]),
        (&json!("shop-dev-users-web"), &json!("ENABLED"))
    );
    let calls = pool["LambdaConfig"]["PreTokenGenerationConfig"].clone();
    assert!(calls["LambdaArn"].as_str().is_some_and(|arn| arn.ends_with(":function:shop-dev-token:live")), "{calls}");

    // What AWS chose is in the environment and in the policy.
    let known = world.run("invoke dev admin --json").success().json().to_string();
    let pool_of = format!("pool {id}");
    assert!([pool_of.as_str(), client_id].iter().all(|it| known.contains(it)), "{known}");
    assert_eq!((known.matches(id).count(), known.matches(client_id).count()), (2, 2), "{known}");
    let policy = cloud.boto(
        "iam = client('iam')
[role] = [it['RoleName'] for it in iam.list_roles()['Roles'] if 'admin' in it['RoleName']]
answer(iam.get_role_policy(RoleName=role, PolicyName='rzap')['PolicyDocument'])",
    );
    let policy = policy.to_string();
    assert!(
        policy.contains(&format!(":userpool/{id}\"")) && policy.contains("cognito-idp:AdminCreateUser"),
        "{policy}"
    );

    let sign_in = format!(
        "import base64
it = client('cognito-idp')
name = 'ann@example.com'
it.admin_create_user(UserPoolId={id:?}, Username=name, MessageAction='SUPPRESS')
it.admin_set_user_password(UserPoolId={id:?}, Username=name, Password='Correct-horse-7', Permanent=True)
token = it.initiate_auth(ClientId={client_id:?}, AuthFlow='USER_PASSWORD_AUTH',
                         AuthParameters={{'USERNAME': name, 'PASSWORD': 'Correct-horse-7'}})['AuthenticationResult']['IdToken']
claims = token.split('.')[1]
answer(json.loads(base64.urlsafe_b64decode(claims + '=' * (-len(claims) % 4))))"
    );
    let claims = cloud.boto(&sign_in);
    assert!(claims["shop"].is_string(), "the function has a say in the token: {claims}");

    // Changes in place: the pool stays, and the users in it.
    world.edit(
        "rzap.yaml",
        "attributes: { tenant: string }",
        "attributes: { tenant: string, age: number }\n    mfa: optional",
    );
    world.edit("rzap.yaml", "[user_password_auth] }", "[user_password_auth] }, app: { secret: true }");
    world.edit("rzap.yaml", "    type: user_pool", "    type: user_pool\n    password: { min_length: 14 }");
    let changed = world.run("deploy dev --json").success().changes();
    assert_eq!(changed, ["update function", "update user_pool"], "the new client is in the environment");
    let now = stored(&cloud);
    assert_eq!((&now["pool"]["Id"], now["clients"].as_array().map(Vec::len)), (&json!(id), Some(2)));
    let mfa = (&now["mfa"]["MfaConfiguration"], &now["mfa"]["SoftwareTokenMfaConfiguration"]["Enabled"]);
    assert_eq!(mfa, (&json!("OPTIONAL"), &json!(true)));
    assert_eq!(now["pool"]["Policies"]["PasswordPolicy"]["MinimumLength"], 14);
    assert_eq!(now["pool"]["LambdaConfig"]["PreTokenGenerationConfig"], calls);
    assert!(now["pool"]["SchemaAttributes"].to_string().contains("custom:age"));
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // A client that goes takes a way to sign in with it.
    world.edit("rzap.yaml", ", app: { secret: true }", "");
    world.run("deploy dev").failure(2).says(&["app client `app`", "--allow-replace"]);
    world.run("deploy dev --allow-replace").success();
    assert_eq!(stored(&cloud)["clients"].as_array().map(Vec::len), Some(1));

    // What users sign in with is said once: another pool it would be, without them.
    world.edit("rzap.yaml", "    type: user_pool", "    type: user_pool\n    sign_in: [username]");
    world.run("deploy dev --allow-replace").failure(2).says(&["all its users", "--delete-data"]);
    world.run("deploy dev --delete-data --allow-replace").success();
    let anew = stored(&cloud);
    assert_ne!(anew["pool"]["Id"], id);
    let known = world.run("invoke dev admin --json").success().json().to_string();
    assert_eq!(known.matches(anew["pool"]["Id"].as_str().unwrap_or("?")).count(), 2, "{known}");
    assert_eq!(anew["pool"]["LambdaConfig"]["PreTokenGenerationConfig"], calls, "and it calls what the old one called");
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    let policy = permissions(&cloud, "shop-dev-token");
    assert!(policy.len() == 1 && policy[0].contains(anew["pool"]["Id"].as_str().unwrap_or("?")), "{policy:?}");

    world.edit("rzap.yaml", "    triggers:\n      - cognito: pre_token_generation_v2\n", "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete user_pool_triggers"]);
    assert_eq!(stored(&cloud)["pool"]["LambdaConfig"], json!({}));
    assert!(permissions(&cloud, "shop-dev-token").is_empty());
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

/// The conditions of the permissions that others have on a function's alias.
fn permissions(cloud: &Cloud, function: &str) -> Vec<String> {
    let found = cloud.boto(&format!(
        "try:
    policy = json.loads(client('lambda').get_policy(FunctionName={function:?}, Qualifier='live')['Policy'])
    answer([json.dumps(it['Condition']) for it in policy['Statement'] if it['Principal'] == {{'Service': 'cognito-idp.amazonaws.com'}}])
except ClientError as error:
    answer([])"
    ));
    found.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

#[test]
fn users_are_deleted_only_when_somebody_says_so() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    world.run("deploy dev").success();
    let id = stored(&cloud)["pool"]["Id"].as_str().unwrap_or_default().to_owned();
    let ann = format!(
        "client('cognito-idp').admin_create_user(UserPoolId={id:?}, Username='ann@example.com', MessageAction='SUPPRESS')"
    );
    cloud.boto(&ann);
    // By hand: what is seen is put back, and what is beside it stays.
    cloud.boto(&format!(
        "it = client('cognito-idp')
it.update_user_pool(UserPoolId={id:?}, AdminCreateUserConfig={{'AllowAdminCreateUserOnly': False}}, EmailVerificationSubject='Your code')
it.create_user_pool_client(UserPoolId={id:?}, ClientName='by hand')"
    ));
    let drift = world.run("deploy dev --json").success();
    assert_eq!(drift.changes(), ["update user_pool"]);
    assert_eq!(drift.json()["changes"][0]["differences"][0]["by_hand"], true, "{}", drift.stdout);
    let now = stored(&cloud);
    assert_eq!(now["pool"]["EmailVerificationSubject"], "Your code");
    assert_eq!(now["clients"].as_array().map(Vec::len), Some(2), "a client that somebody else made stays");

    world.run("undeploy dev --yes").failure(2).says(&["all its users, about one", "--delete-data"]);
    // Taken out of the config it stays, too, and is no obstacle when it comes back.
    let pool = "  users:
    type: user_pool
    clients: { web: { flows: [user_password_auth] } }
    attributes: { tenant: string }
";
    let uses = "    uses: { users: read-write }
    env: { CLIENT: '${resources.users.clients.web.id}', POOL: 'pool ${resources.users.id}' }
";
    let trigger = "    triggers:\n      - cognito: pre_token_generation_v2\n";
    for part in [pool, uses, trigger] {
        world.edit("rzap.yaml", part, "");
    }
    let without = world.run("deploy dev --json").success().json();
    assert_eq!(without["kept"][0]["kind"], "user_pool", "{without}");
    assert_eq!(stored(&cloud)["pool"]["Id"], json!(id));
    world.write("rzap.yaml", CONFIG);
    world.run("deploy dev").success();
    assert_eq!(stored(&cloud)["pool"]["Id"], json!(id));
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn the_older_of_two_pools_is_the_one_that_apps_know() {
    let emulator = Emulator::ministack();
    let (world, cloud) = (world().at(&emulator.endpoint), emulator.cloud());
    world.run("deploy dev").success();
    let id = stored(&cloud)["pool"]["Id"].clone();
    // A creating call whose answer was lost, and that somebody repeated; and a pool of somebody else.
    cloud.boto(
        "tags = {'rzap:app': 'shop', 'rzap:stage': 'dev'}
client('cognito-idp').create_user_pool(PoolName='shop-dev-users', UserPoolTags=tags)
client('cognito-idp').create_user_pool(PoolName='shop-dev-users-of-others')",
    );
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete user_pool"]);
    assert_eq!(stored(&cloud)["pool"]["Id"], id);
    world.run("undeploy dev --yes --delete-data").success();
    assert_eq!(cloud.inventory()["user pools"], json!(["shop-dev-users-of-others"]));
}

/// With a word for everything that Cognito sets back when it is not said.
const OTHERS: &str = "it = client('cognito-idp')
pool = it.create_user_pool(
    PoolName='others', UserPoolTags={'team': 'b'}, MfaConfiguration='OPTIONAL', DeletionProtection='ACTIVE',
    Policies={'PasswordPolicy': {'MinimumLength': 33, 'TemporaryPasswordValidityDays': 2, 'RequireSymbols': True,
                                 'RequireLowercase': False, 'RequireUppercase': False, 'RequireNumbers': False}},
    LambdaConfig={'CustomMessage': 'arn:aws:lambda:eu-west-1:123456789012:function:others'},
    AutoVerifiedAttributes=['email'], SmsVerificationMessage='sms {####}', EmailVerificationMessage='mail {####}',
    EmailVerificationSubject='code', SmsAuthenticationMessage='auth {####}',
    VerificationMessageTemplate={'DefaultEmailOption': 'CONFIRM_WITH_LINK', 'EmailMessage': 'mail {####}', 'EmailSubject': 'code',
                                 'SmsMessage': 'sms {####}'},
    UserAttributeUpdateSettings={'AttributesRequireVerificationBeforeUpdate': ['email']},
    DeviceConfiguration={'ChallengeRequiredOnNewDevice': True, 'DeviceOnlyRememberedOnUserPrompt': True},
    EmailConfiguration={'EmailSendingAccount': 'COGNITO_DEFAULT', 'ReplyToEmailAddress': 'a@example.com'},
    SmsConfiguration={'SnsCallerArn': 'arn:aws:iam::123456789012:role/sms', 'ExternalId': 'x'},
    AdminCreateUserConfig={'AllowAdminCreateUserOnly': True, 'UnusedAccountValidityDays': 0},
    UserPoolAddOns={'AdvancedSecurityMode': 'AUDIT'},
    AccountRecoverySetting={'RecoveryMechanisms': [{'Priority': 1, 'Name': 'admin_only'}]}, UserPoolTier='PLUS')
answer(pool['UserPool']['Id'])";

#[test]
fn a_pool_of_others_keeps_everything_but_what_it_calls_for_us() {
    let emulator = Emulator::moto();
    let cloud = emulator.cloud();
    let id = cloud.boto(OTHERS).as_str().unwrap_or_default().to_owned();
    let described = || {
        let mut pool = cloud.boto(&format!(
            "it = client('cognito-idp').describe_user_pool(UserPoolId={id:?})['UserPool']
it.pop('LastModifiedDate')
answer(it)"
        ));
        let calls = pool["LambdaConfig"].take();
        (pool, calls)
    };
    let (before, theirs) = described();
    assert_eq!(theirs.as_object().map(serde_json::Map::len), Some(1));
    let config = format!(
        "app: shop\nruntime: python3.12\nregion: eu-west-1\nhandler: app.token\nstages: {{ dev: {{}} }}\ntriggers:\n  - cognito: {{ \
         pool: {id}, events: [post_confirmation, user_migration] }}\n"
    );
    let world = World::new().file("rzap.yaml", &config).file("app.py", APP).at(&emulator.endpoint);
    world.run("deploy dev").success();
    let (after, calls) = described();
    assert_eq!(after, before, "nothing else of it has changed");
    assert_eq!(calls["CustomMessage"], theirs["CustomMessage"]);
    let ours = ["PostConfirmation", "UserMigration"].map(|event| calls[event].as_str().unwrap_or_default().to_owned());
    assert!(
        ours.iter().all(|arn| arn.ends_with(":live")) && calls.as_object().map(serde_json::Map::len) == Some(3),
        "{calls}"
    );
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // One event less; then one that somebody else has.
    world.edit("rzap.yaml", "[post_confirmation, user_migration]", "[post_confirmation]");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update user_pool_triggers"]);
    assert!(described().1["UserMigration"].is_null());
    world.edit("rzap.yaml", "[post_confirmation]", "[post_confirmation, custom_message]");
    world.run("deploy dev").failure(1).says(&["calls something else on `custom_message`", "function:others"]);
    assert_eq!(described().1["CustomMessage"], theirs["CustomMessage"]);
    // The config speaks of it no more: the permission remembers the pool.
    let speaks = format!("triggers:\n  - cognito: {{ pool: {id}, events: [post_confirmation, custom_message] }}\n");
    world.edit("rzap.yaml", &speaks, "");
    assert_eq!(world.run("deploy dev --json").success().changes(), ["delete user_pool_triggers"]);
    assert_eq!(described(), (before, theirs));
    world.run("undeploy dev --yes").success();
    assert_eq!(cloud.inventory()["user pools"], json!(["others"]));
}

#[test]
fn a_pool_that_is_not_there_is_told() {
    let emulator = Emulator::moto();
    let config = "app: shop\nruntime: python3.12\nregion: eu-west-1\nhandler: app.token\nstages: { dev: {} }\ntriggers:\n  - \
                  cognito: { pool: eu-west-1_Nowhere, events: pre_sign_up }\n";
    let world = World::new().file("rzap.yaml", config).file("app.py", APP).at(&emulator.endpoint);
    world.run("deploy dev").failure(1).says(&["there is no user pool `eu-west-1_Nowhere` in eu-west-1"]);
    world.edit("rzap.yaml", "eu-west-1_Nowhere", "us-east-1_Elsewhere");
    world.run("deploy dev").failure(2).says(&["lies in another account or region"]);
    world.run("undeploy dev --yes").success();
    emulator.cloud().is_empty();
}

#[test]
fn the_local_cloud_leaves_user_pools_out_and_says_so() {
    let world = world();
    let _cloud = world.local();
    let deployed = world.run("deploy dev --local").success();
    deployed.says(&["the local cloud does not have", "resources.users", "functions.token.triggers.cognito"]);
    let known = world.run("invoke dev admin --local --json").success().json().to_string();
    assert!(!known.contains("pool "), "{known}");
    world.run("undeploy dev --yes --local").success();
}
