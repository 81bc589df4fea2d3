//! Answers of functions at a terminal: JSON laid out without touching what it says, and what is no text kept away.

/// The same JSON over several lines; `None` when it is none, or neither a list nor an object. Numbers and texts stay
/// as they were written: only the space between them changes.
pub(crate) fn laid_out(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if !text.starts_with(['{', '[']) || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let (mut inside, mut escaped) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if inside {
            out.push(letter);
            inside = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => {
                inside = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Whether a terminal had better not be shown this: zero bytes, or no UTF-8. A part of a text may be cut in the middle
/// of a letter at its end, and at its beginning unless it is the `first`.
pub(crate) fn is_binary(bytes: &[u8], first: bool) -> bool {
    let cut = bytes.iter().take(3).take_while(|byte| !first && **byte & 0b1100_0000 == 0b1000_0000).count();
    let rest = &bytes[cut..];
    let torn = match std::str::from_utf8(rest) {
        Ok(_) => false,
        Err(error) => error.error_len().is_some(),
    };
    torn || bytes.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_space_between_changes() {
        let text = r#" {"a":[1,2.50, 1e400],"b":{ },"c":[],"d":"x, {\"y\": \\","big":123456789012345678901234567890}"#;
        let expected = "{\n  \"a\": [\n    1,\n    2.50,\n    1e400\n  ],\n  \"b\": {},\n  \"c\": [],\n  \
                        \"d\": \"x, {\\\"y\\\": \\\\\",\n  \"big\": 123456789012345678901234567890\n}";
        assert_eq!(laid_out(text.as_bytes()).as_deref(), Some(expected));
        for other in ["1", "\"text\"", "null", "{", "no JSON", "[1] [2]"] {
            assert_eq!(laid_out(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_text_is_known_wherever_it_is_cut() {
        let letter = "€".as_bytes();
        for text in ["text".as_bytes(), letter, &letter[1..], &letter[..2], &[b"a", &letter[..1]].concat(), b""] {
            assert!(!is_binary(text, false), "{text:?}");
        }
        for bytes in [b"a\0b".as_slice(), b"\x89PNG\r\n", b"ab\xffcd", &[0x80; 5]] {
            assert!(is_binary(bytes, true), "{bytes:?}");
        }
    }
}
