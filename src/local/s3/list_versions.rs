//! `ListObjectVersions`: all versions and delete markers, by key and the newest first.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>

use std::ops::Bound;

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::list::{common, delimiter, head, show, spelling};
use super::model::{Contents, Marker, Object, Version, spelled};
use super::{Call, date, owner, xml};

/// A version as it is listed.
#[derive(Debug, Clone, Copy)]
enum Listed<'a> {
    Object(&'a Object),
    Marker(&'a Marker),
}

/// One page: versions and common prefixes in order, and after what the next one starts.
#[derive(Debug, Default)]
struct Page<'a> {
    /// With whether it is the newest.
    versions: Vec<(Listed<'a>, bool)>,
    prefixes: Vec<String>,
    /// A key and a version of it; a common prefix has none.
    next: Option<(String, Option<String>)>,
}

impl<'a> Listed<'a> {
    fn id(self) -> &'a str {
        spelled(match self {
            Self::Object(object) => object.version.as_deref(),
            Self::Marker(marker) => marker.version.as_deref(),
        })
    }
}

pub(super) fn answer(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let spell = spelling(call)?;
    let (prefix, delimiter) = (call.param("prefix").unwrap_or_default(), delimiter(call));
    let limit = call.limit("max-keys")?;
    let marker = |name| call.param(name).unwrap_or_default();
    let (key_marker, version_marker) = (marker("key-marker"), marker("version-id-marker"));
    if key_marker.is_empty() && !version_marker.is_empty() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(Fault::new(400, "InvalidArgument", message).member("ArgumentName", "version-id-marker"));
    }
    let contents = bucket.contents()?;
    let page = page(&contents, prefix, delimiter, (key_marker, version_marker), limit);
    let mut fields = head(bucket, prefix, delimiter, limit, page.next.is_some(), spell);
    fields.push(Element::leaf("KeyMarker", spell(key_marker)));
    fields.push(Element::leaf("VersionIdMarker", version_marker));
    if let Some((key, version)) = &page.next {
        fields.push(Element::leaf("NextKeyMarker", spell(key)));
        fields.extend(version.iter().map(|version| Element::leaf("NextVersionIdMarker", version)));
    }
    for (listed, is_newest) in &page.versions {
        let mut element = match listed {
            Listed::Object(object) => show("Version", object, true, spell),
            Listed::Marker(marker) => Element::new(
                "DeleteMarker",
                vec![
                    Element::leaf("Key", spell(&marker.key)),
                    Element::leaf("LastModified", date(marker.modified)),
                    owner("Owner"),
                ],
            ),
        };
        element.children.push(Element::leaf("VersionId", listed.id()));
        element.children.push(Element::leaf("IsLatest", is_newest.to_string()));
        fields.push(element);
    }
    fields.extend(common(&page.prefixes, spell));
    Ok(xml(&Element::new("ListVersionsResult", fields)))
}

/// `limit` versions and common prefixes after a key (or a common prefix), or after a version of it.
fn page<'a>(
    contents: &'a Contents,
    prefix: &str,
    delimiter: Option<&str>,
    (after, version): (&str, &str),
    limit: usize,
) -> Page<'a> {
    let mut page = Page::default();
    if limit == 0 {
        return page;
    }
    let start = match after {
        "" => Bound::Included(prefix),
        after if after < prefix => Bound::Included(prefix),
        after if version.is_empty() => Bound::Excluded(after),
        after => Bound::Included(after),
    };
    let mut last = (String::new(), None);
    for key in keys(contents, start) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let is_full = |page: &Page<'_>| page.versions.len() + page.prefixes.len() == limit;
        if let Some(at) = delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len())) {
            let group = &key[..prefix.len() + at];
            if after == group || page.prefixes.last().is_some_and(|last| last == group) {
                continue;
            }
            if is_full(&page) {
                page.next = Some(last);
                break;
            }
            last = (group.to_owned(), None);
            page.prefixes.push(group.to_owned());
            continue;
        }
        let mut versions = of_key(contents, key);
        if key == after {
            // A version that is gone meanwhile: what is left of the key comes after it.
            let at = versions.iter().position(|(listed, _)| listed.id() == version);
            versions.drain(..at.map_or(0, |at| at + 1));
        }
        for one in versions {
            if is_full(&page) {
                page.next = Some(last);
                return page;
            }
            last = (key.to_owned(), Some(one.0.id().to_owned()));
            page.versions.push(one);
        }
    }
    page
}

