//! What uv and pip are asked, and what is made of their answers.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use super::*;
use crate::config::Arch;
use crate::package::program::tests::programs;
use crate::package::python::platform::Platform;

fn platform() -> Platform {
    Platform::new("python3.13", Arch::X86_64).unwrap()
}

fn declared(given: Given) -> Declared {
    Declared { given, inputs: vec![], notes: vec![] }
}

fn order<'a>(dir: &'a Path, platform: &'a Platform, from_source: &'a [String]) -> Order<'a> {
    Order { dir, target: Path::new("/site"), platform, from_source }
}

const PIP_SAYS: &str = "echo 'pip 23.2.1 from /x/site-packages/pip (python 3.11)'";

async fn found(scripts: &[(&str, &str)]) -> Result<Installer> {
    let folder = programs(scripts);
    Installer::find(Some(folder.path().as_os_str()), folder.path()).await
}

#[tokio::test]
async fn uv_comes_first_then_pip_and_neither_is_an_error_with_a_hint() {
    let both = found(&[("uv", "echo uv 0.13.8"), ("python3", PIP_SAYS)]).await.unwrap();
    assert!(matches!(&both, Installer::Uv { version, .. } if version == "uv 0.13.8"), "{both:?}");
    for scripts in [&[("python3", PIP_SAYS)][..], &[("uv", "exit 1"), ("python3", "exit 1"), ("python", PIP_SAYS)]] {
        let pip = found(scripts).await.unwrap();
        assert!(
            matches!(&pip, Installer::Pip { version, python_version, .. } if version == "23.2.1" && python_version == "3.11"),
            "{pip:?}"
        );
        assert!(
            pip.caveat(&declared(Given::Text(String::new())), &platform())
                .unwrap()
                .contains("its own Python 3.11, not by 3.13")
        );
    }
    for error in [found(&[]).await.unwrap_err(), Installer::find(None, Path::new("/nowhere")).await.unwrap_err()] {
        assert!(
            error.message.starts_with("there is neither uv nor pip") && error.hints[0].contains("install uv"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn the_installer_gets_the_target_and_its_stderr_is_the_cause() {
    let folder = programs(&[(
        "uv",
        r#"[ "$1" = --version ] && { echo uv 1; exit; }
echo "$@" > arguments
echo "error: https://me:secret@index.example.org/simple is down" >&2
exit 1"#,
    )]);
    let installer = Installer::find(Some(folder.path().as_os_str()), folder.path()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let error =
        installer.install(&[List::open("/r.txt".into())], &order(dir.path(), &platform(), &[])).await.unwrap_err();
    assert_eq!(error.message, "uv could not install the dependencies");
    assert_eq!(error.causes, ["error: https://****@index.example.org/simple is down"]);
    assert_eq!(
        fs::read_to_string(dir.path().join("arguments")).unwrap().trim(),
        "pip install --no-progress --color never --only-binary :all: --python-version 3.13 \
         --python-platform x86_64-manylinux_2_34 --target /site -r /r.txt"
    );
}

#[test]
fn the_package_that_cannot_be_had_is_named() {
    use Culprit::{Foreign, NoWheel, Unbuildable, Unknown};
    for (stderr, expected) in [
        (
            "error: No solution found when resolving dependencies\n  cause: Because psycopg2==2.9.9 has no usable wheels and you \
             require psycopg2==2.9.9, we can conclude that your requirements are unsatisfiable.\n\nhint: Wheels are required for \
             `psycopg2` because building from source is disabled for all packages (i.e., with `--no-build`)",
            NoWheel("psycopg2==2.9.9".into()),
        ),
        (
            "cause: Because all versions of mysqlclient have no usable wheels and you require",
            NoWheel("mysqlclient".into()),
        ),
        ("╰─▶ Because foo==1 has no wheels with a matching Python ABI tag", NoWheel("foo==1".into())),
        ("cause: Because no-such-xyz was not found in the package registry and", Unknown("no-such-xyz".into())),
        ("cause: Because there is no version of flask==99 and you require", Unknown("flask==99".into())),
        ("cause: Building source distributions for `docopt` is disabled", NoWheel("docopt".into())),
        (
            "error: Failed to download and build `m==3`\n  cause: The built wheel `m-3-cp311-cp311-linux_x86_64.whl` is not compatible \
             with the target Python 3.13",
            Foreign("m-3-cp311-cp311-linux_x86_64.whl".into()),
        ),
        ("error: Failed to build `m==3`\n  cause: The build backend returned an error", Unbuildable("m==3".into())),
        ("ERROR: No matching distribution found for flask==99\n", Unknown("flask==99".into())),
    ] {
        assert_eq!(Culprit::of(stderr), Some(expected), "{stderr}");
    }
    assert_eq!(Culprit::of("error: Connection refused"), None);
}

#[test]
fn failures_say_what_helps() {
    let uv = Installer::Uv { program: "uv".into(), version: "uv 0.13.8".into() };
    let error =
        uv.failure("Using CPython 3.11.7\nBecause all versions of mysqlclient have no usable wheels and", &platform());
    assert_eq!(error.message, "mysqlclient has no wheel for Python 3.13 on Lambda (x86_64, glibc 2.34)");
    assert_eq!((error.causes.len(), error.hints.len()), (1, 1));
    let error = uv.failure("error: invalid value 'x' for '--python-platform <P>'", &platform());
    assert!(error.hints[0].contains("uv self update"), "{error:?}");
    let long: String = (0..20).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    assert_eq!(uv.failure(&long, &platform()).causes.first().unwrap(), "line 12");
}

#[test]
fn where_packages_come_from_stays_the_users_choice_and_is_known() {
    for name in
        ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_CONSTRAINT", "PIP_PRE"]
    {
        assert!(is_choosing(name) && !CLEARED.contains(&name), "{name}");
    }
    for name in ["PIP_CERT", "HTTPS_PROXY", "SSL_CERT_FILE", "UV_CACHE_DIR", "PIP_CONFIG_FILE", "UV_NATIVE_TLS"] {
        assert!(!CLEARED.contains(&name), "{name}");
    }
    for name in ["VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PYTHONPATH", "UV_PYTHON"] {
        assert!(CLEARED.contains(&name) && !is_choosing(name), "{name}");
    }
}

/// Has no wheel of `own`, and builds it when it is told to.
const BUILDER: &str = r#"[ "$1" = --version ] && { echo uv 1; exit; }
[ "$1" = python ] && { echo /opt/python3.13; exit; }
echo "$@" >> arguments
case "$*" in *"--no-binary own"*) exit;; esac
echo "hint: Wheels are required for \`own\` because building from source is disabled" >&2
exit 1"#;

#[tokio::test]
async fn what_may_be_built_is_built_only_where_there_is_no_wheel() {
    let folder = programs(&[("uv", BUILDER)]);
    let installer = Installer::find(Some(folder.path().as_os_str()), folder.path()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let list = [List { complete: true, hashed: true, ..List::open("/r.txt".into()) }];
    let (platform, other, all) = (platform(), ["other".to_owned()], ["*".to_owned()]);
    let error = installer.install(&list, &order(dir.path(), &platform, &other)).await.unwrap_err();
    assert!(error.message.starts_with("own has no wheel for Python 3.13"), "{error}");
    assert!(error.hints[0].ends_with("allow to build it: `from_source: [own]`"), "{error:?}");
    for allowed in [&all, &["Own".to_owned()]] {
        assert_eq!(installer.install(&list, &order(dir.path(), &platform, allowed)).await.unwrap(), ["own"]);
    }
    let asked = fs::read_to_string(dir.path().join("arguments")).unwrap();
    let words = asked.lines().last().unwrap();
    assert!(words.contains("--no-binary own --python /opt/python3.13 --index-strategy unsafe-best-match"), "{words}");
    assert!(words.ends_with("-r /r.txt --no-deps --require-hashes"), "{words}");
}

#[tokio::test]
async fn what_only_uv_can_do_is_said() {
    let pip = found(&[("python3", PIP_SAYS)]).await.unwrap();
    let error = pip.export(Path::new("/"), &platform()).await.unwrap_err();
    assert_eq!(error.message, "it takes uv to read uv.lock, and there is only pip");
    assert_eq!(pip.caveat(&declared(Given::UvLock("/".into())), &platform()), None);
}
