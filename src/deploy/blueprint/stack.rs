//! The `CloudFormation` stack beside the functions.
//!
//! It stands after whatever its parameters speak of, and before whatever speaks of its outputs. What does both would
//! wait for itself, and is refused.

use serde_json::Value;

use super::{Drawing, stores};
use crate::config::FunctionConfig;
use crate::config::reference::{self, FUNCTIONS, STACK};
use crate::config::resources::ResourceConfig;
use crate::deploy::kinds::{Any, Kind, Stack};
use crate::deploy::names::{bucket_name, function_name};
use crate::deploy::resource::Key;
use crate::error::{Error, Result};

/// The stack of a stage, if its config has one.
pub(super) fn of_stage(drawing: &Drawing<'_>) -> Result<Option<Any>> {
    let Some(config) = &drawing.stage.cloudformation else { return Ok(None) };
    let mut after = Vec::new();
    for (name, attribute) in config.parameters.values().flat_map(|value| reference::parts(value)) {
        after.extend(stands_on(drawing, name, attribute)?);
    }
    let parameters = config.parameters.iter();
    let parameters = parameters.map(|(name, value)| Ok((name.clone(), drawing.addresses.fill(value)?)));
    let bucket = bucket_name(&drawing.place.account, &drawing.place.region);
    let stack = Stack::wanted(&drawing.owner, config, parameters.collect::<Result<_>>()?, bucket, after);
    Ok(Some(Any::Stack(stack)))
}

/// What has to be there before a stack that is told of it.
fn stands_on(drawing: &Drawing<'_>, name: &str, attribute: &str) -> Result<Vec<Key>> {
    let stage = drawing.stage;
    let circle = |what: &str| {
        Error::usage(format!("the stack has a parameter with {what}, which waits for an output of the stack"))
            .hint("take either the reference out of `cloudformation`, or `${stack.…}` out of what it speaks of")
    };
    if name == FUNCTIONS {
        let function = attribute.trim_end_matches(".arn");
        let waits = |it: &FunctionConfig| {
            // Functions may share a role.
            (it.name == function && it.env.values().any(|value| waits(value))) || it.policies.iter().any(any_waits)
        };
        if stage.functions.values().any(waits) {
            return Err(circle(&format!("the function `{function}`")));
        }
        return Ok(vec![Key::new(Kind::Function, function_name(&drawing.owner, function))]);
    }
    let Some(resource) = stage.resources.get(name) else { return Ok(Vec::new()) };
    if let ResourceConfig::StateMachine(machine) = resource
        && (any_waits(&machine.body) || machine.policies.iter().any(any_waits))
    {
        return Err(circle(&format!("the resource `{name}`")));
    }
    Ok(stores::of(resource).wanted(name, drawing)?.iter().map(Any::key).collect())
}

fn waits(text: &str) -> bool {
    reference::parts(text).iter().any(|(name, _)| *name == STACK)
}

fn any_waits(value: &Value) -> bool {
    match value {
        Value::String(text) => waits(text),
        Value::Array(items) => items.iter().any(any_waits),
        Value::Object(members) => members.values().any(any_waits),
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Blueprint, Place, blueprint};
    use super::*;
    use crate::config;
    use crate::deploy::late;
    use crate::package::Package;

    fn draw(lines: &str) -> Result<Blueprint> {
        let folder = tempfile::tempdir().unwrap();
        let base = "app: shop\nruntime: python3.13\nresources: { jobs: queue }\nstages: { dev: {} }\n";
        let flow = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
        let files = [
            ("rzap.yaml", &*format!("{base}{lines}")),
            ("app.py", ""),
            ("t.yaml", "Resources: {}"),
            ("flow.json", flow),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let stage = config::load(folder.path(), &|_| None)?.stage(None)?;
        let packages = stage.functions.keys().map(|name| (name.clone(), Package::default())).collect();
        let (account, region, partition) = ("123456789012".into(), "eu-west-1".into(), "aws".into());
        blueprint(&stage, &packages, &Place { account, region, partition, endpoint: None })
    }

    fn after(drawn: &Blueprint, kind: Kind) -> Vec<Kind> {
        let of_kind = drawn.resources.iter().filter(|any| any.key().kind == kind);
        of_kind.flat_map(Any::after).map(|key| key.kind).collect()
    }

    #[test]
    fn it_stands_between_what_it_is_told_and_what_speaks_of_it() {
        let drawn = draw(
            "functions:\n  web: { handler: app.web, env: { TABLE: '${stack.Table}' } }\n  job: { handler: app.job }\n\
             cloudformation: { template: t.yaml, parameters: { Queue: '${resources.jobs.arn}', Job: '${functions.job.arn}' } }\n",
        )
        .unwrap();
        assert_eq!(after(&drawn, Kind::Stack), [Kind::Function, Kind::Queue, Kind::Bucket]);
        let functions = drawn.resources.iter().filter(|any| any.key().kind == Kind::Function);
        let waiting = functions.filter(|any| any.after().iter().any(|key| key.kind == Kind::Stack));
        assert_eq!(waiting.map(|any| any.key().name).collect::<Vec<_>>(), ["shop-dev-web"]);
        assert!(!after(&drawn, Kind::Role).contains(&Kind::Stack));
    }

    #[test]
    fn a_policy_waits_for_the_stack_and_is_settled_when_it_stands() {
        let drawn = draw(
            "functions:\n  web: { handler: app.web, policies: [{ Effect: Allow, Action: 'x:Y', Resource: '${stack.Arn}' }] }\n\
             cloudformation: t.yaml\n",
        )
        .unwrap();
        let role = drawn.resources.iter().find(|any| any.key().kind == Kind::Role).unwrap();
        assert!(role.after().contains(&Key::new(Kind::Stack, "shop-dev")));
        let known = |output: &str| {
            let outputs = BTreeMap::from([(output.to_owned(), "arn:x".to_owned())]);
            late::settle(role, &BTreeMap::from([("stack shop-dev".to_owned(), outputs)]))
        };
        let settled = known("Arn").unwrap().unwrap();
        assert!(settled.managed().to_string().contains("\"arn:x\"") && settled.after().is_empty());
        assert_eq!(known("Other").unwrap_err().message, "the stack `shop-dev` has no output `Arn`; it has Other");
        assert!(late::settle(&settled, &BTreeMap::new()).unwrap().is_none());
    }

    #[test]
    fn what_would_wait_for_itself_is_refused() {
        let functions = "functions:\n  web: { handler: app.web, env: { TABLE: '${stack.Table}' } }\n";
        let error = draw(&format!(
            "{functions}cloudformation: {{ template: t.yaml, parameters: {{ F: '${{functions.web.arn}}' }} }}\n"
        ));
        let message = error.unwrap_err().message;
        assert_eq!(
            message,
            "the stack has a parameter with the function `web`, which waits for an output of the stack"
        );
    }
}
