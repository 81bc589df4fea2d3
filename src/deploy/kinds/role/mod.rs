//! The roles of a stage. A function runs as one of its own, or as one it shares, and may write its own logs, what the
//! config grants, no more. Schedules call in the name of another one, which may call what they call.
//!
//! A function's own role lies in the path `/rzap/{app}/{stage}/{region}/`, so that it is found when the config has
//! forgotten the function: IAM has no list by tag. The other two, of which there is one each, are asked for by their
//! names. A version keeps the role it was published with, so a role stays until no version has it ([`versions_need`]).

mod find;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_iam::types::Tag;
use serde::Serialize;
use serde_json::{Value, json};

pub(in crate::deploy) use self::find::{taken, versions_need};
use super::Kind;
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::config::{Role as Wanted, StageConfig};
use crate::deploy::blueprint::managed_arn;
use crate::deploy::late;
use crate::deploy::needs::{Need, size};
use crate::deploy::resource::{Found, Key, Orphan, Owner, Resource};
use crate::error::{Error, Result};

/// The one inline policy we manage.
const POLICY: &str = "rzap";

/// What IAM answers while a change of a moment ago has not reached all of it.
const RACES: &[&str] = &["NoSuchEntity", "DeleteConflict", "ConcurrentModification"];

/// The most characters of all inline policies of a role together, without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LIMIT: usize = 10_240;

/// The roles that rzap makes.
const ON: &[&str] =
    &["arn:{partition}:iam::{account}:role/{names}", "arn:{partition}:iam::{account}:role/rzap/{app}/{stage}/*"];

/// What is needed so that a service may be given a role of ours.
pub(super) const fn passed_to(services: fn(&StageConfig) -> Vec<String>) -> Need {
    Need::on(ON, &["iam:PassRole"]).only("StringEquals", "iam:PassedToService", services)
}

/// The ARNs of roles that others have made for functions.
pub(super) fn brought(stage: &StageConfig) -> Vec<String> {
    let roles = stage.functions.values().filter_map(|function| match &function.role {
        Wanted::Arn(arn) => Some(arn.clone()),
        Wanted::Own | Wanted::Shared => None,
    });
    roles.collect()
}

/// An execution role, of functions or of the schedules.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Role {
    #[serde(skip)]
    pub(crate) name: String,
    /// `/`, or with a slash at both ends. It never changes.
    #[serde(skip)]
    pub(crate) path: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// Who may assume it.
    pub(crate) trust: Value,
    /// What it may do.
    pub(crate) policy: Value,
    /// Inline policies beside ours, put there by hand.
    pub(crate) other_policies: BTreeSet<String>,
    /// ARNs of managed policies.
    pub(crate) attached_policies: BTreeSet<String>,
    /// The ARN of a managed policy: the most it may ever do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions_boundary: Option<String>,
    /// A version that somebody may go back to was published with it.
    #[serde(skip)]
    pub(crate) needed: bool,
}

impl Role {
    /// As it should be, of functions: `statements` is all that they may do.
    pub(crate) fn wanted(name: String, path: String, owner: Owner, statements: &[Value]) -> Self {
        Self {
            name,
            path,
            owner,
            trust: trust("lambda.amazonaws.com", None),
            policy: json!({"Version": "2012-10-17", "Statement": statements}),
            other_policies: BTreeSet::new(),
            attached_policies: BTreeSet::new(),
            permissions_boundary: None,
            needed: false,
        }
    }

