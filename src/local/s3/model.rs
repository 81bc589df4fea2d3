//! What lies in a bucket: objects, their versions, and uploads with their parts.
//!
//! Every version of a key has a place in one order, that in which they came; the newest one is read, unless it is a
//! delete marker. Kept on disk and asked by clients elsewhere: see [`bucket`](super::bucket) and
//! [`versions`](super::versions).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::checksum::Algorithm;
use super::attributes::Attributes;

/// The id of a version that was made while the bucket had none.
const NULL: &str = "null";

/// What is in a bucket.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Deleted while somebody still held it.
    pub(super) gone: bool,
    /// What is read without a version, by key, in the byte order S3 lists in.
    pub(super) objects: BTreeMap<String, Object>,
    /// What is not: former versions, and delete markers. The oldest first; the last one of a key that has no object
    /// is a marker.
    pub(super) hidden: BTreeMap<String, Vec<Version>>,
    /// By upload id.
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An object without its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) key: String,
    /// None is the version `null`: the only one in a bucket without versions.
    #[serde(default)]
    pub(super) version: Option<String>,
    /// Bytes.
    pub(super) size: u64,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    pub(super) attributes: Attributes,
    pub(super) checksum: Checksum,
    /// When it came, among all changes of the bucket.
    #[serde(default)]
    pub(super) sequence: u64,
    /// The sizes of the parts it was made of; empty when it came in one piece.
    pub(super) parts: Vec<u64>,
    pub(super) data: String,
}

/// What stands where a deleted object was, in a bucket with versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marker {
    pub(super) key: String,
    pub(super) version: Option<String>,
    pub(super) modified: Timestamp,
    pub(super) sequence: u64,
}

/// One version of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Version {
    Object(Box<Object>),
    Marker(Marker),
}

impl Version {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Object(object) => &object.key,
            Self::Marker(marker) => &marker.key,
        }
    }

    /// None is `null`.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Object(object) => object.version.as_deref(),
            Self::Marker(marker) => marker.version.as_deref(),
        }
    }

    pub(super) fn sequence(&self) -> u64 {
        match self {
            Self::Object(object) => object.sequence,
            Self::Marker(marker) => marker.sequence,
        }
    }
}

/// As S3 writes the id of a version.
pub(super) fn spelled(version: Option<&str>) -> &str {
    version.unwrap_or(NULL)
}

/// And as it reads one.
pub(super) fn read(version: &str) -> Option<&str> {
    Some(version).filter(|version| *version != NULL)
}

/// A checksum of an object or a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    /// Base64; a composite one ends in `-N`.
    pub(super) value: String,
    pub(super) composite: bool,
}

impl Checksum {
    /// As `x-amz-checksum-type` and `ChecksumType` spell it.
    pub(super) fn kind(&self) -> &'static str {
        if self.composite { "COMPOSITE" } else { "FULL_OBJECT" }
    }
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) started: Timestamp,
    pub(super) attributes: Attributes,
    pub(super) algorithm: Algorithm,
    pub(super) composite: bool,
    /// Whether the client chose the algorithm; then it must use it for every part.
    pub(super) chosen: bool,
    pub(super) parts: BTreeMap<u16, Part>,
}

/// A part of an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) size: u64,
    /// The MD5 in hexadecimal.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    /// Of the upload's algorithm.
    pub(super) checksum: String,
    pub(super) data: String,
}

impl Contents {
    /// Makes it the newest version of its key; what had its id goes and is given back.
    pub(super) fn put(&mut self, version: Version) -> Option<Version> {
        let key = version.key().to_owned();
        let replaced = self.take(&key, version.id());
        if let Some(former) = self.objects.remove(&key) {
            self.hidden.entry(key.clone()).or_default().push(Version::Object(Box::new(former)));
        }
        match version {
            Version::Object(object) => drop(self.objects.insert(key, *object)),
            marker @ Version::Marker(_) => self.hidden.entry(key).or_default().push(marker),
        }
        replaced
    }

    /// Takes a version out. The one before it is read when it was the newest.
    pub(super) fn take(&mut self, key: &str, id: Option<&str>) -> Option<Version> {
        let taken = if self.objects.get(key).is_some_and(|object| object.version.as_deref() == id) {
            self.objects.remove(key).map(|object| Version::Object(Box::new(object)))
        } else {
            let hidden = self.hidden.get_mut(key)?;
            let at = hidden.iter().position(|version| version.id() == id)?;
            Some(hidden.remove(at))
        };
        if let Some(hidden) = self.hidden.get_mut(key) {
            if !self.objects.contains_key(key)
                && let Some(Version::Object(object)) = hidden.pop_if(|last| matches!(last, Version::Object(_)))
            {
                self.objects.insert(key.to_owned(), *object);
            }
            if hidden.is_empty() {
                self.hidden.remove(key);
            }
        }
        taken
    }

