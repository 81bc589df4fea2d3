//! What calls of `DynamoDB` are made of.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection as Copied, ProjectionType, ProvisionedThroughput, ScalarAttributeType, StreamSpecification,
    StreamViewType, Tag,
};

use super::{Index, Table};
use crate::aws::Cloud;
use crate::config::resources::table::{Capacity, KeyPart, Projection};

/// The call that makes a table, with everything it can say.
pub(super) fn create(cloud: &Cloud, table: &Table) -> Result<CreateTableFluentBuilder, BuildError> {
    let tags = table.owner.tags().into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let indexes = table.indexes.iter().map(|(name, index)| {
        let built = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(schema(&index.key)?));
        let built = built.projection(copied(&index.project));
        built.set_provisioned_throughput(index.capacity.map(throughput).transpose()?).build()
    });
    let indexes = indexes.collect::<Result<Vec<_>, _>>()?;
    let by_request = table.capacity.is_none();
    let call = cloud.dynamodb.create_table().table_name(&table.name);
    let call = call.set_key_schema(Some(schema(&table.key)?));
    let call = call.set_attribute_definitions(Some(attributes(table)?));
    let call = call.set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
    let call = call.billing_mode(if by_request { BillingMode::PayPerRequest } else { BillingMode::Provisioned });
    let call = call.set_provisioned_throughput(table.capacity.map(throughput).transpose()?);
    let call = call.set_stream_specification(table.stream.as_deref().map(stream).transpose()?);
    let call = call.deletion_protection_enabled(table.protect);
    Ok(call.set_tags(Some(tags.collect::<Result<_, _>>()?)))
}

/// An index that is added.
pub(super) fn added(name: &str, index: &Index) -> Result<CreateGlobalSecondaryIndexAction, BuildError> {
    let built = CreateGlobalSecondaryIndexAction::builder().index_name(name);
    let built = built.set_key_schema(Some(schema(&index.key)?)).projection(copied(&index.project));
    built.set_provisioned_throughput(index.capacity.map(throughput).transpose()?).build()
}

/// All attributes that are in a key; one that is in none is refused.
pub(super) fn attributes(table: &Table) -> Result<Vec<AttributeDefinition>, BuildError> {
    let parts = table.key.iter().chain(table.indexes.values().flat_map(|index| &index.key));
    let once: BTreeMap<&str, &KeyPart> = parts.map(|part| (part.name.as_str(), part)).collect();
    let definition = |part: &KeyPart| {
        let kind = ScalarAttributeType::from(part.kind.letter());
        AttributeDefinition::builder().attribute_name(&part.name).attribute_type(kind).build()
    };
    once.into_values().map(definition).collect()
}

pub(super) fn throughput(capacity: Capacity) -> Result<ProvisionedThroughput, BuildError> {
    let built = ProvisionedThroughput::builder().read_capacity_units(capacity.read.into());
    built.write_capacity_units(capacity.write.into()).build()
}

pub(super) fn stream(view: &str) -> Result<StreamSpecification, BuildError> {
    StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::from(view)).build()
}

fn schema(key: &[KeyPart]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |(part, kind): (&KeyPart, KeyType)| {
        KeySchemaElement::builder().attribute_name(&part.name).key_type(kind).build()
    };
    key.iter().zip(kinds).map(element).collect()
}

fn copied(project: &Projection) -> Copied {
    let (kind, names) = match project {
        Projection::All => (ProjectionType::All, None),
        Projection::Keys => (ProjectionType::KeysOnly, None),
        Projection::Some(names) => (ProjectionType::Include, Some(names.clone())),
    };
    Copied::builder().projection_type(kind).set_non_key_attributes(names).build()
}
