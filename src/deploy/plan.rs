//! Blueprint compared with what is live: what to keep, create, update and delete. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::blueprint::Blueprint;
use super::difference::{Difference, compare};
use super::kinds::{Any, Kind};
use super::resource::{Found, Key, Orphan};
use crate::error::Result;

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Keep,
    Create,
    Update,
    Delete,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) differences: Vec<Difference>,
}

/// One resource with what should happen to it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// As it should be; as it is, for a deletion.
    pub(crate) resource: Any,
    pub(crate) live: Option<Any>,
    pub(crate) differences: Vec<Difference>,
}

impl Step {
    pub(crate) fn key(&self) -> Key {
        self.resource.key()
    }
}

/// Everything that would be done. Making one changes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What must stand first comes first; deletions come last, in the order they will happen.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// True when everything is as it should be.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep)
    }

    /// The lines of the plan, without what is kept.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let changed = self.steps.iter().filter(|step| step.action != Action::Keep && !step.resource.stays());
        changed
            .map(|step| {
                let Key { kind, name } = step.key();
                let mut differences = step.differences.clone();
                differences.extend(self.code_size(step));
                Change { action: step.action, kind, name, differences }
            })
            .collect()
    }

    /// How many resources stay as they are.
    pub(crate) fn unchanged(&self) -> usize {
        self.steps.iter().filter(|step| step.action == Action::Keep).count()
    }

    /// The bytes of a function's zip before and after, where its code changes: nothing to act on, but good to
    /// know.
    fn code_size(&self, step: &Step) -> Option<Difference> {
        step.differences.iter().find(|difference| difference.field == "code_sha256")?;
        let (Any::Function(function), Some(Any::Function(live))) = (&step.resource, &step.live) else { return None };
        let new = self.steps.iter().find_map(|step| match &step.resource {
            Any::Artifact(artifact) if artifact.object == function.artifact.1 => Some(artifact.size),
            _ => None,
        })?;
        Some(Difference::new("code_size", json!(live.decided.code_size), json!(new)))
    }
}

/// Compares what should be with what is.
///
/// # Errors
/// A name we need is taken by something rzap did not make.
pub(crate) fn plan(blueprint: &Blueprint, found: &Found<Any>) -> Result<Plan> {
    let foreign: BTreeSet<&Key> = found.foreign.iter().collect();
    let mut live: BTreeMap<Key, &Any> = found.ours.iter().map(|any| (any.key(), any)).collect();
    let mut steps = Vec::new();
    for resource in &blueprint.resources {
        let key = resource.key();
        if foreign.contains(&key) {
            return Err(key.not_ours(&blueprint.owner));
        }
        let live = live.remove(&key).cloned();
        live.iter().try_for_each(|live| resource.check_change(live))?;
        let (action, differences) = match &live {
            // Of files a plan says how many; of anything else the name says enough.
            None if key.kind == Kind::StaticFiles => {
                (Action::Create, compare(&Value::Object(serde_json::Map::new()), &resource.managed()))
            }
            None => (Action::Create, Vec::new()),
            Some(live) => match compare(&resource.seen_of(live), &resource.managed()) {
                none if none.is_empty() => (Action::Keep, none),
                some => (Action::Update, some),
            },
        };
        steps.push(Step { action, resource: resource.clone(), live, differences });
    }
    // An artifact is only a way to bring code to a function: Lambda keeps its own copy, and the bucket's
    // lifecycle removes old ones. One that no change of code needs is not missed.
    let brings_code = |step: &Step| {
        let code = |difference: &Difference| matches!(difference.field.as_str(), "code_sha256" | "arch");
        step.action == Action::Create || step.differences.iter().any(code)
    };
    let needed: BTreeSet<Key> =
        steps.iter().filter(|step| brings_code(step)).flat_map(|step| step.resource.after()).collect();
    steps.retain(|step| step.key().kind != Kind::Artifact || step.live.is_some() || needed.contains(&step.key()));
    let mut steps = in_order(steps);
    let orphans = live.into_values().filter(|any| any.orphan() == Orphan::Delete).cloned();
    steps.extend(deletions(orphans.collect()));
    Ok(Plan { steps })
}

/// The plan that leaves nothing: `plan(∅)`. `keep_logs` leaves the log groups where they are.
pub(crate) fn teardown(found: &Found<Any>, keep_logs: bool) -> Plan {
    let stays = |any: &Any| any.orphan() == Orphan::Keep || (keep_logs && any.key().kind == Kind::LogGroup);
    let going = found.ours.iter().filter(|any| !stays(any)).cloned().collect();
    Plan { steps: deletions(going) }
}

fn deletions(going: Vec<Any>) -> Vec<Step> {
    let steps = going.into_iter().map(|resource| Step {
        action: Action::Delete,
        live: Some(resource.clone()),
        resource,
        differences: Vec::new(),
    });
    let mut steps = in_order(steps.collect());
    steps.reverse();
    steps
}

