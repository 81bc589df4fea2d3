//! Permissions on the alias `live`: who besides the account's own people may invoke a function.
//!
//! Each is a statement of the alias's resource policy with an id of its own, so that reconciling is a
//! comparison of ids.

use std::time::Duration;

use aws_sdk_lambda::types::FunctionUrlAuthType;
use serde_json::Value;

use super::url::{MAY_CALL, MAY_INVOKE};
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::deploy::names::ALIAS;
use crate::error::Result;

/// The statement ids of the alias's resource policy.
pub(in crate::deploy::kinds) async fn statements(cloud: &Cloud, name: &str) -> Result<Vec<String>> {
    cloud.pace.get_policy().await;
    let answer = match cloud.lambda.get_policy().function_name(name).qualifier(ALIAS).send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Vec::new()),
        Err(error) => return Err(explain(format!("read the permissions of the function `{name}`"))(error)),
    };
    let policy: Value = serde_json::from_str(answer.policy().unwrap_or("{}")).unwrap_or(Value::Null);
    let ids = policy["Statement"].as_array().into_iter().flatten();
    Ok(ids.filter_map(|statement| statement["Sid"].as_str().map(str::to_owned)).collect())
}

/// One permission on the alias `live`.
#[derive(Debug)]
pub(in crate::deploy::kinds) struct Grant<'a> {
    pub(in crate::deploy::kinds) id: &'a str,
    pub(in crate::deploy::kinds) action: &'a str,
    pub(in crate::deploy::kinds) principal: &'a str,
    pub(in crate::deploy::kinds) source_arn: Option<String>,
}

impl Grant<'_> {
    /// Gives it. A 409 may mean "is there already" or "another change is in progress", and an alias
    /// made a moment ago may not be known everywhere: what is there decides.
    pub(in crate::deploy::kinds) async fn give(&self, cloud: &Cloud, function: &str) -> Result<()> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3), Duration::from_secs(30));
        loop {
            cloud.pace.lambda().await;
            let call = cloud.lambda.add_permission().function_name(function).qualifier(ALIAS);
            let call = call.statement_id(self.id).action(self.action).principal(self.principal);
            let call = call.set_source_arn(self.source_arn.clone());
            let call = match self.id {
                MAY_CALL => call.function_url_auth_type(FunctionUrlAuthType::None),
                MAY_INVOKE => call.invoked_via_function_url(true),
                _ => call,
            };
            let Err(error) = call.send().await else { return Ok(()) };
            let again = is_code(&error, &["ResourceConflictException", "ResourceNotFoundException"]);
            if again && statements(cloud, function).await?.iter().any(|id| id == self.id) {
                return Ok(());
            }
            if !again || !backoff.sleep().await {
                return Err(explain(format!("give the permission `{}` on the function `{function}`", self.id))(error));
            }
        }
    }
}

/// Takes the permission with this statement id back; being gone already is fine.
pub(in crate::deploy::kinds) async fn take_back(cloud: &Cloud, function: &str, id: &str) -> Result<()> {
    cloud.pace.lambda().await;
    let call = cloud.lambda.remove_permission().function_name(function).qualifier(ALIAS).statement_id(id);
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
        Err(error) => Err(explain(format!("remove a permission of the function `{function}`"))(error)),
    }
}
