//! Whether a role may do something, for the services that act in a role's name.
//!
//! Read are its inline policies and its customer managed ones. What is in AWS's managed policies is not
//! known here, so a role that has one may do anything. A statement with a condition does not count.

use regex::RegexBuilder;
use serde_json::Value;

use super::{Iam, one_or_many};

impl Iam {
    /// Whether the policies of the role with this ARN allow `action` (`lambda:InvokeFunction`) on `resource`,
    /// an ARN, and none denies it.
    pub(crate) fn permits(&self, role: &str, action: &str, resource: &str) -> bool {
        self.state.read(|state| {
            let Some(role) = state.roles.values().find(|it| it.arn() == role) else { return false };
            let managed: Vec<_> = role.attached.keys().map(|arn| state.policies.get(arn)).collect();
            let unknown = managed.iter().any(Option::is_none);
            let documents = role.inline.values().chain(managed.into_iter().flatten().map(|policy| &policy.document));
            let documents: Vec<Value> = documents.filter_map(|text| serde_json::from_str(text).ok()).collect();
            let says = |effect| documents.iter().any(|document| covers(document, effect, action, resource));
            !says("Deny") && (unknown || says("Allow"))
        })
    }
}

/// Whether a statement with this effect is about that action on that resource.
fn covers(document: &Value, effect: &str, action: &str, resource: &str) -> bool {
    let named = |statement: &Value, one: &str, other: &str, what: &str, exact: bool| {
        let any = |patterns: &Value| {
            one_or_many(patterns).iter().filter_map(|it| it.as_str()).any(|pattern| matches(pattern, what, exact))
        };
        match (&statement[one], &statement[other]) {
            (Value::Null, Value::Null) => false,
            (Value::Null, not) => !any(not),
            (patterns, _) => any(patterns),
        }
    };
    one_or_many(&document["Statement"]).iter().any(|statement| {
        statement["Effect"] == effect
            && statement["Condition"].is_null()
            && named(statement, "Action", "NotAction", action, false)
            && named(statement, "Resource", "NotResource", resource, true)
    })
}

/// `*` is any text, `?` any character. The case of letters counts in ARNs (`exact`), not in actions.
pub(crate) fn matches(pattern: &str, text: &str, exact: bool) -> bool {
    let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    let pattern = RegexBuilder::new(&format!("^{pattern}$")).case_insensitive(!exact).build();
    pattern.is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CALL: &str = "lambda:InvokeFunction";
    const LIVE: &str = "arn:aws:lambda:eu-west-1:000000000000:function:web:live";

    fn allows(statement: &Value) -> bool {
        covers(&json!({ "Statement": statement }), "Allow", CALL, LIVE)
    }

    #[test]
    fn a_statement_covers_what_it_names_and_nothing_else() {
        let of = |action: Value, resource: Value| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        assert!(allows(&of(json!(CALL), json!([LIVE]))));
        assert!(allows(&json!([
            of(json!("s3:*"), json!("*")),
            of(json!(["LAMBDA:invoke*"]), json!("arn:aws:lambda:*:web:*"))
        ])));
        assert!(allows(&json!({"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::*"})));
        assert!(!allows(&of(json!(CALL), json!(LIVE.trim_end_matches(":live")))));
        assert!(!allows(&of(json!(CALL), json!(LIVE.to_uppercase()))));
        assert!(!allows(&of(json!("lambda:GetFunction"), json!("*"))));
        assert!(!allows(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"})));
        assert!(!allows(&json!({"Effect": "Allow", "Action": CALL})));
        let mut conditional = of(json!("*"), json!("*"));
        conditional["Condition"] = json!({"StringEquals": {"aws:PrincipalTag/x": "y"}});
        assert!(!allows(&conditional));
    }
}
