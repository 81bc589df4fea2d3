//! Policy documents: the grammar that IAM checks before it stores one.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use serde_json::{Map, Value};

use super::super::wire::Fault;

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Who may assume the role: principals, no resources.
    Trust,
    /// What an identity may do: resources, no principals.
    Identity,
}

/// Checks `text`; the fault is `MalformedPolicyDocument` with AWS's sentence.
pub(super) fn check(text: &str, purpose: Purpose) -> Result<(), Fault> {
    // The parameter's own pattern: tab, line ends and U+0020 to U+00FF.
    if text.is_empty() || !text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')) {
        return Err(malformed("The policy is not in the valid JSON format."));
    }
    let document: Value = serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let Value::Object(document) = document else { return Err(syntax()) };
    only(&document, &["Version", "Id", "Statement"])?;
    match document.get("Version").map(Value::as_str) {
        None | Some(Some("2012-10-17" | "2008-10-17")) => {}
        Some(_) => return Err(syntax()),
    }
    let statements = document.get("Statement").map(one_or_many).unwrap_or_default();
    if statements.is_empty() {
        return Err(syntax());
    }
    let mut ids = Vec::new();
    for statement in statements {
        let Value::Object(statement) = statement else { return Err(syntax()) };
        check_statement(statement, purpose)?;
        if let Some(id) = statement.get("Sid").and_then(Value::as_str).filter(|id| !id.is_empty()) {
            if ids.contains(&id) {
                return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
            }
            ids.push(id);
        }
    }
    Ok(())
}

/// The value itself, or the items of an array.
pub(crate) fn one_or_many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// A document's size as the quotas count it: white space is free.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn check_statement(statement: &Map<String, Value>, purpose: Purpose) -> Result<(), Fault> {
    only(
        statement,
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"],
    )?;
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(syntax());
    }
    match statement.get("Sid") {
        None => {}
        Some(Value::String(id)) if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {}
        Some(Value::String(_)) => return Err(malformed("Statement IDs (SID) in the statement must be alpha-numeric.")),
        Some(_) => return Err(syntax()),
    }
    if statement.get("Condition").is_some_and(|condition| !condition.is_object()) {
        return Err(syntax());
    }
    let actions = strings(statement, "Action", "NotAction")?
        .ok_or_else(|| malformed("Policy statement must contain actions."))?;
    for action in &actions {
        check_action(action, purpose)?;
    }
    let resources = strings(statement, "Resource", "NotResource")?;
    let principal = statement.get("Principal").or_else(|| statement.get("NotPrincipal"));
    match purpose {
        Purpose::Identity => {
            if principal.is_some() {
                return Err(malformed("Policy document should not specify a principal."));
            }
            let resources = resources.ok_or_else(|| malformed("Policy statement must contain resources."))?;
            if let Some(bad) = resources.iter().find(|resource| **resource != "*" && !resource.starts_with("arn:")) {
                return Err(malformed(format!("Resource {bad} must be in ARN format or \"*\".")));
            }
            Ok(())
        }
        Purpose::Trust => {
            if resources.is_some() {
                return Err(malformed("Has prohibited field Resource"));
            }
            check_principal(principal.ok_or_else(|| malformed("Missing required field Principal"))?)
        }
    }
}

fn check_action(action: &str, purpose: Purpose) -> Result<(), Fault> {
    if purpose == Purpose::Trust {
        return match action.strip_prefix("sts:") {
            Some(_) => Ok(()),
            None => Err(malformed(format!("AssumeRole policy may only specify STS AssumeRole actions, not {action}."))),
        };
    }
    match action.split_once(':') {
        _ if action == "*" => Ok(()),
        Some((vendor, name)) if !vendor.is_empty() && !name.is_empty() => {
            if vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                Ok(())
            } else {
                Err(malformed(format!("Vendor {vendor} is not valid")))
            }
        }
        _ => Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")),
    }
}

