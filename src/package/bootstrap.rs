//! A ready executable → `bootstrap`.
//!
//! Lambda starts the file `bootstrap` of a `provided.*` runtime
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>). What it could not start
//! is refused here, where the reason can be told.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::command;
use super::elf::{self, Elf, Glibc};
use super::entry::{Content, Entry, Owner};
use crate::config::{Arch, FunctionConfig};
use crate::error::{Error, Result};

/// The name Lambda looks for, and what it gets as `Handler` (it ignores it).
pub(super) const NAME: &str = "bootstrap";

/// Moves the executable at `path` (relative to the code folder, inside the project `root`) to
/// `bootstrap` among `entries`.
pub(super) fn place(entries: &mut Vec<Entry>, root: &Path, function: &FunctionConfig, path: &str) -> Result<()> {
    let file = function.source.dir.join(path);
    let missing = |error: &io::Error| {
        let error = Error::failed(format!("cannot read the bootstrap {}", file.display())).because(error);
        match &function.source.build {
            Some(_) => command::blame(error, &function.source),
            None => error.hint("build it first, or let rzap do it: `build: COMMAND`"),
        }
    };
    let size = check(&file, &function.runtime, function.arch, missing)?;

    let file = fs::canonicalize(&file).map_err(|error| missing(&error))?;
    if !fs::canonicalize(root).is_ok_and(|root| file.starts_with(root)) {
        return Err(Error::failed(format!("the bootstrap {path} lies outside the project"))
            .hint("copy it into the project, or let the build write it there"));
    }
    entries.retain(|entry| entry.content != Content::File(file.clone()));
    put(entries, path, file, size)
}

/// Adds the executable `file`, called `what`, to `entries` as `bootstrap`.
pub(super) fn put(entries: &mut Vec<Entry>, what: &str, file: PathBuf, size: u64) -> Result<()> {
    if entries.iter().any(|entry| entry.path == NAME) {
        return Err(Error::failed(format!("{what} becomes `{NAME}` in the package, but there is a file of that name"))
            .hint(format!("exclude `/{NAME}`, or name it as the bootstrap")));
    }
    entries.push(Entry::file(NAME.to_owned(), file, size, true, Owner::Project));
    Ok(())
}

/// Refuses `file` when Lambda could not start it; its size, when it could. `missing` makes the error
/// for one that cannot be read.
pub(super) fn check(file: &Path, runtime: &str, arch: Arch, missing: impl Fn(&io::Error) -> Error) -> Result<u64> {
    let mut head = Vec::new();
    let mut open = File::open(file).map_err(|error| missing(&error))?;
    let size = open.metadata().map_err(|error| missing(&error))?.len();
    open.by_ref().take(256).read_to_end(&mut head).map_err(|error| missing(&error))?;
    let refused = |error: Error| error.context(format!("{} cannot be Lambda's bootstrap", file.display()));
    judge(&head, arch).map_err(refused)?;
    if let Some(elf) = elf::read(file).map_err(|error| missing(&error))? {
        judge_needs(&elf, runtime, arch).map_err(refused)?;
    }
    Ok(size)
}

