//! `concurrency:` — how many calls of a function may run at once, and how many processes wait for them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>

use std::ops::RangeInclusive;

use serde::Serialize;

use super::fields::Fields;
use super::raw::{Entry, Kind};
use super::values::Reader;

const KEYS: [&str; 2] = ["reserved", "provisioned"];

/// Of what an account may have is known to AWS only; more than this nobody has.
const RESERVED: RangeInclusive<i64> = 0..=100_000;
/// <https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html>
const PROVISIONED: RangeInclusive<i64> = 1..=100_000;

/// How many calls at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Concurrency {
    /// As many at the most, and kept free for it; 0 is none at all. `None`: what the account has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<u32>,
    /// So many processes are ready at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provisioned: Option<u32>,
}

impl Concurrency {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `5` is short for `{ reserved: 5 }`; nothing takes away what was said further up.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry) -> Option<Concurrency> {
    let fields = match &entry.value.kind {
        Kind::Null => return None,
        Kind::Map(map) => Fields::new(reader, "`concurrency`", &entry.key_span, vec![map], &KEYS),
        Kind::Number(..) => Fields::short("`concurrency`", "reserved", entry),
        _ => {
            reader.wrong_type(&entry.key, &entry.value, "a number, or `{ reserved: 5, provisioned: 2 }`");
            return None;
        }
    };
    let reserved = fields.whole(reader, "reserved", (&RESERVED, "calls at once"), "rzap");
    let provisioned = fields.whole(reader, "provisioned", (&PROVISIONED, "processes"), "rzap");
    if let (Some(reserved), Some(provisioned), Some(at)) = (reserved, provisioned, fields.get("provisioned"))
        && provisioned > reserved
    {
        let title = format!("more is provisioned ({provisioned}) than reserved ({reserved})");
        reader.problem(&at.value.span, title, format!("at most {reserved}, or reserve more"));
    }
    Some(Concurrency { reserved, provisioned })
}
