//! The places in a user pool's configuration that lead to functions, by the words of `rzap.yaml`.
//!
//! What takes a KMS key (`CustomSMSSender`, `CustomEmailSender`) has no word: it stays as it is.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_LambdaConfigType.html>

use std::collections::BTreeMap;

use aws_sdk_cognitoidentityprovider::types::{
    InboundFederationLambdaType, InboundFederationLambdaVersionType, LambdaConfigType,
    PreTokenGenerationLambdaVersionType, PreTokenGenerationVersionConfigType,
};

use super::Target;
pub(super) use crate::config::triggers::slot as of;

const TOKEN: &str = "pre_token_generation";
const FEDERATION: &str = "inbound_federation";

pub(super) fn empty() -> LambdaConfigType {
    LambdaConfigType::builder().build()
}

/// Where the ARN of an event stands that has no version.
fn plain<'a>(config: &'a mut LambdaConfigType, event: &str) -> Option<&'a mut Option<String>> {
    Some(match event {
        "pre_sign_up" => &mut config.pre_sign_up,
        "post_confirmation" => &mut config.post_confirmation,
        "pre_authentication" => &mut config.pre_authentication,
        "post_authentication" => &mut config.post_authentication,
        "custom_message" => &mut config.custom_message,
        "define_auth_challenge" => &mut config.define_auth_challenge,
        "create_auth_challenge" => &mut config.create_auth_challenge,
        "verify_auth_challenge_response" => &mut config.verify_auth_challenge_response,
        "user_migration" => &mut config.user_migration,
        _ => return None,
    })
}

const PLAIN: [&str; 9] = [
    "pre_sign_up",
    "post_confirmation",
    "pre_authentication",
    "post_authentication",
    "custom_message",
    "define_auth_challenge",
    "create_auth_challenge",
    "verify_auth_challenge_response",
    "user_migration",
];

/// What is called, by the event.
pub(super) fn read(config: &LambdaConfigType) -> BTreeMap<String, Target> {
    let mut config = config.clone();
    let mut found: BTreeMap<String, Target> = BTreeMap::new();
    for event in PLAIN {
        let arn = plain(&mut config, event).and_then(Option::take).filter(|arn| !arn.is_empty());
        found.extend(arn.map(|arn| (event.to_owned(), Target(arn))));
    }
    match &config.pre_token_generation_config {
        Some(set) => {
            let event = match set.lambda_version() {
                PreTokenGenerationLambdaVersionType::V10 => TOKEN.to_owned(),
                // `V2_0`, and what comes after.
                other => format!("{TOKEN}_{}", other.as_str().to_lowercase().trim_end_matches("_0")),
            };
            found.insert(event, Target(set.lambda_arn().to_owned()));
        }
        None => found.extend(config.pre_token_generation.take().map(|arn| (TOKEN.to_owned(), Target(arn)))),
    }
    let federation = config.inbound_federation.map(|set| Target(set.lambda_arn));
    found.extend(federation.map(|target| (FEDERATION.to_owned(), target)));
    found
}

/// Puts in what is called on an event, or takes it out. A word that is none of rzap's changes nothing.
pub(super) fn write(config: &mut LambdaConfigType, event: &str, target: Option<&Target>) {
    let arn = target.map(|target| target.0.clone());
    if let Some(place) = plain(config, event) {
        *place = arn;
    } else if of(event) == TOKEN {
        let version = match event.strip_prefix(TOKEN) {
            Some("_v2") => PreTokenGenerationLambdaVersionType::V20,
            Some("_v3") => PreTokenGenerationLambdaVersionType::V30,
            _ => PreTokenGenerationLambdaVersionType::V10,
        };
        let set = |arn: &String| {
            PreTokenGenerationVersionConfigType::builder().lambda_version(version).lambda_arn(arn).build().ok()
        };
        config.pre_token_generation_config = arn.as_ref().and_then(set);
        // "If you also set an ARN in PreTokenGeneration, its value must be identical": Cognito fills in the one by the
        // other.
        config.pre_token_generation = arn;
    } else if event == FEDERATION {
        let version = InboundFederationLambdaVersionType::V10;
        let set =
            |arn: String| InboundFederationLambdaType::builder().lambda_version(version).lambda_arn(arn).build().ok();
        config.inbound_federation = arn.and_then(set);
    }
}
