//! Lists of parameters without their values.

use serde_json::{Value, json};

use super::filter::Filters;
use super::get::with_token;
use super::{Ssm, arn};
use crate::local::members::{Members, page};
use crate::local::wire::Fault;

const KEYS: [&str; 8] = ["Name", "Type", "KeyId", "Path", "Label", "Tier", "DataType", "tag:"];

impl Ssm {
    pub(super) fn describe(&self, members: &Members) -> Result<Value, Fault> {
        if members.flag("Shared")? {
            return Err(Fault::unsupported("SSM", "sharing of parameters"));
        }
        let filters = Filters::read(members, &KEYS)?;
        let limit = members.limit("MaxResults", &(1..=50), 50)?;
        let after = members.after()?;
        let (found, token) = self.index.read(|index| {
            let all = index.regions.get(&members.region).into_iter().flatten();
            let matching = all.filter_map(|(name, parameter)| {
                let mut described = filters.pick(parameter)?.described(name);
                described["ARN"] = arn(&members.region, name).into();
                Some((name.as_str(), described))
            });
            page(matching, after.as_deref(), limit)
        });
        Ok(with_token(json!({ "Parameters": found }), token))
    }
}
