//! Compilers: the cargo these tests are built with, zig with cargo-zigbuild, and go. The latter come from
//! `PyPI` (`tests/compilers.txt`), once, and only when a test asks for them.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::process;
use crate::tools::{TOOLS, kept, repository};
use crate::world::World;

/// Folders with one program each, for a `PATH`: `cargo` (and rustc), `zig` (and cargo-zigbuild), `go`.
static COMPILERS: LazyLock<PathBuf> = LazyLock::new(make);

impl World {
    /// Only these compilers, with caches that all tests share.
    pub(crate) fn compilers(self, names: &[&str]) -> Self {
        let path = names.iter().map(|name| COMPILERS.join("path").join(name)).chain([TOOLS.path.clone()]);
        let path = std::env::join_paths(path).expect("no colon in the path").into_string().expect("UTF-8");
        let cache = |name: &str| kept().join(name).to_str().expect("UTF-8").to_owned();
        self.env("PATH", &path)
            .env("ZIG_GLOBAL_CACHE_DIR", &cache("zig"))
            .env("CARGO_ZIGBUILD_CACHE_DIR", &cache("cargo-zigbuild"))
            .env("GOCACHE", &cache("go"))
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
    }
}

/// Whether Rust can build for `target`.
pub(crate) fn has_std(target: &str) -> bool {
    sysroot().join("lib/rustlib").join(target).join("lib").is_dir()
}

fn make() -> PathBuf {
    let base = repository().join(".cache/test-compilers");
    fs::create_dir_all(&base).expect("the folder of the compilers can be made");
    let list = repository().join("tests/compilers.txt");
    let wanted = fs::read_to_string(&list).expect("tests/compilers.txt");
    let sysroot = sysroot();
    let mut hasher = DefaultHasher::new();
    (&wanted, &sysroot, &base, 1).hash(&mut hasher);
    let marker = base.join(format!("complete-{:016x}", hasher.finish()));
    // Several test processes come here at once; the first one works, the others wait for it.
    let lock = File::create(base.join("lock")).expect("the lock file can be made");
    lock.lock().expect("the lock can be taken");
    if marker.exists() {
        return base;
    }
    for old in fs::read_dir(&base).expect("readable").flatten().filter(|entry| entry.file_name() != "lock") {
        let path = old.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.expect("what is left of older compilers can be removed");
    }
    let site = base.join("site");
    let mut install = Command::new(TOOLS.bin("uv"));
    install.args(["pip", "install", "--quiet", "--python"]).arg(TOOLS.bin("python3"));
    install.arg("--target").arg(&site).arg("-r").arg(&list);
    let done = process::run(&mut install, Duration::from_mins(5));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "failed to install tests/compilers.txt from PyPI:\n{said}");
    for (folder, program) in [
        ("cargo", sysroot.join("bin/cargo")),
        ("cargo", sysroot.join("bin/rustc")),
        ("zig", site.join("bin/cargo-zigbuild")),
        ("zig", site.join("ziglang/zig")),
        ("go", site.join("go/bin/go")),
    ] {
        link(&program, &base.join("path").join(folder));
    }
    fs::write(&marker, "").expect("the marker can be written");
    base
}

fn link(program: &Path, folder: &Path) {
    assert!(program.is_file(), "there is no {}", program.display());
    fs::create_dir_all(folder).expect("a folder");
    symlink(program, folder.join(program.file_name().expect("a name"))).expect("a link");
}

/// Where the real cargo is: version managers put one on the PATH that needs their own environment.
fn sysroot() -> PathBuf {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().expect("the tests need rustc");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
