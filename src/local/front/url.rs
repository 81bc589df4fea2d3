//! One request to a function URL.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>: `NONE` needs a resource policy that
//! lets anybody in, with both `lambda:InvokeFunctionUrl` and, since October 2025,
//! `lambda:InvokeFunction`. `AWS_IAM` needs a signature, which is not verified.
//! A `RESPONSE_STREAM` answer is sent when it is complete.

use std::sync::Arc;

use serde_json::json;

use super::address::{Address, Owner};
use super::context::{signed_by, trace_id};
use super::cors::Cors;
use super::{answer, event_v2, function};
use crate::local::Local;
use crate::local::lambda::UrlOwner;
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
    let Some(owner) = function::url(local, id) else { return forbidden() };
    let cors = owner.cors.as_ref().map(Cors::of_url);
    if let Some(preflight) = cors.as_ref().and_then(|cors| cors.preflight(request)) {
        return preflight;
    }
    let reply = invoked(local, request, address, id, &owner).await;
    match cors {
        Some(cors) => cors.dress(request, reply),
        None => reply,
    }
}

async fn invoked(local: &Arc<Local>, request: &Request, address: &Address, id: &str, owner: &UrlOwner) -> Reply {
    let iam = owner.auth_type == "AWS_IAM";
    let allowed = if iam { signed_by(request).is_some() } else { function::is_public(local, owner) };
    if !allowed {
        return forbidden();
    }
    if request.body.len() > function::PAYLOAD {
        let limit = function::PAYLOAD;
        let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        return failed(413, "RequestTooLargeException", &message);
    }
    let trace_id = request.header("x-amzn-trace-id").map_or_else(trace_id, str::to_owned);
    let event = event_v2::event(local, request, address, &event_v2::Caller { id, iam, trace_id: &trace_id });
    let call = function::Call {
        function: &owner.function_arn,
        qualifier: owner.qualifier.as_deref(),
        region: &owner.region,
        // "The ID of the invocation request", says the page on invoking URLs.
        request_id: request.request_id.clone(),
        trace_id: &trace_id,
    };
    let outcome = match function::invoke(local, call, &event).await {
        Err(fault) => return failed(fault.status, fault.code, &fault.message),
        Ok(outcome) if outcome.function_error.is_some() => return broken(),
        Ok(outcome) => outcome,
    };
    let reply = if owner.invoke_mode == "RESPONSE_STREAM" {
        answer::streamed(&outcome.payload, outcome.content_type.as_deref())
    } else {
        answer::url(&outcome.payload)
    };
    reply.map_or_else(|_| broken(), |reply| reply.with("x-amzn-trace-id", trace_id))
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
