//! Which program is taken, what it is told, and what is made of its answers.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::package::program::tests::programs;

fn lock(manager: Manager) -> Lock {
    let (name, content) = match manager {
        Manager::Npm => ("package-lock.json", "{}"),
        Manager::Pnpm => ("pnpm-lock.yaml", "lockfileVersion: '6.0'\n"),
        Manager::Classic => ("yarn.lock", "# yarn lockfile v1\n"),
        Manager::Berry => ("yarn.lock", "\n__metadata:\n  version: 8\n"),
    };
    Lock { manager, name, content: content.into() }
}

async fn found(manager: Manager, scripts: &[(&str, &str)], chosen: Option<&str>) -> Result<Program> {
    let folder = programs(scripts);
    let manifest = Manifest { package_manager: chosen.map(str::to_owned), ..Manifest::default() };
    Program::find(Some(folder.path().as_os_str()), &lock(manager), &manifest, folder.path()).await
}

#[tokio::test]
async fn the_one_on_the_path_is_taken_when_it_reads_the_lock_file() {
    let npm = found(Manager::Npm, &[("npm", "echo 10.9.3")], None).await.unwrap();
    assert_eq!((npm.version.as_str(), npm.first.len()), ("10.9.3", 0));
    let npx = ("npx", "exit 1");
    for (manager, yarn, chosen, version) in [
        (Manager::Classic, "echo 1.22.5", None, "1.22.5"),
        (Manager::Classic, "echo 4.1.0", None, "yarn@1.22.22"),
        (Manager::Berry, "echo 4.1.0", None, "4.1.0"),
        (Manager::Berry, "echo 1.22.5", None, "@yarnpkg/cli-dist@4"),
        (Manager::Berry, "exit 1", Some("yarn@3.8.1+sha224.abc"), "@yarnpkg/cli-dist@3.8.1"),
        (Manager::Pnpm, "", None, "pnpm@8"),
        (Manager::Pnpm, "", Some("pnpm@9.1.0"), "pnpm@9.1.0"),
    ] {
        let program = found(manager, &[("yarn", yarn), npx], chosen).await.unwrap();
        assert_eq!(program.version, version, "{manager:?} {yarn} {chosen:?}");
    }
}

