//! The calls that read, make and remove a rule with its targets.

use std::time::Duration;

use aws_sdk_eventbridge::types::{DeadLetterConfig, InputTransformer, RetryPolicy, Rule as Live, Target};

use super::{Rule, TARGET};
use crate::aws::{Backoff, Cloud, code, explain, is_code, say};
use crate::deploy::kinds::attempt::{Made, Refused, patiently};
use crate::deploy::kinds::event_bus::tags_of;
use crate::deploy::names::resource_prefix;
use crate::deploy::resource::Resource as _;
use crate::error::{Error, Result};

const GONE: &[&str] = &["ResourceNotFoundException"];

/// The rules of a bus that begin with `prefix`; none when there is no such bus any more.
pub(super) async fn list(cloud: &Cloud, bus: &str, prefix: &str) -> Result<Vec<Live>> {
    let (mut rules, mut token) = (Vec::new(), None);
    loop {
        let call = cloud.eventbridge.list_rules().event_bus_name(bus).name_prefix(prefix).limit(100);
        let page = match call.set_next_token(token).send().await {
            Ok(page) => page,
            Err(error) if is_code(&error, GONE) => return Ok(rules),
            Err(error) => return Err(explain(format!("list the rules of the event bus `{bus}`"))(error)),
        };
        rules.extend(page.rules.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(rules);
        }
    }
}

/// The targets of a rule, of which there are five at the most; none when it is gone.
pub(super) async fn targets(cloud: &Cloud, (bus, rule): (&str, &str)) -> Result<Vec<Target>> {
    match cloud.eventbridge.list_targets_by_rule().event_bus_name(bus).rule(rule).send().await {
        Ok(page) => Ok(page.targets.unwrap_or_default()),
        Err(error) if is_code(&error, GONE) => Ok(Vec::new()),
        Err(error) => Err(explain(format!("list the targets of the rule `{rule}`"))(error)),
    }
}

/// Makes the rule so, then its target: both calls set everything, whatever there was.
pub(super) async fn put(cloud: &Cloud, rule: &Rule) -> Result<()> {
    let mut backoff = Backoff::propagation();
    patiently(&mut backoff, async || put_rule(cloud, rule).await).await?;
    patiently(&mut backoff, async || put_target(cloud, rule).await).await?;
    Ok(())
}

async fn put_rule(cloud: &Cloud, rule: &Rule) -> Result<Made, Refused> {
    // Of a rule that is there AWS ignores the tags.
    let call = cloud.eventbridge.put_rule().name(&rule.name).event_bus_name(&rule.bus);
    let call = call.set_tags(Some(tags_of(&rule.owner)?)).state(rule.state.as_str().into());
    match call.event_pattern(rule.pattern.to_string()).send().await {
        Ok(_) => Ok(Made::Now),
        Err(error) => Err(Refused::new(format!("put the {}", rule.key()), error, |code, _| worth_waiting(rule, code))),
    }
}

async fn put_target(cloud: &Cloud, rule: &Rule) -> Result<Made, Refused> {
    let what = || format!("put the target of the {}", rule.key());
    let wrong =
        |error: aws_sdk_eventbridge::error::BuildError| Error::failed(format!("failed to {}", what())).because(&error);
    let retry = RetryPolicy::builder().maximum_retry_attempts(rule.retries).maximum_event_age_in_seconds(rule.max_age);
    let transformer = rule.transformer.as_ref().map(|it| {
        let paths = it.paths.iter().map(|(name, path)| (name.clone(), path.clone())).collect();
        InputTransformer::builder().set_input_paths_map(Some(paths)).input_template(&it.template).build()
    });
    let target = Target::builder()
        .id(TARGET)
        .arn(&rule.target)
        .retry_policy(retry.build())
        .set_input(rule.input.clone())
        .set_input_transformer(transformer.transpose().map_err(wrong)?)
        .set_dead_letter_config(rule.dlq.as_ref().map(|arn| DeadLetterConfig::builder().arn(arn).build()))
        .build()
        .map_err(wrong)?;
    match cloud.eventbridge.put_targets().rule(&rule.name).event_bus_name(&rule.bus).targets(target).send().await {
        Ok(answer) if answer.failed_entry_count() == 0 => Ok(Made::Now),
        Ok(answer) => {
            let said = answer.failed_entries().first().and_then(|one| one.error_message()).unwrap_or("no reason given");
            Err(Error::failed(format!("failed to {}: {said}", what())).into())
        }
        Err(error) => Err(Refused::new(what(), error, |code, _| worth_waiting(rule, code))),
    }
}

/// What a refused call may be waiting for without knowing; `None` when another try would end the same.
fn worth_waiting(rule: &Rule, code: &str) -> Option<&'static str> {
    match code {
        "ConcurrentModificationException" => Some("waiting for a change of it that is in progress"),
        // A bus of the app was made a moment ago.
        "ResourceNotFoundException" if rule.bus.starts_with(&resource_prefix(&rule.owner)) => {
            Some("waiting until its event bus is known")
        }
        _ => None,
    }
}

/// Removes targets by their ids; being gone already is fine.
pub(super) async fn remove_targets(cloud: &Cloud, rule: &Rule, ids: Vec<String>) -> Result<()> {
    let what = || format!("remove the targets of the {}", rule.key());
    let call = cloud.eventbridge.remove_targets().rule(&rule.name).event_bus_name(&rule.bus);
    match call.set_ids(Some(ids)).send().await {
        Ok(answer) if answer.failed_entry_count() == 0 => Ok(()),
        Ok(answer) => {
            let said = answer.failed_entries().first().and_then(|one| one.error_message()).unwrap_or("no reason given");
            Err(Error::failed(format!("failed to {}: {said}", what())))
        }
        Err(error) if is_code(&error, GONE) => Ok(()),
        Err(error) => Err(explain(what())(error)),
    }
}

/// Removes the targets, then the rule; being gone already is fine.
pub(super) async fn delete(cloud: &Cloud, rule: &Rule) -> Result<()> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2), Duration::from_secs(30));
    loop {
        let ids: Vec<String> =
            targets(cloud, (&rule.bus, &rule.name)).await?.iter().map(|it| it.id().to_owned()).collect();
        if !ids.is_empty() {
            remove_targets(cloud, rule, ids).await?;
        }
        match cloud.eventbridge.delete_rule().name(&rule.name).event_bus_name(&rule.bus).send().await {
            Ok(_) => return Ok(()),
            Err(error) if is_code(&error, GONE) => return Ok(()),
            // "Rule can't be deleted since it has targets": it may take a moment until it has none.
            Err(error)
                if matches!(code(&error), Some("ValidationException" | "ConcurrentModificationException"))
                    && backoff.sleep().await =>
            {
                say("waiting until its targets are gone");
            }
            Err(error) => return Err(explain(format!("delete the {}", rule.key()))(error)),
        }
    }
}
