//! A plan as a person wants to read it in a terminal.

use console::Style;

use super::changes::{Detail, What, cut, cut_both, details, losses, name, remark, sign};
use crate::deploy::{Action, Change};

/// Columns of a line where nobody is known to look: a file, a log of CI.
const WIDTH: usize = 200;

/// Narrower than that a line is folded by the terminal.
const NARROWEST: usize = 60;

/// Where a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

impl Stream {
    fn paint(self, style: &Style, text: impl std::fmt::Display) -> String {
        let text = style.apply_to(text);
        match self {
            Self::Out => text.to_string(),
            Self::Err => text.for_stderr().to_string(),
        }
    }

    fn columns(self) -> usize {
        let terminal = match self {
            Self::Out => console::Term::stdout(),
            Self::Err => console::Term::stderr(),
        };
        terminal.size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns)).max(NARROWEST)
    }
}

/// One line per change, with what differs below it: for stdout.
pub(crate) fn plan_text(changes: &[Change]) -> String {
    text(changes, Stream::Out)
}

/// The same for stderr.
pub(crate) fn plan_talk(changes: &[Change]) -> String {
    text(changes, Stream::Err)
}

fn text(changes: &[Change], stream: Stream) -> String {
    let mut text = String::new();
    let width = changes.iter().map(|change| change.kind.words().len()).max().unwrap_or(0);
    let dim = Style::new().dim();
    for change in changes {
        let line = format!("  {} {:width$}  {}", sign(change.action), change.kind.words(), name(change));
        text.push_str(&stream.paint(&colour(change.action), line));
        if let Some(remark) = remark(change, changes) {
            text.push_str(&format!("  {}", stream.paint(&dim, format!("({remark})"))));
        }
        text.push('\n');
        for loss in losses(change) {
            let style = if change.action == Action::Keep { Style::new().dim() } else { Style::new().red().bold() };
            for line in folded(&loss, stream.columns().saturating_sub(8)) {
                text.push_str(&format!("      {}\n", stream.paint(&style, line)));
            }
        }
        for detail in details(change) {
            text.push_str(&format!("      {}\n", line_of(detail, stream)));
        }
    }
    text
}

/// Lines of at most `width` columns; nothing is cut, so a word may be longer. What follows the first is indented.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.trim().is_empty() || console::measure_text_width(line) + 1 + word.len() <= width {
            line.push_str(if line.trim().is_empty() { "" } else { " " });
            line.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines
}

fn line_of(detail: Detail, stream: Stream) -> String {
    let (red, green, dim) = (Style::new().red(), Style::new().green(), Style::new().dim());
    let Detail { field, what, marks } = detail;
    let marks = if marks.is_empty() { String::new() } else { format!("  ({})", marks.join(", ")) };
    let taken = 8 + console::measure_text_width(&field) + console::measure_text_width(&marks);
    let left = stream.columns().saturating_sub(taken);
    let line = match what {
        What::Turns(old, new) => {
            let (old, new) = cut_both(&old, &new, left.saturating_sub(3));
            format!("{} {} {}", stream.paint(&red, old), stream.paint(&dim, "→"), stream.paint(&green, new))
        }
        What::Joins(value) => stream.paint(&green, format!("+ {}", cut(&value, left.saturating_sub(2)))),
        What::Leaves(value) => stream.paint(&red, format!("- {}", cut(&value, left.saturating_sub(2)))),
        What::Happens(words) => words,
    };
    let marks = if marks.is_empty() { marks } else { stream.paint(&Style::new().magenta(), marks) };
    format!("{field}: {line}{marks}")
}

/// `2 to create, 1 to update`
pub(crate) fn summary(changes: &[Change], words: [&str; 4]) -> String {
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let parts = [Action::Create, Action::Update, Action::Replace, Action::Delete].map(count).into_iter().zip(words);
    let parts: Vec<String> =
        parts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    parts.join(", ")
}

fn colour(action: Action) -> Style {
    match action {
        Action::Keep => Style::new().dim(),
        Action::Create => Style::new().green(),
        Action::Update => Style::new().yellow(),
        Action::Replace => Style::new().magenta(),
        Action::Delete => Style::new().red(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::deploy::{Difference, Key, Kind, Loss};

    #[test]
    fn what_is_kept_says_what_it_holds_and_what_is_replaced_why() {
        let kept = Change::new(Action::Keep, Key::new(Kind::Bucket, "uploads"));
        let kept = Change { losses: vec![Loss::of_data("12 objects, 3.4 MB")], ..kept };
        let forced = Difference::new("image", json!("a"), json!("b"));
        let forced = Difference { forces_replacement: true, by_hand: true, ..forced };
        let replaced = Change::new(Action::Replace, Key::new(Kind::Function, "web"));
        let losses = vec![Loss::of_service("it answers nobody"), Loss::of_data("its table")];
        let replaced = Change { losses, differences: vec![forced], ..replaced };
        insta::assert_snapshot!(plan_text(&[replaced.clone(), kept.clone()]), @r"
          ± function         web  (deleted, then made anew)
              ! it answers nobody (needs --allow-replace)
              ! with its table (needs --delete-data)
              image: a → b  (forces the replacement, changed by hand)
          = artifact bucket  uploads  (kept: no longer in rzap.yaml)
              holds 12 objects, 3.4 MB; --delete-data deletes it
        ");
        assert_eq!(summary(&[replaced, kept], ["a", "b", "to replace", "c"]), "1 to replace");
    }

    #[test]
    fn what_is_lost_is_folded_and_not_cut() {
        let url = "https://ab12cd34ef.execute-api.eu-west-1.amazonaws.com/dev/";
        let text = format!("! {url} stops answering for good (needs --allow-replace)");
        assert_eq!(
            folded(&text, 72),
            [format!("! {url} stops"), "  answering for good (needs --allow-replace)".to_owned()]
        );
        assert_eq!(folded(&text, 200).join("|"), text);
        assert!(folded(&text, 10).contains(&format!("  {url}")));
    }
}