fn check_principal(principal: &Value) -> Result<(), Fault> {
    let kinds = match principal {
        Value::String(all) if all == "*" => return Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(syntax()),
    };
    for (kind, names) in kinds {
        let names = one_or_many(names);
        if names.is_empty() {
            return Err(syntax());
        }
        for name in names {
            let name = name.as_str().ok_or_else(syntax)?;
            let valid = match kind.as_str() {
                "Service" => name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn"),
                "AWS" => {
                    name == "*"
                        || name.starts_with("arn:aws")
                        || (name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit()))
                }
                "Federated" | "CanonicalUser" => !name.is_empty(),
                _ => return Err(syntax()),
            };
            if !valid {
                return Err(malformed(format!("Invalid principal in policy: \"{}\":\"{name}\"", kind.to_uppercase())));
            }
        }
    }
    Ok(())
}

/// The strings of the one of two exclusive fields that is there.
fn strings<'a>(statement: &'a Map<String, Value>, field: &str, negated: &str) -> Result<Option<Vec<&'a str>>, Fault> {
    let value = match (statement.get(field), statement.get(negated)) {
        (Some(_), Some(_)) => return Err(syntax()),
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Ok(None),
    };
    let strings: Option<Vec<&str>> = one_or_many(value).into_iter().map(Value::as_str).collect();
    strings.filter(|strings| !strings.is_empty()).map(Some).ok_or_else(syntax)
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), Fault> {
    if object.keys().all(|key| known.contains(&key.as_str())) { Ok(()) } else { Err(syntax()) }
}

fn syntax() -> Fault {
    malformed("Syntax errors in policy.")
}

fn malformed(message: impl Into<String>) -> Fault {
    Fault::new(400, "MalformedPolicyDocument", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(document: &Value, purpose: Purpose) -> Option<String> {
        check(&document.to_string(), purpose).err().map(|fault| {
            assert_eq!(fault.code, "MalformedPolicyDocument");
            fault.message
        })
    }

    #[test]
    fn good_documents_pass() {
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": ["lambda.amazonaws.com"] }, "Action": "sts:AssumeRole" } ] });
        assert_eq!(message(&trust, Purpose::Trust), None);
        let identity = json!({ "Statement": { "Sid": "a1", "Effect": "Allow", "Action": ["logs:*", "s3:GetObject"], "Resource": "*",
            "Condition": { "StringEquals": { "a": "b" } } } });
        assert_eq!(message(&identity, Purpose::Identity), None);
    }

    #[test]
    fn bad_documents_get_the_sentence_aws_gives() {
        let identity =
            |statement: Value| message(&json!({ "Statement": [statement] }), Purpose::Identity).unwrap_or_default();
        let no_vendor = identity(json!({ "Effect": "Allow", "Action": "GetObject", "Resource": "*" }));
        assert!(no_vendor.contains("prefaced by a vendor"), "{no_vendor}");
        let no_arn = identity(json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "bucket" }));
        assert_eq!(no_arn, "Resource bucket must be in ARN format or \"*\".");
        assert_eq!(
            identity(json!({ "Effect": "Allow", "Action": "s3:*" })),
            "Policy statement must contain resources."
        );
        assert_eq!(
            identity(json!({ "Effect": "allow", "Action": "s3:*", "Resource": "*" })),
            "Syntax errors in policy."
        );
        assert_eq!(
            identity(json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Extra": 1 })),
            "Syntax errors in policy."
        );

        let service = json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": "lambda" }, "Action": "sts:AssumeRole" } });
        assert_eq!(
            message(&service, Purpose::Trust).unwrap_or_default(),
            "Invalid principal in policy: \"SERVICE\":\"lambda\""
        );
        let resource = json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*" } });
        assert_eq!(message(&resource, Purpose::Trust).unwrap_or_default(), "Has prohibited field Resource");
        assert!(check("{", Purpose::Trust).is_err());
        assert!(check("", Purpose::Trust).is_err());
        assert!(check("{\"Version\":\"2012-10-17\",\"Statement\":[]}", Purpose::Identity).is_err());
    }
}
