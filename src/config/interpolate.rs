//! `${…}` inside text: `${app}`, `${stage}`, `${region}`, `${env.NAME}`, `${env.NAME:-default}`,
//! `${resources.NAME.arn}`.
//!
//! `$${` is a `${` that stays. Everything else with a `$` is left alone. Values are put in as they
//! are and not looked at again, and what comes from the environment may be a secret: it is in
//! `value` and never in `shown` or in a fault.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::reference::{self, Known, Outputs};
use super::suggest;

/// What comes before a resource's name.
const RESOURCES: &str = "resources.";
/// What comes before the name of an output of the companion stack.
const STACK: &str = "stack.";
/// What comes before a function's name.
const FUNCTIONS: &str = "functions.";

/// What the names stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) app: Word<'a>,
    pub(super) stage: Word<'a>,
    pub(super) region: Word<'a>,
    /// The environment variables the file mentions, as far as they are set.
    pub(super) env: &'a BTreeMap<String, String>,
    /// The resources that may be spoken of here.
    pub(super) resources: Known<'a>,
    /// The names of the functions, which may be spoken of where resources may.
    pub(super) functions: &'a [&'a str],
    /// Whether the stack's outputs may be spoken of here.
    pub(super) outputs: Outputs,
    /// Whether a variable that is not set is a fault. It is not while only the file is checked:
    /// who deploys `dev` need not have the secrets of `prod`.
    pub(super) env_required: bool,
}

/// What one name stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word<'a> {
    Is(&'a str),
    /// Not known while only the file is checked.
    Later,
    /// The config does not say.
    Unset,
}

/// A text with everything put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) value: String,
    /// The same for people: variables of the environment stay `${env.NAME}`.
    pub(super) shown: String,
}

/// Something wrong with one `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The piece of the text it is about.
    pub(super) part: String,
    pub(super) title: String,
    pub(super) label: String,
}

/// What filling a text gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Filled(Filled),
    /// Nothing wrong, but something is not known yet.
    Later,
    Faults(Vec<Fault>),
}

/// Replaces every `${…}` in `text`.
pub(super) fn fill(text: &str, words: Words<'_>) -> Outcome {
    let mut filled = Filled { value: String::new(), shown: String::new() };
    let (mut later, mut faults) = (false, Vec::new());
    for piece in pieces(text) {
        let (value, shown) = match piece {
            Piece::Text(text) => (Cow::from(text), Cow::from(text)),
            Piece::Open(part) => {
                faults.push(Fault {
                    part: part.to_owned(),
                    title: "this `${` is never closed".to_owned(),
                    label: "add a `}`, or write `$${` for the two characters".to_owned(),
                });
                continue;
            }
            Piece::Reference { part, name } => match look_up(part, name, words) {
                Ok(Some(value)) if ["env.", RESOURCES, STACK, FUNCTIONS].iter().any(|kind| name.starts_with(kind)) => {
                    (value, part.into())
                }
                Ok(Some(value)) => (value.clone(), value),
                Ok(None) => {
                    later = true;
                    continue;
                }
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            },
        };
        filled.value.push_str(&value);
        filled.shown.push_str(&shown);
    }
    match (faults.is_empty(), later) {
        (false, _) => Outcome::Faults(faults),
        (true, true) => Outcome::Later,
        (true, false) => Outcome::Filled(filled),
    }
}

/// The environment variables `text` mentions.
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Reference { name, .. } => Some(variable(name)?.0),
        Piece::Text(_) | Piece::Open(_) => None,
    })
}

/// `env.NAME` or `env.NAME:-default` taken apart.
fn variable(name: &str) -> Option<(&str, Option<&str>)> {
    let name = name.strip_prefix("env.")?;
    Some(name.split_once(":-").map_or((name, None), |(name, default)| (name, Some(default))))
}

