//! Names of apps, stages and functions, patterns of stages, and the shape of a region.
//!
//! Owns what a name may look like. How names become names on AWS is `deploy`'s business.

/// At most this many characters; together they stay readable in `{app}-{stage}-{function}`.
pub(super) const APP: usize = 40;
pub(super) const STAGE: usize = 30;
pub(super) const FUNCTION: usize = 40;
pub(super) const RESOURCE: usize = 40;

/// What is wrong with `name` as the name of an app, a stage or a function.
pub(super) fn fault(name: &str, longest: usize) -> Option<String> {
    fault_in(name, longest, is_name_char)
}

/// Like `fault`, for a stage in the file, which may be a pattern: `pr-*`.
pub(super) fn stage_fault(name: &str) -> Option<String> {
    fault_in(name, STAGE, |each| is_name_char(each) || each == '*')
}

fn fault_in(name: &str, longest: usize, allowed: impl Fn(char) -> bool) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(wrong) = name.chars().find(|&each| !allowed(each)) {
        let fixed = name.to_lowercase().replace(['_', ' ', '.', '/'], "-");
        let helps = fixed.chars().all(allowed);
        return Some(if helps {
            format!("only a-z, 0-9 and `-`; how about `{fixed}`?")
        } else {
            format!("only a-z, 0-9 and `-`, no `{}`", wrong.escape_debug())
        });
    }
    if name.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return Some("it has to start with a letter".to_owned());
    }
    (name.len() > longest).then(|| format!("{} characters, at most {longest} are allowed", name.len()))
}

fn is_name_char(each: char) -> bool {
    each.is_ascii_lowercase() || each.is_ascii_digit() || each == '-'
}

/// True for a stage that stands for many.
pub(super) fn is_pattern(stage: &str) -> bool {
    stage.contains('*')
}

/// A name the pattern matches, to check the stage with before anybody names one.
pub(super) fn example(pattern: &str) -> String {
    pattern.replace('*', "x")
}

/// True when `name` is `pattern` with something (or nothing) in place of each `*`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter(|&at| tail.is_char_boundary(at)).any(|at| matches(rest, &tail[at..]))
        }),
    }
}

/// True for the shape all AWS regions have: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    let word = |part: &&str| !part.is_empty() && part.chars().all(|each| each.is_ascii_lowercase());
    (2..=4).contains(&first.len())
        && word(first)
        && !middle.is_empty()
        && middle.iter().all(word)
        && (1..=2).contains(&last.len())
        && last.chars().all(|each| each.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_names_say_what_to_do() {
        let cases = [
            ("guestbook-2", None),
            ("", Some("it is empty")),
            ("My App", Some("only a-z, 0-9 and `-`; how about `my-app`?")),
            ("café", Some("only a-z, 0-9 and `-`, no `é`")),
            ("2go", Some("it has to start with a letter")),
            ("-a", Some("it has to start with a letter")),
            ("abcdefghijkl", Some("12 characters, at most 11 are allowed")),
        ];
        for (name, expected) in cases {
            assert_eq!(fault(name, 11).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn patterns_match_names() {
        for (pattern, name, expected) in [
            ("pr-*", "pr-41", true),
            ("pr-*", "pr-", true),
            ("pr-*", "dev", false),
            ("*-preview", "x-preview", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("*", "anything", true),
            ("dev", "dev", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn regions_have_a_shape() {
        for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-10", "eusc-de-east-1", "us-isob-east-1"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "eu", "eu-west", "eu-1", "eu-west1", "EU-west-1", "eu--1", "eu-west-1a", "us-east-"] {
            assert!(!is_region(bad), "{bad}");
        }
    }
}
