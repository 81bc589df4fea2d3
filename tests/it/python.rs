//! Python dependencies as projects have them: real lock files, packages of one's own, sources that
//! have to be built, and what of a dependency is left out. These ask a package index.

use std::fs;
use std::path::Path;

use crate::tools::{TOOLS, repository};
use crate::world::World;

/// A function for arm64 whose dependencies are those of a project in `tests/locks`.
fn locked(project: &str) -> World {
    let world = World::new()
        .file("rzap.yaml", "app: shop\nruntime: python3.13\narch: arm64\nhandler: app.handler\nstages: { dev: {} }\n")
        .file("app.py", "def handler(event, context): return 1\n");
    copy(&repository().join("tests/locks").join(project), world.project());
    world
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the project is there").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// The distributions in the package, with their versions.
fn distributions(world: &World) -> String {
    world.run("package --quiet -o ../out").success();
    let names = "python3 -m zipfile -l ../out/*.zip | awk 'NR > 1 { print $1 }' | grep -o '^[^/]*.dist-info' | sort -u";
    world.shell(names).success().stdout
}

#[test]
fn poetrys_lock_is_installed_by_uv_and_by_pip() {
    let world = locked("poetry-2.0");
    let expected = "anyio-4.12.1.dist-info\ncertifi-2026.10.18.dist-info\nclick-8.1.8.dist-info\nh11-0.16.0.dist-info\n\
                    httpcore-1.0.9.dist-info\nhttpx-0.28.1.dist-info\nidna-3.20.dist-info\nsocksio-1.0.0.dist-info\n";
    assert_eq!(distributions(&world), expected);
    let by_pip = locked("poetry-2.1").env("PATH", TOOLS.path_without_uv.to_str().expect("UTF-8"));
    assert_eq!(distributions(&by_pip), expected);
}

#[test]
fn a_hash_that_does_not_fit_stops_the_install() {
    let world = locked("poetry-2.1");
    world.edit(
        "poetry.lock",
        "sha256:63c132bbbed01578a06712a2d1f497bb62d9c1c0d329b7903a866228027263b2",
        &format!("sha256:{}", "0".repeat(64)),
    );
    world.edit(
        "poetry.lock",
        "sha256:ed53c9d8990d83c2a27deae68e4ee337473f6330c040a31d4225c9574d16096a",
        &format!("sha256:{}", "1".repeat(64)),
    );
    world.run("package --quiet").failure(1).says(&[
        "click",
        "Hash mismatch",
        "hint: a file in the index is not the one that was locked",
    ]);
}

#[test]
fn uvs_workspace_brings_its_own_packages_built() {
    let world = locked("uv");
    let all = distributions(&world);
    assert!(all.contains("lib-0.1.dist-info\n") && all.contains("httpx-0.28.1.dist-info\n"), "{all}");
    assert!(!all.contains("iniconfig") && !all.contains("six") && !all.contains("shop"), "{all}");
    // What is in the member counts, not its version.
    world.write("packages/lib/lib/__init__.py", "WORD = 'changed'\n");
    world.run("package --quiet -o ../out").success();
    let text = world.shell("python3 -c \"import zipfile, glob; print(zipfile.ZipFile(glob.glob('../out/*.zip')[0]).read('lib/__init__.py').decode())\"");
    assert!(text.success().stdout.contains("changed"));
    world.edit("pyproject.toml", "httpx[socks]>=0.28", "httpx[socks]>=0.20");
    insta::assert_snapshot!(world.run("package --quiet").failure(1).err(), @r"
    error: cannot package main
      cause: uv.lock does not fit pyproject.toml: its dependencies changed after it was written
    hint: run `uv lock`
    ");
}

#[test]
fn a_pylock_is_installed() {
    let world = locked("uv");
    world.shell("uv export --quiet --frozen --no-default-groups --no-emit-local --format pylock.toml -o pylock.toml && rm uv.lock").success();
    let all = distributions(&world);
    assert!(all.contains("httpx-0.28.1.dist-info\n") && !all.contains("iniconfig"), "{all}");
}

/// A source distribution of a module, with C code when `native`; the index is the folder it lies in.
fn source_only(native: bool) -> World {
    let extension = if native { "ext_modules=[Extension('rzap_own_fast', ['fast.c'])]" } else { "" };
    let setup = format!(
        "from setuptools import setup, Extension\nsetup(name='rzap-own', version='1.0', py_modules=['rzap_own'], {extension})\n"
    );
    let world = World::new()
        .file("rzap.yaml", "app: shop\nruntime: python3.13\nhandler: app.handler\nstages: { dev: {} }\n")
        .file("app.py", "def handler(event, context): return 1\n")
        .file("requirements.txt", "--find-links ../index\nrzap-own==1.0\n")
        .file("../own/rzap_own-1.0/setup.py", &setup)
        .file("../own/rzap_own-1.0/rzap_own.py", "WORD = 1\n")
        .file("../own/rzap_own-1.0/fast.c", "#include <Python.h>\nstatic struct PyModuleDef m = {0};\nPyMODINIT_FUNC PyInit_rzap_own_fast(void) { return PyModule_Create(&m); }\n")
        .file("../own/rzap_own-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: rzap-own\nVersion: 1.0\n");
    world.shell("mkdir ../index && tar czf ../index/rzap_own-1.0.tar.gz -C ../own rzap_own-1.0").success();
    world
}

#[test]
fn what_has_no_wheel_is_built_only_when_it_may_be() {
    let world = source_only(false);
    let output = world.run("package --quiet").failure(1);
    output.says(&["rzap-own==1.0 has no wheel for Python 3.13 on Lambda (x86_64", "`from_source: [rzap-own]`"]);
    world.edit("rzap.yaml", "stages:", "from_source: [rzap-own]\nstages:");
    assert_eq!(distributions(&world), "rzap_own-1.0.dist-info\n");
}

#[test]
fn native_code_built_for_another_processor_is_refused() {
    let world = source_only(true);
    world.edit("rzap.yaml", "stages:", "from_source: ['*']\narch: arm64\nstages:");
    let other = if cfg!(target_arch = "aarch64") { "x86_64" } else { "arm64" };
    world.edit("rzap.yaml", "arch: arm64", &format!("arch: {other}"));
    // With or without a compiler here: it is refused, and never packed.
    world.run("package --quiet").failure(1).says(&["own", "on this machine"]);
}

#[test]
fn keep_drop_and_slim_choose_without_a_new_install() {
    let world = World::new()
        .file("rzap.yaml", "app: shop\nruntime: python3.13\nhandler: app.handler\nstages: { dev: {} }\n")
        .file("app.py", "def handler(event, context): return 1\n")
        .file("requirements.txt", "six==1.17.0\nclick==8.1.8\n");
    assert_eq!(distributions(&world), "click-8.1.8.dist-info\nsix-1.17.0.dist-info\n");
    world.edit("rzap.yaml", "stages:", "slim: true\ndrop: [click/_winconsole.py, nothing/]\nkeep: [records]\nstages:");
    let output = world.run("package -o ../out").success();
    assert!(!output.stderr.contains("nstall"), "{}", output.stderr);
    output.says(&["`nothing/` under `drop` matches nothing of the Python dependencies"]);
    let names = world.shell("python3 -m zipfile -l ../out/*.zip").success().stdout;
    assert!(names.contains("click/core.py") && names.contains("click-8.1.8.dist-info/RECORD"), "{names}");
    assert!(!names.contains("six") && !names.contains("_winconsole"), "{names}");
}

#[test]
fn the_local_cloud_gets_what_slim_leaves_to_awss_runtime() {
    let world = World::new()
        .file("rzap.yaml", "app: shop\nruntime: python3.13\nslim: true\nhandler: app.handler\nstages: { dev: {} }\n")
        .file("app.py", "import six\n\ndef handler(event, context): return six.__version__\n")
        .file("requirements.txt", "six==1.17.0\n");
    let packaged = world.run("package dev --json").success().json();
    assert_eq!(packaged["packages"]["main"]["files"], 2, "app.py and requirements.txt: {packaged}");
    let deployed = world.run("deploy dev --local").success();
    assert!(deployed.stderr.contains("`slim` is left aside"), "{}", deployed.stderr);
    assert_eq!(world.run("invoke dev --local").success().stdout.trim(), "\"1.17.0\"");
    world.run("status dev --local --check").success();
}
