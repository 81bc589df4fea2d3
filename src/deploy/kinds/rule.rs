//! An `EventBridge` rule that calls a function's alias `live`, and the permission that lets it.
//!
//! The permission is given before the rule is made and taken back after it is gone: a run that was broken off
//! between leaves one of them, and both say by themselves whose they are.
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>

mod calls;

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::{RetryPolicy, Rule as Live, RuleState, Target};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use super::Kind;
use super::event_bus;
use super::function::{Grant, Granted, granted, statement_id, take_back};
use crate::aws::Cloud;
use crate::config::triggers::{EventsTrigger, Input};
use crate::deploy::names::{DEFAULT_BUS, function_prefix};
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// Buses and rules read at once.
const PARALLEL: usize = 8;

/// What the ids of our permissions say.
const WORD: &str = "events";

/// The id of our target within its rule.
const TARGET: &str = "rzap";

/// What `EventBridge` does when nobody says.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html>
const TIMES: i32 = 185;
const DAY: i32 = 86_400;

/// A rule.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rule {
    #[serde(skip)]
    pub(crate) bus: String,
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) owner: Owner,
    /// The function's name on AWS.
    #[serde(skip)]
    function: String,
    /// JSON; nothing when there is only the permission.
    pub(crate) pattern: Value,
    /// `ENABLED` or `DISABLED`
    pub(crate) state: String,
    /// The ARN of the function's alias.
    pub(crate) target: String,
    /// The event, JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    /// Set by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transformer: Option<Transformer>,
    pub(crate) retries: i32,
    /// Seconds.
    pub(crate) max_age: i32,
    /// The ARN of a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dlq: Option<String>,
    /// The function lets it in.
    pub(crate) permitted: bool,
    /// Ids of targets that somebody added by hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) other_targets: Vec<String>,
}

/// What is made of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Transformer {
    pub(crate) paths: BTreeMap<String, String>,
    pub(crate) template: String,
}

impl Rule {
    /// As it should be: its bus and its name, the alias it calls and the queue for what cannot be handed over.
    pub(crate) fn of_trigger(
        owner: &Owner,
        (bus, name): (String, String),
        config: &EventsTrigger,
        (target, dlq): (String, Option<String>),
    ) -> Self {
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let state = if config.enabled { RuleState::Enabled } else { RuleState::Disabled };
        let (input, transformer) = match &config.input {
            None => (None, None),
            Some(Input::Constant(value)) => (Some(value.to_string()), None),
            Some(Input::Template { paths, template }) => {
                (None, Some(Transformer { paths: paths.clone(), template: template.clone() }))
            }
        };
        Self {
            bus,
            name,
            owner: owner.clone(),
            function: function_of(&target).to_owned(),
            pattern: config.pattern.clone(),
            state: state.as_str().to_owned(),
            target,
            input,
            input_path: None,
            transformer,
            retries: number(config.retries),
            max_age: number(config.max_age),
            dlq,
            permitted: true,
            other_targets: Vec::new(),
        }
    }

    /// One that is not there, though a function lets it in: what a run that was broken off has left.
    fn permission_only(owner: &Owner, (bus, name): (&str, &str), function: &str) -> Self {
        Self {
            bus: bus.to_owned(),
            name: name.to_owned(),
            owner: owner.clone(),
            function: function.to_owned(),
            pattern: Value::Null,
            state: String::new(),
            target: String::new(),
            input: None,
            input_path: None,
            transformer: None,
            retries: TIMES,
            max_age: DAY,
            dlq: None,
            permitted: true,
            other_targets: Vec::new(),
        }
    }

