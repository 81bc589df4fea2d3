//! What a parameter may be called, and the ways to name one in a request.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html#sysman-parameter-name-constraints>

use super::arn;
use crate::local::members::invalid;
use crate::local::wire::Fault;

/// Levels of a hierarchy.
const DEEPEST: usize = 15;
/// Characters of the ARN.
const LONGEST: usize = 1011;

/// Refuses what no new parameter may be called.
pub(super) fn check(region: &str, name: &str) -> Result<(), Fault> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    let lower = bare.to_ascii_lowercase();
    if name.starts_with('/') && lower.starts_with("aws") {
        let message = format!("No access to reserved parameter name: {bare}.");
        return Err(Fault::new(400, "AccessDeniedException", message));
    }
    let is_path = name.starts_with('/');
    if lower.starts_with("aws") || lower.starts_with("ssm") {
        let more = if is_path {
            " If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
        } else {
            ""
        };
        return Err(invalid(format!(
            "Parameter name: can't be prefixed with \"{}\" (case-insensitive).{more}",
            if is_path { "ssm" } else { "aws\" or \"ssm" }
        )));
    }
    if name.contains('/') && !is_path {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    let well =
        |part: &str| !part.is_empty() && part.chars().all(|each| each.is_ascii_alphanumeric() || "._-".contains(each));
    if !bare.split('/').all(well) {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if bare.split('/').count() > DEEPEST {
        let message = format!(
            "The hierarchy depth of {name} is more than the maximum depth of {DEEPEST} levels, which is not allowed."
        );
        return Err(Fault::new(400, "HierarchyLevelLimitExceededException", message));
    }
    if arn(region, name).len() > LONGEST {
        return Err(invalid(format!("The parameter name is too long: its ARN may have {LONGEST} characters.")));
    }
    Ok(())
}

/// Name and selector of `NAME`, `NAME:3`, `NAME:label`, or the same with an ARN of this account.
pub(super) fn parse<'a>(region: &str, text: &'a str) -> (String, Option<&'a str>) {
    let colons = if text.starts_with("arn:") { 5 } else { 0 };
    let (name, selector) = match text.rsplit_once(':') {
        Some((name, selector)) if text.matches(':').count() > colons => (name, Some(selector)),
        _ => (text, None),
    };
    let prefix = arn(region, "/");
    match name.strip_prefix(&prefix) {
        // An ARN has a slash before the name of a parameter that has none.
        Some(rest) if !rest.contains('/') => (rest.to_owned(), selector),
        Some(rest) => (format!("/{rest}"), selector),
        None => (name.to_owned(), selector),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_named_in_several_ways() {
        let parse = |text| parse("eu-west-1", text);
        assert_eq!(parse("/a/b"), ("/a/b".to_owned(), None));
        assert_eq!(parse("/a/b:3"), ("/a/b".to_owned(), Some("3")));
        assert_eq!(parse("plain:live"), ("plain".to_owned(), Some("live")));
        assert_eq!(parse("arn:aws:ssm:eu-west-1:000000000000:parameter/a/b"), ("/a/b".to_owned(), None));
        assert_eq!(parse("arn:aws:ssm:eu-west-1:000000000000:parameter/plain:2"), ("plain".to_owned(), Some("2")));
    }

    #[test]
    fn names_that_aws_keeps_for_itself_are_refused() {
        for name in [
            "aws-x",
            "/aws/x",
            "SSMx",
            "/ssm/x",
            "a/b",
            "/a//b",
            "a b",
            "/a/",
            "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16",
        ] {
            assert!(check("eu-west-1", name).is_err(), "{name}");
        }
        for name in ["a", "/a", "/shop/dev/api-key", "A.b_c-1"] {
            assert!(check("eu-west-1", name).is_ok(), "{name}");
        }
    }
}
