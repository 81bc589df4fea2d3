//! A Step Functions state machine of `resources:`, with the log group it writes to, if it writes to one.
//!
//! What runs goes on with the definition it was started with; what starts after a change has the new one.
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html>

use std::collections::BTreeSet;

use aws_sdk_sfn::error::ProvideErrorMetadata as _;
use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineOutput as Described;
use aws_sdk_sfn::types::{
    CloudWatchLogsLogGroup, ExecutionStatus, LogDestination, LogLevel, LoggingConfiguration, StateMachineStatus,
    StateMachineType, Tag,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use super::{Kind, LogGroup, role};
use crate::aws::{Backoff, Cloud, code, explain, is_code, is_missing, say};
use crate::deploy::late;
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::names::resource_prefix;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::Result;

/// State machines read at once.
const PARALLEL: usize = 8;

/// Where its log lies: names that begin so need no longer and longer resource policy.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html>
const LOGS: &str = "/aws/vendedlogs/states/";

/// For how many days its log is kept.
const LOG_DAYS: i32 = 30;

/// Nothing is logged.
const OFF: &str = "OFF";

/// A state machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StateMachine {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    owner: Owner,
    /// In the Amazon States Language.
    pub(crate) definition: Value,
    /// The ARN of the role it works as.
    role: String,
    express: bool,
    /// As Step Functions calls it: `ERROR`.
    log: String,
    /// How many executions of it were running.
    #[serde(skip)]
    running: usize,
    /// It had a log group.
    #[serde(skip)]
    logged: bool,
    /// The state machine itself is there, and not only its log group.
    #[serde(skip)]
    stands: bool,
}

/// What a config says of one, with everything filled in.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) definition: Value,
    /// An ARN.
    pub(crate) role: String,
    pub(crate) express: bool,
    pub(crate) log: String,
}

impl StateMachine {
    /// As it should be.
    pub(crate) fn wanted(owner: &Owner, name: String, wanted: Wanted) -> Self {
        let Wanted { definition, role, express, log } = wanted;
        let logged = log != OFF;
        Self { name, owner: owner.clone(), definition, role, express, log, running: 0, logged, stands: true }
    }

    fn arn(&self, cloud: &Cloud) -> String {
        arn(cloud, &self.name)
    }

    fn group(&self) -> LogGroup {
        LogGroup { name: format!("{LOGS}{}", self.name), owner: self.owner.clone(), retention_days: Some(LOG_DAYS) }
    }

    /// One by its name; whose it is its tags say.
    async fn read(cloud: &Cloud, owner: &Owner, name: String, logged: bool) -> Result<Found<Self>> {
        let arn = arn(cloud, &name);
        let Some(tags) = tags(cloud, &arn).await? else { return Ok(Found::none()) };
        if !owner.owns(tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![Key::new(Kind::StateMachine, name)] });
        }
        let live = match cloud.states.describe_state_machine().state_machine_arn(&arn).send().await {
            Ok(live) => live,
            Err(error) if is_code(&error, &["StateMachineDoesNotExist"]) => return Ok(Found::none()),
            Err(error) => return Err(explain(format!("look at the state machine `{name}`"))(error)),
        };
        // It is as good as gone, once what runs has ended.
        if live.status() == Some(&StateMachineStatus::Deleting) {
            return Ok(Found::none());
        }
        let express = live.r#type() == &StateMachineType::Express;
        let running = if express { 0 } else { running(cloud, &arn).await? };
        Ok(Found::ours(vec![Self {
            definition: serde_json::from_str(live.definition()).unwrap_or(Value::Null),
            role: live.role_arn().to_owned(),
            log: log_of(&live).filter(|_| logged).unwrap_or_else(|| OFF.to_owned()),
            owner: owner.clone(),
            name,
            express,
            running,
            logged,
            stands: true,
        }]))
    }

    fn logging(&self, cloud: &Cloud) -> LoggingConfiguration {
        let logging = LoggingConfiguration::builder().level(LogLevel::from(self.log.as_str()));
        if self.log == OFF {
            return logging.build();
        }
        // "The ARN must end with `:*`."
        let group = format!("{}:*", cloud.log_group_arn(&self.group().name));
        let group = CloudWatchLogsLogGroup::builder().log_group_arn(group).build();
        // What goes in and out of an execution may be secret: it stays out of the log.
        let to = LogDestination::builder().cloud_watch_logs_log_group(group).build();
        logging.include_execution_data(false).destinations(to).build()
    }

    fn kind(&self) -> StateMachineType {
        if self.express { StateMachineType::Express } else { StateMachineType::Standard }
    }

    /// Whether it was made.
    async fn create(&self, cloud: &Cloud) -> Result<bool> {
        let what = || format!("create the state machine `{}`", self.name);
        let mut backoff = Backoff::role();
        loop {
            let call = cloud.states.create_state_machine().name(&self.name).role_arn(&self.role);
            let call = call.definition(self.definition.to_string()).r#type(self.kind());
            let tags = self.owner.tags().into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let call = call.logging_configuration(self.logging(cloud)).set_tags(Some(tags.collect()));
            let Err(error) = call.send().await else { return Ok(true) };
            let code = code(&error).unwrap_or_default().to_owned();
            let message = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
            let wait = match code.as_str() {
                // With another definition: it was made between the look around and now.
                "StateMachineAlreadyExists" => return Ok(false),
                "StateMachineDeleting" => Some("waiting until the former state machine is gone"),
                _ if role_not_ready(&code, message) => Some("waiting until the new role can be used"),
                _ => None,
            };
            let Some(wait) = wait else { return Err(explain(what())(error)) };
            say(wait);
            if !backoff.sleep().await {
                return Err(explain(what())(error).hint("run the same command again: it continues here"));
            }
        }
    }

    async fn update(&self, cloud: &Cloud) -> Result<()> {
        let mut backoff = Backoff::role();
        loop {
            let call = cloud.states.update_state_machine().state_machine_arn(self.arn(cloud)).role_arn(&self.role);
            let call = call.definition(self.definition.to_string()).logging_configuration(self.logging(cloud));
            let Err(error) = call.send().await else { return Ok(()) };
            let code = code(&error).unwrap_or_default().to_owned();
            let message = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
            if !role_not_ready(&code, message) || !backoff.sleep().await {
                return Err(explain(format!("update the state machine `{}`", self.name))(error));
            }
        }
    }
}

