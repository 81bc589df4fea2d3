//! Resource policies, one per qualifier: who may invoke exactly that.
//!
//! A permission on an alias says nothing about the function or another alias: "If you use a
//! qualifier, the invoker must use the full ARN of that version or alias".
//! <https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html>

use serde_json::{Map, Value, json};

use super::super::ACCOUNT;
use super::super::wire::{Fault, Reply, Request};
use super::Lambda;
use super::body::{Body, conflict, invalid, missing, refused};
use super::functions::same_revision;
use super::model::{Function, Policy, Statement, fresh_id};
use super::names::{FunctionRef, LATEST, is_alias};

/// A caller as a policy sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    /// `lambda:InvokeFunction` or `lambda:InvokeFunctionUrl`
    pub(super) action: &'a str,
    /// A service, e.g. `apigateway.amazonaws.com`; `*` is anybody, unauthenticated.
    pub(super) principal: &'a str,
    pub(super) source_arn: Option<&'a str>,
    /// `NONE` or `AWS_IAM` when it comes through a function URL.
    pub(super) url_auth: Option<&'a str>,
}

/// `POST /2015-03-31/functions/{name}/policy`
pub(super) fn add(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let statement = statement(&body)?;
    let revision = body.text("RevisionId")?;
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let key = key(function, at)?;
        let policy = function.policies.entry(key).or_default();
        same_revision(revision.as_deref(), &policy.revision)?;
        if policy.statements.iter().any(|other| other.sid == statement.sid) {
            return Err(conflict(format!(
                "The statement id ({}) provided already exists. Please provide a new statement id, or remove the \
                 existing statement.",
                statement.sid
            )));
        }
        let shown = show(&statement, &at.asked_arn()).to_string();
        policy.statements.push(statement);
        policy.revision = fresh_id();
        Ok(Reply::json(201, &json!({ "Statement": shown })))
    })
}

/// `DELETE /2015-03-31/functions/{name}/policy/{sid}`
pub(super) fn remove(lambda: &Lambda, request: &Request, at: &FunctionRef, sid: &str) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let key = key(function, at)?;
        let policy = function
            .policies
            .get_mut(&key)
            .ok_or_else(|| missing("No policy is associated with the given resource."))?;
        same_revision(request.param("RevisionId").as_deref(), &policy.revision)?;
        let before = policy.statements.len();
        policy.statements.retain(|statement| statement.sid != sid);
        if policy.statements.len() == before {
            return Err(missing(format!("Statement {sid} is not found in resource policy.")));
        }
        policy.revision = fresh_id();
        if policy.statements.is_empty() {
            function.policies.remove(&key);
        }
        Ok(Reply::empty(204))
    })
}

/// `GET /2015-03-31/functions/{name}/policy`
pub(super) fn get(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| {
        let function = state.find(at)?;
        let policy = function
            .policies
            .get(&key(function, at)?)
            .ok_or_else(|| missing("The resource you requested does not exist."))?;
        let statements: Vec<Value> =
            policy.statements.iter().map(|statement| show(statement, &at.asked_arn())).collect();
        let document = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
        Ok(Reply::json(200, &json!({ "Policy": document.to_string(), "RevisionId": policy.revision })))
    })
}

/// Whether the policy of exactly this qualifier (none: the function's own) allows the caller.
pub(super) fn allows(function: &Function, qualifier: Option<&str>, caller: Caller<'_>) -> bool {
    let policy: Option<&Policy> = function.policies.get(qualifier.unwrap_or_default());
    policy.is_some_and(|policy| policy.statements.iter().any(|statement| permits(statement, caller)))
}

fn permits(statement: &Statement, caller: Caller<'_>) -> bool {
    let action = ["*", "lambda:*", caller.action].contains(&statement.action.as_str());
    let principal = statement.principal == "*" || statement.principal == caller.principal;
    let arn = statement
        .source_arn
        .as_deref()
        .is_none_or(|pattern| caller.source_arn.is_some_and(|source| arn_like(pattern, source)));
    // Everything local lives in one account and in no organization.
    let account = statement.source_account.as_deref().is_none_or(|account| account == ACCOUNT);
    let auth = statement.url_auth.as_deref().is_none_or(|auth| caller.url_auth == Some(auth));
    let via = !statement.via_url || caller.url_auth.is_some();
    let unknowable = statement.organization.is_some() || statement.event_token.is_some();
    action && principal && arn && account && auth && via && !unknowable
}

/// `ArnLike`: the six parts are compared each for itself, `*` and `?` are wildcards.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (pattern, arn): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == arn.len()
        && pattern.iter().zip(arn).all(|(pattern, part)| like(pattern.as_bytes(), part.as_bytes()))
}

