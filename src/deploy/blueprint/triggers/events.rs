//! Events of a bus: one rule for each trigger, with the function's alias as its only target.

use sha2::{Digest as _, Sha256};

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::{EventsTrigger, Source};
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, Kind, Rule, Sender};
use crate::deploy::names::{DEFAULT_BUS, rule_name};
use crate::error::{Error, Result};

impl Wakes for EventsTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let name = name(self, function, drawing);
        let target = (drawing.alias(function), self.dlq.as_ref().map(|dlq| drawing.addresses.arn(dlq)).transpose()?);
        Ok(vec![Any::Rule(Rule::of_trigger(&drawing.owner, (bus(self, drawing)?, name), self, target))])
    }

    /// `EventBridge` itself sends what it could not deliver, in the name of the rule. The policy of a queue by its ARN
    /// is not ours to change.
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
    fn sends(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<(String, Sender)>> {
        let Some(Source::Own(queue)) = &self.dlq else { return Ok(Vec::new()) };
        let (bus, name) = (bus(self, drawing)?, name(self, function, drawing));
        let path = if bus == DEFAULT_BUS { name } else { format!("{bus}/{name}") };
        let source = drawing.place.arn("events", &drawing.place.region, &format!("rule/{path}"));
        Ok(vec![(queue.clone(), Sender { service: "events.amazonaws.com".to_owned(), source })])
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Rule]
    }
}

/// The name of the rule.
fn name(trigger: &EventsTrigger, function: &FunctionConfig, drawing: &Drawing<'_>) -> String {
    let own = trigger.name.clone().unwrap_or_else(|| digest(trigger));
    rule_name(&drawing.owner, &function.name, &own)
}

/// The name of the bus that the rule is on.
fn bus(trigger: &EventsTrigger, drawing: &Drawing<'_>) -> Result<String> {
    let Some(bus) = &trigger.bus else { return Ok(DEFAULT_BUS.to_owned()) };
    let arn = match bus {
        Source::Own(name) => return Ok(drawing.addresses.get(name)?.name.clone()),
        Source::Arn(arn) => arn,
    };
    // A rule lies beside its bus, and its target in the same account and region.
    // <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html>
    let here = drawing.place.arn("events", &drawing.place.region, "event-bus/");
    arn.strip_prefix(&here).map(str::to_owned).ok_or_else(|| {
        Error::usage(format!("a rule cannot be made on {arn}: it lies in another account or region"))
            .hint("let a rule there send the events to a bus of this account, and name that one")
    })
}

/// What a rule without a name is told from the function's others on the same bus by: what it matches.
fn digest(trigger: &EventsTrigger) -> String {
    hex::encode(&Sha256::digest(trigger.pattern.to_string())[..4])
}
