//! What a user pool calls when something happens to its users: our entries in its configuration, and the permissions on
//! the functions.
//!
//! It may be somebody else's pool. Ours are the entries that lead to a function with our permission; every other one
//! stays, and so does all else of the pool (see `user_pool::whole`). A pool that `rzap.yaml` speaks of no more is found
//! by the permissions: each is given before the pool is told to call, and taken back after.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html>

mod slots;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Kind;
use super::function::{Grant, granted, statement_id, take_back};
use super::user_pool::{self, whole};
use crate::aws::Cloud;
use crate::config::StageConfig;
use crate::config::triggers::{Pool, Trigger};
use crate::deploy::names::ALIAS;
use crate::deploy::needs::Need;
use crate::deploy::resource::{Found, Key, Owner, Resource};
use crate::error::{Error, Result};

/// The word in our ids.
const WORD: &str = "cognito";

/// Pools read at once.
const PARALLEL: usize = 4;

/// What a user pool calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UserPoolTriggers {
    #[serde(skip)]
    owner: Owner,
    #[serde(skip)]
    pool: Called,
    /// By the event, as the config calls it. Of a live pool those of others, too.
    events: BTreeMap<String, Target>,
    /// The functions that it may call, by their names on AWS.
    may_call: BTreeSet<String>,
    /// Of what was found: its ARN, and the id of the permissions.
    #[serde(skip)]
    found: Option<(String, String)>,
}

/// How a pool is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Called {
    /// One of the stage's, by its name on AWS.
    Own(String),
    /// One that is there already.
    Id(String),
}

/// The ARN of what is called, shown as the function's name where it is an alias of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target(String);

impl Target {
    /// The function's name, when it is its alias `live`.
    fn function(&self) -> Option<&str> {
        let mut parts = self.0.split(':').skip(6);
        let (name, alias) = (parts.next()?, parts.next());
        (alias == Some(ALIAS)).then_some(name)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.function().unwrap_or(&self.0))
    }
}

impl UserPoolTriggers {
    /// As they should be of a pool of the stage, with nothing it calls yet.
    pub(crate) fn of_own(owner: &Owner, pool: &str) -> Self {
        Self::of(owner, Called::Own(pool.to_owned()))
    }

    /// The same of a pool that is there already.
    pub(crate) fn of_id(owner: &Owner, id: &str) -> Self {
        Self::of(owner, Called::Id(id.to_owned()))
    }

    fn of(owner: &Owner, pool: Called) -> Self {
        Self { owner: owner.clone(), pool, events: BTreeMap::new(), may_call: BTreeSet::new(), found: None }
    }

    /// Adds what is called on an event: the ARN of a function's alias.
    pub(crate) fn call(&mut self, event: &str, target: &str) {
        let target = Target(target.to_owned());
        self.may_call.extend(target.function().map(str::to_owned));
        self.events.insert(event.to_owned(), target);
    }

    fn name(&self) -> &str {
        match &self.pool {
            Called::Own(name) | Called::Id(name) => name,
        }
    }

    /// The id of its permissions. It says whether the pool is the stage's own: a pool may be both that and named by its id.
    fn statement(&self, arn: &str) -> String {
        match self.pool {
            Called::Own(_) => own_statement(&self.owner, arn),
            Called::Id(_) => statement_id(WORD, &self.owner, arn),
        }
    }

    /// The pool's id, and its ARN.
    fn place(&self, cloud: &Cloud) -> Result<(String, String)> {
        let id = match &self.pool {
            Called::Id(id) => id.clone(),
            Called::Own(name) => user_pool::id_of(cloud, name).ok_or_else(|| {
                Error::failed(format!("the user pool `{name}` is not there")).hint("run the same command again")
            })?,
        };
        let arn = format!("arn:{}:cognito-idp:{}:{}:userpool/{id}", cloud.partition, cloud.region, cloud.account);
        Ok((id, arn))
    }

