//! What a Lambda runtime is to a Python installer: version, processor, C library.

use std::fmt;

use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree};

use crate::config::Arch;
use crate::error::{Error, OrFailed, Result};

/// The platform wheels are chosen for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform {
    /// `3.13`
    pub(super) python: String,
    pub(super) arch: Arch,
    /// The 34 of glibc 2.34.
    pub(super) glibc: u32,
}

impl Platform {
    /// The platform of `runtime` (`python3.13`) on `arch`. A Python newer than this release of rzap
    /// is taken to run where the newest known one does.
    pub(super) fn new(runtime: &str, arch: Arch) -> Result<Self> {
        let minor = runtime.strip_prefix("python3.").and_then(|minor| minor.parse::<u32>().ok());
        let minor = minor.ok_or_else(|| {
            Error::usage(format!("`{runtime}` is not a Python runtime")).hint("write it like `python3.13`")
        })?;
        // Amazon Linux 2023 since Python 3.12, Amazon Linux 2 before
        // (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html).
        let glibc = if minor >= 12 { 34 } else { 26 };
        Ok(Self { python: format!("3.{minor}"), arch, glibc })
    }

    /// uv's `--python-platform`. It knows no 2.26, so that one gets the next lower it knows.
    pub(super) fn uv_name(&self) -> String {
        let glibc = if self.glibc >= 34 { 34 } else { 17 };
        format!("{}-manylinux_2_{glibc}", self.machine())
    }

    /// pip's `--platform`, one for each glibc up to ours, newest first: pip expands none of them.
    pub(super) fn pip_platforms(&self) -> Vec<String> {
        let machine = self.machine();
        let oldest = if self.arch == Arch::Arm64 { 17 } else { 5 };
        let mut tags: Vec<String> =
            (oldest..=self.glibc).rev().map(|minor| format!("manylinux_2_{minor}_{machine}")).collect();
        tags.push(format!("manylinux2014_{machine}"));
        if self.arch == Arch::X86_64 {
            tags.extend(["manylinux2010_x86_64", "manylinux1_x86_64"].map(str::to_owned));
        }
        tags.push(format!("linux_{machine}"));
        tags
    }

    /// pip's `--abi`.
    pub(super) fn pip_abis(&self) -> [String; 3] {
        [format!("cp{}", self.python.replace('.', "")), "abi3".to_owned(), "none".to_owned()]
    }

    /// What environment markers (`sys_platform == "linux"`) are held against. The patch level is that
    /// of no release: Lambda updates its runtimes to the newest one
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html>).
    pub(super) fn markers(&self) -> Result<MarkerEnvironment> {
        let full = format!("{}.99", self.python);
        let environment = MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full,
            os_name: "posix",
            platform_machine: self.machine(),
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: &full,
            python_version: &self.python,
            sys_platform: "linux",
        };
        MarkerEnvironment::try_from(environment).or_failed(|| format!("make sense of Python {}", self.python))
    }

    /// Whether `marker` holds here, with these extras asked for. An empty one always does.
    pub(super) fn fulfils(&self, marker: &str, extras: &[ExtraName]) -> Result<bool> {
        if marker.is_empty() {
            return Ok(true);
        }
        let tree = MarkerTree::parse_str::<pep508_rs::VerbatimUrl>(marker)
            .map_err(|error| Error::failed(format!("`{marker}` is no environment marker")).because(&error))?;
        Ok(tree.evaluate(&self.markers()?, extras))
    }

    /// The processor as Python and ELF tools spell it.
    pub(super) fn machine(&self) -> &'static str {
        match self.arch {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "aarch64",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {} on Lambda ({}, glibc 2.{})", self.python, self.arch.as_str(), self.glibc)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn amazon_linux_decides_the_glibc() {
        let of = |runtime, arch| Platform::new(runtime, arch).unwrap();
        assert_eq!(of("python3.13", Arch::X86_64).uv_name(), "x86_64-manylinux_2_34");
        assert_eq!(of("python3.99", Arch::Arm64).uv_name(), "aarch64-manylinux_2_34");
        assert_eq!(of("python3.11", Arch::Arm64).uv_name(), "aarch64-manylinux_2_17");
        assert_eq!(of("python3.11", Arch::Arm64).to_string(), "Python 3.11 on Lambda (arm64, glibc 2.26)");
        assert!(Platform::new("python", Arch::Arm64).is_err());
    }

    #[test]
    fn markers_are_judged_for_lambda_and_not_for_this_machine() {
        let platform = Platform::new("python3.11", Arch::Arm64).unwrap();
        for (marker, holds) in [
            ("", true),
            ("sys_platform == 'win32'", false),
            ("platform_machine == 'aarch64' and python_version < '3.12'", true),
            ("python_full_version < '3.11.3'", false),
            ("extra == 'socks'", false),
        ] {
            assert_eq!(platform.fulfils(marker, &[]).unwrap(), holds, "{marker}");
        }
        assert!(platform.fulfils("extra == 'socks'", &["socks".parse().unwrap()]).unwrap());
        assert!(platform.fulfils("python", &[]).is_err());
    }

    #[test]
    fn pip_is_told_every_tag_up_to_ours() {
        let platform = Platform::new("python3.11", Arch::X86_64).unwrap();
        let tags = platform.pip_platforms();
        assert_eq!(tags[0], "manylinux_2_26_x86_64");
        for tag in ["manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "manylinux_2_5_x86_64"] {
            assert!(tags.iter().any(|known| known == tag), "{tag}");
        }
        assert_eq!(platform.pip_abis(), ["cp311", "abi3", "none"]);
    }
}