    /// The one of the schedules in `group`, an ARN: it may call `aliases`, ARNs, and nothing else.
    ///
    /// The service must say that it comes for this account and this group; "the ARN you specify must be a
    /// schedule group". <https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html>
    pub(crate) fn of_schedules(name: String, owner: Owner, (account, group): (&str, &str), aliases: &[String]) -> Self {
        let condition = json!({"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": group}});
        let call = json!({
            "Sid": "CallFunctions",
            "Effect": "Allow",
            "Action": ["lambda:InvokeFunction"],
            "Resource": aliases,
        });
        Self {
            trust: trust("scheduler.amazonaws.com", Some(condition)),
            ..Self::wanted(name, "/".to_owned(), owner, &[call])
        }
    }

    /// The one of a state machine, which may do what `statements` say. Only Step Functions of this account has it.
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html#prevent-cross-service-confused-deputy>
    pub(crate) fn of_state_machine(
        (name, path): (String, String),
        owner: Owner,
        (account, arn): (&str, &str),
        statements: &[Value],
    ) -> Self {
        let condition = json!({"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": arn}});
        Self { trust: trust("states.amazonaws.com", Some(condition)), ..Self::wanted(name, path, owner, statements) }
    }

    /// Refuses what IAM would refuse.
    ///
    /// # Errors
    /// Its policy is too large.
    pub(crate) fn check(&self) -> Result<()> {
        let size = size(&self.policy);
        if size <= LIMIT {
            return Ok(());
        }
        Err(Error::usage(format!("the policy of the role `{}` has {size} characters, and IAM allows {LIMIT}", self.name))
            .hint("give functions roles of their own (`role: own`), or put statements into managed policies and name those in `policies`"))
    }

    fn patience() -> Backoff {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(3), Duration::from_secs(30))
    }

    async fn create(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("create the role `{}`", self.name);
        let mut call = cloud
            .iam
            .create_role()
            .role_name(&self.name)
            .path(&self.path)
            .assume_role_policy_document(self.trust.to_string());
        call = call
            .set_permissions_boundary(self.permissions_boundary.clone())
            .description(format!("{} {} (made by rzap)", self.owner.app, self.owner.stage));
        for (key, value) in self.owner.tags() {
            let tag = Tag::builder().key(key).value(value).build();
            call = call.tags(tag.map_err(|error| Error::failed(what()).because(&error))?);
        }
        match call.send().await {
            Ok(_) => {
                cloud.fresh.made(&self.name);
                Ok(())
            }
            // Somebody was quicker, or it was us and the answer got lost: whose is it?
            Err(error) if code(&error) == Some("EntityAlreadyExists") => {
                let mut backoff = Self::patience();
                loop {
                    let found = Self::find(cloud, &self.owner, self.name.clone(), &self.path).await?;
                    if !found.ours.is_empty() {
                        return Ok(());
                    }
                    // IAM is eventually consistent: what exists may not be seen yet.
                    if !found.foreign.is_empty() || !backoff.sleep().await {
                        return Err(self.key().not_ours(&self.owner));
                    }
                }
            }
            Err(error) => Err(explain(what())(error)),
        }
    }

    /// Sets the permissions boundary that is wanted, or none.
    async fn bound(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("change the permissions boundary of the role `{}`", self.name);
        if let Some(arn) = &self.permissions_boundary {
            let call = cloud.iam.put_role_permissions_boundary().role_name(&self.name).permissions_boundary(arn);
            return call.send().await.map(drop).map_err(|error| explain(what())(error));
        }
        match cloud.iam.delete_role_permissions_boundary().role_name(&self.name).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("NoSuchEntity") => Ok(()),
            Err(error) => Err(explain(what())(error)),
        }
    }

    async fn attach(&self, cloud: &Cloud, arn: &str) -> Result<()> {
        let mut backoff = Self::patience();
        loop {
            let call = cloud.iam.attach_role_policy().role_name(&self.name).policy_arn(arn);
            let Err(error) = call.send().await else { return Ok(()) };
            // "Policy arn:… does not exist or is not attachable" will not come to exist; the role will.
            let names_policy = error.as_service_error().and_then(|error| error.meta().message()).unwrap_or_default();
            if names_policy.contains(arn) || !is_code(&error, RACES) || !backoff.sleep().await {
                return Err(explain(format!("attach `{arn}` to the role `{}`", self.name))(error));
            }
        }
    }

    async fn remove_policies(
        &self,
        cloud: &Cloud,
        inline: &BTreeSet<String>,
        attached: &BTreeSet<String>,
    ) -> Result<()> {
        for name in inline {
            let call = cloud.iam.delete_role_policy().role_name(&self.name).policy_name(name);
            match call.send().await {
                Ok(_) => {}
                Err(error) if code(&error) == Some("NoSuchEntity") => {}
                Err(error) => {
                    return Err(explain(format!("delete the policy `{name}` of the role `{}`", self.name))(error));
                }
            }
        }
        for arn in attached {
            let call = cloud.iam.detach_role_policy().role_name(&self.name).policy_arn(arn);
            match call.send().await {
                Ok(_) => {}
                Err(error) if code(&error) == Some("NoSuchEntity") => {}
                Err(error) => return Err(explain(format!("detach `{arn}` from the role `{}`", self.name))(error)),
            }
        }
        Ok(())
    }
}

