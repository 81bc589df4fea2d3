//! Tracebacks: which lines form one, and what it says: the exception, and where in the app's own code it came up.
//!
//! Python's, Node's, Java's, Ruby's, Go's, Rust's and .NET's forms are read. It says nothing of what they mean.

use serde::Serialize;

/// An exception, or what stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crash {
    /// `ValueError`, `java.lang.NullPointerException`
    pub(crate) kind: String,
    /// Its first line.
    pub(crate) message: String,
    /// The innermost frame of the app's own code, else the innermost one.
    pub(crate) place: Option<Place>,
}

/// Where something happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub(crate) struct Place {
    /// Below the package's folder.
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
    pub(crate) function: Option<String>,
}

/// What begins a traceback whose lines come one by one.
pub(super) fn may_begin(line: &str) -> bool {
    // Short looks first: nearly every line is none.
    let Some(first) = line.as_bytes().first().filter(|byte| byte.is_ascii_alphabetic()) else { return false };
    match first {
        b'T' if line.starts_with("Traceback (most recent call last)") => return true,
        b'E' if line.starts_with("Exception in thread ") => return true,
        b'U' if line.starts_with("Uncaught ") || line.starts_with("Unhandled exception") => return true,
        b't' if line.starts_with("thread '") => return line.contains(" panicked at "),
        b'p' if line.starts_with("panic: ") => return true,
        _ => {}
    }
    kind_at(line).is_some()
}

/// Whether a line goes on with the traceback before it.
pub(super) fn goes_on(line: &str) -> bool {
    matches!(line.as_bytes().first(), None | Some(b' ' | b'\t'))
        || ["Traceback (", "Caused by:", "During handling of", "The above exception", "goroutine ", "stack backtrace"]
            .iter()
            .any(|start| line.starts_with(start))
}

/// Whether the text has a traceback in it.
pub(crate) fn has_trace(text: &str) -> bool {
    // One line is none.
    text.contains(['\n', '\r']) && lines(text).any(|line| is_header(line) || frame(line).is_some())
}

fn is_header(line: &str) -> bool {
    line.starts_with("Traceback (most recent call last)")
}

/// Python's runtime divides the lines of one event by CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
}

/// `ValueError: text`, `java.lang.RuntimeException`, `TypeError [ERR_X]: text` → the type.
pub(super) fn kind_at(line: &str) -> Option<&str> {
    let end = line.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$')));
    let (kind, rest) = line.split_at(end.unwrap_or(line.len()));
    let last = kind.rsplit('.').next().unwrap_or(kind);
    let named = last.starts_with(|letter: char| letter.is_ascii_uppercase())
        && ["Error", "Exception", "Exit", "Interrupt", "Warning", "Fault", "Timeout", "NotFound", "DoesNotExist"]
            .iter()
            .any(|end| last.ends_with(end));
    let closed = rest.is_empty() || rest.starts_with(": ") || rest == ":" || rest.starts_with(" [");
    (named && closed).then_some(kind)
}

