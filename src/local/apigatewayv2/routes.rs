//! `CreateRoute`, GetRoute(s), `UpdateRoute`, `DeleteRoute`, and what a route key may be.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use super::model::{Api, Route};
use super::page::page;
use super::{DEFAULT, HttpApis};
use crate::local::apigateway::input::{Input, shown};
use crate::local::apigateway::model::{bad_request, conflict, fresh_id, not_found, unsupported};
use crate::local::wire::{Fault, Reply, Request};

const METHODS: [&str; 8] = ["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// A route key, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteKey<'a> {
    Default,
    /// A method or `ANY`, and a path that starts with `/`.
    On(&'a str, &'a str),
}

impl<'a> RouteKey<'a> {
    /// `None` when the key has neither form.
    pub(crate) fn read(key: &'a str) -> Option<Self> {
        if key == DEFAULT {
            return Some(Self::Default);
        }
        let (method, path) = key.split_once(' ')?;
        (METHODS.contains(&method) && path.starts_with('/')).then_some(Self::On(method, path))
    }

    fn checked(key: &'a str) -> Result<Self, Fault> {
        let invalid = |why: &str| {
            bad_request(format!("The provided route key is not formatted properly for HTTP protocol. {why}: {key}"))
        };
        let read = Self::read(key)
            .ok_or_else(|| invalid("Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\""))?;
        if let Self::On(_, path) = read {
            let parts: Vec<&str> = path[1..].split('/').collect();
            let mut names = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                let Some(name) = variable(part) else {
                    if part.contains(['{', '}', ' ']) || (part.is_empty() && parts.len() > 1 && at + 1 < parts.len()) {
                        return Err(invalid("A path part is text or one variable in braces"));
                    }
                    continue;
                };
                if name.ends_with('+') && at + 1 < parts.len() {
                    return Err(invalid("A greedy path variable must be at the end"));
                }
                let name = name.strip_suffix('+').unwrap_or(name);
                let good = |char: char| char.is_ascii_alphanumeric() || "._-:$".contains(char);
                if name.is_empty() || !name.chars().all(good) || names.contains(&name) {
                    return Err(invalid(
                        "The name of a path variable is empty, has other characters than letters, digits and ._-:$, or comes twice",
                    ));
                }
                names.push(name);
            }
        }
        Ok(read)
    }

    /// Whether two keys differ only by what a variable is called, up to and including that variable.
    fn conflicts(self, other: Self) -> bool {
        let (Self::On(method, path), Self::On(others, theirs)) = (self, other) else { return false };
        let differs = path.split('/').zip(theirs.split('/')).find(|(a, b)| a != b);
        let plain = |part: &'a str| variable(part).filter(|name| !name.ends_with('+'));
        method == others && differs.is_some_and(|(a, b)| plain(a).is_some() && plain(b).is_some())
    }
}

/// The name in `{name}` or `{name+}`.
fn variable(part: &str) -> Option<&str> {
    part.strip_prefix('{').and_then(|part| part.strip_suffix('}'))
}

impl Api {
    /// A new route, not yet in its place.
    pub(super) fn route(&self, key: &str, target: Option<String>) -> Result<Route, Fault> {
        self.check_key(key, None)?;
        let mut route = Route {
            api_gateway_managed: None,
            api_key_required: false,
            authorization_type: "NONE".into(),
            operation_name: None,
            route_id: fresh_id(7),
            route_key: key.to_owned(),
            target: None,
        };
        self.aim(&mut route, target)?;
        Ok(route)
    }

    /// Whether a route (but `own`) may have this key.
    pub(super) fn check_key(&self, key: &str, own: Option<&str>) -> Result<(), Fault> {
        let read = RouteKey::checked(key)?;
        for other in self.snapshot.routes.values().filter(|route| Some(route.route_id.as_str()) != own) {
            if other.route_key == key {
                return Err(conflict(format!("Route with key {key} already exists for this API")));
            }
            if RouteKey::read(&other.route_key).is_some_and(|other| read.conflicts(other)) {
                return Err(conflict(format!(
                    "The provided route key \"{key}\" has a conflicting variable on the same hierarchical level as \"{}\"",
                    other.route_key
                )));
            }
        }
        Ok(())
    }

