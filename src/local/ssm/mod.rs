//! SSM Parameter Store (JSON 1.1, `x-amz-target: AmazonSSM.X`): parameters with their versions, labels and tags.
//!
//! All of it is one [`Store`], in a file that only its owner may read: a `SecureString` lies there as it is, and
//! what is answered without decryption is a hash that leads nowhere. Refused: policies of parameters, other data
//! types than text, sharing, and everything of Systems Manager that is no parameter.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

mod describe;
mod filter;
mod get;
mod model;
mod names;
mod put;
mod tags;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use self::model::{Index, Parameter};
use super::members::Members;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::{ACCOUNT, Local};
use crate::error::Result;

/// The service.
#[derive(Debug)]
pub(crate) struct Ssm {
    index: Store<Index>,
}

impl Ssm {
    /// Opens `{home}/parameters.json`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        Ok(Self { index: Store::open(home, "parameters")? })
    }

    /// Answers one API call.
    #[expect(clippy::unused_async, reason = "like every other service")]
    pub(crate) async fn handle(&self, _: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let target = request.header("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix("AmazonSSM.").unwrap_or(target);
        let members = Members::new(request.json()?, &request.region);
        let output: Value = match operation {
            "PutParameter" => self.put(&members),
            "GetParameter" => self.get_one(&members),
            "GetParameters" => self.get_some(&members),
            "GetParametersByPath" => self.get_by_path(&members),
            "GetParameterHistory" => self.history(&members),
            "DescribeParameters" => self.describe(&members),
            "DeleteParameter" => self.delete_one(&members),
            "DeleteParameters" => self.delete_some(&members),
            "LabelParameterVersion" => self.label(&members),
            "UnlabelParameterVersion" => self.unlabel(&members),
            "AddTagsToResource" => self.add_tags(&members),
            "RemoveTagsFromResource" => self.remove_tags(&members),
            "ListTagsForResource" => self.list_tags(&members),
            other => Err(Fault::unsupported("SSM", other)),
        }?;
        Ok(Reply::json(200, &output).with("content-type", "application/x-amz-json-1.1"))
    }

    /// Looks at a parameter by its name.
    fn parameter<R>(&self, region: &str, name: &str, look: impl FnOnce(&Parameter) -> R) -> Result<R, Fault> {
        self.index.read(|index| index.find(region, name).map(look)).ok_or_else(not_found)
    }

    /// Changes one.
    fn change<R>(
        &self,
        region: &str,
        name: &str,
        change: impl FnOnce(&mut Parameter) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        self.index.write(|index| change(index.find_mut(region, name).ok_or_else(not_found)?))
    }
}

/// AWS's own fault has no message, either.
fn not_found() -> Fault {
    Fault::new(400, "ParameterNotFound", "")
}

fn arn(region: &str, name: &str) -> String {
    let slash = if name.starts_with('/') { "" } else { "/" };
    format!("arn:aws:ssm:{region}:{ACCOUNT}:parameter{slash}{name}")
}