impl Resource for StateMachine {
    fn key(&self) -> Key {
        Key::new(Kind::StateMachine, &self.name)
    }

    fn after(&self) -> Vec<Key> {
        let role = self.role.rsplit('/').next().unwrap_or_default();
        let mut after = vec![Key::new(Kind::Role, role)];
        after.extend(late::keys(&self.definition.to_string()));
        after
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &["arn:{partition}:states:{region}:{account}:stateMachine:{names}"];
        const ACTIONS: &[&str] = &[
            "states:CreateStateMachine",
            "states:DescribeStateMachine",
            "states:UpdateStateMachine",
            "states:DeleteStateMachine",
            "states:ListTagsForResource",
            "states:TagResource",
            "states:ListExecutions",
        ];
        const LOGS: &[&str] = &["arn:{partition}:logs:{region}:{account}:log-group:/aws/vendedlogs/states/{names}"];
        const LOGGING: &[&str] = &[
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:ListTagsForResource",
        ];
        vec![
            Need::anywhere(&["states:ListStateMachines", "logs:DescribeLogGroups"]),
            Need::on(ON, ACTIONS),
            Need::on(LOGS, LOGGING),
            role::passed_to(|_| vec!["states.amazonaws.com".to_owned()]),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let prefix = resource_prefix(owner);
        let (machines, groups) = tokio::try_join!(names(cloud, &prefix), groups(cloud, &prefix))?;
        let read = |name: String| Self::read(cloud, owner, name.clone(), groups.contains(&name));
        let found: Vec<Found<Self>> =
            stream::iter(machines.clone()).map(read).buffer_unordered(PARALLEL).try_collect().await?;
        let mut found: Found<Self> = found.into_iter().collect();
        // A log group whose state machine has not been made, or is gone already.
        let known: BTreeSet<String> = found.ours.iter().map(|it| it.name.clone()).collect();
        for name in groups.iter().filter(|name| !known.contains(*name) && !machines.contains(*name)) {
            let (definition, role, log) = (Value::Null, String::new(), OFF.to_owned());
            let half = Self::wanted(owner, name.clone(), Wanted { definition, role, express: true, log });
            if LogGroup::is_ours(cloud, owner, &half.group().name).await? {
                found.ours.push(Self { logged: true, stands: false, ..half });
            }
        }
        Ok(found)
    }

    /// What runs, and what was logged.
    fn losses(&self) -> Vec<Loss> {
        let many = if self.running == 1 { "running execution" } else { "running executions" };
        let running = (self.running > 0).then(|| Loss::of_data(format!("{} {many}", self.running)));
        let log = self.logged.then(|| Loss::of_data("all its logs"));
        running.into_iter().chain(log).collect()
    }

    /// "You can't change the workflow type after you've created a state machine."
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html>
    fn replacement(&self, live: &Self) -> Option<Replacement> {
        if self.express == live.express || !live.stands {
            return None;
        }
        let gap = Loss::of_service("it cannot be started until it is made anew");
        Some(Replacement { fields: vec!["express"], losses: vec![gap] })
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        if self.log != OFF {
            let group = self.group();
            group.converge(cloud, None).await?;
        }
        if live.is_none_or(|live| !live.stands) {
            if self.create(cloud).await? {
                return Ok(());
            }
            if !Self::read(cloud, &self.owner, self.name.clone(), self.log != OFF).await?.foreign.is_empty() {
                return Err(self.key().not_ours(&self.owner));
            }
        }
        self.update(cloud).await
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        match cloud.states.delete_state_machine().state_machine_arn(self.arn(cloud)).send().await {
            Ok(_) => {}
            Err(error) if is_code(&error, &["StateMachineDoesNotExist"]) => {}
            Err(error) => return Err(explain(format!("delete the state machine `{}`", self.name))(error)),
        }
        if self.logged { self.group().delete(cloud).await } else { Ok(()) }
    }
}

fn arn(cloud: &Cloud, name: &str) -> String {
    format!("arn:{}:states:{}:{}:stateMachine:{name}", cloud.partition, cloud.region, cloud.account)
}

/// The names of the state machines that could be this stage's.
async fn names(cloud: &Cloud, prefix: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut pages = cloud.states.list_state_machines().into_paginator().items().send();
    while let Some(machine) = pages.next().await {
        let machine = match machine {
            Ok(machine) => machine,
            Err(error) if is_missing(cloud, &error) => break,
            Err(error) => return Err(explain("list the state machines")(error)),
        };
        names.extend(Some(machine.name).filter(|name| name.starts_with(prefix)));
    }
    Ok(names)
}

/// The names of the state machines that have a log group and could be this stage's.
async fn groups(cloud: &Cloud, prefix: &str) -> Result<BTreeSet<String>> {
    let prefix = format!("{LOGS}{prefix}");
    let mut names = BTreeSet::new();
    let mut pages = cloud.logs.describe_log_groups().log_group_name_prefix(&prefix).into_paginator().items().send();
    while let Some(group) = pages.next().await {
        let group = group.map_err(explain(format!("list the log groups `{prefix}*`")))?;
        names.extend(group.log_group_name().and_then(|name| name.strip_prefix(LOGS)).map(str::to_owned));
    }
    Ok(names)
}

/// `None` when there is no such state machine.
async fn tags(cloud: &Cloud, arn: &str) -> Result<Option<Vec<Tag>>> {
    match cloud.states.list_tags_for_resource().resource_arn(arn).send().await {
        Ok(answer) => Ok(Some(answer.tags.unwrap_or_default())),
        Err(error) if is_code(&error, &["ResourceNotFound", "StateMachineDoesNotExist"]) => Ok(None),
        Err(error) => Err(explain(format!("read the tags of {arn}"))(error)),
    }
}

/// How many executions run, up to a thousand.
async fn running(cloud: &Cloud, arn: &str) -> Result<usize> {
    let call = cloud.states.list_executions().state_machine_arn(arn).status_filter(ExecutionStatus::Running);
    match call.max_results(1000).send().await {
        Ok(answer) => Ok(answer.executions().len()),
        Err(error) if is_code(&error, &["StateMachineDoesNotExist"]) => Ok(0),
        Err(error) => Err(explain(format!("list what runs of {arn}"))(error)),
    }
}

fn log_of(live: &Described) -> Option<String> {
    live.logging_configuration()?.level().map(|level| level.as_str().to_owned())
}

/// What Step Functions says while a role of a moment ago, or its policy, is not known everywhere: that the role cannot
/// be assumed, or that it may not write logs.
fn role_not_ready(code: &str, message: &str) -> bool {
    let denied =
        ["AccessDeniedException", "InvalidArn", "ValidationException"].contains(&code) && message.contains("assume");
    let logs =
        ["AccessDeniedException", "InvalidLoggingConfiguration"].contains(&code) && message.contains("log destination");
    denied || logs
}