    /// Of what a pool calls, what one of these functions is called for, and is not called for any more.
    fn edit(&self, live: &mut aws_sdk_cognitoidentityprovider::types::LambdaConfigType, ours: &BTreeSet<String>) {
        for (event, target) in slots::read(live) {
            let is_ours = target.function().is_some_and(|name| ours.contains(name));
            if is_ours && !self.has_slot(&event) {
                slots::write(live, &event, None);
            }
        }
        let there = slots::read(live);
        for (event, target) in self.events.iter().filter(|(event, target)| there.get(*event) != Some(target)) {
            slots::write(live, event, Some(target));
        }
    }

    fn has_slot(&self, event: &str) -> bool {
        self.events.keys().any(|own| slots::of(own) == slots::of(event))
    }

    /// Writes what should be; nothing when there is no such pool and nothing to be called.
    async fn settle(&self, cloud: &Cloud, id: &str, ours: &BTreeSet<String>) -> Result<()> {
        let there = whole::change(cloud, id, |pool| {
            let mut config = pool.lambda_config.clone().unwrap_or_else(slots::empty);
            let before = config.clone();
            self.edit(&mut config, ours);
            if config != before {
                pool.lambda_config = Some(config);
            }
        });
        if there.await? || self.events.is_empty() {
            return Ok(());
        }
        let error = Error::failed(format!("there is no user pool `{id}` in {}", cloud.region));
        Err(error.hint("a trigger of a pool by its id needs one that is there already"))
    }

    /// Nothing that others have put into a pool of theirs is written over.
    async fn is_free(&self, cloud: &Cloud, id: &str, ours: &BTreeSet<String>) -> Result<()> {
        let Some(pool) = whole::describe(cloud, id).await? else { return Ok(()) };
        let there = pool.lambda_config.as_ref().map(slots::read).unwrap_or_default();
        let taken = there
            .iter()
            .find(|(event, target)| self.has_slot(event) && !target.function().is_some_and(|name| ours.contains(name)));
        let Some((event, target)) = taken else { return Ok(()) };
        let what = format!("the user pool `{id}` calls something else on `{event}`: {}", target.0);
        Err(Error::failed(what).hint("a pool calls one function for an event: take that one out of the pool first"))
    }
}

fn own_statement(owner: &Owner, arn: &str) -> String {
    statement_id(WORD, owner, &format!("own {arn}"))
}

impl Resource for UserPoolTriggers {
    fn key(&self) -> Key {
        Key::new(Kind::UserPoolTriggers, self.name())
    }

    fn after(&self) -> Vec<Key> {
        let functions = self.may_call.iter().map(|name| Key::new(Kind::Function, name));
        let own = match &self.pool {
            Called::Own(name) => Some(Key::new(Kind::UserPool, name)),
            Called::Id(_) => None,
        };
        own.into_iter().chain(functions).collect()
    }

    fn needs() -> Vec<Need> {
        const ACTIONS: &[&str] = &["cognito-idp:DescribeUserPool", "cognito-idp:UpdateUserPool"];
        let own = |stage: &StageConfig| pools(stage).any(|pool| matches!(pool, Pool::Own(_)));
        vec![
            Need::on(user_pool::ANY, ACTIONS)
                .only("StringEquals", "aws:ResourceTag/rzap:app", user_pool::ours)
                .when(own),
            Need::on(&[], ACTIONS).and_on(named),
        ]
    }

