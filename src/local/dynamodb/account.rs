//! What belongs to the account and not to items: limits, endpoints, and the settings of point-in-time
//! recovery, which are kept and do nothing (there is nothing to restore from).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DynamoDb, arn, internal, invalid};
use crate::local::wire::{Fault, Request};

/// What is kept besides the tables: recovery by region and table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    recovery: BTreeMap<String, BTreeMap<String, Recovery>>,
}

/// Point-in-time recovery that is on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Recovery {
    /// Seconds since the epoch.
    since: i64,
    days: i64,
}

/// The account's default quotas.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub(super) fn limits() -> Value {
    json!({
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    })
}

/// A client that asks for an endpoint shall stay here.
pub(super) fn endpoints(host: Option<&str>) -> Value {
    json!({ "Endpoints": [{ "Address": host.unwrap_or("localhost"), "CachePeriodInMinutes": 1440 }] })
}

impl DynamoDb {
    pub(super) fn describe_backups(&self, request: &Request) -> Result<Value, Fault> {
        let name = self.existing(&request.region, &request.json()?)?;
        Ok(self.described(&request.region, &name))
    }

    pub(super) fn update_backups(&self, request: &Request) -> Result<Value, Fault> {
        let document = request.json()?;
        let wanted = &document["PointInTimeRecoverySpecification"];
        let Some(on) = wanted["PointInTimeRecoveryEnabled"].as_bool() else {
            let member = "pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled";
            return Err(invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            )));
        };
        let days = wanted.get("RecoveryPeriodInDays").filter(|days| !days.is_null()).map(Value::as_i64);
        if let Some(days) = days
            && !days.is_some_and(|days| (1..=35).contains(&days))
        {
            return Err(invalid("RecoveryPeriodInDays must be between 1 and 35"));
        }
        let name = self.existing(&request.region, &document)?;
        self.settings.write(|settings| {
            let tables = settings.recovery.entry(request.region.clone()).or_default();
            if on {
                let now = jiff::Timestamp::now().as_second();
                let recovery = tables.entry(name.clone()).or_insert(Recovery { since: now, days: 35 });
                recovery.days = days.flatten().unwrap_or(recovery.days);
            } else {
                tables.remove(&name);
            }
            Ok(())
        })?;
        Ok(self.described(&request.region, &name))
    }

    /// Forgets the settings of a table that `DeleteTable` has answered for.
    pub(super) fn forget_backups(&self, region: &str, answer: &[u8]) -> Result<(), Fault> {
        let answer: Value = serde_json::from_slice(answer).map_err(|error| internal(&error.to_string()))?;
        let name = answer["TableDescription"]["TableName"].as_str().unwrap_or_default();
        if !self.settings.read(|settings| settings.recovery.get(region).is_some_and(|tables| tables.contains_key(name)))
        {
            return Ok(());
        }
        self.settings.write(|settings| {
            settings.recovery.entry(region.to_owned()).or_default().remove(name);
            Ok(())
        })
    }

    /// The name in `TableName` (a name or an ARN) of a table that is there.
    fn existing(&self, region: &str, document: &Value) -> Result<String, Fault> {
        let name = document["TableName"].as_str().unwrap_or_default();
        let name = if name.starts_with("arn:") { arn::table_name(region, name)? } else { name };
        if self.region(region)?.table(name)?.is_none() {
            return Err(Fault::new(400, "TableNotFoundException", format!("Table not found: {name}")));
        }
        Ok(name.to_owned())
    }

    fn described(&self, region: &str, name: &str) -> Value {
        let recovery =
            self.settings.read(|settings| settings.recovery.get(region).and_then(|tables| tables.get(name)).copied());
        let description = match recovery {
            None => json!({ "PointInTimeRecoveryStatus": "DISABLED" }),
            Some(Recovery { since, days }) => {
                let now = jiff::Timestamp::now().as_second();
                // The latest restorable time is typically five minutes before the current time
                // (PointInTimeRecoveryDescription).
                let latest = (now - 300).max(since);
                json!({
                    "PointInTimeRecoveryStatus": "ENABLED",
                    "RecoveryPeriodInDays": days,
                    "EarliestRestorableDateTime": since.max(now - days * 86_400),
                    "LatestRestorableDateTime": latest,
                })
            }
        };
        json!({ "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": description,
        } })
    }
}
