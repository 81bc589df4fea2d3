//! Multipart uploads in progress: finding one, listing them, listing their parts.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::list::spelling;
use super::model::Upload;
use super::put::quoted;
use super::{Call, date, owner, xml};

/// The upload that `uploadId` names, if it is one of this key.
pub(super) fn find(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Upload, Fault> {
    let id = call.param("uploadId").unwrap_or_default();
    let contents = bucket.contents()?;
    contents.uploads.get(id).filter(|upload| upload.key == key).cloned().ok_or_else(no_upload)
}

pub(super) fn no_upload() -> Fault {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    Fault::new(404, "NoSuchUpload", message)
}

/// `ListParts`.
pub(super) fn parts(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let upload = find(call, bucket, key)?;
    let limit = call.limit("max-parts")?;
    let after: u16 = call.param("part-number-marker").and_then(|marker| marker.parse().ok()).unwrap_or_default();
    let mut rest = upload.parts.iter().filter(|(number, _)| **number > after);
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let more = limit > 0 && rest.next().is_some();
    let last = page.last().map_or(after, |(number, _)| **number);
    let mut fields = vec![
        Element::leaf("Bucket", &bucket.name),
        Element::leaf("Key", key),
        Element::leaf("UploadId", &upload.id),
        Element::leaf("PartNumberMarker", after.to_string()),
        Element::leaf("NextPartNumberMarker", last.to_string()),
        Element::leaf("MaxParts", limit.to_string()),
        Element::leaf("IsTruncated", more.to_string()),
    ];
    for (number, part) in page {
        let mut children = vec![
            Element::leaf("PartNumber", number.to_string()),
            Element::leaf("LastModified", date(part.modified)),
            Element::leaf("ETag", quoted(&part.etag)),
            Element::leaf("Size", part.size.to_string()),
        ];
        if upload.chosen {
            children.push(Element::leaf(upload.algorithm.element(), &part.checksum));
        }
        fields.push(Element::new("Part", children));
    }
    fields.extend([
        owner("Initiator"),
        owner("Owner"),
        Element::leaf("StorageClass", &upload.attributes.storage_class),
    ]);
    if upload.chosen {
        fields.push(Element::leaf("ChecksumAlgorithm", upload.algorithm.name()));
        fields.push(Element::leaf("ChecksumType", if upload.composite { "COMPOSITE" } else { "FULL_OBJECT" }));
    }
    Ok(xml(&Element::new("ListPartsResult", fields)))
}

/// `ListMultipartUploads`: by key, and by age within a key.
pub(super) fn list(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    if call.param("delimiter").is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(Fault::unsupported("S3", "ListMultipartUploads with a delimiter"));
    }
    let spell = spelling(call)?;
    let limit = call.limit("max-uploads")?;
    let prefix = call.param("prefix").unwrap_or_default();
    let key_marker = call.param("key-marker").unwrap_or_default();
    let id_marker = call.param("upload-id-marker").unwrap_or_default();
    let contents = bucket.contents()?;
    let mut uploads: Vec<&Upload> = contents.uploads.values().filter(|upload| upload.key.starts_with(prefix)).collect();
    uploads.sort_by(|a, b| (&a.key, a.started, &a.id).cmp(&(&b.key, b.started, &b.id)));
    // An upload id marker counts only together with a key marker, and continues within that key.
    let start = match uploads
        .iter()
        .position(|upload| !id_marker.is_empty() && upload.key == key_marker && upload.id == id_marker)
    {
        Some(at) => at + 1,
        None => uploads.partition_point(|upload| !key_marker.is_empty() && upload.key.as_str() <= key_marker),
    };
    let rest = &uploads[start..];
    let page = &rest[..rest.len().min(limit)];
    let more = limit > 0 && page.len() < rest.len();
    let mut fields = vec![
        Element::leaf("Bucket", &bucket.name),
        Element::leaf("KeyMarker", spell(key_marker)),
        Element::leaf("UploadIdMarker", id_marker),
        Element::leaf("Prefix", spell(prefix)),
        Element::leaf("MaxUploads", limit.to_string()),
        Element::leaf("IsTruncated", more.to_string()),
    ];
    if let (true, Some(last)) = (more, page.last()) {
        fields.push(Element::leaf("NextKeyMarker", spell(&last.key)));
        fields.push(Element::leaf("NextUploadIdMarker", &last.id));
    }
    if call.param("encoding-type") == Some("url") {
        fields.push(Element::leaf("EncodingType", "url"));
    }
    for upload in page {
        let mut children = vec![
            Element::leaf("Key", spell(&upload.key)),
            Element::leaf("UploadId", &upload.id),
            owner("Initiator"),
            owner("Owner"),
            Element::leaf("StorageClass", &upload.attributes.storage_class),
            Element::leaf("Initiated", date(upload.started)),
        ];
        if upload.chosen {
            children.push(Element::leaf("ChecksumAlgorithm", upload.algorithm.name()));
        }
        fields.push(Element::new("Upload", children));
    }
    Ok(xml(&Element::new("ListMultipartUploadsResult", fields)))
}
