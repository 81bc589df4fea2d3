//! From a path and a method to a route of an HTTP API: "Full match for a route and method", then "Match
//! for a route and method with a greedy path variable", then `$default`.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use crate::local::apigatewayv2::{RouteKey, Snapshot};

/// The route of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// `$default` or `METHOD /path`.
    pub(super) key: String,
    /// `None` for `$default`.
    pub(super) template: Option<String>,
    /// `integrations/{id}`
    pub(super) target: Option<String>,
    pub(super) iam: bool,
    /// Decoded, like the path.
    pub(super) parameters: Vec<(String, String)>,
}

/// How well one part of a template fits; better is smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Variable,
    Greedy,
}

/// How well a route fits; better is smaller: not greedy, then part by part, then its own method.
type Rank = (bool, Vec<Fit>, bool);

type Parameters = Vec<(String, String)>;

/// Finds the route. `path` is decoded, starts with `/` and has no stage.
pub(super) fn find(snapshot: &Snapshot, path: &str, verb: &str) -> Option<Found> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let mut best: Option<(Option<Rank>, Found)> = None;
    for route in snapshot.routes.values() {
        let (rank, template, parameters) = match RouteKey::read(&route.route_key) {
            Some(RouteKey::On(method, template)) if method == verb || method == "ANY" => {
                let Some((fits, parameters)) = fit(template, &parts) else { continue };
                let rank = (fits.contains(&Fit::Greedy), fits, method == "ANY");
                (Some(rank), Some(template.to_owned()), parameters)
            }
            Some(RouteKey::Default) => (None, None, Vec::new()),
            _ => continue,
        };
        let better = match (&rank, best.as_ref().map(|(rank, _)| rank)) {
            (_, None) | (Some(_), Some(None)) => true,
            (Some(rank), Some(Some(other))) => rank < other,
            (None, Some(_)) => false,
        };
        if better {
            let found = Found {
                key: route.route_key.clone(),
                template,
                target: route.target.clone(),
                iam: route.authorization_type == "AWS_IAM",
                parameters,
            };
            best = Some((rank, found));
        }
    }
    best.map(|(_, found)| found)
}

fn fit(template: &str, parts: &[&str]) -> Option<(Vec<Fit>, Parameters)> {
    let wanted: Vec<&str> = template.trim_start_matches('/').split('/').collect();
    let (mut fits, mut parameters) = (Vec::new(), Vec::new());
    for (at, want) in wanted.iter().enumerate() {
        let have = *parts.get(at)?;
        match want.strip_prefix('{').and_then(|want| want.strip_suffix('}')) {
            None if *want == have => fits.push(Fit::Exact),
            None => return None,
            Some(name) => {
                let (name, value, how) = match name.strip_suffix('+') {
                    Some(name) => (name, parts[at..].join("/"), Fit::Greedy),
                    None => (name, have.to_owned(), Fit::Variable),
                };
                if value.is_empty() {
                    return None;
                }
                fits.push(how);
                parameters.push((name.to_owned(), value));
                if how == Fit::Greedy {
                    return Some((fits, parameters));
                }
            }
        }
    }
    (wanted.len() == parts.len()).then_some((fits, parameters))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn snapshot(keys: &[&str]) -> Snapshot {
        let route = |key: &&str| {
            let id = key.to_string();
            (
                id.clone(),
                json!({ "routeId": id, "routeKey": key, "apiKeyRequired": false, "authorizationType": "NONE" }),
            )
        };
        let routes: serde_json::Map<_, _> = keys.iter().map(route).collect();
        serde_json::from_value(json!({ "routes": routes, "integrations": {} })).unwrap()
    }

    fn key(snapshot: &Snapshot, verb: &str, path: &str) -> Option<String> {
        find(snapshot, path, verb).map(|found| found.key)
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// The table of AWS's page on routing.
    #[test]
    fn the_documented_order_is_kept() {
        let all =
            snapshot(&["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"]);
        for (verb, path, route) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("POST", "/pets/dog/1", "ANY /{proxy+}"),
            ("GET", "/", "$default"),
        ] {
            assert_eq!(key(&all, verb, path).as_deref(), Some(route), "{verb} {path}");
        }
        assert_eq!(key(&snapshot(&["GET /pets"]), "POST", "/pets"), None);
        assert_eq!(key(&snapshot(&["GET /pets"]), "GET", "/other"), None);
    }

    #[test]
    fn a_full_match_beats_a_greedy_one_and_a_method_beats_any() {
        let routes = snapshot(&["GET /{a}/b", "GET /pets/{proxy+}", "ANY /pets/b/c", "GET /pets/b/c"]);
        assert_eq!(key(&routes, "GET", "/pets/b").as_deref(), Some("GET /{a}/b"));
        assert_eq!(key(&routes, "GET", "/pets/b/c").as_deref(), Some("GET /pets/b/c"));
        assert_eq!(key(&routes, "PUT", "/pets/b/c").as_deref(), Some("ANY /pets/b/c"));
    }

    #[test]
    fn variables_have_values() {
        let routes = snapshot(&["GET /pets/{id}/{rest+}", "ANY /{proxy+}"]);
        let at = |path: &str| find(&routes, path, "GET").map(|found| found.parameters);
        assert_eq!(at("/pets/a b/x/y"), Some(pairs(&[("id", "a b"), ("rest", "x/y")])));
        assert_eq!(at("/pets/1/"), Some(pairs(&[("proxy", "pets/1/")])));
        assert_eq!(at("/"), None, "a greedy variable is not empty");
    }

    #[test]
    fn a_slash_at_the_end_is_another_path() {
        let routes = snapshot(&["GET /pets", "GET /cats/"]);
        assert_eq!((key(&routes, "GET", "/pets/"), key(&routes, "GET", "/cats")), (None, None));
        assert_eq!(key(&routes, "GET", "//pets").as_deref(), Some("GET /pets"), "one at the beginning more is none");
    }
}
