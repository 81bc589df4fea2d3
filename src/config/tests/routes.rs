//! `http:` as a table of routes, and as a trigger.

use serde_json::{Value, json};

use super::{Folder, errors};

const BASE: &str = "app: shop\nruntime: python3.13\nstages: { dev: }\nfunctions:\n";

fn triggers(lines: &str) -> Vec<Value> {
    let folder = Folder::new();
    folder.write("app.py", "");
    let project = folder.load(format!("{BASE}{lines}\n")).unwrap();
    let stage = serde_json::to_value(project.stage(None).unwrap()).unwrap();
    let functions = stage["functions"].as_object().unwrap();
    functions.values().flat_map(|it| it["triggers"].as_array().cloned().unwrap_or_default()).collect()
}

#[test]
fn a_route_is_of_the_http_api_unless_all_that_is_there_is_a_rest_api() {
    let http = |route: &str, api: &str| json!({ "http": { "route": route, "api": api } });
    let table = "  a: { handler: app.a, http: [get /, 'POST /orders/{id}'] }";
    assert_eq!(triggers(table), [http("GET /", "http"), http("POST /orders/{id}", "http")]);
    let beside = "  a: { handler: app.a, triggers: [{ http: GET /a }] }\n  web: { handler: app.web, http: rest }";
    assert_eq!(triggers(beside), [http("GET /a", "rest")]);
    let said = "  a: { handler: app.a, triggers: [{ http: { route: GET /a, api: rest } }, { http: GET /b }] }";
    assert_eq!(triggers(said), [http("GET /a", "rest"), http("GET /b", "http")]);
}

#[test]
fn an_app_with_routes_takes_nothing_but_those() {
    let folder = Folder::new();
    folder.write("app.py", "");
    let project = folder.load(format!("{BASE}  web: {{ wsgi: app:app, http: ['ANY /api/{{rest+}}'] }}\n")).unwrap();
    let web = &project.stage(None).unwrap().functions["web"];
    assert_eq!((web.http, web.front()), (None, Some(crate::config::Http::Api)));
}

#[test]
fn a_wrong_route_is_told_at_its_place() {
    let wrong = |lines: &str| errors(&format!("{BASE}{lines}\n"));
    let one = |route: &str| wrong(&format!("  a: {{ handler: app.a, triggers: [{{ http: {route} }}] }}"));
    let cases = [
        ("/a", "`/a` does not begin with a method"),
        ("GTE /a", "`GTE /a` does not begin with a method"),
        ("GET a", "`a` is no path of a route"),
        ("GET /a/", "`/a/` is no path of a route"),
        ("{ route: GET /a, api: url }", "a function URL has no routes"),
    ];
    for (route, title) in cases {
        let errors = one(route);
        assert!(errors.len() == 1 && errors[0].contains(title), "{route}: {errors:?}");
    }
    let both = "  a: { handler: app.a, http: ['GET /x/{id}'] }\n  b: { handler: app.b, http: ['GET /x/{key}'] }";
    let errors = wrong(both);
    assert!(errors[0].contains("`a` and `b` both have the route `GET /x/{key}`"), "{errors:?}");
}
