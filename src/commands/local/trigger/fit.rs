//! Something that a pattern lets through: values made up for an event pattern or a filter policy.
//!
//! For what cannot be made up plainly (`cidr`, `anything-but` with more than values, …) there is nothing, and the user
//! says what is sent. Whether it fits is for the service to say.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use serde_json::{Map, Value, json};

/// An object that has what the pattern asks for; `None` when nobody could guess it.
pub(super) fn object(pattern: &Value) -> Option<Value> {
    let mut made = Map::new();
    for (key, wanted) in pattern.as_object()? {
        match wanted {
            // One of these, and the first is as good as the others.
            Value::Array(ways) if key == "$or" => {
                let Value::Object(way) = object(ways.first()?)? else { return None };
                made.extend(way);
            }
            Value::Array(values) => {
                // What must not be there is left out.
                if values.iter().any(|value| value["exists"] == json!(false)) {
                    continue;
                }
                made.insert(key.clone(), values.iter().find_map(value)?);
            }
            nested => drop(made.insert(key.clone(), object(nested)?)),
        }
    }
    Some(Value::Object(made))
}

/// A value for one condition.
fn value(condition: &Value) -> Option<Value> {
    let Value::Object(how) = condition else { return Some(condition.clone()) };
    let (operator, operand) = how.iter().next()?;
    match operator.as_str() {
        "prefix" | "suffix" | "equals-ignore-case" => match operand {
            Value::Object(nested) => nested.get("equals-ignore-case").cloned(),
            text => Some(text.clone()),
        },
        "wildcard" => Some(operand.as_str()?.replace('*', "").into()),
        "exists" => Some("sample".into()),
        "anything-but" if !operand.is_object() => Some("sample".into()),
        "numeric" => number(operand.as_array()?),
        _ => None,
    }
}

/// `[">", 0, "<=", 5]`: the last bound is as near as the first one.
fn number(bounds: &[Value]) -> Option<Value> {
    let mut found = None;
    for pair in bounds.chunks(2) {
        let [operator, bound] = pair else { return None };
        let bound = bound.as_f64()?;
        // Between two bounds there may be no whole number.
        let step = if bounds.len() > 2 { 1e-6 } else { 1.0 };
        let here = match operator.as_str()? {
            "=" | ">=" | "<=" => bound,
            ">" => bound + step,
            "<" => bound - step,
            _ => return None,
        };
        found = Some(here);
    }
    #[expect(clippy::cast_possible_truncation, reason = "only where nothing is cut off")]
    found.map(|it| if it.fract() == 0.0 && it.abs() < 1e15 { json!(it as i64) } else { json!(it) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_asks_for_is_made_up() {
        let pattern = json!({
            "source": ["shop", "bar"], "detail-type": [{ "prefix": "pa" }],
            "detail": {
                "total": [{ "numeric": [">", 10] }], "share": [{ "numeric": [">=", 0, "<", 1] }], "id": [{ "exists": true }],
                "gone": [{ "exists": false }], "kind": [{ "anything-but": ["x"] }], "name": [{ "wildcard": "a*b" }],
            },
        });
        let made = json!({
            "source": "shop", "detail-type": "pa",
            "detail": { "total": 11, "share": 0.999_999, "id": "sample", "kind": "sample", "name": "ab" },
        });
        assert_eq!(object(&pattern), Some(made));
        let one_of = json!({ "$or": [{ "a": [1] }, { "b": [2] }], "c": [null] });
        assert_eq!(object(&one_of), Some(json!({ "a": 1, "c": null })));
    }

    #[test]
    fn what_nobody_could_guess_is_not() {
        for pattern in
            [json!({ "ip": [{ "cidr": "10.0.0.0/24" }] }), json!({ "a": [{ "anything-but": { "prefix": "b" } }] })]
        {
            assert_eq!(object(&pattern), None, "{pattern}");
        }
    }
}
