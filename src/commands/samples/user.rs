//! What a user pool asks a function.

use serde_json::{Value, json};

use super::{Place, id};

/// A question of a Cognito user pool
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Cognito {
    /// When it asks
    #[arg(long, default_value = "PreSignUp_SignUp", value_parser = [
        "PreSignUp_SignUp", "PostConfirmation_ConfirmSignUp", "PreAuthentication_Authentication",
        "PostAuthentication_Authentication", "TokenGeneration_Authentication",
    ])]
    trigger: String,
    #[arg(long, default_value = "ann")]
    user: String,
    #[arg(long, default_value = "ann@example.com")]
    email: String,
}

impl Cognito {
    /// <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html>
    pub(super) fn event(self, place: &Place) -> Value {
        let attributes = json!({ "sub": id(), "email": self.email });
        let (request, response) = match self.trigger.split('_').next() {
            Some("PreSignUp") => (
                json!({ "userAttributes": { "email": self.email }, "validationData": null }),
                json!({ "autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false }),
            ),
            Some("PreAuthentication") => (json!({ "userAttributes": attributes, "validationData": null }), json!({})),
            Some("PostAuthentication") => (json!({ "userAttributes": attributes, "newDeviceUsed": false }), json!({})),
            Some("TokenGeneration") => (
                json!({
                    "userAttributes": attributes,
                    "groupConfiguration": { "groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": null },
                }),
                json!({ "claimsOverrideDetails": null }),
            ),
            _ => (json!({ "userAttributes": attributes }), json!({})),
        };
        json!({
            "version": "1",
            "region": place.region,
            "userPoolId": format!("{}_EXAMPLE", place.region),
            "userName": self.user,
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "1example23456789" },
            "triggerSource": self.trigger,
            "request": request,
            "response": response,
        })
    }
}
