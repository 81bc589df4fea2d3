//! What AWS answered, in words a person can act on.
//!
//! The SDK's own text for a failed call is "service error" with the truth three levels down. Here it
//! becomes one message with AWS's code and text, the kind that decides the exit code, and the hint.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Error, Kind};

/// Turns an SDK error into ours: `.map_err(explain("create the role `x`"))`.
///
/// `what` fits after "failed to".
pub(crate) fn explain<E, R>(what: impl Into<String>) -> impl FnOnce(SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let what = what.into();
    move |error| match error.as_service_error() {
        Some(service) => {
            from_service(&what, service.code().unwrap_or("unknown error"), service.message().unwrap_or(""))
        }
        None => from_transport(&what, &error),
    }
}

/// AWS's code of a failed call, if AWS answered at all.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// True when the call failed with one of these codes.
pub(crate) fn is_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    code(error).is_some_and(|code| codes.contains(&code))
}

/// True for the code of a call that came too often. It did nothing, and may be repeated.
pub(crate) fn is_throttled(code: &str) -> bool {
    THROTTLED.contains(&code)
}

/// True when AWS knew who asked and did not let them: told from what [`explain`] made of its answer.
pub(crate) fn is_denied(error: &Error) -> bool {
    let code = |cause: &String| DENIED.iter().any(|code| cause == code || cause.starts_with(&format!("{code}: ")));
    error.kind == Kind::Access && error.causes.iter().any(code)
}

/// The permission that was missing, where AWS named it.
pub(crate) fn denied_action(error: &Error) -> Option<&str> {
    error.causes.iter().find_map(|cause| missing_action(cause))
}

/// True when something that is not AWS says that it does not have this service.
pub(crate) fn is_missing<E: ProvideErrorMetadata, R>(cloud: &super::Cloud, error: &SdkError<E, R>) -> bool {
    cloud.endpoint.is_some() && is_code(error, &["NotImplemented"])
}

/// True when nobody knows whether the call was carried out, or when AWS asks to try again: what the SDK's
/// own retries are for, where a call may be repeated blindly.
pub(crate) fn is_passing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(answer) => answer.raw().status().is_server_error() || is_code(error, THROTTLED),
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}

const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
const UNKNOWN_KEY: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "InvalidSignatureException",
    "IncompleteSignature",
];
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "NotAuthorized",
    "AuthorizationError",
    "Forbidden",
    "403",
];

/// What is left after the SDK's own retries.
const THROTTLED: &[&str] =
    &["TooManyRequestsException", "ThrottlingException", "Throttling", "ThrottledException", "SlowDown"];
/// Nothing that whoever calls has done; for example
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
const AILING: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "ServiceException",
    "ServiceFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

fn from_service(what: &str, code: &str, message: &str) -> Error {
    // Lambda quotes the whole environment when it is too large, secrets and all.
    let message = message.split("String measured:").next().unwrap_or_default().trim_end();
    let text = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
    let error = |kind| {
        let mut error = Error::new(kind, format!("failed to {what}"));
        error.causes.push(text.clone());
        error
    };
    if EXPIRED.contains(&code) {
        return error(Kind::Access)
            .hint("the credentials have expired: run `aws sso login` or renew them, then run rzap again");
    }
    if UNKNOWN_KEY.contains(&code) {
        return error(Kind::Access)
            .hint(CREDENTIALS_HINT)
            .hint("`aws sts get-caller-identity` shows whether AWS knows your keys");
    }
    if DENIED.contains(&code) {
        let error = error(Kind::Access);
        return match missing_action(message) {
            Some(action) => {
                let on =
                    missing_resource(action, message).map(|resource| format!(" on {resource}")).unwrap_or_default();
                error.hint(format!("whoever runs rzap needs the permission `{action}`{on}"))
            }
            None => error.hint("whoever runs rzap lacks the permission for this call"),
        };
    }
    if THROTTLED.contains(&code) {
        return error(Kind::Failed)
            .hint("AWS limits how often this may be called: try again in a minute; a deploy continues where it ended");
    }
    if AILING.contains(&code) {
        return error(Kind::Failed)
            .hint("the service itself is in trouble: run rzap again in a while, it continues where this run ended");
    }
    if code == "PermanentRedirect"
        || code == "AuthorizationHeaderMalformed"
        || code == "IllegalLocationConstraintException"
    {
        return error(Kind::Failed)
            .hint("this belongs to another region: check `region` in rzap.yaml, `--region` and AWS_REGION");
    }
    error(Kind::Failed)
}

/// AWS says `… is not authorized to perform: lambda:CreateFunction on resource: …`.
fn missing_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    rest.split_whitespace().next().filter(|action| action.contains(':'))
}

