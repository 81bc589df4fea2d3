//! Names on AWS, computed from app, stage and resource: never random, so the next run finds them.

use sha2::{Digest as _, Sha256};

use super::resource::Owner;

/// The alias that serves traffic; every integration, trigger and permission points at it.
pub(crate) const ALIAS: &str = "live";

/// The event bus that every account has.
pub(crate) const DEFAULT_BUS: &str = "default";

/// Longest name of a function, a role, a schedule, a schedule group and a rule.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>,
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LONGEST: usize = 64;
/// Longest name of a layer. <https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html>
const LONGEST_LAYER: usize = 140;
/// Longest name of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const LONGEST_BUCKET: usize = 63;
/// `-` and eight hex digits.
const SUFFIX: usize = 9;
/// `-` and sixteen hex digits: which content a layer has.
const CONTENT: usize = 17;

/// `{app}-{stage}-{function}`
pub(crate) fn function_name(owner: &Owner, function: &str) -> String {
    fit(&format!("{}-{}-{function}", owner.app, owner.stage), LONGEST)
}

/// What every function's name of this stage begins with; others' names may, too.
pub(crate) fn function_prefix(owner: &Owner) -> String {
    let mut prefix = format!("{}-{}-", owner.app, owner.stage);
    prefix.truncate(LONGEST - SUFFIX);
    prefix
}

/// `{app}-{stage}-{region}`: the role that functions share. IAM is global, so the region is part of the name.
pub(crate) fn role_name(owner: &Owner, region: &str) -> String {
    fit(&format!("{}-{}-{region}", owner.app, owner.stage), LONGEST)
}

/// `{app}-{stage}-{function}-{region}`: the role that one function runs as.
pub(crate) fn function_role_name(owner: &Owner, function: &str, region: &str) -> String {
    fit(&format!("{}-{}-{function}-{region}", owner.app, owner.stage), LONGEST)
}

/// `/rzap/{app}/{stage}/{region}/`: the path of the roles of functions and state machines. IAM is global, so the region is part of it.
pub(crate) fn role_path(owner: &Owner, region: &str) -> String {
    format!("/rzap/{}/{}/{region}/", owner.app, owner.stage)
}

/// `{app}-{stage}-{region}-scheduler`: the role in whose name schedules call functions.
pub(crate) fn scheduler_role_name(owner: &Owner, region: &str) -> String {
    fit(&format!("{}-{}-{region}-scheduler", owner.app, owner.stage), LONGEST)
}

/// `{app}-{stage}`: the group of the stage's schedules.
pub(crate) fn schedule_group_name(owner: &Owner) -> String {
    fit(&format!("{}-{}", owner.app, owner.stage), LONGEST)
}

/// `{app}-{stage}-{function}-warm`: the schedule that keeps a function warm.
pub(crate) fn warm_schedule_name(owner: &Owner, function: &str) -> String {
    fit(&format!("{}-{}-{function}-warm", owner.app, owner.stage), LONGEST)
}

/// `{app}-{stage}-{function}-{schedule}`: a schedule of a function's triggers.
pub(crate) fn schedule_name(owner: &Owner, function: &str, schedule: &str) -> String {
    fit(&format!("{}-{}-{function}-{schedule}", owner.app, owner.stage), LONGEST)
}

/// `{app}-{stage}-{function}-{rule}`: a rule of a function's triggers.
pub(crate) fn rule_name(owner: &Owner, function: &str, rule: &str) -> String {
    fit(&format!("{}-{}-{function}-{rule}", owner.app, owner.stage), LONGEST)
}

/// `{app}-{stage}-{resource}` with `suffix` at its end, at most `longest` bytes in all.
pub(crate) fn resource_name(owner: &Owner, resource: &str, suffix: &str, longest: usize) -> String {
    let name = fit(&format!("{}-{}-{resource}", owner.app, owner.stage), longest - suffix.len());
    format!("{name}{suffix}")
}

/// `{app}-{stage}-{resource}` of an alarm.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
pub(crate) fn alarm_name(owner: &Owner, resource: &str) -> String {
    resource_name(owner, resource, "", 255)
}

/// What every such name of this stage begins with, however short it has to be; others' names may, too.
pub(crate) fn resource_prefix(owner: &Owner) -> String {
    function_prefix(owner)
}

