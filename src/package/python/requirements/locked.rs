//! What a lock file comes to: one exact version of everything, ready for an installer's `-r`.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// Everything that a lock wants installed on one platform, dependencies of dependencies included.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::package) struct Locked {
    pub(in crate::package) pins: Vec<Pin>,
    /// Folders of the user's own packages, to be built.
    pub(in crate::package) folders: Vec<PathBuf>,
    /// Indexes besides the installer's own.
    pub(in crate::package) indexes: BTreeSet<String>,
}

/// One distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::package) struct Pin {
    /// `name==1.0`, `name @ https://…`, with a marker behind ` ; ` or without.
    pub(in crate::package) requirement: String,
    /// `sha256:…` of every file that may be taken.
    pub(in crate::package) hashes: Vec<String>,
}

impl Locked {
    /// The pins with hashes and those without, as requirements files: pip checks all of a file or
    /// nothing of it.
    pub(in crate::package) fn texts(&self) -> [String; 2] {
        let (hashed, plain): (Vec<&Pin>, Vec<&Pin>) = self.pins.iter().partition(|pin| !pin.hashes.is_empty());
        [hashed, plain].map(|pins| {
            if pins.is_empty() {
                return String::new();
            }
            let indexes = self.indexes.iter().map(|url| format!("--extra-index-url {url}\n"));
            indexes.chain(pins.into_iter().map(Pin::line)).collect()
        })
    }
}

impl Pin {
    fn line(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| format!(" \\\n    --hash={hash}")).collect();
        format!("{}{hashes}\n", self.requirement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_and_other_lines_go_into_files_of_their_own() {
        let pin = |requirement: &str, hashes: &[&str]| Pin {
            requirement: requirement.into(),
            hashes: hashes.iter().map(ToString::to_string).collect(),
        };
        let mut locked = Locked { pins: vec![pin("six==1", &["sha256:00", "sha256:01"])], ..Locked::default() };
        assert_eq!(
            locked.texts(),
            ["six==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n".to_owned(), String::new()]
        );
        locked.pins.push(pin("own @ git+https://example.org/own@1f", &[]));
        locked.indexes.insert("https://example.org/simple".into());
        let [hashed, plain] = locked.texts();
        assert!(hashed.starts_with("--extra-index-url https://example.org/simple\nsix==1 \\\n"), "{hashed}");
        assert_eq!(plain, "--extra-index-url https://example.org/simple\nown @ git+https://example.org/own@1f\n");
    }
}
