//! The roles of a stage. Functions run as one: it may write their own logs, what the config grants, no more.
//! Schedules call in the name of another one, which may call what they call.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_iam::types::Tag;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};

use super::Kind;
use crate::aws::{Backoff, Cloud, code, explain, is_code};
use crate::deploy::late;
use crate::deploy::names::{role_name, role_path, scheduler_role_name};
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// The one inline policy we manage.
const POLICY: &str = "rzap";

/// What IAM answers while a change of a moment ago has not reached all of it.
const RACES: &[&str] = &["NoSuchEntity", "DeleteConflict", "ConcurrentModification"];

/// An execution role, of the functions or of the schedules.
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
    /// ARNs of managed policies, put there by hand.
    pub(crate) attached_policies: BTreeSet<String>,
}

impl Role {
    /// As it should be: `log_groups` are ARNs, `statements` what the config grants.
    pub(crate) fn wanted(name: String, owner: Owner, log_groups: &[String], statements: Vec<Value>) -> Self {
        let mut all = vec![json!({
            "Sid": "WriteOwnLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": log_groups.iter().map(|arn| format!("{arn}:*")).collect::<Vec<_>>(),
        })];
        all.extend(statements);
        Self {
            name,
            path: "/".to_owned(),
            owner,
            trust: trust("lambda.amazonaws.com", None),
            policy: json!({"Version": "2012-10-17", "Statement": all}),
            other_policies: BTreeSet::new(),
            attached_policies: BTreeSet::new(),
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
            name,
            path: "/".to_owned(),
            owner,
            trust: trust("scheduler.amazonaws.com", Some(condition)),
            policy: json!({"Version": "2012-10-17", "Statement": [call]}),
            other_policies: BTreeSet::new(),
            attached_policies: BTreeSet::new(),
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
        Self {
            name,
            path,
            owner,
            trust: trust("states.amazonaws.com", Some(condition)),
            policy: json!({"Version": "2012-10-17", "Statement": statements}),
            other_policies: BTreeSet::new(),
            attached_policies: BTreeSet::new(),
        }
    }

    /// One by its name: that it is ours its tags say.
    async fn find(cloud: &Cloud, owner: &Owner, name: String) -> Result<Found<Self>> {
        let answer = match cloud.iam.get_role().role_name(&name).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == Some("NoSuchEntity") => return Ok(Found::none()),
            Err(error) => return Err(explain(format!("look for the role `{name}`"))(error)),
        };
        let Some(role) = answer.role() else { return Ok(Found::none()) };
        if !owner.owns(role.tags().iter().map(|tag| (tag.key(), tag.value()))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::Role, name)] });
        }
        let (policy, other_policies, attached_policies) = tokio::try_join!(
            Self::policy(cloud, &name),
            Self::other_policies(cloud, &name),
            Self::attached_policies(cloud, &name),
        )?;
        let trust = role.assume_role_policy_document().map_or(Value::Null, document);
        let path = role.path().to_owned();
        Ok(Found::ours(vec![Self {
            name,
            path,
            owner: owner.clone(),
            trust,
            policy,
            other_policies,
            attached_policies,
        }]))
    }

    /// Those that lie in the path of the stage.
    async fn in_path(cloud: &Cloud, owner: &Owner) -> Result<Vec<Found<Self>>> {
        let path = role_path(owner, &cloud.region);
        let mut names = Vec::new();
        let mut pages = cloud.iam.list_roles().path_prefix(&path).into_paginator().items().send();
        while let Some(role) = pages.next().await {
            names.push(role.map_err(explain(format!("list the roles in `{path}`")))?.role_name);
        }
        try_join_all(names.into_iter().map(|name| Self::find(cloud, owner, name))).await
    }

    fn patience() -> Backoff {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(3), Duration::from_secs(30))
    }

    async fn policy(cloud: &Cloud, role: &str) -> Result<Value> {
        match cloud.iam.get_role_policy().role_name(role).policy_name(POLICY).send().await {
            Ok(answer) => Ok(document(answer.policy_document())),
            Err(error) if code(&error) == Some("NoSuchEntity") => Ok(Value::Null),
            Err(error) => Err(explain(format!("read the policy of the role `{role}`"))(error)),
        }
    }

    async fn other_policies(cloud: &Cloud, role: &str) -> Result<BTreeSet<String>> {
        let mut pages = cloud.iam.list_role_policies().role_name(role).into_paginator().items().send();
        let mut names = BTreeSet::new();
        while let Some(name) = pages.next().await {
            match name {
                Ok(name) if name != POLICY => {
                    names.insert(name);
                }
                Ok(_) => {}
                Err(error) if code(&error) == Some("NoSuchEntity") => break,
                Err(error) => return Err(explain(format!("list the policies of the role `{role}`"))(error)),
            }
        }
        Ok(names)
    }

    async fn attached_policies(cloud: &Cloud, role: &str) -> Result<BTreeSet<String>> {
        let mut pages = cloud.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
        let mut arns = BTreeSet::new();
        while let Some(policy) = pages.next().await {
            match policy {
                Ok(policy) => arns.extend(policy.policy_arn),
                Err(error) if code(&error) == Some("NoSuchEntity") => break,
                Err(error) => return Err(explain(format!("list the policies attached to the role `{role}`"))(error)),
            }
        }
        Ok(arns)
    }

    async fn create(&self, cloud: &Cloud) -> Result<()> {
        let what = || format!("create the role `{}`", self.name);
        let mut call = cloud
            .iam
            .create_role()
            .role_name(&self.name)
            .path(&self.path)
            .assume_role_policy_document(self.trust.to_string());
        call = call.description(format!("{} {} (made by rzap)", self.owner.app, self.owner.stage));
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
                    let found = Self::find(cloud, &self.owner, self.name.clone()).await?;
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

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let names = [role_name(owner, &cloud.region), scheduler_role_name(owner, &cloud.region)];
        let by_name = try_join_all(names.map(|name| Self::find(cloud, owner, name)));
        let (by_name, in_path) = tokio::try_join!(by_name, Self::in_path(cloud, owner))?;
        Ok(by_name.into_iter().chain(in_path).collect())
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
        match live {
            Some(live) => self.remove_policies(cloud, &live.other_policies, &live.attached_policies).await,
            None => Ok(()),
        }
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

/// IAM gives policy documents back percent-encoded.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
fn document(encoded: &str) -> Value {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let decoded = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_encoded_and_plain() {
        let policy = json!({"Version": "2012-10-17", "Note": "50% & more"});
        assert_eq!(document(r#"{"Version":"2012-10-17","Note":"50% & more"}"#), policy);
        assert_eq!(document("%7B%22Version%22%3A%222012-10-17%22%2C%22Note%22%3A%2250%25%20%26%20more%22%7D"), policy);
    }

    #[test]
    fn a_role_may_write_its_own_logs_and_nothing_else() {
        let owner = Owner { app: "a".into(), stage: "b".into() };
        let role = Role::wanted("r".into(), owner, &["arn:aws:logs:x:1:log-group:/aws/lambda/a-b-web".into()], vec![]);
        assert_eq!(
            role.policy["Statement"],
            json!([{
                "Sid": "WriteOwnLogs",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": ["arn:aws:logs:x:1:log-group:/aws/lambda/a-b-web:*"],
            }])
        );
    }
}
