//! What a function may do: what its config grants, what it uses, what its triggers take.

use serde_json::{Value, json};

use super::addresses::Addresses;
use super::{Drawing, stores, triggers};
use crate::config::FunctionConfig;
use crate::error::{Error, Result};

/// The statements of a function's policy besides those for its logs: exact actions on exact ARNs, each once.
pub(super) fn of_function(function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for statement in &function.policies {
        all.push(filled(statement, &drawing.addresses)?);
    }
    for trigger in &function.triggers {
        all.extend(triggers::of(trigger).statements(drawing)?);
    }
    for (name, access) in &function.uses {
        let missing = || Error::failed(format!("the app has no resource `{name}`"));
        let store = stores::of(drawing.stage.resources.get(name).ok_or_else(missing)?);
        all.extend(store.statements(drawing.addresses.get(name)?, access));
    }
    // Two triggers of one queue, or a trigger and a use, may say the same.
    let mut once: Vec<Value> = Vec::new();
    for statement in all {
        if !once.contains(&statement) {
            once.push(statement);
        }
    }
    Ok(once)
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
