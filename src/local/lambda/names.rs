//! How callers name a function: `name`, `name:qualifier`, a partial ARN or an ARN.
//!
//! The forms and patterns are those of `FunctionName` in
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>. A function of another account or
//! region is refused, not looked up.

use std::sync::LazyLock;

use regex::Regex;

use super::super::ACCOUNT;
use super::super::wire::Fault;
use super::body::{invalid, missing, refused};

/// The version that changes.
pub(super) const LATEST: &str = "$LATEST";

const PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";

static FUNCTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?",
        r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9_-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?$",
    ))
    .ok()
});

/// A function, and which of its versions or aliases is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FunctionRef {
    pub(super) region: String,
    pub(super) name: String,
    pub(super) qualifier: Option<String>,
}

impl FunctionRef {
    /// Takes a name apart. `qualifier` is the separate parameter of the same name; both may be given
    /// when they agree.
    pub(super) fn parse(text: &str, region: &str, qualifier: Option<&str>) -> Result<Self, Fault> {
        let unmatched =
            || invalid(text, "functionName", &format!("Member must satisfy regular expression pattern: {PATTERN}"));
        let found = FUNCTION.as_ref().and_then(|pattern| pattern.captures(text)).ok_or_else(unmatched)?;
        let part = |name| found.name(name).map(|part| part.as_str().to_owned());
        let name = part("name").ok_or_else(unmatched)?;
        if name.len() > 64 {
            return Err(invalid(text, "functionName", "Member must have length less than or equal to 64"));
        }
        if part("account").is_some_and(|account| account != ACCOUNT) {
            return Err(Fault::new(403, "AccessDeniedException", "the function belongs to another account"));
        }
        if let Some(other) = part("region").filter(|other| other != region) {
            return Err(missing(format!("Functions from '{other}' are not reachable in this region ('{region}')")));
        }
        let qualifier = qualifier.filter(|text| !text.is_empty());
        if let Some(text) = qualifier
            && !(is_alias(text) || is_version(text) || text == LATEST)
        {
            let constraint = "Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)";
            return Err(invalid(text, "qualifier", constraint));
        }
        let derived = part("qualifier");
        if let (Some(derived), Some(given)) = (&derived, qualifier)
            && derived != given
        {
            return Err(refused(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ));
        }
        Ok(Self { region: region.to_owned(), name, qualifier: qualifier.map(str::to_owned).or(derived) })
    }

    /// `region` from an ARN, otherwise what the caller assumes.
    pub(super) fn region_of(text: &str, otherwise: &str) -> String {
        let region = FUNCTION.as_ref().and_then(|pattern| pattern.captures(text));
        region
            .and_then(|found| found.name("region").map(|part| part.as_str().to_owned()))
            .unwrap_or(otherwise.to_owned())
    }

    /// The function's ARN, without a qualifier.
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name)
    }

    /// The ARN of one of its versions or aliases.
    pub(super) fn arn_of(&self, qualifier: &str) -> String {
        format!("{}:{qualifier}", self.arn())
    }

    /// The ARN as it was asked for.
    pub(super) fn asked_arn(&self) -> String {
        self.qualifier.as_ref().map_or_else(|| self.arn(), |qualifier| self.arn_of(qualifier))
    }

    pub(super) fn not_found(&self) -> Fault {
        missing(format!("Function not found: {}", self.asked_arn()))
    }
}

/// Only digits.
pub(super) fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, at most 128 characters.
pub(super) fn is_alias(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= 128 && text.bytes().all(allowed) && !is_version(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, qualifier: Option<&str>) -> Result<(String, Option<String>), &'static str> {
        FunctionRef::parse(text, "eu-west-1", qualifier)
            .map(|found| (found.name, found.qualifier))
            .map_err(|fault| fault.code)
    }

    #[test]
    fn every_form_names_the_same_function() {
        for text in
            ["web", "function:web", "000000000000:function:web", "arn:aws:lambda:eu-west-1:000000000000:function:web"]
        {
            assert_eq!(parsed(text, None), Ok(("web".into(), None)), "{text}");
            assert_eq!(
                parsed(&format!("{text}:live"), Some("live")),
                Ok(("web".into(), Some("live".into()))),
                "{text}"
            );
        }
        assert_eq!(parsed("web:$LATEST", None), Ok(("web".into(), Some("$LATEST".into()))));
    }

    #[test]
    fn what_is_elsewhere_or_contradictory_is_refused() {
        assert_eq!(
            parsed("arn:aws:lambda:us-east-1:000000000000:function:web", None),
            Err("ResourceNotFoundException")
        );
        assert_eq!(parsed("123456789012:function:web", None), Err("AccessDeniedException"));
        assert_eq!(parsed("web:a", Some("b")), Err("InvalidParameterValueException"));
        assert_eq!(parsed("we b", None), Err("ValidationException"));
        assert_eq!(parsed(&"w".repeat(65), None), Err("ValidationException"));
        assert_eq!(parsed("web", Some("a.b")), Err("ValidationException"));
    }
}