/// The exception that a text tells of. The text is that behind its level.
pub(crate) fn crash(text: &str) -> Option<Crash> {
    let all: Vec<&str> = lines(text).collect();
    let frames: Vec<(usize, Frame<'_>)> =
        all.iter().enumerate().filter_map(|(at, line)| Some((at, frame(line)?))).collect();
    let (kind, message, from) = exception(&all, &frames)?;
    let of_it: Vec<Frame<'_>> = frames.into_iter().filter(|(at, _)| *at >= from).map(|(_, frame)| frame).collect();
    Some(Crash { kind, message, place: innermost(of_it) })
}

/// The place that frames without an exception lead to, as a record's `stackTrace` has them.
pub(crate) fn place_of(frames: &str) -> Option<Place> {
    innermost(lines(frames).filter_map(frame).collect())
}

fn innermost(mut frames: Vec<Frame<'_>>) -> Option<Place> {
    if frames.first()?.inner_last {
        frames.reverse();
    }
    frames.iter().find(|frame| frame.is_own()).or_else(|| frames.first()).map(Frame::place)
}

/// Type, message, and the line from which the frames are its own.
fn exception(all: &[&str], frames: &[(usize, Frame<'_>)]) -> Option<(String, String, usize)> {
    let split = |line: &str| {
        let line = line.trim_start_matches("Uncaught ").trim_start_matches("Exception in thread ");
        // `"main" java.lang.X: text`
        let line = line.strip_prefix('"').and_then(|rest| rest.split_once("\" ")).map_or(line, |(_, rest)| rest);
        let kind = kind_at(line)?;
        let message = line.split_once(": ").map_or("", |(_, text)| text);
        Some((kind.to_owned(), message.trim().to_owned()))
    };
    // Java's last cause is the true one; its frames follow it.
    let cause = all.iter().enumerate().rev().find_map(|(at, line)| Some((at, line.strip_prefix("Caused by: ")?)));
    if let Some((at, line)) = cause
        && let Some((kind, message)) = split(line)
    {
        return Some((kind, message, at));
    }
    let header = all.iter().rposition(|line| is_header(line));
    if let Some(header) = header {
        // Python says it behind the frames, its Lambda runtime before them.
        let after = all[header + 1..].iter().find(|line| !line.starts_with(' ') && !line.is_empty());
        let named = |line: &str| {
            let (kind, message) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            let plain = !kind.is_empty() && !kind.contains(' ');
            plain.then(|| (kind.rsplit('.').next().unwrap_or(kind).to_owned(), message.trim().to_owned()))
        };
        let before = all[..header].first().and_then(|line| named(line));
        let found = after.and_then(|line| named(line)).or(before);
        return found.map(|(kind, message)| (kind, message, header));
    }
    if let Some(place) = all.iter().position(|line| line.contains(" panicked at ")) {
        return Some(("panic".to_owned(), all.get(place + 1).unwrap_or(&"").trim().to_owned(), 0));
    }
    if let Some(text) = all.iter().find_map(|line| line.strip_prefix("panic: ")) {
        return Some(("panic".to_owned(), text.trim().to_owned(), 0));
    }
    // What Lambda says of a process that is gone: `RequestId: … Error: Runtime exited …⏎Runtime.ExitError`.
    if let Some(kind) = all.last().filter(|line| line.starts_with("Runtime.") && !line.contains(' ')) {
        let message = all[0].split_once("Error: ").map_or("", |(_, text)| text);
        return Some(((*kind).to_owned(), message.trim().to_owned(), 0));
    }
    if all[0].starts_with("Task timed out after ") {
        return Some(("Task timed out".to_owned(), all[0].to_owned(), 0));
    }
    let first = all.iter().enumerate().find_map(|(at, line)| Some((at, split(line)?)));
    if let Some((at, (kind, message))) = first.filter(|(at, _)| frames.is_empty() || frames[0].0 > *at) {
        return Some((kind, message, at));
    }
    // A log line with a trace below it whose type has an unusual name: the line above the first frame.
    let above = frames.first().and_then(|(at, _)| all.get(at.checked_sub(1)?))?;
    let (kind, message) = above.split_once(": ").unwrap_or((above, ""));
    (!kind.is_empty() && !kind.contains(' ')).then(|| (kind.to_owned(), message.to_owned(), 0))
}

/// One line of a traceback.
#[derive(Debug, Clone, Copy)]
struct Frame<'a> {
    file: &'a str,
    line: Option<u32>,
    function: Option<&'a str>,
    /// The innermost comes last, as Python has it.
    inner_last: bool,
}

impl Frame<'_> {
    fn is_own(&self) -> bool {
        is_own(self.file) && !self.function.is_some_and(is_java_library)
    }

    fn place(&self) -> Place {
        let file = self.file.trim_start_matches("file://");
        let file = file.strip_prefix("/var/task/").unwrap_or(file);
        Place { file: below_the_package(file).to_owned(), line: self.line, function: self.function.map(str::to_owned) }
    }
}

/// The local cloud unpacks a package into a folder of its own, which is named after what is in it.
fn below_the_package(file: &str) -> &str {
    let is_hash = |part: &str| part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut at = 0;
    for part in file.split_inclusive('/') {
        at += part.len();
        if is_hash(part.trim_end_matches('/')) && at < file.len() {
            return &file[at..];
        }
    }
    file
}

/// Whether a file is the app's, and no library's or runtime's.
pub(crate) fn is_own(file: &str) -> bool {
    const OTHERS: [&str; 12] = [
        "site-packages/",
        "dist-packages/",
        "/var/lang/",
        "/var/runtime/",
        "/opt/",
        "node_modules/",
        "node:",
        "lib/python3",
        "rzap_web",
        "_bootstrap",
        "<frozen ",
        "/usr/lib/",
    ];
    !OTHERS.iter().any(|other| file.contains(other))
}

fn is_java_library(function: &str) -> bool {
    ["java.", "javax.", "jdk.", "sun.", "lambdainternal.", "com.amazonaws.", "software.amazon.", "System."]
        .iter()
        .any(|start| function.starts_with(start))
}

/// Whether a traceback's line is one of a library or a runtime; for showing it less.
pub(crate) fn is_foreign(line: &str) -> bool {
    frame(line).is_some_and(|frame| !frame.is_own())
}

fn frame(line: &str) -> Option<Frame<'_>> {
    let inside = line.trim_start();
    if let Some(rest) = inside.strip_prefix("File \"") {
        let (file, rest) = rest.split_once("\", line ")?;
        let (number, function) = rest.split_once(", in ").map_or((rest, None), |(number, name)| (number, Some(name)));
        return Some(Frame { file, line: number.trim().parse().ok(), function, inner_last: true });
    }
    // Ruby: `/var/task/app.rb:5:in 'handler'`
    if inside.starts_with('/')
        && let Some((place, function)) = inside.split_once(":in ")
    {
        let (file, line) = place.rsplit_once(':')?;
        let function = function.trim_matches(['\'', '`']);
        return Some(Frame { file, line: Some(line.parse().ok()?), function: Some(function), inner_last: false });
    }
    // Go: `⇥/src/main.go:12 +0x1d`
    if line.starts_with('\t')
        && let Some((place, _)) = inside.split_once(" +0x")
    {
        let (file, line) = place.rsplit_once(':')?;
        return Some(Frame { file, line: line.parse().ok(), function: None, inner_last: false });
    }
    if let Some((_, place)) = inside.split_once(" panicked at ") {
        return numbered(place.trim_end_matches(':'), None);
    }
    let rest = inside.strip_prefix("at ").filter(|_| inside.len() < line.len() || line.starts_with("at "))?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    // .NET: `at A.B(String c) in /src/F.cs:line 12`
    if let Some((function, place)) = rest.split_once(") in ") {
        let (file, line) = place.rsplit_once(":line ")?;
        let function = function.split('(').next();
        return Some(Frame { file, line: line.trim().parse().ok(), function, inner_last: false });
    }
    match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((function, place)) => {
            let function = Some(function.trim()).filter(|name| !name.is_empty());
            numbered(place, function).or(Some(Frame { file: place, line: None, function, inner_last: false }))
        }
        None => numbered(rest, None),
    }
}

/// `/var/task/index.js:3:9`, `Handler.java:12`, `src/main.rs:4:5`
fn numbered<'a>(place: &'a str, function: Option<&'a str>) -> Option<Frame<'a>> {
    let (front, last) = place.rsplit_once(':')?;
    let last = last.parse().ok()?;
    let (file, line) = match front.rsplit_once(':') {
        Some((file, line)) if line.parse::<u32>().is_ok() => (file, line.parse().ok()?),
        _ => (front, last),
    };
    Some(Frame { file, line: Some(line), function, inner_last: false })
}

#[cfg(test)]
mod tests;
