//! What travels with an object besides its bytes: system headers, user metadata, storage class, tags.

use std::collections::BTreeMap;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::super::wire::{Fault, Reply, Request};
use super::tags;

/// The headers S3 keeps and gives back as they are.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub(super) const SYSTEM: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/// Classes whose objects can be read at once.
const CLASSES: [&str; 6] =
    ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY", "GLACIER_IR"];

/// The attributes of an object or an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    /// System headers by name.
    pub(super) headers: BTreeMap<String, String>,
    /// `x-amz-meta-*` without the prefix.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) storage_class: String,
    pub(super) tags: BTreeMap<String, String>,
}

impl Attributes {
    /// Of a JSON document that a service writes.
    pub(super) fn of_json() -> Self {
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        Self { headers, storage_class: "STANDARD".to_owned(), ..Self::default() }
    }

    /// From the headers of a request that makes an object.
    pub(super) fn read(request: &Request) -> Result<Self, Fault> {
        refuse_what_is_not_kept(request)?;
        let mut attributes = Self { storage_class: storage_class(request)?, ..Self::default() };
        for name in SYSTEM {
            let value = request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            attributes.headers.extend(value.map(|value| (name.to_owned(), value)));
        }
        let kind = attributes.headers.entry("content-type".into()).or_default();
        if kind.is_empty() {
            "binary/octet-stream".clone_into(kind);
        }
        for (name, value) in &request.headers {
            if let Some(name) = name.as_str().strip_prefix("x-amz-meta-") {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                attributes
                    .metadata
                    .entry(name.to_owned())
                    .and_modify(|all| *all = format!("{all},{value}"))
                    .or_insert(value);
            }
        }
        let size: usize = attributes.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > 2_048 {
            return Err(Fault::new(
                400,
                "MetadataTooLarge",
                "Your metadata headers exceed the maximum allowed metadata size",
            )
            .member("Size", size.to_string())
            .member("MaxSizeAllowed", "2048"));
        }
        if let Some(header) = request.header("x-amz-tagging") {
            attributes.tags = tags::from_header(header)?;
        }
        Ok(attributes)
    }

    /// Adds them to the answer of a GET or HEAD.
    pub(super) fn show(&self, mut reply: Reply) -> Reply {
        for name in SYSTEM {
            if let Some(value) = self.headers.get(name) {
                reply = reply.with(name, value);
            }
        }
        for (name, value) in &self.metadata {
            let name = HeaderName::try_from(format!("x-amz-meta-{name}"));
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                reply.headers.insert(name, value);
            }
        }
        // As on AWS, the standard class is shown by saying nothing.
        if self.storage_class != "STANDARD" {
            reply = reply.with("x-amz-storage-class", &self.storage_class);
        }
        if !self.tags.is_empty() {
            reply = reply.with("x-amz-tagging-count", self.tags.len().to_string());
        }
        reply
    }
}

pub(super) fn storage_class(request: &Request) -> Result<String, Fault> {
    match request.header("x-amz-storage-class").unwrap_or("STANDARD") {
        class if CLASSES.contains(&class) => Ok(class.to_owned()),
        class @ ("GLACIER" | "DEEP_ARCHIVE") => Err(Fault::unsupported("S3", &format!("storage class {class}"))),
        _ => Err(Fault::new(400, "InvalidStorageClass", "The storage class you specified is not valid")),
    }
}

fn refuse_what_is_not_kept(request: &Request) -> Result<(), Fault> {
    match request.header("x-amz-server-side-encryption") {
        None | Some("AES256") => {}
        Some(other) => return Err(Fault::unsupported("S3", &format!("server-side encryption {other}"))),
    }
    for name in request.headers.keys().map(HeaderName::as_str) {
        let refused =
            ["x-amz-server-side-encryption-", "x-amz-object-lock-", "x-amz-copy-source-server-side-encryption-"];
        if refused.iter().any(|prefix| name.starts_with(prefix))
            || matches!(name, "x-amz-website-redirect-location" | "x-amz-write-offset-bytes")
        {
            return Err(Fault::unsupported("S3", &format!("header {name}")));
        }
        // Buckets here have ACLs off, the default since April 2023; then only the owner's full control may be asked for.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
        let granted = name.starts_with("x-amz-grant-");
        if granted || (name == "x-amz-acl" && request.header(name) != Some("bucket-owner-full-control")) {
            return Err(Fault::new(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
        }
    }
    Ok(())
}
