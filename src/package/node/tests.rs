//! What is told before anything is installed.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::tests::function;
use super::*;

fn folder(manifest: &str, installed: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("package.json"), manifest).unwrap();
    for name in installed {
        fs::create_dir_all(folder.path().join("node_modules").join(name)).unwrap();
    }
    folder
}

fn checked(folder: &tempfile::TempDir) -> Result<()> {
    check(folder.path(), &Manifest::read(folder.path())?.unwrap())
}

#[test]
fn a_complete_folder_passes() {
    checked(&folder("{}", &[])).unwrap();
    let manifest = r#"{"dependencies": {"express": "^5", "@s/p": "1", "@aws-sdk/client-s3": "3"},
        "optionalDependencies": {"fsevents": "1"}, "devDependencies": {"jest": "1"}}"#;
    checked(&folder(manifest, &["express", "@s/p"])).unwrap();
}

#[test]
fn what_is_not_installed_is_named() {
    let manifest = r#"{"dependencies": {"express": "^5", "koa": "1"}}"#;
    let error = checked(&folder(manifest, &[])).unwrap_err();
    assert_eq!(error.message, "package.json needs express, koa: there is neither a lock file nor node_modules");
    assert!(error.hints[0].starts_with("run `npm install` in /"), "{error:?}");
    let error = checked(&folder(manifest, &["koa"])).unwrap_err();
    assert_eq!(error.message, "package.json needs express: missing in node_modules");
    assert!(checked(&folder("[", &[])).unwrap_err().message.contains("as a package.json"));
}

#[test]
fn the_members_of_a_workspace_are_told_to_bundle() {
    let workspace = folder(r#"{"workspaces": ["web"]}"#, &[]);
    let member = workspace.path().join("web");
    fs::create_dir(&member).unwrap();
    fs::write(member.join("package.json"), r#"{"dependencies": {"koa": "1"}}"#).unwrap();
    let error = check(&member, &Manifest::read(&member).unwrap().unwrap()).unwrap_err();
    assert!(error.hints[0].starts_with("it belongs to the workspace in /"), "{error:?}");
    let root = Manifest::read(workspace.path()).unwrap().unwrap();
    assert!(refuse_workspaces(workspace.path(), &root).unwrap_err().hints[0].contains("`bundle: true`"));
    let settings = folder("{}", &[]);
    fs::write(settings.path().join("pnpm-workspace.yaml"), "overrides: {}\n").unwrap();
    refuse_workspaces(settings.path(), &Manifest::default()).unwrap();
    fs::write(settings.path().join("pnpm-workspace.yaml"), "packages:\n  - web\n").unwrap();
    refuse_workspaces(settings.path(), &Manifest::default()).unwrap_err();
}

#[test]
fn pnpms_store_links_are_refused() {
    let folder = folder(r#"{"dependencies": {"a": "1"}}"#, &[".pnpm/a@1/node_modules/a"]);
    std::os::unix::fs::symlink(".pnpm/a@1/node_modules/a", folder.path().join("node_modules/a")).unwrap();
    assert!(checked(&folder).unwrap_err().message.contains("a link into pnpm's store"));
}

fn node(dir: &Path, handler: &str) -> FunctionConfig {
    let mut function = function("api", Entry::Handler(handler.into()));
    "nodejs22.x".clone_into(&mut function.runtime);
    dir.clone_into(&mut function.source.dir);
    function
}

#[test]
fn what_is_bundled_is_asked_for_or_has_esbuild() {
    let (with, without) = (folder(r#"{"devDependencies": {"esbuild": "1"}}"#, &[]), folder("{}", &[]));
    let bundled = |dir: &Path, bundle: Option<bool>, build: Option<&str>| {
        let mut function = node(dir, "src/index.api.handler");
        (function.source.bundle, function.source.build) = (bundle, build.map(str::to_owned));
        bundled(&function).unwrap().map(str::to_owned)
    };
    for (dir, bundle, build, expected) in [
        (&with, None, None, true),
        (&with, Some(false), None, false),
        (&with, None, Some("make"), false),
        (&with, Some(true), Some("make"), true),
        (&without, None, None, false),
        (&without, Some(true), None, true),
    ] {
        let expected = expected.then(|| "src/index".to_owned());
        assert_eq!(bundled(dir.path(), bundle, build), expected, "{bundle:?} {build:?}");
    }
    let mut python = node(with.path(), "app.handler");
    "python3.13".clone_into(&mut python.runtime);
    assert_eq!(super::bundled(&python).unwrap(), None);
}

#[test]
fn typescript_without_a_bundle_is_an_error_unless_it_has_been_compiled() {
    let folder = folder("{}", &[]);
    fs::write(folder.path().join("index.ts"), "").unwrap();
    let function = node(folder.path(), "index.handler");
    let error = refuse_typescript(&function, folder.path(), &Listing::default()).unwrap_err();
    assert_eq!(error.message, "function `api`: index.ts is TypeScript, which Lambda does not run");
    let compiled = Listing { entries: vec![File::generated("index.js", "")], ..Listing::default() };
    refuse_typescript(&function, folder.path(), &compiled).unwrap();
}
