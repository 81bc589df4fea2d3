//! Control characters in messages: a log may be anybody's text, and a terminal obeys what it is told.

use std::borrow::Cow;

/// The text without colours and other commands to a terminal; what control characters are left are shown.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| (byte >= 0x20 && byte != 0x7f) || matches!(byte, b'\t' | b'\n' | b'\r');
    // C1 controls are C2 80 to C2 9F in UTF-8.
    if text.bytes().all(|byte| plain(byte) && byte != 0xc2) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\x1b' => match letters.next() {
                // A control sequence ends with a letter or the like.
                Some('[') => while letters.next().is_some_and(|letter| !('@'..='~').contains(&letter)) {},
                // A command to the system ends with BEL, or ESC and a backslash.
                Some(']') => {
                    while let Some(letter) = letters.next() {
                        if letter == '\x07' || (letter == '\x1b' && letters.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' | '\n' | '\r' => cleaned.push(letter),
            // Python's runtime writes a traceback's indents with these, so that no reader strips them.
            '\u{a0}' => cleaned.push(' '),
            letter if letter.is_control() => cleaned.extend(letter.escape_default()),
            letter => cleaned.push(letter),
        }
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        for (text, cleaned) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\x1b[2m2026\x1b[0m \x1b[32m INFO\x1b[0m hi", "2026  INFO hi"),
            ("\x1b]0;title\x07after \x1b]8;;http://x\x1b\\link", "after link"),
            ("a\x07b\u{9b}31m é", "a\\u{7}b\\u{9b}31m é"),
            ("cut \x1b[3", "cut "),
            ("\u{a0}\u{a0}File", "  File"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
        assert!(matches!(clean("nothing to do"), Cow::Borrowed(_)));
    }
}
