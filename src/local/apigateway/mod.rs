//! Placeholder for the service `apigateway`: refuses everything.

use std::path::Path;
use std::sync::Arc;

use super::Local;
use super::wire::{Fault, Reply, Request};
use crate::error::Result;

#[derive(Debug)]
pub(crate) struct ApiGateway;

#[expect(clippy::unused_async, reason = "the real service awaits")]
impl ApiGateway {
    pub(crate) fn open(_home: &Path) -> Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn handle(&self, _local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        Err(Fault::unsupported("apigateway", &format!("{} {}", request.method, request.path)))
    }
}
