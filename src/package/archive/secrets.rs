//! Does a file hold something that must not leave the machine in a package?
//!
//! Certificates and public keys are fine (`rds-ca.pem` is packed every day), so this looks at
//! content, not at names. It looks at the user's own files only: libraries ship test keys.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// The header of a private key followed by its body; in JSON the line break is written `\n`.
/// Code that only mentions the header is not a key.
static PRIVATE_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let lines_between = r"(?:\s|\\[nr]|(?:Proc-Type|DEK-Info|Version|Comment):[^\n]*)*";
    Regex::new(&format!("(?-u)-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----{lines_between}[A-Za-z0-9+/]{{40}}"))
        .ok()
});

/// An access key id, as IAM makes them
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
static ACCESS_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?-u)\b(?:AKIA|ASIA)[A-Z2-7]{16}\b").ok());

/// A secret access key next to its usual name.
static SECRET_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i-u)secret_?access_?key["']?\s*[=:]\s*["']?[A-Za-z0-9/+]{40}(?:[^A-Za-z0-9/+]|$)"#).ok()
});

/// Signs of secrets in a file, or in pieces of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traces {
    private_key: bool,
    /// Of an access key that may be real.
    key_id: bool,
    secret_key: bool,
}

/// How many bytes of the piece before have to stand in front of a piece, so that no sign is cut apart.
pub(super) const OVERLAP: u64 = 64 << 10;

impl Traces {
    /// What is in `content`, a whole file.
    pub(super) fn of(content: &[u8]) -> Self {
        let mut traces = Self { private_key: matches(&PRIVATE_KEY, content), ..Self::default() };
        // In this order: an id is quick to look for, and most files have none.
        if !traces.private_key && has_real_id(content) {
            traces.key_id = true;
            traces.secret_key = matches(&SECRET_KEY, content);
        }
        traces
    }

    /// What is in one piece of a file: the id may stand in this one and the key in another.
    pub(super) fn of_piece(piece: &[u8]) -> Self {
        Self {
            private_key: matches(&PRIVATE_KEY, piece),
            key_id: has_real_id(piece),
            secret_key: matches(&SECRET_KEY, piece),
        }
    }

    /// What two pieces hold together.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            private_key: self.private_key || other.private_key,
            key_id: self.key_id || other.key_id,
            secret_key: self.secret_key || other.secret_key,
        }
    }

    /// What they mean, as words that fit after "it holds "; `None` when nothing was found.
    pub(super) fn secret(self) -> Option<&'static str> {
        match self {
            Self { private_key: true, .. } => Some("a private key"),
            Self { key_id: true, secret_key: true, .. } => Some("an AWS secret access key"),
            _ => None,
        }
    }
}

/// Everything that decides what is a secret, as text: what was found clean by one set of rules has to
/// be looked at again by another.
pub(super) fn rules() -> String {
    let patterns = [&PRIVATE_KEY, &ACCESS_KEY, &SECRET_KEY];
    patterns.iter().filter_map(|pattern| pattern.as_ref()).map(Regex::as_str).collect::<Vec<_>>().join("\n")
}

fn matches(pattern: &LazyLock<Option<Regex>>, content: &[u8]) -> bool {
    pattern.as_ref().is_some_and(|regex| regex.is_match(content))
}

/// AWS's documentation writes its example keys so that they end in EXAMPLE.
fn has_real_id(content: &[u8]) -> bool {
    ACCESS_KEY.as_ref().is_some_and(|regex| regex.find_iter(content).any(|id| !id.as_bytes().ends_with(b"EXAMPLE")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(content: &[u8]) -> Option<&'static str> {
        Traces::of(content).secret()
    }

    /// Put together here, so that no scanner takes this source for a leak.
    fn key(kind: &str, line_break: &str) -> String {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ";
        format!("-----BEGIN {kind}PRIVATE KEY-----{line_break}{body}{line_break}-----END {kind}PRIVATE KEY-----")
    }

    #[test]
    fn the_patterns_compile() {
        assert!(PRIVATE_KEY.is_some() && ACCESS_KEY.is_some() && SECRET_KEY.is_some());
    }

    #[test]
    fn private_keys_are_found_in_any_wrapping() {
        for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
            assert_eq!(find(key(kind, "\n").as_bytes()), Some("a private key"), "{kind}");
        }
        assert!(find(format!("{{\"private_key\": \"{}\"}}", key("", "\\n")).as_bytes()).is_some());
        let legacy = key("RSA ", "\n").replace("-----\nMII", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\nMII");
        assert!(find(legacy.as_bytes()).is_some());
    }

    #[test]
    fn certificates_and_code_about_keys_are_not_keys() {
        assert_eq!(find(key("", "\n").replace("PRIVATE KEY", "CERTIFICATE").as_bytes()), None);
        assert_eq!(
            find(b"if '-----BEGIN PRIVATE KEY-----' in text:\n    raise ValueError('not a certificate, a key')"),
            None
        );
    }

    #[test]
    fn credentials_are_an_id_and_a_secret_together() {
        let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl";
        let file = |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        assert_eq!(find(file(&format!("AKIA{}", "J234567ABCDEFGHI")).as_bytes()), Some("an AWS secret access key"));
        assert_eq!(find(file("AKIAIOSFODNN7EXAMPLE").as_bytes()), None);
        assert_eq!(find(format!("aws_secret_access_key = {secret}").as_bytes()), None);
    }

    #[test]
    fn what_stands_in_two_pieces_is_found_together() {
        let id = format!("AKIA{}", "J234567ABCDEFGHI");
        let secret = b"secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl\n";
        let (first, second) = (Traces::of_piece(id.as_bytes()), Traces::of_piece(secret));
        assert_eq!((first.secret(), second.secret()), (None, None));
        assert_eq!(first.with(second).secret(), Some("an AWS secret access key"));
        let private = Traces::of_piece(key("", "\n").as_bytes());
        assert_eq!(second.with(private).secret(), Some("a private key"));
    }
}
