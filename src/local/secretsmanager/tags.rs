//! Tags of secrets.

use serde_json::{Value, json};

use super::{Secrets, bad_parameter};
use crate::local::members::Members;
use crate::local::wire::Fault;

/// Tags of one secret.
const MOST: usize = 50;

impl Secrets {
    pub(super) fn tag(&self, members: &Members) -> Result<Value, Fault> {
        let tags = members.tags()?;
        self.change(members, |secret| {
            secret.tags.extend(tags);
            if secret.tags.len() > MOST {
                return Err(bad_parameter(format!("A secret can have {MOST} tags.")));
            }
            Ok(json!({}))
        })
    }

    pub(super) fn untag(&self, members: &Members) -> Result<Value, Fault> {
        let keys = members.texts("TagKeys")?.unwrap_or_default();
        self.change(members, |secret| {
            secret.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        })
    }
}
