//! `user_pool`, and the `cognito` trigger.

use serde_json::{Value, json};

use super::{Folder, errors};

const BASE: &str = "app: shop\nruntime: python3.13\nhandler: app.main\nstages: { dev: }\n";

/// The stage as it is resolved, as JSON.
fn stage(lines: &str) -> Value {
    let folder = Folder::new();
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    serde_json::to_value(project.stage(None).unwrap()).unwrap()
}

fn wrong(lines: &str) -> Vec<String> {
    errors(&format!("{BASE}{lines}\n"))
}

#[test]
fn a_user_pool_has_a_short_and_a_long_form() {
    let pool = |lines: &str| stage(lines)["resources"]["users"].clone();
    let all = json!(["lowercase", "numbers", "symbols", "uppercase"]);
    assert_eq!(
        pool("resources: { users: user_pool }"),
        json!({
            "type": "user_pool", "sign_in": ["email"], "verify": ["email"], "mfa": "off", "self_sign_up": false,
            "password": { "min_length": 12, "require": all }, "protect": false,
        })
    );
    let full = pool(
        "resources:\n  users:\n    type: user_pool\n    sign_in: [username, email]\n    verify: []\n    password: { min_length: 8, \
         require: [numbers] }\n    mfa: on\n    self_sign_up: true\n    required: [name]\n    attributes: { tenant: string, age: \
         number }\n    clients: { web: , api: { secret: true, flows: [ALLOW_ADMIN_USER_PASSWORD_AUTH, \
         ALLOW_REFRESH_TOKEN_AUTH] } }\n    protect: true",
    );
    assert_eq!(
        full,
        json!({
            "type": "user_pool", "sign_in": ["email", "username"], "verify": [], "mfa": "on", "self_sign_up": true,
            "password": { "min_length": 8, "require": ["numbers"] }, "required": ["name"],
            "attributes": { "age": "number", "tenant": "string" }, "protect": true,
            "clients": {
                "web": { "secret": false, "flows": ["user_srp_auth"] },
                "api": { "secret": true, "flows": ["admin_user_password_auth"] },
            },
        })
    );
    let named = pool("resources: { users: { type: user_pool, clients: [web, app], mfa: off, sign_in: phone } }");
    assert_eq!(named["clients"].as_object().unwrap().len(), 2);
    assert_eq!((&named["mfa"], &named["sign_in"]), (&json!("off"), &json!(["phone"])));
}

#[test]
fn what_is_wrong_with_a_user_pool_is_told_at_its_place() {
    let pool = |keys: &str| wrong(&format!("resources: {{ users: {{ type: user_pool, {keys} }} }}"));
    assert_eq!(
        pool("sign_in: [phone_number]"),
        ["phone_number | unknown way to sign in `phone_number` | did you mean `phone`?"]
    );
    assert_eq!(pool("sign_in: []"), ["sign_in | `sign_in` is empty | name one, like `[email]`"]);
    assert_eq!(
        pool("sign_in: [preferred_username]"),
        ["sign_in | `preferred_username` is an alias of a username | add `username`"]
    );
    assert_eq!(
        pool("verify: [phone]"),
        [
            "verify | phone numbers are not verified | that takes text messages, which rzap does not set up: write such a pool in `cloudformation`"
        ]
    );
    assert_eq!(
        pool("password: { min_length: 5, require: [letters] }"),
        ["5 | `min_length` is out of range: Cognito allows 6 to 99 characters | at least 6"]
    );
    assert_eq!(pool("mfa: totp"), ["totp | unknown kind of MFA `totp` | there is `off`, `optional` and `on`"]);
    assert_eq!(
        pool("attributes: { email: string, 'a b': string, age: int }"),
        [
            "email | `email` is an attribute that every pool has | to demand it: `required: [email]`",
            "'a b' | `a b` cannot be the name of a custom attribute | up to 20 letters, digits, `_`, `-` and `.`; Cognito itself adds `custom:`",
            "int | unknown type of attribute `int` | there is `string`, `number`, `datetime` and `boolean`",
        ]
    );
    assert_eq!(
        pool("clients: { Web: { flows: [srp] }, a: { callback: x } }"),
        [
            "Web | `Web` cannot be the name of an app client | only a-z, 0-9 and `-`; how about `web`?",
            "srp | unknown authentication flow `srp` | there is `user_srp_auth`, `user_password_auth`, `admin_user_password_auth`, `custom_auth` and `user_auth`",
        ]
    );
}

#[test]
fn a_text_may_speak_of_app_clients_that_are_there() {
    let lines = |client: &str| {
        format!(
            "resources: {{ users: {{ type: user_pool, clients: [web] }} }}\nenv: {{ AT: '${{resources.users.id}}', CLIENT: \
             '${{resources.users.clients.{client}.id}}' }}"
        )
    };
    let env = stage(&lines("web"))["functions"]["main"]["env"].clone();
    let marked = |text: &str| format!("\u{FDD0}users.{text}\u{FDD1}");
    assert_eq!(env, json!({ "AT": marked("id"), "CLIENT": marked("clients.web.id") }));
    assert_eq!(
        wrong(&lines("wbe")),
        ["clients | `users` has no app client `wbe`, which CLIENT of `main` speaks of | did you mean `web`?"]
    );
    assert_eq!(
        wrong("resources: { users: user_pool }\nenv: { BB: '${resources.users.url}' }"),
        ["${resources.users.url} | `users` has no `url` | there is `name`, `id`, `arn` and `clients.NAME.id`"]
    );
    assert_eq!(
        wrong("resources: { users: user_pool }\nenv: { AA: '${resources.users.clients.web.id}' }"),
        ["users | `users` has no app client `web`, which AA of `main` speaks of | add it: `clients: [web]`"]
    );
}

