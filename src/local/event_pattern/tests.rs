//! Patterns and events, most of them from AWS's own pages.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Pattern;

fn fits(pattern: &Value, event: &Value) -> bool {
    Pattern::of(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(event)
}

/// Whether `{"x": [entry]}` is about `{"x": value}`.
fn entry(entry: &Value, value: &Value) -> bool {
    fits(&json!({ "x": [entry] }), &json!({ "x": value }))
}

#[test]
fn values_are_compared_with_their_type() {
    for (wanted, value) in [
        (json!("a"), json!("a")),
        (json!(300), json!(300.0)),
        (json!(true), json!(true)),
        (json!(null), json!(null)),
        (json!(""), json!("")),
    ] {
        assert!(entry(&wanted, &value), "{wanted} {value}");
    }
    for (wanted, value) in [
        (json!("A"), json!("a")),
        (json!("5"), json!(5)),
        (json!(1), json!(true)),
        (json!(null), json!("")),
        (json!(""), json!(null)),
    ] {
        assert!(!entry(&wanted, &value), "{wanted} {value}");
    }
}

#[test]
fn members_are_joined_by_and_entries_by_or() {
    let pattern = json!({"a": ["1", "2"], "b": {"c": [{"exists": true}]}});
    assert!(fits(&pattern, &json!({"a": "2", "b": {"c": 0}, "more": 1})));
    assert!(!fits(&pattern, &json!({"a": "3", "b": {"c": 0}})));
    assert!(!fits(&pattern, &json!({"a": "1", "b": {"d": 0}})));
    assert!(!fits(&pattern, &json!({"a": "1", "b": "c"})));
    assert!(!fits(&pattern, &json!("a")));
}

#[test]
fn arrays_fit_with_one_element_and_members_within_one_element() {
    assert!(entry(&json!("b"), &json!(["a", ["b"]])));
    assert!(!entry(&json!("c"), &json!(["a", "b"])));
    let pattern = json!({"items": {"id": ["1"], "state": ["on"]}});
    assert!(fits(&pattern, &json!({"items": [{"id": "2", "state": "off"}, {"id": "1", "state": "on"}]})));
    assert!(!fits(&pattern, &json!({"items": [{"id": "1", "state": "off"}, {"id": "2", "state": "on"}]})));
    // What has no elements is not there.
    assert!(!entry(&json!({"exists": true}), &json!([])));
    assert!(!entry(&json!(null), &json!([])));
    assert!(entry(&json!({"exists": false}), &json!([])));
}

#[test]
fn existence_is_that_of_a_value() {
    let absent = json!({"a": {"b": [{"exists": false}]}});
    assert!(fits(&absent, &json!({"a": {"c": 1}})));
    assert!(fits(&absent, &json!({})));
    assert!(!fits(&absent, &json!({"a": {"b": null}})));
    assert!(!entry(&json!({"exists": true}), &json!({"below": 1})));
}

#[test]
fn text_is_looked_at_from_both_ends_and_in_any_case() {
    for (pattern, good, bad) in [
        (json!({"prefix": "us-"}), "us-east-1", "eu-us-"),
        (json!({"prefix": {"equals-ignore-case": "EventB"}}), "EVENTbridge", "anEventB"),
        (json!({"suffix": ".png"}), "dir/a.png", ".png.txt"),
        (json!({"suffix": {"equals-ignore-case": ".PNG"}}), "a.pNg", "a.jpg"),
        (json!({"equals-ignore-case": "alice"}), "ALICE", "alicia"),
        (json!({"wildcard": "dir/*.png"}), "dir/sub/a.png", "other/dir/a.png"),
        (json!({"wildcard": "a*a"}), "aa", "a"),
        (json!({"wildcard": "*x*y*"}), "-x-y-", "-y-x-"),
        (json!({"wildcard": r"a\*b"}), "a*b", "axb"),
        (json!({"wildcard": "plain"}), "plain", "plainer"),
    ] {
        assert!(entry(&pattern, &json!(good)), "{pattern} {good}");
        assert!(!entry(&pattern, &json!(bad)), "{pattern} {bad}");
        assert!(!entry(&pattern, &json!(12)), "{pattern} is about text only");
    }
}

#[test]
fn anything_but_is_the_opposite_for_values_that_are_there() {
    for (operand, good, bad) in [
        (json!("init"), json!("stop"), json!("init")),
        (json!(["init", "stop"]), json!(null), json!("stop")),
        (json!(0), json!(1), json!(0.0)),
        (json!([100, 200]), json!("100"), json!(200)),
        (json!({"prefix": "init"}), json!(12), json!("initialising")),
        (json!({"prefix": ["a", "b"]}), json!("c"), json!("bc")),
        (json!({"suffix": ".txt"}), json!("a.png"), json!("a.txt")),
        (json!({"equals-ignore-case": ["init"]}), json!("in"), json!("INIT")),
        (json!({"wildcard": "*/lib/*"}), json!("lib/a"), json!("a/lib/b")),
    ] {
        let pattern = json!({ "anything-but": operand });
        assert!(entry(&pattern, &good), "{pattern} {good}");
        assert!(!entry(&pattern, &bad), "{pattern} {bad}");
        assert!(!fits(&json!({ "x": [pattern] }), &json!({})), "{pattern} of nothing");
    }
    // One element that is something else is enough.
    assert!(entry(&json!({"anything-but": "a"}), &json!(["a", "b"])));
}

#[test]
fn numbers_lie_within_bounds() {
    for (bounds, good, bad) in [
        (json!(["=", 5]), vec![json!(5), json!(5.0)], vec![json!(4), json!("5")]),
        (json!([">", 0, "<=", 5]), vec![json!(0.1), json!(5)], vec![json!(0), json!(5.1), json!(null)]),
        (json!(["<", 10]), vec![json!(-1e9)], vec![json!(10)]),
        (json!([">=", 1.5]), vec![json!(1.5)], vec![json!(1)]),
    ] {
        let pattern = json!({ "numeric": bounds });
        assert!(good.iter().all(|value| entry(&pattern, value)), "{pattern}");
        assert!(!bad.iter().any(|value| entry(&pattern, value)), "{pattern}");
    }
}

#[test]
fn addresses_lie_within_networks() {
    let four = json!({"cidr": "10.0.0.0/24"});
    assert!(entry(&four, &json!("10.0.0.255")) && !entry(&four, &json!("10.0.1.0")) && !entry(&four, &json!(123)));
    let six = json!({"cidr": "2001:db8::/32"});
    assert!(
        entry(&six, &json!("2001:db8:1::1")) && !entry(&six, &json!("2001:db9::1")) && !entry(&six, &json!("10.0.0.1"))
    );
    assert!(entry(&json!({"cidr": "0.0.0.0/0"}), &json!("192.0.2.1")));
    assert!(entry(&json!({"cidr": "::/0"}), &json!("::1")));
}

#[test]
fn alternatives_may_stand_anywhere() {
    let pattern = json!({
        "source": ["s"],
        "detail": {"$or": [{"price": [{"numeric": [">", 10]}]}, {"place": ["Rome"], "day": ["Monday"]}]},
    });
    let event = |detail: Value| json!({ "source": "s", "detail": detail });
    assert!(fits(&pattern, &event(json!({"price": 11}))));
    assert!(fits(&pattern, &event(json!({"place": "Rome", "day": "Monday"}))));
    assert!(!fits(&pattern, &event(json!({"place": "Rome", "price": 10}))));
    assert!(!fits(&pattern, &json!({"source": "t", "detail": {"price": 11}})));
}

#[test]
fn dots_join_names_on_both_sides() {
    assert!(fits(&json!({"a": {"b.c": ["1"]}}), &json!({"a": {"b": {"c": "1"}}})));
    assert!(fits(&json!({"a": {"b": ["1"]}}), &json!({"a.b": "1"})));
    assert!(!fits(&json!({"a.b": ["1"]}), &json!({"a": {"c": "1"}})));
}

#[test]
fn what_is_no_pattern_is_refused() {
    for bad in [
        json!({}),
        json!([]),
        json!("text"),
        json!({"a": "1"}),
        json!({"a": 1}),
        json!({"a": null}),
        json!({"a": []}),
        json!({"a": {}}),
        json!({"a": [["1"]]}),
        json!({"a": [{}]}),
        json!({"a": [{"prefix": "x", "suffix": "y"}]}),
        json!({"a": [{"PREFIX": "x"}]}),
        json!({"a": [{"prefix": 1}]}),
        json!({"a": [{"prefix": ["x"]}]}),
        json!({"a": [{"exists": "true"}]}),
        json!({"a": [{"numeric": ["=", "5"]}]}),
        json!({"a": [{"numeric": ["<", 5, "<", 6]}]}),
        json!({"a": [{"numeric": [">"]}]}),
        json!({"a": [{"numeric": []}]}),
        json!({"a": [{"cidr": "10.0.0/24"}]}),
        json!({"a": [{"cidr": "10.0.0.0/33"}]}),
        json!({"a": [{"wildcard": "a**b"}]}),
        json!({"a": [{"wildcard": r"a\b"}]}),
        json!({"a": [{"anything-but": null}]}),
        json!({"a": [{"anything-but": []}]}),
        json!({"a": [{"anything-but": ["x", 1]}]}),
        json!({"a": [{"anything-but": {"prefix": ""}}]}),
        json!({"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}),
        json!({"a": [{"anything-but": {"exists": true}}]}),
        json!({"a": [{"anything-but": {"equals-ignore-case": [1]}}]}),
    ] {
        assert!(Pattern::of(&bad).is_err(), "{bad} was taken");
    }
    assert!(Pattern::parse("{").is_err());
}

/// The simplest thing that could be right.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|at| like(&text[at..], rest)),
        Some((one, rest)) => text.first() == Some(one) && like(&text[1..], rest),
    }
}

proptest! {
    #[test]
    fn wildcards_agree_with_trying_everything(text in "[ab]{0,8}", pattern in "([ab]{0,2}\\*?){0,4}") {
        prop_assume!(!pattern.contains("**"));
        let expected = like(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>());
        prop_assert_eq!(entry(&json!({ "wildcard": pattern }), &json!(text)), expected);
    }

    #[test]
    fn anything_but_and_its_operand_never_agree(value in "[ab]{0,3}", operand in "[ab]{1,2}") {
        for operator in ["prefix", "suffix", "equals-ignore-case", "wildcard"] {
            let plain = json!({ operator: operand });
            let but = json!({ "anything-but": { operator: operand } });
            prop_assert_ne!(entry(&plain, &json!(value)), entry(&but, &json!(value)));
        }
    }

    #[test]
    fn a_network_holds_exactly_the_addresses_with_its_bits(address: u32, network: u32, length in 0u32..=32) {
        let bits = |number: u32| format!("{number:032b}")[..length as usize].to_owned();
        let of = |number: u32| std::net::Ipv4Addr::from(number).to_string();
        let pattern = json!({ "cidr": format!("{}/{length}", of(network)) });
        prop_assert_eq!(entry(&pattern, &json!(of(address))), bits(address) == bits(network));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}") {
        let _ = Pattern::parse(&text);
    }
}
