//! What moves into a layer, and what is said about one.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::tests::function;
use super::*;
use crate::config::Entry as Start;

fn of(name: &str, path: &str) -> Entry {
    let owner = if name.is_empty() { Owner::Project } else { Owner::Dependency(name.into()) };
    Entry::file(path.into(), "/x".into(), 1, false, owner)
}

fn paths(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.path.as_str()).collect()
}

#[test]
fn dependencies_move_and_the_rest_stays() {
    let entries = vec![
        of("", "app.py"),
        of("flask", "flask/__init__.py"),
        of("six", "six.py"),
        Entry::generated("rzap_web.py", "x"),
    ];
    let (code, layer) = split("python3.13", entries);
    assert_eq!(paths(&code), ["app.py", "rzap_web.py"]);
    assert_eq!(paths(&layer), ["python/flask/__init__.py", "python/six.py"]);
}

#[test]
fn what_shares_a_folder_with_the_users_files_stays_with_them_and_so_does_what_shares_with_that() {
    let entries = vec![
        of("", "google/mine.py"),
        of("auth", "google/auth/__init__.py"),
        of("auth", "authlib/__init__.py"),
        of("lib", "authlib/more.py"),
        of("six", "six.py"),
    ];
    let (code, layer) = split("python3.13", entries);
    assert_eq!(paths(&layer), ["python/six.py"]);
    assert_eq!(code.len(), 4);
}

#[test]
fn of_node_only_the_modules_at_the_top_move() {
    let entries = vec![
        of("", "index.js"),
        of("a", "node_modules/a/index.js"),
        of("@s/b", "node_modules/@s/b/index.js"),
        of("@s/c", "node_modules/@s/c/index.js"),
        of("", "node_modules/@s/c/patched.js"),
        of("d", "packages/x/node_modules/d/index.js"),
    ];
    let (code, layer) = split("nodejs22.x", entries);
    assert_eq!(paths(&layer), ["nodejs/node_modules/a/index.js", "nodejs/node_modules/@s/b/index.js"]);
    assert_eq!(code.len(), 4);
}

#[test]
fn a_layer_in_the_code_folder_is_not_packed_with_the_code() {
    let mut function = function("web", Start::Handler("app.handler".into()));
    function.source.dir = "/app/src".into();
    function.layers = vec![
        Layer::Folder("src/layers/a b".into()),
        Layer::Folder("other".into()),
        Layer::Arn("arn:aws:lambda:eu-west-1:123456789012:layer:x:1".into()),
    ];
    let source = code_of(Path::new("/app"), &function);
    assert_eq!(source.exclude, ["/layers/a\\ b/"]);
    let rules = super::super::rules::Rules::new(&source, "python3.13").unwrap();
    let judge = |path: &str| rules.judge(Path::new(path), true, super::super::rules::Verdict::In);
    assert!(matches!(judge("layers/a b"), super::super::rules::Verdict::Out(_)));
    assert_eq!(judge("layers/a"), super::super::rules::Verdict::In);
}

#[test]
fn a_layer_in_which_nothing_is_found_is_noted() {
    let found = |runtime: &str, path: &str| misplaced(runtime, &[of("", path)]);
    assert!(found("python3.13", "python/x.py").is_none());
    assert!(found("python3.13", "bin/tool").is_none());
    assert!(found("provided.al2023", "x").is_none());
    assert_eq!(
        found("python3.13", "requests/__init__.py").unwrap(),
        "python3.13 finds nothing in it: it looks in python/ and python/lib/python3.13/site-packages/"
    );
    assert_eq!(
        found("nodejs22.x", "node_modules/a/index.js").unwrap(),
        "nodejs22.x finds nothing in it: it looks in nodejs/node_modules/ and nodejs/node22/node_modules/"
    );
}

#[test]
fn folders_give_their_names() {
    assert_eq!(part(Path::new("/a/my layer.v2")), "my-layer-v2");
    assert_eq!(part(Path::new("/a/größe")), "gr--e");
}
