//! A bucket.

use serde_json::Value;

use super::Store;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, Kind, S3Bucket};
use crate::deploy::names::resource_bucket_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>. Without the right to
/// list, S3 answers 403 for an object that is not there, and no 404.
const LIST: &[&str] = &["s3:ListBucket"];
const READ: &[&str] = &["s3:GetObject"];
/// The parts of a large upload are covered by `PutObject`.
const WRITE: &[&str] = &["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"];
/// Of a versioned bucket, also what was overwritten; nobody who only writes deletes that.
const READ_VERSIONS: &[&str] = &["s3:GetObject", "s3:GetObjectVersion"];
const LIST_VERSIONS: &[&str] = &["s3:ListBucket", "s3:ListBucketVersions"];

impl Store for config::Bucket {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_bucket_name(owner, name, &place.account, &place.region);
        let arn = format!("arn:{}:s3:::{own}", place.partition);
        Address { name: own.clone(), arn, ..Address::default() }.with_variable(name, "BUCKET", &own)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let address = drawing.addresses.get(name)?;
        Ok(vec![Any::S3Bucket(S3Bucket::wanted(&drawing.owner, address.name.clone(), self))])
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let (bucket, objects) = (std::slice::from_ref(&address.arn), [format!("{}/*", address.arn)]);
        let (list, read) = if self.versioned { (LIST_VERSIONS, READ_VERSIONS) } else { (LIST, READ) };
        match access {
            "read" => vec![allow(list, bucket), allow(read, &objects)],
            "write" => vec![allow(WRITE, &objects)],
            "read-write" => vec![allow(list, bucket), allow(read, &objects), allow(WRITE, &objects)],
            _ => Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::S3Bucket]
    }
}
