//! A function's settings as a request gives them, held to AWS's limits and words.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>. What AWS has and the local
//! cloud has not (images, VPCs, JSON logs, …) is refused by name, never dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::Local;
use super::super::wire::Fault;
use super::body::{Body, invalid, refused};
use super::destinations;
use super::model::Settings;

/// 4 KB, <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
const MOST_ENVIRONMENT: usize = 4096;

/// Cannot be set by a function's configuration. "Defined runtime environment variables",
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Members that ask for something the local cloud does not have.
const UNSUPPORTED: &[&str] = &[
    "AcceleratorConfig",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "DurableConfig",
    "FileSystemConfigs",
    "ImageConfig",
    "KMSKeyArn",
    "PublishTo",
    "RuntimeConfig",
    "TenancyConfig",
    "VpcConfig",
];

/// What is set anew: settings from a creation.
pub(super) fn created(local: &Arc<Local>, body: &Body, name: &str) -> Result<Settings, Fault> {
    let mut settings = Settings {
        runtime: String::new(),
        role: String::new(),
        handler: String::new(),
        description: String::new(),
        timeout: 3,
        memory: 128,
        environment: BTreeMap::new(),
        ephemeral: 512,
        architecture: architecture(body)?.unwrap_or_else(|| "x86_64".to_owned()),
        log_group: format!("/aws/lambda/{name}"),
        dead_letter: None,
        layers: Vec::new(),
    };
    body.required("Role", "role")?;
    if body.asked("PackageType").is_some_and(|kind| kind != "Zip") {
        return Err(Fault::unsupported("lambda", "PackageType Image"));
    }
    for member in ["Runtime", "Handler"] {
        if body.text(member)?.is_none() {
            return Err(refused(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        }
    }
    change(local, body, name, &mut settings)?;
    Ok(settings)
}

/// What is given replaces, what is not given stays.
pub(super) fn change(local: &Arc<Local>, body: &Body, name: &str, settings: &mut Settings) -> Result<(), Fault> {
    supported(body)?;
    if let Some(runtime) = body.text("Runtime")? {
        settings.runtime = known_runtime(runtime)?;
    }
    if let Some(handler) = body.text("Handler")? {
        if handler.len() > 128 || handler.contains(char::is_whitespace) {
            return Err(invalid(&handler, "handler", "Member must satisfy regular expression pattern: [^\\s]+"));
        }
        settings.handler = handler;
    }
    if let Some(description) = body.text("Description")? {
        if description.chars().count() > 256 {
            return Err(invalid(&description, "description", "Member must have length less than or equal to 256"));
        }
        settings.description = description;
    }
    if let Some(timeout) = body.number("Timeout")? {
        settings.timeout = between(timeout, "timeout", 1, 900)?;
    }
    if let Some(memory) = body.number("MemorySize")? {
        settings.memory = between(memory, "memorySize", 128, 10_240)?;
    }
    if let Some(size) = body.object("EphemeralStorage")?.map(|storage| storage.number("Size")).transpose()?.flatten() {
        settings.ephemeral = between(size, "ephemeralStorage.size", 512, 10_240)?;
    }
    if let Some(environment) = body.object("Environment")? {
        settings.environment = variables(&environment)?;
    }
    if let Some(logging) = body.object("LoggingConfig")? {
        settings.log_group = log_group(&logging, name)?;
    }
    if let Some(role) = body.text("Role")? {
        assumable(local, &role)?;
        settings.role = role;
    }
    if let Some(letters) = body.object("DeadLetterConfig")? {
        // An empty ARN takes away what was there.
        let arn = letters.text("TargetArn")?.filter(|arn| !arn.is_empty());
        if let Some(arn) = &arn {
            destinations::check_letters(local, &settings.role, arn)?;
        }
        settings.dead_letter = arn;
    }
    Ok(())
}

/// The one architecture asked for, if any. It is shown, but everything runs on this machine's own.
pub(super) fn architecture(body: &Body) -> Result<Option<String>, Fault> {
    let Some(asked) = body.texts("Architectures")? else { return Ok(None) };
    match asked.as_slice() {
        [one] if one == "x86_64" || one == "arm64" => Ok(Some(one.clone())),
        [one] => Err(invalid(
            &format!("[{one}]"),
            "architectures",
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
        )),
        _ => Err(invalid(
            &format!("[{}]", asked.join(", ")),
            "architectures",
            "Member must have length less than or equal to 1",
        )),
    }
}

fn supported(body: &Body) -> Result<(), Fault> {
    if let Some(member) = UNSUPPORTED.iter().find(|member| body.asked(member).is_some()) {
        return Err(Fault::unsupported("lambda", member));
    }
    let choice = |outer: &str, inner: &str| body.member(outer).and_then(|value| value.get(inner)).cloned();
    if choice("TracingConfig", "Mode").is_some_and(|mode| mode != "PassThrough") {
        return Err(Fault::unsupported("lambda", "TracingConfig Active"));
    }
    if choice("SnapStart", "ApplyOn").is_some_and(|apply| apply != "None") {
        return Err(Fault::unsupported("lambda", "SnapStart"));
    }
    Ok(())
}

/// A runtime AWS would take and this machine can try to run.
fn known_runtime(runtime: String) -> Result<String, Fault> {
    let minor = |prefix: &str, suffix: &str| -> Option<u32> {
        runtime.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
    };
    let runs = minor("python3.", "").is_some_and(|minor| (9..=15).contains(&minor))
        || minor("nodejs", ".x").is_some_and(|major| (18..=26).contains(&major) && major % 2 == 0)
        || ["provided.al2", "provided.al2023"].contains(&runtime.as_str());
    if runs {
        return Ok(runtime);
    }
    let foreign = ["java", "dotnet", "ruby"];
    if foreign.iter().any(|prefix| {
        runtime.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    }) {
        return Err(Fault::unsupported("lambda", &format!("runtime {runtime}")));
    }
    Err(refused(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a \
         valid ARN",
        "nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, nodejs26.x, provided.al2, provided.al2023, python3.9, \
         python3.10, python3.11, python3.12, python3.13, python3.14, python3.15",
    )))
}

fn between(value: i64, at: &str, least: u32, most: u32) -> Result<u32, Fault> {
    let wrong = |side: &str, limit: u32| {
        invalid(&value.to_string(), at, &format!("Member must have value {side} than or equal to {limit}"))
    };
    if value < i64::from(least) {
        return Err(wrong("greater", least));
    }
    u32::try_from(value).ok().filter(|value| *value <= most).ok_or_else(|| wrong("less", most))
}

fn variables(environment: &Body) -> Result<BTreeMap<String, String>, Fault> {
    const SORRY: &str =
        "Lambda was unable to configure your environment variables because the environment variables you have provided";
    let pairs = environment.object("Variables")?.map(|variables| variables.pairs()).transpose()?.unwrap_or_default();
    let reserved: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).filter(|key| RESERVED.contains(key)).collect();
    if !reserved.is_empty() {
        return Err(refused(format!(
            "{SORRY} contains reserved keys that are currently not supported for modification. Reserved keys used in \
             this request: {}",
            reserved.join(", ")
        )));
    }
    for (key, _) in &pairs {
        let allowed = key.len() >= 2
            && key.starts_with(|first: char| first.is_ascii_alphabetic())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !allowed {
            return Err(invalid(
                key,
                "environment.variables",
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: \
                 [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]",
            ));
        }
    }
    let variables: BTreeMap<String, String> = pairs.into_iter().collect();
    // AWS measures the JSON text of the map, punctuation and all.
    let measured = serde_json::to_string(&variables).unwrap_or_default();
    if measured.len() > MOST_ENVIRONMENT {
        return Err(refused(format!("{SORRY} exceeded the 4KB limit. String measured: {measured}")));
    }
    Ok(variables)
}

