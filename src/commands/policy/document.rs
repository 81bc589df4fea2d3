//! Policy documents for people: as JSON with short lines, and as what they allow on what.

use serde_json::Value;

/// Columns of a line, where it can be broken at all.
const WIDTH: usize = 110;

/// JSON in which what fits on a line is on a line, and lists of texts fill theirs.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, 0, &mut text);
    text
}

/// `before` are the columns of the line that are taken already.
fn write(value: &Value, indent: usize, before: usize, text: &mut String) {
    let line = one_line(value);
    let (margin, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    match value {
        _ if indent > 0 && indent + before + line.len() <= WIDTH => text.push_str(&line),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let mut column = usize::MAX;
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                let item = format!("{item}{}", if index + 1 < items.len() { "," } else { "" });
                if column.saturating_add(item.len() + 1) > WIDTH {
                    text.push_str(&format!("\n{inner}{item}"));
                    column = inner.len() + item.len();
                } else {
                    text.push_str(&format!(" {item}"));
                    column += item.len() + 1;
                }
            }
            text.push_str(&format!("\n{margin}]"));
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(&format!("{}\n{inner}", if index > 0 { "," } else { "" }));
                write(item, indent + 2, 1, text);
            }
            text.push_str(&format!("\n{margin}]"));
        }
        Value::Object(members) => {
            text.push('{');
            for (index, key) in members.keys().enumerate() {
                let name = format!("\"{key}\": ");
                text.push_str(&format!("{}\n{inner}{name}", if index > 0 { "," } else { "" }));
                write(&members[key], indent + 2, name.len() + 1, text);
            }
            text.push_str(&format!("\n{margin}}}"));
        }
        _ => text.push_str(&line),
    }
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.keys().map(|key| format!("\"{key}\": {}", one_line(&members[key])));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// What a statement allows or denies on what, one call on one thing each.
pub(super) fn lines(statement: &Value) -> Vec<(String, String)> {
    let texts = |key: &str| -> Vec<String> {
        match &statement[key] {
            Value::String(text) => vec![text.clone()],
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let either = |key: &str| {
        let (plain, but) = (texts(key), texts(&format!("Not{key}")));
        plain.into_iter().chain((!but.is_empty()).then(|| format!("all but {}", but.join(", ")))).collect::<Vec<_>>()
    };
    let denied = if statement["Effect"] == "Deny" { "never " } else { "" };
    let condition = if statement["Condition"].is_null() { "" } else { " (on conditions)" };
    let resources = either("Resource");
    let lines = either("Action").into_iter().flat_map(|action| {
        let what = format!("{denied}{action}{condition}");
        resources.iter().map(move |resource| (what.clone(), resource.clone())).collect::<Vec<_>>()
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_written_in_short_lines_and_means_the_same() {
        let many: Vec<String> = (0..12).map(|index| format!("service:SomeAction{index}")).collect();
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Many", "Effect": "Allow", "Action": many, "Resource": "arn:aws:service:::thing"},
            {"Sid": "One", "Effect": "Allow", "Action": "a:B", "Resource": "*"},
        ]});
        let text = pretty(&policy);
        insta::assert_snapshot!(text, @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "Many",
              "Effect": "Allow",
              "Action": [
                "service:SomeAction0", "service:SomeAction1", "service:SomeAction2", "service:SomeAction3",
                "service:SomeAction4", "service:SomeAction5", "service:SomeAction6", "service:SomeAction7",
                "service:SomeAction8", "service:SomeAction9", "service:SomeAction10", "service:SomeAction11"
              ],
              "Resource": "arn:aws:service:::thing"
            },
            { "Sid": "One", "Effect": "Allow", "Action": "a:B", "Resource": "*" }
          ]
        }
        "#);
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(policy));
    }

    #[test]
    fn a_statement_is_said_in_lines() {
        let statement = json!({"Effect": "Deny", "NotAction": ["a:B", "a:C"], "Resource": ["x", "y"], "Condition": {}});
        assert_eq!(
            lines(&statement),
            [
                ("never all but a:B, a:C (on conditions)".to_owned(), "x".to_owned()),
                ("never all but a:B, a:C (on conditions)".to_owned(), "y".to_owned()),
            ]
        );
    }
}
