//! Whatever stands in the file: an answer, never a panic, and spans that can be underlined.

use proptest::prelude::{ProptestConfig, Strategy, any, prop};
use proptest::test_runner::TestRunner;

use super::{BASE, Folder};
use crate::config::{Project, suggest};
use crate::error::Result;

fn check_spans(result: Result<Project>) {
    let Err(error) = result.and_then(|project| {
        project.check()?;
        project.stage(Some("dev")).map(drop)
    }) else {
        return;
    };
    assert!(!error.message.is_empty());
    for at in &error.snippets {
        assert!(at.source.get(at.span.clone()).is_some(), "{:?} of {:?}", at.span, at.source);
        assert!(!at.title.is_empty());
    }
}

/// Pieces that mean something to YAML or to rzap, in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "app: a",
        "stages:",
        "dev:",
        "functions:",
        "web:",
        "wsgi: app:app",
        "handler: x.y",
        "memory:",
        "env:",
        "extends: dev",
        "policies:",
        "runtime: ",
        "http: rest",
        "*a",
        "&a ",
        "<<: *a",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "${env.TOKEN}",
        "${stage",
        "$${",
        "|\n",
        ">-\n",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        "\t",
        ": ",
        "é",
        "🦀",
        "\u{feff}",
        "\0",
        "# x",
        "---\n",
        "!x ",
        "? ",
        "1",
        "0x1",
        ".inf",
        "~",
        "true",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|parts| parts.concat())
}

/// Runs `check` on many texts in one folder; making a folder for each would take all the time.
fn for_any<S: Strategy>(texts: S, check: impl Fn(&Folder, S::Value)) {
    let folder = Folder::new();
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&texts, |text| {
        check(&folder, text);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn any_text_gets_an_answer() {
    for_any("\\PC{0,200}", |folder, text| check_spans(folder.load(text)));
}

#[test]
fn any_bytes_get_an_answer() {
    for_any(prop::collection::vec(any::<u8>(), 0..200), |folder, bytes| check_spans(folder.load(bytes)));
}

#[test]
fn any_soup_of_yaml_gets_an_answer() {
    for_any((soup(), any::<bool>()), |folder, (soup, after_base)| {
        check_spans(folder.load(if after_base { format!("{BASE}{soup}") } else { soup }));
    });
}

#[test]
fn any_value_of_any_key_gets_an_answer() {
    let keys = [
        "app",
        "runtime",
        "arch",
        "memory",
        "timeout",
        "env",
        "description",
        "log_retention",
        "policies",
        "wsgi",
        "handler",
        "bootstrap",
        "http",
        "dir",
        "include",
        "exclude",
        "region",
        "profile",
        "stages",
        "functions",
    ];
    for_any((prop::sample::select(keys.to_vec()), "\\PC{0,40}"), |folder, (key, value)| {
        let kept: Vec<&str> = BASE.lines().filter(|line| !line.starts_with(&format!("{key}:"))).collect();
        let text = serde_json::to_string(&value).unwrap();
        check_spans(folder.load(format!("{}\n{key}: {text}\n", kept.join("\n"))));
    });
}

#[test]
fn a_suggestion_is_one_of_the_candidates() {
    for_any("\\PC{0,12}", |_, word| {
        let candidates = ["memory", "timeout", "é", ""];
        assert!(suggest::nearest(&word, candidates).is_none_or(|found| candidates.contains(&found)));
    });
}
