//! `GetRandomPassword`, and the six characters at the end of an ARN.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::bad_parameter;
use crate::local::members::Members;
use crate::local::wire::Fault;

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const DIGITS: &str = "0123456789";
const OTHERS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

const LENGTHS: std::ops::RangeInclusive<i64> = 1..=4096;

pub(super) fn answer(members: &Members) -> Result<Value, Fault> {
    let length = members.number("PasswordLength")?.unwrap_or(32);
    if !LENGTHS.contains(&length) {
        return Err(bad_parameter("PasswordLength must be between 1 and 4096."));
    }
    let length = usize::try_from(length).unwrap_or_default();
    let left_out = members.text("ExcludeCharacters")?.unwrap_or_default();
    let kinds = [
        (UPPER, "ExcludeUppercase"),
        (LOWER, "ExcludeLowercase"),
        (DIGITS, "ExcludeNumbers"),
        (OTHERS, "ExcludePunctuation"),
    ];
    let mut kept: Vec<Vec<char>> = Vec::new();
    for (letters, flag) in kinds {
        if !members.flag(flag)? {
            let letters: Vec<char> = letters.chars().filter(|letter| !left_out.contains(*letter)).collect();
            kept.extend((!letters.is_empty()).then_some(letters));
        }
    }
    if members.flag("IncludeSpace")? && !left_out.contains(' ') {
        kept.push(vec![' ']);
    }
    let each = members.get("RequireEachIncludedType").is_none_or(|value| value != &json!(false));
    let all: Vec<char> = kept.iter().flatten().copied().collect();
    if all.is_empty() {
        return Err(bad_parameter("There are no characters left to make a password of."));
    }
    if each && length < kept.len() {
        return Err(bad_parameter("The password length is too short for one character of each included type."));
    }
    let mut dice = Dice::default();
    let mut letters: Vec<char> = (0..length).map(|_| all[dice.below(all.len())]).collect();
    if each {
        // One of each kind first, and then none stands where it was.
        for (at, kind) in kept.iter().enumerate() {
            letters[at] = kind[dice.below(kind.len())];
        }
        for at in (1..letters.len()).rev() {
            letters.swap(at, dice.below(at + 1));
        }
    }
    Ok(json!({ "RandomPassword": letters.into_iter().collect::<String>() }))
}

/// `AbCd12`
pub(super) fn suffix() -> String {
    let letters: Vec<char> = [UPPER, LOWER, DIGITS].concat().chars().collect();
    let mut dice = Dice::default();
    (0..6).map(|_| letters[dice.below(letters.len())]).collect()
}

/// Random numbers, made of UUIDs.
#[derive(Default)]
struct Dice(Vec<u8>);

impl Dice {
    /// Below `end`, each as likely as any other.
    fn below(&mut self, end: usize) -> usize {
        loop {
            let number = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
            // What is above the last whole multiple would make some numbers likelier.
            if number < 65_536 / end * end {
                return number % end;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        if self.0.is_empty() {
            let random = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
            self.0 = Sha256::digest(random).to_vec();
        }
        self.0.pop().unwrap_or_default()
    }
}
