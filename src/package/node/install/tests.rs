//! What the package managers find in their folder, and what is kept of what they leave there.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::super::entry::{Content, Owner};
use super::*;
use crate::package::node::lock;

struct Place {
    folder: tempfile::TempDir,
    cache: Cache,
}

const TARGET: Target = Target { node: 22, cpu: "arm64" };

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("work")).unwrap();
        let place = Self { folder, cache };
        for (path, text) in files {
            place.write(&format!("app/{path}"), text);
        }
        place
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A package manager that says it is `version`, and does what `script` says.
    fn with_program(self, name: &str, version: &str, script: &str) -> Self {
        let start = format!("#!/bin/sh\n[ \"$1\" = --version ] && {{ echo {version}; exit; }}\n");
        self.write(&format!("programs/{name}"), &format!("{start}{script}\n"));
        let file = self.folder.path().join("programs").join(name);
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// `at` is the code folder in `app`.
    async fn installed(&self, at: &str) -> Result<(String, Vec<Entry>)> {
        let root = fs::canonicalize(self.folder.path().join("app")).unwrap();
        let dir = fs::canonicalize(root.join(at)).unwrap();
        let manifest = Manifest::read(&dir)?.unwrap();
        let lock = lock::find(&dir, &manifest)?.unwrap();
        let path =
            std::env::join_paths([self.folder.path().join("programs"), "/usr/bin".into(), "/bin".into()]).unwrap();
        let program = Program::find(Some(&path), &lock, &manifest, &dir).await?;
        let declared = Declared::read(&root, &dir, manifest, lock, &[])?;
        let key = declared.key(&TARGET, &program)?;
        let entries = declared.install(&self.cache, &key, &TARGET, &program, None).await?;
        Ok((key, entries))
    }
}

fn paths(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.path.as_str()).collect()
}

const LOCK: (&str, &str) = ("package-lock.json", "{}");
/// What npm leaves behind for one dependency.
const NPM: &str = "mkdir -p node_modules/.bin node_modules/ms/lib node_modules/@s/a/node_modules/b
echo {} > node_modules/.package-lock.json; echo 1 > node_modules/ms/lib/x.js; chmod +x node_modules/ms/lib/x.js
ln -s ../ms/lib/x.js node_modules/.bin/x; echo 2 > node_modules/@s/a/node_modules/b/b.js";

