//! Native code that was built on this machine, held against Lambda's processor and C library. A ready
//! wheel says for which platform it is; what was built here says nothing.

use std::fs;
use std::path::Path;

use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64};
use object::read::elf::FileHeader;
use object::{Endianness, FileKind};

use super::super::platform::Platform;
use crate::config::Arch;
use crate::error::{Error, OrFailed, Result};

/// Refuses a file of `of` that cannot be loaded on `platform`. Files without native code pass.
pub(super) fn check(site: &Path, path: &str, of: &str, platform: &Platform) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::failed(format!("{of} was built on this machine and does not fit {platform}: {path} {why}"))
            .hint("take a version of it that has a wheel, or build on a machine like Lambda's (Amazon Linux)"))
    };
    let data = fs::read(site.join(path)).or_failed(|| format!("read {path} of {of}"))?;
    if !data.starts_with(b"\x7fELF") {
        let is_native = [".so", ".dylib", ".pyd", ".dll"].iter().any(|ending| path.ends_with(ending));
        return if is_native { refuse("is no program for Linux") } else { Ok(()) };
    }
    if !matches!(FileKind::parse(data.as_slice()), Ok(FileKind::Elf64)) {
        return refuse("is no 64-bit program");
    }
    let (machine, glibc) = needs(&data).or_failed(|| format!("read {path} of {of} as a program"))?;
    let wanted = match platform.arch {
        Arch::X86_64 => EM_X86_64,
        Arch::Arm64 => EM_AARCH64,
    };
    if machine != wanted {
        return refuse("is for another processor");
    }
    match glibc.filter(|minor| *minor > platform.glibc) {
        Some(minor) => refuse(&format!("needs glibc 2.{minor}")),
        None => Ok(()),
    }
}

/// The processor, and the newest glibc of which a symbol is used (the 34 of 2.34).
fn needs(data: &[u8]) -> object::Result<(object::elf::Machine, Option<u32>)> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut newest = None;
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        while let Some((_, mut symbols)) = libraries.next()? {
            while let Some(symbol) = symbols.next()? {
                newest = newest.max(glibc(symbol.name(endian, strings)?));
            }
        }
    }
    Ok((header.e_machine(endian), newest))
}

/// `GLIBC_2.34` → 34
fn glibc(version: &[u8]) -> Option<u32> {
    let rest = std::str::from_utf8(version).ok()?.strip_prefix("GLIBC_2.")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_this_machine_fits_its_own_processor_and_glibc_only() {
        // The test itself is such a program.
        let program = std::env::current_exe().unwrap();
        let (site, name) = (program.parent().unwrap(), program.file_name().unwrap().to_str().unwrap());
        let (here, other) =
            if cfg!(target_arch = "x86_64") { (Arch::X86_64, Arch::Arm64) } else { (Arch::Arm64, Arch::X86_64) };
        let mut platform = Platform::new("python3.13", here).unwrap();
        platform.glibc = 99;
        check(site, name, "own", &platform).unwrap();
        platform.glibc = 2;
        let error = check(site, name, "own", &platform).unwrap_err();
        assert!(
            error.message.contains("own was built on this machine") && error.message.contains("needs glibc 2."),
            "{error}"
        );
        platform.arch = other;
        assert!(check(site, name, "own", &platform).unwrap_err().message.ends_with("is for another processor"));
    }

    #[test]
    fn other_systems_code_is_refused_and_text_is_not() {
        let site = tempfile::tempdir().unwrap();
        let platform = Platform::new("python3.13", Arch::Arm64).unwrap();
        fs::write(site.path().join("a.py"), "x").unwrap();
        fs::write(site.path().join("a.so"), "\u{feed}").unwrap();
        check(site.path(), "a.py", "a", &platform).unwrap();
        assert!(check(site.path(), "a.so", "a", &platform).unwrap_err().message.ends_with("is no program for Linux"));
    }

    #[test]
    fn versions_of_other_libraries_do_not_count() {
        assert_eq!(
            [&b"GLIBC_2.34"[..], b"GLIBC_2.2.5", b"GLIBCXX_3.4", b"GLIBC_PRIVATE"].map(glibc),
            [Some(34), Some(2), None, None]
        );
    }
}
