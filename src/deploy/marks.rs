//! What a release remembers of what it deployed, field by field: enough to notice a change, too little to say
//! the value.
//!
//! A plan compares what should be with what is, and the two may differ for two reasons: the config has changed,
//! or somebody changed the stage by hand. The marks tell one from the other. Of each value only 16 bits of a
//! hash are kept, also of what is no secret: nobody can read a password out of 16 bits, but one value in 65,536
//! looks like another.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::kinds::{Any, Kind};
use super::resource::Key;

/// By field (`memory`, `env.LOG_LEVEL`; a list is one field), four hexadecimal digits.
type Fields = BTreeMap<String, String>;

/// The fields of each resource, by its kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Marks(BTreeMap<String, Fields>);

impl Marks {
    /// Of what has just been made so.
    pub(crate) fn of<'a>(resources: impl IntoIterator<Item = &'a Any>) -> Self {
        let marked = resources.into_iter().filter(|any| any.is_marked());
        Self(marked.map(|any| (name(&any.key()), fields(&any.managed()))).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a release had it.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.0.contains_key(&name(key))
    }

    /// Whether somebody has changed a field of a resource since; false where nobody can know. `live` and
    /// `wanted` are the resource as it is and as it should be.
    pub(super) fn changed(&self, key: &Key, field: &str, live: &Value, wanted: &Value) -> bool {
        let Some(recorded) = self.0.get(&name(key)) else { return false };
        // Elements of a list have no marks of their own.
        let field = field.split('[').next().unwrap_or(field);
        let recorded = below(recorded, field);
        let (live, wanted) = (fields(live), fields(wanted));
        let (live, wanted) = (below(&live, field), below(&wanted, field));
        // A field that rzap did not manage then is not one that somebody added.
        let is_new = recorded.is_empty() && !wanted.is_empty() && !field.contains('.');
        !is_new && recorded != live
    }

    /// After an update of code, which says nothing of the rest of a function.
    pub(crate) fn after_update(mut self, updated: Self) -> Self {
        let is_code = |field: &str| matches!(field, "code_sha256" | "image" | "layers");
        for (name, fields) in updated.0 {
            if kind_of(&name) != Kind::Function.word() {
                self.0.insert(name, fields);
            } else if let Some(known) = self.0.get_mut(&name) {
                known.retain(|field, _| !is_code(field));
                known.extend(fields.into_iter().filter(|(field, _)| is_code(field)));
            }
        }
        self
    }

    /// Forgets these resources, which are called as a record calls them.
    pub(crate) fn forget(&mut self, resources: &BTreeSet<String>) {
        self.0.retain(|name, _| !resources.contains(name));
    }

    /// What is still known after traffic went back: which version serves, and how, is not as the last deploy left
    /// it.
    pub(super) fn after_rollback(mut self) -> Self {
        self.0.retain(|name, _| ![Kind::Api, Kind::HttpApi].iter().any(|api| kind_of(name) == api.word()));
        self.0.values_mut().for_each(|fields| fields.retain(|field, _| !matches!(field.as_str(), "serving" | "url")));
        self
    }
}

/// `function shop-dev-web`: how a record calls a resource.
pub(super) fn name(key: &Key) -> String {
    format!("{} {}", key.kind.word(), key.name)
}

fn kind_of(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

/// The field and whatever is in it.
fn below<'a>(fields: &'a Fields, field: &str) -> BTreeMap<&'a str, &'a str> {
    let is_in = |name: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    fields.iter().filter(|(name, _)| is_in(name)).map(|(name, mark)| (name.as_str(), mark.as_str())).collect()
}

fn fields(value: &Value) -> Fields {
    let mut out = Fields::new();
    walk(String::new(), value, &mut out);
    out
}

fn walk(path: String, value: &Value, out: &mut Fields) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                walk(if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, out);
            }
        }
        Value::Null => {}
        _ => {
            // With the path in it, equal values do not look equal.
            let hash = Sha256::digest(format!("{path}={}", canonical(&path, value)));
            out.insert(path, hex::encode(&hash[..2]));
        }
    }
}