    fn found(owner: &Owner, (bus, name): (&str, &str), live: &Live, targets: &[Target]) -> Self {
        let ours = targets.iter().find(|target| target.id() == TARGET);
        let retry = ours.and_then(|target| target.retry_policy());
        let target = ours.map(|target| target.arn().to_owned()).unwrap_or_default();
        let transformer = ours.and_then(|target| target.input_transformer()).map(|it| Transformer {
            paths: it
                .input_paths_map()
                .into_iter()
                .flatten()
                .map(|(name, path)| (name.clone(), path.clone()))
                .collect(),
            template: it.input_template().to_owned(),
        });
        Self {
            function: function_of(&target).to_owned(),
            pattern: serde_json::from_str(live.event_pattern().unwrap_or_default()).unwrap_or(Value::Null),
            state: live.state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
            target,
            input: ours.and_then(|target| target.input()).map(str::to_owned),
            input_path: ours.and_then(|target| target.input_path()).map(str::to_owned),
            transformer,
            retries: retry.and_then(RetryPolicy::maximum_retry_attempts).unwrap_or(TIMES),
            max_age: retry.and_then(RetryPolicy::maximum_event_age_in_seconds).unwrap_or(DAY),
            dlq: ours.and_then(|it| it.dead_letter_config()).and_then(|it| it.arn()).map(str::to_owned),
            permitted: false,
            other_targets: targets.iter().map(Target::id).filter(|id| *id != TARGET).map(str::to_owned).collect(),
            ..Self::permission_only(owner, (bus, name), "")
        }
    }

    /// `arn:aws:events:eu-west-1:123456789012:rule/orders/shop-dev-mail-paid`; without the bus on the default one.
    fn arn(&self, cloud: &Cloud) -> String {
        cloud.events_arn(&format!("rule/{}", self.path()))
    }

    fn path(&self) -> String {
        if self.bus == DEFAULT_BUS { self.name.clone() } else { format!("{}/{}", self.bus, self.name) }
    }

    fn statement(&self, cloud: &Cloud) -> String {
        statement_id(WORD, &self.owner, &self.arn(cloud))
    }

    /// The rules of a bus whose names could be this stage's.
    async fn on_bus(cloud: &Cloud, owner: &Owner, bus: &str) -> Result<Found<Self>> {
        let rules = calls::list(cloud, bus, &function_prefix(owner)).await?;
        let found: Vec<Found<Self>> = stream::iter(rules)
            .map(|live| async move { Self::read(cloud, owner, bus, &live).await })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().collect())
    }

    async fn read(cloud: &Cloud, owner: &Owner, bus: &str, live: &Live) -> Result<Found<Self>> {
        let place = (bus, live.name().unwrap_or_default());
        let seen = Self::permission_only(owner, place, "");
        // Deleted between the listing and now.
        let Some(tags) = event_bus::tags(cloud, seen.arn(cloud)).await? else { return Ok(Found::none()) };
        if !owner.owns(tags.iter().map(|tag| (tag.key(), tag.value()))) {
            return Ok(Found { ours: Vec::new(), foreign: vec![seen.key()] });
        }
        let targets = calls::targets(cloud, place).await?;
        Ok(Found::ours(vec![Self::found(owner, place, live, &targets)]))
    }

    /// Adds who lets whom in: to the rules that are there, and as one of its own where there is none.
    fn permit(found: &mut Found<Self>, cloud: &Cloud, owner: &Owner, granted: &[Granted]) {
        for rule in &mut found.ours {
            let id = rule.statement(cloud);
            let mut given = granted.iter().filter(|one| one.id == id);
            if rule.function.is_empty() {
                // Its target is missing: who was to be called says the permission.
                rule.function = given.clone().next().map(|one| one.function.clone()).unwrap_or_default();
            }
            rule.permitted = given.any(|one| one.function == rule.function);
        }
        let rules = cloud.events_arn("rule/");
        for one in granted {
            let Some(path) = one.source_arn.as_deref().and_then(|arn| arn.strip_prefix(&rules)) else { continue };
            let place = path.rsplit_once('/').unwrap_or((DEFAULT_BUS, path));
            let rule = Self::permission_only(owner, place, &one.function);
            let known =
                found.ours.iter().map(Self::key).chain(found.foreign.iter().cloned()).any(|key| key == rule.key());
            if !known && one.id == rule.statement(cloud) {
                found.ours.push(rule);
            }
        }
    }
}

/// The function's name in the ARN of its alias.
fn function_of(target: &str) -> &str {
    target.split(':').nth(6).unwrap_or_default()
}

impl Resource for Rule {
    fn key(&self) -> Key {
        Key::new(Kind::Rule, self.path())
    }

