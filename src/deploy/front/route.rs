//! Which of a function's routes takes a request: as API Gateway chooses, the one that says most of the path.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>: a full match before
//! a greedy variable before `$default`, and what is literal before what is variable.

use crate::config::triggers::Trigger;
use crate::config::{FunctionConfig, Http};

/// A route that fits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// `GET /orders/{id}`, `ANY /{proxy+}` or `$default`
    pub(super) route: String,
    /// What stands where the route has variables.
    pub(super) variables: Vec<(String, String)>,
}

/// The route that takes it; `None` when none of the function's does.
pub(super) fn of(config: &FunctionConfig, method: &str, path: &str) -> Option<Fit> {
    let front = config.front();
    let own = config.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Http(http) if http.api == front => Some(http.route.as_str()),
        _ => None,
    });
    let whole: &[&str] = match config.http {
        Some(Http::Rest) => &["ANY /", "ANY /{proxy+}"],
        _ => &[],
    };
    let fits = own.chain(whole.iter().copied()).filter_map(|route| fit(route, method, path));
    let best = fits.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, fit)| fit);
    // Without a front, the event is that of one that takes everything.
    let everything = config.http.is_some() || front.is_none();
    best.or_else(|| everything.then(|| Fit { route: "$default".to_owned(), variables: Vec::new() }))
}

/// How well a route fits (the greater, the better), if it does.
fn fit(route: &str, method: &str, path: &str) -> Option<(Vec<u8>, Fit)> {
    let (of, pattern) = route.split_once(' ')?;
    if of != "ANY" && of != method {
        return None;
    }
    let parts = |path: &str| -> Vec<String> {
        path.trim_start_matches('/').split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (wanted, asked) = (parts(pattern), parts(path));
    let (mut rank, mut variables) = (Vec::new(), Vec::new());
    let mut at = 0;
    for part in &wanted {
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => {
                if asked.get(at) != Some(part) {
                    return None;
                }
                rank.push(3);
            }
            Some(name) => {
                let value = match name.strip_suffix('+') {
                    Some(_) => asked.get(at..).filter(|rest| !rest.is_empty())?.join("/"),
                    None => asked.get(at)?.clone(),
                };
                let greedy = name.ends_with('+');
                variables.push((name.trim_end_matches('+').to_owned(), value));
                rank.push(if greedy { 1 } else { 2 });
                at = if greedy { asked.len() - 1 } else { at };
            }
        }
        at += 1;
    }
    // The same path with its own method comes before `ANY`.
    rank.push(u8::from(of != "ANY"));
    (at == asked.len()).then(|| (rank, Fit { route: route.to_owned(), variables }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(routes: &[&str], method: &str, path: &str) -> Option<String> {
        let fits = routes.iter().filter_map(|route| fit(route, method, path));
        fits.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, fit)| fit.route)
    }

    #[test]
    fn the_route_that_says_most_takes_it() {
        let routes = ["ANY /{all+}", "GET /orders/{id}", "GET /orders/new", "ANY /orders/{id}", "GET /orders/{more+}"];
        let cases = [
            ("GET", "/orders/new", Some("GET /orders/new")),
            ("GET", "/orders/7", Some("GET /orders/{id}")),
            ("POST", "/orders/7", Some("ANY /orders/{id}")),
            ("GET", "/orders/7/lines", Some("GET /orders/{more+}")),
            ("GET", "/else", Some("ANY /{all+}")),
            ("GET", "/", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(best(&routes, method, path).as_deref(), expected, "{method} {path}");
        }
    }

    #[test]
    fn variables_have_what_stands_in_their_place() {
        let (_, fit) = fit("GET /a/{id}/{rest+}", "GET", "/a/1/b/c").expect("it fits");
        assert_eq!(fit.variables, [("id".to_owned(), "1".to_owned()), ("rest".to_owned(), "b/c".to_owned())]);
    }
}