/// The same text for what a comparison takes for the same: the order of keys and of a policy's statements means
/// nothing.
fn canonical(path: &str, value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, String> =
                fields.iter().map(|(key, value)| (key, canonical(key, value))).collect();
            format!("{sorted:?}")
        }
        Value::Array(list) => {
            let mut list: Vec<String> = list.iter().map(|value| canonical("", value)).collect();
            if path.ends_with("Statement") {
                list.sort();
            }
            format!("{list:?}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> Key {
        Key::new(Kind::Function, "shop-dev-web")
    }

    fn marks(value: &Value) -> Marks {
        Marks([(name(&key()), fields(value))].into())
    }

    #[test]
    fn the_config_that_changed_is_told_from_the_stage_that_was_changed() {
        let recorded = marks(&json!({"memory": 256, "env": {"A": "1", "B": "2"}, "layers": ["x"]}));
        let changed = |field: &str, live: Value, wanted: Value| recorded.changed(&key(), field, &live, &wanted);
        assert!(!changed("memory", json!({"memory": 256}), json!({"memory": 512})), "the config");
        assert!(changed("memory", json!({"memory": 512}), json!({"memory": 256})), "by hand");
        assert!(changed("memory", json!({"memory": 512}), json!({"memory": 1024})), "both");
        assert!(changed("env.A", json!({"env": {"A": "x"}}), json!({"env": {"A": "1"}})));
        assert!(changed("env.A", json!({"env": {}}), json!({"env": {"A": "1"}})), "removed by hand");
        assert!(changed("env.NEW", json!({"env": {"NEW": "x"}}), json!({"env": {}})), "added by hand");
        assert!(!changed("env.NEW", json!({"env": {}}), json!({"env": {"NEW": "x"}})), "added in the config");
        assert!(!changed("env", json!({"env": {"A": "1", "B": "2"}}), json!({})), "all of it, in the config");
        assert!(changed("layers[]", json!({"layers": ["y"]}), json!({"layers": ["x"]})));
        assert!(!changed("layers[]", json!({"layers": ["x"]}), json!({"layers": []})));
    }

    #[test]
    fn where_nobody_can_know_nobody_is_accused() {
        let recorded = marks(&json!({"memory": 256}));
        let (live, wanted) = (json!({"memory": 1, "tracing": "Off"}), json!({"memory": 2, "tracing": "On"}));
        assert!(!recorded.changed(&key(), "tracing", &live, &wanted), "not managed when it was deployed");
        assert!(!Marks::default().changed(&key(), "memory", &live, &wanted), "an older release");
        let other = Key::new(Kind::Function, "another");
        assert!(!recorded.changed(&other, "memory", &live, &wanted));
    }

    #[test]
    fn what_means_the_same_has_the_same_mark() {
        let (a, b) = (json!({"Effect": "Allow", "Action": "x"}), json!({"Effect": "Deny", "Action": ["y", "z"]}));
        let policy = |statements: Value| json!({"policy": {"Version": "2012-10-17", "Statement": statements}});
        let turned: Value = serde_json::from_str(r#"{"Action": "x", "Effect": "Allow"}"#).expect("JSON");
        assert_eq!(marks(&policy(json!([a, b]))), marks(&policy(json!([b, turned]))));
        assert_ne!(marks(&policy(json!([a, b]))), marks(&policy(json!([a]))));
        assert_ne!(marks(&json!({"layers": ["x", "y"]})), marks(&json!({"layers": ["y", "x"]})), "here it matters");
    }

    #[test]
    fn a_mark_is_sixteen_bits_and_says_nothing() {
        let marks = marks(&json!({"env": {"PASSWORD": "hunter2", "AGAIN": "hunter2"}, "memory": 256}));
        let text = serde_json::to_string(&marks).expect("JSON");
        assert!(!text.contains("hunter2") && !text.contains("256"), "{text}");
        let all = marks.0.values().flat_map(BTreeMap::values);
        assert!(all.clone().all(|mark| mark.len() == 4 && u16::from_str_radix(mark, 16).is_ok()), "{text}");
        assert_eq!(all.collect::<BTreeSet<_>>().len(), 3, "equal values do not show: {text}");
        assert_eq!(serde_json::from_str::<Marks>(&text).expect("JSON"), marks);
    }

    #[test]
    fn an_update_of_code_says_nothing_of_the_rest() {
        let before = marks(&json!({"memory": 256, "code_sha256": "a"}));
        let updated = marks(&json!({"memory": 512, "code_sha256": "b"}));
        assert_eq!(Marks::default().after_update(updated.clone()), Marks::default(), "an older release");
        let mut before = before.after_update(updated);
        assert_eq!(before, marks(&json!({"memory": 256, "code_sha256": "b"})));
        before.forget(&[name(&key())].into());
        assert!(before.is_empty());
    }

    #[test]
    fn a_rollback_leaves_what_it_did_not_touch() {
        let mut all = marks(&json!({"memory": 256, "serving": true, "url": "open"}));
        all.0.insert(name(&Key::new(Kind::HttpApi, "shop-dev")), fields(&json!({"permitted": true})));
        assert_eq!(all.after_rollback(), marks(&json!({"memory": 256})));
    }
}
