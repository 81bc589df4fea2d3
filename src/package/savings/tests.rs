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
        of("boto3", &["boto3/session.py", "boto3/session.pyi"]),
        of("python_dateutil", &["dateutil/tz.py"]),
        of("numpy", &["numpy/a.pyi"]),
    ]
    .concat();
    let found = savings(&python(), &contents, true);
    let slim = found.iter().find(|saving| saving.set == "slim: true").unwrap();
    assert_eq!((slim.files, slim.unzipped, slim.zipped), (3, Some(3 * MB), Some(3 * MB / 4)));
    assert_eq!(slim.why, "the runtime itself brings boto3, python-dateutil, in versions of its own");
    let stubs = found.iter().find(|saving| saving.set.starts_with("drop")).unwrap();
    assert_eq!((stubs.set.as_str(), stubs.files), ("drop: [\"*.pyi\"]", 1));
    // Before anything is compressed, nothing is known of the zip.
    assert!(savings(&python(), &contents, false).iter().all(|saving| saving.zipped.is_none()));
}

#[test]
fn only_patterns_that_leave_something_out_are_in_the_line() {
    let contents = of("numpy", &["numpy/_core/include/numpy/x.h", "numpy/x.pxd", "numpy/lib/libm.a"]);
    let mut function = python();
    function.source.layer = true;
    assert_eq!(lines(&function, std::slice::from_ref(&contents)), ["drop: [\"*.h\", \"*.pxd\", \"*.a\"]"]);
    // What is kept on purpose is not suggested.
    function.source.keep = vec!["*.h".into(), "*.a".into()];
    assert_eq!(lines(&function, &[contents]), ["drop: [\"*.pxd\"]"]);
}

#[test]
fn what_might_be_read_is_not_suggested() {
    let mut function = python();
    function.source.layer = true;
    let stubs = || of("skimage", &["skimage/__init__.pyi"]);
    assert_eq!(lines(&function, &[stubs()]), ["drop: [\"*.pyi\"]"]);
    assert!(lines(&function, &[stubs(), of("lazy_loader", &["lazy_loader/__init__.py"])]).is_empty());
    let headers = of("cppyy_cling", &["cppyy_backend/include/x.h"]);
    assert!(lines(&function, &[headers]).is_empty());
    // Translations without their compiled form, and the project's own files.
    let both = of("django", &["django/locale/de/django.po", "django/locale/de/django.mo"]);
    assert_eq!(lines(&function, std::slice::from_ref(&both)), ["drop: [\"*.po\"]"]);
    assert!(lines(&function, &[both, of("other", &["other/x.po"])]).is_empty());
    let own = Content { dependency: false, ..of("x", &["x/a.pyi"]).remove(0) };
    assert!(lines(&function, &[vec![own]]).is_empty());
    // Nor what is hardly worth it.
    let small = Content { unzipped: LEAST - 1, ..stubs().remove(0) };
    assert!(lines(&function, &[vec![small]]).is_empty());
}

#[test]
fn node_gets_suggestions_of_its_own() {
    let contents = of(
        "a",
        &[
            "node_modules/a/index.js",
            "node_modules/a/index.js.map",
            "node_modules/a/index.d.ts",
            "node_modules/a/x.pyi",
        ],
    );
    let bundle = || "bundle: true".to_owned();
    let both = ["drop: [\"*.d.ts\"]".to_owned(), "drop: [\"*.js.map\"]".to_owned(), bundle()];
    assert_eq!(lines(&node(), std::slice::from_ref(&contents)), both);
    // Decided already.
    let mut decided = node();
    decided.source.bundle = Some(false);
    assert_eq!(lines(&decided, std::slice::from_ref(&contents)), both[..2]);
    let typescript = of("typescript", &["node_modules/typescript/lib/lib.es5.d.ts"]);
    assert_eq!(lines(&node(), &[contents, typescript]), [both[1].clone(), bundle()]);
    let native = of("b", &["node_modules/b/prebuilds/linux-x64/b.node", "node_modules/b/prebuilds/win32-x64/b.node"]);
    assert_eq!(lines(&node(), &[native]), ["drop: [\"**/prebuilds/win32-*/\"]"]);
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
