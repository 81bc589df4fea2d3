//! `- cognito: pre_sign_up` — what happens to the users of a user pool, one of the app's or one that is there already.
//!
//! A pool calls one function for an event, waits five seconds for it, and does what it answers.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html>

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Trigger, named};
use crate::config::fields::Fields;
use crate::config::raw::{Entry, Kind, Node};
use crate::config::resources::{Others, must_be};
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 2] = ["events", "pool"];

/// Our words, and AWS's names of the same. Of `pre_token_generation` there are versions of what the function is given.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_LambdaConfigType.html>
const WORDS: [(&str, &str); 13] = [
    ("pre_sign_up", "PreSignUp"),
    ("post_confirmation", "PostConfirmation"),
    ("pre_authentication", "PreAuthentication"),
    ("post_authentication", "PostAuthentication"),
    ("pre_token_generation", "PreTokenGeneration"),
    ("pre_token_generation_v2", ""),
    ("pre_token_generation_v3", ""),
    ("custom_message", "CustomMessage"),
    ("define_auth_challenge", "DefineAuthChallenge"),
    ("create_auth_challenge", "CreateAuthChallenge"),
    ("verify_auth_challenge_response", "VerifyAuthChallengeResponse"),
    ("user_migration", "UserMigration"),
    ("inbound_federation", "InboundFederation"),
];

/// They get codes that are encrypted with a key, which the pool has to be told with them.
const SENDERS: [&str; 4] = ["custom_sms_sender", "custom_email_sender", "CustomSMSSender", "CustomEmailSender"];

/// What happens to users of a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CognitoTrigger {
    pub(crate) pool: Pool,
    /// Our words: `pre_sign_up`.
    pub(crate) events: BTreeSet<String>,
}

/// A user pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pool {
    /// A resource of the app, by its name in the config.
    Own(String),
    /// One that is there already: `eu-west-1_AbCdEfGhI`.
    Id(String),
    /// Likewise.
    Arn(String),
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Trigger> {
    let events = fields.need(reader, "events", "[pre_sign_up]").and_then(|entry| events(reader, entry));
    let pool = match fields.get("pool") {
        Some(entry) => pool(reader, entry, others),
        None => only_one(reader, fields, others),
    };
    Some(Trigger::Cognito(CognitoTrigger { pool: pool?, events: events? }))
}

/// The pool of an app that has one.
fn only_one(reader: &mut Reader<'_>, fields: &Fields<'_>, others: &Others<'_>) -> Option<Pool> {
    let pools: Vec<&str> = others.iter().filter(|(_, word)| **word == "user_pool").map(|(name, _)| *name).collect();
    match pools.as_slice() {
        [one] => Some(Pool::Own((*one).to_owned())),
        [] => {
            let label = "add one (`resources: { users: user_pool }`), or name one that is there with `pool: ID`";
            reader.problem(fields.at(), "the app has no user pool", label);
            None
        }
        several => {
            let label = format!("say which with `pool`: there is {}", suggest::list(several));
            reader.problem(fields.at(), "the app has several user pools", label);
            None
        }
    }
}

fn pool(reader: &mut Reader<'_>, entry: &Entry, others: &Others<'_>) -> Option<Pool> {
    let text = reader.some_text(entry)?;
    if text.starts_with("arn:") {
        let id = text.split_once(":userpool/").map(|(_, id)| id);
        if text.split(':').nth(2) == Some("cognito-idp") && id.is_some_and(is_id) {
            return Some(Pool::Arn(text));
        }
        let label = "like `arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbCdEfGhI`";
        reader.problem(&entry.value.span, "this is not the ARN of a user pool", label);
        return None;
    }
    // No name of a resource has a `_`.
    if is_id(&text) {
        return Some(Pool::Id(text));
    }
    must_be(reader, &entry.value.span, &text, &["user_pool"], others)?;
    Some(Pool::Own(text))
}

/// `eu-west-1_AbCdEfGhI`
fn is_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(region, rest)| {
        region.contains('-') && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// One event or a list of them.
fn events(reader: &mut Reader<'_>, entry: &Entry) -> Option<BTreeSet<String>> {
    let said: Vec<(String, &Node)> = match &entry.value.kind {
        Kind::Text(_) => vec![(reader.some_text(entry)?, &entry.value)],
        Kind::List(items) if !items.is_empty() => reader.texts(entry)?.into_iter().zip(items).collect(),
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "an event, like `pre_sign_up`, or a list of them");
            return None;
        }
    };
    let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
    let mut events: BTreeSet<String> = BTreeSet::new();
    let mut right = true;
    for (text, node) in said {
        let word = WORDS.iter().find(|(word, aws)| *word == text || (!aws.is_empty() && *aws == text));
        let (title, label) = match word {
            Some((word, _)) if events.iter().all(|before| slot(before) != slot(word)) => {
                events.insert((*word).to_owned());
                continue;
            }
            Some((word, _)) => {
                (format!("`{word}` stands here twice"), "a pool calls one function once for an event".to_owned())
            }
            None if SENDERS.contains(&text.as_str()) => (
                format!("`{text}` cannot be set up by rzap"),
                "it takes a KMS key that the pool encrypts codes with: write such a pool in `cloudformation`"
                    .to_owned(),
            ),
            None => {
                let all = || format!("there is {}", suggest::list(&known));
                (format!("unknown event `{text}`"), suggest::did_you_mean(&text, known.iter().copied(), all))
            }
        };
        reader.problem(&node.span, title, label);
        right = false;
    }
    right.then_some(events)
}

/// The place in a pool's configuration that an event has: the versions of one share it.
pub(crate) fn slot(event: &str) -> &str {
    event.strip_suffix("_v2").or_else(|| event.strip_suffix("_v3")).unwrap_or(event)
}

/// Which events of which pools a stage's functions have by now.
#[derive(Debug, Default)]
pub(in crate::config) struct Taken(Vec<(String, CognitoTrigger)>);

impl Taken {
    /// Reports those that an earlier trigger has: a pool calls one function for an event.
    pub(in crate::config) fn check(
        &mut self,
        reader: &mut Reader<'_>,
        entry: &Entry,
        name: &str,
        triggers: &[Trigger],
    ) {
        for (at, trigger) in named(entry, triggers) {
            let Trigger::Cognito(trigger) = trigger else { continue };
            for event in &trigger.events {
                let has = |(_, other): &&(String, CognitoTrigger)| {
                    other.pool.id() == trigger.pool.id() && other.events.iter().any(|it| slot(it) == slot(event))
                };
                if let Some((other, _)) = self.0.iter().find(has) {
                    let whose = if other == name { "another trigger of it".to_owned() } else { format!("`{other}`") };
                    let title = format!("`{name}` is called on `{event}`, and so is {whose}");
                    let label = "a user pool calls one function for an event: let that one call the other";
                    reader.problem(at, title, label);
                }
            }
            self.0.push((name.to_owned(), trigger.clone()));
        }
    }
}

impl Pool {
    /// What tells it from others: the id, of the app's own the name.
    fn id(&self) -> &str {
        match self {
            Self::Own(name) => name,
            Self::Id(id) => id,
            Self::Arn(arn) => arn.rsplit('/').next().unwrap_or_default(),
        }
    }
}