fn like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == b'?' || (pattern[p] != b'*' && pattern[p] == text[t])) {
            p += 1;
            t += 1;
        } else if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, taken)) = star {
            // The last star takes one more.
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Which policy is meant; what it belongs to must exist.
fn key(function: &Function, at: &FunctionRef) -> Result<String, Fault> {
    let Some(qualifier) = at.qualifier.as_deref() else { return Ok(String::new()) };
    if qualifier == LATEST {
        return Err(refused("We currently do not support adding policies for $LATEST."));
    }
    if is_alias(qualifier) && !function.aliases.contains_key(qualifier) {
        return Err(missing(format!("Cannot find alias arn: {}", at.arn_of(qualifier))));
    }
    function.version(at, Some(qualifier))?;
    Ok(qualifier.to_owned())
}

fn statement(body: &Body) -> Result<Statement, Fault> {
    let statement = Statement {
        sid: body.required("StatementId", "statementId")?,
        action: body.required("Action", "action")?,
        principal: body.required("Principal", "principal")?,
        source_arn: body.text("SourceArn")?,
        source_account: body.text("SourceAccount")?,
        event_token: body.text("EventSourceToken")?,
        organization: body.text("PrincipalOrgID")?,
        url_auth: body.text("FunctionUrlAuthType")?,
        via_url: body.flag("InvokedViaFunctionUrl")?,
    };
    let in_sid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if statement.sid.is_empty() || statement.sid.len() > 100 || !statement.sid.bytes().all(in_sid) {
        let constraint = "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)";
        return Err(invalid(&statement.sid, "statementId", constraint));
    }
    let verb = statement.action.strip_prefix("lambda:");
    if statement.action != "*"
        && !verb.is_some_and(|verb| {
            verb == "*" || (!verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_alphabetic()))
        })
    {
        let constraint = "Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])";
        return Err(invalid(&statement.action, "action", constraint));
    }
    if let Some(auth) = statement.url_auth.as_deref() {
        if auth != "NONE" && auth != "AWS_IAM" {
            return Err(invalid(auth, "functionUrlAuthType", "Member must satisfy enum value set: [NONE, AWS_IAM]"));
        }
        if statement.action != "lambda:InvokeFunctionUrl" {
            return Err(refused("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"));
        }
    }
    principal(&statement.principal)?;
    Ok(statement)
}

/// How a policy writes a principal.
fn principal(text: &str) -> Result<Value, Fault> {
    if text == "*" {
        Ok("*".into())
    } else if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(json!({ "AWS": format!("arn:aws:iam::{text}:root") }))
    } else if text.starts_with("arn:aws") && text.contains(":iam::") {
        Ok(json!({ "AWS": text }))
    } else if text.ends_with(".amazonaws.com") {
        Ok(json!({ "Service": text }))
    } else {
        Err(refused("The provided principal was invalid. Please check the principal and try again."))
    }
}

fn show(statement: &Statement, resource: &str) -> Value {
    let (mut equals, mut conditions) = (Map::new(), Map::new());
    let mut equal = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            equals.insert(name.to_owned(), value.as_str().into());
        }
    };
    equal("lambda:FunctionUrlAuthType", &statement.url_auth);
    equal("aws:PrincipalOrgID", &statement.organization);
    equal("AWS:SourceAccount", &statement.source_account);
    equal("lambda:EventSourceToken", &statement.event_token);
    if !equals.is_empty() {
        conditions.insert("StringEquals".into(), equals.into());
    }
    if let Some(arn) = &statement.source_arn {
        conditions.insert("ArnLike".into(), json!({ "AWS:SourceArn": arn }));
    }
    if statement.via_url {
        conditions.insert("Bool".into(), json!({ "lambda:InvokedViaFunctionUrl": "true" }));
    }
    let mut shown = Map::new();
    shown.insert("Sid".into(), statement.sid.as_str().into());
    shown.insert("Effect".into(), "Allow".into());
    shown.insert("Principal".into(), principal(&statement.principal).unwrap_or_default());
    shown.insert("Action".into(), statement.action.as_str().into());
    shown.insert("Resource".into(), resource.into());
    if !conditions.is_empty() {
        shown.insert("Condition".into(), conditions.into());
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "arn:aws:execute-api:eu-west-1:000000000000:abc123/prod/GET/items";

    #[test]
    fn a_source_arn_matches_part_by_part() {
        for pattern in [
            API,
            "arn:aws:execute-api:eu-west-1:000000000000:abc123/*/*/*",
            "arn:aws:execute-api:eu-west-1:000000000000:abc123/*",
            "arn:aws:execute-api:*:000000000000:abc12?/prod/*/items",
        ] {
            assert!(arn_like(pattern, API), "{pattern}");
        }
        for pattern in
            ["arn:aws:execute-api:eu-west-1:000000000000:other/*", "arn:*:abc123/*", "arn:aws:execute-api:eu-west-1:*"]
        {
            assert!(!arn_like(pattern, API), "{pattern}");
        }
    }

    #[test]
    fn every_condition_of_a_statement_must_hold() {
        let statement = |source: Option<&str>, url_auth: Option<&str>, via_url| Statement {
            sid: "s".into(),
            action: "lambda:InvokeFunction".into(),
            principal: "apigateway.amazonaws.com".into(),
            source_arn: source.map(str::to_owned),
            source_account: None,
            event_token: None,
            organization: None,
            url_auth: url_auth.map(str::to_owned),
            via_url,
        };
        let caller = Caller {
            action: "lambda:InvokeFunction",
            principal: "apigateway.amazonaws.com",
            source_arn: Some(API),
            url_auth: None,
        };
        assert!(permits(&statement(Some(API), None, false), caller));
        assert!(!permits(&statement(Some(API), None, true), caller));
        assert!(!permits(&statement(None, Some("NONE"), false), caller));
        assert!(!permits(&statement(Some(API), None, false), Caller { principal: "s3.amazonaws.com", ..caller }));
        assert!(!permits(&statement(Some(API), None, false), Caller { source_arn: None, ..caller }));
    }
}
