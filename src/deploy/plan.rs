//! Blueprint compared with what is live: what to keep, create, update and delete. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::blueprint::Blueprint;
pub(crate) use super::change::{Action, Change};
use super::difference::{Difference, compare};
use super::guard::Terms;
use super::kinds::{Any, Kind};
use super::late;
use super::loss::{Flag, Loss};
use super::resource::{Found, Key, Orphan};
use crate::error::Result;

/// One resource with what should happen to it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// As it should be; as it is, for a deletion.
    pub(crate) resource: Any,
    pub(crate) live: Option<Any>,
    pub(crate) differences: Vec<Difference>,
    /// A release had it, and now it is missing.
    pub(crate) by_hand: bool,
    /// What it takes away.
    pub(crate) losses: Vec<Loss>,
}

impl Step {
    pub(crate) fn key(&self) -> Key {
        self.resource.key()
    }

    /// What was there and is still, while the step is carried out.
    pub(crate) fn standing(&self) -> Option<&Any> {
        self.live.as_ref().filter(|_| self.action != Action::Replace)
    }
}

/// Everything that would be done. Making one changes nothing.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What must stand first comes first; deletions come last, in the order they will happen.
    pub(crate) steps: Vec<Step>,
    /// What is not in the config any more but holds data, and so stays until somebody allows its end.
    pub(crate) kept: Vec<Change>,
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
                let mut differences = step.differences.clone();
                differences.extend(self.code_size(step));
                let (by_hand, losses) = (step.by_hand, step.losses.clone());
                Change { by_hand, differences, losses, ..Change::new(step.action, step.key()) }
            })
            .collect()
    }

    /// The resources as they should be.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Any> {
        self.steps.iter().filter(|step| step.action != Action::Delete).map(|step| &step.resource)
    }

    /// What it changes, makes or deletes.
    pub(crate) fn touched(&self) -> impl Iterator<Item = Key> {
        self.steps.iter().filter(|step| step.action != Action::Keep).map(Step::key)
    }

    /// What must be done before a step that is no deletion. A replacement deletes something: it waits for all that
    /// does not, directly or not, wait for one.
    pub(crate) fn waits_for(&self, step: &Step) -> Vec<Key> {
        let after = step.resource.after();
        if step.action != Action::Replace {
            return after;
        }
        let replaced = self.steps.iter().filter(|step| step.action == Action::Replace);
        let mut later: BTreeSet<Key> = replaced.map(Step::key).collect();
        loop {
            let waits = |step: &&Step| step.resource.after().iter().any(|key| later.contains(key));
            let more: Vec<Key> = self.steps.iter().filter(waits).map(Step::key).collect();
            let known = later.len();
            later.extend(more);
            if later.len() == known {
                break;
            }
        }
        let first = self.steps.iter().filter(|step| step.action != Action::Delete).map(Step::key);
        after.into_iter().chain(first.filter(|key| !later.contains(key))).collect()
    }

    /// How many resources stay as they are.
    pub(crate) fn unchanged(&self) -> usize {
        self.steps.iter().filter(|step| step.action == Action::Keep).count()
    }

    /// The bytes of a function's zip before and after, where its code changes: nothing to act on, but good to
    /// know.
    fn code_size(&self, step: &Step) -> Option<Difference> {
        let code = step.differences.iter().find(|difference| difference.field == "code_sha256")?;
        let (Any::Function(function), Some(Any::Function(live))) = (&step.resource, &step.live) else { return None };
        let direct = function.direct.as_ref().map(|(_, size)| *size);
        let new = direct.or_else(|| {
            self.steps.iter().find_map(|step| match &step.resource {
                Any::Artifact(artifact) if artifact.object == function.artifact.1 => Some(artifact.size),
                _ => None,
            })
        })?;
        let size = Difference::new("code_size", json!(live.decided.code_size), json!(new));
        Some(Difference { by_hand: code.by_hand, ..size })
    }
}

/// [`plan_on`] the terms of somebody who allows nothing and remembers nothing.
pub(crate) fn plan(blueprint: &Blueprint, found: &Found<Any>) -> Result<Plan> {
    plan_on(blueprint, found, &Terms::default())
}

/// Compares what should be with what is.
///
/// # Errors
/// A name we need is taken by something rzap did not make.
pub(crate) fn plan_on(blueprint: &Blueprint, found: &Found<Any>, terms: &Terms<'_>) -> Result<Plan> {
    let foreign: BTreeSet<&Key> = found.foreign.iter().collect();
    let mut live: BTreeMap<Key, &Any> = found.ours.iter().map(|any| (any.key(), any)).collect();
    let replaced: Vec<Key> = blueprint
        .resources
        .iter()
        .map(|resource| (resource.key(), resource))
        .filter(|(key, resource)| live.get(key).is_some_and(|live| resource.replacement(live).is_some()))
        .map(|(key, _)| key)
        .collect();
    let known = late::standing(blueprint, found);
    let mut steps = Vec::new();
    for resource in &blueprint.resources {
        let settled = late::settle(resource, &known)?;
        let resource = settled.as_ref().unwrap_or(resource);
        let key = resource.key();
        if foreign.contains(&key) {
            return Err(key.not_ours(&blueprint.owner));
        }
        steps.push(step(resource, live.remove(&key), &replaced, terms));
    }
    // An artifact is only a way to bring code to a function: Lambda keeps its own copy, and the bucket's
    // lifecycle removes old ones. One that no change of code needs is not missed.
    let brings_code = |step: &Step| {
        let code = |difference: &Difference| matches!(difference.field.as_str(), "code_sha256" | "arch");
        matches!(step.action, Action::Create | Action::Replace) || step.differences.iter().any(code)
    };
    let needed: BTreeSet<Key> =
        steps.iter().filter(|step| brings_code(step)).flat_map(|step| step.resource.after()).collect();
    steps.retain(|step| step.key().kind != Kind::Artifact || step.live.is_some() || needed.contains(&step.key()));
    let mut steps = in_order(steps);
    let orphans = live.into_values().filter(|any| any.orphan() == Orphan::Delete);
    let (mut stay, mut going): (Vec<&Any>, Vec<&Any>) = orphans.partition(|any| stays(&any.losses(), terms));
    // What stays needs what it stands on: a queue its dead-letter queue.
    loop {
        let needed: BTreeSet<Key> = stay.iter().flat_map(|any| any.after()).collect();
        let (more, rest): (Vec<&Any>, Vec<&Any>) = going.into_iter().partition(|any| needed.contains(&any.key()));
        going = rest;
        if more.is_empty() {
            break;
        }
        stay.extend(more);
    }
    steps.extend(deletions(going.into_iter().cloned().collect()));
    let kept = |any: &Any| Change { losses: any.losses(), ..Change::new(Action::Keep, any.key()) };
    Ok(Plan { steps, kept: stay.into_iter().map(kept).collect() })
}

