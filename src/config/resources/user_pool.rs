//! `type: user_pool` — a Cognito user pool: who may sign in, by what, and the app clients they do it with.
//!
//! Secure by default: nobody signs up by themselves unless the config says so, passwords are long, and sign-in does not
//! tell whether a user exists. What needs SMS is refused, for a pool that sends some takes a role and a contract.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html>

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde::Serialize;

use super::{Others, ResourceConfig, Type};
use crate::config::fields::Fields;
use crate::config::keys;
use crate::config::locate::Span;
use crate::config::names;
use crate::config::raw::{Entry, Kind};
use crate::config::reference;
use crate::config::stage::FunctionConfig;
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 9] =
    ["sign_in", "verify", "password", "mfa", "self_sign_up", "required", "attributes", "clients", "protect"];

/// As it stands in `resources:`.
pub(super) const TYPE: Type = Type {
    word: "user_pool",
    what: "a user pool",
    keys: &KEYS,
    attributes: &["name", "id", "arn", "clients.NAME.id"],
    access: &["read", "read-write", "sign-in"],
    read,
};

const COGNITO: &str = "Cognito";

/// What users may sign in with. `phone` is AWS's `phone_number`.
const SIGN_IN: [&str; 4] = ["email", "phone", "username", "preferred_username"];
const MFA: [&str; 3] = ["off", "optional", "on"];
const CHARACTERS: [&str; 4] = ["lowercase", "uppercase", "numbers", "symbols"];
const PASSWORD_KEYS: [&str; 2] = ["min_length", "require"];
/// Characters. <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html>
const PASSWORD: RangeInclusive<i64> = 6..=99;
/// Longer than Cognito's own 8.
const MIN_LENGTH: u32 = 12;

/// <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html>
const STANDARD: [&str; 17] = [
    "address",
    "birthdate",
    "email",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];
const TYPES: [&str; 4] = ["string", "number", "datetime", "boolean"];
/// Characters of the name of a custom attribute, and how many a pool may have.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html>
const ATTRIBUTE: usize = 20;
const MOST_ATTRIBUTES: usize = 50;

const CLIENT_KEYS: [&str; 2] = ["secret", "flows"];
/// So that the client's name on AWS is never cut.
const CLIENT: usize = 24;
/// AWS's names of authentication flows, without `ALLOW_`. Refreshing tokens is always allowed.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html>
const FLOWS: [&str; 5] =
    ["user_srp_auth", "user_password_auth", "admin_user_password_auth", "custom_auth", "user_auth"];

/// A user pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct UserPool {
    /// What users sign in with: `email`, `phone`, `username`, `preferred_username`. Without `username` the others are
    /// the user's name, with it they are aliases of it.
    pub(crate) sign_in: BTreeSet<String>,
    /// What Cognito checks with a code: `email`.
    pub(crate) verify: BTreeSet<String>,
    pub(crate) password: Password,
    /// A second factor, by an authenticator app: `off`, `optional`, `on`.
    pub(crate) mfa: String,
    /// Whether users may make their own accounts.
    pub(crate) self_sign_up: bool,
    /// Standard attributes that every user has.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) required: BTreeSet<String>,
    /// Types of custom attributes by their names without `custom:`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, String>,
    /// What signs users in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) clients: BTreeMap<String, AppClient>,
    /// Nobody can delete it.
    pub(crate) protect: bool,
}

/// What a password has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Password {
    /// Characters.
    pub(crate) min_length: u32,
    /// `lowercase`, `uppercase`, `numbers`, `symbols`.
    pub(crate) require: BTreeSet<String>,
}

