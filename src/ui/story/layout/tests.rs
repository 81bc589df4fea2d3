//! What a person sees, wide and narrow, with colour and without.

use super::*;
use crate::observe::LogEvent;
use crate::observe::story::{Joiner, Story};

const ONE: &str = "79b4f56e-95b1-4643-9700-2807f4e68189";
/// 2026-11-21 14:03:07 UTC.
const THEN: i64 = 1_795_269_787_000;

const LINES: &[(i64, &str, &str)] = &[
    (0, "web", "INIT_START Runtime Version: python:3.13.v5"),
    (1, "web", "START RequestId: ONE Version: 3"),
    (
        5,
        "web",
        "[INFO]\t2026-11-21T14:03:07.005Z\tONE\tthe order 4711 was paid by card and goes out with the next parcel",
    ),
    (7, "worker", r#"{"level":"warning","event":"slow query","table":"orders","ms":812,"timestamp":"2026"}"#),
    (
        9,
        "web",
        "[ERROR] KeyError: 'total'\rTraceback (most recent call last):\r  File \"/var/task/shop/orders.py\", line 12, in handler\r    return lib(order)\r  File \"/var/task/site-packages/lib.py\", line 3, in lib\r    x['total']",
    ),
    (10, "web", "END RequestId: ONE"),
    (
        10,
        "web",
        "REPORT RequestId: ONE\tDuration: 9.12 ms\tBilled Duration: 240 ms\tMemory Size: 256 MB\tMax Memory Used: 47 MB\tInit Duration: 230.49 ms\t",
    ),
    (1_020, "worker", "2026-11-21T14:03:08.020Z ONE Task timed out after 3.00 seconds\n\n"),
    (
        1_021,
        "worker",
        "REPORT RequestId: ONE\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\tStatus: timeout",
    ),
    (
        1_300,
        "api",
        r#"{"requestId":"Kx3=","httpMethod":"GET","path":"/orders/7","status":502,"responseLatency":12,"ip":"192.0.2.1"}"#,
    ),
    (86_400_000, "web", "\tindented, and the last line of all"),
];

fn seen(width: Option<usize>, colour: bool, grep: Option<&str>) -> String {
    let names = ["api", "web", "worker"].map(str::to_owned);
    let grep = grep.map(|pattern| Regex::new(pattern).expect("a pattern"));
    let mut layout = Layout::new(names.iter(), true, Ink::new(colour), grep);
    layout.day = "2026-11-21".parse().expect("a day");
    layout.fit(width);
    let (mut joiner, mut story, mut out) = (Joiner::default(), Story::default(), String::new());
    for (after, function, message) in LINES {
        let message = message.replace("ONE", ONE);
        let function = (*function).to_owned();
        let event = LogEvent { timestamp: THEN + after, stream: format!("{function}-1"), function, message };
        joiner.take(event, &mut |event| layout.lay_out(&story.read(event), &mut out));
    }
    joiner.pause(&mut |event| layout.lay_out(&story.read(event), &mut out));
    if let Some(width) = width {
        let widest = console::strip_ansi_codes(&out).lines().map(console::measure_text_width).max();
        assert!(widest.is_some_and(|widest| widest <= width), "{out}");
    }
    out
}

#[test]
fn to_a_file() {
    insta::assert_snapshot!(seen(None, false, None), @r#"
    14:03:07.005 web    INFO  79b4f56e the order 4711 was paid by card and goes out with the next parcel
    14:03:07.007 worker WARN           slow query  table=orders ms=812
    14:03:07.009 web    ERROR 79b4f56e KeyError: 'total'
                                       Traceback (most recent call last):
                                         File "/var/task/shop/orders.py", line 12, in handler
                                           return lib(order)
                                         File "/var/task/site-packages/lib.py", line 3, in lib
                                           x['total']
    14:03:07.010 web    ERROR 79b4f56e └ failed after 9.1 ms: KeyError, billed 240 ms, 47 of 256 MB, cold start 230 ms
    14:03:08.020 worker ERROR 79b4f56e Task timed out after 3.00 seconds
    14:03:08.021 worker ERROR 79b4f56e └ timed out after 3.0 s, billed 3.0 s, 40 of 128 MB
    14:03:08.300 api    ERROR Kx3=     GET /orders/7 502  12 ms  ip=192.0.2.1
    ── Sunday, 2026-11-22 ──
    14:03:07.000 web                   	indented, and the last line of all
    "#);
}

#[test]
fn in_80_columns_it_folds_below_the_message() {
    insta::assert_snapshot!(seen(Some(80), false, None), @r#"
    14:03:07 web    INFO  79b4f5 the order 4711 was paid by card and goes out with
                                 the next parcel
    14:03:07 worker WARN         slow query  table=orders ms=812
    14:03:07 web    ERROR 79b4f5 KeyError: 'total'
                                 Traceback (most recent call last):
                                   File "/var/task/shop/orders.py", line 12, in
                                   handler
                                     return lib(order)
                                   File "/var/task/site-packages/lib.py", line 3, in
                                   lib
                                     x['total']
    14:03:07 web    ERROR 79b4f5 └ failed after 9.1 ms: KeyError, billed 240 ms, 47
                                 of 256 MB, cold start 230 ms
    14:03:08 worker ERROR 79b4f5 Task timed out after 3.00 seconds
    14:03:08 worker ERROR 79b4f5 └ timed out after 3.0 s, billed 3.0 s, 40 of 128 MB
    14:03:08 api    ERROR Kx3=   GET /orders/7 502  12 ms  ip=192.0.2.1
    ── Sunday, 2026-11-22 ──
    14:03:07 web                     indented, and the last line of all
    "#);
}

#[test]
fn where_there_is_no_room_the_message_goes_below() {
    insta::assert_snapshot!(seen(Some(44), false, None), @r#"
    14:03:07 web    INFO  79b4f5
      the order 4711 was paid by card and goes
      out with the next parcel
    14:03:07 worker WARN
      slow query  table=orders ms=812
    14:03:07 web    ERROR 79b4f5
      KeyError: 'total'
      Traceback (most recent call last):
        File "/var/task/shop/orders.py", line
        12, in handler
          return lib(order)
        File "/var/task/site-packages/lib.py",
        line 3, in lib
          x['total']
    14:03:07 web    ERROR 79b4f5
      └ failed after 9.1 ms: KeyError, billed
      240 ms, 47 of 256 MB, cold start 230 ms
    14:03:08 worker ERROR 79b4f5
      Task timed out after 3.00 seconds
    14:03:08 worker ERROR 79b4f5
      └ timed out after 3.0 s, billed 3.0 s, 40
      of 128 MB
    14:03:08 api    ERROR Kx3=
      GET /orders/7 502  12 ms  ip=192.0.2.1
    ── Sunday, 2026-11-22 ──
    14:03:07 web
          indented, and the last line of all
    "#);
}

#[test]
fn with_colour_and_what_was_looked_for() {
    insta::assert_snapshot!(seen(Some(120), true, Some("paid|total")).replace('\x1b', "^"), @r#"
    ^[2m14:03:07.005^[0m ^[35mweb^[0m    INFO  ^[38;5;101m79b4f56e^[0m the order 4711 was ^[7mpaid^[0m by card and goes out with the next parcel
    ^[2m14:03:07.007^[0m ^[32mworker^[0m ^[33mWARN^[0m           slow query^[2m  table=orders ms=812^[0m
    ^[2m14:03:07.009^[0m ^[35mweb^[0m    ^[1;31mERROR^[0m ^[38;5;101m79b4f56e^[0m KeyError: '^[7mtotal^[0m'
                                       Traceback (most recent call last):
                                         File "/var/task/shop/orders.py", line 12, in handler
                                           return lib(order)
                                       ^[2m  File "/var/task/site-packages/lib.py", line 3, in lib^[0m
                                       ^[2m    x['^[0m^[7mtotal^[0m^[2m']^[0m
    ^[2m14:03:07.010^[0m ^[35mweb^[0m    ^[1;31mERROR^[0m ^[38;5;101m79b4f56e^[0m ^[1;31m└ failed after 9.1 ms: KeyError, billed 240 ms, 47 of 256 MB, cold start 230 ms^[0m
    ^[2m14:03:08.020^[0m ^[32mworker^[0m ^[1;31mERROR^[0m ^[38;5;101m79b4f56e^[0m Task timed out after 3.00 seconds
    ^[2m14:03:08.021^[0m ^[32mworker^[0m ^[1;31mERROR^[0m ^[38;5;101m79b4f56e^[0m ^[1;31m└ timed out after 3.0 s, billed 3.0 s, 40 of 128 MB^[0m
    ^[2m14:03:08.300^[0m ^[36mapi^[0m    ^[1;31mERROR^[0m ^[38;5;100mKx3=^[0m     GET /orders/7 ^[1;31m502^[0m  12 ms^[2m  ip=192.0.2.1^[0m
    ^[2m── Sunday, 2026-11-22 ──^[0m
    ^[2m14:03:07.000^[0m ^[35mweb^[0m                       indented, and the last line of all
    "#);
}

#[test]
fn a_request_has_one_colour_and_without_colours_there_is_none() {
    assert_eq!(of_request(ONE), of_request(ONE));
    let colours: std::collections::BTreeSet<String> =
        (0..200).map(|number| format!("{:?}", of_request(&format!("{number:08x}")))).collect();
    assert!(colours.len() > 12, "{colours:?}");
    assert!(!seen(Some(80), false, Some("paid")).contains('\x1b'));
}

#[test]
fn words_stay_whole_and_letters_without_an_end_do_not_stop_it() {
    let cells: Vec<Cell> = "ab cd".chars().map(|letter| (letter, Style::Plain)).collect();
    let text = |(a, b): (&[Cell], &[Cell])| {
        let letters = |cells: &[Cell]| cells.iter().map(|(letter, _)| letter).collect::<String>();
        (letters(a), letters(b))
    };
    assert_eq!(text(fold(&cells, 9)), ("ab cd".to_owned(), String::new()));
    assert_eq!(text(fold(&cells, 4)), ("ab".to_owned(), "cd".to_owned()));
    assert_eq!(text(fold(&cells, 2)), ("ab".to_owned(), "cd".to_owned()));
    assert_eq!(text(fold(&cells, 1)), ("a".to_owned(), "b cd".to_owned()));
    let apart: Vec<Cell> = "ab  cd".chars().map(|letter| (letter, Style::Plain)).collect();
    assert_eq!(text(fold(&apart, 2)), ("ab".to_owned(), "cd".to_owned()));
    let long: Vec<Cell> = "a bcdefgh".chars().map(|letter| (letter, Style::Plain)).collect();
    assert_eq!(text(fold(&long, 5)), ("a bcd".to_owned(), "efgh".to_owned()));
    let wide: Vec<Cell> = "日本語".chars().map(|letter| (letter, Style::Plain)).collect();
    assert_eq!(text(fold(&wide, 4)), ("日本".to_owned(), "語".to_owned()));
    assert_eq!(text(fold(&wide, 1)).0, "日");
}
