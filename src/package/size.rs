//! Lambda's size limit, and what weighs most.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::types::Weight;
use crate::error::{Error, Result};

/// Bytes a package may have unpacked: "250 MB", which AWS counts in steps of 1,024
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). There is no limit
/// on the zip: packages go through S3.
pub(super) const MOST_UNZIPPED: u64 = 262_144_000;

/// How many parts an error or a report names.
const PARTS: usize = 10;

/// The heaviest parts of a package, heaviest first.
pub(super) fn heaviest(entries: &[Entry]) -> Vec<Weight> {
    let mut parts = BTreeMap::<&str, u64>::new();
    for entry in entries {
        *parts.entry(entry.part()).or_default() += entry.size;
    }
    let mut parts: Vec<Weight> =
        parts.into_iter().map(|(name, unzipped)| Weight { name: name.to_owned(), unzipped }).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.unzipped));
    parts.truncate(PARTS);
    parts
}

/// Refuses `unzipped` bytes when they are more than Lambda takes, and says where they are.
pub(super) fn check(unzipped: u64, entries: &[Entry]) -> Result<()> {
    if unzipped <= MOST_UNZIPPED {
        return Ok(());
    }
    let mut error = Error::failed(format!(
        "the package has {} unpacked, {} more than the {} Lambda allows",
        megabytes(unzipped),
        megabytes(unzipped - MOST_UNZIPPED),
        megabytes(MOST_UNZIPPED)
    ));
    let heaviest = heaviest(entries);
    let width = heaviest.iter().map(|part| part.name.len()).max().unwrap_or(0);
    error.causes.extend(heaviest.iter().map(|part| format!("{:width$}  {:>9}", part.name, megabytes(part.unzipped))));
    Err(error.hint("leave out what is not needed at run time with `exclude`, or drop a dependency"))
}

/// "12.3 MB", in AWS's megabytes of 1,048,576 bytes.
pub(super) fn megabytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::entry::Owner;
    use super::*;

    fn entry(path: &str, size: u64, owner: Owner) -> Entry {
        Entry::file(path.into(), "/x".into(), size, false, owner)
    }

    #[test]
    fn the_limit_is_to_the_byte() {
        let of = |size| check(size, &[entry("a", size, Owner::Project)]);
        assert!(of(MOST_UNZIPPED).is_ok());
        let error = of(MOST_UNZIPPED + 1).unwrap_err();
        assert_eq!(error.message, "the package has 250.1 MB unpacked, 0.1 MB more than the 250.0 MB Lambda allows");
    }

    #[test]
    fn the_error_lists_dependencies_and_folders_by_weight() {
        let numpy = || Owner::Dependency("numpy".into());
        let entries = [
            entry("numpy/a.so", 100 << 20, numpy()),
            entry("numpy.libs/b.so", 50 << 20, numpy()),
            entry("data/x", 120 << 20, Owner::Project),
            entry("app.py", 1, Owner::Project),
        ];
        let error = check(270 << 20, &entries).unwrap_err();
        assert_eq!(error.causes, ["numpy    150.0 MB", "data     120.0 MB", "app.py     0.1 MB"]);
        assert_eq!(heaviest(&entries)[0].unzipped, 150 << 20);
    }

    #[test]
    fn only_the_ten_heaviest_are_named() {
        let entries: Vec<Entry> = (0..20).map(|n| entry(&format!("{n}"), n, Owner::Project)).collect();
        let names: Vec<String> = heaviest(&entries).into_iter().map(|part| part.name).collect();
        assert_eq!(names, ["19", "18", "17", "16", "15", "14", "13", "12", "11", "10"]);
    }
}
