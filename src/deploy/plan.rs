//! Blueprint compared with what is live: what to keep, create, update and delete. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::blueprint::Blueprint;
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

/// One managed field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Difference {
    /// `memory`, `env.LOG_LEVEL`, `policy.Statement[0].Action`.
    pub(crate) field: String,
    /// As it is; null when it is not there or must not be shown.
    pub(crate) old: Value,
    /// As it should be; likewise.
    pub(crate) new: Value,
    /// The values are not shown because they may be secret.
    pub(crate) hidden: bool,
    /// What happens to a hidden value, which its values do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<Action>,
}

impl Difference {
    fn new(field: impl Into<String>, old: Value, new: Value) -> Self {
        Self { field: field.into(), old, new, hidden: false, change: None }
    }
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
        let changed = self.steps.iter().filter(|step| step.action != Action::Keep);
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

/// Field by field. Objects are walked, lists of objects element by element; of other lists it says what
/// was added and what is gone.
fn compare(old: &Value, new: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    walk("", old, new, &mut differences);
    differences
}

fn walk(path: &str, old: &Value, new: &Value, out: &mut Vec<Difference>) {
    if let (Value::Object(left), Value::Object(right)) = (old, new) {
        let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            walk(&path, left.get(key).unwrap_or(&Value::Null), right.get(key).unwrap_or(&Value::Null), out);
        }
    } else if let (Value::Array(left), Value::Array(right)) = (old, new) {
        if path.ends_with("Statement") && left.iter().chain(right).all(Value::is_object) {
            statements(path, left, right, out);
            return;
        }
        if left.iter().chain(right).any(Value::is_object) {
            for index in 0..left.len().max(right.len()) {
                let element = |list: &[Value]| list.get(index).cloned().unwrap_or(Value::Null);
                walk(&format!("{path}[{index}]"), &element(left), &element(right), out);
            }
            return;
        }
        let before = out.len();
        for gone in left.iter().filter(|value| !right.contains(value)) {
            walk(&format!("{path}[]"), gone, &Value::Null, out);
        }
        for added in right.iter().filter(|value| !left.contains(value)) {
            walk(&format!("{path}[]"), &Value::Null, added, out);
        }
        // The same elements in another order or number.
        if left != right && out.len() == before {
            out.push(Difference::new(path, old.clone(), new.clone()));
        }
    } else if old != new {
        // The values of environment variables are where secrets live: names are enough to act on.
        let hidden = path == "env" || path.starts_with("env.");
        if !hidden {
            out.push(Difference::new(path, old.clone(), new.clone()));
            return;
        }
        let change = match (old, new) {
            (Value::Null, _) => Action::Create,
            (_, Value::Null) => Action::Delete,
            _ => Action::Update,
        };
        let none = Difference::new(path, Value::Null, Value::Null);
        out.push(Difference { hidden, change: Some(change), ..none });
    }
}

