//! A line that is no JSON: its level and its request, and where what it says begins.
//!
//! Understood are the forms of Lambda's runtimes and of the usual loggers: time, level and request id in any order at
//! the beginning. All by looking at bytes; a regular expression for each of a million lines would cost seconds.

use super::level::Level;

/// What the beginning of a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head<'a> {
    pub(super) level: Option<Level>,
    pub(super) request: Option<&'a str>,
    /// The byte at which the message begins; what is before it the columns say.
    pub(super) body: usize,
}

/// Reads the beginning of a line.
pub(super) fn head(message: &str) -> Head<'_> {
    let bytes = message.as_bytes();
    let mut head = Head::default();
    let Some(first) = bytes.first() else { return head };
    // What begins with a small letter and the like is prose.
    if !(first.is_ascii_uppercase() || first.is_ascii_digit() || *first == b'[' || first.is_ascii_whitespace()) {
        return lower(message);
    }
    if let Some(rest) = message.strip_prefix("RequestId: ") {
        return of_lambda(rest, "RequestId: ".len());
    }
    // Ruby: `I, [2026-11-21T14:03:07.123456 #8]  INFO -- 52fdfc07-…: text`
    if bytes.get(1..4) == Some(b", [") {
        return ruby(message);
    }
    let mut at = 0;
    // A beginning has at most: date, time, request, thread, level.
    for _ in 0..5 {
        let start = at + message[at..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let length = message[start..].bytes().take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        let token = &message[start..start + length];
        let after = start + length;
        // The first word behind a level begins the message, but for Python's `[INFO]⇥time⇥request⇥text`.
        let tabbed = bytes.get(after) == Some(&b'\t');
        if (head.level.is_none() || tabbed) && (is_time(token) || is_request(token) || (tabbed && token == "undefined"))
        {
            if is_request(token) {
                head.request = Some(token);
            }
            at = after;
        } else if head.level.is_none()
            && let Some((level, length)) = level_in(token, tabbed)
        {
            head.level = Some(level);
            at = start + length;
        } else {
            break;
        }
    }
    if head.level.is_some() {
        let gap = message[at..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        head.body = at + gap;
    } else if head.request.is_some() && message[at..].trim_start().starts_with("Task timed out after ") {
        head.level = Some(Level::Error);
        head.body = at + 1;
    }
    head
}

/// `RequestId: … Error: Runtime exited …`, `RequestId: … Process exited before completing request`
fn of_lambda(rest: &str, before: usize) -> Head<'_> {
    let length = rest.find(' ').unwrap_or(rest.len());
    let request = &rest[..length];
    if !is_request(request) {
        return Head::default();
    }
    let body = (before + length + 1).min(before + rest.len());
    Head { level: Some(Level::Error), request: Some(request), body }
}

fn ruby(message: &str) -> Head<'_> {
    let Some((front, _)) = message.split_once("] ") else { return Head::default() };
    let rest = message[front.len() + 2..].trim_start();
    let Some((level, behind)) = rest.split_once(" -- ") else { return Head::default() };
    let Some((name, text)) = behind.split_once(": ") else { return Head::default() };
    let level = Level::named(level.trim());
    let request = Some(name).filter(|name| is_request(name));
    Head { level, request, body: if level.is_some() { message.len() - text.len() } else { 0 } }
}

/// `error: text`, `warn - text`: a level in small letters needs a sign behind it.
fn lower(message: &str) -> Head<'_> {
    let length = message.bytes().take(12).take_while(u8::is_ascii_alphabetic).count();
    match (Level::named(&message[..length]), message.as_bytes().get(length)) {
        // It stays in the text: it may be a sentence.
        (Some(level), Some(b':')) => Head { level: Some(level), request: None, body: 0 },
        _ => Head::default(),
    }
}

/// `[INFO]`, `INFO`, `INFO:`, `ERROR:root:text`, before a tab also `info`. With the length of what it takes.
fn level_in(token: &str, tabbed: bool) -> Option<(Level, usize)> {
    if let Some(rest) = token.strip_prefix('[') {
        let end = rest.find(']')?;
        let level = Level::named(&rest[..end])?;
        return Some((level, end + 2));
    }
    let end = token.find(':').unwrap_or(token.len());
    let word = &token[..end];
    if !(3..=11).contains(&word.len()) || !(tabbed || word.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return None;
    }
    Level::named(word).map(|level| (level, (end + 1).min(token.len())))
}

