//! How an HTTP API's control plane is called: in turn, patiently, page by page.

use aws_sdk_apigatewayv2::error::{ProvideErrorMetadata, SdkError};

use crate::aws::{Cloud, code, explain};
use crate::deploy::kinds::api::patiently;
use crate::error::Result;

/// All pages of a list: `ask` gets the token of the next one.
pub(super) async fn pages<T>(ask: impl AsyncFn(Option<String>) -> Result<(Vec<T>, Option<String>)>) -> Result<Vec<T>> {
    let (mut all, mut token) = ask(None).await?;
    while let Some(next) = token.take().filter(|token| !token.is_empty()) {
        let (more, after) = ask(Some(next)).await?;
        all.extend(more);
        token = after;
    }
    Ok(all)
}

/// A call in its turn.
pub(super) async fn take_raw<T, E, R, F>(cloud: &Cloud, call: impl Fn() -> F) -> std::result::Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = std::result::Result<T, SdkError<E, R>>>,
{
    cloud.pace.gateway().await;
    patiently(call).await
}

/// The same with what it is for: `what` fits after "failed to".
pub(super) async fn take<T, E, R, F>(cloud: &Cloud, what: String, call: impl Fn() -> F) -> Result<T>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
    F: Future<Output = std::result::Result<T, SdkError<E, R>>>,
{
    take_raw(cloud, call).await.map_err(explain(what))
}

/// The answer to a deletion: being gone already is fine.
pub(super) fn gone<T, E, R>(answer: std::result::Result<T, SdkError<E, R>>, what: impl Fn() -> String) -> Result<()>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match answer {
        Err(error) if code(&error) != Some("NotFoundException") => Err(explain(what())(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_pages_are_read() {
        let ask = async |token: Option<String>| {
            Ok(match token.as_deref() {
                None => (vec![1, 2], Some("two".to_owned())),
                Some("two") => (vec![3], Some(String::new())),
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(pages(ask).await.expect("three"), [1, 2, 3]);
    }
}
