//! HTTP traffic to deployed REST APIs, HTTP APIs and function URLs.
//!
//! | client uses | served |
//! |---|---|
//! | host `{api}.execute-api.localhost`, `{api}.execute-api.{region}.amazonaws.com` | `/{stage}/path`, an HTTP API's `$default` stage at `/path` |
//! | path `/_aws/execute-api/{api}/{stage}/path` on any host | the same, for clients that cannot resolve the host |
//! | host `{url}.lambda-url.{region}.localhost`, `{url}.lambda-url.{region}.on.aws` | `/path` |
//! | path `/_aws/lambda-url/{url}/path` on any host | the same |
//!
//! **What an app is told about its own address.** As on AWS, a REST API's `path` and a function URL's
//! `rawPath` are what the app serves, without the stage and as the client encoded them; a REST API's
//! `requestContext.path` is what the client asked for, in full, so what stands before `path` in it is
//! the mount point (`SCRIPT_NAME`): `/{stage}` on an execute-api host,
//! `/_aws/execute-api/{api}/{stage}` in the path form. An HTTP API's `rawPath` (2.0) and `path` (1.0)
//! are decoded and begin with `/{stage}` unless that is `$default`, in the path form too.
//! `domainName` is the host the client used, without the port. A bridge that goes by the host instead
//! (`….execute-api.…` → `/{stage}`, otherwise nothing) finds the mount point of the path form in
//! `X-Forwarded-Prefix`: `/_aws/execute-api/{api}` and the stage, but for `$default`. Scheme and port
//! are the local ones, in `X-Forwarded-Proto` and `X-Forwarded-Port`.
//!
//! Not here: WebSocket APIs, custom domains, throttling, caching, execution logs.
//! Responses are sent when they are complete, but for those of function URLs that stream. `AWS_IAM` wants
//! a signature, but does not verify it.

mod access_log;
mod address;
mod answer;
mod binary;
mod context;
mod cors;
mod event_v1;
mod event_v2;
mod failure;
mod function;
mod http_answer;
mod http_api;
mod http_event;
mod http_path;
mod http_route;
mod mock;
mod rest;
mod routes;
mod streamed;
mod url;

use std::sync::Arc;

use self::address::{Address, Owner};
use super::Local;
use super::wire::{Reply, Request};

/// Whether a request is traffic to a deployed API or function URL, by host or path.
pub(crate) fn claims(request: &Request) -> bool {
    Address::of(request).is_some()
}

/// Serves a request [`claims`] said yes to.
pub(crate) async fn serve(local: &Arc<Local>, request: Request) -> Reply {
    match Address::of(&request) {
        Some(address) => match address.owner {
            Owner::Api(ref api) if local.apigatewayv2.has(api) => http_api::serve(local, request, address).await,
            Owner::Api(_) => rest::serve(local, request, address).await,
            Owner::Url(_) => url::serve(local, request, address).await,
        },
        None => failure::Failure::forbidden().plain(&request.request_id),
    }
}
