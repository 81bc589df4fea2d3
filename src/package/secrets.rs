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

/// What `content` holds, as words that fit after "it holds "; `None` when nothing was found.
pub(super) fn find(content: &[u8]) -> Option<&'static str> {
    let matches = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|regex| regex.is_match(content));
    if matches(&PRIVATE_KEY) {
        return Some("a private key");
    }
    // AWS's documentation writes its example keys so that they end in EXAMPLE.
    let real_id = || {
        ACCESS_KEY.as_ref().is_some_and(|regex| regex.find_iter(content).any(|id| !id.as_bytes().ends_with(b"EXAMPLE")))
    };
    // In this order: an id is quick to look for, and most files have none.
    if real_id() && matches(&SECRET_KEY) {
        return Some("an AWS secret access key");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