#[test]
fn a_trigger_is_called_for_events_of_a_pool() {
    let triggers = |lines: &str| stage(lines)["functions"]["main"]["triggers"].clone();
    let own = "resources: { users: user_pool }\n";
    let short = triggers(&format!("{own}triggers: [{{ cognito: pre_sign_up }}]"));
    assert_eq!(short, json!([{ "cognito": { "pool": { "own": "users" }, "events": ["pre_sign_up"] } }]));
    let many = triggers(&format!(
        "{own}triggers:\n  - cognito: [PostConfirmation, pre_token_generation_v2]\n  - cognito: {{ pool: eu-west-1_AbC, events: \
         [user_migration] }}\n  - cognito: {{ pool: 'arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_X', events: \
         inbound_federation }}"
    ));
    assert_eq!(
        many,
        json!([
            { "cognito": { "pool": { "own": "users" }, "events": ["post_confirmation", "pre_token_generation_v2"] } },
            { "cognito": { "pool": { "id": "eu-west-1_AbC" }, "events": ["user_migration"] } },
            { "cognito": {
                "pool": { "arn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_X" },
                "events": ["inbound_federation"],
            } },
        ])
    );
}

#[test]
fn what_is_wrong_with_a_cognito_trigger_is_told_at_its_place() {
    let trigger = |what: &str| {
        wrong(&format!("resources: {{ users: user_pool, jobs: queue }}\ntriggers: [{{ cognito: {what} }}]"))
    };
    assert_eq!(
        trigger("{ pool: users }"),
        ["cognito | a `cognito` trigger needs `events` | like `events: [pre_sign_up]`"]
    );
    assert_eq!(
        trigger("{ pool: jobs, events: [presignup] }"),
        [
            "jobs | `jobs` is a resource of type `queue` | needed is one of type `user_pool`",
            "presignup | unknown event `presignup` | did you mean `pre_sign_up`?",
        ]
    );
    assert_eq!(
        trigger("custom_email_sender"),
        [
            "custom_email_sender | `custom_email_sender` cannot be set up by rzap | it takes a KMS key that the pool encrypts codes with: write such a pool in `cloudformation`"
        ]
    );
    assert_eq!(
        trigger("[pre_token_generation, pre_token_generation_v2]"),
        [
            "pre_token_generation_v2 | `pre_token_generation_v2` stands here twice | a pool calls one function once for an event"
        ]
    );
    assert_eq!(
        trigger("{ pool: 'arn:aws:cognito-identity:x:y:z', events: pre_sign_up }"),
        [
            "'arn:aws:cognito-identity:x:y:z' | this is not the ARN of a user pool | like `arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbCdEfGhI`"
        ]
    );
    assert_eq!(
        wrong("triggers: [{ cognito: pre_sign_up }]"),
        [
            "cognito | the app has no user pool | add one (`resources: { users: user_pool }`), or name one that is there with `pool: ID`"
        ]
    );
    assert_eq!(
        wrong("resources: { users: user_pool, staff: user_pool }\ntriggers: [{ cognito: pre_sign_up }]"),
        ["cognito | the app has several user pools | say which with `pool`: there is `staff` and `users`"]
    );
}

#[test]
fn a_pool_calls_one_function_for_an_event() {
    let lines = "app: shop\nruntime: python3.13\nstages: { dev: }\nresources: { users: user_pool }\nfunctions:\n  a:\n    handler: \
                 app.main\n    triggers: [{ cognito: [pre_sign_up, pre_token_generation] }]\n  b:\n    handler: app.main\n    http: [GET \
                 /]\n    triggers: [{ cognito: custom_message }, { cognito: pre_token_generation_v2 }]\n";
    assert_eq!(
        errors(lines),
        [
            "cognito | `b` is called on `pre_token_generation_v2`, and so is `a` | a user pool calls one function for an event: let that one call the other"
        ]
    );
}

#[test]
fn the_local_cloud_has_no_user_pools() {
    let folder = Folder::new();
    let lines = "resources: { users: { type: user_pool, clients: [web] } }\nuses: [users]\nenv: { ID: '${resources.users.id}', LOG: \
                 info }\ntriggers: [{ cognito: pre_sign_up }, { schedule: rate(1 hour) }]";
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    let local = project.stage(None).unwrap().for_local_cloud();
    assert_eq!(local.left_out, ["resources.users", "functions.main.triggers.cognito"]);
    let main = &local.functions["main"];
    assert!(main.uses.is_empty() && main.env.keys().eq(["LOG"]) && main.triggers.len() == 1);
}
