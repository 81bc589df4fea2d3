//! Poetry's version constraints (`^1.2`, `~1.2`, `1.*`, `>=1,<2 || >2`) in PEP 440's terms.
//!
//! Source: <https://python-poetry.org/docs/dependency-specification/#version-constraints>.

use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};

use crate::error::{Error, OrFailed, Result};

/// A union of ranges; never empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Constraint(Vec<VersionSpecifiers>);

impl Constraint {
    /// What Poetry means by `text`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let ranges = text.split("||").flat_map(|part| part.split('|'));
        let ranges = ranges.filter(|part| !part.trim().is_empty());
        let ranges: Vec<VersionSpecifiers> = ranges.map(range).collect::<Result<_>>()?;
        Ok(Self(if ranges.is_empty() { vec![VersionSpecifiers::empty()] } else { ranges }))
    }

    /// Whether `version` is allowed.
    pub(super) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|range| range.contains(version))
    }

    /// The one range as it is written in a requirement; `None` when there are several.
    pub(super) fn requirement(&self) -> Option<String> {
        match self.0.as_slice() {
            [range] => Some(range.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
            _ => None,
        }
    }
}

/// `>=1, <2` or `>=1 <2` or `^1`
fn range(text: &str) -> Result<VersionSpecifiers> {
    let mut all = Vec::new();
    let mut operator = "";
    for word in text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        // `>= 1` has its operator alone.
        if word.bytes().all(|byte| b"<>=!~^".contains(&byte)) {
            operator = word;
            continue;
        }
        all.extend(bounds(&format!("{operator}{word}"))?);
        operator = "";
    }
    Ok(all.into_iter().collect())
}

fn bounds(word: &str) -> Result<Vec<VersionSpecifier>> {
    if word == "*" {
        return Ok(vec![]);
    }
    if let Some(version) = word.strip_prefix('^') {
        return between(version, |release| {
            // The first number that is not 0 may not change.
            let index = release.iter().position(|number| *number != 0).unwrap_or(release.len().saturating_sub(1));
            next(release, index)
        });
    }
    if let Some(version) = word.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
        return between(version, |release| next(release, usize::from(release.len() > 1)));
    }
    // A bare version means exactly this one.
    let exact = word.starts_with(|c: char| c.is_ascii_alphanumeric());
    let text = if exact { format!("=={word}") } else { word.replacen('=', "==", usize::from(lone_equals(word))) };
    Ok(vec![text.parse::<VersionSpecifier>().map_err(|error| unclear(word).because(&error))?])
}

/// `=1.0`, which Poetry takes for `==1.0`.
fn lone_equals(word: &str) -> bool {
    word.starts_with('=') && !word.starts_with("==")
}

fn between(text: &str, end: impl Fn(&[u64]) -> Vec<u64>) -> Result<Vec<VersionSpecifier>> {
    let version: Version = text.trim().parse().or_failed(|| format!("read the version `{text}`"))?;
    let end = Version::new(end(version.release()));
    Ok(vec![VersionSpecifier::greater_than_equal_version(version), VersionSpecifier::less_than_version(end)])
}

/// The release that follows when the number at `index` goes up.
fn next(release: &[u64], index: usize) -> Vec<u64> {
    let mut release = release[..=index.min(release.len() - 1)].to_vec();
    if let Some(last) = release.last_mut() {
        *last += 1;
    }
    release
}

fn unclear(word: &str) -> Error {
    Error::failed(format!("`{word}` is no version constraint that rzap knows"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn poetrys_operators_become_pep_440s() {
        for (poetry, pep440) in [
            ("^1.2.3", ">=1.2.3,<2"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^0", ">=0,<1"),
            ("~1.2.3", ">=1.2.3,<1.3"),
            ("~1", ">=1,<2"),
            ("~=1.4", "~=1.4"),
            ("*", ""),
            ("1.2.*", "==1.2.*"),
            ("1.2.3", "==1.2.3"),
            ("=1.2", "==1.2"),
            (">= 1.2, !=1.5", ">=1.2,!=1.5"),
            (">=1 <2", ">=1,<2"),
        ] {
            assert_eq!(Constraint::parse(poetry).unwrap().requirement().unwrap(), pep440, "{poetry}");
        }
        assert!(Constraint::parse("latest").is_err());
    }

    #[test]
    fn a_union_allows_what_one_of_its_ranges_does() {
        let constraint = Constraint::parse(">=1.5.6,<1.5.7 || >1.5.7").unwrap();
        assert_eq!(constraint.requirement(), None);
        for (version, allowed) in [("1.5.6", true), ("1.5.7", false), ("1.7.1", true), ("1.0", false)] {
            assert_eq!(constraint.allows(&version.parse().unwrap()), allowed, "{version}");
        }
    }
}
