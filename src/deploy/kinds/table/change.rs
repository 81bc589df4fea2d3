//! From one state of a table to another, one change after the other, each when the one before is done.
//!
//! "You can only perform one of the following operations at once: modify the provisioned throughput settings,
//! remove a global secondary index, create a new one": whatever stops in between, what is left is still a
//! difference, and the next run goes on with it.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html>

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    BillingMode, DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, PointInTimeRecoverySpecification,
    StreamSpecification, TimeToLiveSpecification, UpdateGlobalSecondaryIndexAction,
};

use super::{Index, Table, parts};
use crate::aws::{Backoff, Cloud, code, explain, say};
use crate::error::{Error, Result};

/// Brings a table that stands to where it should be.
pub(super) async fn bring(wanted: &Table, cloud: &Cloud, live: &Table) -> Result<()> {
    let table = Changing { wanted, cloud };
    if wanted.protect != live.protect {
        table.update(|call| Ok(call.deletion_protection_enabled(wanted.protect))).await?;
    }
    let same = |name: &str, one: &Index| {
        wanted.indexes.get(name).is_some_and(|other| (&other.key, &other.project) == (&one.key, &one.project))
    };
    let (kept, gone): (Vec<_>, Vec<_>) = live.indexes.iter().partition(|(name, index)| same(name, index));
    for (name, _) in gone {
        table.remove_index(name).await?;
    }
    table.capacity(live, &kept).await?;
    for (name, index) in wanted.indexes.iter().filter(|(name, _)| !kept.iter().any(|(kept, _)| kept == name)) {
        table.add_index(name, index).await?;
    }
    if wanted.stream != live.stream {
        // A stream keeps what it tells for as long as it lives.
        if live.stream.is_some() {
            let off = || StreamSpecification::builder().stream_enabled(false).build();
            table.update(|call| Ok(call.stream_specification(off()?))).await?;
        }
        if let Some(view) = &wanted.stream {
            table.update(|call| Ok(call.stream_specification(parts::stream(view)?))).await?;
        }
    }
    if wanted.ttl != live.ttl {
        for (name, on) in [(&live.ttl, false), (&wanted.ttl, true)] {
            if let Some(name) = name {
                table.expiry(name, on).await?;
            }
        }
    }
    if wanted.pitr != live.pitr {
        table.recovery().await?;
    }
    wanted.settle(cloud).await.map(|_| ())
}

struct Changing<'a> {
    wanted: &'a Table,
    cloud: &'a Cloud,
}