enum Piece<'a> {
    Text(&'a str),
    /// `part` is `${name}`.
    Reference {
        part: &'a str,
        name: &'a str,
    },
    /// A `${` without its `}`, up to the end of the text.
    Open(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('$') {
            pieces.extend([Piece::Text(kept), Piece::Text("${")]);
            rest = &from[2..];
            continue;
        }
        pieces.push(Piece::Text(before));
        let Some(end) = from.find('}') else {
            pieces.push(Piece::Open(from));
            return pieces;
        };
        pieces.push(Piece::Reference { part: &from[..=end], name: &from[2..end] });
        rest = &from[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The value of `name`, `None` when it is not known yet.
fn look_up<'a>(part: &str, name: &'a str, words: Words<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    let fault = |title: String, label: String| Err(Fault { part: part.to_owned(), title, label });
    if let Some(name) = name.strip_prefix(RESOURCES) {
        let marked = reference::mark(name, words.resources);
        return marked.map(|marked| marked.map(Cow::from)).or_else(|(title, label)| fault(title, label));
    }
    if let Some(name) = name.strip_prefix(FUNCTIONS) {
        let marked = reference::mark_function(name, words.resources, words.functions);
        return marked.map(|marked| marked.map(Cow::from)).or_else(|(title, label)| fault(title, label));
    }
    if let Some(output) = name.strip_prefix(STACK) {
        let marked = reference::mark_output(output, words.outputs);
        return marked.map(|marked| marked.map(Cow::from)).or_else(|(title, label)| fault(title, label));
    }
    if let Some((variable, default)) = variable(name) {
        let set = words.env.get(variable).map(String::as_str);
        return match (set, default) {
            // As in a shell, `:-` also stands in for what is set but empty.
            (None | Some(""), Some(default)) => Ok(Some(default.into())),
            (Some(value), _) => Ok(Some(value.into())),
            (None, None) if words.env_required => fault(
                format!("the environment variable `{variable}` is not set"),
                format!("set it, or write `${{env.{variable}:-DEFAULT}}`"),
            ),
            (None, None) => Ok(None),
        };
    }
    let word = match name {
        "app" => words.app,
        "stage" => words.stage,
        "region" => words.region,
        _ => {
            let label =
                suggest::nearest(name, ["app", "stage", "region"]).map(|near| format!("did you mean `${{{near}}}`?"));
            let label = label.unwrap_or_else(|| {
                if is_variable_name(name) {
                    format!(
                        "a variable of the environment is `${{env.{name}}}`; to keep the text, write `$${{{name}}}`"
                    )
                } else {
                    format!("known are app, stage, region, env.NAME, resources.NAME.arn and stack.OUTPUT; to keep the text, write `$${{{name}}}`")
                }
            });
            return fault(format!("unknown `{part}`"), label);
        }
    };
    match word {
        Word::Is(value) => Ok(Some(value.into())),
        Word::Later => Ok(None),
        Word::Unset => fault(format!("`{part}` has no value here"), format!("`{name}` is not set in the config")),
    }
}

/// True for what looks like `HOME`.
fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|each| each.is_ascii_uppercase() || each.is_ascii_digit() || each == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Outcome {
        let env = BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned()), ("EMPTY".to_owned(), String::new())]);
        let (app, stage) = (Word::Is("shop"), Word::Is("dev"));
        let (resources, outputs) = (Known::Refused, Outputs::Refused);
        fill(
            text,
            Words {
                app,
                stage,
                region: Word::Unset,
                env: &env,
                resources,
                functions: &[],
                outputs,
                env_required: true,
            },
        )
    }

    #[test]
    fn names_are_replaced_and_what_comes_from_the_environment_is_not_shown() {
        let cases = [
            ("", "", ""),
            ("plain $HOME $ $$", "plain $HOME $ $$", "plain $HOME $ $$"),
            ("${app}-${stage}", "shop-dev", "shop-dev"),
            ("é${stage}é", "édevé", "édevé"),
            ("a${env.TOKEN}b", "as3cretb", "a${env.TOKEN}b"),
            ("${env.NOPE:-x y}", "x y", "${env.NOPE:-x y}"),
            ("${env.EMPTY:-x}", "x", "${env.EMPTY:-x}"),
            ("${env.EMPTY}", "", "${env.EMPTY}"),
            ("${env.NOPE:-}", "", "${env.NOPE:-}"),
            ("$${app}", "${app}", "${app}"),
            ("$$${app}", "$${app}", "$${app}"),
        ];
        for (text, value, shown) in cases {
            let expected = Filled { value: value.to_owned(), shown: shown.to_owned() };
            assert_eq!(filled(text), Outcome::Filled(expected), "{text}");
        }
    }

    #[test]
    fn every_fault_of_a_text_is_found() {
        let Outcome::Faults(faults) = filled("${satge} ${env.NOPE} ${region} ${HOME} ${aws:username} ${}${app") else {
            panic!("faults expected")
        };
        let said: Vec<_> = faults.iter().map(|fault| [&*fault.part, &*fault.title, &*fault.label]).collect();
        assert_eq!(
            said,
            [
                ["${satge}", "unknown `${satge}`", "did you mean `${stage}`?"],
                [
                    "${env.NOPE}",
                    "the environment variable `NOPE` is not set",
                    "set it, or write `${env.NOPE:-DEFAULT}`"
                ],
                ["${region}", "`${region}` has no value here", "`region` is not set in the config"],
                [
                    "${HOME}",
                    "unknown `${HOME}`",
                    "a variable of the environment is `${env.HOME}`; to keep the text, write `$${HOME}`"
                ],
                [
                    "${aws:username}",
                    "unknown `${aws:username}`",
                    "known are app, stage, region, env.NAME, resources.NAME.arn and stack.OUTPUT; to keep the text, write `$${aws:username}`"
                ],
                [
                    "${}",
                    "unknown `${}`",
                    "known are app, stage, region, env.NAME, resources.NAME.arn and stack.OUTPUT; to keep the text, write `$${}`"
                ],
                ["${app", "this `${` is never closed", "add a `}`, or write `$${` for the two characters"],
            ]
        );
    }

    #[test]
    fn variables_are_found_without_their_defaults() {
        let found: Vec<_> = variables("${env.A} ${app} ${env.B:-${env.C} $${env.D}").collect();
        assert_eq!(found, ["A", "B"]);
    }
}
