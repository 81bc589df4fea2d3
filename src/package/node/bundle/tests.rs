//! What is decided before and after esbuild runs. It itself runs in the integration tests.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

#[test]
fn the_file_of_a_handler() {
    for (handler, file) in
        [("index.handler", "index"), ("src/index.api.handler", "src/index"), ("v1.2/index.handler", "v1.2/index")]
    {
        assert_eq!(module(handler), file);
    }
    let folder = project(&[("a.js", ""), ("a.ts", ""), ("b/index.mts", ""), ("c.tsx", ""), ("c/index.ts", "")]);
    let entry = |module| entry(folder.path(), module);
    assert_eq!(entry("a").unwrap(), "a.ts");
    assert_eq!(entry("b").unwrap(), "b/index.mts");
    assert_eq!(entry("c").unwrap(), "c.tsx");
    assert_eq!(entry("d").unwrap_err().message, "there is no d.ts or d.js to bundle");
}

#[test]
fn the_format_is_what_node_would_take_it_for() {
    let folder = project(&[("package.json", r#"{"type": "module"}"#), ("old/package.json", "{}"), ("src/x", "")]);
    for (entry, expected) in [
        ("src/index.ts", Format::Esm),
        ("src/index.js", Format::Esm),
        ("old/index.ts", Format::Cjs),
        ("src/index.cts", Format::Cjs),
        ("src/index.cjs", Format::Cjs),
        ("old/index.mts", Format::Esm),
    ] {
        assert_eq!(format(folder.path(), entry).unwrap(), expected, "{entry}");
    }
}

#[test]
fn the_runtimes_sdk_stays_out_unless_a_version_is_asked_for() {
    let outside = |manifest: &str, node| {
        brought_by_the_runtime(&serde_json::from_str(manifest).unwrap(), &Target { node, cpu: "x64" })
    };
    let types_only = r#"{"devDependencies": {"@aws-sdk/client-s3": "3"}}"#;
    assert_eq!(outside(types_only, 22), ["@aws-sdk/*", "@smithy/*"]);
    assert!(outside(r#"{"dependencies": {"@aws-sdk/client-s3": "3.1.0"}}"#, 22).is_empty());
    assert_eq!(outside("{}", 16), ["aws-sdk", "aws-sdk/*"]);
}

#[test]
fn packages_with_a_native_part_and_those_of_keep_stay_out() {
    let folder = project(&[
        ("node_modules/gyp/binding.gyp", ""),
        ("node_modules/ready/prebuilds/linux-x64/a.node", ""),
        ("node_modules/@s/sharp/package.json", r#"{"optionalDependencies": {"@img/sharp-linux-x64": "1"}}"#),
        ("node_modules/loader/package.json", r#"{"dependencies": {"bindings": "1"}}"#),
        ("node_modules/pdf/data.bin", ""),
        ("node_modules/ms/package.json", r#"{"optionalDependencies": {"fsevents": "1"}}"#),
        ("node_modules/ms/node_modules/gyp/binding.gyp", ""),
    ]);
    let packages = ["gyp", "ready", "@s/sharp", "loader", "pdf", "ms"].map(|name| format!("node_modules/{name}"));
    let source = Source { keep: vec!["types".into(), "node_modules/pdf".into()], ..Source::default() };
    let names = apart(folder.path(), &packages.into_iter().collect(), &source).unwrap();
    assert_eq!(names.into_keys().collect::<Vec<_>>(), ["@s/sharp", "gyp", "loader", "pdf", "ready"]);
}

#[test]
fn the_loader_gives_on_what_the_bundle_exports() {
    let text = loader::text("src/index.bundle.mjs", Format::Esm, &["default".into(), "handler".into()]);
    assert!(text.contains("const { default: e0, handler: e1 } = await import('./index.bundle.mjs');"), "{text}");
    assert!(text.contains("export { e0 as default, e1 as handler };"), "{text}");
    let text = loader::text("index.bundle.cjs", Format::Cjs, &[]);
    assert!(text.ends_with("module.exports = require('./index.bundle.cjs');\n"), "{text}");
}
