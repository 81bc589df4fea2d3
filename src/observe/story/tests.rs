//! Which invocation a line belongs to, how it ended, and which lines somebody wants.

use regex::Regex;

use super::*;

const ONE: &str = "79b4f56e-95b1-4643-9700-2807f4e68189";
const TWO: &str = "8f507cfc-1111-4697-b07a-ac58fc914c95";

/// An event of the function `web` in a stream.
pub(crate) fn event(timestamp: i64, stream: &str, message: &str) -> LogEvent {
    let message = message.replace("ONE", ONE).replace("TWO", TWO);
    LogEvent { timestamp, function: "web".to_owned(), message, stream: stream.to_owned() }
}

fn short(entry: &Entry) -> String {
    let who = match entry.request.as_deref() {
        Some(ONE) => "ONE",
        Some(TWO) => "TWO",
        Some(_) => "other",
        None => "-",
    };
    let what = match &entry.reading {
        Reading::Text { .. } => first_line(entry.body()).to_owned(),
        Reading::Record(record) => record.message.clone(),
        Reading::Access(access) => access.path.clone(),
        Reading::Summary(summary) => format!("{:?}", summary.outcome),
        Reading::Frame { .. } => ".".to_owned(),
        Reading::Note(text) => format!("note: {text}"),
    };
    format!("{who} {what}")
}

fn told(events: &[(&str, &str)], mut sieve: Sieve) -> Vec<String> {
    let mut story = Story::default();
    let mut out = Vec::new();
    for (at, (stream, message)) in events.iter().enumerate() {
        let entry = story.read(event(i64::try_from(at).unwrap_or_default(), stream, message));
        sieve.take(entry, &mut |entry| out.push(short(&entry)));
    }
    sieve.end(&mut |entry| out.push(short(&entry)));
    assert!(sieve.lines_kept() == 0);
    out
}

/// Two environments at once: one fails, one is fine.
const BOTH: &[(&str, &str)] = &[
    ("a", "INIT_START Runtime Version: python:3.13.v5"),
    ("a", "loading"),
    ("a", "START RequestId: ONE Version: 3"),
    ("b", "START RequestId: TWO Version: 3"),
    ("a", "printed"),
    ("b", "fine"),
    ("a", "[ERROR] ValueError: no\rTraceback (most recent call last):\r  File \"/var/task/a.py\", line 1, in f"),
    ("b", "[INFO]\t2026-11-21T14:03:07.123Z\tTWO\tlogged"),
    ("a", "END RequestId: ONE"),
    ("b", "END RequestId: TWO"),
    (
        "a",
        "REPORT RequestId: ONE\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t",
    ),
    (
        "b",
        "REPORT RequestId: TWO\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t",
    ),
    ("b", "between"),
];

#[test]
fn a_line_belongs_to_the_request_its_stream_is_busy_with() {
    assert_eq!(
        told(BOTH, Sieve::default()),
        [
            "- .",
            "- loading",
            "ONE .",
            "TWO .",
            "ONE printed",
            "TWO fine",
            "ONE ValueError: no",
            "TWO logged",
            "ONE .",
            "TWO .",
            "ONE Failed(Some(\"ValueError\"))",
            "TWO Done",
            "- between"
        ]
    );
}

#[test]
fn failing_invocations_come_whole_with_their_start() {
    let sieve = || Sieve::new(None, true, None);
    assert_eq!(
        told(BOTH, sieve()),
        [
            "ONE .",
            "ONE loading",
            "ONE .",
            "ONE printed",
            "ONE ValueError: no",
            "ONE .",
            "ONE Failed(Some(\"ValueError\"))"
        ]
    );
    // Not ended yet, and still a failure; the other may be fine.
    assert_eq!(told(&BOTH[2..8], sieve()), ["ONE .", "ONE printed", "ONE ValueError: no"]);
    // A cloud without START and REPORT.
    assert_eq!(told(&[("a", "fine"), ("c", "ERROR: no")], sieve()), ["- no"]);
    let api = r#"{"requestId":"x","httpMethod":"GET","path":"/","status":502}"#;
    assert_eq!(told(&[("api", api), ("api", &api.replace("502", "200"))], sieve()), ["other /"]);
}

