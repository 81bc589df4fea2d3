//! Changing a part of a user pool: read it, change that part, write all of it.
//!
//! `UpdateUserPool` has no "leave it": "If you don't provide a value for an attribute, Amazon Cognito sets it to its
//! default value". So every field that is read is sent back, also those rzap has no word for; a test counts them.
//! Nothing tells Cognito to write only what nobody has changed meanwhile, so what was written is read again.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html>

use aws_sdk_cognitoidentityprovider::operation::update_user_pool::UpdateUserPoolInput;
use aws_sdk_cognitoidentityprovider::operation::update_user_pool::builders::UpdateUserPoolInputBuilder;
use aws_sdk_cognitoidentityprovider::types::UserPoolType;

use crate::aws::{Backoff, Cloud, code, explain, say};
use crate::error::{Error, Result};

/// A pool as it is; `None` when there is none with this id.
pub(in crate::deploy::kinds) async fn describe(cloud: &Cloud, id: &str) -> Result<Option<UserPoolType>> {
    match cloud.cognito.describe_user_pool().user_pool_id(id).send().await {
        Ok(answer) => Ok(answer.user_pool),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(explain(format!("look at the user pool `{id}`"))(error)),
    }
}

/// Changes a pool until it is as `edit` makes it, which must change nothing of one that is so already. `false` when
/// there is no such pool.
///
/// # Errors
/// It could not be read or written, or does not stay as it is written.
pub(in crate::deploy::kinds) async fn change(
    cloud: &Cloud,
    id: &str,
    edit: impl Fn(&mut UserPoolType),
) -> Result<bool> {
    let mut backoff = Backoff::propagation();
    let mut written = false;
    loop {
        let Some(live) = describe(cloud, id).await? else { return Ok(false) };
        let mut wanted = live.clone();
        edit(&mut wanted);
        if wanted == live {
            return Ok(true);
        }
        if written && !backoff.sleep().await {
            let error = Error::failed(format!("the user pool `{id}` does not stay as it is written"));
            return Err(error.hint("somebody else changes it at the same time: run rzap again"));
        }
        match all_of(&wanted).send_with(&cloud.cognito).await {
            Ok(_) => written = true,
            Err(error) if code(&error) == Some("ConcurrentModificationException") => {
                say("waiting for a change of the user pool that is in progress");
                if !backoff.sleep().await {
                    return Err(explain(format!("change the user pool `{id}`"))(error));
                }
            }
            Err(error) => {
                let error = explain(format!("change the user pool `{id}`"))(error);
                // Writing all of it says again in whose name it sends text messages.
                return Err(match wanted.sms_configuration() {
                    Some(_) if error.kind == crate::error::Kind::Access => error.hint(
                        "it sends text messages: whoever changes it needs `iam:PassRole` on the role it does so with",
                    ),
                    _ => error,
                });
            }
        }
    }
}

