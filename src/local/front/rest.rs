//! One request to a REST API: stage, route, authorization, integration.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::access_log::{self, Backend};
use super::address::{Address, Owner};
use super::context::{Context, signed_by};
use super::failure::Failure;
use super::{answer, binary, event_v1, function, mock, routes};
use crate::local::apigateway::{Deployed, Integration, Method};
use crate::local::wire::{Reply, Request};
use crate::local::{ACCOUNT, Local};

/// The largest body API Gateway takes, in bytes.
const BODY: usize = 10 * 1024 * 1024;

/// Serves a request whose address names an API.
pub(super) async fn serve(local: &Arc<Local>, request: Request, address: Address) -> Reply {
    let Owner::Api(api) = &address.owner else { return Failure::forbidden().plain(&request.request_id) };
    let stage = address.path.split('/').nth(1).unwrap_or_default().to_owned();
    let Some(deployed) = local.apigateway.deployed(api, &stage).filter(|deployed| !deployed.disabled) else {
        return Failure::forbidden().plain(&request.request_id);
    };
    let mut context = Context::new(local, request, &address, api, &stage);
    context.deployment.clone_from(&deployed.deployment);
    context.stage_variables.clone_from(&deployed.variables);
    let started = Instant::now();
    let mut variables = Vec::new();
    let reply = match route(local, &mut context, &deployed).await {
        Ok(reply) => reply
            .with("x-amzn-requestid", &context.request_id)
            .with("x-amz-apigw-id", &context.extended_id)
            .with("x-amzn-trace-id", &context.trace_id),
        Err(failure) => {
            variables = failure.variables();
            failure.answer(&deployed.routes.gateway_responses, &context).with("x-amz-apigw-id", &context.extended_id)
        }
    };
    if let Some(settings) = &deployed.access_log {
        variables.extend(context.variables());
        let of = access_log::Of { settings, region: &deployed.region, api, stage: &stage };
        access_log::write(local, of, started, variables, context.backend.as_ref(), &reply);
    }
    reply
}

async fn route(local: &Arc<Local>, context: &mut Context, deployed: &Deployed) -> Result<Reply, Failure> {
    let verb = context.request.method.as_str();
    let route = routes::find(&deployed.routes, &context.path, verb).ok_or_else(Failure::missing_token)?;
    context.resource_id = route.resource_id;
    context.resource_path = route.resource_path;
    context.path_parameters = route.parameters;
    if context.request.body.len() > BODY {
        return Err(Failure::body_too_large());
    }
    let iam = route.method.authorization_type == "AWS_IAM";
    if iam && signed_by(&context.request).is_none() {
        return Err(Failure::missing_token());
    }
    let integration = route.method.method_integration.as_ref().ok_or_else(Failure::configuration)?;
    match integration.kind.as_str() {
        "MOCK" => mock::answer(integration, &context.request),
        "AWS_PROXY" => proxy(local, context, deployed, &route.method, integration).await,
        other => Err(Failure::unsupported(&format!("the integration type {other}"))),
    }
}

async fn proxy(
    local: &Arc<Local>,
    context: &mut Context,
    deployed: &Deployed,
    method: &Method,
    integration: &Integration,
) -> Result<Reply, Failure> {
    let arn = function_arn(integration, context)?;
    if integration
        .request_parameters
        .keys()
        .any(|name| name.eq_ignore_ascii_case("integration.request.header.X-Amz-Invocation-Type"))
    {
        return Err(Failure::unsupported("asynchronous invocation by X-Amz-Invocation-Type"));
    }
    // Lambda is invoked with POST, whatever the client used (x-amazon-apigateway-integration, httpMethod).
    if integration.http_method.as_deref() != Some("POST") {
        return Err(Failure::configuration());
    }
    let source = source_arn(context, &deployed.region);
    if !function::lets_gateway_in(local, &arn, &source) {
        return Err(Failure::configuration());
    }
    let types = &deployed.routes.binary_media_types;
    let event = event_v1::event(context, method.authorization_type == "AWS_IAM", types);
    let limit = Duration::from_millis(integration.timeout_in_millis);
    let request_id = uuid::Uuid::new_v4().to_string();
    let call = function::Call {
        function: &arn,
        qualifier: None,
        region: &deployed.region,
        // Gateway and function have request ids of their own.
        request_id: request_id.clone(),
        trace_id: &context.trace_id,
    };
    let started = Instant::now();
    let outcome = tokio::time::timeout(limit, function::invoke(local, call, &event)).await;
    let backend = context.backend.insert(Backend { request_id, latency: started.elapsed(), status: None, error: None });
    let outcome = outcome
        .map_err(|_| Failure::timeout())?
        .map_err(|fault| if fault.status == 413 { Failure::event_too_large() } else { Failure::configuration() })?;
    if outcome.function_error.is_some() {
        return Err(Failure::bad_gateway());
    }
    let reply = answer::rest(&outcome.payload, binary::listed(types, context.request.header("accept")))?;
    backend.status = Some(reply.status.as_u16());
    Ok(reply)
}

/// `arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations`, with its
/// `${stageVariables.x}` filled in.
fn function_arn(integration: &Integration, context: &Context) -> Result<String, Failure> {
    let mut uri = integration.uri.clone().unwrap_or_default();
    for (name, value) in &context.stage_variables {
        uri = uri.replace(&format!("${{stageVariables.{name}}}"), value);
    }
    let action = uri.splitn(6, ':').nth(5).unwrap_or_default();
    let function = action.strip_prefix("path/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"));
    match function {
        // A variable the stage does not have.
        Some(function) if function.contains("${") => Err(Failure::configuration()),
        Some(function) => Ok(function.to_owned()),
        None => Err(Failure::unsupported(&format!("an AWS_PROXY integration with {uri}"))),
    }
}

/// What the function's policy compares: the method with the resource's variables as `*`.
fn source_arn(context: &Context, region: &str) -> String {
    let path = context.resource_path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
    let path = path.collect::<Vec<_>>().join("/");
    format!("arn:aws:execute-api:{region}:{ACCOUNT}:{}/{}/{}{path}", context.api, context.stage, context.request.method)
}
