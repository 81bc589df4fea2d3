//! Handlers in small projects, and what is none.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::found::ranked;
use super::*;

fn of(files: &[(&str, &str)]) -> Vec<Candidate> {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    ranked(candidates(&Survey::of(dir.path())))
}

fn first(files: &[(&str, &str)]) -> (String, usize, bool) {
    let found = of(files);
    let first = found.first().unwrap_or_else(|| panic!("nothing in {files:?}"));
    (first.target.clone(), first.at.line, first.is_web)
}

#[test]
fn handlers_are_known_by_their_export() {
    for (path, text, target) in [
        ("index.js", "exports.handler = async (event) => ({})", "index.handler"),
        ("index.js", "module.exports.handler = function (event) {}", "index.handler"),
        ("index.js", "async function handler(event) {}\nmodule.exports = { handler }", "index.handler"),
        ("index.mjs", "export const handler = async (event) => {}", "index.handler"),
        ("src/index.mjs", "export async function handler(event) {}", "src/index.handler"),
        ("lambda.js", "const handler = async () => {};\nexport { handler };", "lambda.handler"),
        ("index.js", "export { run as handler };", "index.handler"),
        ("jobs.js", "exports.nightly = async (event, context) => {}", "jobs.nightly"),
    ] {
        assert_eq!(first(&[(path, text)]).0, target, "{text}");
    }
}

#[test]
fn what_only_looks_like_one_is_none() {
    for text in [
        "// exports.handler = 1",
        "/*\nexport const handler = 1\n*/",
        "const text = `\n exports.handler = 1`; // no",
        "exports.helper = (x) => x",
        "if (exports.handler == 1) {}",
    ] {
        let found = of(&[("index.js", text)]);
        assert!(found.is_empty() || text.starts_with("const"), "{text}: {found:?}");
    }
    assert!(
        of(&[("node_modules/x/index.js", "exports.handler = 1;"), ("index.test.js", "exports.handler = 1;")])
            .is_empty()
    );
}

#[test]
fn main_and_index_come_first_and_the_web_is_seen() {
    let files = [
        ("package.json", r#"{"main": "./api/web.js"}"#),
        ("a.js", "exports.handler = async (event) => {}"),
        ("api/web.js", "// 'quoted\n\nexports.handler = async () => ({ statusCode: 200 })"),
    ];
    assert_eq!(first(&files), ("api/web.handler".to_owned(), 3, true));
}

#[test]
fn typescript_needs_esbuild() {
    let source = ("index.ts", "export const handler = async (event: Event) => {};");
    assert!(of(&[source])[0].obstacle.is_some());
    let found = of(&[source, ("package.json", r#"{"devDependencies": {"esbuild": "1"}}"#)]);
    assert_eq!((found[0].target.as_str(), found[0].obstacle.is_none()), ("index.handler", true));
}

#[test]
fn a_server_is_told_what_it_lacks() {
    let files = [
        ("package.json", r#"{"dependencies": {"express": "5"}}"#),
        ("app.js", "const app = require('express')();\napp.listen(3000);"),
    ];
    let obstacle = of(&files)[0].obstacle.clone().unwrap();
    assert!(obstacle.why.contains("Express") && obstacle.fix.contains("serverless-http"), "{obstacle:?}");
    let adapted =
        [files[0], ("lambda.js", "const serverless = require('serverless-http');\nexports.handler = serverless(app);")];
    assert_eq!(first(&adapted), ("lambda.handler".to_owned(), 2, true));
}

#[test]
fn the_runtime_is_the_one_asked_for() {
    for (file, text, runtime) in [
        (".nvmrc", "v20.11.0\n", "nodejs20.x"),
        (".nvmrc", "lts/*\n", "nodejs22.x"),
        (".node-version", "18\n", "nodejs20.x"),
        (".nvmrc", "99\n", "nodejs24.x"),
        ("package.json", r#"{"engines": {"node": ">=18"}}"#, "nodejs22.x"),
        ("package.json", r#"{"engines": {"node": "20.x"}}"#, "nodejs20.x"),
        ("package.json", r#"{"engines": {"node": "^24.1.0"}}"#, "nodejs24.x"),
        ("package.json", r#"{"engines": {"node": ">= 18 < 22"}}"#, "nodejs20.x"),
        ("package.json", r#"{"engines": {"node": "^20 || ^24"}}"#, "nodejs24.x"),
        ("package.json", "{}", "nodejs22.x"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(file), text).unwrap();
        assert_eq!(runtime_of(dir.path()), runtime, "{file}: {text}");
    }
}

fn runtime_of(dir: &std::path::Path) -> String {
    runtime(&Survey::of(dir), "").value
}
