//! How an error looks: what failed, where in the file, why, and what to do.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet as Picture};
use console::style;
use serde_json::{Value, json};

use crate::error::{Error, Kind, Snippet};

/// For people.
pub(super) fn text(error: &Error) -> String {
    let mut text = format!("{} {}\n", style("error:").for_stderr().red().bold(), error.message);
    for cause in &error.causes {
        for (index, line) in cause.lines().enumerate() {
            let lead = if index == 0 { "  cause: " } else { "         " };
            text.push_str(&format!("{}{line}\n", style(lead).for_stderr().dim()));
        }
    }
    for snippet in &error.snippets {
        text.push('\n');
        text.push_str(&picture(snippet));
        text.push('\n');
    }
    if !error.snippets.is_empty() && !error.hints.is_empty() {
        text.push('\n');
    }
    for hint in &error.hints {
        text.push_str(&format!("{} {hint}\n", style("hint:").for_stderr().cyan().bold()));
    }
    text
}

/// For programs.
pub(super) fn json(error: &Error) -> Value {
    let kind = match error.kind {
        Kind::Failed => "failed",
        Kind::Usage => "usage",
        Kind::Pending => "pending",
        Kind::Access => "access",
        Kind::Interrupted => "interrupted",
    };
    let places: Vec<Value> = error
        .snippets
        .iter()
        .map(|snippet| {
            let before = snippet.source.get(..snippet.span.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            json!({"path": snippet.path, "line": line, "column": column, "message": snippet.title, "label": snippet.label})
        })
        .collect();
    json!({"error": {
        "kind": kind,
        "message": error.message,
        "causes": error.causes,
        "places": places,
        "hints": error.hints,
    }})
}

fn picture(snippet: &Snippet) -> String {
    let path = snippet.path.to_string_lossy();
    let annotation = AnnotationKind::Primary.span(snippet.span.clone());
    let annotation = if snippet.label.is_empty() { annotation } else { annotation.label(snippet.label.as_str()) };
    let group = Level::ERROR
        .primary_title(snippet.title.as_str())
        .element(Picture::source(snippet.source.as_str()).path(path.as_ref()).annotation(annotation));
    let renderer = if console::colors_enabled_stderr() { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}
