//! The definition in single calls, for endpoints without `PutRestApi`. AWS has it, so nothing here is ever called there.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigateway::types::{IntegrationType, Resource as Route};

use super::definition::split;
use super::{Api, routes_of};
use crate::aws::{Cloud, code, explain};
use crate::error::Result;

impl Api {
    /// Makes the routes what they should be.
    pub(super) async fn define_by_hand(&self, cloud: &Cloud, id: &str) -> Result<()> {
        let what = || format!("define the routes of the API `{}` one by one", self.name);
        let before = routes_of(cloud, id).await?;
        let place = |route: &Route| Some((route.path()?.to_owned(), route.id()?.to_owned()));
        let mut known: BTreeMap<String, String> = before.iter().filter_map(place).collect();
        for (route, function) in &self.routes {
            let (method, path) = split(route);
            let resource = resource(cloud, (id, path), &mut known, &what).await?;
            let put = cloud.apigateway.put_method().rest_api_id(id).resource_id(&resource).http_method(method);
            match put.authorization_type("NONE").send().await {
                Err(error) if code(&error) != Some("ConflictException") => return Err(explain(what())(error)),
                _ => {}
            }
            let call = cloud.apigateway.put_integration().rest_api_id(id).resource_id(&resource).http_method(method);
            call.r#type(IntegrationType::AwsProxy)
                .integration_http_method("POST")
                .uri(Self::integration_uri(cloud, function))
                .send()
                .await
                .map_err(explain(what()))?;
        }
        self.remove_others(cloud, id, &before).await
    }

    /// Removes what is no route any more: methods, then resources with nothing below them.
    async fn remove_others(&self, cloud: &Cloud, id: &str, before: &[Route]) -> Result<()> {
        let what = || format!("remove routes of the API `{}` one by one", self.name);
        let paths: BTreeSet<&str> = self.routes.keys().map(|route| split(route).1).collect();
        let mut others: Vec<&Route> = before.iter().collect();
        // What is below comes first.
        others.sort_by_key(|route| std::cmp::Reverse(route.path().unwrap_or_default().len()));
        for route in others {
            let (path, resource) = (route.path().unwrap_or_default(), route.id().unwrap_or_default());
            let below = format!("{}/", path.trim_end_matches('/'));
            if !paths.iter().any(|wanted| *wanted == path || wanted.starts_with(&below)) {
                let delete = cloud.apigateway.delete_resource().rest_api_id(id).resource_id(resource);
                delete.send().await.map_err(explain(what()))?;
                continue;
            }
            let methods = route.resource_methods().into_iter().flatten().map(|(method, _)| method);
            for method in methods.filter(|method| !self.routes.contains_key(&format!("{method} {path}"))) {
                let delete = cloud.apigateway.delete_method().rest_api_id(id).resource_id(resource);
                delete.http_method(method).send().await.map_err(explain(what()))?;
            }
        }
        Ok(())
    }
}

/// The id of a path, which is made with all that is above it.
async fn resource(
    cloud: &Cloud,
    (id, path): (&str, &str),
    known: &mut BTreeMap<String, String>,
    what: &impl Fn() -> String,
) -> Result<String> {
    let mut above = known.get("/").cloned().unwrap_or_default();
    let mut here = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        here = format!("{here}/{part}");
        if let Some(there) = known.get(&here) {
            above.clone_from(there);
            continue;
        }
        let call = cloud.apigateway.create_resource().rest_api_id(id).parent_id(&above).path_part(part);
        above = call.send().await.map_err(explain(what()))?.id.unwrap_or_default();
        known.insert(here.clone(), above.clone());
    }
    Ok(above)
}