#[tokio::test]
async fn what_is_installed_is_listed_and_the_rest_of_the_folder_is_not_kept() {
    let files = [("package.json", r#"{"dependencies": {"ms": "2"}}"#), LOCK, (".npmrc", "//r/:_authToken=secret")];
    let place = Place::new(&files).with_program("npm", "10.9.3", &format!("cat .npmrc > seen && {NPM}"));
    let (key, entries) = place.installed("").await.unwrap();
    assert_eq!(paths(&entries), ["node_modules/@s/a/node_modules/b/b.js", "node_modules/ms/lib/x.js"]);
    assert_eq!(entries[0].owner, Owner::Dependency("@s/a".into()));
    assert!(entries[1].executable && !entries[0].executable);
    let kept: Vec<String> = fs::read_dir(place.cache.deps.join(&key))
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(kept::find(&place.cache, &key).unwrap(), entries);
    let Content::File(file) = &entries[1].content else { panic!("{entries:?}") };
    fs::remove_file(file).unwrap();
    assert_eq!(kept::find(&place.cache, &key), None);
    assert_eq!(place.installed("").await.unwrap(), (key, entries));
}

#[tokio::test]
async fn the_key_knows_what_decides_and_not_where_it_lies() {
    let manifest = r#"{"dependencies": {"ms": "2"}}"#;
    let of = async |files: &[(&str, &str)], version: &str, at: &str| {
        Place::new(files).with_program("npm", version, NPM).installed(at).await.unwrap().0
    };
    let plain = [("package.json", manifest), LOCK];
    let key = of(&plain, "10.9.3", "").await;
    assert_eq!(of(&plain, "10.9.3", "").await, key);
    assert_eq!(of(&[("web/package.json", manifest), ("web/package-lock.json", "{}")], "10.9.3", "web").await, key);
    let others = [
        of(&plain, "10.9.4", "").await,
        of(&[("package.json", manifest), ("package-lock.json", "{ }")], "10.9.3", "").await,
        of(&[("package.json", manifest), LOCK, (".npmrc", "registry=x")], "10.9.3", "").await,
        of(&[("package.json", manifest), LOCK, ("patches/a.patch", "x")], "10.9.3", "").await,
    ];
    assert!(others.iter().all(|other| *other != key), "{others:?}");
    of(&[("package.json", manifest), LOCK, ("index.js", "")], "10.9.3", "").await;
}

#[tokio::test]
async fn local_packages_are_there_and_become_plain_files() {
    let place = Place::new(&[
        ("web/package.json", r#"{"dependencies": {"shared": "file:../shared"}}"#),
        ("web/package-lock.json", "{}"),
        ("shared/package.json", "{}"),
        ("shared/lib/index.js", "1"),
    ])
    .with_program("npm", "10.9.3", "mkdir -p node_modules ../shared/node_modules/ms && echo 1 > ../shared/node_modules/ms/x.js && ln -s ../../shared node_modules/shared");
    let (_, entries) = place.installed("web").await.unwrap();
    assert_eq!(
        paths(&entries),
        [
            "node_modules/shared/lib/index.js",
            "node_modules/shared/node_modules/ms/x.js",
            "node_modules/shared/package.json"
        ]
    );
    let place = Place::new(&[("package.json", r#"{"dependencies": {"a": "1"}}"#), LOCK]).with_program(
        "npm",
        "10.9.3",
        "mkdir -p node_modules && ln -s .. node_modules/a",
    );
    let error = place.installed("").await.unwrap_err();
    assert_eq!(error.message, "node_modules/a is a link that cannot be packed");
}

#[tokio::test]
async fn pnpm_and_yarn_are_told_the_platform_in_their_settings() {
    let show = |file: &str| format!("mkdir -p node_modules/a && cp {file} node_modules/a/");
    let manifest = ("package.json", r#"{"dependencies": {"a": "1"}}"#);
    let read = |entries: &[Entry]| match &entries[0].content {
        Content::File(file) => fs::read_to_string(file).unwrap(),
        Content::Text(_) => String::new(),
    };
    let place = Place::new(&[manifest, ("pnpm-lock.yaml", ""), ("pnpm-workspace.yaml", "overrides:\n  b: '2'\n")])
        .with_program("pnpm", "10.1.0", &show("pnpm-workspace.yaml"));
    assert_eq!(
        read(&place.installed("").await.unwrap().1),
        r#"{"overrides":{"b":"2"},"supportedArchitectures":{"os":["linux"],"cpu":["arm64"],"libc":["glibc"]},"packages":["."]}"#
    );
    let place = Place::new(&[manifest, ("pnpm-lock.yaml", "")]).with_program("pnpm", "9.1.0", &show("package.json"));
    assert_eq!(
        read(&place.installed("").await.unwrap().1),
        r#"{"dependencies":{"a":"1"},"pnpm":{"supportedArchitectures":{"os":["linux"],"cpu":["arm64"],"libc":["glibc"]}}}"#
    );
    let settings = (".yarnrc.yml", "nodeLinker: pnp\nsupportedArchitectures:\n  os: [darwin]\n");
    let place = Place::new(&[manifest, ("yarn.lock", "\n__metadata:\n"), settings]).with_program(
        "yarn",
        "4.1.0",
        &show(".yarnrc.yml"),
    );
    assert_eq!(
        read(&place.installed("").await.unwrap().1),
        r#"{"nodeLinker":"pnp","supportedArchitectures":{"os":["linux"],"cpu":["arm64"],"libc":["glibc"]}}"#
    );
}

#[tokio::test]
async fn of_what_yarn_1_installs_for_all_platforms_ours_is_kept() {
    let script = r#"for name in a a-arm64 a-x64 a-wasm runtime; do mkdir -p node_modules/$name; done
echo '{"optionalDependencies": {"a-arm64": "1", "a-x64": "1", "a-wasm": "1"}}' > node_modules/a/package.json
echo '{"os": ["linux"], "cpu": ["arm64"]}' > node_modules/a-arm64/package.json
echo '{"os": ["linux"], "cpu": ["x64"]}' > node_modules/a-x64/package.json
echo '{"cpu": ["wasm32"], "dependencies": {"runtime": "1"}}' > node_modules/a-wasm/package.json
echo '{}' > node_modules/runtime/package.json"#;
    let files = [("package.json", r#"{"dependencies": {"a": "1"}}"#), ("yarn.lock", "# yarn lockfile v1")];
    let place = Place::new(&files).with_program("yarn", "1.22.22", script);
    let (_, entries) = place.installed("").await.unwrap();
    assert_eq!(paths(&entries), ["node_modules/a-arm64/package.json", "node_modules/a/package.json"]);
}
