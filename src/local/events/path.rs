//! Paths into an event, as far as `EventBridge` knows JSON path: members, indices of arrays, `*`.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

use serde_json::Value;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Index(usize),
    Every,
}

/// Reads `$.detail.items[0].id`; `None` when `EventBridge` would not take it.
pub(super) fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inner, after) = after.split_once(']')?;
            let quoted = inner.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
            steps.push(match (inner, quoted) {
                ("*", _) => Step::Every,
                (_, Some(name)) => Step::Member(name.to_owned()),
                (number, None) => Step::Index(number.parse().ok()?),
            });
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = &after[..end];
            let well = |each: char| each.is_alphanumeric() || "-_/:".contains(each);
            match name {
                "*" => steps.push(Step::Every),
                name if !name.is_empty() && name.chars().all(well) => steps.push(Step::Member(name.to_owned())),
                _ => return None,
            }
            rest = &after[end..];
        }
    }
    Some(steps)
}

/// What is there; several values are one array.
pub(super) fn find(event: &Value, steps: &[Step]) -> Option<Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(event.clone()) };
    match step {
        Step::Member(name) => find(event.get(name)?, rest),
        Step::Index(index) => find(event.get(index)?, rest),
        Step::Every => {
            let each: Vec<&Value> = match event {
                Value::Array(items) => items.iter().collect(),
                Value::Object(members) => members.values().collect(),
                _ => return None,
            };
            Some(each.into_iter().filter_map(|one| find(one, rest)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_where_they_say() {
        let event = json!({"detail-type": "x", "detail": {"items": [{"id": 1}, {"id": 2}], "a b": true}});
        let at = |path: &str| find(&event, &parse(path).expect("a path"));
        assert_eq!(at("$.detail-type"), Some(json!("x")));
        assert_eq!(at("$.detail.items[1].id"), Some(json!(2)));
        assert_eq!(at("$.detail.items[*].id"), Some(json!([1, 2])));
        assert_eq!(at("$.detail['a b']"), Some(json!(true)));
        assert_eq!(at("$.detail.none"), None);
        assert_eq!(at("$"), Some(event.clone()));
        for wrong in ["detail", "$detail", "$.", "$.a[x]", "$..a", "$.a b"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
