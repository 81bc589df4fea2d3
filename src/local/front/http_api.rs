//! One request to an HTTP API: stage, route, integration, CORS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::access_log::{self, Backend, Variable};
use super::address::{Address, Owner, host};
use super::context::{clf_time, forwarded, signed_by, trace_id};
use super::cors::Cors;
use super::failure::Failure;
use super::http_event::Call;
use super::http_route::{Found, find};
use super::{function, http_answer, http_path};
use crate::local::apigatewayv2::{DEFAULT, Integration, Served};
use crate::local::wire::{Reply, Request};
use crate::local::{ACCOUNT, Local};

/// The largest body API Gateway takes, in bytes.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const BODY: usize = 10 * 1024 * 1024;

/// What AWS writes where the function's policy does not let it in:
/// <https://repost.aws/knowledge-center/api-gateway-http-lambda-integrations>
const DENIED: &str = "The IAM role configured on the integration or API Gateway doesn't have permissions to call the integration. Check the permissions and try again.";

/// What AWS writes of a function that failed, as access logs on the web have it.
fn failed(payload: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    let message = answer["errorMessage"].as_str().unwrap_or_default();
    format!(
        "The Lambda function returned the following error: {message}. Check your Lambda function code and try again."
    )
}

/// What the gateway answers itself: status and message.
type Refusal = (u16, String);

/// What was found out on the way, for the access log.
#[derive(Default)]
struct Trail {
    served: Option<Served>,
    /// Decoded.
    path: String,
    /// `None` when no route takes the request.
    route: Option<String>,
    backend: Option<Backend>,
}

/// Serves a request whose address names an HTTP API.
pub(super) async fn serve(local: &Arc<Local>, request: Request, address: Address) -> Reply {
    // As AWS writes it: `JKJaXmPLvHcESHA=`.
    let id = format!("{}=", &uuid::Uuid::new_v4().simple().to_string()[..15]);
    let (started, time) = (Instant::now(), Timestamp::now());
    let mut trail = Trail::default();
    let mut variables = Vec::new();
    let reply = match answered(local, &request, &address, &id, &mut trail).await {
        Ok(reply) => reply,
        Err((status, message)) => {
            variables.push(("error.messageString", json!(message).to_string()));
            variables.push(("error.message", message.clone()));
            Reply::json(status, &json!({ "message": message }))
        }
    };
    if let (Owner::Api(api), Some(served)) = (&address.owner, &trail.served)
        && let Some(settings) = &served.access_log
    {
        variables.extend(trail.variables(&request, (api, &id), time));
        let of = access_log::Of { settings, region: &served.region, api, stage: &served.stage };
        access_log::write(local, of, started, variables, trail.backend.as_ref(), &reply);
    }
    reply.with("apigw-requestid", id)
}

impl Trail {
    fn variables(&self, request: &Request, (api, id): (&str, &str), time: Timestamp) -> Vec<Variable> {
        let domain = host(request).unwrap_or_else(|| "localhost".into());
        vec![
            ("accountId", ACCOUNT.to_owned()),
            ("apiId", api.to_owned()),
            ("domainPrefix", domain.split('.').next().unwrap_or_default().to_owned()),
            ("domainName", domain),
            ("extendedRequestId", id.to_owned()),
            ("httpMethod", request.method.to_string()),
            ("identity.sourceIp", request.peer.to_string()),
            ("identity.userAgent", request.header("user-agent").unwrap_or_default().to_owned()),
            ("path", self.path.clone()),
            ("protocol", "HTTP/1.1".to_owned()),
            ("requestId", id.to_owned()),
            ("requestTime", clf_time(time)),
            ("requestTimeEpoch", time.as_millisecond().to_string()),
            ("routeKey", self.route.clone().unwrap_or_default()),
            ("stage", self.served.as_ref().map(|served| served.stage.clone()).unwrap_or_default()),
        ]
    }
}