/// Statements of a policy, each compared with the one it was: that of the same id, or that allows the same
/// or for the same things. Their order means nothing.
fn statements(path: &str, left: &[Value], right: &[Value], out: &mut Vec<Difference>) {
    let mut gone: Vec<(usize, &Value)> = left.iter().enumerate().collect();
    let mut added: Vec<(usize, &Value)> = right.iter().enumerate().collect();
    let mut pairs = Vec::new();
    let same = |keys: &[&str], a: &Value, b: &Value| keys.iter().all(|key| a[*key] == b[*key]);
    let rules: [&dyn Fn(&Value, &Value) -> bool; 4] = [
        &|a, b| a == b,
        &|a, b| a["Sid"].is_string() && same(&["Sid"], a, b),
        &|a, b| same(&["Sid", "Effect", "Action"], a, b),
        &|a, b| same(&["Sid", "Effect", "Resource"], a, b),
    ];
    for is_pair in rules {
        gone.retain(|(_, old)| match added.iter().position(|(_, new)| is_pair(old, new)) {
            Some(at) => {
                let (index, new) = added.remove(at);
                pairs.push((index, *old, new));
                false
            }
            None => true,
        });
    }
    for (index, old, new) in pairs {
        walk(&format!("{path}[{index}]"), old, new, out);
    }
    for (index, old) in gone {
        walk(&format!("{path}[{index}]"), old, &Value::Null, out);
    }
    for (index, new) in added {
        walk(&format!("{path}[{index}]"), &Value::Null, new, out);
    }
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

    #[test]
    fn of_a_list_only_what_changed_is_shown() {
        let old = json!({"Statement": [{"Action": "a", "Resource": ["x", "y"]}, {"Action": "b"}]});
        let new = json!({"Statement": [{"Action": "a", "Resource": ["x", "z"]}]});
        let fields: Vec<_> = compare(&old, &new).into_iter().map(|it| (it.field, it.old, it.new)).collect();
        assert_eq!(
            fields,
            [
                ("Statement[0].Resource[]".to_owned(), json!("y"), Value::Null),
                ("Statement[0].Resource[]".to_owned(), Value::Null, json!("z")),
                ("Statement[1]".to_owned(), json!({"Action": "b"}), Value::Null),
            ]
        );
    }

    #[test]
    fn a_statement_is_compared_with_the_one_it_was() {
        let (logs, queue) = (json!({"Sid": "Logs", "Resource": ["x"]}), json!({"Effect": "Allow", "Action": "sqs:*"}));
        let more = json!({"Sid": "Logs", "Resource": ["x", "y"]});
        let fields = |old: &[&Value], new: &[&Value]| {
            let all = compare(&json!({"Statement": old}), &json!({"Statement": new}));
            all.into_iter().map(|it| (it.field, it.old, it.new)).collect::<Vec<_>>()
        };
        assert_eq!(
            fields(&[&logs, &queue], &[&queue, &more]),
            [("Statement[1].Resource[]".to_owned(), Value::Null, json!("y"))]
        );
        assert_eq!(fields(&[&logs, &queue], &[&queue]), [("Statement[0]".to_owned(), logs.clone(), Value::Null)]);
        assert_eq!(fields(&[&logs, &queue], &[&queue, &logs]), []);
        assert_eq!(fields(&[&queue], &[&queue, &queue]), [("Statement[1]".to_owned(), Value::Null, queue.clone())]);
        let wider = json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"});
        assert_eq!(fields(&[&queue], &[&wider]), [("Statement[0].Resource".to_owned(), Value::Null, json!("*"))]);
        let other = json!({"Effect": "Deny", "Action": "sqs:*"});
        assert_eq!(fields(&[&queue], &[&other]).len(), 2);
    }

    #[test]
    fn no_difference_between_lists_is_missed() {
        let lists =
            [json!([]), json!(["x"]), json!(["x", "y"]), json!(["y", "x"]), json!(["x", "x"]), json!([{"a": 1}])];
        for (index, old) in lists.iter().enumerate() {
            for (other, new) in lists.iter().enumerate() {
                assert_eq!(compare(&json!({"l": old}), &json!({"l": new})).is_empty(), index == other, "{old} {new}");
            }
        }
    }

    #[test]
    fn values_of_environment_variables_never_reach_a_plan() {
        let differences =
            compare(&json!({"env": {"A": "old-secret"}}), &json!({"env": {"A": "new-secret", "B": "another"}}));
        let text = serde_json::to_string(&differences).expect("JSON");
        assert!(text.contains("env.A") && text.contains("env.B"));
        assert!(!text.contains("secret") && !text.contains("another"), "{text}");
    }

    #[test]
    fn an_env_that_appears_as_a_whole_is_hidden_too() {
        let differences = compare(&json!({}), &json!({"env": {"A": "secret"}}));
        assert!(!serde_json::to_string(&differences).expect("JSON").contains("secret"));
    }
}