/// The actions of API Gateway are HTTP methods, the same for all its resources: what is missing is more often
/// the resource. AWS says `… on resource: arn:aws:apigateway:eu-west-1::/apis because no identity-based …`.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html>
fn missing_resource<'a>(action: &str, message: &'a str) -> Option<&'a str> {
    let (_, rest) = message.split_once("on resource: ").filter(|_| action.starts_with("apigateway:"))?;
    rest.split_whitespace().next()
}

const CREDENTIALS_HINT: &str = "run `aws configure` or `aws sso login`, name a profile with `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

fn from_transport<E, R>(what: &str, error: &SdkError<E, R>) -> Error
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    // The texts of the chain only: the debug output has headers and host names in it.
    let mut texts = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    let lower = texts.join(": ").to_lowercase();
    let mut ours = Error::failed(format!("failed to {what}"));
    // Credentials are looked for lazily, so their absence surfaces as a failed first call.
    let about_credentials = ["credential", "sso", "profile `", "assume role", "token expired", "web identity"];
    if about_credentials.iter().any(|word| lower.contains(word)) {
        ours.kind = Kind::Access;
        ours.causes.push(credentials_cause(&lower, error));
        return if lower.contains("sso") || lower.contains("expired") {
            ours.hint("run `aws sso login` (with `--profile NAME` when you use one), then run rzap again")
        } else {
            ours.hint(CREDENTIALS_HINT).hint("`--local` needs no credentials at all")
        };
    }
    ours = ours.because(error);
    // Layers of the HTTP client that say nothing to a person.
    ours.causes.retain(|cause| !["dispatch failure", "io error", "client error (Connect)"].contains(&cause.as_str()));
    match error {
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            ours.hint("the network is slow or blocked: try again")
        }
        SdkError::TimeoutError(_) => ours.hint("the network is slow or blocked: try again"),
        SdkError::DispatchFailure(_) => ours
            .hint("nothing answers there: check the network, `--endpoint-url`, AWS_ENDPOINT_URL and the region's name"),
        _ => ours.hint("is this an endpoint that speaks AWS's protocols?"),
    }
}

fn credentials_cause<E, R>(lower: &str, error: &SdkError<E, R>) -> String
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if lower.contains("no credentials")
        || lower.contains("not loaded")
        || lower.contains("not provided")
        || lower.contains("imds")
    {
        return "no AWS credentials were found in the environment, the profile files, SSO or the instance".to_owned();
    }
    let mut root: &dyn std::error::Error = error;
    while let Some(next) = root.source() {
        root = next;
    }
    root.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_missing_action() {
        let error = from_service(
            "create the function `web`",
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/ci is not authorized to perform: lambda:CreateFunction on resource: arn:aws:lambda:x",
        );
        assert_eq!(error.kind, Kind::Access);
        assert_eq!(error.hints, ["whoever runs rzap needs the permission `lambda:CreateFunction`"]);
        assert!(is_denied(&error) && is_denied(&error.clone().context("cannot deploy")));
        assert_eq!(denied_action(&error), Some("lambda:CreateFunction"));
        let expired = from_service("list it", "ExpiredToken", "The security token is expired");
        assert!(!is_denied(&expired) && denied_action(&expired).is_none());
    }

    #[test]
    fn a_denial_by_api_gateway_names_the_resource_too() {
        let error = from_service(
            "list the HTTP APIs",
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/ci is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:eu-west-1::/apis because no identity-based policy allows the apigateway:GET action",
        );
        assert_eq!(error.kind, Kind::Access);
        let hint = "whoever runs rzap needs the permission `apigateway:GET` on arn:aws:apigateway:eu-west-1::/apis";
        assert_eq!(error.hints, [hint]);
    }

    #[test]
    fn a_throttled_call_says_that_waiting_helps() {
        let error = from_service("read the HTTP API `x`", "TooManyRequestsException", "Too Many Requests");
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.hints[0].contains("try again in a minute"), "{:?}", error.hints);
    }

    #[test]
    fn trouble_of_the_service_is_told_from_ours() {
        let error = from_service("list the functions", "ServiceException", "");
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.hints[0].contains("the service itself is in trouble"), "{:?}", error.hints);
    }

    #[test]
    fn expired_credentials_say_how_to_renew_them() {
        let error = from_service(
            "find out who we are",
            "ExpiredToken",
            "The security token included in the request is expired",
        );
        assert_eq!(error.kind.exit_code(), 4);
        assert!(error.hints[0].contains("aws sso login"), "{:?}", error.hints);
    }

    #[test]
    fn an_environment_that_aws_quotes_is_not_repeated() {
        let text = "Request must be smaller than 4096 bytes for the environment. String measured: {\"DB_PASSWORD\":\"hunter2\"}";
        let error = from_service("create it", "InvalidParameterValueException", text);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn anything_else_keeps_awss_own_words() {
        let error = from_service("put it", "Throttling", "Rate exceeded");
        assert_eq!(error.to_string(), "failed to put it: Throttling: Rate exceeded");
    }
}
