//! `slim: true`: the distributions that Lambda's Python runtimes bring themselves
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included>).
//!
//! AWS chooses their versions and changes them, so one of them is packed all the same when another
//! packed distribution asks for versions the runtime may not have.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pep440_rs::Version;
use pep508_rs::{Requirement, VersionOrUrl};

use super::super::platform::Platform;
use super::super::requirements::normal_name;
use super::Distribution;
use crate::error::{OrFailed, Result};

/// Name, and the oldest and the newest version a runtime may have of it.
const RUNTIME: [(&str, &str, &str); 7] = [
    ("boto3", "1.34", "1.999"),
    ("botocore", "1.34", "1.999"),
    ("jmespath", "1.0", "1.999"),
    ("python-dateutil", "2.8", "2.999"),
    ("s3transfer", "0.10", "0.999"),
    ("six", "1.16", "1.999"),
    // Still 1.26, which botocore takes besides 2.
    ("urllib3", "1.26", "2.999"),
];

/// What the distribution with its records in `info` asks of those, whatever extras are wanted.
pub(super) fn needs(info: &Path, platform: &Platform) -> Result<Vec<String>> {
    let file = info.join("METADATA");
    let metadata = fs::read(&file).or_failed(|| format!("read {}", file.display()))?;
    let metadata = String::from_utf8_lossy(&metadata);
    let head = metadata.lines().take_while(|line| !line.is_empty());
    let requirements = head.filter_map(|line| line.strip_prefix("Requires-Dist:"));
    let mut needs = Vec::new();
    for line in requirements.filter(|line| in_runtime(&normal_name(line.trim()))) {
        // A line that cannot be read is no reason to refuse an install that worked.
        let Ok(mut requirement) = line.trim().parse::<Requirement>() else { continue };
        requirement.marker = requirement.marker.simplify_extras_with(|_| true);
        if requirement.evaluate_markers(&platform.markers()?, &[]) {
            requirement.marker = pep508_rs::MarkerTree::TRUE;
            needs.push(requirement.to_string());
        }
    }
    Ok(needs)
}

fn in_runtime(name: &str) -> bool {
    RUNTIME.iter().any(|(known, ..)| *known == name)
}

/// Which of `distributions` are left to the runtime, and why some that it has are not.
pub(super) fn left_to_runtime(distributions: &[Distribution]) -> (BTreeSet<&str>, Vec<String>) {
    let mut left: BTreeSet<&str> =
        distributions.iter().map(|of| of.name.as_str()).filter(|name| in_runtime(&normal_name(name))).collect();
    let mut notes = Vec::new();
    loop {
        let packed = distributions.iter().filter(|of| !left.contains(of.name.as_str()));
        let asked = packed.flat_map(|of| of.needs.iter().map(move |need| (of, need)));
        let doubtful = asked.filter(|(_, need)| !is_met(need)).find_map(|(of, need)| {
            let name = left.iter().find(|name| normal_name(name) == normal_name(need))?;
            Some((of, need, *name))
        });
        let Some((of, need, name)) = doubtful else { return (left, notes) };
        left.remove(name);
        notes
            .push(format!("slim: {name} is packed, because {} needs {need} and the runtime's may be another", of.name));
    }
}

/// Whether all versions a runtime may have will do.
fn is_met(need: &str) -> bool {
    let Ok(requirement) = need.parse::<Requirement>() else { return false };
    let Some((_, oldest, newest)) = RUNTIME.iter().find(|(known, ..)| *known == requirement.name.as_ref()) else {
        return false;
    };
    match requirement.version_or_url {
        None => true,
        Some(VersionOrUrl::Url(_)) => false,
        Some(VersionOrUrl::VersionSpecifier(versions)) => [oldest, newest]
            .iter()
            .all(|version| version.parse::<Version>().is_ok_and(|version| versions.contains(&version))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::Arch;

    fn distribution(name: &str, needs: &[&str]) -> Distribution {
        Distribution { name: name.into(), version: "1".into(), needs: needs.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn what_the_runtime_has_is_left_to_it() {
        let all = [
            distribution("boto3", &["botocore>=1.43.9,<1.44", "jmespath<2,>=0.7.1"]),
            distribution("botocore", &["urllib3>=1.25.4,!=2.2.0,<3"]),
            distribution("python_dateutil", &["six>=1.5"]),
            distribution("requests", &["urllib3<3,>=1.26"]),
            distribution("six", &[]),
            distribution("urllib3", &[]),
        ];
        let (left, notes) = left_to_runtime(&all);
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["boto3", "botocore", "python_dateutil", "six", "urllib3"]);
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn a_version_the_runtime_may_not_have_is_packed_and_so_is_what_it_needs() {
        let all = [
            distribution("aiobotocore", &["boto3<1.44,>=1.43.9"]),
            distribution("boto3", &["botocore>=1.43.9,<1.44"]),
            distribution("botocore", &["six"]),
            distribution("six", &[]),
        ];
        let (left, notes) = left_to_runtime(&all);
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["six"]);
        assert_eq!(notes.len(), 2);
        assert!(
            notes[0].starts_with("slim: boto3 is packed, because aiobotocore needs boto3<1.44,>=1.43.9"),
            "{notes:?}"
        );
    }

    #[test]
    fn needs_are_those_of_lambdas_platform_with_all_extras() {
        let info = tempfile::tempdir().unwrap();
        let text = "Name: x\nRequires-Dist: six>=1\nRequires-Dist: boto3==1.40 ; extra == 'aws'\nRequires-Dist: urllib3 ; \
                    sys_platform == 'win32'\nRequires-Dist: flask\n\nRequires-Dist: jmespath\n";
        fs::write(info.path().join("METADATA"), text).unwrap();
        let platform = Platform::new("python3.13", Arch::Arm64).unwrap();
        assert_eq!(needs(info.path(), &platform).unwrap(), ["six>=1", "boto3==1.40"]);
    }
}
