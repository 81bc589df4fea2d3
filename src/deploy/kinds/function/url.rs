//! The function URL of the alias `live`, open to everybody, with the two permissions that takes.
//!
//! Since October 2025 a public function URL needs `lambda:InvokeFunctionUrl` and
//! `lambda:InvokeFunction` (the latter limited to calls through the URL):
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>

use aws_sdk_lambda::types::{FunctionUrlAuthType, InvokeMode};
use serde::{Deserialize, Serialize};

use super::Function;
use super::permission::{Grant, statements, take_back};
use crate::aws::{Cloud, code, explain, say};
use crate::config::{FunctionConfig, Http};
use crate::deploy::names::ALIAS;
use crate::error::Result;

pub(super) const MAY_CALL: &str = "rzap-url";
pub(super) const MAY_INVOKE: &str = "rzap-url-invoke";

/// Whether a function has a URL of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Url {
    None,
    /// Something of it is there: a URL that is not open, or permissions without one.
    Partial,
    /// Everybody may call it.
    Open,
    /// The same, and answers come while they are made.
    Streaming,
}

impl Url {
    /// As the config wants it.
    pub(crate) fn wanted(config: &FunctionConfig) -> Self {
        match config.http {
            Some(Http::Url) if config.web.stream => Self::Streaming,
            Some(Http::Url) => Self::Open,
            _ => Self::None,
        }
    }

    /// Whether everybody may call it.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Streaming)
    }

    /// <https://docs.aws.amazon.com/lambda/latest/dg/config-rs-invoke-furls.html>
    fn mode(self) -> InvokeMode {
        if self == Self::Streaming { InvokeMode::ResponseStream } else { InvokeMode::Buffered }
    }
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) address: Option<String>,
    pub(super) state: Url,
}

/// Looks for the URL and its permissions.
pub(super) async fn find(cloud: &Cloud, name: &str) -> Result<Found> {
    let url = async {
        cloud.pace.lambda().await;
        cloud.lambda.get_function_url_config().function_name(name).qualifier(ALIAS).send().await
    };
    let (url, statements) = tokio::join!(url, statements(cloud, name));
    let url = match url {
        Ok(url) => Some(url),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => None,
        // Some emulators have no function URLs at all; then there is none.
        Err(error) if cloud.endpoint.is_some() && unknown_operation(&error) => None,
        Err(error) => return Err(explain(format!("look for the URL of the function `{name}`"))(error)),
    };
    let statements = statements?;
    let granted =
        [MAY_CALL, MAY_INVOKE].iter().filter(|id| statements.iter().any(|statement| statement == *id)).count();
    let open = url.as_ref().is_some_and(|url| *url.auth_type() == FunctionUrlAuthType::None);
    let streams = url.as_ref().is_some_and(|url| url.invoke_mode() == Some(&InvokeMode::ResponseStream));
    let state = match (url.is_some(), open, granted) {
        (false, _, 0) => Url::None,
        (true, true, 2) if streams => Url::Streaming,
        (true, true, 2) => Url::Open,
        _ => Url::Partial,
    };
    Ok(Found { address: url.map(|url| reachable(cloud, url.function_url())), state })
}

/// A function URL as it can be called. The host of an emulator's URL resolves nowhere (or only where
/// `*.localhost` does), so its path form is given.
fn reachable(cloud: &Cloud, url: &str) -> String {
    let id = url.split("://").nth(1).and_then(|rest| rest.split(['.', '/']).next());
    match (&cloud.endpoint, id) {
        (Some(endpoint), Some(id)) if url.contains(".lambda-url.") => format!("{endpoint}/_aws/lambda-url/{id}/"),
        _ => url.to_owned(),
    }
}