/// `{app}-{stage}-{resource}-{account}-{region}`: a bucket of `resources:`. Names of buckets are global.
pub(crate) fn resource_bucket_name(owner: &Owner, resource: &str, account: &str, region: &str) -> String {
    resource_name(owner, resource, &format!("-{account}-{region}"), LONGEST_BUCKET)
}

/// What every such name of this stage begins with, however short it has to be; others' names may, too.
pub(crate) fn bucket_prefix(owner: &Owner, account: &str, region: &str) -> String {
    let mut prefix = format!("{}-{}-", owner.app, owner.stage);
    prefix.truncate(LONGEST_BUCKET - format!("-{account}-{region}").len() - SUFFIX);
    prefix
}

/// `/{app}/{stage}/{resource}`: a parameter. All names together are short enough.
pub(crate) fn parameter_name(owner: &Owner, resource: &str) -> String {
    format!("{}/{resource}", parameter_path(owner))
}

/// `/{app}/{stage}`: below it are a stage's parameters, and nobody else's.
pub(crate) fn parameter_path(owner: &Owner) -> String {
    format!("/{}/{}", owner.app, owner.stage)
}

/// `{app}/{stage}/{resource}`: a secret.
pub(crate) fn secret_name(owner: &Owner, resource: &str) -> String {
    format!("{}{resource}", secret_prefix(owner))
}

/// What every secret's name of this stage begins with.
pub(crate) fn secret_prefix(owner: &Owner) -> String {
    format!("{}/{}/", owner.app, owner.stage)
}

/// `{app}-{stage}-{part}-{hash}`, with 16 hex digits of the content's hash: one name, one content.
pub(crate) fn layer_name(owner: &Owner, part: &str, sha256: &str) -> String {
    let name = fit(&format!("{}-{}-{part}", owner.app, owner.stage), LONGEST_LAYER - CONTENT);
    format!("{name}-{}", sha256.get(..CONTENT - 1).unwrap_or(sha256))
}

/// What every layer's name of this stage begins with; others' names may, too.
pub(crate) fn layer_prefix(owner: &Owner) -> String {
    let mut prefix = format!("{}-{}-", owner.app, owner.stage);
    prefix.truncate(LONGEST_LAYER - CONTENT - SUFFIX);
    prefix
}

/// The name in the ARN of a layer version, if it is one of this stage's.
pub(crate) fn own_layer<'a>(owner: &Owner, arn: &'a str) -> Option<&'a str> {
    let name = arn.split(':').nth(6)?;
    let (_, hash) = name.rsplit_once('-')?;
    let computed = hash.len() == CONTENT - 1 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (computed && name.starts_with(&layer_prefix(owner))).then_some(name)
}

/// `/aws/lambda/{function name}`: where Lambda writes unless told otherwise.
pub(crate) fn log_group_name(function_name: &str) -> String {
    format!("/aws/lambda/{function_name}")
}

/// `/aws/apigateway/{app}-{stage}`: where the stage's APIs write down their requests.
pub(crate) fn access_log_name(owner: &Owner) -> String {
    format!("/aws/apigateway/{}", api_name(owner))
}

/// `{app}-{stage}`: the stack beside the functions.
pub(crate) fn stack_name(owner: &Owner) -> String {
    format!("{}-{}", owner.app, owner.stage)
}

/// `{app}-{stage}-{state machine}-{region}-states`: the role a state machine works as.
pub(crate) fn states_role_name(owner: &Owner, machine: &str, region: &str) -> String {
    fit(&format!("{}-{}-{machine}-{region}-states", owner.app, owner.stage), LONGEST)
}

/// `{app}/{sha256}.template`: a template that is too large for a call.
pub(crate) fn template_key(app: &str, sha256: &str) -> String {
    format!("{app}/{sha256}.template")
}

/// `{app}-{stage}`
pub(crate) fn api_name(owner: &Owner) -> String {
    format!("{}-{}", owner.app, owner.stage)
}

/// `rzap-{account}-{region}`
pub(crate) fn bucket_name(account: &str, region: &str) -> String {
    format!("rzap-{account}-{region}")
}

/// `{app}/{sha256}.zip`
pub(crate) fn artifact_key(app: &str, sha256: &str) -> String {
    format!("{app}/{sha256}.zip")
}

