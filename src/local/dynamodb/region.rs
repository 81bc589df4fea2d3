//! The tables of one region: a file of the engine, and a connection of our own to its stream records.
//!
//! The engine never removes a stream record and looks for the highest number by reading all of them. The
//! indexes and deletions here are the only places that know its file (`dynoxide-rs` is pinned for that).

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dynoxide::{Database, DynoxideError, TableMetadata};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::{internal, invalid};
use crate::local::wire::Fault;

const INDEXES: &str = "
    CREATE INDEX IF NOT EXISTS rzap_stream_sequence
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE INDEX IF NOT EXISTS rzap_stream_age ON _stream_records (created_at);
    CREATE TABLE IF NOT EXISTS rzap_positions (mapping TEXT PRIMARY KEY, position INTEGER NOT NULL);";

/// Records per deletion: the engine waits while one runs.
const BATCH: usize = 500;

/// One region.
pub(crate) struct Region {
    name: String,
    db: Database,
    records: Mutex<Connection>,
}

impl Region {
    /// Opens or makes the file.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, Fault> {
        let text = path.to_str().ok_or_else(|| internal("the state folder's name is not UTF-8"))?;
        let db = Database::new(text).map_err(|error| engine(&error))?;
        // The name does not say it: this sets `synchronous = NORMAL`. With a write-ahead log that loses
        // nothing when the process is killed, and costs no fsync per write.
        db.disable_bulk_loading().map_err(|error| engine(&error))?;
        let records = Connection::open(path).map_err(|error| internal(&error.to_string()))?;
        records.busy_timeout(Duration::from_secs(10)).map_err(|error| internal(&error.to_string()))?;
        records.execute_batch(INDEXES).map_err(|error| internal(&error.to_string()))?;
        Ok(Self { name: name.to_owned(), db, records: Mutex::new(records) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn database(&self) -> &Database {
        &self.db
    }

    /// What the engine knows of a table.
    pub(super) fn table(&self, name: &str) -> Result<Option<TableMetadata>, Fault> {
        self.db.get_table_metadata(name).map_err(|error| engine(&error))
    }

    /// What has to be right before the engine changes a table.
    pub(super) fn before(&self, operation: &str, body: &[u8]) -> Result<(), Fault> {
        if !matches!(operation, "CreateTable" | "UpdateTable" | "UpdateTimeToLive") {
            return Ok(());
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(name) = request["TableName"].as_str() else { return Ok(()) };
        let table = self.table(name)?;
        if operation == "UpdateTimeToLive" {
            return table.map_or(Ok(()), |table| expiry(&table, &request["TimeToLiveSpecification"]));
        }
        // A new stream begins empty, also on a table that had one before or whose name was in use before.
        if request["StreamSpecification"]["StreamEnabled"] != true || table.is_some_and(|table| table.stream_enabled) {
            return Ok(());
        }
        let ids = format!("SELECT id FROM _stream_records WHERE table_name = ?1 LIMIT {BATCH}");
        self.delete(&ids, &name)
    }

    /// Removes stream records written before a time, in seconds since the epoch.
    pub(super) fn trim(&self, before: i64) -> Result<(), Fault> {
        self.delete(&format!("SELECT id FROM _stream_records WHERE created_at < ?1 LIMIT {BATCH}"), &before)
    }

    /// How far an event source mapping got in its stream.
    pub(super) fn position(&self, mapping: &str) -> Result<Option<i64>, Fault> {
        self.records()
            .query_row("SELECT position FROM rzap_positions WHERE mapping = ?1", [mapping], |row| row.get(0))
            .optional()
            .map_err(|error| internal(&error.to_string()))
    }

    /// Remembers how far it got.
    pub(super) fn keep_position(&self, mapping: &str, position: i64) -> Result<(), Fault> {
        self.records()
            .execute("INSERT OR REPLACE INTO rzap_positions VALUES (?1, ?2)", params![mapping, position])
            .map(|_| ())
            .map_err(|error| internal(&error.to_string()))
    }

    /// Deletes what a query finds until it finds nothing.
    fn delete(&self, ids: &str, parameter: &dyn rusqlite::ToSql) -> Result<(), Fault> {
        let statement = format!("DELETE FROM _stream_records WHERE id IN ({ids})");
        while self.records().execute(&statement, params![parameter]).map_err(|error| internal(&error.to_string()))? > 0
        {
        }
        Ok(())
    }

    fn records(&self) -> MutexGuard<'_, Connection> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Expiry is switched on and off once, and by the attribute that it goes by; the engine is less strict.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html>
fn expiry(table: &TableMetadata, wanted: &Value) -> Result<(), Fault> {
    let (Some(on), Some(attribute)) = (wanted["Enabled"].as_bool(), wanted["AttributeName"].as_str()) else {
        return Ok(());
    };
    match table.ttl_attribute.as_deref().filter(|_| table.ttl_enabled) {
        Some(current) if current != attribute => Err(invalid(format!(
            "TimeToLive is active on a different AttributeName: current AttributeName is {current}"
        ))),
        Some(_) if on => Err(invalid("TimeToLive is already enabled")),
        None if !on => Err(invalid("TimeToLive is already disabled")),
        _ => Ok(()),
    }
}

/// An error of the engine where none of `DynamoDB`'s is expected.
pub(super) fn engine(error: &DynoxideError) -> Fault {
    internal(&error.to_string())
}
