//! Which service a request is for, and in which dialect its faults are written.
//!
//! The signature's credential scope decides (`Credential=KEY/DATE/REGION/SERVICE/aws4_request`, in the
//! header or, for S3, in a presigned URL). An unsigned request is only looked at to refuse it in the
//! dialect its client understands.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>

use std::sync::Arc;

use http::{HeaderMap, Method};

use super::rpc::Protocol;
use super::wire::{Fault, Reply, Request, parse_query};
use super::{Local, front};

/// The services behind the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    S3,
    Iam,
    Sts,
    Lambda,
    ApiGateway,
    Logs,
    CloudWatch,
    Scheduler,
    DynamoDb,
    Kinesis,
    Sqs,
    Events,
    Sns,
    Ssm,
    Secrets,
}

impl Service {
    /// From the service name of a credential scope.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "s3" => Self::S3,
            "iam" => Self::Iam,
            "sts" => Self::Sts,
            "lambda" => Self::Lambda,
            "apigateway" => Self::ApiGateway,
            "logs" => Self::Logs,
            "monitoring" => Self::CloudWatch,
            "scheduler" => Self::Scheduler,
            "dynamodb" => Self::DynamoDb,
            "kinesis" => Self::Kinesis,
            "sqs" => Self::Sqs,
            "events" => Self::Events,
            "sns" => Self::Sns,
            "ssm" => Self::Ssm,
            "secretsmanager" => Self::Secrets,
            _ => return None,
        })
    }

    /// Some services have clients that write in different protocols.
    fn dialect(self, request: &Request) -> Dialect {
        match self {
            Self::S3 => Dialect::S3,
            Self::Iam | Self::Sts => Dialect::Query,
            Self::Lambda | Self::ApiGateway | Self::Scheduler => Dialect::RestJson,
            Self::Logs | Self::Events | Self::Kinesis | Self::Ssm | Self::Secrets => Dialect::Json11,
            Self::DynamoDb => Dialect::Json10,
            Self::CloudWatch | Self::Sqs | Self::Sns => Dialect::Rpc(Protocol::of(request)),
        }
    }

    async fn handle(self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        match self {
            Self::S3 => local.s3.handle(local, request).await,
            Self::Iam => local.iam.handle(local, request).await,
            Self::Sts => local.sts.handle(local, request).await,
            Self::Lambda => local.lambda.handle(local, request).await,
            // Both are signed for one service; the version in the path tells them apart.
            Self::ApiGateway if request.path.starts_with("/v2/") => local.apigatewayv2.handle(local, request).await,
            Self::ApiGateway => local.apigateway.handle(local, request).await,
            Self::Logs => local.logs.handle(local, request).await,
            Self::CloudWatch => local.cloudwatch.handle(local, request).await,
            Self::Scheduler => local.scheduler.handle(local, request).await,
            Self::DynamoDb => local.dynamodb.handle(local, request).await,
            Self::Kinesis => local.kinesis.handle(local, request).await,
            Self::Sqs => local.sqs.handle(local, request).await,
            Self::Events => local.events.handle(local, request).await,
            Self::Sns => local.sns.handle(local, &request),
            Self::Ssm => local.ssm.handle(local, request).await,
            Self::Secrets => local.secrets.handle(local, request).await,
        }
    }
}

/// How a fault is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    S3,
    Query,
    RestJson,
    Json11,
    Json10,
    Rpc(Protocol),
}

impl Dialect {
    /// The fault as its client reads it, with the request's id.
    pub(crate) fn refuse(self, fault: Fault, request_id: &str) -> Reply {
        match self {
            Self::S3 => fault.into_s3_xml(request_id).with("content-type", "application/xml"),
            Self::Query => fault.into_query_xml(request_id),
            Self::RestJson => fault.into_json(),
            Self::Json11 => fault.into_json().with("content-type", "application/x-amz-json-1.1"),
            Self::Json10 => fault.into_json().with("content-type", "application/x-amz-json-1.0"),
            Self::Rpc(protocol) => protocol.refuse(fault, request_id),
        }
    }
}

/// The credential scope of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
    /// In the URL, not in a header.
    pub(crate) presigned: bool,
}

