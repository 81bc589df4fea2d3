//! What weighs most in a package: by dependency, and by folder.
//!
//! Only looks at the list of files. Bytes in the zip are those of the entries' data; until the zip
//! is written they are not known and count as 0.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use super::types::{Content, Weight};

/// A folder that holds more than this part of a package is shown by what is in it.
const TOO_COARSE: u64 = 12;

/// The dependencies and the project's own top-level names, heaviest first.
pub(crate) fn parts(contents: &[Content]) -> Vec<Weight> {
    let mut parts = BTreeMap::<(&str, bool), Weight>::new();
    for content in contents {
        let part = parts.entry((&content.of, content.dependency)).or_insert_with(|| Weight {
            name: content.of.clone(),
            dependency: content.dependency,
            ..Weight::default()
        });
        part.add(content);
    }
    sorted(parts.into_values().collect())
}

/// The folders where the weight is, heaviest first and none inside another, at most `most`. A folder
/// with a large share of the package is replaced by the folders in it; its own files then appear as
/// `folder/*`. What has less than a hundredth is not named.
pub(crate) fn folders(contents: &[Content], most: usize) -> Vec<Weight> {
    let total: u64 = contents.iter().map(|content| content.unzipped).sum();
    let mut waiting = BinaryHeap::new();
    let mut done = Vec::new();
    let everything = Folder::new(String::new(), contents.iter().collect());
    waiting.extend(everything.open());
    while let Some(folder) = waiting.pop() {
        // From here on the rest is lighter than what is done.
        if done.len() >= most || folder.unzipped * 100 < total {
            break;
        }
        let parts = if folder.unzipped * TOO_COARSE > total { folder.open() } else { Vec::new() };
        // A folder of files only has nothing finer to show.
        if parts.iter().any(|part| part.path.ends_with('/')) {
            waiting.extend(parts);
        } else {
            done.push(folder.weight());
        }
    }
    sorted(done)
}

fn sorted(mut weights: Vec<Weight>) -> Vec<Weight> {
    weights.sort_by(|a, b| Reverse(a.unzipped).cmp(&Reverse(b.unzipped)).then_with(|| a.name.cmp(&b.name)));
    weights
}

impl Weight {
    fn add(&mut self, content: &Content) {
        self.files += 1;
        self.unzipped += content.unzipped;
        self.zipped += content.zipped;
    }
}

/// A folder (`path` ends in `/`, or is empty for all) or the files directly in one (`path` ends in `*`).
struct Folder<'a> {
    path: String,
    files: Vec<&'a Content>,
    unzipped: u64,
}

/// By weight, and by path where that is equal.
impl Ord for Folder<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.unzipped.cmp(&other.unzipped).then_with(|| other.path.cmp(&self.path))
    }
}

impl PartialOrd for Folder<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Folder<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Folder<'_> {}

impl<'a> Folder<'a> {
    fn new(path: String, files: Vec<&'a Content>) -> Self {
        let unzipped = files.iter().map(|file| file.unzipped).sum();
        Self { path, files, unzipped }
    }

    fn weight(&self) -> Weight {
        let mut weight = Weight { name: self.path.clone(), ..Weight::default() };
        self.files.iter().for_each(|file| weight.add(file));
        weight
    }

    /// The folders in it, and its own files as one.
    fn open(&self) -> Vec<Self> {
        let mut parts = BTreeMap::<String, Vec<&'a Content>>::new();
        if self.path.ends_with('*') {
            return Vec::new();
        }
        for file in &self.files {
            let inside = &file.path[self.path.len()..];
            let name = inside.find('/').map_or("*", |end| &inside[..=end]);
            parts.entry(format!("{}{name}", self.path)).or_default().push(file);
        }
        parts.into_iter().map(|(path, files)| Self::new(path, files)).collect()
    }
}

/// `12.3 MB`, in AWS's steps of 1,024: its "250 MB" are 262,144,000 bytes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub(crate) fn amount(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let value = bytes as f64;
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} kB", value / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MB", value / 1_048_576.0),
        _ => format!("{:.2} GB", value / 1_073_741_824.0),
    }
}

/// `34 %` of a whole.
pub(crate) fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let percent = if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
    if percent > 0.0 && percent < 0.1 {
        "< 0.1 %".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(path: &str, of: &str, unzipped: u64) -> Content {
        let dependency = !path.starts_with(of) || of == "numpy";
        Content { path: path.into(), of: of.into(), dependency, unzipped, zipped: unzipped / 2 }
    }

    #[test]
    fn parts_are_dependencies_and_what_stands_at_the_top() {
        let contents = [
            content("app.py", "app.py", 10),
            content("data/a", "data", 70),
            content("data/b", "data", 50),
            content("numpy.libs/b.so", "numpy", 50),
            content("numpy/a.so", "numpy", 100),
        ];
        let seen: Vec<_> = parts(&contents)
            .into_iter()
            .map(|part| (part.name, part.dependency, part.files, part.unzipped, part.zipped))
            .collect();
        assert_eq!(
            seen,
            [
                ("numpy".to_owned(), true, 2, 150, 75),
                ("data".to_owned(), false, 2, 120, 60),
                ("app.py".to_owned(), false, 1, 10, 5)
            ]
        );
    }

    #[test]
    fn a_folder_with_much_in_it_is_shown_by_its_folders() {
        let contents = [
            content("app.py", "app.py", 1),
            content("big/__init__.py", "big", 3),
            content("big/data/a/1", "big", 500),
            content("big/data/a/2", "big", 100),
            content("big/data/b/1", "big", 200),
            content("big/lib/x.so", "big", 60),
            content("small/x", "small", 40),
            content("small/y/z", "small", 1),
        ];
        let seen = |most| -> Vec<(String, u64)> {
            folders(&contents, most).into_iter().map(|folder| (folder.name, folder.unzipped)).collect()
        };
        let all = [("big/data/a/", 600), ("big/data/b/", 200), ("big/lib/", 60), ("small/", 41)];
        let all = all.map(|(name, size)| (name.to_owned(), size));
        assert_eq!(seen(10), all);
        assert_eq!(seen(2), all[..2]);
        assert!(folders(&[], 5).is_empty());
    }

    #[test]
    fn units_are_those_of_the_limit() {
        assert_eq!(
            [0, 1_023, 1_024, 1_500_000, 262_144_000, 3_221_225_472].map(amount),
            ["0 B", "1023 B", "1.0 kB", "1.4 MB", "250.0 MB", "3.00 GB"]
        );
        assert_eq!(
            [(0, 0), (1, 1_000_000), (5, 100), (999, 10_000), (1, 1)].map(|(part, whole)| share(part, whole)),
            ["0.0 %", "< 0.1 %", "5.0 %", "10 %", "100 %"]
        );
    }
}