/// An app client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AppClient {
    /// It has to prove itself by a secret: for servers, not for what runs in browsers or phones.
    pub(crate) secret: bool,
    /// How users may sign in by it, as AWS calls it in small letters: `user_srp_auth`.
    pub(crate) flows: BTreeSet<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<ResourceConfig> {
    let email = || BTreeSet::from(["email".to_owned()]);
    let sign_in = fields.get("sign_in").map_or(Some(email()), |entry| {
        let read = choices(reader, entry, "way to sign in", &SIGN_IN)?;
        if read.is_empty() {
            reader.problem(&entry.value.span, "`sign_in` is empty", "name one, like `[email]`");
            return None;
        }
        let alone = !read.contains("username") && read.contains("preferred_username");
        if alone {
            reader.problem(&entry.value.span, "`preferred_username` is an alias of a username", "add `username`");
        }
        (!alone).then_some(read)
    });
    let verify = fields.get("verify").map_or(Some(email()), |entry| verify(reader, entry));
    let password = match fields.get("password") {
        Some(entry) => password(reader, entry),
        None => Some(Password { min_length: MIN_LENGTH, require: CHARACTERS.map(str::to_owned).into() }),
    };
    let mfa = fields.get("mfa").map_or(Some("off".to_owned()), |entry| mfa(reader, entry));
    let self_sign_up = fields.flag(reader, "self_sign_up");
    let none = BTreeSet::new;
    let required = fields
        .get("required")
        .map_or_else(|| Some(none()), |entry| choices(reader, entry, "standard attribute", &STANDARD));
    let attributes = fields.get("attributes").map_or_else(|| Some(BTreeMap::new()), |entry| attributes(reader, entry));
    let clients = fields.get("clients").map_or_else(|| Some(BTreeMap::new()), |entry| clients(reader, entry));
    let protect = fields.flag(reader, "protect");
    Some(ResourceConfig::UserPool(UserPool {
        sign_in: sign_in?,
        verify: verify?,
        password: password?,
        mfa: mfa?,
        self_sign_up: self_sign_up?,
        required: required?,
        attributes: attributes?,
        clients: clients?,
        protect: protect?,
    }))
}

/// One of these words or a list of them.
fn choices(reader: &mut Reader<'_>, entry: &Entry, what: &str, known: &[&str]) -> Option<BTreeSet<String>> {
    let said = texts(reader, entry)?;
    if let Some((wrong, at)) = said.iter().find(|(text, _)| !known.contains(&text.as_str())) {
        let all = || format!("there is {}", suggest::list(known));
        let label = match wrong.as_str() {
            "phone_number" if known.contains(&"phone") => "did you mean `phone`?".to_owned(),
            _ => suggest::did_you_mean(wrong, known.iter().copied(), all),
        };
        reader.problem(at, format!("unknown {what} `{wrong}`"), label);
        return None;
    }
    Some(said.into_iter().map(|(text, _)| text).collect())
}

/// One text or a list of them, each with its place.
fn texts(reader: &mut Reader<'_>, entry: &Entry) -> Option<Vec<(String, Span)>> {
    match &entry.value.kind {
        Kind::Text(_) => Some(vec![(reader.some_text(entry)?, entry.value.span.clone())]),
        Kind::List(items) => {
            Some(reader.texts(entry)?.into_iter().zip(items.iter().map(|item| item.span.clone())).collect())
        }
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "a text or a list of them");
            None
        }
    }
}