async fn answered(
    local: &Arc<Local>,
    request: &Request,
    address: &Address,
    id: &str,
    trail: &mut Trail,
) -> Result<Reply, Refusal> {
    let Owner::Api(api) = &address.owner else { return Err(not_found()) };
    let path = http_path::decoded(&address.path).ok_or((400, "Bad Request".to_owned()))?;
    let first = path.split('/').nth(1).unwrap_or_default();
    let served = trail.served.insert(local.apigatewayv2.served(api, first).ok_or_else(not_found)?);
    trail.path.clone_from(&path);
    let cors = served.snapshot.cors.as_ref().map(Cors::of_api);
    if let Some(preflight) = cors.as_ref().and_then(|cors| cors.preflight(request)) {
        return Ok(preflight);
    }
    let rest = if served.stage == DEFAULT { path.as_str() } else { &path[1 + served.stage.len()..] };
    let route = find(&served.snapshot, if rest.is_empty() { "/" } else { rest }, request.method.as_str());
    let route = route.ok_or_else(not_found)?;
    trail.route = Some(route.key.clone());
    if request.body.len() > BODY {
        return Err((413, "Request Entity Too Large".into()));
    }
    let signer = if route.iam { Some(signed_by(request).ok_or((403, "Forbidden".to_owned()))?) } else { None };
    let trace_id = request.header("x-amzn-trace-id").map_or_else(trace_id, str::to_owned);
    let mount = mount(address, served);
    let mut headers = forwarded(request, local.port, &trace_id, mount.as_deref());
    headers.push(("content-length".into(), request.body.len().to_string()));
    let call = Call { request, headers, api, served, route: &route, path: &path, id, signer };
    let reply = integrated(local, &call, &trace_id, &mut trail.backend).await?;
    Ok(match cors {
        Some(cors) => cors.dress(request, cors.bare(reply)),
        None => reply,
    })
}

/// What stands before the app's own paths, when the path names the API.
fn mount(address: &Address, served: &Served) -> Option<String> {
    if address.prefix.is_empty() {
        return None;
    }
    let stage = if served.stage == DEFAULT { String::new() } else { format!("/{}", served.stage) };
    Some(format!("{}{stage}", address.prefix))
}

async fn integrated(
    local: &Arc<Local>,
    call: &Call<'_>,
    trace_id: &str,
    backend: &mut Option<Backend>,
) -> Result<Reply, Refusal> {
    let served = call.served;
    let target = call.route.target.as_deref().and_then(|target| target.strip_prefix("integrations/"));
    let integration = target.and_then(|id| served.snapshot.integrations.get(id)).ok_or_else(internal)?;
    let function = function_arn(integration, served).ok_or_else(internal)?;
    if !function::lets_gateway_in(local, &function, &source_arn(call)) {
        *backend = Some(Backend {
            request_id: String::new(),
            latency: Duration::ZERO,
            status: None,
            error: Some(DENIED.to_owned()),
        });
        return Err(internal());
    }
    let old = integration.payload_format_version == "1.0";
    let event = if old { call.v1() } else { call.v2() };
    let request_id = uuid::Uuid::new_v4().to_string();
    let invocation = function::Call {
        function: &function,
        qualifier: None,
        region: &served.region,
        // Gateway and function have request ids of their own.
        request_id: request_id.clone(),
        trace_id,
    };
    let limit = Duration::from_millis(integration.timeout_in_millis);
    let started = Instant::now();
    let outcome = tokio::time::timeout(limit, function::invoke(local, invocation, &event)).await;
    let backend = backend.insert(Backend { request_id, latency: started.elapsed(), status: None, error: None });
    // 503, unlike a REST API's 504: https://github.com/serverless/serverless/issues/11222
    let outcome = outcome.map_err(|_| (503, "Service Unavailable".to_owned()))?;
    let outcome = outcome.map_err(|fault| match fault.status {
        413 => (413, "Request Entity Too Large".to_owned()),
        _ => internal(),
    })?;
    if outcome.function_error.is_some() {
        backend.error = Some(failed(&outcome.payload));
        return Err(internal());
    }
    let reply: Result<Reply, Failure> =
        if old { http_answer::v1(&outcome.payload) } else { http_answer::v2(&outcome.payload) };
    let reply = reply.map_err(|_| internal())?;
    backend.status = Some(reply.status.as_u16());
    Ok(reply)
}

/// The function an integration invokes, its `${stageVariables.x}` filled in; `None` when the stage has
/// no such variable.
fn function_arn(integration: &Integration, served: &Served) -> Option<String> {
    let mut uri = integration.integration_uri.clone();
    for (name, value) in &served.variables {
        uri = uri.replace(&format!("${{stageVariables.{name}}}"), value);
    }
    let inner = uri.split_once("path/2015-03-31/functions/").and_then(|(_, rest)| rest.strip_suffix("/invocations"));
    let arn = inner.unwrap_or(&uri);
    (!arn.contains("${")).then(|| arn.to_owned())
}

/// What the function's policy compares: `{api}/{stage}/{method}{path of the route}` or
/// `{api}/{stage}/$default`.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html>
fn source_arn(call: &Call<'_>) -> String {
    let Served { region, stage, .. } = call.served;
    let route = match call.route {
        Found { template: Some(path), .. } => format!("{}{path}", call.request.method),
        Found { key, .. } => key.clone(),
    };
    format!("arn:aws:execute-api:{region}:{ACCOUNT}:{}/{stage}/{route}", call.api)
}

fn not_found() -> Refusal {
    (404, "Not Found".into())
}

/// The function may not be invoked, failed, or answered in the wrong form.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html>
fn internal() -> Refusal {
    (500, "Internal Server Error".into())
}