impl Scope {
    /// Reads the scope; `Ok(None)` when the request is not signed.
    pub(crate) fn read(headers: &HeaderMap, raw_query: &str) -> Result<Option<Self>, Fault> {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let (credential, presigned) = match header {
            Some(value) if value.starts_with("AWS4-HMAC-SHA256") => {
                let fields = value["AWS4-HMAC-SHA256".len()..].split(',').map(str::trim);
                (fields.filter_map(|field| field.strip_prefix("Credential=")).map(str::to_owned).next(), false)
            }
            Some(value) if value.starts_with("AWS4-ECDSA-P256-SHA256") || value.starts_with("AWS ") => {
                return Err(Fault::new(
                    400,
                    "InvalidRequest",
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
                ));
            }
            // Something else's scheme, for example an app's own bearer token.
            Some(_) => return Ok(None),
            None => {
                let query = parse_query(raw_query);
                let find = |wanted: &str| query.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                match (find("x-amz-credential"), find("AWSAccessKeyId")) {
                    (Some((_, credential)), _) => (Some(credential.clone()), true),
                    // What boto3 still writes into links to S3 unless told otherwise: signature version 2,
                    // which knows neither region nor service.
                    (None, Some((_, key))) if find("Signature").is_some() => {
                        let (access_key, region) = (key.clone(), "us-east-1".to_owned());
                        return Ok(Some(Self { access_key, region, service: "s3".to_owned(), presigned: true }));
                    }
                    (None, _) => return Ok(None),
                }
            }
        };
        let malformed = || {
            Fault::new(400, "IncompleteSignature", "Credential must be ACCESS-KEY/YYYYMMDD/REGION/SERVICE/aws4_request")
        };
        let credential = credential.ok_or_else(malformed)?;
        let mut parts = credential.rsplit('/');
        let (terminator, service, region, date) = (parts.next(), parts.next(), parts.next(), parts.next());
        // An access key id may contain a slash, so it is what is left of the scope.
        let access_key = parts.rev().collect::<Vec<_>>().join("/");
        match (terminator, service, region, date) {
            (Some("aws4_request"), Some(service), Some(region), Some(_))
                if !region.is_empty() && !access_key.is_empty() =>
            {
                Ok(Some(Self { access_key, region: region.to_owned(), service: service.to_owned(), presigned }))
            }
            _ => Err(malformed()),
        }
    }
}

/// Answers one request; every fault leaves in the dialect of its service.
pub(crate) async fn answer(local: &Arc<Local>, request: Request, scope: Option<Scope>) -> Reply {
    if front::claims(&request) {
        return front::serve(local, request).await;
    }
    let request_id = request.request_id.clone();
    match target(&request, scope.as_ref()) {
        Ok(service) => {
            let dialect = service.dialect(&request);
            service.handle(local, request).await.unwrap_or_else(|fault| dialect.refuse(fault, &request_id))
        }
        Err((dialect, fault)) => dialect.refuse(fault, &request_id),
    }
}

/// The dialect to refuse in before the service is known for sure.
pub(crate) fn dialect(request: &Request, scope: Option<&Scope>) -> Dialect {
    match target(request, scope) {
        Ok(service) => service.dialect(request),
        Err((dialect, _)) => dialect,
    }
}

/// Whether the request is one that S3 will see.
pub(crate) fn is_s3(scope: Option<&Scope>) -> bool {
    scope.is_some_and(|scope| scope.service == "s3")
}

fn target(request: &Request, scope: Option<&Scope>) -> Result<Service, (Dialect, Fault)> {
    let Some(scope) = scope else { return unsigned(request) };
    let Some(service) = Service::named(&scope.service) else {
        let fault = match scope.service.as_str() {
            "execute-api" => Fault::new(404, "NotFoundException", "no deployed API has this host or path"),
            name => Fault::new(501, "NotImplemented", format!("service `{name}` is not supported by the local cloud")),
        };
        return Err((guess(request), fault));
    };
    // A link can be put into any web page; only S3 (and a caller's identity) is meant to be shared by link.
    if scope.presigned && !matches!((service, &request.method), (Service::S3, _) | (Service::Sts, &Method::GET)) {
        return Err((service.dialect(request), Fault::unsupported(&scope.service, "with a presigned URL")));
    }
    Ok(service)
}

fn unsigned(request: &Request) -> Result<Service, (Dialect, Fault)> {
    // `Code.Location` of GetFunction: whoever knows the package's hash may have it, as with AWS's link.
    if request.method == Method::GET && request.path.starts_with("/2015-03-31/packages/") {
        return Ok(Service::Lambda);
    }
    let dialect = guess(request);
    let fault = match dialect {
        Dialect::S3 if is_form(request, "multipart/form-data") => Fault::unsupported("S3", "upload by HTML form"),
        Dialect::S3 => Fault::new(403, "AccessDenied", "Access Denied"),
        Dialect::Query if is_federated(request) => return Ok(Service::Sts),
        Dialect::Query => Fault::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        Dialect::RestJson | Dialect::Json11 | Dialect::Json10 | Dialect::Rpc(_) => {
            Fault::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        }
    };
    Err((dialect, fault))
}