/// Can Lambda start what begins with `head`?
fn judge(head: &[u8], arch: Arch) -> Result<()> {
    const MACH_O: [[u8; 4]; 5] = [
        [0xfe, 0xed, 0xfa, 0xce],
        [0xfe, 0xed, 0xfa, 0xcf],
        [0xce, 0xfa, 0xed, 0xfe],
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xca, 0xfe, 0xba, 0xbe],
    ];
    let target = match arch {
        Arch::X86_64 => "x86_64-unknown-linux-musl",
        Arch::Arm64 => "aarch64-unknown-linux-musl",
    };
    let build =
        format!("build it for Linux on {} (Rust: `--target {target}`; Go: `GOOS=linux GOARCH=…`)", arch.as_str());
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if line.ends_with(b"\r") {
            return Err(Error::failed(
                "its first line ends in CR LF, so Linux would look for an interpreter named `…\\r`",
            )
            .hint("save it with LF line ends"));
        }
        return Ok(());
    }
    if let Some(machine) = elf_machine(head) {
        return match (machine, arch) {
            (elf::X86_64, Arch::X86_64) | (elf::AARCH64, Arch::Arm64) => Ok(()),
            (elf::X86_64, Arch::Arm64) => {
                Err(Error::failed("it is built for x86_64, the function runs on arm64").hint(build))
            }
            (elf::AARCH64, Arch::X86_64) => {
                Err(Error::failed("it is built for arm64, the function runs on x86_64").hint(build))
            }
            (other, _) => Err(Error::failed(format!(
                "it is built for another processor (ELF machine {other}), the function runs on {}",
                arch.as_str()
            ))
            .hint(build)),
        };
    }
    let what = if MACH_O.iter().any(|magic| head.starts_with(magic)) {
        "it is a macOS program"
    } else if head.starts_with(b"MZ") {
        "it is a Windows program"
    } else if head.is_empty() {
        "it is empty"
    } else {
        "it is neither a Linux program (ELF) nor a script that starts with `#!`"
    };
    Err(Error::failed(what).hint(build))
}