    /// Puts an object in the place of the same version of it.
    pub(super) fn amend(&mut self, object: Object) {
        match self.objects.get_mut(&object.key) {
            Some(newest) if newest.version == object.version => *newest = object,
            _ => {
                let hidden = self.hidden.get_mut(&object.key).into_iter().flatten();
                let same = |version: &&mut Version| version.id() == object.version.as_deref();
                if let Some(version) = hidden.into_iter().find(same) {
                    *version = Version::Object(Box::new(object));
                }
            }
        }
    }

    /// The version with that id.
    pub(super) fn find(&self, key: &str, id: Option<&str>) -> Option<Version> {
        match self.objects.get(key) {
            Some(object) if object.version.as_deref() == id => Some(Version::Object(Box::new(object.clone()))),
            _ => self.hidden.get(key)?.iter().find(|version| version.id() == id).cloned(),
        }
    }

    /// The delete marker because of which nothing is read.
    pub(super) fn marker(&self, key: &str) -> Option<&Marker> {
        match self.hidden.get(key)?.last()? {
            Version::Marker(marker) if !self.objects.contains_key(key) => Some(marker),
            _ => None,
        }
    }
}

/// An object for tests.
#[cfg(test)]
pub(super) fn sample(key: &str, version: Option<&str>, sequence: u64) -> Object {
    Object {
        key: key.to_owned(),
        version: version.map(str::to_owned),
        size: 0,
        etag: String::new(),
        modified: Timestamp::UNIX_EPOCH,
        attributes: Attributes::of_json(),
        checksum: Checksum { algorithm: Algorithm::Crc32, value: String::new(), composite: false },
        sequence,
        parts: Vec::new(),
        data: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: Option<&str>, sequence: u64) -> Version {
        Version::Object(Box::new(sample("k", version, sequence)))
    }

    fn marker(version: Option<&str>, sequence: u64) -> Version {
        let (key, version) = ("k".to_owned(), version.map(str::to_owned));
        Version::Marker(Marker { key, version, modified: Timestamp::UNIX_EPOCH, sequence })
    }

    /// What is read, and the ids of the others from the oldest on.
    fn look(contents: &Contents) -> (Option<&str>, Vec<&str>) {
        let hidden = contents.hidden.get("k").into_iter().flatten().map(|version| spelled(version.id()));
        (contents.objects.get("k").map(|object| spelled(object.version.as_deref())), hidden.collect())
    }

    #[test]
    fn the_newest_is_read_unless_it_is_a_marker() {
        let mut contents = Contents::default();
        for (number, id) in [None, Some("a"), Some("b")].into_iter().enumerate() {
            assert!(contents.put(object(id, number as u64)).is_none());
        }
        assert_eq!(look(&contents), (Some("b"), vec!["null", "a"]));
        contents.put(marker(Some("m"), 3));
        assert_eq!(look(&contents), (None, vec!["null", "a", "b", "m"]));
        assert_eq!(contents.marker("k").and_then(|marker| marker.version.as_deref()), Some("m"));
        // A version in the middle goes, then the marker: the one before it is back.
        contents.take("k", Some("a"));
        contents.take("k", Some("m"));
        assert_eq!(look(&contents), (Some("b"), vec!["null"]));
        assert!(contents.marker("k").is_none());
        contents.take("k", Some("b"));
        assert_eq!(look(&contents), (Some("null"), vec![]));
        assert!(contents.take("k", Some("b")).is_none());
        contents.take("k", None);
        assert!(contents.objects.is_empty() && contents.hidden.is_empty());
    }

    #[test]
    fn there_is_one_version_null() {
        let mut contents = Contents::default();
        contents.put(object(None, 0));
        contents.put(object(Some("a"), 1));
        // Versioning was suspended.
        assert_eq!(contents.put(object(None, 2)).map(|old| old.sequence()), Some(0));
        assert_eq!(look(&contents), (Some("null"), vec!["a"]));
        assert_eq!(contents.put(marker(None, 3)).map(|old| old.sequence()), Some(2));
        assert_eq!(look(&contents), (None, vec!["a", "null"]));
        assert_eq!(contents.put(object(None, 4)).map(|old| old.sequence()), Some(3));
        assert_eq!(look(&contents), (Some("null"), vec!["a"]));
    }

    #[test]
    fn a_version_is_kept_as_what_it_is() {
        for version in [object(Some("a"), 1), object(None, 0), marker(Some("m"), 2)] {
            let text = serde_json::to_string(&version).unwrap_or_default();
            let back: Option<Version> = serde_json::from_str(&text).ok();
            assert_eq!(format!("{back:?}"), format!("{:?}", Some(version)));
        }
        let damaged = r#"{"key":"k","version":null,"modified":"2026-11-21T00:00:00Z","sequence":1,"size":3}"#;
        assert!(serde_json::from_str::<Version>(damaged).is_err(), "half an object is no marker");
    }
}
