//! Placeholder for HTTP traffic to deployed APIs and function URLs: refuses everything.

use std::sync::Arc;

use super::Local;
use super::wire::{Fault, Reply, Request};

/// Whether a request is traffic to a deployed API or function URL, by host or path.
pub(crate) fn claims(request: &Request) -> bool {
    request.path.starts_with("/_aws/") || request.header("host").is_some_and(|host| host.contains(".execute-api."))
}

#[expect(clippy::unused_async, reason = "the real front awaits")]
pub(crate) async fn serve(_local: &Arc<Local>, request: Request) -> Reply {
    Fault::unsupported("execute-api", &request.path).into_json()
}