/// Whether an emulator refused a call because it does not know it.
pub(in crate::deploy::kinds) fn unknown_operation<E, R>(error: &aws_sdk_lambda::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_lambda::error::ProvideErrorMetadata,
{
    let refused = ["AccessDenied", "Expired", "UnrecognizedClient", "Throttl", "TooMany", "ServiceUnavailable"];
    let known = |code: &str| refused.iter().any(|word| code.contains(word));
    error.as_service_error().is_some() && !code(error).is_some_and(known)
}

/// Makes the URL be there when it is wanted. One that is not wanted any more serves until [`close`].
pub(super) async fn converge(cloud: &Cloud, function: &Function, live: Url) -> Result<()> {
    match (function.url, live) {
        (wanted, live) if wanted == live => Ok(()),
        (Url::None | Url::Partial, _) => Ok(()),
        (_, Url::None | Url::Partial) => create(cloud, function).await,
        // The version that serves could not answer in the other mode: see [`promote`].
        _ => {
            let _ = function.decided.mode.set(function.url);
            Ok(())
        }
    }
}

/// Removes a URL that is not wanted any more. Called when whatever takes its place serves.
pub(super) async fn close(cloud: &Cloud, function: &Function, live: Url) -> Result<()> {
    match (function.url, live) {
        (_, Url::None) => Ok(()),
        (Url::None, _) => delete(cloud, &function.name).await,
        _ => Ok(()),
    }
}

/// Changes how the URL answers, once the alias is at the version that does it.
pub(super) async fn promote(cloud: &Cloud, function: &Function) -> Result<()> {
    if function.decided.mode.get().is_none() {
        return Ok(());
    }
    say("changing how its URL answers");
    update(cloud, function).await.map(drop)
}

/// Opens the URL that is there, with the mode that is wanted.
async fn update(cloud: &Cloud, function: &Function) -> Result<String> {
    set_mode(cloud, &function.name, function.url).await
}

/// The same by the function's name; `mode` is one of those that are open. Its address comes back.
pub(super) async fn set_mode(cloud: &Cloud, name: &str, mode: Url) -> Result<String> {
    cloud.pace.lambda().await;
    let call = cloud.lambda.update_function_url_config().function_name(name).qualifier(ALIAS);
    let call = call.auth_type(FunctionUrlAuthType::None).invoke_mode(mode.mode());
    let updated = call.send().await.map_err(explain(format!("change the URL of the function `{name}`")))?;
    Ok(updated.function_url().to_owned())
}

async fn create(cloud: &Cloud, function: &Function) -> Result<()> {
    let name = &function.name;
    say("creating its URL");
    // The two change the same policy, so one after the other; the URL needs neither to be there.
    let permit = async {
        for (id, action) in [(MAY_CALL, "lambda:InvokeFunctionUrl"), (MAY_INVOKE, "lambda:InvokeFunction")] {
            Grant { id, action, principal: "*", source_arn: None, source_account: None }.give(cloud, name).await?;
        }
        Ok(())
    };
    let open = async {
        cloud.pace.lambda().await;
        let call = cloud.lambda.create_function_url_config().function_name(name).qualifier(ALIAS);
        let call = call.auth_type(FunctionUrlAuthType::None).invoke_mode(function.url.mode());
        match call.send().await {
            Ok(created) => Ok(created.function_url().to_owned()),
            Err(error) if code(&error) == Some("ResourceConflictException") => update(cloud, function).await,
            Err(error) => Err(explain(format!("create a URL for the function `{name}`"))(error)),
        }
    };
    let ((), address) = tokio::try_join!(permit, open)?;
    let _ = function.decided.url.set(reachable(cloud, &address));
    Ok(())
}

async fn delete(cloud: &Cloud, name: &str) -> Result<()> {
    cloud.pace.lambda().await;
    let url = cloud.lambda.delete_function_url_config().function_name(name).qualifier(ALIAS).send().await;
    if let Err(error) = url
        && code(&error) != Some("ResourceNotFoundException")
    {
        return Err(explain(format!("delete the URL of the function `{name}`"))(error));
    }
    for id in [MAY_CALL, MAY_INVOKE] {
        take_back(cloud, name, id).await?;
    }
    Ok(())
}
