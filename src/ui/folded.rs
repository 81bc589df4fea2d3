//! A paragraph folded at words to the terminal's width. What goes on stands deeper; a word is never divided.

use console::measure_text_width;

/// `line` with `indent` columns before it, ended. For a file it stays one line.
pub(crate) fn folded(line: &str, indent: usize) -> String {
    let terminal = console::Term::stdout();
    let width = terminal.is_term().then(|| terminal.size_checked()).flatten().map(|(_, columns)| usize::from(columns));
    fold(line, indent, width)
}

fn fold(line: &str, indent: usize, width: Option<usize>) -> String {
    let mut text = " ".repeat(indent);
    let Some(width) = width else { return format!("{text}{line}\n") };
    let mut used = indent;
    for (at, word) in line.split(' ').enumerate() {
        let letters = measure_text_width(word);
        if at > 0 && used + 1 + letters > width {
            text.push('\n');
            text.push_str(&" ".repeat(indent + 2));
            used = indent + 2;
        } else if at > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += letters;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole() {
        assert_eq!(fold("one two three", 2, None), "  one two three\n");
        assert_eq!(fold("one two three", 2, Some(9)), "  one two\n    three\n");
        assert_eq!(fold("one two", 0, Some(3)), "one\n  two\n");
        assert_eq!(fold("", 1, Some(3)), " \n");
    }
}
