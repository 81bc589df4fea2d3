//! `DeleteObject` and `DeleteObjects`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::{Call, condition, malformed_xml, no_version, notify, xml};

pub(super) fn one(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let gone = bucket.remove(key, |current| condition::delete(call.request.header("if-match"), current))?;
    if let Some(sequence) = gone {
        notify::of_removal(call, bucket, key, sequence);
    }
    Ok(Reply::empty(204))
}

pub(super) fn many(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let mut headers = call.request.headers.keys();
    // A list of things to delete must not be taken from a damaged body.
    if !headers.any(|name| name == "content-md5" || name.as_str().starts_with("x-amz-checksum-")) {
        return Err(Fault::new(
            400,
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    let document = call.document("Delete")?;
    let quiet = document.value("Quiet") == Some("true");
    let objects: Vec<&Element> = document.all("Object").collect();
    if !(1..=1_000).contains(&objects.len()) {
        return Err(malformed_xml());
    }
    let mut results = Vec::new();
    for object in objects {
        let key =
            object.child("Key").map(|key| key.text.as_str()).filter(|key| !key.is_empty()).ok_or_else(malformed_xml)?;
        let done = match object.value("VersionId") {
            Some(version) if !version.is_empty() && version != "null" => Err(no_version(key, version)),
            _ => bucket.remove(key, |current| condition::delete(object.value("ETag"), current)),
        };
        if let Ok(Some(sequence)) = done {
            notify::of_removal(call, bucket, key, sequence);
        }
        match done {
            Ok(_) if quiet => {}
            Ok(_) => results.push(Element::new("Deleted", vec![Element::leaf("Key", key)])),
            Err(fault) => {
                let fields = [("Key", key), ("Code", fault.code), ("Message", &fault.message)];
                results.push(Element::new("Error", fields.map(|(name, text)| Element::leaf(name, text)).into()));
            }
        }
    }
    Ok(xml(&Element::new("DeleteResult", results)))
}