#[test]
fn a_request_comes_whole_by_the_beginning_of_its_id() {
    let of = |id: &str| told(BOTH, Sieve::new(Some(id.to_owned()), false, None));
    assert_eq!(
        of("79B4f5"),
        [
            "ONE .",
            "ONE loading",
            "ONE .",
            "ONE printed",
            "ONE ValueError: no",
            "ONE .",
            "ONE Failed(Some(\"ValueError\"))"
        ]
    );
    assert_eq!(of(TWO), ["TWO .", "TWO fine", "TWO logged", "TWO .", "TWO Done"]);
    assert!(of("0000").is_empty());
    let grep = Regex::new("print|log").expect("a pattern");
    assert_eq!(told(BOTH, Sieve::new(Some("8f".to_owned()), false, Some(grep.clone()))), ["TWO logged"]);
    assert_eq!(told(BOTH, Sieve::new(None, false, Some(grep))), ["ONE printed", "TWO logged"]);
}

#[test]
fn what_does_not_end_is_shown_when_it_is_too_old_and_memory_stays_bounded() {
    let (mut story, mut sieve, mut out) = (Story::default(), Sieve::new(None, true, None), Vec::new());
    let mut give = |entry: Entry| out.push(short(&entry));
    sieve.take(story.read(event(0, "a", "START RequestId: ONE")), &mut give);
    sieve.take(story.read(event(1, "a", "waits")), &mut give);
    sieve.pause(&mut give);
    sieve.take(story.read(event(17 * 60_000, "b", "START RequestId: TWO")), &mut give);
    sieve.pause(&mut give);
    for number in 0..6_000 {
        sieve.take(story.read(event(17 * 60_000 + number, "b", "line")), &mut give);
    }
    sieve.take(story.read(event(17 * 60_000 + 6_000, "b", "ERROR no")), &mut give);
    assert!(sieve.lines_kept() <= 5_000);
    sieve.end(&mut give);
    assert_eq!(out[..3], ["ONE .", "ONE waits", "ONE note: this invocation has not ended: no REPORT came"]);
    assert_eq!(out[3], "TWO note: 1002 lines before this one are left out; `--request` shows all");
    assert_eq!(out.len(), 5_004);
}

#[test]
fn how_an_invocation_ended_is_told_by_what_the_runtime_said() {
    let of = |line: &str, report: &str| {
        let report =
            format!("REPORT RequestId: ONE\tDuration: 3.00 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t{report}");
        let events = [("a", "START RequestId: ONE"), ("a", line), ("a", "END RequestId: ONE"), ("a", report.as_str())];
        told(&events, Sieve::default()).pop().unwrap_or_default()
    };
    assert_eq!(of("2026-11-21T14:03:07.123Z ONE Task timed out after 3.00 seconds\n\n", ""), "ONE TimedOut");
    let killed = "RequestId: ONE Error: Runtime exited with error: signal: killed\nRuntime.ExitError";
    assert_eq!(of(killed, "Status: error\tError Type: Runtime.ExitError"), "ONE OutOfMemory");
    let node = "2026-11-21T14:03:07.123Z\tONE\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"no\",\"stack\":[\"TypeError: no\"]}";
    assert_eq!(of(node, ""), "ONE Failed(Some(\"TypeError\"))");
    // What was only logged did not end it.
    assert_eq!(of("[ERROR]\t2026-11-21T14:03:07.123Z\tONE\tno\nTraceback (most recent call last):", ""), "ONE Done");
    assert_eq!(
        of("{\"log_level\":\"ERROR\",\"errorType\":\"KeyError\",\"errorMessage\":\"x\"}", ""),
        "ONE Failed(Some(\"KeyError\"))"
    );
}

#[test]
fn quiet_streams_are_forgotten() {
    let mut story = Story::default();
    for number in 0..25_000_i64 {
        story.read(event(number, &format!("s{number}"), "START RequestId: ONE"));
    }
    assert!(story.streams.len() <= STREAMS + 1);
}
