//! What is suggested, and foremost what is not.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::tests::function;
use super::*;

const MB: u64 = 1 << 20;

fn of(name: &str, paths: &[&str]) -> Vec<Content> {
    let content = |path: &&str| Content {
        path: (*path).to_owned(),
        of: name.to_owned(),
        dependency: true,
        unzipped: MB,
        zipped: MB / 4,
    };
    paths.iter().map(content).collect()
}

fn python() -> FunctionConfig {
    function("web", Entry::Handler("app.handler".into()))
}

fn node() -> FunctionConfig {
    FunctionConfig { runtime: "nodejs22.x".into(), ..python() }
}

fn lines(function: &FunctionConfig, contents: &[Vec<Content>]) -> Vec<String> {
    savings(function, &contents.concat(), true).into_iter().map(|saving| saving.set).collect()
}

#[test]
fn what_the_runtime_brings_is_named_and_counted_once() {
    let contents = [
        of("boto3", &["boto3/session.py", "boto3/tool.exe"]),
        of("python_dateutil", &["dateutil/tz.py"]),
        of("setuptools", &["setuptools/cli.exe"]),
    ]
    .concat();
    let found = savings(&python(), &contents, true);
    let slim = found.iter().find(|saving| saving.set == "slim: true").unwrap();
    assert_eq!((slim.files, slim.unzipped, slim.zipped), (3, Some(3 * MB), Some(3 * MB / 4)));
    assert_eq!(slim.why, "the runtime itself brings boto3, python-dateutil, in versions of its own");
    let programs = found.iter().find(|saving| saving.set.starts_with("drop")).unwrap();
    assert_eq!((programs.set.as_str(), programs.files), ("drop: [\"*.exe\"]", 1));
    // Before anything is compressed, nothing is known of the zip.
    assert!(savings(&python(), &contents, false).iter().all(|saving| saving.zipped.is_none()));
}

#[test]
fn only_patterns_that_leave_something_out_are_in_the_line() {
    let contents = of("bokeh", &["bokeh/a.js.map", "bokeh/b.css.map", "bokeh/c.json.map"]);
    let mut function = python();
    function.source.layer = true;
    assert_eq!(lines(&function, std::slice::from_ref(&contents)), ["drop: [\"*.js.map\", \"*.css.map\"]"]);
    // What is kept on purpose is not suggested.
    function.source.keep = vec!["*.js.map".into()];
    assert_eq!(lines(&function, &[contents]), ["drop: [\"*.css.map\"]"]);
}

#[test]
fn what_might_be_read_is_not_suggested() {
    let mut function = python();
    function.source.layer = true;
    let both = || of("django", &["django/locale/de/django.po", "django/locale/de/django.mo"]);
    assert_eq!(lines(&function, &[both()]), ["drop: [\"*.po\"]"]);
    // Translations without their compiled form, or with somebody who reads the source.
    assert!(lines(&function, &[both(), of("other", &["other/x.po"])]).is_empty());
    assert!(lines(&function, &[both(), of("Babel", &["babel/core.py"])]).is_empty());
    // The project's own files, and what is hardly worth it.
    let exe = || of("x", &["x/a.exe"]).remove(0);
    assert!(lines(&function, &[vec![Content { dependency: false, ..exe() }]]).is_empty());
    assert!(lines(&function, &[vec![Content { unzipped: LEAST - 1, ..exe() }]]).is_empty());
}

#[test]
fn a_bundle_is_for_projects_that_did_not_decide() {
    let contents = of("a", &["node_modules/a/index.js", "node_modules/a/big.js"]);
    assert_eq!(lines(&node(), std::slice::from_ref(&contents)), ["bundle: true"]);
    let mut decided = node();
    decided.source.bundle = Some(false);
    assert!(lines(&decided, std::slice::from_ref(&contents)).is_empty());
    // A native module is read as a file.
    assert!(lines(&node(), &[contents, of("b", &["node_modules/b/b.node"])]).is_empty());
}

#[test]
fn a_layer_saves_uploads_where_there_is_room_for_one() {
    let contents = of("numpy", &["numpy/a.so", "numpy/b.so"]);
    let found = savings(&python(), &contents, true);
    assert_eq!(
        found.iter().map(|saving| (saving.set.as_str(), saving.upload_only, saving.unzipped)).collect::<Vec<_>>(),
        [("layer: auto", true, None)]
    );
}
