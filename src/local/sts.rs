//! STS: who am I, and temporary credentials of a role.
//!
//! Whoever comes with an unknown access key is the account's root; a key that `AssumeRole` gave out is
//! that role's session. Federation (web identity, SAML) and session tokens are refused.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form::{Form, invalid, respond};
use super::iam::{self, RoleView};
use super::route::Scope;
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::xml::Element;
use super::{ACCOUNT, Local};
use crate::error::{OrFailed as _, Result};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The sessions that were given out, by access key id.
#[derive(Debug)]
pub(crate) struct Sts {
    sessions: Store<BTreeMap<String, Session>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    arn: String,
    /// `AROA…:session name`
    user_id: String,
    expires: Timestamp,
}

impl Sts {
    /// Opens the sessions in `{home}/sts/`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("sts");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { sessions: Store::open(&dir, "sessions")? })
    }

    #[expect(clippy::unused_async, reason = "every service is asked the same way")]
    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let form = Form::read(&request);
        let result = match form.action() {
            "GetCallerIdentity" => {
                let (arn, user_id) = self.caller(&request)?;
                vec![Element::leaf("Arn", arn), Element::leaf("UserId", user_id), Element::leaf("Account", ACCOUNT)]
            }
            "AssumeRole" => self.assume_role(&local.iam, &request, &form)?,
            "" => return Err(Fault::new(400, "MissingAction", "the request names no Action")),
            action => return Err(Fault::unsupported("sts", action)),
        };
        Ok(respond(form.action(), NAMESPACE, &request.request_id, Some(result)))
    }

    /// The caller's ARN and unique id.
    fn caller(&self, request: &Request) -> Result<(String, String), Fault> {
        let key = Scope::read(&request.headers, &request.raw_query)?.map(|scope| scope.access_key).unwrap_or_default();
        match self.sessions.read(|sessions| sessions.get(&key).cloned()) {
            Some(session) if session.expires < Timestamp::now() => {
                Err(Fault::new(403, "ExpiredToken", "The security token included in the request is expired"))
            }
            Some(session) => Ok((session.arn, session.user_id)),
            None => Ok((format!("arn:aws:iam::{ACCOUNT}:root"), ACCOUNT.to_owned())),
        }
    }

    fn assume_role(&self, iam: &iam::Iam, request: &Request, form: &Form) -> Result<Vec<Element>, Fault> {
        let (arn, session) = (form.require("RoleArn")?, form.require("RoleSessionName")?);
        let seconds = form.number("DurationSeconds", 900..=43_200)?.unwrap_or(3_600);
        let legal = |c: char| c.is_ascii_alphanumeric() || "_=,.@-+".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(legal) {
            return Err(invalid("RoleSessionName must be 2 to 64 characters of [\\w+=,.@-]"));
        }
        let (caller, _) = self.caller(request)?;
        let role = iam.role(arn).filter(|role| trusts(&role.trust_policy, &caller)).ok_or_else(|| {
            let message = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}");
            Fault::new(403, "AccessDenied", message)
        })?;
        if i64::from(seconds) > role.max_session_seconds {
            return Err(invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        let RoleView { name, role_id, .. } = role;
        let assumed = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}");
        let user_id = format!("{role_id}:{session}");
        let expires = Timestamp::now() + i64::from(seconds).seconds();
        let key = iam::unique_id("ASIA");
        let secret = [uuid::Uuid::new_v4().simple().to_string(), uuid::Uuid::new_v4().simple().to_string()].concat();
        self.sessions.write(|sessions| {
            let now = Timestamp::now();
            // Long expired ones are of no use to anybody; a day keeps the clear "expired" answer.
            sessions.retain(|_, session| session.expires + 24.hours() > now);
            sessions.insert(key.clone(), Session { arn: assumed.clone(), user_id: user_id.clone(), expires });
            Ok(())
        })?;
        Ok(vec![
            Element::new(
                "Credentials",
                vec![
                    Element::leaf("AccessKeyId", key),
                    Element::leaf("SecretAccessKey", &secret[..40]),
                    Element::leaf("SessionToken", secret),
                    Element::leaf("Expiration", iam::date(expires)),
                ],
            ),
            Element::new(
                "AssumedRoleUser",
                vec![Element::leaf("AssumedRoleId", user_id), Element::leaf("Arn", assumed)],
            ),
        ])
    }
}

/// Whether a trust policy lets `caller` in by an `AWS` principal. Conditions are not evaluated, so a
/// statement that has one lets nobody in.
fn trusts(policy: &Value, caller: &str) -> bool {
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let names = |principal: &Value| {
        let list = principal.get("AWS").unwrap_or(principal);
        let named = |name: &Value| {
            name.as_str().is_some_and(|name| name == "*" || name == ACCOUNT || name == root || name == caller)
        };
        iam::one_or_many(list).iter().any(|name| named(name))
    };
    iam::one_or_many(&policy["Statement"]).iter().any(|statement| {
        statement["Effect"] == "Allow"
            && statement.get("Condition").is_none()
            && statement.get("Principal").is_some_and(names)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trust_needs_an_aws_principal_without_conditions() {
        let policy = |principal: Value| json!({ "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }] });
        let root = format!("arn:aws:iam::{ACCOUNT}:root");
        assert!(trusts(&policy(json!({ "AWS": root })), &root));
        assert!(trusts(&policy(json!({ "AWS": ["arn:aws:iam::1:root", "000000000000"] })), &root));
        assert!(trusts(&policy(json!("*")), &root));
        assert!(!trusts(&policy(json!({ "Service": "lambda.amazonaws.com" })), &root));
        let mut conditional = policy(json!("*"));
        conditional["Statement"][0]["Condition"] = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
        assert!(!trusts(&conditional, &root));
    }
}