fn log_group(logging: &Body, name: &str) -> Result<String, Fault> {
    if logging.asked("LogFormat").is_some_and(|format| format != "Text") {
        return Err(Fault::unsupported("lambda", "LoggingConfig with LogFormat JSON"));
    }
    for level in ["ApplicationLogLevel", "SystemLogLevel"] {
        if logging.asked(level).is_some() {
            return Err(refused("Log levels can only be set when LogFormat is JSON."));
        }
    }
    Ok(logging.text("LogGroup")?.filter(|group| !group.is_empty()).unwrap_or_else(|| format!("/aws/lambda/{name}")))
}

/// Lambda must be able to take on the role.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html>
fn assumable(local: &Arc<Local>, arn: &str) -> Result<(), Fault> {
    let resource = arn.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":iam::")).map(|(_, rest)| rest);
    let well_formed = resource
        .and_then(|rest| rest.split_once(":role/"))
        .is_some_and(|(account, role)| account.len() == 12 && !role.is_empty() && !role.contains(char::is_whitespace));
    if !well_formed {
        return Err(invalid(
            arn,
            "role",
            "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
        ));
    }
    let trusted = local.iam.role(arn).is_some_and(|role| trusts_lambda(&role.trust_policy));
    if trusted { Ok(()) } else { Err(refused("The role defined for the function cannot be assumed by Lambda.")) }
}

fn trusts_lambda(trust: &Value) -> bool {
    any(&trust["Statement"], &|statement| {
        statement["Effect"] == "Allow"
            && any(&statement["Action"], &|action| action == "sts:AssumeRole" || action == "sts:*" || action == "*")
            && (statement["Principal"] == "*"
                || any(&statement["Principal"]["Service"], &|service| service == "lambda.amazonaws.com"))
    })
}

/// IAM writes a single element with or without the list around it.
fn any(value: &Value, holds: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(list) => list.iter().any(holds),
        one => holds(one),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_is_trusted_only_by_a_statement_for_lambda() {
        let trust = |service: &str, action: &str| json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": [service] }, "Action": [action] } });
        assert!(trusts_lambda(&trust("lambda.amazonaws.com", "sts:AssumeRole")));
        assert!(!trusts_lambda(&trust("ec2.amazonaws.com", "sts:AssumeRole")));
        assert!(!trusts_lambda(&trust("lambda.amazonaws.com", "sts:TagSession")));
        assert!(!trusts_lambda(&Value::Null));
    }

    #[test]
    fn runtimes_are_run_refused_or_unknown() {
        let code = |runtime: &str| known_runtime(runtime.to_owned()).map_err(|fault| fault.code);
        assert!(code("python3.13").is_ok() && code("nodejs22.x").is_ok() && code("provided.al2023").is_ok());
        assert_eq!(code("java21"), Err("NotImplemented"));
        assert_eq!(code("ruby3.4"), Err("NotImplemented"));
        assert_eq!(code("python4"), Err("InvalidParameterValueException"));
        assert_eq!(code("nodejs21.x"), Err("InvalidParameterValueException"));
        assert_eq!(code("javascript"), Err("InvalidParameterValueException"));
    }
}
