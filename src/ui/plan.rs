//! A plan as a person wants to read it in a terminal.

use console::{Style, style};

use super::changes::{What, cut, cut_both, details, name, remark, sign};
use crate::deploy::{Action, Change};

/// Columns of a line where nobody is known to look: a file, a log of CI.
const WIDTH: usize = 200;

/// Narrower than that a line is folded by the terminal.
const NARROWEST: usize = 60;

/// One line per change, with what differs below it. Colours are stdout's.
pub(crate) fn plan_text(changes: &[Change]) -> String {
    let columns = console::Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
    text(changes, columns.max(NARROWEST))
}

fn text(changes: &[Change], columns: usize) -> String {
    let mut text = String::new();
    let width = changes.iter().map(|change| change.kind.words().len()).max().unwrap_or(0);
    for change in changes {
        let line = format!("  {} {:width$}  {}", sign(change.action), change.kind.words(), name(change));
        text.push_str(&colour(change.action).apply_to(line).to_string());
        if let Some(remark) = remark(change, changes) {
            text.push_str(&format!("  {}", style(format!("({remark})")).dim()));
        }
        text.push('\n');
        for detail in details(change) {
            let field = detail.field;
            let left = columns.saturating_sub(8 + console::measure_text_width(&field));
            let line = match detail.what {
                What::Turns(old, new) => {
                    let (old, new) = cut_both(&old, &new, left.saturating_sub(3));
                    format!("{field}: {} {} {}", style(old).red(), style("→").dim(), style(new).green())
                }
                What::Joins(value) => format!("{field}: {}", style(format!("+ {}", cut(&value, left - 2))).green()),
                What::Leaves(value) => format!("{field}: {}", style(format!("- {}", cut(&value, left - 2))).red()),
                What::Happens(words) => format!("{field}: {words}"),
            };
            text.push_str(&format!("      {line}\n"));
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

fn colour(action: Action) -> Style {
    match action {
        Action::Keep => Style::new().dim(),
        Action::Create => Style::new().green(),
        Action::Update => Style::new().yellow(),
        Action::Delete => Style::new().red(),
    }
}
