//! Policies: a role's inline ones, customer managed ones, and which of them are attached.
//!
//! AWS's own managed policies are known by the shape of their ARN only; their contents would mean
//! nothing where nothing is enforced.

use jiff::Timestamp;

use super::super::ACCOUNT;
use super::super::form::{Form, invalid};
use super::super::wire::{Fault, percent_encode};
use super::super::xml::Element;
use super::document::{self, Purpose};
use super::{Iam, Policy, State, date, names, unique_id, with_role};

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>
const INLINE_LIMIT: usize = 10_240;
const MANAGED_LIMIT: usize = 6_144;
const ATTACHED_LIMIT: usize = 10;

impl Iam {
    pub(super) fn put_role_policy(&self, form: &Form) -> Result<(), Fault> {
        let (name, text) = (names::name(form, "PolicyName", 128)?, form.require("PolicyDocument")?);
        document::check(text, Purpose::Identity)?;
        self.change(form, |role| {
            role.inline.insert(name.to_owned(), text.to_owned());
            if role.inline.values().map(|text| document::size(text)).sum::<usize>() > INLINE_LIMIT {
                let message = format!("Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {}", role.name);
                return Err(Fault::new(409, "LimitExceeded", message));
            }
            Ok(())
        })
    }

    pub(super) fn get_role_policy(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        let name = names::name(form, "PolicyName", 128)?;
        self.look(form, |role| {
            let text = role.inline.get(name).ok_or_else(|| no_inline(name))?;
            Ok(vec![
                Element::leaf("RoleName", &role.name),
                Element::leaf("PolicyName", name),
                Element::leaf("PolicyDocument", percent_encode(text, b"")),
            ])
        })
    }

    pub(super) fn delete_role_policy(&self, form: &Form) -> Result<(), Fault> {
        let name = names::name(form, "PolicyName", 128)?;
        self.change(form, |role| role.inline.remove(name).map(drop).ok_or_else(|| no_inline(name)))
    }

    pub(super) fn list_role_policies(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        self.look(form, |role| {
            let inline = role.inline.keys().map(|name| (name.clone(), name));
            names::page(form, "PolicyNames", inline, |name| Element::leaf("member", name))
        })
    }

    pub(super) fn attach_role_policy(&self, form: &Form) -> Result<(), Fault> {
        let (role, arn) = (names::name(form, "RoleName", 64)?, form.require("PolicyArn")?);
        self.state.write(|state| {
            let name = managed_name(state, arn)?;
            with_role(state, role, |role| {
                role.attached.insert(arn.to_owned(), name);
                match role.attached.len() {
                    ..=ATTACHED_LIMIT => Ok(()),
                    _ => Err(Fault::new(
                        409,
                        "LimitExceeded",
                        format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_LIMIT}"),
                    )),
                }
            })
        })
    }

    pub(super) fn detach_role_policy(&self, form: &Form) -> Result<(), Fault> {
        let arn = form.require("PolicyArn")?;
        self.change(form, |role| match role.attached.remove(arn) {
            Some(_) => Ok(()),
            None => Err(Fault::new(404, "NoSuchEntity", format!("Policy {arn} was not found."))),
        })
    }

    pub(super) fn list_attached_role_policies(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        self.look(form, |role| {
            // AWS filters by the policy's path; `/` holds all.
            let prefix = form.get("PathPrefix").unwrap_or("/");
            let below = |arn: &str| arn.split_once(":policy").is_some_and(|(_, path)| path.starts_with(prefix));
            let attached = role.attached.iter().filter(|(arn, _)| below(arn));
            names::page(
                form,
                "AttachedPolicies",
                attached.map(|(arn, name)| (arn.clone(), (arn, name))),
                |(arn, name)| {
                    Element::new("member", vec![Element::leaf("PolicyName", name), Element::leaf("PolicyArn", arn)])
                },
            )
        })
    }

    pub(super) fn create_policy(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        let (name, text) = (names::name(form, "PolicyName", 128)?, form.require("PolicyDocument")?);
        document::check(text, Purpose::Identity)?;
        if document::size(text) > MANAGED_LIMIT {
            return Err(Fault::new(
                409,
                "LimitExceeded",
                format!("Cannot exceed quota for PolicySize: {MANAGED_LIMIT}"),
            ));
        }
        let policy = Policy {
            name: name.to_owned(),
            id: unique_id("ANPA"),
            path: names::path(form)?,
            description: form.get("Description").map(str::to_owned),
            created: Timestamp::now(),
            tags: names::tags(form)?,
            document: text.to_owned(),
        };
        self.state.write(|state| {
            if state.policies.values().any(|other| other.name.eq_ignore_ascii_case(name)) {
                let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(Fault::new(409, "EntityAlreadyExists", message));
            }
            let shown = show(state, &policy);
            state.policies.insert(policy.arn(), policy);
            Ok(vec![shown])
        })
    }

    pub(super) fn get_policy(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        self.look_at_policy(form, |state, policy| Ok(vec![show(state, policy)]))
    }

    pub(super) fn get_policy_version(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        let version = form.require("VersionId")?;
        self.look_at_policy(form, |_, policy| match version {
            "v1" => Ok(vec![show_version(policy, Some(&policy.document), "PolicyVersion")]),
            _ => Err(Fault::new(404, "NoSuchEntity", format!("Policy version {version} does not exist."))),
        })
    }

    pub(super) fn list_policy_versions(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        self.look_at_policy(form, |_, policy| {
            names::page(form, "Versions", [("v1".to_owned(), policy)], |policy| show_version(policy, None, "member"))
        })
    }

    pub(super) fn delete_policy(&self, form: &Form) -> Result<(), Fault> {
        let arn = form.require("PolicyArn")?;
        self.state.write(|state| {
            if !state.policies.contains_key(arn) {
                return Err(no_policy(arn));
            }
            if attachments(state, arn) > 0 {
                return Err(Fault::new(409, "DeleteConflict", "Cannot delete a policy attached to entities."));
            }
            state.policies.remove(arn);
            Ok(())
        })
    }

    /// Customer managed policies only: the list of AWS's own is not kept here.
    pub(super) fn list_policies(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        match form.get("Scope") {
            Some("Local") => {}
            Some("AWS" | "All") | None => {
                return Err(Fault::unsupported("iam", "ListPolicies of AWS's own policies (use Scope=Local); it"));
            }
            Some(other) => return Err(invalid(format!("Scope must be All, AWS or Local, not {other}"))),
        }
        let prefix = form.get("PathPrefix").unwrap_or("/");
        let only_attached = form.get("OnlyAttached") == Some("true");
        self.state.read(|state| {
            let policies = state.policies.iter().filter(|(arn, policy)| {
                policy.path.starts_with(prefix) && (!only_attached || attachments(state, arn) > 0)
            });
            names::page(form, "Policies", policies.map(|(arn, policy)| (arn.clone(), policy)), |policy| {
                show(state, policy).renamed("member")
            })
        })
    }

    fn look_at_policy<R>(
        &self,
        form: &Form,
        look: impl FnOnce(&State, &Policy) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let arn = form.require("PolicyArn")?;
        self.state.read(|state| match state.policies.get(arn) {
            Some(policy) => look(state, policy),
            None if arn.starts_with("arn:aws:iam::aws:policy/") => {
                Err(Fault::unsupported("iam", &format!("the contents of AWS's own policy {arn}; reading it")))
            }
            None => Err(no_policy(arn)),
        })
    }
}

