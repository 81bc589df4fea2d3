//! Lines of a log group: what a function hears of one group is one subscription, with one or two filters.

use std::collections::BTreeMap;

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::{Group, LogsTrigger, Trigger};
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, Kind, LogSubscription};
use crate::deploy::names::{function_name, log_group_name};
use crate::error::{Error, Result};

impl Wakes for LogsTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let name = function_name(&drawing.owner, &function.name);
        let group = group(self, drawing)?;
        if group == log_group_name(&name) {
            let what = format!("the function `{}` would be called for what it writes itself", function.name);
            return Err(Error::usage(what).hint("let another function hear its log"));
        }
        let mut filters = BTreeMap::new();
        for trigger in function.triggers.iter().filter_map(logs) {
            if self::group(trigger, drawing)? != group {
                continue;
            }
            // The first of them speaks for all.
            if filters.is_empty() && !std::ptr::eq(trigger, self) {
                return Ok(Vec::new());
            }
            filters.insert(filter_name(&name, trigger.name.as_deref(), filters.len()), trigger.pattern.clone());
        }
        Ok(vec![Any::LogSubscription(LogSubscription::wanted(&drawing.owner, name, group, filters))])
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::LogSubscription]
    }
}

fn logs(trigger: &Trigger) -> Option<&LogsTrigger> {
    if let Trigger::Logs(logs) = trigger { Some(logs) } else { None }
}

/// `{function}`, `{function}-{name}`, or `{function}-2` for the second one without a name: so a new pattern changes
/// the filter that is there.
fn filter_name(function: &str, name: Option<&str>, before: usize) -> String {
    match (name, before) {
        (Some(name), _) => format!("{function}-{name}"),
        (None, 0) => function.to_owned(),
        (None, before) => format!("{function}-{}", before + 1),
    }
}

/// The name of the log group.
fn group(trigger: &LogsTrigger, drawing: &Drawing<'_>) -> Result<String> {
    match &trigger.group {
        Group::Of(function) => Ok(log_group_name(&function_name(&drawing.owner, function))),
        Group::Name(name) => Ok(name.clone()),
        // "A Lambda function that belongs to the same account as the subscription filter".
        Group::Arn(arn) => {
            let here = drawing.place.arn("logs", &drawing.place.region, "log-group:");
            arn.strip_prefix(&here).map(str::to_owned).ok_or_else(|| {
                Error::usage(format!("no function here can hear {arn}: it lies in another account or region"))
            })
        }
    }
}
