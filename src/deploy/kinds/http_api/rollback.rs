//! Back to the routes that an HTTP API has served before.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::calls::take_raw;
use super::{HttpApi, Parts, Stage};
use crate::aws::{Cloud, code, explain};
use crate::deploy::resource::{Owner, Resource as _};
use crate::error::Result;

/// The HTTP API with this id as it is; `None` when it is gone or is not ours.
pub(crate) async fn find(cloud: &Cloud, owner: &Owner, id: &str) -> Result<Option<HttpApi>> {
    let get = take_raw(cloud, || cloud.apigatewayv2.get_api().api_id(id).send());
    let (api, parts) = tokio::join!(get, Parts::read(cloud, id));
    let api = match api {
        Ok(api) => api,
        Err(error) if code(&error) == Some("NotFoundException") => return Ok(None),
        Err(error) => return Err(explain(format!("read the HTTP API `{id}`"))(error)),
    };
    let tags = api.tags.iter().flatten();
    if !owner.owns(tags.map(|(key, value)| (key.as_str(), value.as_str()))) {
        return Ok(None);
    }
    let mut live = HttpApi {
        id: OnceLock::from(id.to_owned()),
        stage: Stage::None,
        permitted: false,
        ..HttpApi::wanted(owner, BTreeMap::new())
    };
    parts?.describe(&mut live);
    Ok(Some(live))
}

/// Makes ready what these routes need, which no client can see, and gives what [`HttpApi::promote`] turns over.
pub(crate) async fn prepare(cloud: &Cloud, live: &HttpApi, routes: &BTreeMap<String, String>) -> Result<HttpApi> {
    // Where requests are logged is no part of a release.
    let wanted = HttpApi::wanted(&live.owner, routes.clone()).with_log(live.access_log.clone());
    wanted.converge(cloud, Some(live)).await?;
    wanted.connect(cloud, Some(live)).await?;
    Ok(wanted)
}