    fn aim(&self, route: &mut Route, target: Option<String>) -> Result<(), Fault> {
        let Some(target) = target else { return Ok(()) };
        let id = target.strip_prefix("integrations/").ok_or_else(|| {
            bad_request(format!("Invalid target {target}: it must be of the form integrations/INTEGRATION_ID"))
        })?;
        if !self.snapshot.integrations.contains_key(id) {
            return Err(not_found(format!("Unable to find Integration by id {id} within the provided Api")));
        }
        route.target = Some(target);
        Ok(())
    }

    fn take_route(&self, route: &mut Route, input: &Input) -> Result<(), Fault> {
        self.aim(route, input.text("target")?)?;
        if let Some(name) = input.text("operationName")? {
            route.operation_name = Some(name).filter(|name| !name.is_empty());
        }
        match input.text("authorizationType")?.as_deref() {
            None => Ok(()),
            Some(kind @ ("NONE" | "AWS_IAM")) => {
                kind.clone_into(&mut route.authorization_type);
                Ok(())
            }
            Some(kind @ ("JWT" | "CUSTOM")) => Err(unsupported(&format!("authorizationType {kind}"))),
            Some(kind) => Err(bad_request(format!("Invalid authorization type specified: {kind}"))),
        }
    }
}

const MEMBERS: [&str; 4] = ["routeKey", "target", "operationName", "authorizationType"];

impl HttpApis {
    pub(super) fn create_route(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &MEMBERS)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let mut route = api.route(&input.required("routeKey")?, None)?;
            api.take_route(&mut route, &input)?;
            let shown = shown(&route);
            api.snapshot.routes.insert(route.route_id.clone(), route);
            api.changed();
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn list_routes(&self, request: &Request, api: &str) -> Result<Reply, Fault> {
        let items = self.state.read(|state| {
            let all = state.api(&request.region, api)?.snapshot.routes.iter();
            Ok::<_, Fault>(all.map(|(id, one)| (id.clone(), shown(one))).collect())
        })?;
        page(request, items)
    }

    pub(super) fn get_route(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.read(|state| {
            let found = state.api(&request.region, api)?.snapshot.routes.get(id);
            Ok(Reply::json(200, &shown(found.ok_or_else(no_route)?)))
        })
    }

    pub(super) fn update_route(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        let input = Input::read(request, &MEMBERS)?;
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            let mut route = api.snapshot.routes.get(id).cloned().ok_or_else(no_route)?;
            if let Some(key) = input.text("routeKey")?.filter(|key| *key != route.route_key) {
                if route.api_gateway_managed == Some(true) {
                    return Err(bad_request("The key of a route that was made by quick create cannot be changed"));
                }
                api.check_key(&key, Some(id))?;
                route.route_key = key;
            }
            api.take_route(&mut route, &input)?;
            let shown = shown(&route);
            api.snapshot.routes.insert(id.to_owned(), route);
            api.changed();
            Ok(Reply::json(200, &shown))
        })
    }

    pub(super) fn delete_route(&self, request: &Request, api: &str, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let api = state.api_mut(&request.region, api)?;
            api.snapshot.routes.remove(id).ok_or_else(no_route)?;
            api.changed();
            Ok(Reply::empty(204))
        })
    }
}

fn no_route() -> Fault {
    not_found("Invalid Route identifier specified")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_key_is_default_or_a_method_and_a_path() {
        for good in ["$default", "GET /", "ANY /{proxy+}", "POST /a/{b}/c-d/{e_f}", "GET /a/{b}/{c+}", "DELETE /a/"] {
            assert!(RouteKey::checked(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/a",
            "GET",
            "GET a",
            "get /a",
            "TRACE /a",
            "GET /{a+}/b",
            "GET /a{b}",
            "GET /{}",
            "GET /{a}/{a}",
            "GET //a",
        ] {
            assert_eq!(RouteKey::checked(bad).map_err(|fault| fault.status), Err(400), "{bad}");
        }
    }

    #[test]
    fn a_variable_has_one_name_on_its_level() {
        let conflicts = |a: &str, b: &str| match (RouteKey::read(a), RouteKey::read(b)) {
            (Some(a), Some(b)) => a.conflicts(b),
            _ => unreachable!("keys of the test"),
        };
        assert!(conflicts("GET /orgs/{orgId}/stages/{stageId}", "GET /orgs/{orgId}/stages/{stage_id}"));
        assert!(!conflicts("GET /orgs/{id}/a", "GET /orgs/{id}/b"));
        assert!(!conflicts("GET /orgs/{id}", "GET /orgs/{proxy+}"));
        assert!(!conflicts("GET /a/{id}", "GET /b/{key}"));
        assert!(!conflicts("GET /a/{id}", "$default"));
    }
}