/// A date, a time of day with seconds, or both.
fn is_time(token: &str) -> bool {
    let bytes = token.trim_matches(['[', ']']).as_bytes();
    let stamp =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b',' | b'T' | b'Z' | b'+' | b'/');
    bytes.len() >= 8
        && bytes[0].is_ascii_digit()
        && bytes.iter().all(stamp)
        && bytes.iter().filter(|byte| matches!(byte, b'-' | b':' | b'/')).count() >= 2
}

/// A UUID, as Lambda's request ids are.
pub(super) fn is_request(token: &str) -> bool {
    let bytes = token.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "79b4f56e-95b1-4643-9700-2807f4e68189";

    fn read(text: &str) -> (Option<Level>, bool, String) {
        let text = text.replace("ID", ID);
        let head = head(&text);
        assert!(head.request.is_none_or(|request| request == ID), "{text}");
        (head.level, head.request.is_some(), text[head.body..].to_owned())
    }

    #[test]
    fn the_forms_of_the_runtimes() {
        // python, nodejs, dotnet: the pages "Log and monitor … Lambda functions" of each language.
        assert_eq!(read("[INFO]\t2026-11-21T14:03:07.123Z\tID\thello"), (Some(Level::Info), true, "hello".to_owned()));
        assert_eq!(read("2026-11-21T14:03:07.123Z\tID\tERROR\tno"), (Some(Level::Error), true, "no".to_owned()));
        assert_eq!(
            read("2026-11-21T14:03:07.123Z\tundefined\tINFO\tinit"),
            (Some(Level::Info), false, "init".to_owned())
        );
        assert_eq!(read("2026-11-21T14:03:07.123Z\tID\tinfo\tnet"), (Some(Level::Info), true, "net".to_owned()));
        assert_eq!(
            read("[ERROR] ValueError: no\rTraceback (most recent call last):"),
            (Some(Level::Error), false, "ValueError: no\rTraceback (most recent call last):".to_owned())
        );
        // ruby's logger, java's log4j2 layout of aws-lambda-java-log4j2.
        assert_eq!(
            read("W, [2026-11-21T14:03:07.123456 #8]  WARN -- ID: late"),
            (Some(Level::Warn), true, "late".to_owned())
        );
        assert_eq!(
            read("2026-11-21 14:03:07 ID INFO  Handler:12 - said"),
            (Some(Level::Info), true, "Handler:12 - said".to_owned())
        );
    }

    #[test]
    fn what_lambda_says_of_an_end() {
        assert_eq!(
            read("2026-11-21T14:03:07.123Z ID Task timed out after 3.00 seconds"),
            (Some(Level::Error), true, "Task timed out after 3.00 seconds".to_owned())
        );
        assert_eq!(
            read("RequestId: ID Error: Runtime exited with error: signal: killed\nRuntime.ExitError"),
            (
                Some(Level::Error),
                true,
                "Error: Runtime exited with error: signal: killed\nRuntime.ExitError".to_owned()
            )
        );
    }

    #[test]
    fn the_usual_loggers() {
        for (text, level, body) in [
            // tracing-subscriber's default, uvicorn, Python's basicConfig, log4j with a thread.
            ("2026-11-21T14:03:07.123456Z  WARN app::db: slow", Level::Warn, "app::db: slow"),
            ("INFO:     127.0.0.1:0 - \"GET / HTTP/1.1\" 200", Level::Info, "127.0.0.1:0 - \"GET / HTTP/1.1\" 200"),
            ("WARNING:root:late", Level::Warn, "root:late"),
            ("2026-11-21 14:03:07,123 ERROR [worker] no", Level::Error, "[worker] no"),
            ("[2026-11-21 14:03:07] INFO in app: hello", Level::Info, "in app: hello"),
            ("ERROR 12:00:01 is late", Level::Error, "12:00:01 is late"),
        ] {
            assert_eq!(read(text), (Some(level), false, body.to_owned()), "{text}");
        }
        assert_eq!(read("error: no"), (Some(Level::Error), false, "error: no".to_owned()));
    }

    #[test]
    fn prose_stays_as_it_is() {
        for text in [
            "hello",
            "Error handling is done",
            "Information about x",
            "12 items",
            "2026-11-21 was a day",
            "ID",
            "[worker] starts",
            "info desk",
            "",
            "  indented",
            "É, [x] -- y",
            "äöü",
        ] {
            assert_eq!(read(text).0, None, "{text}");
            assert_eq!(read(text).2, text.replace("ID", ID));
        }
    }
}
