//! Space-delimited patterns: `[ip, user, ..., status = 4* && status != 404, bytes > 1000]`.

use super::value::{Operator, Value};

#[derive(Debug)]
struct Comparison {
    operator: Operator,
    value: Value,
}

/// One field: alternatives of comparisons that must all hold. No alternatives: any text.
#[derive(Debug, Default)]
struct Field {
    any_of: Vec<Vec<Comparison>>,
}

/// The fields from the left, and, when there is an ellipsis, the ones counted from the right.
#[derive(Debug)]
pub(crate) struct Fields {
    left: Vec<Field>,
    right: Option<Vec<Field>>,
}

impl Fields {
    /// Two regular expressions are allowed per pattern.
    const MOST_REGEXES: usize = 2;

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("Invalid filter pattern: {why}");
        let inside = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .ok_or_else(|| bad("a space-delimited pattern ends with ]"))?;
        let mut fields = Self { left: Vec::new(), right: None };
        for part in split(inside) {
            let part = part.trim();
            match (part, &mut fields.right) {
                ("...", None) => fields.right = Some(Vec::new()),
                ("...", Some(_)) => return Err(bad("only one ellipsis is allowed")),
                (part, Some(right)) => right.push(Field::parse(part)?),
                (part, None) => fields.left.push(Field::parse(part)?),
            }
        }
        let regexes =
            fields.left.iter().chain(fields.right.iter().flatten()).flat_map(|field| field.any_of.iter().flatten());
        if regexes.filter(|comparison| matches!(comparison.value, Value::Regex(_))).count() > Self::MOST_REGEXES {
            return Err(bad("at most two regular expressions are allowed"));
        }
        Ok(fields)
    }

    pub(crate) fn matches(&self, message: &str) -> bool {
        let words = words(message);
        let all = |fields: &[Field], words: &[&str]| fields.iter().zip(words).all(|(field, word)| field.matches(word));
        match &self.right {
            None => words.len() == self.left.len() && all(&self.left, &words),
            Some(right) => {
                words.len() >= self.left.len() + right.len()
                    && all(&self.left, &words)
                    && all(right, &words[words.len() - right.len()..])
            }
        }
    }
}

impl Field {
    fn parse(text: &str) -> Result<Self, String> {
        let name_of = |text: &str| {
            text.find(|char: char| !(char.is_alphanumeric() || "_-.".contains(char))).unwrap_or(text.len())
        };
        if name_of(text) == text.len() {
            return Ok(Self::default());
        }
        let mut field = Self { any_of: vec![Vec::new()] };
        let mut rest = text;
        loop {
            let (name, after) = rest.split_at(name_of(rest));
            let (operator, after) = Operator::take(after.trim_start())
                .filter(|_| !name.is_empty())
                .ok_or_else(|| format!("Invalid filter pattern: cannot read the field '{text}'"))?;
            let (value, after) =
                Value::take(after.trim_start(), |char| !char.is_whitespace() && !"&|\"%,".contains(char))?;
            value.fits(operator)?;
            if let Some(all_of) = field.any_of.last_mut() {
                all_of.push(Comparison { operator, value });
            }
            let after = after.trim_start();
            if after.is_empty() {
                return Ok(field);
            }
            rest = if let Some(rest) = after.strip_prefix("&&") {
                rest.trim_start()
            } else if let Some(rest) = after.strip_prefix("||") {
                field.any_of.push(Vec::new());
                rest.trim_start()
            } else {
                return Err(format!("Invalid filter pattern: unexpected '{after}'"));
            };
        }
    }

    fn matches(&self, word: &str) -> bool {
        let holds = |all_of: &Vec<Comparison>| all_of.iter().all(|one| one.value.compare_text(one.operator, word));
        self.any_of.is_empty() || self.any_of.iter().any(holds)
    }
}

/// Splits at the commas that stand outside quotes and regular expressions.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, None);
    for (at, char) in text.char_indices() {
        match (char, inside) {
            ('"' | '%', None) => inside = Some(char),
            (char, Some(open)) if char == open => inside = None,
            (',', None) => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Words of a message: `"…"` and `[…]` hold one field together and are not part of it.
fn words(message: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = message.trim_start();
    while !rest.is_empty() {
        let close = match rest.as_bytes()[0] {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        };
        let (word, after) = match close.and_then(|close| rest[1..].split_once(close)) {
            Some(whole) => whole,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}
