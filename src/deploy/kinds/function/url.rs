//! The function URL of the alias `live`, open to everybody, with the two permissions that takes.
//!
//! Since October 2025 a public function URL needs `lambda:InvokeFunctionUrl` and
//! `lambda:InvokeFunction` (the latter limited to calls through the URL):
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>

use aws_sdk_lambda::types::{FunctionUrlAuthType, InvokeMode};
use serde_json::Value;

use super::Function;
use crate::aws::{Cloud, code, explain, say};
use crate::deploy::names::ALIAS;
use crate::error::Result;

const MAY_CALL: &str = "rzap-url";
const MAY_INVOKE: &str = "rzap-url-invoke";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) address: Option<String>,
    /// There is a URL and everybody may call it.
    pub(super) public: bool,
}

/// Looks for the URL and its permissions.
pub(super) async fn find(cloud: &Cloud, name: &str) -> Result<Found> {
    let url = cloud.lambda.get_function_url_config().function_name(name).qualifier(ALIAS).send();
    let (url, statements) = tokio::join!(url, statements(cloud, name));
    let url = match url {
        Ok(url) => url,
        Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Found::default()),
        // Some emulators have no function URLs at all; then there is none.
        Err(error) if cloud.endpoint.is_some() && unknown_operation(&error) => return Ok(Found::default()),
        Err(error) => return Err(explain(format!("look for the URL of the function `{name}`"))(error)),
    };
    let statements = statements?;
    let allowed = [MAY_CALL, MAY_INVOKE].iter().all(|id| statements.iter().any(|statement| statement == id));
    let open = *url.auth_type() == FunctionUrlAuthType::None;
    Ok(Found { address: Some(url.function_url().to_owned()), public: open && allowed })
}

fn unknown_operation<E, R>(error: &aws_sdk_lambda::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_lambda::error::ProvideErrorMetadata,
    R: std::fmt::Debug,
{
    code(error)
        .is_none_or(|code| !code.contains("AccessDenied") && !code.contains("Throttl") && !code.contains("TooMany"))
        && error.as_service_error().is_some()
}

/// The statement ids of the alias's resource policy.
pub(in crate::deploy::kinds) async fn statements(cloud: &Cloud, name: &str) -> Result<Vec<String>> {
    let answer = match cloud.lambda.get_policy().function_name(name).qualifier(ALIAS).send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(Vec::new()),
        Err(error) => return Err(explain(format!("read the permissions of the function `{name}`"))(error)),
    };
    let policy: Value = serde_json::from_str(answer.policy().unwrap_or("{}")).unwrap_or(Value::Null);
    let ids = policy["Statement"].as_array().into_iter().flatten();
    Ok(ids.filter_map(|statement| statement["Sid"].as_str().map(str::to_owned)).collect())
}

/// Makes the URL be there, or not be there.
pub(super) async fn converge(cloud: &Cloud, function: &Function, was_public: bool) -> Result<()> {
    match (function.url, was_public) {
        (true, false) => create(cloud, function).await,
        (false, true) => delete(cloud, &function.name).await,
        _ => Ok(()),
    }
}

async fn create(cloud: &Cloud, function: &Function) -> Result<()> {
    let name = &function.name;
    say("creating its URL");
    permit(cloud, name, MAY_CALL, "lambda:InvokeFunctionUrl").await?;
    permit(cloud, name, MAY_INVOKE, "lambda:InvokeFunction").await?;
    let call = cloud.lambda.create_function_url_config().function_name(name).qualifier(ALIAS);
    let call = call.auth_type(FunctionUrlAuthType::None).invoke_mode(InvokeMode::Buffered);
    let address = match call.send().await {
        Ok(created) => created.function_url().to_owned(),
        Err(error) if code(&error) == Some("ResourceConflictException") => {
            let call = cloud.lambda.update_function_url_config().function_name(name).qualifier(ALIAS);
            let updated = call.auth_type(FunctionUrlAuthType::None).send().await;
            updated.map_err(explain(format!("open the URL of the function `{name}`")))?.function_url().to_owned()
        }
        Err(error) => return Err(explain(format!("create a URL for the function `{name}`"))(error)),
    };
    let _ = function.decided.url.set(address);
    Ok(())
}

async fn permit(cloud: &Cloud, name: &str, id: &str, action: &str) -> Result<()> {
    cloud.pace.lambda().await;
    let call = cloud.lambda.add_permission().function_name(name).qualifier(ALIAS).statement_id(id);
    let call = call.principal("*").action(action);
    let call = if id == MAY_CALL {
        call.function_url_auth_type(FunctionUrlAuthType::None)
    } else {
        call.invoked_via_function_url(true)
    };
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceConflictException") => Ok(()),
        Err(error) => Err(explain(format!("let everybody call the URL of the function `{name}`"))(error)),
    }
}

async fn delete(cloud: &Cloud, name: &str) -> Result<()> {
    let gone = |code: Option<&str>| code == Some("ResourceNotFoundException");
    let url = cloud.lambda.delete_function_url_config().function_name(name).qualifier(ALIAS).send().await;
    if let Err(error) = url
        && !gone(code(&error))
    {
        return Err(explain(format!("delete the URL of the function `{name}`"))(error));
    }
    for id in [MAY_CALL, MAY_INVOKE] {
        let call = cloud.lambda.remove_permission().function_name(name).qualifier(ALIAS).statement_id(id).send().await;
        if let Err(error) = call
            && !gone(code(&error))
        {
            return Err(explain(format!("remove a permission of the function `{name}`"))(error));
        }
    }
    Ok(())
}