/// `{app}/_static/`: static files of all stages. No stage's name begins with `_`.
pub(crate) fn static_prefix(app: &str) -> String {
    format!("{app}/_static/")
}

/// `{app}/{stage}/`: releases and the lock of one stage.
pub(crate) fn stage_prefix(owner: &Owner) -> String {
    format!("{}/{}/", owner.app, owner.stage)
}

/// `{app}/{stage}/lock`
pub(crate) fn lock_key(owner: &Owner) -> String {
    lock_below(&stage_prefix(owner))
}

/// The lock in a stage's folder.
pub(crate) fn lock_below(stage_prefix: &str) -> String {
    format!("{stage_prefix}lock")
}

/// Cuts what is too long and adds a hash of the full name, so that two long names stay two.
fn fit(full: &str, longest: usize) -> String {
    if full.len() <= longest {
        return full.to_owned();
    }
    let hash = hex::encode(&Sha256::digest(full.as_bytes())[..4]);
    format!("{}-{hash}", &full[..longest - SUFFIX])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(app: &str, stage: &str) -> Owner {
        Owner { app: app.into(), stage: stage.into() }
    }

    #[test]
    fn short_names_are_readable() {
        assert_eq!(function_name(&owner("guestbook", "dev"), "web"), "guestbook-dev-web");
        assert_eq!(role_name(&owner("guestbook", "dev"), "eu-west-1"), "guestbook-dev-eu-west-1");
        assert_eq!(scheduler_role_name(&owner("guestbook", "dev"), "eu-west-1"), "guestbook-dev-eu-west-1-scheduler");
        assert_eq!(schedule_group_name(&owner("guestbook", "dev")), "guestbook-dev");
        assert_eq!(warm_schedule_name(&owner("guestbook", "dev"), "web"), "guestbook-dev-web-warm");
    }

    #[test]
    fn layers_are_named_by_their_content() {
        let dev = owner("shop", "dev");
        let name = layer_name(&dev, "common", &"0123456789abcdef".repeat(4));
        assert_eq!(name, "shop-dev-common-0123456789abcdef");
        let arn = format!("arn:aws:lambda:eu-west-1:123456789012:layer:{name}:7");
        assert_eq!(own_layer(&dev, &arn), Some(name.as_str()));
        assert_eq!(own_layer(&owner("shop", "prod"), &arn), None);
        assert_eq!(own_layer(&dev, "arn:aws:lambda:eu-west-1:123456789012:layer:shop-dev-tools:7"), None);
        let long = layer_name(&owner(&"a".repeat(60), &"b".repeat(60)), &"c".repeat(60), &"d".repeat(64));
        assert_eq!(long.len(), 140);
        assert!(long.ends_with(&format!("-{}", "d".repeat(16))));
    }

    #[test]
    fn buckets_are_named_for_the_whole_world() {
        let name = |owner: &Owner, bucket| resource_bucket_name(owner, bucket, "123456789012", "ap-southeast-1");
        let short = owner("shop", "dev");
        assert_eq!(name(&short, "uploads"), "shop-dev-uploads-123456789012-ap-southeast-1");
        let long = owner(&"a".repeat(40), "dev");
        let (one, two) = (name(&long, "one"), name(&long, "two"));
        assert!(one.len() == 63 && one != two && one.ends_with("-123456789012-ap-southeast-1"), "{one}");
        for owner in [short, long] {
            let prefix = bucket_prefix(&owner, "123456789012", "ap-southeast-1");
            assert!(name(&owner, "one").starts_with(&prefix), "{prefix}");
        }
    }

    #[test]
    fn long_names_fit_and_stay_apart() {
        let owner = owner(&"a".repeat(40), &"b".repeat(30));
        let (one, two) = (function_name(&owner, "one"), function_name(&owner, "two"));
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
        assert!(one.starts_with(&function_prefix(&owner)), "discovery finds cut names");
        let warm = warm_schedule_name(&owner, "one");
        assert!(warm.len() == 64 && warm != warm_schedule_name(&owner, "two") && warm != one);
        let roles = [role_name(&owner, "eu-west-1"), scheduler_role_name(&owner, "eu-west-1")];
        assert!(roles[0] != roles[1] && roles.iter().all(|name| name.len() == 64));
        assert_eq!(schedule_group_name(&owner).len(), 64);
    }
}
