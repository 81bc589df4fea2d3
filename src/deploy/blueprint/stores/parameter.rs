//! A parameter: the functions get its name, not its value.

use serde_json::Value;

use super::Store;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, Kind, Parameter};
use crate::deploy::names::parameter_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// No `kms:Decrypt`: the key policy of `aws/ssm` lets everybody of the account use it by way of SSM.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html>
const READ: &[&str] = &["ssm:GetParameter", "ssm:GetParameters"];
const READ_WRITE: &[&str] = &["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"];

impl Store for config::Parameter {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        // An ARN has no slash before a name that has none elsewhere.
        let arn = |name: &str| {
            let slash = if name.starts_with('/') { "" } else { "/" };
            place.arn("ssm", &place.region, &format!("parameter{slash}{name}"))
        };
        let (own, arn) = match &self.existing {
            None => {
                let own = parameter_name(owner, name);
                (own.clone(), arn(&own))
            }
            // One that another account shares is called by its ARN, and any may be.
            Some(existing) if existing.starts_with("arn:") => (existing.clone(), existing.clone()),
            Some(existing) => (existing.clone(), arn(existing)),
        };
        Address { name: own.clone(), arn, ..Address::default() }.with_variable(name, "PARAMETER", &own)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let own = self.existing.is_none();
        Ok(own.then(|| Any::Parameter(Parameter::wanted(&drawing.owner, name, self))).into_iter().collect())
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let actions = if access == "read-write" { READ_WRITE } else { READ };
        vec![allow(actions, std::slice::from_ref(&address.arn))]
    }

    fn kinds(&self) -> &'static [Kind] {
        if self.existing.is_some() { &[] } else { &[Kind::Parameter] }
    }
}
