//! What a pool calls: read, written, and told from what others put there.

use aws_sdk_cognitoidentityprovider::types::LambdaConfigType;

use super::*;

fn arn(function: &str) -> String {
    format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}:live")
}

fn of(calls: &[(&str, &str)]) -> UserPoolTriggers {
    let mut all = UserPoolTriggers::of_id(&Owner { app: "shop".into(), stage: "dev".into() }, "eu-west-1_AbC");
    for (event, function) in calls {
        all.call(event, &arn(function));
    }
    all
}

#[test]
fn every_event_has_its_place() {
    let events = [
        "pre_sign_up",
        "post_confirmation",
        "pre_authentication",
        "post_authentication",
        "pre_token_generation",
        "pre_token_generation_v2",
        "pre_token_generation_v3",
        "custom_message",
        "define_auth_challenge",
        "create_auth_challenge",
        "verify_auth_challenge_response",
        "user_migration",
        "inbound_federation",
    ];
    for event in events {
        let mut config = slots::empty();
        let target = Target(arn("f"));
        slots::write(&mut config, event, Some(&target));
        assert_eq!(slots::read(&config), BTreeMap::from([(event.to_owned(), target)]), "{config:?}");
        slots::write(&mut config, event, None);
        assert_eq!(config, slots::empty(), "{event}");
    }
}

#[test]
fn what_others_have_a_pool_call_stays_as_it_is() {
    let theirs = LambdaConfigType::builder().custom_message("arn:other").kms_key_id("arn:key").pre_sign_up(arn("old"));
    let mut live = theirs.clone().post_authentication(arn("f")).build();
    let wanted = of(&[("post_confirmation", "f"), ("pre_token_generation_v2", "f")]);
    wanted.edit(&mut live, &BTreeSet::from(["f".to_owned()]));
    let read = slots::read(&live);
    assert_eq!(
        read.keys().collect::<Vec<_>>(),
        ["custom_message", "post_confirmation", "pre_sign_up", "pre_token_generation_v2"],
        "ours that is no longer wanted goes, `old` has no permission of ours"
    );
    assert_eq!((live.kms_key_id(), live.custom_message()), (Some("arn:key"), Some("arn:other")));
    of(&[]).edit(&mut live, &BTreeSet::from(["f".to_owned()]));
    assert_eq!(live, theirs.build(), "all of ours goes");
}

#[test]
fn an_event_is_one_line_of_a_plan() {
    let wanted = of(&[("pre_sign_up", "shop-dev-f")]);
    let mut live = of(&[("pre_sign_up", "shop-dev-old"), ("custom_message", "others-x")]);
    live.may_call = BTreeSet::from(["shop-dev-old".to_owned()]);
    assert_eq!(
        serde_json::to_value(&wanted).ok(),
        Some(serde_json::json!({ "events": { "pre_sign_up": "shop-dev-f" }, "may_call": ["shop-dev-f"] }))
    );
    assert_eq!(wanted.seen_of(&live)["events"], serde_json::json!({ "pre_sign_up": "shop-dev-old" }));
    let own = UserPoolTriggers::of_own(&wanted.owner, "shop-dev-users");
    assert_eq!(own.after(), [Key::new(Kind::UserPool, "shop-dev-users")]);
    assert_ne!(own.statement("arn:x"), wanted.statement("arn:x"), "a pool may be the stage's own and named by its id");
    let anew = wanted.without(&Key::new(Kind::UserPool, "eu-west-1_AbC"));
    assert!(anew.events.is_empty() && !anew.may_call.is_empty());
}
