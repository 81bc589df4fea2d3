//! A plan as a comment of a pull request: GitHub-flavoured Markdown, which GitLab and others read, too.
//!
//! Everything that comes from a config or a cloud stands in a fenced block, where no markup means anything
//! but the fence itself; that one is longer than any row of backticks in the block.
//! <https://github.github.com/gfm/#fenced-code-blocks>

use super::changes::{What, cut, details, losses, name, plain, remark, sign};
use crate::deploy::{Action, Change};

/// Lines of a plan that are shown at once; what is longer is folded, below a list of the resources.
const OPEN: usize = 40;

/// Columns of a value.
const WIDTH: usize = 200;

/// Bytes of a block; there are at most two. "body is too long (maximum is 65536 characters)":
/// <https://github.com/danger/danger/issues/424>
const MOST: usize = 30_000;

/// A heading and what changes; ends with a line end. `title` is rzap's own words, `note` follows the plan.
pub(crate) fn plan_markdown((app, stage): (&str, &str), title: &str, changes: &[Change], note: &str) -> String {
    let mut text = format!("### {} {}: {title}\n", code(app), code(stage));
    let width = changes.iter().map(|change| change.kind.words().len()).max().unwrap_or(0);
    let heads: Vec<String> = changes.iter().map(|change| head(change, changes, width)).collect();
    let mut all = Vec::new();
    for (head, change) in heads.iter().zip(changes) {
        all.push(head.clone());
        all.extend(lines(change));
    }
    if all.len() > OPEN {
        text.push_str(&format!("\n{}", block(&heads)));
        if all.len() > heads.len() {
            text.push_str("\n<details>\n<summary>what changes in them</summary>\n\n");
            text.push_str(&format!("{}\n</details>\n", block(&all)));
        }
    } else if !all.is_empty() {
        text.push_str(&format!("\n{}", block(&all)));
    }
    if !note.is_empty() {
        let lines: Vec<String> = note.lines().map(|line| format!("# {}", plain(line))).collect();
        text.push_str(&format!("\n{}", block(&lines)));
    }
    text
}

/// `+ function  shop-dev-web`. The first letter is what colours the line; `!` is a change.
fn head(change: &Change, all: &[Change], width: usize) -> String {
    let sign = sign(change.action).replace(['~', '±'], "!").replace('=', "#");
    let line = format!("{sign} {:width$}  {}", change.kind.words(), name(change));
    remark(change, all).map_or_else(|| line.clone(), |remark| format!("{line}  ({remark})"))
}

fn lines(change: &Change) -> Vec<String> {
    let mut lines: Vec<String> = losses(change)
        .into_iter()
        .map(|loss| format!("{}     {loss}", if change.action == Action::Keep { '#' } else { '-' }))
        .collect();
    for detail in details(change) {
        let field = detail.field;
        let marks = if detail.marks.is_empty() { String::new() } else { format!("  ({})", detail.marks.join(", ")) };
        match detail.what {
            What::Turns(old, new) => {
                lines.push(format!("-     {field}: {}", cut(&old, WIDTH)));
                lines.push(format!("+     {field}: {}{marks}", cut(&new, WIDTH)));
            }
            What::Joins(value) => lines.push(format!("+     {field}: {}{marks}", cut(&value, WIDTH))),
            What::Leaves(value) => lines.push(format!("-     {field}: {}{marks}", cut(&value, WIDTH))),
            What::Happens(words) => lines.push(format!("!     {field}: {words}{marks}")),
        }
    }
    lines
}

/// A fenced block in the colours of a diff.
fn block(lines: &[String]) -> String {
    let mut body = String::new();
    for (at, line) in lines.iter().enumerate() {
        if body.len() + line.len() > MOST {
            body.push_str(&format!("# … and {} more lines: `rzap deploy --dry-run` shows all\n", lines.len() - at));
            break;
        }
        body.push_str(&format!("{line}\n"));
    }
    let fence = "`".repeat(3.max(longest_row(&body) + 1));
    format!("{fence}diff\n{body}{fence}\n")
}

/// The most backticks in a row.
fn longest_row(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

/// A word in code letters.
fn code(word: &str) -> String {
    let word = plain(word).replace('`', "'");
    format!("`{word}`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::deploy::{Difference, Key, Kind};

    fn update(name: &str, differences: &[(&str, &str, &str)]) -> Change {
        let difference = |(field, old, new): &(&str, &str, &str)| Difference::new(*field, json!(old), json!(new));
        let differences = differences.iter().map(difference).collect();
        Change { differences, ..Change::new(Action::Update, Key::new(Kind::Function, name)) }
    }

    #[test]
    fn no_value_leaves_its_block() {
        let hostile = "a\n`````\n</details>\r\n# | **x** \u{1b}[31m @everyone \u{202e}";
        let text = plan_markdown(
            ("shop", "dev"),
            "1 to update",
            &[update(hostile, &[(hostile, hostile, &format!("{hostile}2"))])],
            hostile,
        );
        insta::assert_snapshot!(text, @r"
        ### `shop` `dev`: 1 to update

        ``````diff
        ! function  a\n`````\n</details>\r\n# | **x** \u{1b}[31m @everyone \u{202e}
        -     a\n`````\n</details>\r\n# | **x** \u{1b}[31m @everyone \u{202e}: a\n`````\n</details>\r\n# | **x** \u{1b}[31m @everyone \u{202e}
        +     a\n`````\n</details>\r\n# | **x** \u{1b}[31m @everyone \u{202e}: a\n`````\n</details>\r\n# | **x** \u{1b}[31m @everyone \u{202e}2
        ``````

        ``````diff
        # a
        # `````
        # </details>
        # # | **x** \u{1b}[31m @everyone \u{202e}
        ``````
        ");
    }

    #[test]
    fn what_is_long_is_folded_below_its_headlines_and_fits_a_comment() {
        let few = |name: &str| update(name, &[("a", "1", "2"), ("b", "1", "2"), ("c", "1", "2")]);
        let names: Vec<String> = (1..=6).map(|number| format!("shop-dev-{number}")).collect();
        let changes: Vec<Change> = names.iter().map(|name| few(name)).collect();
        let text = plan_markdown(("shop", "dev"), "6 to update", &changes, "");
        assert_eq!(text.matches("! function  shop-dev-1\n").count(), 2, "{text}");
        assert!(text.contains("```\n\n<details>\n<summary>what changes in them</summary>\n\n```diff\n"), "{text}");
        assert!(text.ends_with("```\n\n</details>\n"), "{text}");

        let long = "x".repeat(5_000);
        let many: Vec<Change> = (0..2_000).map(|_| update("shop-dev-web", &[("description", &long, "")])).collect();
        let text = plan_markdown(("shop", "dev"), "2000 to update", &many, "");
        assert!(
            text.chars().count() < 65_536 && text.matches("more lines: `rzap deploy --dry-run` shows all").count() == 2
        );
    }
}
