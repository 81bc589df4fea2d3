//! A live table as this program sees it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsDescription, GlobalSecondaryIndexDescription, IndexStatus,
    KeySchemaElement, PointInTimeRecoveryStatus, ProjectionType, ProvisionedThroughputDescription, ScalarAttributeType,
    TableDescription, TableStatus, TimeToLiveDescription, TimeToLiveStatus,
};

use super::{Index, Table};
use crate::config::resources::table::{AttributeType, Capacity, KeyPart, Projection};
use crate::deploy::resource::Owner;

pub(super) fn found(
    owner: &Owner,
    name: String,
    live: &TableDescription,
    ttl: Option<&TimeToLiveDescription>,
    pitr: Option<&ContinuousBackupsDescription>,
) -> Table {
    let definitions = live.attribute_definitions();
    let by_request = live
        .billing_mode_summary()
        .and_then(|it| it.billing_mode())
        .is_some_and(|it| *it == BillingMode::PayPerRequest);
    let reserved = |it: Option<&ProvisionedThroughputDescription>| it.and_then(capacity).filter(|_| !by_request);
    let index = |it: &GlobalSecondaryIndexDescription| {
        let index = Index {
            key: key(it.key_schema(), definitions),
            project: projection(it),
            capacity: reserved(it.provisioned_throughput()),
        };
        Some((it.index_name()?.to_owned(), index))
    };
    // One that is on its way out is gone.
    let stands = |it: &&GlobalSecondaryIndexDescription| it.index_status() != Some(&IndexStatus::Deleting);
    let indexes: BTreeMap<String, Index> =
        live.global_secondary_indexes().iter().filter(stands).filter_map(index).collect();
    let ttl = ttl
        .filter(|it| matches!(it.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)));
    let pitr = pitr.and_then(ContinuousBackupsDescription::point_in_time_recovery_description);
    let stream = live.stream_specification().filter(|it| it.stream_enabled());
    Table {
        name,
        owner: owner.clone(),
        key: key(live.key_schema(), definitions),
        indexes,
        ttl: ttl.and_then(|it| it.attribute_name()).map(str::to_owned),
        stream: stream.and_then(|it| it.stream_view_type()).map(|view| view.as_str().to_owned()),
        pitr: pitr.and_then(|it| it.point_in_time_recovery_status()) == Some(&PointInTimeRecoveryStatus::Enabled),
        capacity: reserved(live.provisioned_throughput()),
        protect: live.deletion_protection_enabled().unwrap_or_default(),
        items: live.item_count().unwrap_or_default(),
    }
}

/// What a table is still doing; `None` when it takes changes.
pub(super) fn busy_with(table: &TableDescription) -> Option<&'static str> {
    let index = |wanted: &IndexStatus| {
        table.global_secondary_indexes().iter().any(|index| index.index_status() == Some(wanted))
    };
    match table.table_status() {
        Some(TableStatus::Creating) => Some("waiting until the table is made"),
        Some(TableStatus::Deleting) => Some("waiting until the former table is gone"),
        _ if index(&IndexStatus::Creating) => Some("waiting until an index has all items"),
        _ if index(&IndexStatus::Deleting) => Some("waiting until an index is gone"),
        Some(TableStatus::Updating) => Some("waiting for a change of the table that is in progress"),
        _ => None,
    }
}

fn key(schema: &[KeySchemaElement], definitions: &[AttributeDefinition]) -> Vec<KeyPart> {
    let kind = |name: &str| {
        let definition = definitions.iter().find(|it| it.attribute_name() == name);
        match definition.map(AttributeDefinition::attribute_type) {
            Some(ScalarAttributeType::N) => AttributeType::Number,
            Some(ScalarAttributeType::B) => AttributeType::Binary,
            _ => AttributeType::String,
        }
    };
    schema.iter().map(|it| KeyPart { name: it.attribute_name().to_owned(), kind: kind(it.attribute_name()) }).collect()
}

fn projection(index: &GlobalSecondaryIndexDescription) -> Projection {
    let projection = index.projection();
    match projection.and_then(|it| it.projection_type()) {
        Some(ProjectionType::KeysOnly) => Projection::Keys,
        Some(ProjectionType::Include) => {
            let mut names = projection.map(|it| it.non_key_attributes().to_vec()).unwrap_or_default();
            names.sort();
            Projection::Some(names)
        }
        _ => Projection::All,
    }
}

/// `None` for zeros, as tables that are paid by request have them.
fn capacity(live: &ProvisionedThroughputDescription) -> Option<Capacity> {
    let units = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok()).filter(|it| *it > 0);
    Some(Capacity { read: units(live.read_capacity_units())?, write: units(live.write_capacity_units())? })
}
