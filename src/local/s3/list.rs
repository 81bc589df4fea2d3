//! Listings of a bucket: `ListObjects` and `ListObjectsV2`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::collections::BTreeMap;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::wire::{Fault, Reply, percent_encode};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::model::Object;
use super::put::quoted;
use super::{Call, date, owner, xml};

/// One page: keys and common prefixes in order, and where the next one starts.
#[derive(Debug, PartialEq, Eq)]
struct Page<'a> {
    keys: Vec<&'a str>,
    prefixes: Vec<String>,
    /// The last key or prefix of this page, when there is more.
    next: Option<String>,
}

pub(super) fn objects(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    match call.param("list-type") {
        None => v1(call, bucket),
        Some("2") => v2(call, bucket),
        Some(_) => Err(Fault::new(400, "InvalidArgument", "Invalid List Type specified in request")),
    }
}

fn v2(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let spell = spelling(call)?;
    let (prefix, delimiter) = (call.param("prefix").unwrap_or_default(), delimiter(call));
    let limit = call.limit("max-keys")?;
    let token = call.param("continuation-token");
    let after = match token {
        Some(token) => Some(decode(token).ok_or_else(|| {
            Fault::new(400, "InvalidArgument", "The continuation token provided is incorrect")
                .member("ArgumentName", "continuation-token")
        })?),
        None => call.param("start-after").filter(|key| !key.is_empty()).map(str::to_owned),
    };
    let contents = bucket.contents()?;
    let page = page(&contents.objects, prefix, delimiter, after.as_deref(), limit);
    let mut fields = head(bucket, prefix, delimiter, limit, page.next.is_some(), spell);
    fields.push(Element::leaf("KeyCount", (page.keys.len() + page.prefixes.len()).to_string()));
    fields.extend(token.map(|token| Element::leaf("ContinuationToken", token)));
    fields.extend(page.next.iter().map(|next| Element::leaf("NextContinuationToken", URL_SAFE_NO_PAD.encode(next))));
    fields.extend(call.param("start-after").map(|key| Element::leaf("StartAfter", spell(key))));
    let with_owner = call.param("fetch-owner") == Some("true");
    let shown = page.keys.iter().filter_map(|key| contents.objects.get(*key));
    fields.extend(shown.map(|object| show("Contents", object, with_owner, spell)));
    fields.extend(common(&page.prefixes, spell));
    Ok(xml(&Element::new("ListBucketResult", fields)))
}

fn v1(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let spell = spelling(call)?;
    let (prefix, delimiter) = (call.param("prefix").unwrap_or_default(), delimiter(call));
    let limit = call.limit("max-keys")?;
    let marker = call.param("marker").unwrap_or_default();
    let contents = bucket.contents()?;
    let page = page(&contents.objects, prefix, delimiter, Some(marker).filter(|marker| !marker.is_empty()), limit);
    let mut fields = head(bucket, prefix, delimiter, limit, page.next.is_some(), spell);
    fields.push(Element::leaf("Marker", spell(marker)));
    // Without a delimiter the last key is the next marker, and S3 leaves it to the client to see that.
    if delimiter.is_some() {
        fields.extend(page.next.iter().map(|next| Element::leaf("NextMarker", spell(next))));
    }
    let shown = page.keys.iter().filter_map(|key| contents.objects.get(*key));
    fields.extend(shown.map(|object| show("Contents", object, true, spell)));
    fields.extend(common(&page.prefixes, spell));
    Ok(xml(&Element::new("ListBucketResult", fields)))
}

/// How keys are written in the answer: as they are, or percent-encoded when the client asked for it.
pub(super) type Spelling = fn(&str) -> String;

pub(super) fn spelling(call: &Call<'_>) -> Result<Spelling, Fault> {
    match call.param("encoding-type") {
        None | Some("") => Ok(str::to_owned),
        // `/` stays readable, as on AWS.
        Some("url") => Ok(|key| percent_encode(key, b"/")),
        Some(_) => Err(Fault::new(400, "InvalidArgument", "Invalid Encoding Method specified in Request")
            .member("ArgumentName", "encoding-type")),
    }
}

pub(super) fn delimiter<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    call.param("delimiter").filter(|delimiter| !delimiter.is_empty())
}

