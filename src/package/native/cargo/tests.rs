//! cargo's part is played by scripts; with the real one the integration tests build.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::package::tests::function;

/// A project, programs that stand in for cargo's, and what they were called with.
struct Scene {
    folder: tempfile::TempDir,
}

/// Two packages: `site` at the root with the binaries `web` and `worker`, and `tool` below it.
const METADATA: &str = r#"{"packages": [
  {"id": "path+file:///site#0.1.0", "manifest_path": "DIR/Cargo.toml", "targets": [
    {"name": "site", "kind": ["lib"]}, {"name": "web", "kind": ["bin"]}, {"name": "worker", "kind": ["bin"]}]},
  {"id": "path+file:///tool#0.1.0", "manifest_path": "DIR/tool/Cargo.toml", "targets": [
    {"name": "tool", "kind": ["bin"]}, {"name": "build-script-build", "kind": ["custom-build"]}]}],
  "workspace_root": "DIR", "target_directory": "DIR/out"}"#;

/// Says what it built as cargo does, between messages of other kinds.
const CARGO: &str = r#"
case "$1" in metadata) cat "$HERE/metadata"; exit ;; esac
echo "$@" >> "$HERE/calls"; echo "strip=$CARGO_PROFILE_RELEASE_STRIP" >> "$HERE/calls"
echo "   Compiling site" >&2
echo '{"reason":"compiler-artifact","package_id":"path+file:///site#0.1.0","target":{"name":"site","kind":["lib"]},"executable":null}'
echo '{"reason":"build-script-executed","package_id":"x"}'
for name in web worker; do
  echo '{"reason":"compiler-artifact","package_id":"path+file:///site#0.1.0","target":{"name":"'$name'","kind":["bin"]},"executable":"/out/'$name'"}'
done
"#;

