//! Placeholder for IAM: roles that a driver puts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct RoleView {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) trust_policy: Value,
    pub(crate) created: SystemTime,
}

#[derive(Debug, Default)]
pub(crate) struct Iam(pub(crate) Mutex<HashMap<String, RoleView>>);

impl Iam {
    pub(crate) fn role(&self, arn: &str) -> Option<RoleView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }
}
