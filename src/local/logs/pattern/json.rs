//! JSON patterns: `{ ($.user.id = 1 || $.tags[0] = "a*") && $.error NOT EXISTS }`.

use serde_json::Value as Json;

use super::value::{Operator, Value};

#[derive(Debug)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compare { at: Selector, operator: Operator, value: Value },
    Is { at: Selector, literal: Json },
    NotExists(Selector),
}

/// `$.a.b[0]`; a wildcard step tries every element.
#[derive(Debug)]
pub(crate) struct Selector(Vec<Step>);

#[derive(Debug)]
enum Step {
    Name(String),
    Index(usize),
    Every,
}

impl Condition {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let mut parser =
            Parser { rest: inside.ok_or_else(|| bad("a JSON pattern ends with }", text))?, regexes: 0, wildcards: 0 };
        let condition = parser.any()?;
        parser.skip();
        if !parser.rest.is_empty() {
            return Err(bad("unexpected", parser.rest));
        }
        // Quotas of the page on filter patterns.
        if parser.regexes > 2 || parser.wildcards > 3 {
            return Err(bad("at most two regular expressions and three wildcard selectors are allowed", text));
        }
        Ok(condition)
    }

    pub(crate) fn matches(&self, event: &Json) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.matches(event)),
            Self::Any(any) => any.iter().any(|condition| condition.matches(event)),
            Self::Compare { at, operator, value } => at.find(event).into_iter().any(|found| match found {
                Json::String(text) => value.compare_text(*operator, text),
                Json::Number(number) => {
                    number.as_f64().is_some_and(|field| value.compare_number(*operator, field, &number.to_string()))
                }
                // Only a value can be compared: with an array or object neither = nor != holds.
                _ => false,
            }),
            Self::Is { at, literal } => at.find(event).into_iter().any(|found| found == literal),
            Self::NotExists(at) => at.find(event).is_empty(),
        }
    }
}

impl Selector {
    fn find<'a>(&self, event: &'a Json) -> Vec<&'a Json> {
        self.0.iter().fold(vec![event], |found, step| {
            let next = |value: &'a Json| -> Vec<&'a Json> {
                match step {
                    Step::Name(name) => value.get(name).into_iter().collect(),
                    Step::Index(index) => value.get(index).into_iter().collect(),
                    Step::Every => match value {
                        Json::Array(items) => items.iter().collect(),
                        Json::Object(members) => members.values().collect(),
                        _ => Vec::new(),
                    },
                }
            };
            found.into_iter().flat_map(next).collect()
        })
    }
}

struct Parser<'a> {
    rest: &'a str,
    regexes: usize,
    wildcards: usize,
}

impl Parser<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut any = vec![self.all()?];
        while self.take("||") {
            any.push(self.all()?);
        }
        Ok(Condition::Any(any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut all = vec![self.one()?];
        while self.take("&&") {
            all.push(self.one()?);
        }
        Ok(Condition::All(all))
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.take("(") {
            let inside = self.any()?;
            return if self.take(")") { Ok(inside) } else { Err(bad("a ) is missing before", self.rest)) };
        }
        let at = self.selector()?;
        self.skip();
        if let Some(literal) = self.keyword("IS") {
            let literal = match literal.as_str() {
                "NULL" => Json::Null,
                "TRUE" => Json::Bool(true),
                "FALSE" => Json::Bool(false),
                other => return Err(bad("IS takes NULL, TRUE or FALSE, not", other)),
            };
            return Ok(Condition::Is { at, literal });
        }
        if let Some(word) = self.keyword("NOT") {
            return if word == "EXISTS" {
                Ok(Condition::NotExists(at))
            } else {
                Err(bad("NOT takes EXISTS, not", &word))
            };
        }
        let (operator, rest) =
            Operator::take(self.rest).ok_or_else(|| bad("an operator is missing before", self.rest))?;
        let bare = |char: char| char.is_ascii_alphanumeric() || "_-+.*:/".contains(char);
        let (value, rest) = Value::take(rest.trim_start(), bare)?;
        value.fits(operator)?;
        self.regexes += usize::from(matches!(value, Value::Regex(_)));
        self.rest = rest;
        Ok(Condition::Compare { at, operator, value })
    }

    /// The word after `keyword`, when the keyword stands here.
    fn keyword(&mut self, keyword: &str) -> Option<String> {
        let rest = self.rest.strip_prefix(keyword).filter(|rest| rest.starts_with(char::is_whitespace))?.trim_start();
        let end = rest.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        Some(word.to_owned())
    }

    fn selector(&mut self) -> Result<Selector, String> {
        self.skip();
        let mut rest = self.rest.strip_prefix('$').ok_or_else(|| bad("a selector starts with $, not", self.rest))?;
        let mut steps = Vec::new();
        loop {
            let after_dot = rest.strip_prefix('.');
            let here = after_dot.unwrap_or(rest);
            let (step, after) = if let Some(inside) = here.strip_prefix('[') {
                let (inside, after) = inside.split_once(']').ok_or_else(|| bad("a ] is missing in", here))?;
                (bracketed(inside)?, after)
            } else if after_dot.is_some() && here.starts_with('*') {
                (Step::Every, &here[1..])
            } else if after_dot.is_some() {
                let end = here
                    .find(|char: char| !(char.is_alphanumeric() || char == '-' || char == '_'))
                    .unwrap_or(here.len());
                if end == 0 {
                    return Err(bad("a property name is missing before", here));
                }
                (Step::Name(here[..end].to_owned()), &here[end..])
            } else {
                break;
            };
            steps.push(step);
            rest = after;
        }
        let wildcards = steps.iter().filter(|step| matches!(step, Step::Every)).count();
        if steps.is_empty() || wildcards > 1 {
            return Err(bad("a selector names a property and has at most one wildcard", self.rest));
        }
        self.wildcards += wildcards;
        self.rest = rest;
        Ok(Selector(steps))
    }
}

fn bracketed(inside: &str) -> Result<Step, String> {
    let unquoted = |quote: char| inside.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    if inside == "*" {
        return Ok(Step::Every);
    }
    match unquoted('\'').or_else(|| unquoted('"')) {
        Some(name) => Ok(Step::Name(name.to_owned())),
        None => inside.parse().map(Step::Index).map_err(|_| bad("an array index is a number, not", inside)),
    }
}

fn bad(what: &str, at: &str) -> String {
    format!("Invalid filter pattern: {what} '{}'", at.trim())
}