fn verify(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeSet<String>> {
    let read = choices(reader, entry, "attribute to verify", &["email", "phone", "phone_number"])?;
    if read.iter().all(|it| it == "email") {
        return Some(read);
    }
    let label = "that takes text messages, which rzap does not set up: write such a pool in `cloudformation`";
    reader.problem(&entry.value.span, "phone numbers are not verified", label);
    None
}

fn password(reader: &mut Reader<'_>, entry: &Entry) -> Option<Password> {
    let map = keys::map_of(entry, "a map, like `{ min_length: 14 }`", &mut reader.problems)?;
    let fields = Fields::new(reader, "`password`", &entry.key_span, vec![map], &PASSWORD_KEYS);
    let min_length = match fields.get("min_length") {
        Some(entry) => reader.within(entry, &PASSWORD, "characters", COGNITO)?,
        None => MIN_LENGTH,
    };
    let require = match fields.get("require") {
        Some(entry) => choices(reader, entry, "kind of character", &CHARACTERS)?,
        None => CHARACTERS.map(str::to_owned).into(),
    };
    Some(Password { min_length, require })
}

fn mfa(reader: &mut Reader<'_>, entry: &Entry) -> Option<String> {
    // `on` and `off` are truth values to some.
    let said = match entry.value.kind {
        Kind::Bool(true, _) => "on".to_owned(),
        Kind::Bool(false, _) => "off".to_owned(),
        _ => reader.some_text(entry)?,
    };
    if MFA.contains(&said.as_str()) {
        return Some(said);
    }
    let label = suggest::did_you_mean(&said, MFA, || format!("there is {}", suggest::list(&MFA)));
    reader.problem(&entry.value.span, format!("unknown kind of MFA `{said}`"), label);
    None
}

fn attributes(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeMap<String, String>> {
    let map = keys::map_of(entry, "a map of names and types, like `{ tenant: string }`", &mut reader.problems)?;
    if map.0.len() > MOST_ATTRIBUTES {
        let title = format!("a user pool has at most {MOST_ATTRIBUTES} custom attributes");
        reader.problem(&entry.key_span, title, format!("these are {}", map.0.len()));
    }
    let mut read = BTreeMap::new();
    for one in &map.0 {
        let Entry { key, key_span, .. } = one;
        let fits = |each: char| each.is_ascii_alphanumeric() || "_-.".contains(each);
        if STANDARD.contains(&key.as_str()) {
            let title = format!("`{key}` is an attribute that every pool has");
            reader.problem(key_span, title, format!("to demand it: `required: [{key}]`"));
        } else if key.is_empty() || key.len() > ATTRIBUTE || !key.chars().all(fits) {
            let label = format!("up to {ATTRIBUTE} letters, digits, `_`, `-` and `.`; Cognito itself adds `custom:`");
            reader.problem(key_span, format!("`{key}` cannot be the name of a custom attribute"), label);
        }
        let kind = reader.some_text(one)?;
        if !TYPES.contains(&kind.as_str()) {
            let label = suggest::did_you_mean(&kind, TYPES, || format!("there is {}", suggest::list(&TYPES)));
            reader.problem(&one.value.span, format!("unknown type of attribute `{kind}`"), label);
        }
        read.insert(key.clone(), kind);
    }
    Some(read)
}

/// `[web]`, or a map with what each may do.
fn clients(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeMap<String, AppClient>> {
    let usual = || AppClient { secret: false, flows: BTreeSet::from([FLOWS[0].to_owned()]) };
    let mut read = BTreeMap::new();
    if let Kind::List(items) = &entry.value.kind {
        for (name, item) in reader.texts(entry)?.into_iter().zip(items) {
            name_fits(reader, &item.span, &name);
            read.insert(name, usual());
        }
        return Some(read);
    }
    let map = keys::map_of(entry, "a list of names, or a map of app clients", &mut reader.problems)?;
    for one in &map.0 {
        name_fits(reader, &one.key_span, &one.key);
        let map = keys::map_of(one, "a map, like `{ secret: true }`", &mut reader.problems)?;
        let fields = Fields::new(reader, "an app client", &one.key_span, vec![map], &CLIENT_KEYS);
        let secret = fields.flag(reader, "secret")?;
        let flows = fields.get("flows").map_or_else(|| Some(usual().flows), |entry| flows(reader, entry))?;
        read.insert(one.key.clone(), AppClient { secret, flows });
    }
    Some(read)
}

fn name_fits(reader: &mut Reader<'_>, at: &Span, name: &str) {
    if let Some(fault) = names::fault(name, CLIENT) {
        reader.problem(at, format!("`{name}` cannot be the name of an app client"), fault);
    }
}

/// AWS's own spelling is taken, too: `ALLOW_USER_SRP_AUTH`.
fn flows(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeSet<String>> {
    let mut read = BTreeSet::new();
    for (text, at) in texts(reader, entry)? {
        let word = text.to_ascii_lowercase();
        let word = word.strip_prefix("allow_").unwrap_or(&word);
        if word == "refresh_token_auth" {
            continue;
        }
        if !FLOWS.contains(&word) {
            let label = suggest::did_you_mean(word, FLOWS, || format!("there is {}", suggest::list(&FLOWS)));
            reader.problem(&at, format!("unknown authentication flow `{text}`"), label);
            return None;
        }
        read.insert(word.to_owned());
    }
    Some(read)
}

/// Reports app clients that functions speak of and the pool does not have.
pub(super) fn check(
    reader: &mut Reader<'_>,
    at: &Span,
    (name, pool): (&str, &UserPool),
    functions: &BTreeMap<String, FunctionConfig>,
) {
    for function in functions.values() {
        for (variable, text) in &function.env {
            let spoken_of = reference::parts(text).into_iter().filter(|(resource, _)| *resource == name);
            let clients = spoken_of.filter_map(|(_, what)| what.strip_prefix("clients.")?.strip_suffix(".id"));
            for client in clients.filter(|client| !pool.clients.contains_key(*client)) {
                let all: Vec<&str> = pool.clients.keys().map(String::as_str).collect();
                let label = suggest::did_you_mean(client, all.iter().copied(), || match all.as_slice() {
                    [] => format!("add it: `clients: [{client}]`"),
                    all => format!("there is {}", suggest::list(all)),
                });
                let title =
                    format!("`{name}` has no app client `{client}`, which {variable} of `{}` speaks of", function.name);
                reader.problem(at, title, label);
            }
        }
    }
}
