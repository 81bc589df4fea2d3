//! What of a config the local cloud does not have, and a stage without it.
//!
//! Such a stage runs there all the same: its functions find neither the variables nor the permissions that speak of
//! what is missing. Whoever leaves something out has to say so.

use serde_json::Value;

use super::StageConfig;
use super::reference::{self, STACK};
use super::resources::ResourceConfig;
use super::triggers::Trigger;

impl ResourceConfig {
    /// Whether the local cloud has the service behind it.
    fn is_local(&self) -> bool {
        match self {
            Self::StateMachine(_) | Self::UserPool(_) => false,
            Self::Alarm(_)
            | Self::Bucket(_)
            | Self::EventBus(_)
            | Self::LogAlarm(_)
            | Self::Parameter(_)
            | Self::Queue(_)
            | Self::Secret(_)
            | Self::Table(_)
            | Self::Topic(_) => true,
        }
    }
}

impl StageConfig {
    /// The stage with nothing in it that the local cloud does not have; `left_out` says what that was.
    #[must_use]
    pub(crate) fn for_local_cloud(mut self) -> Self {
        let missing: Vec<String> =
            self.resources.iter().filter(|(_, it)| !it.is_local()).map(|(name, _)| name.clone()).collect();
        self.resources.retain(|name, _| !missing.contains(name));
        self.left_out = missing.iter().map(|name| format!("resources.{name}")).collect();
        self.left_out.extend(self.cloudformation.take().map(|_| "cloudformation".to_owned()));
        for function in self.functions.values_mut() {
            let before = function.triggers.len();
            function.triggers.retain(|trigger| !matches!(trigger, Trigger::Cognito(_)));
            if function.triggers.len() < before {
                self.left_out.push(format!("functions.{}.triggers.cognito", function.name));
            }
        }
        let is_gone = |name: &str| name == STACK || missing.iter().any(|gone| gone == name);
        for function in self.functions.values_mut() {
            function.uses.retain(|name, _| !is_gone(name));
            function.env.retain(|_, value| !reference::parts(value).iter().any(|(name, _)| is_gone(name)));
            function.policies.retain(|policy| !speaks_of(policy, &is_gone));
        }
        self
    }
}

fn speaks_of(value: &Value, is_gone: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => reference::parts(text).iter().any(|(name, _)| is_gone(name)),
        Value::Array(items) => items.iter().any(|item| speaks_of(item, is_gone)),
        Value::Object(members) => members.values().any(|member| speaks_of(member, is_gone)),
        _ => false,
    }
}
