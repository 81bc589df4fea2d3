//! From a path and a method to a resource: exact parts before variables before the greedy variable.

use crate::local::apigateway::{Method, Routes};

/// The route of a request.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) resource_id: String,
    /// The template, e.g. `/pets/{id}`.
    pub(super) resource_path: String,
    pub(super) method: Method,
    /// Values as they were sent, still encoded: REST APIs do not decode them.
    pub(super) parameters: Parameters,
}

/// How well one part of a template fits; better is smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Variable,
    Greedy,
}

/// Finds the route. A resource without the method (or `ANY`) gives way to a less exact one.
pub(super) fn find(routes: &Routes, path: &str, verb: &str) -> Option<Route> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    routes
        .resources
        .values()
        .filter_map(|resource| {
            let method = resource.resource_methods.get(verb).or_else(|| resource.resource_methods.get("ANY"))?;
            let (fits, parameters) = fit(&resource.path, &parts)?;
            Some((fits, resource, method, parameters))
        })
        .min_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, resource, method, parameters)| Route {
            resource_id: resource.id.clone(),
            resource_path: resource.path.clone(),
            method: method.clone(),
            parameters,
        })
}

type Parameters = Vec<(String, String)>;

fn fit(template: &str, parts: &[&str]) -> Option<(Vec<Fit>, Parameters)> {
    let wanted: Vec<&str> = template.split('/').filter(|part| !part.is_empty()).collect();
    let (mut fits, mut parameters) = (Vec::new(), Vec::new());
    for (at, want) in wanted.iter().enumerate() {
        let have = parts.get(at)?;
        match want.strip_prefix('{').and_then(|want| want.strip_suffix('}')) {
            None if want == have => fits.push(Fit::Exact),
            None => return None,
            Some(name) => {
                if let Some(name) = name.strip_suffix('+') {
                    fits.push(Fit::Greedy);
                    parameters.push((name.to_owned(), parts[at..].join("/")));
                    return Some((fits, parameters));
                }
                fits.push(Fit::Variable);
                parameters.push((name.to_owned(), (*have).to_owned()));
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

    fn routes(resources: &[(&str, &[&str])]) -> Routes {
        let method = |verb: &&str| {
            (verb.to_string(), json!({ "httpMethod": verb, "authorizationType": "NONE", "apiKeyRequired": false }))
        };
        let resources: serde_json::Map<_, _> = resources
            .iter()
            .map(|(path, verbs)| {
                let methods: serde_json::Map<_, _> = verbs.iter().map(method).collect();
                (path.to_string(), json!({ "id": path, "path": path, "resourceMethods": methods }))
            })
            .collect();
        serde_json::from_value(json!({ "resources": resources, "binary_media_types": [], "gateway_responses": {} }))
            .unwrap()
    }

    fn found(routes: &Routes, verb: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
        find(routes, path, verb).map(|route| (route.resource_path, route.parameters))
    }

    #[test]
    fn exact_beats_variable_beats_greedy() {
        let routes = routes(&[
            ("/", &["GET"]),
            ("/{proxy+}", &["ANY"]),
            ("/pets", &["GET"]),
            ("/pets/{id}", &["GET"]),
            ("/pets/new", &["GET"]),
            ("/pets/{id}/{rest+}", &["GET"]),
        ]);
        let at = |path: &str| found(&routes, "GET", path).unwrap();
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(at("/"), ("/".into(), vec![]));
        assert_eq!(at("/pets"), ("/pets".into(), vec![]));
        assert_eq!(at("/pets/"), ("/pets".into(), vec![]));
        assert_eq!(at("/pets/new"), ("/pets/new".into(), vec![]));
        assert_eq!(at("/pets/a%20b"), ("/pets/{id}".into(), pair("id", "a%20b")));
        assert_eq!(at("/pets/1/x/y").1, [("id".to_owned(), "1".to_owned()), ("rest".to_owned(), "x/y".to_owned())]);
        assert_eq!(at("/other/a/b"), ("/{proxy+}".into(), pair("proxy", "other/a/b")));
        // The exact resource has no POST, the greedy one has ANY.
        assert_eq!(found(&routes, "POST", "/pets").unwrap(), ("/{proxy+}".into(), pair("proxy", "pets")));
    }

    #[test]
    fn a_greedy_variable_does_not_match_its_parent() {
        let routes = routes(&[("/{proxy+}", &["ANY"]), ("/only", &["GET"])]);
        assert_eq!(found(&routes, "GET", "/"), None);
        let routes = self::routes(&[("/only", &["GET"])]);
        assert_eq!(found(&routes, "POST", "/only"), None);
        assert_eq!(found(&routes, "GET", "/onl"), None);
    }
}