impl Changing<'_> {
    fn what(&self) -> String {
        format!("update the table `{}`", self.wanted.name)
    }

    /// Fails when the table went away meanwhile.
    async fn settle(&self) -> Result<()> {
        if self.wanted.settle(self.cloud).await? {
            return Ok(());
        }
        let error = Error::failed(format!("the table `{}` went away", self.wanted.name));
        Err(error.hint("run the same command again"))
    }

    async fn update(
        &self,
        change: impl Fn(UpdateTableFluentBuilder) -> Result<UpdateTableFluentBuilder, BuildError>,
    ) -> Result<()> {
        let mut backoff = Backoff::propagation();
        loop {
            self.settle().await?;
            let call = change(self.cloud.dynamodb.update_table().table_name(&self.wanted.name));
            let call = call.map_err(|error| Error::failed(self.what()).because(&error))?;
            let Err(error) = call.send().await else { return Ok(()) };
            // It looked ready, and was not: five hundred indexes are made at once in an account, for one.
            let busy = matches!(code(&error), Some("ResourceInUseException" | "LimitExceededException"));
            if !busy || !backoff.sleep().await {
                return Err(explain(self.what())(error));
            }
            say("waiting for a change of it that is in progress");
        }
    }

    async fn remove_index(&self, name: &str) -> Result<()> {
        self.update(|call| {
            let gone = DeleteGlobalSecondaryIndexAction::builder().index_name(name).build()?;
            Ok(call.global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().delete(gone).build()))
        })
        .await
    }

    /// "The attribute definitions must include the key elements of the new index."
    async fn add_index(&self, name: &str, index: &Index) -> Result<()> {
        // Those of an index that is not there yet are not used yet, and would be refused.
        let only = Table { indexes: [(name.to_owned(), index.clone())].into(), ..self.wanted.clone() };
        self.update(|call| {
            let call = call.set_attribute_definitions(Some(parts::attributes(&only)?));
            let addition = GlobalSecondaryIndexUpdate::builder().create(parts::added(name, index)?).build();
            Ok(call.global_secondary_index_updates(addition))
        })
        .await
    }

    /// What does not change must not be said: `DynamoDB` refuses it.
    async fn capacity(&self, live: &Table, kept: &[(&String, &Index)]) -> Result<()> {
        let Some(capacity) = self.wanted.capacity else {
            if live.capacity.is_some() {
                self.update(|call| Ok(call.billing_mode(BillingMode::PayPerRequest))).await?;
            }
            return Ok(());
        };
        let switches = live.capacity.is_none();
        let own = (live.capacity != Some(capacity)).then_some(capacity);
        let others: Vec<&String> = kept
            .iter()
            .filter(|(_, index)| switches || index.capacity != Some(capacity))
            .map(|(name, _)| *name)
            .collect();
        if own.is_none() && others.is_empty() {
            return Ok(());
        }
        self.update(|call| {
            let updates = others.iter().map(|name| {
                let update = UpdateGlobalSecondaryIndexAction::builder().index_name(*name);
                let update = update.provisioned_throughput(parts::throughput(capacity)?).build()?;
                Ok(GlobalSecondaryIndexUpdate::builder().update(update).build())
            });
            let updates = updates.collect::<Result<Vec<_>, BuildError>>()?;
            let call = call.set_billing_mode(switches.then_some(BillingMode::Provisioned));
            let call = call.set_provisioned_throughput(own.map(parts::throughput).transpose()?);
            Ok(call.set_global_secondary_index_updates((!updates.is_empty()).then_some(updates)))
        })
        .await
    }

    /// Switches the expiry by an attribute on or off.
    async fn expiry(&self, name: &str, on: bool) -> Result<()> {
        self.settle().await?;
        let wish = TimeToLiveSpecification::builder().attribute_name(name).enabled(on).build();
        let wish = wish.map_err(|error| Error::failed(self.what()).because(&error))?;
        let call = self.cloud.dynamodb.update_time_to_live().table_name(&self.wanted.name);
        let Err(error) = call.time_to_live_specification(wish).send().await else { return Ok(()) };
        // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
        let hint =
            "DynamoDB takes up to an hour for a change of the expiry, and no other meanwhile: run rzap again then";
        let error = explain(format!("change the expiry of the table `{}`", self.wanted.name))(error);
        Err(error.hint(hint))
    }

    /// "Backups have not yet been enabled for this table": a new one does not know them at first.
    async fn recovery(&self) -> Result<()> {
        self.settle().await?;
        let mut backoff = Backoff::propagation();
        loop {
            let wish = PointInTimeRecoverySpecification::builder();
            let wish = wish.point_in_time_recovery_enabled(self.wanted.pitr).build();
            let wish = wish.map_err(|error| Error::failed(self.what()).because(&error))?;
            let call = self.cloud.dynamodb.update_continuous_backups().table_name(&self.wanted.name);
            let Err(error) = call.point_in_time_recovery_specification(wish).send().await else { return Ok(()) };
            let early = code(&error) == Some("ContinuousBackupsUnavailableException");
            if !early || !backoff.sleep().await {
                return Err(explain(format!("change the backups of the table `{}`", self.wanted.name))(error));
            }
            say("waiting until the table can have backups");
        }
    }
}