impl Scene {
    fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(scene.path("tool")).unwrap();
        fs::write(scene.path("Cargo.toml"), "").unwrap();
        let dir = scene.folder.path().display().to_string();
        fs::write(scene.path("metadata"), METADATA.replace("DIR", &dir)).unwrap();
        scene.program("cargo", CARGO)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(self, name: &str, script: &str) -> Self {
        let file = self.path("bin").join(name);
        fs::create_dir_all(self.path("bin")).unwrap();
        fs::write(&file, format!("#!/bin/sh\nHERE='{}'\n{script}", self.folder.path().display())).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    async fn build(&self, functions: &[(&str, Option<&str>)], change: fn(&mut FunctionConfig)) -> Result<Vec<String>> {
        let functions: Vec<FunctionConfig> = functions
            .iter()
            .map(|(name, binary)| {
                let mut function = function(name, Entry::Cargo(binary.map(str::to_owned)));
                "provided.al2023".clone_into(&mut function.runtime);
                self.folder.path().clone_into(&mut function.source.dir);
                change(&mut function);
                function
            })
            .collect();
        let search_path: OsString = self.path("bin").into();
        let site = Site { search_path: Some(&search_path), tell: &|_| (), scratch: self.folder.path() };
        let built = build(&functions.iter().collect::<Vec<_>>(), &site).await?;
        Ok(built.into_iter().map(|(name, file)| format!("{name}: {}", file.display())).collect())
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap().replace(&self.folder.path().display().to_string(), "DIR")
    }
}

#[tokio::test]
async fn zigbuild_builds_all_binaries_in_one_call_for_lambdas_glibc() {
    let scene = Scene::new().program("cargo-zigbuild", "").program("rustc", "echo $HERE");
    let built = scene.build(&[("web", None), ("jobs", Some("worker"))], |_| ()).await.unwrap();
    assert_eq!(built, ["jobs: /out/worker", "web: /out/web"]);
    let call = "zigbuild --release --message-format=json-render-diagnostics --target x86_64-unknown-linux-gnu.2.34 \
                --package path+file:///site#0.1.0 --bin web --bin worker\nstrip=symbols\n";
    assert_eq!(scene.calls(), call);
}

#[tokio::test]
async fn an_older_runtime_gets_an_older_glibc_and_the_profile_is_the_projects() {
    let scene = Scene::new().program("cargo-zigbuild", "").program("rustc", "echo $HERE");
    fs::write(scene.path("Cargo.toml"), "[profile.release]\ndebug = 1\n").unwrap();
    let change = |function: &mut FunctionConfig| {
        "provided.al2".clone_into(&mut function.runtime);
        function.arch = Arch::Arm64;
    };
    scene.build(&[("web", None)], change).await.unwrap();
    let calls = scene.calls();
    assert!(calls.contains("--target aarch64-unknown-linux-gnu.2.26 "), "{calls}");
    assert!(calls.ends_with("strip=\n"), "{calls}");
}

#[tokio::test]
async fn cargo_lambda_comes_first_and_knows_where_it_writes() {
    let scene = Scene::new().program("cargo-lambda", "").program("cargo-zigbuild", "");
    let built = scene.build(&[("web", None)], |function| function.arch = Arch::Arm64).await.unwrap();
    assert_eq!(built, [format!("web: {}", scene.path("out/lambda/web/bootstrap").display())]);
    let call = "lambda build --release --output-format binary --lambda-dir DIR/out/lambda --arm64 \
                --package path+file:///site#0.1.0 --bin web\nstrip=\n";
    assert_eq!(scene.calls(), call);
}

#[tokio::test]
async fn plain_cargo_builds_for_musl_when_its_library_is_there() {
    let scene = Scene::new().program("rustc", "echo $HERE; echo \"$@\" > $HERE/asked");
    let built = scene.build(&[("web", None)], |_| ()).await.unwrap();
    assert_eq!(built, ["web: /out/web"]);
    assert!(scene.calls().starts_with("build --release"), "{}", scene.calls());
    let asked = fs::read_to_string(scene.path("asked")).unwrap();
    assert_eq!(asked, "--print target-libdir --target x86_64-unknown-linux-musl\n");

    let scene = scene.program("rustc", "echo $HERE/gone");
    let error = scene.build(&[("web", None)], |_| ()).await.unwrap_err();
    assert_eq!(error.message, "Rust's standard library for x86_64-unknown-linux-musl is not installed");
    assert_eq!(error.hints[0], "run `rustup target add x86_64-unknown-linux-musl`");
    assert!(error.hints[1].contains("pip install cargo-zigbuild"), "{error:?}");

    fs::remove_file(scene.path("bin/cargo")).unwrap();
    let error = scene.build(&[("web", None)], |_| ()).await.unwrap_err();
    assert_eq!(error.message, "there is no `cargo` to build the Rust project with");
}

#[tokio::test]
async fn what_does_not_compile_is_told_in_cargos_words() {
    let script = "case $1 in metadata) cat $HERE/metadata ;; *) echo 'error: cannot find macro' >&2; exit 101 ;; esac";
    let scene = Scene::new().program("cargo-lambda", "").program("cargo", script);
    let error = scene.build(&[("web", None)], |_| ()).await.unwrap_err();
    assert_eq!(error.message, "`cargo lambda build --release` ended with exit code 101");
    assert_eq!(error.causes, ["error: cannot find macro"]);

    let scene = scene.program("cargo", "echo 'error: could not parse' >&2; exit 101");
    let error = scene.build(&[("web", None)], |_| ()).await.unwrap_err();
    assert!(error.message.starts_with("cargo cannot read /"), "{error:?}");
    assert_eq!(error.causes, ["`cargo metadata` ended with exit code 101", "error: could not parse"]);
}

#[test]
fn the_binary_is_the_named_one_or_the_functions_or_the_only_one() {
    let metadata: Metadata = serde_json::from_str(&METADATA.replace("DIR", "/p")).unwrap();
    let of = |dir: &str, wanted, function| metadata.binary(Path::new(dir), wanted, function);
    let name = |dir, wanted, function| of(dir, wanted, function).unwrap().name;
    assert_eq!(name("/p", Some("worker"), "web"), "worker");
    assert_eq!(name("/p", None, "web"), "web");
    assert_eq!(name("/p/tool", None, "web"), "web");
    assert_eq!(name("/p/tool", None, "main"), "tool");
    assert_eq!(name("/p", Some("tool"), "main"), "tool");

    let error = of("/p", None, "main").unwrap_err();
    assert_eq!(error.message, "the Rust project in /p has several binaries: web, worker");
    assert_eq!(error.hints, ["say which one `main` is: `cargo: web`"]);
    let error = of("/p", Some("webb"), "main").unwrap_err();
    assert_eq!(error.message, "the Rust project in /p has no binary `webb`");
    assert_eq!(error.hints, ["it has: web, worker"]);
    let library = r#"{"packages": [], "workspace_root": "/p", "target_directory": "/p"}"#;
    let metadata: Metadata = serde_json::from_str(library).unwrap();
    let error = metadata.binary(Path::new("/p"), None, "main").unwrap_err();
    assert_eq!(error.message, "the Rust project in /p has no binary");
}