    async fn discover(cloud: &Cloud, owner: &Owner) -> Result<Found<Self>> {
        let mut pools: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for one in granted(cloud, owner, WORD).await? {
            let Some(arn) = one.source_arn else { continue };
            pools.entry((arn, one.id)).or_default().insert(one.function);
        }
        let found: Vec<Self> = stream::iter(pools)
            .map(|((arn, statement), may_call)| async move {
                let id = arn.rsplit('/').next().unwrap_or_default();
                let live = whole::describe(cloud, id).await?;
                // One that is gone has no name any more.
                let name = live.as_ref().and_then(|pool| pool.name.clone());
                let pool = match name.filter(|_| statement == own_statement(owner, &arn)) {
                    Some(name) => Called::Own(name),
                    None => Called::Id(id.to_owned()),
                };
                let config = live.and_then(|pool| pool.lambda_config);
                let events = config.as_ref().map(slots::read).unwrap_or_default();
                Ok::<_, Error>(Self { events, may_call, found: Some((arn, statement)), ..Self::of(owner, pool) })
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        Ok(Found::ours(found))
    }

    /// A permission goes with its function, and what a pool calls with the pool.
    fn without(mut self, replaced: &Key) -> Self {
        match replaced.kind {
            Kind::Function => drop(self.may_call.remove(&replaced.name)),
            Kind::UserPool => self.events.clear(),
            _ => {}
        }
        self
    }

    /// What the pool calls because of this one, and what stands where this one wants something.
    fn seen_of(&self, live: &Self) -> Value {
        let mut seen = live.clone();
        seen.events.retain(|event, target| {
            self.has_slot(event) || target.function().is_some_and(|name| live.may_call.contains(name))
        });
        serde_json::to_value(seen).unwrap_or(Value::Null)
    }

    async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
        let (id, arn) = self.place(cloud)?;
        let statement = self.statement(&arn);
        let before = live.and_then(|live| Some((&live.found.as_ref()?.1, live)));
        let had: BTreeSet<String> = live.iter().flat_map(|live| live.may_call.clone()).collect();
        if matches!(self.pool, Called::Id(_)) {
            self.is_free(cloud, &id, &had).await?;
        }
        // A pool that was made anew has another ARN, and what the old one was allowed is no use.
        let (kept, old) = match before {
            Some((id, live)) if *id == statement => (&live.may_call, None),
            Some((id, live)) => (&BTreeSet::new(), Some((id, live))),
            None => (&BTreeSet::new(), None),
        };
        for function in self.may_call.difference(kept) {
            let grant = Grant {
                id: &statement,
                action: "lambda:InvokeFunction",
                principal: "cognito-idp.amazonaws.com",
                source_arn: Some(arn.clone()),
                source_account: None,
            };
            grant.give(cloud, function).await?;
        }
        let ours = self.may_call.union(&had).cloned().collect();
        self.settle(cloud, &id, &ours).await?;
        for function in kept.difference(&self.may_call) {
            take_back(cloud, function, &statement).await?;
        }
        for (function, id) in old.iter().flat_map(|(id, live)| live.may_call.iter().map(move |it| (it, id))) {
            take_back(cloud, function, id).await?;
        }
        Ok(())
    }

    async fn delete(&self, cloud: &Cloud) -> Result<()> {
        let Some((arn, statement)) = &self.found else { return Ok(()) };
        let id = arn.rsplit('/').next().unwrap_or_default();
        Self::of(&self.owner, self.pool.clone()).settle(cloud, id, &self.may_call).await?;
        for function in &self.may_call {
            take_back(cloud, function, statement).await?;
        }
        Ok(())
    }
}

fn pools(stage: &StageConfig) -> impl Iterator<Item = &Pool> {
    stage.triggers().filter_map(|trigger| match trigger {
        Trigger::Cognito(cognito) => Some(&cognito.pool),
        _ => None,
    })
}

/// The pools of others that the config names.
fn named(stage: &StageConfig) -> Vec<String> {
    let arn = |pool: &Pool| match pool {
        Pool::Own(_) => None,
        Pool::Id(id) => Some(format!("arn:{{partition}}:cognito-idp:{{region}}:{{account}}:userpool/{id}")),
        Pool::Arn(arn) => Some(arn.clone()),
    };
    pools(stage).filter_map(arn).collect()
}

#[cfg(test)]
mod tests;
