//! Roles themselves: create, read, change, tag, delete.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::form::{Form, invalid};
use super::super::wire::{Fault, percent_encode};
use super::super::xml::Element;
use super::document::{self, Purpose};
use super::{Iam, Role, date, names, no_role, unique_id, with_role};

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>: `ACLSizePerRole`.
const TRUST_LIMIT: usize = 2_048;

impl Iam {
    pub(super) fn create_role(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        let name = names::name(form, "RoleName", 64)?;
        let path = names::path(form)?;
        if path.starts_with("/aws-service-role/") {
            return Err(invalid("Service linked roles cannot be created with CreateRole."));
        }
        let role = Role {
            name: name.to_owned(),
            id: unique_id("AROA"),
            path,
            description: description(form)?,
            trust: trust(form.require("AssumeRolePolicyDocument")?)?,
            max_session_seconds: form.number("MaxSessionDuration", 3_600..=43_200)?.unwrap_or(3_600),
            boundary: form.get("PermissionsBoundary").map(boundary).transpose()?,
            // IAM shows whole seconds.
            created: Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default(),
            tags: names::tags(form)?,
            inline: BTreeMap::new(),
            attached: BTreeMap::new(),
        };
        self.state.write(|state| {
            let key = name.to_ascii_lowercase();
            if state.roles.contains_key(&key) {
                return Err(Fault::new(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
            }
            let shown = show(&role, Detail::Full);
            state.roles.insert(key, role);
            Ok(vec![shown])
        })
    }

    pub(super) fn get_role(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        self.look(form, |role| Ok(vec![show(role, Detail::Full)]))
    }

    pub(super) fn list_roles(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        let prefix = form.get("PathPrefix").unwrap_or("/");
        self.state.read(|state| {
            let roles = state.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
            // ListRoles leaves out tags and boundary.
            names::page(form, "Roles", roles.map(|(key, role)| (key.clone(), role)), |role| {
                show(role, Detail::Listed).renamed("member")
            })
        })
    }

    pub(super) fn delete_role(&self, form: &Form) -> Result<(), Fault> {
        let name = names::name(form, "RoleName", 64)?;
        self.state.write(|state| {
            with_role(state, name, |role| {
                let conflict =
                    |what| Err(Fault::new(409, "DeleteConflict", format!("Cannot delete entity, must {what} first.")));
                if !role.attached.is_empty() {
                    return conflict("detach all policies");
                }
                if !role.inline.is_empty() {
                    return conflict("delete policies");
                }
                Ok(())
            })?;
            state.roles.remove(&name.to_ascii_lowercase());
            Ok(())
        })
    }

    pub(super) fn update_role(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        let (description, seconds) = (description(form)?, form.number("MaxSessionDuration", 3_600..=43_200)?);
        self.change(form, |role| {
            // What is not given goes back to its default.
            role.description = description;
            role.max_session_seconds = seconds.unwrap_or(3_600);
            Ok(Vec::new())
        })
    }

    pub(super) fn update_role_description(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        form.require("Description")?;
        let description = description(form)?;
        self.change(form, |role| {
            role.description = description;
            Ok(vec![show(role, Detail::Full)])
        })
    }

    pub(super) fn update_trust(&self, form: &Form) -> Result<(), Fault> {
        let trust = trust(form.require("PolicyDocument")?)?;
        self.change(form, |role| {
            role.trust = trust;
            Ok(())
        })
    }

    pub(super) fn put_boundary(&self, form: &Form) -> Result<(), Fault> {
        let arn = boundary(form.require("PermissionsBoundary")?)?;
        self.change(form, |role| {
            role.boundary = Some(arn);
            Ok(())
        })
    }

    pub(super) fn delete_boundary(&self, form: &Form) -> Result<(), Fault> {
        self.change(form, |role| {
            if role.boundary.take().is_some() {
                return Ok(());
            }
            let message = format!("Role {} does not have a permissions boundary.", role.name);
            Err(Fault::new(404, "NoSuchEntity", message))
        })
    }

    pub(super) fn tag_role(&self, form: &Form) -> Result<(), Fault> {
        let tags = names::tags(form)?;
        self.change(form, |role| {
            for (key, value) in tags {
                role.tags.retain(|other, _| !other.eq_ignore_ascii_case(&key));
                role.tags.insert(key, value);
            }
            names::within_50(&role.tags)
        })
    }

    pub(super) fn untag_role(&self, form: &Form) -> Result<(), Fault> {
        let keys: Vec<String> =
            form.members("TagKeys").into_iter().filter_map(|mut member| member.remove("")).collect();
        self.change(form, |role| {
            role.tags.retain(|key, _| !keys.iter().any(|gone| gone.eq_ignore_ascii_case(key)));
            Ok(())
        })
    }

    pub(super) fn list_role_tags(&self, form: &Form) -> Result<Vec<Element>, Fault> {
        self.look(form, |role| {
            let tags = role.tags.iter().map(|(key, value)| (key.clone(), (key, value)));
            names::page(form, "Tags", tags, |(key, value)| {
                Element::new("member", vec![Element::leaf("Key", key), Element::leaf("Value", value)])
            })
        })
    }

    /// Reads the role that `RoleName` names.
    pub(super) fn look<R>(&self, form: &Form, look: impl FnOnce(&Role) -> Result<R, Fault>) -> Result<R, Fault> {
        let name = names::name(form, "RoleName", 64)?;
        self.state.read(|state| look(state.roles.get(&name.to_ascii_lowercase()).ok_or_else(|| no_role(name))?))
    }

    /// Changes the role that `RoleName` names.
    pub(super) fn change<R>(
        &self,
        form: &Form,
        change: impl FnOnce(&mut Role) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let name = names::name(form, "RoleName", 64)?;
        self.state.write(|state| with_role(state, name, change))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Full,
    Listed,
}

fn show(role: &Role, detail: Detail) -> Element {
    let mut fields = vec![
        Element::leaf("Path", &role.path),
        Element::leaf("RoleName", &role.name),
        Element::leaf("RoleId", &role.id),
        Element::leaf("Arn", role.arn()),
        Element::leaf("CreateDate", date(role.created)),
        Element::leaf("AssumeRolePolicyDocument", percent_encode(&role.trust, b"")),
        Element::leaf("MaxSessionDuration", role.max_session_seconds.to_string()),
    ];
    fields.extend(role.description.iter().map(|description| Element::leaf("Description", description)));
    if detail == Detail::Full {
        fields.extend(role.boundary.iter().map(|arn| {
            let kind = Element::leaf("PermissionsBoundaryType", "Policy");
            Element::new("PermissionsBoundary", vec![kind, Element::leaf("PermissionsBoundaryArn", arn)])
        }));
        if !role.tags.is_empty() {
            fields.push(names::tag_elements(&role.tags));
        }
        // Nothing tracks when a role was last used here; AWS shows the empty element, too.
        fields.push(Element::leaf("RoleLastUsed", ""));
    }
    Element::new("Role", fields)
}

/// The ARN of a managed policy. That there is one is not looked at: AWS's own are not kept here.
fn boundary(arn: &str) -> Result<String, Fault> {
    let is_policy = arn.starts_with("arn:") && arn.contains(":iam::") && arn.contains(":policy/");
    if is_policy { Ok(arn.to_owned()) } else { Err(invalid(format!("ARN {arn} is not valid."))) }
}

fn description(form: &Form) -> Result<Option<String>, Fault> {
    match form.get("Description") {
        Some(text) if text.chars().count() > 1_000 => Err(invalid("Description must have at most 1000 characters")),
        text => Ok(text.filter(|text| !text.is_empty()).map(str::to_owned)),
    }
}

fn trust(text: &str) -> Result<String, Fault> {
    document::check(text, Purpose::Trust)?;
    if document::size(text) > TRUST_LIMIT {
        return Err(Fault::new(409, "LimitExceeded", format!("Cannot exceed quota for ACLSizePerRole: {TRUST_LIMIT}")));
    }
    Ok(text.to_owned())
}
