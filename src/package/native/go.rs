//! `go build` for Lambda.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use tokio::process::Command;

use super::super::program::{self, Stdout};
use super::Site;
use crate::config::{Arch, FunctionConfig};
use crate::error::{Error, Result};

/// Builds the main package at `path` (relative to the code folder) into `file`.
///
/// Without cgo, so that nothing of the machine's C library gets in; without paths, revision and build
/// id, so that the same code is the same program anywhere. `lambda.norpc` leaves out what only the
/// old Go runtime needed (<https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html>).
pub(super) async fn build(
    function: &FunctionConfig,
    path: &str,
    file: &Path,
    names: &str,
    site: &Site<'_>,
) -> Result<()> {
    let Some(go) = program::find("go", site.search_path) else {
        return Err(Error::failed("there is no `go` to build the Go project with").hint(
            "install it (https://go.dev/doc/install), or build it elsewhere and name the program: `bootstrap: PATH`",
        ));
    };
    let path = package_path(path);
    let arch = match function.arch {
        Arch::X86_64 => "amd64",
        Arch::Arm64 => "arm64",
    };
    let mut command = Command::new(go);
    command.env("GOOS", "linux").env("GOARCH", arch).env("CGO_ENABLED", "0");
    command.args(["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags=lambda.norpc"]);
    command.arg("-o").arg(file).arg(&path).current_dir(&function.source.dir);
    let what = format!("go build {path}");
    let ended = site.run(command, Stdout::Heard, &what, names).await?;
    if !ended.is_success() {
        return Err(ended.failure(&what));
    }
    // Of a package that is no program, go makes a library without complaint.
    let mut head = [0; 7];
    if File::open(file).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"!<arch>" {
        let dir = function.source.dir.display();
        return Err(Error::failed(format!("`{path}` in {dir} is a Go library, not a program"))
            .hint("name the folder of its `package main`: `go: ./cmd/NAME`"));
    }
    Ok(())
}

/// go takes a path without a dot in front for a package of its own library.
fn package_path(path: &str) -> String {
    if path == "." || path.starts_with("./") { path.to_owned() } else { format!("./{path}") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::super::tests::function;
    use super::*;
    use crate::config::Entry;

    /// Builds with a `go` that is `script`, in whose folder it runs.
    async fn with(script: &str, path: &str, arch: Arch) -> (Result<()>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let go = folder.path().join("go");
        fs::write(&go, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(go, fs::Permissions::from_mode(0o755)).unwrap();
        let mut function = function("web", Entry::Go(path.to_owned()));
        function.arch = arch;
        folder.path().clone_into(&mut function.source.dir);
        let search_path: OsString = folder.path().into();
        let site = Site { search_path: Some(&search_path), tell: &|_| (), scratch: folder.path() };
        let result = build(&function, path, &folder.path().join("made"), "web", &site).await;
        (result, folder)
    }

    #[tokio::test]
    async fn go_is_told_all_that_matters() {
        let script = "echo $GOOS $GOARCH $CGO_ENABLED > said\nfor word in \"$@\"; do echo \"$word\" >> said; done";
        let (result, folder) = with(script, "cmd/web", Arch::Arm64).await;
        result.unwrap();
        let said = fs::read_to_string(folder.path().join("said")).unwrap();
        let made = folder.path().join("made");
        let words = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags=lambda.norpc", "-o"];
        let expected = format!("linux arm64 0\nbuild\n{}\n{}\n./cmd/web\n", words.join("\n"), made.display());
        assert_eq!(said, expected);
        assert_eq!([".", "./a", "a/b"].map(package_path), [".", "./a", "./a/b"]);
    }

    #[tokio::test]
    async fn what_is_no_program_is_refused() {
        let (result, _folder) = with("printf '!<arch>\\n' > made", ".", Arch::X86_64).await;
        assert!(result.unwrap_err().message.contains("is a Go library, not a program"));
        let (result, _folder) = with("echo 'no required module provides x' >&2; exit 1", ".", Arch::X86_64).await;
        let error = result.unwrap_err();
        assert_eq!(error.message, "`go build .` ended with exit code 1");
        assert_eq!(error.causes, ["no required module provides x"]);

        let function = function("web", Entry::Go(".".into()));
        let site = Site { search_path: None, tell: &|_| (), scratch: Path::new("/") };
        let error = build(&function, ".", Path::new("/gone"), "web", &site).await.unwrap_err();
        assert_eq!(error.message, "there is no `go` to build the Go project with");
    }
}
