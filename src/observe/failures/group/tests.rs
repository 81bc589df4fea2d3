//! What is one failure and what are two.

use super::*;
use crate::observe::story::Story;
use crate::observe::story::tests::event;

fn grouped(events: &[(i64, &str, &str)]) -> Vec<String> {
    let (mut groups, mut story) = (Groups::default(), Story::default());
    for (timestamp, stream, message) in events {
        groups.take(&story.read(event(*timestamp, stream, message)));
    }
    let failures = groups.sorted().into_iter();
    failures
        .map(|failure| {
            let place = failure.place.map_or_else(String::new, |place| {
                format!(
                    " at {}:{} in {}",
                    place.file,
                    place.line.unwrap_or_default(),
                    place.function.unwrap_or_default()
                )
            });
            let request = failure.request.map_or("-".to_owned(), |id| id[..2].to_owned());
            format!(
                "{}x {}{place}: {} [{}-{} {request}]",
                failure.count, failure.kind, failure.message, failure.first, failure.last
            )
        })
        .collect()
}

#[test]
fn an_exception_at_one_place_is_one_failure_whatever_it_says() {
    let of = |text: &str, line: u32| {
        format!(
            "[ERROR] ValueError: {text}\rTraceback (most recent call last):\r  File \"/var/task/a.py\", line {line}, in f\r    x"
        )
    };
    let (one, two, other) = (of("no 1", 12), of("no 2", 12), of("no 1", 30));
    assert_eq!(
        grouped(&[(5, "a", &one), (9, "b", &two), (7, "a", &other)]),
        ["2x ValueError at a.py:12 in f: no 2 [5-9 -]", "1x ValueError at a.py:30 in f: no 1 [7-7 -]"]
    );
}

#[test]
fn lines_without_an_exception_are_alike_but_for_numbers_and_ids() {
    assert_eq!(
        grouped(&[
            (1, "a", "[ERROR]\t2026-11-21T14:03:07.123Z\tONE\torder 17 is lost"),
            (2, "a", "[ERROR]\t2026-11-21T14:03:07.123Z\tTWO\torder 4711 is lost"),
            (3, "a", "[INFO]\t2026-11-21T14:03:07.123Z\tTWO\t0 errors"),
            (4, "a", "ValueError: printed"),
            (5, "a", r#"{"level":"error","message":"no","location":"shop.orders.save:10"}"#),
        ]),
        [
            "2x ERROR: order 4711 is lost [1-2 8f]",
            "1x ERROR at shop.orders:10 in save: no [5-5 -]",
            "1x ValueError: printed [4-4 -]"
        ]
    );
    for (text, expected) in [
        ("order 17 of 20", "order … of …"),
        ("took 15.5 s, not 3 s", "took … s, not … s"),
        ("at 0x7f3a2c", "at …"),
        ("id 79b4f56e-95b1-4643-9700-2807f4e68189 is gone", "id … is gone"),
        ("bucket s3 and utf8 text", "bucket s3 and utf8 text"),
        ("", ""),
    ] {
        assert_eq!(normal(text), expected);
    }
}

#[test]
fn a_report_counts_only_what_nothing_else_told() {
    let timed_out = "2026-11-21T14:03:07.123Z ONE Task timed out after 3.00 seconds";
    let report = "REPORT RequestId: ONE\tDuration: 3000.00 ms\tStatus: timeout";
    assert_eq!(
        grouped(&[(10_000, "a", timed_out), (10_001, "a", report)]),
        ["1x Task timed out: Task timed out after 3.00 seconds [10000-10000 79]"]
    );
    assert_eq!(
        grouped(&[
            (10_000, "a", report),
            (90_000, "a", report),
            (95_000, "b", "REPORT RequestId: TWO\tDuration: 1.0 ms")
        ]),
        ["2x Task timed out: Task timed out after 3.00 seconds [10000-90000 79]"]
    );
    let exit = "RequestId: TWO Error: Runtime exited with error: exit status 1\nRuntime.ExitError";
    assert_eq!(
        grouped(&[
            (1, "a", exit),
            (2, "a", "REPORT RequestId: TWO\tDuration: 9.0 ms\tStatus: error\tError Type: Runtime.ExitError")
        ]),
        ["1x Runtime.ExitError: Runtime exited with error: exit status 1 [1-1 8f]"]
    );
}
