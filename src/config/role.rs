//! `role:` and `permissions_boundary:` — as whom a function runs, and the most it may ever do.
//!
//! Knows how an ARN looks, and nothing of what is behind it.

use serde::Serialize;

use super::precedence::Said;
use super::raw::Entry;
use super::stage::FunctionConfig;
use super::suggest;
use super::values::Reader;

/// As whom a function runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// As a role of its own.
    #[default]
    Own,
    /// As one that all functions of the stage share which say so.
    Shared,
    /// As one that somebody else has made, and looks after.
    Arn(String),
}

/// Reads `role:`.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Role> {
    const LIKE: &str = "`own`, `shared`, or like `arn:aws:iam::123456789012:role/NAME`";
    let filled = reader.text(entry)?;
    match filled.value.as_str() {
        "own" => Some(Role::Own),
        "shared" => Some(Role::Shared),
        arn if is_iam(arn, "role/") => Some(Role::Arn(arn.to_owned())),
        arn if arn.starts_with("arn:") => {
            reader.problem(&entry.value.span, format!("`{}` is not the ARN of a role", filled.shown), LIKE);
            None
        }
        word => {
            let label = suggest::did_you_mean(word, ["own", "shared"], || LIKE.to_owned());
            reader.problem(&entry.value.span, format!("unknown role `{}`", filled.shown), label);
            None
        }
    }
}

/// Reads `permissions_boundary:`.
pub(super) fn boundary(reader: &mut Reader<'_>, entry: &Entry) -> Option<String> {
    let filled = reader.text(entry)?;
    let well = is_iam(&filled.value, "policy/");
    if !well {
        let title = format!("`{}` is not the ARN of a managed policy", filled.shown);
        reader.problem(&entry.value.span, title, "like `arn:aws:iam::123456789012:policy/NAME`");
    }
    well.then_some(filled.value)
}

/// True for `arn:aws:iam::123456789012:{what}{name}`; `aws` in place of the account is AWS's own.
pub(super) fn is_iam(arn: &str, what: &str) -> bool {
    let [word, partition, "iam", "", account, path] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else { return false };
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-/".contains(letter);
    let name = path.strip_prefix(what).unwrap_or_default();
    let owner = (account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit())) || account == "aws";
    word == "arn" && partition.starts_with("aws") && owner && !name.is_empty() && name.chars().all(legal)
}

/// What one function's role must not be told.
pub(super) fn check(reader: &mut Reader<'_>, said: &Said<'_>, role: &Role) {
    if !matches!(role, Role::Arn(_)) {
        return;
    }
    for key in ["policies", "permissions_boundary"] {
        if let Some(entry) = said.strongest(key).filter(|_| said.is_own(key)) {
            let title = format!("`{key}` cannot change the role that `role` names");
            reader.problem(&entry.key_span, title, "rzap leaves a role of yours alone: remove one of them");
        }
    }
}

/// Functions that share a role share its boundary.
pub(super) fn check_shared(reader: &mut Reader<'_>, function: &FunctionConfig, before: &[FunctionConfig], at: &Entry) {
    let shares = |it: &&FunctionConfig| it.role == Role::Shared;
    let other = before.iter().find(shares).filter(|_| function.role == Role::Shared);
    if let Some(other) = other.filter(|other| other.permissions_boundary != function.permissions_boundary) {
        let title =
            format!("`{}` and `{}` share a role and have other permissions boundaries", other.name, function.name);
        reader.problem(&at.key_span, title, "set it for the stage, or give one of them `role: own`");
    }
}
