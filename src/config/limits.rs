//! What AWS allows, as numbers and names, each with the page that says so.
//!
//! Owns facts about AWS only; where they are held against the config is `values`'s business.

use std::ops::RangeInclusive;

/// MB of memory. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const MEMORY: RangeInclusive<i64> = 128..=10_240;

/// Seconds a function may run. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const TIMEOUT: RangeInclusive<i64> = 1..=900;

/// MB of `/tmp`. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html>
pub(super) const EPHEMERAL_STORAGE: RangeInclusive<i64> = 512..=10_240;

/// Bytes of all environment variables, names and values.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const ENV_BYTES: usize = 4096;

/// Characters. <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
pub(super) const DESCRIPTION: usize = 256;

/// Characters. <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
pub(super) const HANDLER: usize = 128;

/// Layers of a function. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const LAYERS: usize = 5;

/// Why Lambda would not take `uri` as an image.
/// <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>: private ECR repositories only.
pub(super) fn image_fault(uri: &str) -> Option<&'static str> {
    let (host, repository) = uri.split_once('/').unwrap_or((uri, ""));
    let private = host.contains(".dkr.ecr.") || host.contains(".dkr-ecr.");
    if uri.contains("://") {
        Some("write it without `https://`")
    } else if host == "public.ecr.aws" {
        Some("it has to be in a private ECR repository of the function's region: copy it there")
    } else if !private {
        Some("write `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`")
    } else if repository.is_empty() || uri.contains(char::is_whitespace) {
        Some("the name of the repository is missing")
    } else {
        None
    }
}

/// Why `arn` is not that of a layer version.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>, `Layers`
pub(super) fn layer_arn_fault(arn: &str) -> Option<&'static str> {
    const LIKE: &str = "like `arn:aws:lambda:eu-west-1:123456789012:layer:NAME:3`";
    match arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", region, account, "layer", name, rest @ ..] => {
            let well = !region.is_empty() && !account.is_empty() && !name.is_empty();
            match rest {
                [] => Some("the version at its end is missing, like `:3`"),
                [version] if well && version.parse::<u32>().is_ok_and(|number| number > 0) => None,
                _ => Some(LIKE),
            }
        }
        _ => Some(LIKE),
    }
}

/// For how many days a log can be kept.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub(super) const RETENTION: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Set by Lambda and refused in a function's configuration.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
const RESERVED_ENV: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Why Lambda would not take an environment variable of this name.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html>: `[a-zA-Z]([a-zA-Z0-9_])+`
pub(super) fn env_name_fault(name: &str) -> Option<&'static str> {
    if RESERVED_ENV.contains(&name) {
        Some("Lambda sets it itself")
    } else if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        Some("it has to start with a letter")
    } else if !name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_') {
        Some("only letters, digits and `_` are allowed")
    } else if name.len() < 2 {
        Some("it needs at least two characters")
    } else {
        None
    }
}

/// The possible day count that is nearest to `days`; of two equally near ones the longer,
/// which loses nothing.
pub(super) fn nearest_retention(days: i64) -> i64 {
    let far = RETENTION[RETENTION.len() - 1];
    RETENTION.into_iter().rev().min_by_key(|known| known.abs_diff(days)).unwrap_or(far)
}

/// `10240` as `10,240`, the way AWS's pages write it.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lambda_would_refuse_have_a_reason() {
        for good in ["LOG_LEVEL", "a1", "AWS_LAMBDA_EXEC_WRAPPER", "TZ", "PATH"] {
            assert_eq!(env_name_fault(good), None, "{good}");
        }
        for bad in ["A", "_X", "1A", "A-B", "", "É1", "AWS_REGION", "_HANDLER"] {
            assert!(env_name_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn retention_rounds_to_what_cloudwatch_can_do() {
        assert_eq!([-5, 0, 2, 31, 45, 999_999].map(nearest_retention), [1, 1, 3, 30, 60, 3653]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 10_240, -1_234_567].map(grouped), ["0", "999", "1,000", "10,240", "-1,234,567"]);
    }
}
