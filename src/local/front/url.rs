//! One request to a function URL.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>: `NONE` needs a resource policy that
//! lets anybody in, with both `lambda:InvokeFunctionUrl` and, since October 2025,
//! `lambda:InvokeFunction`. `AWS_IAM` needs a signature, which is not verified.

use std::sync::Arc;

use serde_json::json;

use super::address::{Address, Owner};
use super::context::signed_by;
use super::cors::Cors;
use super::{answer, event_v2, function};
use crate::local::Local;
use crate::local::wire::{Reply, Request};

/// Serves a request whose address names a function URL.
pub(super) async fn serve(local: &Arc<Local>, request: Request, address: Address) -> Reply {
    let request_id = request.request_id.clone();
    let reply = match &address.owner {
        Owner::Url(id) => answered(local, &request, &address, id).await,
        Owner::Api(_) => forbidden(),
    };
    reply.with("x-amzn-requestid", request_id)
}

async fn answered(local: &Arc<Local>, request: &Request, address: &Address, id: &str) -> Reply {
    let Some(owner) = local.lambda.url_owner(id) else { return forbidden() };
    let cors = owner.cors.as_ref().map(Cors);
    if let Some(preflight) = cors.as_ref().and_then(|cors| cors.preflight(request)) {
        return preflight;
    }
    let reply = invoked(local, request, address, id, &owner).await;
    match cors {
        Some(cors) => cors.dress(request, reply),
        None => reply,
    }
}

async fn invoked(
    local: &Arc<Local>,
    request: &Request,
    address: &Address,
    id: &str,
    owner: &crate::local::lambda::UrlOwner,
) -> Reply {
    let iam = owner.auth == "AWS_IAM";
    let allowed =
        if iam { signed_by(request).is_some() } else { local.lambda.permits_url(&owner.function_arn, &owner.auth) };
    if !allowed {
        return forbidden();
    }
    if owner.mode == "RESPONSE_STREAM" {
        return failed(501, "NotImplemented", "InvokeMode RESPONSE_STREAM is not supported by the local cloud");
    }
    if request.body.len() > function::PAYLOAD {
        let message =
            format!("Request must be smaller than {} bytes for the InvokeFunction operation", function::PAYLOAD);
        return failed(413, "RequestTooLargeException", &message);
    }
    let event = event_v2::event(local, request, address, id, iam);
    match function::invoke(local, &owner.function_arn, &event).await {
        Err(fault) => failed(fault.status, fault.code, &fault.message),
        Ok(outcome) if outcome.function_error.is_some() => broken(),
        Ok(outcome) => answer::url(&outcome.payload).unwrap_or_else(|_| broken()),
    }
}

/// The function failed, or its answer has the wrong form.
fn broken() -> Reply {
    Reply::empty(502)
        .with("content-type", "application/json")
        .with("x-amzn-errortype", "InternalServerErrorException")
        .body("Internal Server Error")
}

fn forbidden() -> Reply {
    let page = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
    failed(
        403,
        "AccessDeniedException",
        &format!("Forbidden. For troubleshooting Function URL authorization issues, see: {page}"),
    )
}

fn failed(status: u16, error: &'static str, message: &str) -> Reply {
    Reply::json(status, &json!({ "Message": message })).with("x-amzn-errortype", error)
}
