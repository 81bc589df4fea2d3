//! What of a stack is compared, and what is read out of its events.

use aws_sdk_cloudformation::types::{Output, Parameter, ResourceStatus, StackEvent, Tag};

use super::*;
use crate::deploy::kinds::Any;
use crate::deploy::plan::same;

const BODY: &str = "Resources: {}  # für alle\n";

fn owner() -> Owner {
    Owner { app: "shop".into(), stage: "dev".into() }
}

fn wanted(body: &str, parameters: &[(&str, &str)]) -> Stack {
    let config =
        Template { path: "t.yaml".into(), body: body.into(), parameters: BTreeMap::new(), capabilities: vec![] };
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Stack::wanted(&owner(), &config, parameters, "bucket".into(), Vec::new())
}

/// As AWS says it is after `made` was made, with these values and this text.
fn live(made: &Stack, shown: &[(&str, &str)], body: &str, status: &str) -> Stack {
    let tag = |key: &str, value: String| Tag::builder().key(key).value(value).build();
    let parameters =
        shown.iter().map(|(name, value)| Parameter::builder().parameter_key(*name).parameter_value(*value).build());
    let described = Described::builder()
        .tags(tag(TEMPLATE_TAG, format!("{} {}", exact(&made.body), loose(&made.body))))
        .tags(tag(PARAMETERS_TAG, made.given.as_str().to_owned()))
        .set_parameters(Some(parameters.collect()))
        .stack_status(StackStatus::from(status))
        .outputs(Output::builder().output_key("Bucket").output_value("b").build())
        .build();
    Stack::found(&owner(), "shop-dev", &described, body, Vec::new())
}

fn is_same(wanted: &Stack, live: &Stack) -> bool {
    same(&Any::Stack(wanted.clone()), &Any::Stack(live.clone()))
}

#[test]
fn it_is_touched_only_when_its_template_or_a_parameter_changed() {
    let parameters = [("Password", "hunter2"), ("Size", "small")];
    let made = wanted(BODY, &parameters);
    let shown = [("Default", "x"), ("Password", HIDDEN), ("Size", "small")];
    // What is not ASCII does not come back.
    let back = "Resources: {}  # f?r alle";
    let stands = |shown: &[(&str, &str)], body: &str| live(&made, shown, body, "CREATE_COMPLETE");
    assert!(is_same(&made, &stands(&shown, back)));
    assert_eq!(stands(&shown, back).outputs["Bucket"], "b");

    assert!(!is_same(&wanted("Resources: {}  # für uns\n", &parameters), &stands(&shown, back)), "another text");
    assert!(!is_same(&wanted("Resources: {}  # fÜr alle\n", &parameters), &stands(&shown, back)), "other letters");
    assert!(!is_same(&made, &stands(&shown, "Resources: {}")), "somebody else's template, or one that was rolled back");
    let by_hand = [("Default", "x"), ("Password", HIDDEN), ("Size", "large")];
    assert!(!is_same(&made, &stands(&by_hand, back)));
    assert!(!is_same(&wanted(BODY, &[("Password", "hunter3"), ("Size", "small")]), &stands(&shown, back)));
    assert!(!is_same(&wanted(BODY, &[("Password", "hunter2")]), &stands(&shown, back)), "one less");
    let larger = wanted(BODY, &[("Password", "hunter2"), ("Size", "large")]);
    let seen = larger.seen_of(&stands(&shown, back));
    assert_eq!((&seen["parameters"]["Password"], &seen["parameters"]["Size"]), (&"hunter2".into(), &"small".into()));
    assert!(!is_same(&made, &live(&made, &shown, back, "UPDATE_IN_PROGRESS")));
    assert!(is_same(&made, &live(&made, &shown, back, "UPDATE_ROLLBACK_COMPLETE")));
}

#[test]
fn what_is_given_is_remembered_without_its_values() {
    let made = wanted(BODY, &[("Password", "hunter2"), ("Size", "small")]);
    let tag = made.given.as_str();
    let bare: String =
        tag.split(' ').map(|part| part.split('=').next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    assert!(bare.ends_with(" Password Size") && tag.len() == "1f2e Password=1f2e Size=1f2e".len(), "{tag}");
    let many: Vec<(String, String)> =
        (0..60).map(|number| (format!("Parameter{number:02}"), number.to_string())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(wanted(BODY, &many).given.as_str().len() <= 256);
}

#[test]
fn the_first_failure_is_the_reason_of_the_others() {
    let event = |name: &str, status: ResourceStatus, reason: &str| {
        let event = StackEvent::builder().logical_resource_id(name).resource_type("AWS::X::Y");
        event.resource_status(status).resource_status_reason(reason).build()
    };
    let events = [
        event("shop-dev", ResourceStatus::CreateInProgress, "User Initiated"),
        event("Other", ResourceStatus::CreateFailed, "Resource creation cancelled"),
        event("Table", ResourceStatus::CreateFailed, "the name is taken"),
        event("Third", ResourceStatus::CreateFailed, "something that follows"),
        event("shop-dev", ResourceStatus::RollbackFailed, "The following resource(s) failed"),
    ];
    let first = events::first_failure("shop-dev", &events).expect("a failure");
    assert_eq!((first.resource.as_str(), first.reason.as_str()), ("Table", "the name is taken"));
    let own = events::first_failure("shop-dev", &events[4..]).expect("a failure");
    assert_eq!(own.resource, "shop-dev");
    assert_eq!(events::first_failure("shop-dev", &events[..2]), None);
}

#[test]
fn data_is_kept_by_a_policy_unless_somebody_allows_its_end() {
    assert!(policy::during_update(false).contains("Update:Replace"));
    assert!(!policy::during_update(true).contains("Deny"));
    assert!(policy::forbids("Action denied by stack policy: Statement [#2] does not allow [Update:Delete]"));
}

#[test]
fn what_is_in_it_is_no_accident() {
    let made = wanted(BODY, &[]);
    assert!(made.losses().is_empty());
    let holds = ["AWS::S3::Bucket", "AWS::S3::Bucket", "AWS::SNS::Topic"].map(str::to_owned).to_vec();
    let [loss] = &Stack { holds, ..made.clone() }.losses()[..] else { panic!("one loss") };
    assert_eq!(loss.what, "all 3 resources in it but for what its template retains (AWS::S3::Bucket, AWS::SNS::Topic)");
    let broken = live(&made, &[], BODY, "DELETE_FAILED");
    assert!(made.replacement(&broken).is_some());
}
