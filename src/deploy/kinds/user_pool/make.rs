//! Making a user pool as it should be: one creating call, and what that cannot say after it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_cognitoidentityprovider::error::BuildError;
use aws_sdk_cognitoidentityprovider::types::{
    AccountRecoverySettingType, AdminCreateUserConfigType, AliasAttributeType, AttributeDataType,
    DeletionProtectionType, PasswordPolicyType, RecoveryOptionNameType, RecoveryOptionType, SchemaAttributeType,
    SoftwareTokenMfaConfigType, UserPoolMfaType, UserPoolPolicyType, UserPoolType, UsernameAttributeType,
    UsernameConfigurationType, VerifiedAttributeType,
};

use super::client::{made, once};
use super::{UserPool, read, whole};
use crate::aws::{Cloud, explain};
use crate::error::{Error, OrFailed as _, Result};

/// Attributes that one call adds.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AddCustomAttributes.html>
const AT_ONCE: usize = 25;

/// Makes it; its id. What a pool is signed in to by and what it demands of users is said here or never.
///
/// SDK retries are off for this one call: names are not unique, so a repeated call after a lost answer would make a
/// second pool. A throttled call did nothing and is repeated here.
pub(super) async fn create(cloud: &Cloud, pool: &UserPool) -> Result<String> {
    let what = || format!("create the user pool `{}`", pool.name);
    let as_name = !pool.sign_in.contains("username");
    let words = || pool.sign_in.iter().filter(|it| *it != "username").map(|it| aws(it));
    let names = as_name.then(|| words().map(UsernameAttributeType::from).collect());
    let aliases = (!as_name).then(|| words().map(AliasAttributeType::from).collect::<Vec<_>>());
    let upper_case = UsernameConfigurationType::builder().case_sensitive(false).build().or_failed(what)?;
    // What the settings are that can be changed later `apply` says.
    let mut fresh = UserPoolType::builder().build();
    apply(pool, &mut fresh).or_failed(what)?;
    made(&what(), async || {
        let call = cloud
            .cognito
            .create_user_pool()
            .pool_name(&pool.name)
            .set_username_attributes(names.clone())
            .set_alias_attributes(aliases.clone().filter(|it| !it.is_empty()))
            .username_configuration(upper_case.clone())
            .set_schema(schema(pool))
            .set_policies(fresh.policies.clone())
            .set_auto_verified_attributes(fresh.auto_verified_attributes.clone())
            .set_account_recovery_setting(fresh.account_recovery_setting.clone())
            .set_admin_create_user_config(fresh.admin_create_user_config.clone())
            .set_deletion_protection(fresh.deletion_protection.clone())
            .set_user_pool_tags(Some(HashMap::from(pool.owner.tags())));
        let answer = call.customize().config_override(once()).send().await?;
        Ok(answer.user_pool.and_then(|pool| pool.id))
    })
    .await
}

/// Brings what can be changed in place; `live` is as it was found, or as it was made.
pub(super) async fn bring(cloud: &Cloud, pool: &UserPool, id: &str, live: &UserPool) -> Result<()> {
    // Whether it can be said at all is known before anything is written.
    apply(pool, &mut UserPoolType::builder().build())
        .or_failed(|| format!("describe the user pool `{}`", pool.name))?;
    let there = whole::change(cloud, id, |live| drop(apply(pool, live))).await?;
    if !there {
        let error = Error::failed(format!("the user pool `{}` went away", pool.name));
        return Err(error.hint("run the same command again"));
    }
    add_attributes(cloud, pool, id, &live.attributes).await?;
    if live.mfa == pool.mfa { Ok(()) } else { set_mfa(cloud, pool, id).await }
}

/// The settings that can be changed, each only where it differs: what is beside it in the same structure stays.
fn apply(pool: &UserPool, live: &mut UserPoolType) -> Result<(), BuildError> {
    if read::verified(live) != pool.verify {
        let verify = pool.verify.iter().map(|it| VerifiedAttributeType::from(it.as_str()));
        live.auto_verified_attributes = Some(verify.collect());
    }
    if read::recovery(live) != pool.recovery {
        let option = |(name, priority): (&String, i32)| {
            RecoveryOptionType::builder().name(RecoveryOptionNameType::from(name.as_str())).priority(priority).build()
        };
        let options = pool.recovery.iter().zip(1..).map(option).collect::<Result<Vec<_>, _>>()?;
        live.account_recovery_setting =
            Some(AccountRecoverySettingType::builder().set_recovery_mechanisms(Some(options)).build());
    }
    if read::password(live) != pool.password {
        let mut policies = live.policies.take().unwrap_or_else(|| UserPoolPolicyType::builder().build());
        let mut set = policies.password_policy.take().unwrap_or_else(|| PasswordPolicyType::builder().build());
        let needs = |word: &str| pool.password.require.contains(word);
        set.minimum_length = Some(pool.password.min_length);
        set.require_lowercase = needs("lowercase");
        set.require_uppercase = needs("uppercase");
        set.require_numbers = needs("numbers");
        set.require_symbols = needs("symbols");
        policies.password_policy = Some(set);
        live.policies = Some(policies);
    }
    if read::self_sign_up(live) != pool.self_sign_up {
        let mut admin =
            live.admin_create_user_config.take().unwrap_or_else(|| AdminCreateUserConfigType::builder().build());
        admin.allow_admin_create_user_only = !pool.self_sign_up;
        live.admin_create_user_config = Some(admin);
    }
    if read::is_protected(live) != pool.protect {
        let protection = if pool.protect { DeletionProtectionType::Active } else { DeletionProtectionType::Inactive };
        live.deletion_protection = Some(protection);
    }
    Ok(())
}

