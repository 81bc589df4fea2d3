//! What a function may do: what its config grants, what it uses, what its triggers take.

use serde_json::{Value, json};

use super::addresses::Addresses;
use super::{Drawing, asynchronous, stores, triggers};
use crate::config::FunctionConfig;
use crate::config::triggers::Trigger;
use crate::error::{Error, Result};

/// A statement of a function's policy, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grant {
    /// What of the config asks for it: `uses jobs`, `trigger sqs`, `policies`.
    pub(crate) because: String,
    pub(crate) statement: Value,
}

/// The statements of a function's policy besides those for its logs: exact actions on exact ARNs.
pub(super) fn of_function(function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Grant>> {
    let mut all = Vec::new();
    for statement in &function.policies {
        all.push(Grant { because: "policies".to_owned(), statement: filled(statement, &drawing.addresses)? });
    }
    for trigger in &function.triggers {
        let because = format!("trigger {}", word(trigger));
        let statements = triggers::of(trigger).statements(drawing)?.into_iter();
        all.extend(statements.map(|statement| Grant { because: because.clone(), statement }));
    }
    for (because, statement) in asynchronous::statements(function, drawing)? {
        all.push(Grant { because: because.to_owned(), statement });
    }
    for (name, access) in &function.uses {
        let missing = || Error::failed(format!("the app has no resource `{name}`"));
        let store = stores::of(drawing.stage.resources.get(name).ok_or_else(missing)?);
        let statements = store.statements(drawing.addresses.get(name)?, access).into_iter();
        all.extend(statements.map(|statement| Grant { because: format!("uses {name}"), statement }));
    }
    Ok(all)
}

/// The word of the config for a kind of trigger: that is how it is written.
fn word(trigger: &Trigger) -> String {
    let written = serde_json::to_value(trigger).unwrap_or_default();
    written.as_object().and_then(|map| map.keys().next()).cloned().unwrap_or_default()
}

/// A statement.
pub(super) fn allow(actions: &[&str], resources: &[String]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

/// A statement of the config with every `${resources.…}` put in.
pub(super) fn filled(statement: &Value, addresses: &Addresses) -> Result<Value> {
    Ok(match statement {
        Value::String(text) => Value::String(addresses.fill(text)?),
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, addresses)).collect::<Result<_>>()?),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), filled(value, addresses)?)));
            Value::Object(members.collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}
