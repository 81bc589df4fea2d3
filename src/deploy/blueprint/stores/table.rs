//! A table, with the stream that its config or a trigger wants.

use serde_json::Value;

use super::Store;
use crate::config::resources as config;
use crate::config::resources::table::Stream;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, Kind, Table};
use crate::deploy::names::resource_name;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html>
const LONGEST: usize = 255;

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>; transactions are
/// covered by the actions of their items. What `PartiQL` does has actions of its own: that is for `policies`.
const READ: &[&str] = &[
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DescribeTable",
];
const WRITE: &[&str] = &[
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:DescribeTable",
];
/// An index is read, never written.
const READ_INDEX: &[&str] = &["dynamodb:Query", "dynamodb:Scan"];

impl Store for config::Table {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_name(owner, name, "", LONGEST);
        let arn = place.arn("dynamodb", &place.region, &format!("table/{own}"));
        Address { name: own.clone(), arn, ..Address::default() }.with_variable(name, "TABLE", &own)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let own = drawing.addresses.get(name)?.name.clone();
        let view = view(self, name, drawing);
        Ok(vec![Any::Table(Table::wanted(&drawing.owner, own, self, view))])
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let table = std::slice::from_ref(&address.arn);
        let indexes: Vec<String> = self.indexes.keys().map(|index| format!("{}/index/{index}", address.arn)).collect();
        let mut all = Vec::new();
        if matches!(access, "read" | "read-write") {
            all.push(allow(READ, table));
            all.extend((!indexes.is_empty()).then(|| allow(READ_INDEX, &indexes)));
        }
        if matches!(access, "write" | "read-write") {
            all.push(allow(WRITE, table));
        }
        all
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Table]
    }
}

/// What the stream of a table tells, if it has one: what its config says, else all there is as soon as a function
/// listens to it.
pub(in crate::deploy::blueprint) fn view(
    table: &config::Table,
    name: &str,
    drawing: &Drawing<'_>,
) -> Option<&'static str> {
    let is_read = || {
        let mut triggers = drawing.stage.triggers();
        triggers.any(|trigger| trigger.reads_table(name))
    };
    match table.stream {
        Some(said) => said.view(),
        None => is_read().then_some(Stream::NewAndOldImages).and_then(Stream::view),
    }
}
