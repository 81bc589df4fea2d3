//! A plan as a person wants to read it.

use console::{Style, style};
use serde_json::Value;

use super::table::short_name;
use crate::deploy::{Action, Change, Difference};

/// One line per change, with what differs below it. Colours are stdout's.
pub(crate) fn plan_text(changes: &[Change]) -> String {
    let mut text = String::new();
    let width = changes.iter().map(|change| change.kind.words().len()).max().unwrap_or(0);
    for change in changes {
        let (sign, colour) = sign(change.action);
        let line = format!("  {sign} {:width$}  {}", change.kind.words(), short_name(&change.name));
        text.push_str(&format!("{}\n", colour.apply_to(line)));
        for difference in &change.differences {
            text.push_str(&format!("      {}\n", one(difference)));
        }
    }
    text
}

/// `2 to create, 1 to update`
pub(crate) fn summary(changes: &[Change], words: [&str; 3]) -> String {
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let parts = [Action::Create, Action::Update, Action::Delete].map(count).into_iter().zip(words);
    let parts: Vec<String> =
        parts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    parts.join(", ")
}

fn sign(action: Action) -> (&'static str, Style) {
    match action {
        Action::Keep => ("=", Style::new().dim()),
        Action::Create => ("+", Style::new().green()),
        Action::Update => ("~", Style::new().yellow()),
        Action::Delete => ("-", Style::new().red()),
    }
}

fn one(difference: &Difference) -> String {
    let field = &difference.field;
    if difference.hidden {
        return format!("{field}: {}", style("changed (value not shown)").dim());
    }
    format!("{field}: {} {} {}", short(&difference.old), style("→").dim(), short(&difference.new))
}

/// One line of a value.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    console::truncate_str(&text, 160, "…").into_owned()
}
