//! What a field is compared with: a number, a text with `*` wildcards, or a `%regular expression%`.

use regex::Regex;

use super::terms::regex;

/// A comparison operator of field and JSON patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Takes the operator at the start of `text`.
    pub(crate) fn take(text: &str) -> Option<(Self, &str)> {
        // Longer spellings first.
        [
            ("!=", Self::NotEqual),
            ("<=", Self::LessOrEqual),
            (">=", Self::GreaterOrEqual),
            ("=", Self::Equal),
            ("<", Self::Less),
            (">", Self::Greater),
        ]
        .into_iter()
        .find_map(|(sign, operator)| text.strip_prefix(sign).map(|rest| (operator, rest)))
    }

    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// The right-hand side of a comparison.
#[derive(Debug)]
pub(crate) enum Value {
    Number(f64),
    /// Split at its `*`: the parts must appear in order, the first and last at the ends.
    Text(Vec<String>),
    Regex(Regex),
}

impl Value {
    /// Takes the value at the start of `text`; `bare` says which characters need no quotes.
    pub(crate) fn take(text: &str, bare: impl Fn(char) -> bool) -> Result<(Self, &str), String> {
        if let Some(rest) = text.strip_prefix('"') {
            let (phrase, rest) =
                quoted(rest).ok_or_else(|| format!("Invalid filter pattern: unclosed quote in '{text}'"))?;
            return Ok((Self::Text(phrase.split('*').map(str::to_owned).collect()), rest));
        }
        if let Some(rest) = text.strip_prefix('%') {
            let (expression, rest) = rest
                .split_once('%')
                .ok_or_else(|| format!("Invalid filter pattern: unclosed regular expression in '{text}'"))?;
            return Ok((Self::Regex(regex(expression)?), rest));
        }
        let end = text.find(|char| !bare(char)).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        if word.is_empty() {
            return Err(format!("Invalid filter pattern: a value is missing before '{rest}'"));
        }
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        Ok((number.map_or_else(|| Self::Text(word.split('*').map(str::to_owned).collect()), Self::Number), rest))
    }

    /// Ordering needs a number: `$.a > x` is not a pattern.
    pub(crate) fn fits(&self, operator: Operator) -> Result<(), String> {
        if operator.is_equality() || matches!(self, Self::Number(_)) {
            Ok(())
        } else {
            Err("Invalid filter pattern: <, <=, > and >= compare with a number".into())
        }
    }

    /// Compares a field's text.
    pub(crate) fn compare_text(&self, operator: Operator, field: &str) -> bool {
        match self {
            Self::Number(number) => match field.parse::<f64>() {
                Ok(field) => field.partial_cmp(number).is_some_and(|ordering| operator.holds(ordering)),
                Err(_) => operator == Operator::NotEqual,
            },
            Self::Text(parts) => wildcard(parts, field) == (operator == Operator::Equal),
            Self::Regex(regex) => regex.is_match(field) == (operator == Operator::Equal),
        }
    }

    /// Compares a JSON number.
    pub(crate) fn compare_number(&self, operator: Operator, field: f64, spelled: &str) -> bool {
        match self {
            Self::Number(number) => field.partial_cmp(number).is_some_and(|ordering| operator.holds(ordering)),
            Self::Text(_) | Self::Regex(_) => self.compare_text(operator, spelled),
        }
    }
}

/// The text up to the closing quote, `\"` and `\\` unescaped, and what follows the quote.
pub(crate) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut phrase = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((phrase, &text[at + 1..])),
            '\\' => match chars.next()? {
                (_, escaped @ ('"' | '\\')) => phrase.push(escaped),
                (_, other) => phrase.extend(['\\', other]),
            },
            other => phrase.push(other),
        }
    }
    None
}

fn wildcard(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_parts_do_not_overlap() {
        let matches =
            |pattern: &str, text: &str| wildcard(&pattern.split('*').map(str::to_owned).collect::<Vec<_>>(), text);
        assert!(matches("*Event", "PutEvent") && matches("Event*", "EventId") && matches("*", ""));
        assert!(matches("a*b*c", "a-b-c") && !matches("a*b*c", "a-c-b") && !matches("ab*b", "ab"));
        assert!(matches("exact", "exact") && !matches("exact", "exactly"));
    }
}
