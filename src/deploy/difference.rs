//! Two states of a resource compared, field by field. Pure.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::change::{Action, is_false};
use super::late;

/// One managed field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and a key of the plan's JSON")]
pub(crate) struct Difference {
    /// `memory`, `env.LOG_LEVEL`, `policy.Statement[0].Action`.
    pub(crate) field: String,
    /// As it is; null when it is not there or must not be shown.
    pub(crate) old: Value,
    /// As it should be; likewise.
    pub(crate) new: Value,
    /// The values are not shown because they may be secret.
    pub(crate) hidden: bool,
    /// It is not what the last release deployed: somebody changed it. False where nobody can know.
    pub(crate) by_hand: bool,
    /// It cannot be changed in place.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) forces_replacement: bool,
    /// What happens to a hidden value, which its values do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<Action>,
    /// The new value is known only when something else of the same deploy stands; see `late`.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) later: bool,
}

impl Difference {
    pub(crate) fn new(field: impl Into<String>, old: Value, new: Value) -> Self {
        let later = late::is_in(&new);
        let new = late::readable(new);
        let (hidden, by_hand, forces_replacement) = (false, false, false);
        Self { field: field.into(), old, new, hidden, by_hand, forces_replacement, change: None, later }
    }
}

/// Field by field. Objects are walked, lists of objects element by element; of other lists it says what
/// was added and what is gone.
pub(super) fn compare(old: &Value, new: &Value) -> Vec<Difference> {
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
        // The values of environment variables, of a template's parameters, of parameters and secrets are where secrets
        // live: names are enough to act on.
        let hidden =
            path == "value" || ["env", "parameters"].iter().any(|secret| path.split('.').next() == Some(secret));
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
        out.push(Difference { hidden, change: Some(change), later: late::is_in(new), ..none });
    }
}

/// Statements of a policy, each compared with the one it was: that of the same id, or that allows the same
/// or for the same things. Their order means nothing.
fn statements(path: &str, left: &[Value], right: &[Value], out: &mut Vec<Difference>) {
    let mut gone: Vec<(usize, &Value)> = left.iter().enumerate().collect();
    let mut added: Vec<(usize, &Value)> = right.iter().enumerate().collect();
    let mut pairs = Vec::new();
    // Each rule only for what the ones before it have left.
    for keys in [&[][..], &["Sid"], &["Sid", "Effect", "Action"], &["Sid", "Effect", "Resource"]] {
        let is_pair = |a: &Value, b: &Value| match keys {
            [] => a == b,
            ["Sid"] => a["Sid"].is_string() && a["Sid"] == b["Sid"],
            _ => keys.iter().all(|key| a[*key] == b[*key]),
        };
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
