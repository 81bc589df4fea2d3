//! Names on AWS, computed from app, stage and resource: never random, so the next run finds them.

use sha2::{Digest as _, Sha256};

use super::resource::Owner;

/// The alias that serves traffic; every integration, trigger and permission points at it.
pub(crate) const ALIAS: &str = "live";

/// Longest name of a function or a role.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LONGEST: usize = 64;
/// `-` and eight hex digits.
const SUFFIX: usize = 9;

/// `{app}-{stage}-{function}`
pub(crate) fn function_name(owner: &Owner, function: &str) -> String {
    fit(&format!("{}-{}-{function}", owner.app, owner.stage))
}

/// What every function's name of this stage begins with; others' names may, too.
pub(crate) fn function_prefix(owner: &Owner) -> String {
    let mut prefix = format!("{}-{}-", owner.app, owner.stage);
    prefix.truncate(LONGEST - SUFFIX);
    prefix
}

/// `{app}-{stage}-{region}`: IAM is global, so the region is part of the name.
pub(crate) fn role_name(owner: &Owner, region: &str) -> String {
    fit(&format!("{}-{}-{region}", owner.app, owner.stage))
}

/// `/aws/lambda/{function name}`: where Lambda writes unless told otherwise.
pub(crate) fn log_group_name(function_name: &str) -> String {
    format!("/aws/lambda/{function_name}")
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
fn fit(full: &str) -> String {
    if full.len() <= LONGEST {
        return full.to_owned();
    }
    let hash = hex::encode(&Sha256::digest(full.as_bytes())[..4]);
    format!("{}-{hash}", &full[..LONGEST - SUFFIX])
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
    }

    #[test]
    fn long_names_fit_and_stay_apart() {
        let owner = owner(&"a".repeat(40), &"b".repeat(30));
        let (one, two) = (function_name(&owner, "one"), function_name(&owner, "two"));
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
        assert!(one.starts_with(&function_prefix(&owner)), "discovery finds cut names");
    }
}
