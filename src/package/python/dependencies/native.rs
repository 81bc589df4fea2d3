//! Native code that was built on this machine, held against Lambda's processor and C library. A ready
//! wheel says for which platform it is; what was built here says nothing.

use std::path::Path;

use super::super::super::elf::{self, Glibc};
use super::super::platform::Platform;
use crate::config::Arch;
use crate::error::{Error, OrFailed, Result};

/// Refuses a file of `of` that cannot be loaded on `platform`. Files without native code pass.
pub(super) fn check(site: &Path, path: &str, of: &str, platform: &Platform) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::failed(format!("{of} was built on this machine and does not fit {platform}: {path} {why}"))
            .hint("take a version of it that has a wheel, or build on a machine like Lambda's (Amazon Linux)"))
    };
    let Some(elf) = elf::read(&site.join(path)).or_failed(|| format!("read {path} of {of}"))? else {
        let is_native = [".so", ".dylib", ".pyd", ".dll"].iter().any(|ending| path.ends_with(ending));
        return if is_native { refuse("is no 64-bit program for Linux") } else { Ok(()) };
    };
    let wanted = match platform.arch {
        Arch::X86_64 => elf::X86_64,
        Arch::Arm64 => elf::AARCH64,
    };
    if elf.machine != wanted {
        return refuse("is for another processor");
    }
    match elf.glibc.filter(|needed| *needed > Glibc(2, platform.glibc)) {
        Some(needed) => refuse(&format!("needs glibc {needed}")),
        None => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

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
        assert!(
            check(site.path(), "a.so", "a", &platform).unwrap_err().message.ends_with("is no 64-bit program for Linux")
        );
    }
}
