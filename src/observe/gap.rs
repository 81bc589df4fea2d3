//! What could not be read, and why: a report says what it leaves out instead of failing as a whole.

use serde::Serialize;

use crate::aws::{denied_action, is_denied};
use crate::error::Error;

/// A part that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Gap {
    /// `metrics`
    pub(crate) what: String,
    /// The permission that is missing, `cloudwatch:GetMetricData`; null when it failed for another reason.
    pub(crate) action: Option<String>,
    /// What AWS said.
    pub(crate) why: String,
}

impl Gap {
    /// `action` is the call's, where AWS names none.
    pub(crate) fn new(what: impl Into<String>, action: Option<&str>, error: &Error) -> Self {
        let denied = is_denied(error);
        let action = if denied { denied_action(error).or(action) } else { None };
        Self { what: what.into(), action: action.map(str::to_owned), why: error.to_string() }
    }

    /// `metrics (cloudwatch:GetMetricData is missing)`
    pub(crate) fn text(&self) -> String {
        match &self.action {
            Some(action) => format!("{} ({action} is missing)", self.what),
            None => format!("{} ({})", self.what, self.why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_names_the_permission_or_the_reason() {
        let denied = |cause: &str| {
            let mut error = Error::access("failed to read the metrics");
            error.causes.push(cause.to_owned());
            Gap::new("metrics", Some("cloudwatch:GetMetricData"), &error).text()
        };
        assert_eq!(denied("AccessDenied"), "metrics (cloudwatch:GetMetricData is missing)");
        let named = "AccessDenied: User: x is not authorized to perform: logs:FilterLogEvents on resource: y";
        assert_eq!(denied(named), "metrics (logs:FilterLogEvents is missing)");
        let broken = Gap::new("metrics", Some("cloudwatch:GetMetricData"), &Error::failed("failed to read: no route"));
        assert_eq!((broken.action.clone(), broken.text()), (None, "metrics (failed to read: no route)".to_owned()));
    }
}
