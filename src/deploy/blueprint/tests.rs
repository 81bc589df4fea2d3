//! What static files, and in files of their own other things, bring to a stage. Drawn from a real config, without a cloud.

mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::config;
use crate::deploy::resource::Found;
use crate::deploy::{Action, plan};
use crate::package::StaticFiles as Files;

const PLACED: &str = "rzap-123456789012-eu-west-1/shop/_static/";

fn place() -> Place {
    Place { account: "123456789012".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint: None }
}

fn stage() -> StageConfig {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "app: shop\nruntime: python3.13\nfunctions:\n  web: { wsgi: 'app:app', static: true }\n  \
                job: { handler: app.job }\nstages: { dev: {} }\n";
    std::fs::create_dir(folder.path().join("static")).unwrap();
    for (name, text) in [("rzap.yaml", yaml), ("app.py", "")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    config::load(folder.path(), &|_| None).unwrap().stage(None).unwrap()
}

/// The package of `web` in this version, with these contents as its static files.
fn web(version: &str, files: &[&str]) -> Package {
    let objects = files.iter().map(|sha256| StaticObject {
        sha256: (*sha256).to_owned(),
        size: 10,
        content_type: "text/css".into(),
        file: "x".into(),
    });
    let files = Files { url: "/static/".into(), files: files.len(), bytes: 10, objects: objects.collect() };
    let (sha256, code_sha256) = (version.to_owned(), version.to_owned());
    Package { sha256, code_sha256, static_files: Some(Arc::new(files)), ..Package::default() }
}

fn packages(web: Package) -> BTreeMap<String, Package> {
    let job = Package { sha256: "job".into(), code_sha256: "job".into(), ..Package::default() };
    BTreeMap::from([("web".to_owned(), web), ("job".to_owned(), job)])
}

fn functions(blueprint: &Blueprint) -> BTreeMap<&str, &Function> {
    let all = blueprint.resources.iter().filter_map(|any| match any {
        Any::Function(function) => Some((function.short_name.as_str(), function)),
        _ => None,
    });
    all.collect()
}

fn files(blueprint: &Blueprint) -> Option<usize> {
    let find = |any: &Any| if let Any::StaticFiles(files) = any { Some(files.objects) } else { None };
    blueprint.resources.iter().find_map(find)
}

#[test]
fn a_function_with_static_files_waits_for_them_and_may_read_them_and_no_more() {
    let drawn = blueprint(&stage(), &packages(web("1", &["a", "b"])), &place()).unwrap();
    assert_eq!(files(&drawn), Some(2));
    let functions = functions(&drawn);
    let waits = |name: &str| functions[name].after.iter().any(|key| key.kind == Kind::StaticFiles);
    assert!(waits("web") && !waits("job"));
    assert_eq!(functions["web"].settings.env, BTreeMap::from([("RZAP_STATIC".to_owned(), PLACED.to_owned())]));
    assert!(functions["job"].settings.env.is_empty());
    let role = |name: &str| {
        let find = |any: &Any| if let Any::Role(role) = any { Some(role.clone()) } else { None };
        let found = drawn.resources.iter().filter_map(find).find(|role| role.name == name);
        found.unwrap().policy["Statement"].as_array().unwrap().clone()
    };
    let statements = role("shop-dev-web-eu-west-1");
    assert_eq!(role("shop-dev-job-eu-west-1").len(), 1);
    let own = json!({
        "Sid": "ReadStaticFiles",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{PLACED}*"),
    });
    assert_eq!(statements[1..], [own]);
}

#[test]
fn without_static_files_nothing_of_it_is_there() {
    let mut stage = stage();
    stage.functions.get_mut("web").unwrap().web.static_files = None;
    let drawn = blueprint(&stage, &packages(Package { static_files: None, ..web("1", &[]) }), &place()).unwrap();
    assert_eq!(files(&drawn), None);
    let text = drawn.resources.iter().map(|any| any.managed().to_string()).collect::<String>();
    assert!(!text.contains("_static") && !text.contains("s3:GetObject"), "{text}");
}

#[test]
fn an_update_brings_static_files_exactly_when_the_list_in_the_package_changed() {
    let drawn = blueprint(&stage(), &packages(web("1", &["a"])), &place()).unwrap();
    let live: Vec<Function> = functions(&drawn).into_values().cloned().collect();
    let owner = drawn.owner.clone();
    let update = |packages| code_only(&owner, &live, &packages, &BTreeMap::new(), &place());
    assert_eq!(files(&update(packages(web("1", &["a"]))).unwrap()), None);

    let changed = update(packages(web("2", &["a", "b"]))).unwrap();
    assert_eq!(files(&changed), Some(2));
    assert!(functions(&changed)["web"].after.iter().any(|key| key.kind == Kind::StaticFiles));
    let plan = plan(&changed, &Found::ours(live.iter().cloned().map(Any::Function).collect())).unwrap();
    let place_of =
        |kind: Kind| plan.steps.iter().position(|step| step.key().kind == kind && step.action != Action::Keep);
    assert!(place_of(Kind::StaticFiles).unwrap() < place_of(Kind::Function).unwrap());

    let mut bare = live.clone();
    for function in &mut bare {
        function.settings.env.clear();
    }
    let error = code_only(&owner, &bare, &packages(web("2", &["a"])), &BTreeMap::new(), &place()).unwrap_err();
    assert_eq!(error.hints, ["run `rzap deploy dev`"]);
}
