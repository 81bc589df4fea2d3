//! IAM: roles with their inline and attached policies, and customer managed policies.
//!
//! It stores and validates as AWS does, and enforces nothing on functions: they may do whatever they
//! like. A service that acts in a role's name asks what that may do ([`grants`]). Users, groups and instance profiles are refused.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>

mod document;
mod grants;
mod names;
mod policies;
mod roles;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form::{Form, respond};
use super::store::Store;
use super::wire::{Fault, Reply, Request};
use super::xml::Element;
use super::{ACCOUNT, Local};
use crate::error::{OrFailed as _, Result};
pub(crate) use document::one_or_many;
pub(crate) use grants::matches;

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// The service.
#[derive(Debug)]
pub(crate) struct Iam {
    state: Store<State>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// By name in lower case: names differ by more than case.
    roles: BTreeMap<String, Role>,
    /// Customer managed policies, by ARN.
    policies: BTreeMap<String, Policy>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Role {
    name: String,
    /// `AROA…`
    id: String,
    path: String,
    description: Option<String>,
    /// The document, exactly as it was given.
    trust: String,
    max_session_seconds: u32,
    boundary: Option<String>,
    created: Timestamp,
    tags: BTreeMap<String, String>,
    /// Name → document.
    inline: BTreeMap<String, String>,
    /// ARN → name, of managed policies.
    attached: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Policy {
    name: String,
    /// `ANPA…`
    id: String,
    path: String,
    description: Option<String>,
    created: Timestamp,
    tags: BTreeMap<String, String>,
    document: String,
}

/// A role as other services see it.
#[derive(Debug, Clone)]
pub(crate) struct RoleView {
    pub(crate) name: String,
    /// `AROA…`
    pub(crate) role_id: String,
    /// The trust policy's JSON.
    pub(crate) trust_policy: Value,
    pub(crate) max_session_seconds: i64,
}

impl Role {
    fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role{}{}", self.path, self.name)
    }
}

impl Policy {
    fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:policy{}{}", self.path, self.name)
    }
}

impl Iam {
    /// Opens the state in `{home}/iam/`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("iam");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        Ok(Self { state: Store::open(&dir, "state")? })
    }

    /// The role of that ARN.
    pub(crate) fn role(&self, arn: &str) -> Option<RoleView> {
        self.state.read(|state| {
            let role = state.roles.values().find(|role| role.arn() == arn)?;
            Some(RoleView {
                name: role.name.clone(),
                role_id: role.id.clone(),
                trust_policy: serde_json::from_str(&role.trust).unwrap_or_default(),
                max_session_seconds: role.max_session_seconds.into(),
            })
        })
    }

    #[expect(clippy::unused_async, reason = "every service is asked the same way")]
    pub(crate) async fn handle(&self, _local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        let form = Form::read(&request);
        let result = self.perform(&form)?;
        Ok(respond(form.action(), NAMESPACE, &request.request_id, result))
    }

    /// The children of the result element; `None` when the operation has no result.
    fn perform(&self, form: &Form) -> Result<Option<Vec<Element>>, Fault> {
        match form.action() {
            "CreateRole" => self.create_role(form).map(Some),
            "GetRole" => self.get_role(form).map(Some),
            "ListRoles" => self.list_roles(form).map(Some),
            "DeleteRole" => self.delete_role(form).map(|()| None),
            "UpdateRole" => self.update_role(form).map(Some),
            "UpdateRoleDescription" => self.update_role_description(form).map(Some),
            "UpdateAssumeRolePolicy" => self.update_trust(form).map(|()| None),
            "TagRole" => self.tag_role(form).map(|()| None),
            "UntagRole" => self.untag_role(form).map(|()| None),
            "ListRoleTags" => self.list_role_tags(form).map(Some),
            // There are no instance profiles here, so no role is in one.
            "ListInstanceProfilesForRole" => {
                self.get_role(form)?;
                Ok(Some(vec![Element::leaf("InstanceProfiles", ""), Element::leaf("IsTruncated", "false")]))
            }
            "PutRolePermissionsBoundary" => self.put_boundary(form).map(|()| None),
            "DeleteRolePermissionsBoundary" => self.delete_boundary(form).map(|()| None),
            "PutRolePolicy" => self.put_role_policy(form).map(|()| None),
            "GetRolePolicy" => self.get_role_policy(form).map(Some),
            "DeleteRolePolicy" => self.delete_role_policy(form).map(|()| None),
            "ListRolePolicies" => self.list_role_policies(form).map(Some),
            "AttachRolePolicy" => self.attach_role_policy(form).map(|()| None),
            "DetachRolePolicy" => self.detach_role_policy(form).map(|()| None),
            "ListAttachedRolePolicies" => self.list_attached_role_policies(form).map(Some),
            "CreatePolicy" => self.create_policy(form).map(Some),
            "GetPolicy" => self.get_policy(form).map(Some),
            "GetPolicyVersion" => self.get_policy_version(form).map(Some),
            "ListPolicyVersions" => self.list_policy_versions(form).map(Some),
            "DeletePolicy" => self.delete_policy(form).map(|()| None),
            "ListPolicies" => self.list_policies(form).map(Some),
            "GetUser" if form.get("UserName").is_none() => Ok(Some(vec![root_user()])),
            "" => Err(Fault::new(400, "MissingAction", "the request names no Action")),
            action => Err(Fault::unsupported("iam", action)),
        }
    }
}

fn root_user() -> Element {
    Element::new(
        "User",
        vec![
            Element::leaf("Path", "/"),
            Element::leaf("UserId", ACCOUNT),
            Element::leaf("Arn", format!("arn:aws:iam::{ACCOUNT}:root")),
            Element::leaf("CreateDate", date(Timestamp::UNIX_EPOCH)),
        ],
    )
}

/// A new unique id: `AROA` and 17 capital letters and digits.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
pub(crate) fn unique_id(prefix: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = [*uuid::Uuid::new_v4().as_bytes(), *uuid::Uuid::new_v4().as_bytes()].concat();
    // Bytes 6 to 8 of a UUID carry its version and variant.
    let free = random.iter().enumerate().filter(|(at, _)| !(6..=8).contains(&(at % 16))).map(|(_, byte)| byte);
    let text: String = free.take(17).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    format!("{prefix}{text}")
}

/// `2026-11-21T03:14:15Z`
pub(crate) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The state with `role` changed by `change`.
fn with_role<R>(state: &mut State, name: &str, change: impl FnOnce(&mut Role) -> Result<R, Fault>) -> Result<R, Fault> {
    change(state.roles.get_mut(&name.to_ascii_lowercase()).ok_or_else(|| no_role(name))?)
}

fn no_role(name: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_ids_look_like_those_of_aws() {
        let (a, b) = (unique_id("AROA"), unique_id("AROA"));
        assert_eq!(a.len(), 21);
        assert!(a.starts_with("AROA") && a.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert_ne!(a, b);
    }
}
