//! How an error looks: what failed, where in the file, why, and what to do.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet as Picture};
use console::style;
use serde_json::{Value, json};

use crate::error::{Error, Kind, Snippet};

/// For people. `flags` are those this run was called with; see [`complete`].
pub(super) fn text(error: &Error, flags: &str) -> String {
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
        text.push_str(&format!("{} {}\n", style("hint:").for_stderr().cyan().bold(), complete(hint, flags)));
    }
    text
}

/// Adds the flags to each command in a hint, so that it does what it says when it is copied:
/// `rzap undeploy dev --yes` after a `--local` run would otherwise go to AWS.
fn complete(hint: &str, flags: &str) -> String {
    let verbs = [
        "deploy", "update", "rollback", "status", "invoke", "exec", "manage", "tail", "errors", "undeploy", "package",
        "validate",
    ];
    let is_command = |text: &str| {
        let verb = text.strip_prefix("rzap ").and_then(|rest| rest.split(' ').next());
        verb.is_some_and(|verb| verbs.contains(&verb))
    };
    let parts: Vec<String> = hint
        .split('`')
        .enumerate()
        .map(
            |(index, part)| if index % 2 == 1 && is_command(part) { format!("{part}{flags}") } else { part.to_owned() },
        )
        .collect();
    parts.join("`")
}

/// For programs.
pub(super) fn json(error: &Error, flags: &str) -> Value {
    let kind = match error.kind {
        Kind::Failed | Kind::Exit(_) => "failed",
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
    let mut document = json!({"error": {
        "kind": kind,
        "message": error.message,
        "causes": error.causes,
        "places": places,
        "hints": error.hints.iter().map(|hint| complete(hint, flags)).collect::<Vec<_>>(),
    }});
    if let Some(details) = &error.details {
        document["error"]["details"] = details.as_ref().clone();
    }
    document
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

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn a_command_in_a_hint_goes_where_this_one_went() {
        assert_eq!(complete("run `rzap deploy dev` first", " --local"), "run `rzap deploy dev --local` first");
        assert_eq!(complete("add `region: x` or `rzap init`", " --local"), "add `region: x` or `rzap init`");
        assert_eq!(complete("`rzap tail dev` or `rzap status dev`", ""), "`rzap tail dev` or `rzap status dev`");
    }
}
