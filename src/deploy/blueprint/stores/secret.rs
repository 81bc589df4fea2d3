//! A secret: the functions get its name, not its value.

use serde_json::Value;

use super::Store;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, Kind, Secret};
use crate::deploy::names::secret_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// No `kms:Decrypt`: the key policy of `aws/secretsmanager` lets everybody of the account use it by way of Secrets
/// Manager. <https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html>
const READ: &[&str] = &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"];
const READ_WRITE: &[&str] =
    &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"];

/// A secret's ARN ends in a hyphen and six characters that AWS chooses.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html>
const CHOSEN: &str = "-??????";

impl Store for config::Secret {
    /// Its ARN is a pattern, for policies only.
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let arn = |name: &str| place.arn("secretsmanager", &place.region, &format!("secret:{name}{CHOSEN}"));
        let (own, arn) = match &self.existing {
            None => {
                let own = secret_name(owner, name);
                (own.clone(), arn(&own))
            }
            Some(existing) if existing.starts_with("arn:") => (existing.clone(), existing.clone()),
            Some(existing) => (existing.clone(), arn(existing)),
        };
        Address { name: own.clone(), arn, ..Address::default() }.with_variable(name, "SECRET", &own)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let own = self.existing.is_none();
        Ok(own.then(|| Any::Secret(Secret::wanted(&drawing.owner, name, self))).into_iter().collect())
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let actions = if access == "read-write" { READ_WRITE } else { READ };
        vec![allow(actions, std::slice::from_ref(&address.arn))]
    }

    fn kinds(&self) -> &'static [Kind] {
        if self.existing.is_some() { &[] } else { &[Kind::Secret] }
    }
}