/// The name of the managed policy `arn`, if there can be one.
fn managed_name(state: &State, arn: &str) -> Result<String, Fault> {
    if let Some(policy) = state.policies.get(arn) {
        return Ok(policy.name.clone());
    }
    if let Some(path) = arn.strip_prefix("arn:aws:iam::aws:policy/") {
        let name = path.rsplit('/').next().unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !name.is_empty() && name.len() <= 128 && name.chars().all(legal) {
            return Ok(name.to_owned());
        }
    }
    if arn.starts_with(&format!("arn:aws:iam::{ACCOUNT}:policy/")) || arn.starts_with("arn:aws:iam::aws:policy/") {
        Err(no_policy(arn))
    } else {
        Err(Fault::new(400, "InvalidInput", format!("ARN {arn} is not valid.")))
    }
}

fn attachments(state: &State, arn: &str) -> usize {
    state.roles.values().filter(|role| role.attached.contains_key(arn)).count()
}

fn show(state: &State, policy: &Policy) -> Element {
    let arn = policy.arn();
    let bounded = state.roles.values().filter(|role| role.boundary.as_deref() == Some(arn.as_str())).count();
    let mut fields = vec![
        Element::leaf("PolicyName", &policy.name),
        Element::leaf("PolicyId", &policy.id),
        Element::leaf("Arn", &arn),
        Element::leaf("Path", &policy.path),
        Element::leaf("DefaultVersionId", "v1"),
        Element::leaf("AttachmentCount", attachments(state, &arn).to_string()),
        Element::leaf("PermissionsBoundaryUsageCount", bounded.to_string()),
        Element::leaf("IsAttachable", "true"),
        Element::leaf("CreateDate", date(policy.created)),
        Element::leaf("UpdateDate", date(policy.created)),
    ];
    fields.extend(policy.description.iter().map(|text| Element::leaf("Description", text)));
    if !policy.tags.is_empty() {
        fields.push(names::tag_elements(&policy.tags));
    }
    Element::new("Policy", fields)
}

fn show_version(policy: &Policy, text: Option<&str>, name: &str) -> Element {
    let mut fields: Vec<Element> =
        text.map(|text| Element::leaf("Document", percent_encode(text, b""))).into_iter().collect();
    fields.push(Element::leaf("VersionId", "v1"));
    fields.push(Element::leaf("IsDefaultVersion", "true"));
    fields.push(Element::leaf("CreateDate", date(policy.created)));
    Element::new(name, fields)
}

fn no_inline(name: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}

fn no_policy(arn: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable."))
}