#[tokio::test]
async fn a_version_that_is_written_beside_the_program_is_not_asked_for() {
    let folder = programs(&[]);
    let write = |path: &str, text: &str| {
        fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        fs::write(folder.path().join(path), text).unwrap();
    };
    write("lib/pnpm/bin/pnpm.cjs", "does not run");
    let program = folder.path().join("lib/pnpm/bin/pnpm.cjs");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    write("lib/pnpm/package.json", r#"{"name": "pnpm", "version": "10.1.0"}"#);
    std::os::unix::fs::symlink("lib/pnpm/bin/pnpm.cjs", folder.path().join("pnpm")).unwrap();
    let find = async |manifest: &Manifest| {
        Program::find(Some(folder.path().as_os_str()), &lock(Manager::Pnpm), manifest, folder.path()).await
    };
    assert_eq!(find(&Manifest::default()).await.unwrap().version, "10.1.0");
    // pnpm fetches the version that the project asks for.
    let chosen = Manifest { package_manager: Some("pnpm@9.0.0".into()), ..Manifest::default() };
    find(&chosen).await.unwrap_err();
    write("lib/pnpm/package.json", r#"{"name": "corepack", "version": "0.30.0"}"#);
    find(&Manifest::default()).await.unwrap_err();
}

#[tokio::test]
async fn none_at_all_is_an_error_with_a_hint() {
    for (manager, what, hint) in [
        (Manager::Npm, "there is no npm to install from package-lock.json with", "install Node.js"),
        (Manager::Pnpm, "there is no pnpm to install from pnpm-lock.yaml with", "pnpm.io"),
        (Manager::Classic, "there is no yarn 1 to install from yarn.lock with", "yarnpkg.com"),
        (Manager::Berry, "there is no yarn 2 or newer to install from yarn.lock with", "yarnpkg.com"),
    ] {
        let error = found(manager, &[], None).await.unwrap_err();
        assert_eq!(error.message, what);
        assert!(error.hints[0].contains(hint), "{error:?}");
    }
    let fetched = found(Manager::Pnpm, &[("npx", "exit 1")], None).await.unwrap();
    let error = fetched.install(Path::new("/"), &lock(Manager::Pnpm), "x64").await.unwrap_err();
    assert!(error.message.ends_with("npx could not fetch pnpm@8"), "{error}");
}

#[tokio::test]
async fn what_it_is_told_and_what_it_says() {
    let script = r#"[ "$1" = --version ] && { echo 10.9.3; exit; }
echo "$@" > told
env | grep -i '^npm_config_omit=\|^NODE_OPTIONS=' >> told
echo 'npm error code E401' >&2
echo 'npm error' >&2
echo 'npm error Unable to authenticate, see https://me:secret@registry.example.org/' >&2
echo 'npm error A complete log of this run can be found in: /root/x' >&2
exit 1"#;
    let programs = programs(&[("npm", script)]);
    let (lock, manifest) = (lock(Manager::Npm), Manifest::default());
    let npm = Program::find(Some(programs.path().as_os_str()), &lock, &manifest, programs.path()).await.unwrap();
    let tree = tempfile::tempdir().unwrap();
    let error = npm.install(tree.path(), &lock, "arm64").await.unwrap_err();
    assert_eq!(error.message, "npm could not install the dependencies");
    assert_eq!(
        error.causes,
        ["npm error code E401", "npm error Unable to authenticate, see https://****@registry.example.org/"]
    );
    assert_eq!(
        fs::read_to_string(tree.path().join("told")).unwrap(),
        "ci --omit=dev --ignore-scripts --install-links=false --install-strategy=hoisted --no-audit --no-fund \
         --no-update-notifier --no-progress --loglevel=error --os=linux --cpu=arm64 --libc=glibc\n"
    );
}

#[tokio::test]
async fn a_lock_file_that_does_not_fit_is_told_apart() {
    let said = "echo 'ERR_PNPM_OUTDATED_LOCKFILE  Cannot install'; exit 1";
    let programs = programs(&[("pnpm", &format!("[ \"$1\" = --version ] && {{ echo 10.1.0; exit; }}\n{said}"))]);
    let (lock, manifest) = (lock(Manager::Pnpm), Manifest::default());
    let pnpm = Program::find(Some(programs.path().as_os_str()), &lock, &manifest, programs.path()).await.unwrap();
    let error = pnpm.install(programs.path(), &lock, "x64").await.unwrap_err();
    assert_eq!(error.message, "pnpm-lock.yaml does not fit package.json");
    assert!(error.hints[0].starts_with("run `pnpm install`"), "{error:?}");
}

#[tokio::test]
async fn yarns_focus_is_not_trusted_to_look_at_the_lock_file() {
    let script = r#"[ "$1" = --version ] && { echo 4.1.0; exit; }
echo "$1" >> told
[ "$1" = install ] && printf '\n__metadata:\n  version: 8\n\n"ms@npm:2.1.2":\n' > yarn.lock; true"#;
    let programs = programs(&[("yarn", script)]);
    let (lock, manifest) = (lock(Manager::Berry), Manifest::default());
    let yarn = Program::find(Some(programs.path().as_os_str()), &lock, &manifest, programs.path()).await.unwrap();
    let error = yarn.install(programs.path(), &lock, "x64").await.unwrap_err();
    assert_eq!(error.message, "yarn.lock does not fit package.json");
    assert_eq!(fs::read_to_string(programs.path().join("told")).unwrap(), "install\n");
}

#[test]
fn an_npm_that_knows_no_other_platform_is_refused() {
    let npm =
        |version: &str| Program { manager: Manager::Npm, file: "npm".into(), first: vec![], version: version.into() };
    assert!(npm("9.9.4").arguments("x64").unwrap_err().hints[0].contains("10.3"));
    assert!(npm("10.2.5").arguments("x64").is_err());
    npm("10.3.0").arguments("x64").unwrap();
    npm("11.0.0").arguments("x64").unwrap();
}

#[test]
fn what_npm_run_leaves_in_the_environment_does_not_count() {
    for name in
        ["npm_config_omit", "NPM_CONFIG_OMIT", "npm_config_ignore-scripts", "npm_package_name", "npm_config_cpu"]
    {
        assert!(is_cleared(&name.into()), "{name}");
    }
    for name in
        ["npm_config_registry", "npm_config_cafile", "npm_config_userconfig", "NPM_TOKEN", "HTTPS_PROXY", "PATH"]
    {
        assert!(!is_cleared(&name.into()), "{name}");
    }
}