/// The versions of a key, the newest first, each with whether it is that.
fn of_key<'a>(contents: &'a Contents, key: &str) -> Vec<(Listed<'a>, bool)> {
    let hidden = contents.hidden.get(key).into_iter().flatten().rev().map(|version| match version {
        Version::Object(object) => Listed::Object(object),
        Version::Marker(marker) => Listed::Marker(marker),
    });
    let all = contents.objects.get(key).map(Listed::Object).into_iter().chain(hidden);
    all.enumerate().map(|(at, listed)| (listed, at == 0)).collect()
}

/// All keys that have a version, in order.
fn keys<'a>(contents: &'a Contents, start: Bound<&str>) -> impl Iterator<Item = &'a str> {
    let range = (start, Bound::Unbounded);
    let mut objects = contents.objects.range::<str, _>(range).map(|(key, _)| key.as_str()).peekable();
    let mut hidden = contents.hidden.range::<str, _>(range).map(|(key, _)| key.as_str()).peekable();
    std::iter::from_fn(move || match (objects.peek(), hidden.peek()) {
        (Some(one), Some(other)) if one == other => {
            hidden.next();
            objects.next()
        }
        (Some(one), Some(other)) if one > other => hidden.next(),
        (None, _) => hidden.next(),
        _ => objects.next(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::local::s3::model::sample;

    /// `k` with three versions below a marker, and keys around it.
    fn contents() -> Contents {
        let mut contents = Contents::default();
        let object = |key, version, sequence| Version::Object(Box::new(sample(key, version, sequence)));
        for (number, key) in ["a", "d/1", "d/2", "k", "z"].into_iter().enumerate() {
            contents.put(object(key, None, number as u64));
        }
        contents.put(object("k", Some("one"), 5));
        contents.put(object("k", Some("two"), 6));
        let marker = |key: &str, version: &str| {
            let (key, version) = (key.to_owned(), Some(version.to_owned()));
            Version::Marker(Marker { key, version, modified: Timestamp::UNIX_EPOCH, sequence: 7 })
        };
        contents.put(marker("k", "gone"));
        contents.put(marker("l", "never"));
        contents
    }

    /// All pages of `limit` together.
    fn walk(contents: &Contents, delimiter: Option<&str>, limit: usize) -> Vec<String> {
        let (mut all, mut after) = (Vec::new(), (String::new(), String::new()));
        loop {
            let page = page(contents, "", delimiter, (&after.0, &after.1), limit);
            assert!(page.versions.len() + page.prefixes.len() <= limit);
            all.extend(page.versions.iter().map(|(listed, is_newest)| {
                let key = match listed {
                    Listed::Object(object) => object.key.clone(),
                    Listed::Marker(marker) => format!("-{}", marker.key),
                };
                format!("{key} {}{}", listed.id(), if *is_newest { "!" } else { "" })
            }));
            all.extend(page.prefixes);
            match page.next {
                Some((key, version)) => after = (key, version.unwrap_or_default()),
                None => return all,
            }
        }
    }

    #[test]
    fn pages_of_any_size_give_the_same_listing() {
        let contents = contents();
        for limit in 1..10 {
            let all = walk(&contents, None, limit);
            let of_k = ["-k gone!", "k two", "k one", "k null"];
            let wanted = [&["a null!", "d/1 null!", "d/2 null!"][..], &of_k, &["-l never!", "z null!"]].concat();
            assert_eq!(all, wanted, "{limit} at a time");
            let mut grouped = walk(&contents, Some("/"), limit);
            grouped.sort();
            let mut wanted = [&["a null!", "d/", "-l never!", "z null!"][..], &of_k].concat();
            wanted.sort_unstable();
            assert_eq!(grouped, wanted, "{limit} at a time");
        }
    }

    #[test]
    fn a_version_that_went_between_two_pages_hides_no_other() {
        let mut contents = contents();
        contents.take("k", Some("gone"));
        let page = page(&contents, "k", None, ("k", "gone"), 9);
        assert_eq!(page.versions.iter().map(|(listed, _)| listed.id()).collect::<Vec<_>>(), ["two", "one", "null"]);
    }
}