/// `e_machine`, when this is the head of a 64-bit little-endian ELF file.
pub(super) fn elf_machine(head: &[u8]) -> Option<u16> {
    let is_elf = head.starts_with(b"\x7fELF\x02\x01");
    is_elf.then(|| head.get(18..20)).flatten().map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// The glibc of an OS-only runtime; of one that is not known here nothing is demanded.
/// <https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html>
pub(super) fn glibc_of(runtime: &str) -> Option<Glibc> {
    match runtime {
        "provided.al2023" => Some(Glibc(2, 34)),
        "provided.al2" => Some(Glibc(2, 26)),
        _ => None,
    }
}

/// Does the runtime have what a program of the right kind needs to be started?
fn judge_needs(elf: &Elf, runtime: &str, arch: Arch) -> Result<()> {
    let (loader, rust, go) = match arch {
        Arch::X86_64 => ("ld-linux-x86-64.so.2", "x86_64", "amd64"),
        Arch::Arm64 => ("ld-linux-aarch64.so.1", "aarch64", "arm64"),
    };
    let static_build = format!(
        "link it statically (Rust: `--target {rust}-unknown-linux-musl`; Go: `CGO_ENABLED=0 GOOS=linux GOARCH={go}`)"
    );
    if let (Some(needed), Some(there)) = (elf.glibc, glibc_of(runtime))
        && needed > there
    {
        return Err(Error::failed(format!("it needs glibc {needed}, {runtime} has {there}"))
            .hint(format!("it was linked on a newer Linux: link it for Lambda's (Rust: `cargo zigbuild --target {rust}-unknown-linux-gnu.{there}`), or {static_build}")));
    }
    let own = |path: &str| ["/var/task/", "/opt/"].iter().any(|folder| path.starts_with(folder));
    match &elf.loader {
        Some(path) if !own(path) && (!path.starts_with("/lib") || !path.ends_with(&format!("/{loader}"))) => {
            Err(Error::failed(format!("it wants to be loaded by {path}, which Lambda does not have"))
                .hint(static_build))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn elf(machine: u16) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(18, 0);
        head.extend_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn what_lambda_can_start() {
        for (head, arch) in [
            (elf(62), Arch::X86_64),
            (elf(183), Arch::Arm64),
            (b"#!/bin/sh\necho".to_vec(), Arch::Arm64),
            (b"#!/usr/bin/env bash".to_vec(), Arch::X86_64),
        ] {
            judge(&head, arch).unwrap();
        }
    }

    #[test]
    fn what_it_cannot_and_why() {
        for (head, arch, why) in [
            (elf(62), Arch::Arm64, "built for x86_64, the function runs on arm64"),
            (elf(183), Arch::X86_64, "built for arm64, the function runs on x86_64"),
            (elf(243), Arch::X86_64, "ELF machine 243"),
            (vec![0xcf, 0xfa, 0xed, 0xfe, 1, 2], Arch::X86_64, "macOS"),
            (b"MZ\x90".to_vec(), Arch::X86_64, "Windows"),
            (b"#!/bin/sh\r\necho".to_vec(), Arch::X86_64, "CR LF"),
            (b"echo hi".to_vec(), Arch::X86_64, "neither a Linux program"),
            (vec![], Arch::X86_64, "empty"),
            (b"\x7fELF\x02\x01".to_vec(), Arch::X86_64, "neither"),
        ] {
            let error = judge(&head, arch).unwrap_err();
            assert!(error.message.contains(why), "{error}");
            assert!(!error.hints.is_empty());
        }
    }

    #[test]
    fn what_it_needs_must_be_there() {
        const LOADER: Option<&str> = Some("/lib64/ld-linux-x86-64.so.2");
        let of = |loader: Option<&str>, versions: &[&str], runtime: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), elf::tests::sample(elf::X86_64, loader, versions)).unwrap();
            check(file.path(), runtime, Arch::X86_64, |error| Error::failed("read").because(error))
        };
        of(LOADER, &["GLIBC_2.2.5", "GLIBC_2.34"], "provided.al2023").unwrap();
        of(LOADER, &["GLIBC_2.26"], "provided.al2").unwrap();
        of(LOADER, &["GLIBC_2.99"], "provided.al2033").unwrap();
        of(Some("/var/task/lib/ld-musl-x86_64.so.1"), &[], "provided.al2023").unwrap();
        of(None, &[], "provided.al2023").unwrap();

        let error = of(LOADER, &["GLIBC_2.34", "GLIBC_2.38"], "provided.al2023").unwrap_err();
        assert_eq!(error.causes, ["it needs glibc 2.38, provided.al2023 has 2.34"]);
        assert!(error.hints[0].contains("cargo zigbuild --target x86_64-unknown-linux-gnu.2.34"), "{error:?}");
        let error = of(LOADER, &["GLIBC_2.34"], "provided.al2").unwrap_err();
        assert_eq!(error.causes, ["it needs glibc 2.34, provided.al2 has 2.26"]);
        for loader in ["/lib/ld-musl-x86_64.so.1", "/nix/store/x-glibc-2.40/lib/ld-linux-x86-64.so.2"] {
            let error = of(Some(loader), &[], "provided.al2023").unwrap_err();
            assert_eq!(error.causes, [format!("it wants to be loaded by {loader}, which Lambda does not have")]);
            assert!(error.hints[0].contains("statically"), "{error:?}");
        }
    }

    #[test]
    fn it_is_moved_not_copied_and_takes_nobodys_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(folder.path()).unwrap();
        let native = |dir: &Path| {
            let mut function = super::super::tests::function("native", crate::config::Entry::Bootstrap(String::new()));
            "provided.al2023".clone_into(&mut function.runtime);
            dir.clone_into(&mut function.source.dir);
            function
        };
        let function = native(&dir);
        fs::write(dir.join("run.sh"), "#!/bin/sh\n").unwrap();
        let entry = |name: &str| Entry::file(name.into(), dir.join(name), 10, false, Owner::Project);
        let mut entries = vec![entry("data"), entry("run.sh")];
        place(&mut entries, &dir, &function, "run.sh").unwrap();
        let seen: Vec<(&str, u32)> = entries.iter().map(|entry| (entry.path.as_str(), entry.mode())).collect();
        assert_eq!(seen, [("data", 0o644), ("bootstrap", 0o755)]);

        let mut entries = vec![entry("bootstrap"), entry("run.sh")];
        let error = place(&mut entries, &dir, &function, "run.sh").unwrap_err();
        assert!(error.message.contains("there is a file of that name"), "{error}");
        assert!(place(&mut vec![], &dir, &function, "gone").unwrap_err().message.contains("cannot read"));

        fs::create_dir(dir.join("code")).unwrap();
        let code = native(&dir.join("code"));
        place(&mut vec![], &dir, &code, "../run.sh").unwrap();
        let error = place(&mut vec![], &dir.join("code"), &code, "../run.sh").unwrap_err();
        assert_eq!(error.message, "the bootstrap ../run.sh lies outside the project");
    }
}
