//! Placeholder for S3: objects that a driver puts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::wire::Fault;

#[derive(Debug, Default)]
pub(crate) struct S3(pub(crate) Mutex<HashMap<(String, String), Bytes>>);

impl S3 {
    pub(crate) fn object(&self, bucket: &str, key: &str, _version: Option<&str>) -> Result<Bytes, Fault> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects
            .get(&(bucket.to_owned(), key.to_owned()))
            .cloned()
            .ok_or_else(|| Fault::new(404, "NoSuchKey", "The specified key does not exist."))
    }
}
