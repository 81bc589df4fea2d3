//! `DeleteObject` and `DeleteObjects`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::model::{Version, spelled};
use super::versions::Removed;
use super::{Call, condition, malformed_xml, notify, xml};

pub(super) fn one(call: &Call<'_>, bucket: &Bucket, key: &str, version: Option<&str>) -> Result<Reply, Fault> {
    let done = bucket.remove(key, version, |current| condition::delete(call.request.header("if-match"), current))?;
    notify::of_removal(call, bucket, key, &done);
    let reply = Reply::empty(204);
    Ok(match &done {
        Removed::Hidden(marker) => bucket.show_version(reply, marker.version.as_deref()).with(MARKER, "true"),
        Removed::Gone(Version::Marker(marker), _) => {
            bucket.show_version(reply, marker.version.as_deref()).with(MARKER, "true")
        }
        // Also when it was not there.
        _ if version.is_some() => bucket.show_version(reply, version),
        _ => reply,
    })
}

const MARKER: &str = "x-amz-delete-marker";

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
        let version = object.value("VersionId").filter(|version| !version.is_empty());
        let done = bucket.remove(key, version, |current| condition::delete(object.value("ETag"), current));
        if let Ok(done) = &done {
            notify::of_removal(call, bucket, key, done);
        }
        match done {
            Ok(_) if quiet => {}
            Ok(done) => results.push(deleted(key, version, &done)),
            Err(fault) => {
                let mut fields = vec![Element::leaf("Key", key)];
                fields.extend(version.map(|version| Element::leaf("VersionId", version)));
                fields.extend([Element::leaf("Code", fault.code), Element::leaf("Message", &fault.message)]);
                results.push(Element::new("Error", fields));
            }
        }
    }
    Ok(xml(&Element::new("DeleteResult", results)))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeletedObject.html>
fn deleted(key: &str, version: Option<&str>, done: &Removed) -> Element {
    let mut fields = vec![Element::leaf("Key", key)];
    fields.extend(version.map(|version| Element::leaf("VersionId", version)));
    if let Removed::Hidden(marker) | Removed::Gone(Version::Marker(marker), _) = done {
        fields.push(Element::leaf("DeleteMarker", "true"));
        fields.push(Element::leaf("DeleteMarkerVersionId", spelled(marker.version.as_deref())));
    }
    Element::new("Deleted", fields)
}
