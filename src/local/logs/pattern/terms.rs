//! Unstructured patterns: `ERROR "out of memory" -retrying ?a ?b %^[45]..$%`.

use regex::Regex;

use super::value::quoted;

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

/// Terms by what they ask for.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    required: Vec<Term>,
    excluded: Vec<Term>,
    optional: Vec<Term>,
}

impl Terms {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (list, body) = match rest.as_bytes()[0] {
                b'-' => (&mut terms.excluded, &rest[1..]),
                b'?' => (&mut terms.optional, &rest[1..]),
                _ => (&mut terms.required, rest),
            };
            let (term, after) = take(body, rest)?;
            list.push(term);
            if !after.is_empty() && !after.starts_with(char::is_whitespace) {
                return Err(invalid(rest));
            }
            rest = after.trim_start();
        }
        Ok(terms)
    }

    /// Beside required or excluded terms the optional ones have no effect, as documented under
    /// "Match optional terms".
    pub(crate) fn matches(&self, message: &str) -> bool {
        let alone = self.required.is_empty() && self.excluded.is_empty();
        self.required.iter().all(|term| term.is_in(message))
            && !self.excluded.iter().any(|term| term.is_in(message))
            && (!alone || self.optional.iter().any(|term| term.is_in(message)))
    }
}

fn take<'a>(body: &'a str, whole: &str) -> Result<(Term, &'a str), String> {
    if let Some(inside) = body.strip_prefix('"') {
        return match quoted(inside) {
            Some((phrase, after)) if !phrase.is_empty() => Ok((Term::Text(phrase), after)),
            _ => Err(invalid(whole)),
        };
    }
    if let Some(inside) = body.strip_prefix('%') {
        let (expression, after) = inside.split_once('%').ok_or_else(|| invalid(whole))?;
        return Ok((Term::Regex(regex(expression)?), after));
    }
    let end = body.find(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).unwrap_or(body.len());
    if end == 0 {
        return Err(invalid(whole));
    }
    Ok((Term::Text(body[..end].to_owned()), &body[end..]))
}

/// `CloudWatch` Logs names the offending word.
fn invalid(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or(text);
    format!("Invalid character(s) in term '{word}'")
}

/// A regular expression of the documented subset: no groups, no multi-byte characters, few symbols.
pub(crate) fn regex(expression: &str) -> Result<Regex, String> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(char);
    match expression.chars().find(|char| !allowed(*char)) {
        Some(_) => Err(format!("Invalid character(s) in term '%{expression}%'")),
        None if expression.is_empty() => Err("Invalid character(s) in term '%%'".into()),
        None => Regex::new(expression).map_err(|_| format!("Invalid regular expression '%{expression}%'")),
    }
}
