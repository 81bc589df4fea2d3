//! Filter patterns: what `FilterLogEvents` accepts in `filterPattern`, parsed once, matched per event.
//!
//! Three languages share the parameter: terms, `[space, delimited, fields]` and `{ JSON conditions }`.
//! What is not in the documented grammar is refused, because `CloudWatch` Logs refuses it too and a
//! pattern that silently matches everything hides a mistake.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

mod fields;
mod json;
mod terms;
mod value;

use fields::Fields;
use json::Condition;
use terms::Terms;

/// One parsed filter pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// The empty pattern matches every event.
    Everything,
    Terms(Terms),
    Fields(Fields),
    Json(Condition),
}

impl Pattern {
    /// The longest pattern `FilterLogEvents` takes, in characters.
    const LONGEST: usize = 1024;

    /// Parses a pattern; the error is what `CloudWatch` Logs would put into `InvalidParameterException`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > Self::LONGEST {
            return Err("Invalid filter pattern: longer than 1024 characters".into());
        }
        let text = text.trim();
        match text.chars().next() {
            None => Ok(Self::Everything),
            Some('{') => Condition::parse(text).map(Self::Json),
            Some('[') => Fields::parse(text).map(Self::Fields),
            Some(_) => Terms::parse(text).map(Self::Terms),
        }
    }

    /// Whether an event's message matches. Matching is case sensitive.
    pub(crate) fn matches(&self, message: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Terms(terms) => terms.matches(message),
            Self::Fields(fields) => fields.matches(message),
            // An event that is not JSON matches no JSON pattern.
            Self::Json(condition) => serde_json::from_str(message).is_ok_and(|event| condition.matches(&event)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn matching<'a>(pattern: &str, messages: &[&'a str]) -> Vec<&'a str> {
        let pattern = Pattern::parse(pattern).unwrap();
        messages.iter().copied().filter(|message| pattern.matches(message)).collect()
    }

    const LEVELS: [&str; 3] = ["ERROR WARN message", "ERROR message", "WARN message"];

    #[test]
    fn terms_are_all_required_phrases_are_whole_and_case_counts() {
        assert_eq!(matching("", &LEVELS), LEVELS);
        assert_eq!(matching("ERROR WARN", &LEVELS), [LEVELS[0]]);
        assert_eq!(matching("ERROR -WARN", &LEVELS), [LEVELS[1]]);
        assert_eq!(matching("\"WARN message\"", &LEVELS), [LEVELS[0], LEVELS[2]]);
        assert_eq!(matching("-\"WARN message\"", &LEVELS), [LEVELS[1]]);
        assert_eq!(matching("error", &LEVELS), Vec::<&str>::new());
        assert_eq!(matching("\"say \\\"hi\\\"\"", &["say \"hi\" now", "say hi"]), ["say \"hi\" now"]);
    }

    #[test]
    fn optional_terms_are_alternatives_and_have_no_effect_beside_required_ones() {
        assert_eq!(matching("?ERROR ?WARN", &LEVELS), LEVELS);
        assert_eq!(matching("?ERROR ?nothing", &LEVELS), [LEVELS[0], LEVELS[1]]);
        assert_eq!(matching("?ERROR WARN", &LEVELS), [LEVELS[0], LEVELS[2]]);
    }

    #[test]
    fn regular_expressions_stand_between_percent_signs() {
        assert_eq!(matching("%^ERR%", &LEVELS), [LEVELS[0], LEVELS[1]]);
        assert_eq!(matching(r"%10\.10\.0\.[12]%", &["at 10.10.0.1", "at 10.10.0.3"]), ["at 10.10.0.1"]);
        assert_eq!(matching(r"%\x28x\x29%", &["(x)", "x"]), ["(x)"]);
        for refused in ["%something!%", "%(a)%", "%[a%", "%é%", "%open"] {
            assert!(Pattern::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn terms_with_other_characters_must_be_quoted() {
        for refused in ["a@b.c", "!(", "[ERROR", "\"open", "\"\"", "-", "?"] {
            assert!(Pattern::parse(refused).is_err(), "{refused}");
        }
        assert_eq!(Pattern::parse("x!").unwrap_err(), "Invalid character(s) in term 'x!'");
    }

    const ACCESS: [&str; 3] = [
        "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 1534",
        "127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] \"GET /index.html HTTP/1.0\" 500 5324",
        "127.0.0.2 - frank [10/Oct/2000:13:50:35 -0700] \"GET /index.html HTTP/1.0\" 404 4355",
    ];

    #[test]
    fn space_delimited_fields_compare_numbers_texts_and_expressions() {
        let all = "[ip, user, username, timestamp, request, status_code, bytes]";
        assert_eq!(matching(all, &ACCESS), ACCESS);
        assert_eq!(matching("[ip, user, username]", &ACCESS), Vec::<&str>::new());
        assert_eq!(matching("[..., status_code = 4*, bytes]", &ACCESS), [ACCESS[2]]);
        assert_eq!(matching("[ip, ..., bytes > 4000]", &ACCESS), [ACCESS[1], ACCESS[2]]);
        assert_eq!(matching("[ip, u, n, t, request=\"*html*\", s != 404 && s >= 500, b]", &ACCESS), [ACCESS[1]]);
        assert_eq!(matching("[..., s = 200 || s = 404, b]", &ACCESS), [ACCESS[0], ACCESS[2]]);
        assert_eq!(matching(r"[ip=%127\.0\.0\.[2-9]%, ...]", &ACCESS), [ACCESS[2]]);
        assert_eq!(matching("[..., request=*.html*, status_code=4*,]", &ACCESS), [ACCESS[2]]);
        for refused in ["[a, b", "[a > text]", "[..., a, ...]", "[a ! b]", "[=5]", "[a=%1%, b=%2%, c=%3%]"] {
            assert!(Pattern::parse(refused).is_err(), "{refused}");
        }
    }

    const EVENT: &str = r#"{"type": "UpdateTrail", "ip": "111.111.111.111", "list": ["value", "another"],
        "objects": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "none": null, "flag": true,
        "latency": 12.5, "a.b": {"c-d": "x"}, "grid": [[0, 1], [4, 5]]}"#;

    #[test]
    fn json_conditions_follow_the_documented_precedence() {
        for yes in [
            r#"{ $.type = "UpdateTrail" }"#,
            "{$.type=Update*}",
            "{ $.ip != 123.123.* }",
            r#"{ $.list[0] = "value" }"#,
            "{ $.objects[1].id = 2 }",
            "{ $.none IS NULL }",
            "{ $.missing NOT EXISTS }",
            "{ $.flag IS TRUE }",
            "{ $.latency >= 12.5 && $.latency < 1.3e1 }",
            "{ $.grid[1][0] = 4 }",
            "{ $.['a.b'].c-d = x }",
            "{ $.objects[*].name = b }",
            r"{ $.type = %Trail$% }",
            r#"{ $.type = "UpdateTrail" || $.grid[0][1] = no && $.list[1] = no }"#,
            "{ $.latency = * }",
        ] {
            assert!(Pattern::parse(yes).unwrap().matches(EVENT), "{yes}");
        }
        for no in [
            r#"{ ($.type = "UpdateTrail" || $.grid[0][1] = no) && $.list[1] = no }"#,
            "{ $.list = 1 }",
            "{ $.list != 1 }",
            "{ $.missing != 1 }",
            "{ $.missing IS NULL }",
            "{ $.none NOT EXISTS }",
            "{ $.flag IS FALSE }",
            "{ $.type > 5 }",
            "{ $.objects[7].id = 2 }",
        ] {
            assert!(!Pattern::parse(no).unwrap().matches(EVENT), "{no}");
        }
        assert!(!Pattern::parse("{ $.type = * }").unwrap().matches("not json"));
    }

    #[test]
    fn broken_json_conditions_are_refused() {
        for refused in [
            "{ $.a = 1",
            "{ }",
            "{ a = 1 }",
            "{ $.a }",
            "{ $.a = }",
            "{ $.a > x }",
            "{ $.a = 1 & $.b = 2 }",
            "{ ($.a = 1 }",
            "{ $.a = 1 } x",
            "{ $.a[x] = 1 }",
            "{ $.a[*].b[*] = 1 }",
            "{ $.a IS MAYBE }",
            "{ $.a = b@c }",
        ] {
            assert!(Pattern::parse(refused).is_err(), "{refused}");
        }
    }
}