/// What users have to have, and custom attributes.
fn schema(pool: &UserPool) -> Option<Vec<SchemaAttributeType>> {
    let required = pool.required.iter().map(|name| {
        let kind = if name == "updated_at" { AttributeDataType::Number } else { AttributeDataType::String };
        SchemaAttributeType::builder().name(name).attribute_data_type(kind).mutable(true).required(true).build()
    });
    let all: Vec<_> = required.chain(pool.attributes.iter().map(custom)).collect();
    (!all.is_empty()).then_some(all)
}

/// Cognito itself puts `custom:` before the name.
fn custom((name, kind): (&String, &String)) -> SchemaAttributeType {
    let kind = match kind.as_str() {
        "number" => AttributeDataType::Number,
        "datetime" => AttributeDataType::Datetime,
        "boolean" => AttributeDataType::Boolean,
        _ => AttributeDataType::String,
    };
    SchemaAttributeType::builder().name(name).attribute_data_type(kind).mutable(true).build()
}

async fn add_attributes(cloud: &Cloud, pool: &UserPool, id: &str, live: &BTreeMap<String, String>) -> Result<()> {
    let new: Vec<_> = pool.attributes.iter().filter(|(name, _)| !live.contains_key(*name)).map(custom).collect();
    for some in new.chunks(AT_ONCE) {
        let call = cloud.cognito.add_custom_attributes().user_pool_id(id).set_custom_attributes(Some(some.to_vec()));
        call.send().await.map_err(explain(format!("add attributes to the user pool `{}`", pool.name)))?;
    }
    Ok(())
}

/// Like a pool, its MFA settings are written as a whole. Without MFA there may be none: "can't turn off MFA and
/// configure an MFA together".
async fn set_mfa(cloud: &Cloud, pool: &UserPool, id: &str) -> Result<()> {
    let read = cloud.cognito.get_user_pool_mfa_config().user_pool_id(id).send().await;
    let live = read.map_err(explain(format!("read the MFA settings of the user pool `{}`", pool.name)))?;
    let call = cloud.cognito.set_user_pool_mfa_config().user_pool_id(id);
    let call = call.set_web_authn_configuration(live.web_authn_configuration);
    let call = if pool.mfa == "off" {
        call.mfa_configuration(UserPoolMfaType::Off)
    } else {
        call.mfa_configuration(UserPoolMfaType::from(pool.mfa.to_uppercase().as_str()))
            .software_token_mfa_configuration(SoftwareTokenMfaConfigType::builder().enabled(true).build())
            .set_sms_mfa_configuration(live.sms_mfa_configuration)
            .set_email_mfa_configuration(live.email_mfa_configuration)
    };
    call.send().await.map_err(explain(format!("set the MFA settings of the user pool `{}`", pool.name)))?;
    Ok(())
}

fn aws(word: &str) -> &str {
    if word == "phone" { "phone_number" } else { word }
}

/// How users get back in: by what is verified, else only through an administrator.
pub(super) fn recovery(verify: &BTreeSet<String>) -> BTreeSet<String> {
    let some: BTreeSet<String> = verify.iter().map(|it| format!("verified_{it}")).collect();
    if some.is_empty() { BTreeSet::from(["admin_only".to_owned()]) } else { some }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::resources as config;
    use crate::deploy::resource::Owner;

    fn pool(self_sign_up: bool) -> UserPool {
        let config = config::UserPool {
            sign_in: BTreeSet::from(["email".to_owned()]),
            verify: BTreeSet::from(["email".to_owned()]),
            password: config::Password { min_length: 12, require: BTreeSet::from(["numbers".to_owned()]) },
            mfa: "off".to_owned(),
            self_sign_up,
            required: BTreeSet::new(),
            attributes: BTreeMap::new(),
            clients: BTreeMap::new(),
            protect: true,
        };
        UserPool::wanted(&Owner { app: "shop".into(), stage: "dev".into() }, "shop-dev-users".into(), &config)
    }

    #[test]
    fn what_is_beside_a_setting_stays() {
        let policy = PasswordPolicyType::builder().password_history_size(3).temporary_password_validity_days(2);
        let mut live = UserPoolType::builder()
            .policies(UserPoolPolicyType::builder().password_policy(policy.build()).build())
            .admin_create_user_config(AdminCreateUserConfigType::builder().unused_account_validity_days(9).build())
            .build();
        apply(&pool(false), &mut live).unwrap();
        let set = live.policies().unwrap().password_policy().unwrap();
        assert_eq!((set.password_history_size(), set.temporary_password_validity_days), (Some(3), 2));
        assert_eq!((set.minimum_length(), set.require_numbers, set.require_symbols), (Some(12), true, false));
        let admin = live.admin_create_user_config().unwrap();
        assert_eq!((admin.allow_admin_create_user_only, admin.unused_account_validity_days), (true, 9));
        assert!(read::is_protected(&live));
        let before = live.clone();
        apply(&pool(false), &mut live).unwrap();
        assert_eq!(live, before, "what is so already is not touched");
    }

    #[test]
    fn who_forgets_a_password_gets_back_in_by_what_is_verified() {
        assert_eq!(recovery(&BTreeSet::from(["email".to_owned()])), BTreeSet::from(["verified_email".to_owned()]));
        assert_eq!(recovery(&BTreeSet::new()), BTreeSet::from(["admin_only".to_owned()]));
    }
}