/// The dialect a request seems to be written in.
fn guess(request: &Request) -> Dialect {
    let dated = request.path.strip_prefix("/20").is_some_and(|rest| {
        rest.bytes().take(9).enumerate().all(|(at, byte)| match at {
            2 | 5 => byte == b'-',
            8 => byte == b'/',
            _ => byte.is_ascii_digit(),
        }) && rest.len() > 8
    });
    let is_api = ["/restapis", "/v2/apis", "/v2/tags", "/apikeys", "/account", "/schedules", "/schedule-groups"]
        .iter()
        .any(|prefix| request.path.starts_with(prefix));
    if request.header("x-amz-target").is_some_and(|target| target.starts_with("DynamoDB")) {
        Dialect::Json10
    } else if request.header("smithy-protocol").is_some() {
        Dialect::Rpc(Protocol::Cbor)
    } else if request.header("x-amz-target").is_some() {
        Dialect::Json11
    } else if is_form(request, "application/x-www-form-urlencoded") {
        Dialect::Query
    } else if dated || is_api || request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
    {
        Dialect::RestJson
    } else {
        Dialect::S3
    }
}

fn is_form(request: &Request, kind: &str) -> bool {
    request.method == Method::POST && request.header("content-type").is_some_and(|value| value.starts_with(kind))
}

/// The two STS actions that bring their own proof instead of a signature.
fn is_federated(request: &Request) -> bool {
    let body = String::from_utf8_lossy(&request.body);
    parse_query(&body).iter().any(|(name, value)| {
        name == "Action" && matches!(value.as_str(), "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    fn request(method: Method, path: &str, headers: &[(&'static str, &str)]) -> Request {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Request {
            method,
            path: path.into(),
            raw_query: String::new(),
            headers,
            body: Bytes::new(),
            region: "us-east-1".into(),
            request_id: "id".into(),
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    fn signed(service: &str) -> Request {
        let value = format!(
            "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        request(Method::POST, "/", &[("authorization", &value)])
    }

    fn code(request: &Request) -> (Dialect, u16, &'static str) {
        let scope = Scope::read(&request.headers, &request.raw_query).unwrap();
        let (dialect, fault) = target(request, scope.as_ref()).unwrap_err();
        (dialect, fault.status, fault.code)
    }

    #[test]
    fn the_scope_names_the_service_and_the_region() {
        let request = signed("lambda");
        let scope = Scope::read(&request.headers, "").unwrap().unwrap();
        assert_eq!((scope.access_key.as_str(), scope.region.as_str()), ("AK", "eu-west-1"));
        assert!(matches!(target(&request, Some(&scope)), Ok(Service::Lambda)));
        assert_eq!(code(&signed("firehose")).1, 501);
    }

    #[test]
    fn presigned_links_reach_s3_only() {
        let read = |service: &str| {
            let query = format!("X-Amz-Credential=AK%2F20261121%2Feu-west-1%2F{service}%2Faws4_request");
            Scope::read(&HeaderMap::new(), &query).unwrap().unwrap()
        };
        let plain = request(Method::POST, "/2015-03-31/functions", &[]);
        assert!(matches!(target(&plain, Some(&read("s3"))), Ok(Service::S3)));
        assert_eq!(target(&plain, Some(&read("lambda"))).unwrap_err().1.status, 501);
    }

    #[test]
    fn unsigned_requests_are_refused_in_their_own_dialect() {
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        assert_eq!(code(&request(Method::GET, "/bucket/key", &[])), (Dialect::S3, 403, "AccessDenied"));
        assert_eq!(code(&request(Method::POST, "/", &form)), (Dialect::Query, 403, "MissingAuthenticationToken"));
        let functions = request(Method::GET, "/2015-03-31/functions", &[]);
        assert_eq!(code(&functions), (Dialect::RestJson, 403, "MissingAuthenticationTokenException"));
        let logs = request(Method::POST, "/", &[("x-amz-target", "Logs_20140328.DescribeLogGroups")]);
        assert_eq!(code(&logs).0, Dialect::Json11);
    }

    #[test]
    fn a_foreign_scheme_is_not_a_signature_and_a_broken_one_is_a_fault() {
        let read = |value: &str| Scope::read(&request(Method::GET, "/", &[("authorization", value)]).headers, "");
        assert_eq!(read("Bearer abc").unwrap(), None);
        assert_eq!(read("AWS4-HMAC-SHA256 Credential=AK/s3/aws4_request").unwrap_err().code, "IncompleteSignature");
        assert_eq!(read("AWS AK:sig").unwrap_err().code, "InvalidRequest");
    }
}
