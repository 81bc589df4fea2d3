//! Secrets Manager (JSON 1.1, `x-amz-target: secretsmanager.X`): secrets with their versions, stages and tags, and
//! deletion with its recovery window.
//!
//! All of it is one [`Store`], in a file that only its owner may read; nothing in it is encrypted. A secret whose
//! recovery window is over is gone with the next request. Refused: rotation, replicas and resource policies.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

mod change;
mod delete;
mod list;
mod model;
mod password;
mod read;
mod stages;
mod tags;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use self::model::{Index, Secret};
use super::Local;
use super::members::Members;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use crate::error::Result;

/// The service.
#[derive(Debug)]
pub(crate) struct Secrets {
    index: Store<Index>,
}

impl Secrets {
    /// Opens `{home}/secrets.json`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        Ok(Self { index: Store::open(home, "secrets")? })
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "like every other service")]
    pub(crate) async fn handle(&self, _: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix("secretsmanager.").unwrap_or(target);
        let members = Members::new(request.json()?, &request.region);
        self.purge()?;
        let output: Value = match operation {
            "CreateSecret" => self.create(&members),
            "PutSecretValue" => self.put(&members),
            "UpdateSecret" => self.update(&members),
            "UpdateSecretVersionStage" => self.update_stage(&members),
            "GetSecretValue" => self.get_value(&members),
            "BatchGetSecretValue" => self.get_values(&members),
            "DescribeSecret" => self.describe(&members),
            "ListSecrets" => self.list(&members),
            "ListSecretVersionIds" => self.list_versions(&members),
            "DeleteSecret" => self.delete(&members),
            "RestoreSecret" => self.restore(&members),
            "TagResource" => self.tag(&members),
            "UntagResource" => self.untag(&members),
            "GetRandomPassword" => password::answer(&members),
            other => Err(Fault::unsupported("Secrets Manager", other)),
        }?;
        Ok(Reply::json(200, &output).with("content-type", "application/x-amz-json-1.1"))
    }

    /// Forgets what could be restored long enough.
    fn purge(&self) -> Result<(), Fault> {
        let now = now();
        let is_over = |secret: &Secret| secret.deleted.is_some_and(|end| end <= now);
        if !self.index.read(|index| index.regions.values().any(|secrets| secrets.values().any(is_over))) {
            return Ok(());
        }
        self.index.write(|index| {
            index.regions.values_mut().for_each(|secrets| secrets.retain(|_, secret| !is_over(secret)));
            Ok(())
        })
    }

    /// Looks at the secret that a request is about.
    fn look<R>(&self, members: &Members, look: impl FnOnce(&Secret) -> Result<R, Fault>) -> Result<R, Fault> {
        let id = members.required("SecretId")?;
        self.index.read(|index| look(index.find(&members.region, id).ok_or_else(not_found)?))
    }

    /// Changes it, unless it is deleted.
    fn change<R>(&self, members: &Members, change: impl FnOnce(&mut Secret) -> Result<R, Fault>) -> Result<R, Fault> {
        let id = members.required("SecretId")?;
        self.index.write(|index| {
            let secret = index.find_mut(&members.region, id).ok_or_else(not_found)?;
            secret.stands()?;
            change(secret)
        })
    }
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn not_found() -> Fault {
    Fault::new(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn bad_parameter(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterException", message)
}

fn bad_request(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidRequestException", message)
}