impl Resource for Role {
    fn key(&self) -> Key {
        Key::new(Kind::Role, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        late::keys(&self.policy.to_string())
    }

    /// `ListRoles` knows no resource.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>
    fn needs() -> Vec<Need> {
        const CALLS: &[&str] = &[
            "iam:GetRole",
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:TagRole",
            "iam:ListRolePolicies",
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:DetachRolePolicy",
        ];
        const BOUND: &[&str] = &["iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"];
        let managed = |stage: &StageConfig| {
            stage
                .functions
                .values()
                .flat_map(|it| &it.managed_policies)
                .map(|name| managed_arn(name, "{partition}"))
                .collect()
        };
        let attaches = |stage: &StageConfig| stage.functions.values().any(|it| !it.managed_policies.is_empty());
        let bounds = |stage: &StageConfig| {
            let some = stage.functions.values().any(|function| function.permissions_boundary.is_some());
            some || stage.permissions_boundary.is_some()
        };
        vec![
            Need::anywhere(&["iam:ListRoles"]),
            Need::on(ON, CALLS),
            Need::on(ON, &["iam:AttachRolePolicy"]).only("ArnEquals", "iam:PolicyARN", managed).when(attaches),
            Need::on(ON, BOUND).when(bounds),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        Self::all(cloud, owner).await
    }

    /// Going back to a version takes the role it was published with.
    fn orphan(&self) -> Orphan {
        if self.needed { Orphan::WithStage } else { Orphan::Delete }
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        match live {
            None => self.create(cloud).await?,
            Some(live) if live.trust != self.trust => {
                let call = cloud.iam.update_assume_role_policy().role_name(&self.name);
                call.policy_document(self.trust.to_string())
                    .send()
                    .await
                    .map_err(explain(format!("update who may assume the role `{}`", self.name)))?;
            }
            Some(_) => {}
        }
        if live.is_some_and(|live| live.permissions_boundary != self.permissions_boundary) {
            self.bound(cloud).await?;
        }
        if live.is_none_or(|live| live.policy != self.policy) {
            let mut backoff = Self::patience();
            loop {
                let call = cloud.iam.put_role_policy().role_name(&self.name).policy_name(POLICY);
                match call.policy_document(self.policy.to_string()).send().await {
                    Ok(_) => break,
                    // The role was made a moment ago and is not known everywhere.
                    Err(error) if is_code(&error, RACES) && backoff.sleep().await => {}
                    Err(error) => return Err(explain(format!("write the policy of the role `{}`", self.name))(error)),
                }
            }
        }
        let none = BTreeSet::new();
        let (others, attached) = live.map_or((&none, &none), |live| (&live.other_policies, &live.attached_policies));
        for arn in self.attached_policies.difference(attached) {
            self.attach(cloud, arn).await?;
        }
        let too_many = attached.difference(&self.attached_policies).cloned().collect();
        self.remove_policies(cloud, others, &too_many).await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let mut inline = self.other_policies.clone();
        inline.insert(POLICY.to_owned());
        self.remove_policies(cloud, &inline, &self.attached_policies).await?;
        let mut backoff = Self::patience();
        loop {
            match cloud.iam.delete_role().role_name(&self.name).send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_code(&error, &["NoSuchEntity"]) => return Ok(()),
                // The policies are gone, but not everywhere.
                Err(error) if is_code(&error, RACES) && backoff.sleep().await => {}
                Err(error) => return Err(explain(format!("delete the role `{}`", self.name))(error)),
            }
        }
    }
}

/// Lets a service take a role on.
fn trust(service: &str, condition: Option<Value>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}