/// Sorts so that what a step waits for comes before it; otherwise by kind and name.
fn in_order(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(Step::key);
    let mut waiting: Vec<Step> = steps;
    let mut sorted: Vec<Step> = Vec::new();
    while !waiting.is_empty() {
        let pending: BTreeSet<Key> = waiting.iter().map(Step::key).collect();
        let free = |step: &Step| !step.resource.after().iter().any(|key| *key != step.key() && pending.contains(key));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
        // A circle cannot come from a blueprint; if one did, its members would keep their order.
        if ready.is_empty() {
            sorted.extend(rest);
            break;
        }
        sorted.extend(ready);
        waiting = rest;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::deploy::kinds::{Api, Artifact, Bucket, HttpApi, LogGroup};
    use crate::deploy::resource::Owner;

    fn owner() -> Owner {
        Owner { app: "guestbook".into(), stage: "dev".into() }
    }

    fn group(name: &str, days: i32) -> Any {
        Any::LogGroup(LogGroup { name: name.into(), owner: owner(), retention_days: Some(days) })
    }

    fn draw(resources: Vec<Any>) -> Blueprint {
        Blueprint { owner: owner(), resources }
    }

    fn actions(plan: &Plan) -> Vec<(Action, String)> {
        plan.steps.iter().map(|step| (step.action, step.key().name)).collect()
    }

    #[test]
    fn what_is_missing_is_created_and_what_is_equal_kept() {
        let plan =
            plan(&draw(vec![group("a", 30), group("b", 30)]), &Found::ours(vec![group("a", 30)])).expect("a plan");
        assert_eq!(actions(&plan), [(Action::Keep, "a".into()), (Action::Create, "b".into())]);
        assert!(!plan.is_empty());
    }

    #[test]
    fn a_difference_names_the_field_and_both_values() {
        let plan = plan(&draw(vec![group("a", 30)]), &Found::ours(vec![group("a", 7)])).expect("a plan");
        let difference = &plan.steps[0].differences[0];
        assert_eq!(
            (difference.field.as_str(), &difference.old, &difference.new),
            ("retention_days", &json!(7), &json!(30))
        );
    }

    #[test]
    fn logs_and_the_bucket_survive_their_functions_removal_but_not_the_stages() {
        let found = Found::ours(vec![group("a", 30), Any::Bucket(Bucket::wanted("1", "eu-west-1"))]);
        assert!(plan(&draw(vec![]), &found).expect("a plan").is_empty());
        assert_eq!(
            actions(&teardown(&found, false)),
            [(Action::Delete, "a".into()), (Action::Delete, "rzap-1-eu-west-1".into())]
        );
        assert_eq!(actions(&teardown(&found, true)), [(Action::Delete, "rzap-1-eu-west-1".into())]);
    }

    #[test]
    fn an_artifact_that_expired_is_not_missed() {
        let artifact = Artifact {
            bucket: "b".into(),
            object: "guestbook/x.zip".into(),
            size: 1,
            file: std::path::PathBuf::new(),
            shared: false,
        };
        assert!(plan(&draw(vec![Any::Artifact(artifact)]), &Found::none()).expect("a plan").is_empty());
    }

    #[test]
    fn a_second_api_falls_out_as_a_deletion() {
        let wanted = Any::Api(Api::wanted(&owner(), "f", false));
        let mut second = Api::wanted(&owner(), "f", false);
        (second.duplicate, second.name) = (true, "guestbook-dev (x2)".into());
        let plan = plan(&draw(vec![wanted.clone()]), &Found::ours(vec![wanted, Any::Api(second)])).expect("a plan");
        assert_eq!(
            actions(&plan),
            [(Action::Keep, "guestbook-dev".into()), (Action::Delete, "guestbook-dev (x2)".into())]
        );
    }

    #[test]
    fn a_front_that_replaces_another_comes_first_and_what_it_replaces_goes_last() {
        let (rest, http) = (Any::Api(Api::wanted(&owner(), "f", false)), Any::HttpApi(HttpApi::wanted(&owner(), "f")));
        for (wanted, live) in [(&http, &rest), (&rest, &http)] {
            let plan = plan(&draw(vec![wanted.clone()]), &Found::ours(vec![live.clone()])).expect("a plan");
            let steps: Vec<_> = plan.steps.iter().map(|step| (step.action, step.key().kind)).collect();
            assert_eq!(steps, [(Action::Create, wanted.key().kind), (Action::Delete, live.key().kind)]);
        }
    }

    #[test]
    fn a_name_that_is_taken_is_refused_before_anything_changes() {
        let found = Found { ours: vec![], foreign: vec![Key::new(Kind::LogGroup, "a")] };
        let error = plan(&draw(vec![group("a", 30)]), &found).expect_err("must refuse");
        assert!(error.message.contains("rzap does not touch it"), "{error}");
    }
}