    fn after(&self) -> Vec<Key> {
        let queue = self.dlq.as_ref().and_then(|arn| arn.rsplit(':').next()).map(|name| Key::new(Kind::Queue, name));
        let bus = (self.bus != DEFAULT_BUS).then(|| Key::new(Kind::EventBus, &self.bus));
        [Key::new(Kind::Function, &self.function)].into_iter().chain(bus).chain(queue).collect()
    }

    fn needs() -> Vec<Need> {
        const ON: &[&str] = &[
            "arn:{partition}:events:{region}:{account}:rule/{names}",
            "arn:{partition}:events:{region}:{account}:rule/*/{names}",
        ];
        const ACTIONS: &[&str] = &[
            "events:PutRule",
            "events:DeleteRule",
            "events:PutTargets",
            "events:RemoveTargets",
            "events:ListTargetsByRule",
            "events:ListTagsForResource",
            "events:TagResource",
        ];
        vec![Need::anywhere(&["events:ListEventBuses", "events:ListRules"]), Need::on(ON, ACTIONS)]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let rules = async {
            let buses = event_bus::names(cloud, None).await?;
            let found: Vec<Found<Self>> = stream::iter(buses)
                .map(|bus| async move { Self::on_bus(cloud, owner, &bus).await })
                .buffer_unordered(PARALLEL)
                .try_collect()
                .await?;
            Ok::<_, Error>(found.into_iter().collect::<Found<Self>>())
        };
        let (mut found, granted) = tokio::try_join!(rules, granted(cloud, owner, WORD))?;
        Self::permit(&mut found, cloud, owner, &granted);
        Ok(found)
    }

    fn without(mut self, replaced: &Key) -> Self {
        self.permitted &= *replaced != Key::new(Kind::Function, &self.function);
        self
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        // It would be overwritten without a word.
        if live.is_none()
            && let Some(tags) = event_bus::tags(cloud, self.arn(cloud)).await?
            && !self.owner.owns(tags.iter().map(|tag| (tag.key(), tag.value())))
        {
            return Err(self.key().not_ours(&self.owner));
        }
        if live.is_none_or(|live| !live.permitted) {
            let grant = Grant {
                id: &self.statement(cloud),
                action: "lambda:InvokeFunction",
                principal: "events.amazonaws.com",
                source_arn: Some(self.arn(cloud)),
                source_account: None,
            };
            grant.give(cloud, &self.function).await?;
        }
        calls::put(cloud, self).await?;
        let others = live.map(|live| live.other_targets.clone()).unwrap_or_default();
        if others.is_empty() { Ok(()) } else { calls::remove_targets(cloud, self, others).await }
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        calls::delete(cloud, self).await?;
        if self.function.is_empty() { Ok(()) } else { take_back(cloud, &self.function, &self.statement(cloud)).await }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::deploy::names::ALIAS;

    #[test]
    fn a_rule_says_what_it_stands_on() {
        let owner = Owner { app: "shop".into(), stage: "dev".into() };
        let config = EventsTrigger {
            pattern: json!({"source": ["shop"]}),
            bus: None,
            name: None,
            input: None,
            enabled: true,
            retries: 1,
            max_age: 60,
            dlq: None,
        };
        let alias = format!("arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-mail:{ALIAS}");
        let dlq = "arn:aws:sqs:eu-west-1:123456789012:shop-dev-lost".to_owned();
        let place = ("shop-dev-orders".to_owned(), "shop-dev-mail-paid".to_owned());
        let rule = Rule::of_trigger(&owner, place, &config, (alias, Some(dlq)));
        assert_eq!(
            rule.after().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["function `shop-dev-mail`", "event bus `shop-dev-orders`", "queue `shop-dev-lost`"]
        );
        assert_eq!(rule.key().to_string(), "rule `shop-dev-orders/shop-dev-mail-paid`");
        let replaced = rule.clone().without(&Key::new(Kind::Function, "shop-dev-mail"));
        assert!(!replaced.permitted && rule.without(&Key::new(Kind::Function, "shop-dev-web")).permitted);
    }
}
