//! `- http: POST /orders/{id}` — one route of the stage's API. Routes in a list are `http: [GET /, POST /orders]`.
//!
//! What of a route both kinds of API understand: a method or `ANY`, parts of a path, `{name}` for one part and
//! `{name+}` for all that follow.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html>

use serde::Serialize;

use super::Trigger;
use crate::config::fields::Fields;
use crate::config::raw::{Entry, Kind, Node};
use crate::config::resources::Others;
use crate::config::stage::Http;
use crate::config::suggest;
use crate::config::values::Reader;

pub(super) const KEYS: [&str; 2] = ["route", "api"];

const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A route that leads to the function.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HttpTrigger {
    /// `GET /orders/{id}`
    pub(crate) route: String,
    /// Of the stage's REST API or of its HTTP API. `None` only while the stage is read.
    pub(crate) api: Option<Http>,
}

impl HttpTrigger {
    /// The route as API Gateway tells routes apart: variables are one whatever they are called.
    pub(crate) fn shape(&self) -> String {
        let part = |part: &str| match part.as_bytes() {
            [b'{', .., b'+', b'}'] => "{+}".to_owned(),
            [b'{', ..] => "{}".to_owned(),
            _ => part.to_owned(),
        };
        self.route.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, _: &Others<'_>) -> Option<Trigger> {
    let entry = fields.need(reader, "route", "GET /orders/{id}")?;
    let route = route(reader, &entry.key, &entry.value)?;
    let api = match fields.get("api") {
        None => None,
        Some(entry) => match reader.http(entry)? {
            Http::Url => {
                reader.problem(&entry.value.span, "a function URL has no routes", "use `rest` or `http`");
                return None;
            }
            api => Some(api),
        },
    };
    Some(Trigger::Http(HttpTrigger { route, api }))
}

/// The routes of `http: [GET /, POST /orders]`.
pub(in crate::config) fn table(reader: &mut Reader<'_>, entry: &Entry) -> Vec<Trigger> {
    let Kind::List(items) = &entry.value.kind else { return Vec::new() };
    let routes = items.iter().filter_map(|item| route(reader, &entry.key, item));
    routes.map(|route| Trigger::Http(HttpTrigger { route, api: None })).collect()
}

fn route(reader: &mut Reader<'_>, key: &str, node: &Node) -> Option<String> {
    let text = reader.text_at(key, node)?.value;
    let (method, path) = text.split_once(char::is_whitespace).unwrap_or(("", &text));
    let (method, path) = (method.to_ascii_uppercase(), path.trim());
    if !METHODS.contains(&method.as_str()) {
        let label = match method.as_str() {
            "" => "like `GET /orders/{id}`; `ANY` is every method".to_owned(),
            _ => suggest::did_you_mean(&method, METHODS, || format!("there is {}", suggest::list(&METHODS))),
        };
        reader.problem(&node.span, format!("`{text}` does not begin with a method"), label);
        return None;
    }
    if let Some(fault) = fault(path) {
        reader.problem(&node.span, format!("`{path}` is no path of a route"), fault);
        return None;
    }
    Some(format!("{method} {path}"))
}

/// What is wrong with a path.
fn fault(path: &str) -> Option<String> {
    let Some(inner) = path.strip_prefix('/') else { return Some("it begins with `/`".to_owned()) };
    let parts: Vec<&str> = if inner.is_empty() { Vec::new() } else { inner.split('/').collect() };
    let mut names = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if part.is_empty() {
            return Some("a part of it is empty: no `//`, and no `/` at the end".to_owned());
        }
        let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            let plain = |each: char| each.is_ascii_alphanumeric() || "-_.~:@$".contains(each);
            if let Some(wrong) = part.chars().find(|each| !plain(*each)) {
                return Some(format!("`{wrong}` cannot stand in it; a variable is a whole part: `{{name}}`"));
            }
            continue;
        };
        let (name, greedy) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
        if name.is_empty() || !name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_') {
            return Some(
                "a variable has letters, digits and `_`: `{name}`, or `{name+}` for all that follows".to_owned(),
            );
        }
        if greedy && at + 1 < parts.len() {
            return Some(format!("`{part}` takes all that follows, so it is the last part"));
        }
        if names.contains(&name) {
            return Some(format!("the variable `{name}` is in it twice"));
        }
        names.push(name);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_both_kinds_of_api_take() {
        for good in ["/", "/orders", "/orders/{id}", "/a/{rest+}", "/v1.0/~me/:x"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in ["", "orders", "/a/", "//", "/a//b", "/{}", "/{a b}", "/x{id}", "/{a+}/b", "/{a}/{a}", "/a?b", "/é"]
        {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn variables_are_one_whatever_they_are_called() {
        let shape = |route: &str| HttpTrigger { route: route.to_owned(), api: None }.shape();
        assert_eq!(shape("GET /a/{id}/{rest+}"), shape("GET /a/{key}/{more+}"));
        assert_ne!(shape("GET /a/{id}"), shape("GET /a/{id+}"));
    }
}