/// The call that writes a pool as it is described.
fn all_of(pool: &UserPoolType) -> UpdateUserPoolInputBuilder {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut admin = pool.admin_create_user_config.clone();
    let days = pool.policies().and_then(|it| it.password_policy()).map_or(0, |it| it.temporary_password_validity_days);
    // Both are described, and only one is taken: "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of
    // UnusedAccountValidityDays".
    if let Some(admin) = admin.as_mut().filter(|_| days > 0) {
        admin.unused_account_validity_days = 0;
    }
    let recovery = pool.account_recovery_setting.clone();
    UpdateUserPoolInput::builder()
        .set_user_pool_id(pool.id.clone())
        .set_pool_name(pool.name.clone())
        .set_policies(pool.policies.clone())
        .set_deletion_protection(pool.deletion_protection.clone())
        .set_lambda_config(pool.lambda_config.clone())
        .set_auto_verified_attributes(pool.auto_verified_attributes.clone())
        .set_sms_verification_message(some(&pool.sms_verification_message))
        .set_email_verification_message(some(&pool.email_verification_message))
        .set_email_verification_subject(some(&pool.email_verification_subject))
        .set_verification_message_template(pool.verification_message_template.clone())
        .set_sms_authentication_message(some(&pool.sms_authentication_message))
        .set_user_attribute_update_settings(pool.user_attribute_update_settings.clone())
        .set_mfa_configuration(pool.mfa_configuration.clone())
        .set_device_configuration(pool.device_configuration.clone())
        .set_email_configuration(pool.email_configuration.clone())
        .set_sms_configuration(pool.sms_configuration.clone().filter(|sms| !sms.sns_caller_arn.is_empty()))
        .set_user_pool_tags(pool.user_pool_tags.clone())
        .set_admin_create_user_config(admin)
        .set_user_pool_add_ons(pool.user_pool_add_ons.clone())
        .set_account_recovery_setting(recovery.filter(|it| !it.recovery_mechanisms().is_empty()))
        .set_user_pool_tier(pool.user_pool_tier.clone())
        .set_key_configuration(pool.key_configuration.clone())
        .set_issuer_configuration(pool.issuer_configuration.clone())
        .set_acr_configuration(pool.acr_configuration.clone())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use aws_sdk_cognitoidentityprovider::types::{
        AccountRecoverySettingType, AdminCreateUserConfigType, DeletionProtectionType, DeviceConfigurationType,
        EmailConfigurationType, IssuerConfigurationType, KeyConfigurationType, LambdaConfigType, PasswordPolicyType,
        RecoveryOptionNameType, RecoveryOptionType, SmsConfigurationType, UserAttributeUpdateSettingsType,
        UserPoolAddOnsType, UserPoolMfaType, UserPoolPolicyType, UserPoolTierType, VerificationMessageTemplateType,
        VerifiedAttributeType,
    };

    use super::*;

    /// The names of the fields of a struct, and of those that are `None`.
    fn fields(debug: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut all = BTreeSet::new();
        let mut none = BTreeSet::new();
        for line in debug.lines().filter_map(|line| line.strip_prefix("    ")) {
            let Some((name, value)) = line.split_once(": ").filter(|(name, _)| !name.starts_with(' ')) else {
                continue;
            };
            all.insert(name.to_owned());
            none.extend((value == "None,").then(|| name.to_owned()));
        }
        (all, none)
    }

    fn full() -> UserPoolType {
        let recovery = RecoveryOptionType::builder().priority(1).name(RecoveryOptionNameType::VerifiedEmail).build();
        UserPoolType::builder()
            .id("eu-west-1_AbC")
            .name("others")
            .policies(
                UserPoolPolicyType::builder()
                    .password_policy(PasswordPolicyType::builder().temporary_password_validity_days(3).build())
                    .build(),
            )
            .deletion_protection(DeletionProtectionType::Active)
            .lambda_config(LambdaConfigType::builder().custom_message("arn:other").kms_key_id("arn:key").build())
            .auto_verified_attributes(VerifiedAttributeType::Email)
            .sms_verification_message("{####}")
            .email_verification_message("{####}")
            .email_verification_subject("code")
            .verification_message_template(VerificationMessageTemplateType::builder().build())
            .sms_authentication_message("{####}")
            .user_attribute_update_settings(UserAttributeUpdateSettingsType::builder().build())
            .mfa_configuration(UserPoolMfaType::Optional)
            .device_configuration(DeviceConfigurationType::builder().build())
            .email_configuration(EmailConfigurationType::builder().build())
            .sms_configuration(SmsConfigurationType::builder().sns_caller_arn("arn:role").build())
            .user_pool_tags("team", "b")
            .admin_create_user_config(AdminCreateUserConfigType::builder().unused_account_validity_days(7).build())
            .user_pool_add_ons(
                UserPoolAddOnsType::builder()
                    .advanced_security_mode(aws_sdk_cognitoidentityprovider::types::AdvancedSecurityModeType::Audit)
                    .build()
                    .unwrap(),
            )
            .account_recovery_setting(
                AccountRecoverySettingType::builder().recovery_mechanisms(recovery.unwrap()).build(),
            )
            .user_pool_tier(UserPoolTierType::Plus)
            .key_configuration(KeyConfigurationType::builder().build())
            .issuer_configuration(IssuerConfigurationType::builder().build())
            .set_acr_configuration(Some(HashMap::new()))
            .build()
    }

    #[test]
    fn every_field_of_a_pool_is_written_back() {
        let pool = full();
        let call = all_of(&pool).build().unwrap();
        let (all, none) = fields(&format!("{call:#?}"));
        // A new version of the SDK that has another one fails here.
        assert_eq!((all.len(), none), (24, BTreeSet::new()), "{all:?}");
        assert_eq!(call.lambda_config, pool.lambda_config);
        assert_eq!((call.policies, call.user_pool_tags), (pool.policies, pool.user_pool_tags));
    }

    #[test]
    fn what_cognito_describes_and_does_not_take_is_not_sent() {
        let call = all_of(&full()).build().unwrap();
        assert_eq!(
            call.admin_create_user_config.unwrap().unused_account_validity_days,
            0,
            "it is in the password policy"
        );
        let mut old = full();
        old.policies = None;
        let call = all_of(&old).build().unwrap();
        assert_eq!(call.admin_create_user_config.unwrap().unused_account_validity_days, 7);
    }
}