/// Whether there is nothing to do about a live resource.
pub(super) fn same(wanted: &Any, live: &Any) -> bool {
    compare(&wanted.seen_of(live), &wanted.managed()).is_empty()
}

/// Whether something that the config does not mention any more is left where it is, because of what it holds.
pub(super) fn stays(losses: &[Loss], terms: &Terms<'_>) -> bool {
    !terms.delete_data && losses.iter().any(|loss| loss.needs == Some(Flag::DeleteData))
}

/// What happens to one resource of the blueprint.
fn step(resource: &Any, live: Option<&Any>, replaced: &[Key], terms: &Terms<'_>) -> Step {
    let (key, wanted) = (resource.key(), resource.managed());
    let of = |action, differences, losses| Step {
        action,
        resource: resource.clone(),
        live: None,
        differences,
        by_hand: false,
        losses,
    };
    let Some(found) = live else {
        // Of files a plan says how many; of anything else the name says enough.
        let some = key.kind == Kind::StaticFiles;
        let differences = if some { compare(&Value::Object(serde_json::Map::new()), &wanted) } else { Vec::new() };
        let by_hand = terms.marks(&key).is_some_and(|marks| marks.has(&key));
        return Step { by_hand, ..of(Action::Create, differences, Vec::new()) };
    };
    let seen = resource.seen_of(found);
    let standing = replaced.iter().filter(|gone| **gone != key);
    let live = standing.fold(found.clone(), Any::without);
    let mut differences = compare(&resource.seen_of(&live), &wanted);
    if differences.is_empty() {
        return Step { live: Some(live), ..of(Action::Keep, differences, Vec::new()) };
    }
    if let Some(marks) = terms.marks(&key) {
        for difference in &mut differences {
            difference.by_hand = marks.changed(&key, &difference.field, &seen, &wanted);
        }
    }
    let step = match resource.replacement(&live) {
        None => of(Action::Update, differences, resource.change_losses(&live)),
        Some(replacement) => {
            for difference in &mut differences {
                difference.forces_replacement = replacement.fields.contains(&difference.field.as_str());
            }
            of(Action::Replace, differences, replacement.losses.into_iter().chain(live.losses()).collect())
        }
    };
    Step { live: Some(live), ..step }
}

/// The plan that leaves nothing: `plan(∅)`. `keep_logs` leaves the log groups where they are.
pub(crate) fn teardown(found: &Found<Any>, keep_logs: bool) -> Plan {
    let stays = |any: &Any| any.orphan() == Orphan::Keep || (keep_logs && any.key().kind == Kind::LogGroup);
    let going = found.ours.iter().filter(|any| !stays(any)).cloned().collect();
    let mut steps = deletions(going);
    // Whoever removes a stage is asked once, for all of it; a second time for data that is not about the stage itself,
    // as its logs are.
    for step in &mut steps {
        let goes_with_it = step.resource.orphan() == Orphan::WithStage;
        let asked = |loss: &&mut Loss| goes_with_it || loss.needs != Some(Flag::DeleteData);
        step.losses.iter_mut().filter(asked).for_each(|loss| loss.needs = None);
    }
    Plan { steps, kept: Vec::new() }
}

fn deletions(going: Vec<Any>) -> Vec<Step> {
    let steps = going.into_iter().map(|resource| Step {
        action: Action::Delete,
        live: Some(resource.clone()),
        losses: resource.losses(),
        resource,
        differences: Vec::new(),
        by_hand: false,
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

    /// All of an API leads to this function.
    fn to(function: &str) -> BTreeMap<String, String> {
        [("ANY /".to_owned(), function.to_owned())].into()
    }

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
        let wanted = Any::Api(Api::wanted(&owner(), to("f"), false));
        let mut second = Api::wanted(&owner(), to("f"), false);
        (second.duplicate, second.name) = (true, "guestbook-dev (x2)".into());
        let plan = plan(&draw(vec![wanted.clone()]), &Found::ours(vec![wanted, Any::Api(second)])).expect("a plan");
        assert_eq!(
            actions(&plan),
            [(Action::Keep, "guestbook-dev".into()), (Action::Delete, "guestbook-dev (x2)".into())]
        );
    }

    #[test]
    fn a_front_that_replaces_another_comes_first_and_what_it_replaces_goes_last() {
        let (rest, http) =
            (Any::Api(Api::wanted(&owner(), to("f"), false)), Any::HttpApi(HttpApi::wanted(&owner(), to("f"))));
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
