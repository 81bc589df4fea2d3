//! `CopyObject` and `UploadPartCopy`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use std::io::Read as _;
use std::sync::Arc;

use super::super::checksum::Algorithm;
use super::super::wire::{Fault, Reply, percent_decode};
use super::super::xml::Element;
use super::attributes::{Attributes, storage_class};
use super::bucket::{Bucket, New};
use super::model::{self, Object};
use super::put::{full, quoted};
use super::{Call, S3, condition, date, disk, get, multipart, notify, xml};

pub(super) fn object(s3: &S3, call: &Call<'_>, bucket: &Arc<Bucket>, key: &str) -> Result<Reply, Fault> {
    let request = call.request;
    let (from, source, bytes) = read_source(s3, call)?;
    let given = Attributes::read(request)?;
    let replace = directive(call, "x-amz-metadata-directive")?;
    let replace_tags = directive(call, "x-amz-tagging-directive")?;
    // A former version copied to its own key is how it is brought back.
    let newest = |newest: Object| newest.version == source.version;
    let itself = Arc::ptr_eq(&from, bucket) && source.key == key && bucket.object(key, None).is_ok_and(newest);
    if itself && !replace && !replace_tags && request.header("x-amz-storage-class").is_none() {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Fault::new(400, "InvalidRequest", message));
    }
    let tags = if replace_tags { given.tags.clone() } else { source.attributes.tags.clone() };
    let kept = if replace { given } else { source.attributes.clone() };
    // A copy is in the standard class unless it asks for another, whatever its source was in.
    let attributes = Attributes { tags, storage_class: storage_class(request)?, ..kept };
    let algorithm = match request.header("x-amz-checksum-algorithm") {
        Some(name) => Algorithm::parse(name).ok_or_else(multipart::unknown_algorithm)?,
        None => source.checksum.algorithm,
    };
    let checksum = full(algorithm, &bytes);
    let staged = bucket.stage(&bytes)?;
    let new = New { key: key.to_owned(), attributes, checksum, parts: Vec::new() };
    let copied = bucket.commit(staged, new, None, |current| condition::write(&request.headers, key, current))?;
    notify::of_object(call, bucket, "ObjectCreated:Copy", &copied);
    let result = Element::new(
        "CopyObjectResult",
        vec![
            Element::leaf("LastModified", date(copied.modified)),
            Element::leaf("ETag", quoted(&copied.etag)),
            Element::leaf("ChecksumType", copied.checksum.kind()),
            Element::leaf(copied.checksum.algorithm.element(), &copied.checksum.value),
        ],
    );
    let reply = show_source(xml(&result).with("x-amz-server-side-encryption", "AES256"), &from, &source);
    Ok(bucket.show_version(reply, copied.version.as_deref()))
}

pub(super) fn part(s3: &S3, call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let (from, source, bytes) = read_source(s3, call)?;
    let bytes = match call.request.header("x-amz-copy-source-range") {
        None => &bytes[..],
        Some(header) => {
            let range = get::range(header, source.size)?.ok_or_else(|| {
                let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";
                Fault::new(400, "InvalidArgument", message)
            })?;
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            bytes.get(at(range.start)..at(range.end)).unwrap_or_default()
        }
    };
    let part = multipart::store_part(call, bucket, key, bytes, None)?;
    let children = vec![Element::leaf("LastModified", date(part.modified)), Element::leaf("ETag", quoted(&part.etag))];
    Ok(show_source(xml(&Element::new("CopyPartResult", children)), &from, &source))
}

/// Adds which version was copied.
fn show_source(reply: Reply, from: &Bucket, source: &Object) -> Reply {
    match from.versioning() {
        Some(_) => reply.with("x-amz-copy-source-version-id", model::spelled(source.version.as_deref())),
        None => reply,
    }
}

/// The source's bucket, description and bytes.
fn read_source(s3: &S3, call: &Call<'_>) -> Result<(Arc<Bucket>, Object, Vec<u8>), Fault> {
    call.check_owner("x-amz-source-expected-bucket-owner")?;
    let header = call.request.header("x-amz-copy-source").unwrap_or_default();
    let (path, version) =
        header.split_once("?versionId=").map_or((header, None), |(path, version)| (path, Some(version)));
    let path = percent_decode(path);
    let (name, key) =
        path.strip_prefix('/').unwrap_or(&path).split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(
            || {
                Fault::new(
                    400,
                    "InvalidArgument",
                    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                )
                .member("ArgumentName", "x-amz-copy-source")
                .member("ArgumentValue", header)
            },
        )?;
    let bucket = s3.bucket(name)?;
    let (object, mut file) = bucket.open_object(key, version).map_err(|fault| match fault.code {
        "MethodNotAllowed" => Fault::new(
            400,
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ),
        _ => fault,
    })?;
    condition::copy_source(&call.request.headers, &object)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| disk(&error))?;
    Ok((bucket, object, bytes))
}

/// Whether a directive says REPLACE; COPY is the default.
fn directive(call: &Call<'_>, header: &str) -> Result<bool, Fault> {
    match call.request.header(header) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(Fault::new(400, "InvalidArgument", format!("Unknown directive {other}"))
            .member("ArgumentName", header.to_owned())),
    }
}