fn decode(token: &str) -> Option<String> {
    URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// `limit` keys and common prefixes after `after` (a key, or a common prefix of an earlier page).
fn page<'a>(
    objects: &'a BTreeMap<String, Object>,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Page<'a> {
    let mut page = Page { keys: Vec::new(), prefixes: Vec::new(), next: None };
    if limit == 0 {
        return page;
    }
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    let mut last = String::new();
    for key in objects.range::<str, _>((start, Bound::Unbounded)).map(|(key, _)| key) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let group =
            delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| &key[..prefix.len() + at + delimiter.len()]));
        let shown = group.unwrap_or(key);
        if group.is_some() && (after == Some(shown) || page.prefixes.last().is_some_and(|last| last == shown)) {
            continue;
        }
        if page.keys.len() + page.prefixes.len() == limit {
            page.next = Some(last);
            break;
        }
        shown.clone_into(&mut last);
        match group {
            Some(group) => page.prefixes.push(group.to_owned()),
            None => page.keys.push(key),
        }
    }
    page
}

pub(super) fn head(
    bucket: &Bucket,
    prefix: &str,
    delimiter: Option<&str>,
    limit: usize,
    more: bool,
    spell: Spelling,
) -> Vec<Element> {
    let mut fields = vec![
        Element::leaf("Name", &bucket.name),
        Element::leaf("Prefix", spell(prefix)),
        Element::leaf("MaxKeys", limit.to_string()),
        Element::leaf("IsTruncated", more.to_string()),
    ];
    fields.extend(delimiter.map(|delimiter| Element::leaf("Delimiter", spell(delimiter))));
    if spell("+") != "+" {
        fields.push(Element::leaf("EncodingType", "url"));
    }
    fields
}

pub(super) fn show(name: &str, object: &Object, with_owner: bool, spell: Spelling) -> Element {
    let mut fields = vec![
        Element::leaf("Key", spell(&object.key)),
        Element::leaf("LastModified", date(object.modified)),
        Element::leaf("ETag", quoted(&object.etag)),
        Element::leaf("ChecksumAlgorithm", object.checksum.algorithm.name()),
        Element::leaf("ChecksumType", object.checksum.kind()),
        Element::leaf("Size", object.size.to_string()),
        Element::leaf("StorageClass", &object.attributes.storage_class),
    ];
    if with_owner {
        fields.push(owner("Owner"));
    }
    Element::new(name, fields)
}

pub(super) fn common(prefixes: &[String], spell: Spelling) -> impl Iterator<Item = Element> {
    prefixes.iter().map(move |prefix| Element::new("CommonPrefixes", vec![Element::leaf("Prefix", spell(prefix))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::s3::model::sample;

    fn objects(keys: &[&str]) -> BTreeMap<String, Object> {
        keys.iter().map(|key| ((*key).to_owned(), sample(key, None, 0))).collect()
    }

    /// All pages of `limit` together, keys and prefixes in the order they came.
    fn walk(
        objects: &BTreeMap<String, Object>,
        prefix: &str,
        delimiter: Option<&str>,
        limit: usize,
    ) -> (Vec<String>, usize) {
        let (mut all, mut pages, mut after) = (Vec::new(), 0, None::<String>);
        loop {
            let page = page(objects, prefix, delimiter, after.as_deref(), limit);
            all.extend(page.keys.iter().map(|key| (*key).to_owned()).chain(page.prefixes.clone()));
            pages += 1;
            match page.next {
                Some(next) => after = Some(next),
                None => return (all, pages),
            }
        }
    }

    #[test]
    fn pages_of_any_size_give_the_same_listing() {
        let all = objects(&["a", "b/1", "b/2", "b/c/3", "b0", "c/x", "d"]);
        assert_eq!(all.len(), 7);
        for limit in 1..8 {
            let (mut grouped, _) = walk(&all, "", Some("/"), limit);
            grouped.sort();
            assert_eq!(grouped, ["a", "b/", "b0", "c/", "d"], "{limit} at a time");
            let (below, _) = walk(&all, "b/", Some("/"), limit);
            assert_eq!(below, ["b/1", "b/2", "b/c/"], "{limit} at a time");
            assert_eq!(walk(&all, "", None, limit).0.len(), 7);
        }
        // A page that ends with the last item says so.
        assert_eq!(walk(&all, "", None, 7).1, 1);
        assert_eq!(page(&all, "", None, None, 0), Page { keys: vec![], prefixes: vec![], next: None });
        assert_eq!(page(&all, "", Some("/"), Some("b/1"), 9).prefixes, ["b/", "c/"]);
    }
}
