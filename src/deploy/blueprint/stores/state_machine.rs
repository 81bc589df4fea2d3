//! A state machine and the role it works as.

use serde_json::{Value, json};

use super::Store;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::permissions::filled;
use crate::deploy::blueprint::{Drawing, Place, allow, managed_arn};
use crate::deploy::kinds::{Any, Kind, Role, StateMachine, StateMachineWanted};
use crate::deploy::names::{resource_name, role_path, states_role_name};
use crate::deploy::needs::LOG_DELIVERY;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// Longest name of a state machine.
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>
const LONGEST: usize = 80;

impl Store for config::StateMachine {
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_name(owner, name, "", LONGEST);
        let arn = place.arn("states", &place.region, &format!("stateMachine:{own}"));
        Address { name: own, arn: arn.clone(), ..Address::default() }.with_variable(name, "STATE_MACHINE_ARN", &arn)
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let (owner, place) = (&drawing.owner, drawing.place);
        let own = drawing.addresses.get(name)?.name.clone();
        let definition = filled(&self.body, &drawing.addresses)?;
        let role = states_role_name(owner, name, &place.region);
        let mut statements: Vec<Value> = Vec::new();
        let called = called(&definition);
        if !called.is_empty() {
            statements.push(allow(&["lambda:InvokeFunction"], &called));
        }
        if self.log != "OFF" {
            // <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy>
            let actions = [LOG_DELIVERY, &["logs:DescribeLogGroups"]].concat();
            statements.push(json!({"Effect": "Allow", "Action": actions, "Resource": "*"}));
        }
        for statement in &self.policies {
            statements.push(filled(statement, &drawing.addresses)?);
        }
        if statements.is_empty() {
            // IAM takes no policy without a statement.
            statements.push(json!({"Sid": "CallsNothing", "Effect": "Deny", "Action": "*", "Resource": "*"}));
        }
        let path = role_path(owner, &place.region);
        let arn = place.arn("iam", "", &format!("role{path}{role}"));
        let own_arn = &drawing.addresses.get(name)?.arn;
        let managed = self.managed_policies.iter().map(|name| managed_arn(name, &place.partition));
        let role = Role {
            attached_policies: managed.collect(),
            ..Role::of_state_machine((role, path), owner.clone(), (&place.account, own_arn), &statements)
        };
        let (express, log) = (self.express, self.log.clone());
        let machine = StateMachine::wanted(owner, own, StateMachineWanted { definition, role: arn, express, log });
        Ok(vec![Any::Role(role), Any::StateMachine(machine)])
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let start: &[&str] = if self.express {
            &["states:StartExecution", "states:StartSyncExecution"]
        } else {
            &["states:StartExecution"]
        };
        if access == "start" { vec![allow(start, std::slice::from_ref(&address.arn))] } else { Vec::new() }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::StateMachine]
    }
}

/// The ARNs of the functions that a definition calls: as the resource of a task, or by `lambda:invoke`. What it finds
/// out only while it runs (`FunctionName.$`, a `JSONata` expression) has to be said in `policies`.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html>
fn called(definition: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(definition, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.get("Type").and_then(Value::as_str) == Some("Task") {
                let resource = members.get("Resource").and_then(Value::as_str).unwrap_or_default();
                let given =
                    ["Parameters", "Arguments"].iter().find_map(|key| members.get(*key)?.get("FunctionName")?.as_str());
                let by_service = resource.contains(":states:::lambda:invoke");
                let arn = if by_service { given } else { Some(resource) };
                found.extend(arn.filter(|arn| is_function(arn)).map(str::to_owned));
            }
            members.values().for_each(|member| collect(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn is_function(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(2) == Some("lambda")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_definition_calls_is_found_wherever_it_stands() {
        let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}:live");
        let definition = json!({"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": arn("a"), "Next": "B"},
            "B": {"Type": "Parallel", "Branches": [{"States": {"C": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {"FunctionName": arn("c"), "Payload.$": "$"},
            }}}]},
            "D": {"Type": "Map", "ItemProcessor": {"States": {"E": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": arn("a")},
            }}}},
            "F": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "x"}},
            "G": {"Type": "Pass", "Result": {"Resource": arn("g")}},
            "H": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName.$": "$.f"}},
        }});
        assert_eq!(called(&definition), [arn("a"), arn("c")]);
    }
}
