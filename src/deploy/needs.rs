//! What whoever runs rzap has to be allowed: each kind of resource says it beside the calls it makes
//! ([`Resource::needs`](super::resource::Resource::needs)), and here an app's least policy is put together of that.
//!
//! Names are computed, so ARNs narrow down to the app's, or to one stage's. A text may have `{partition}`,
//! `{region}`, `{account}`, `{app}`, `{stage}`, `{bucket}` (of the artifacts), `{names}` (whatever begins with the
//! names of the stage), `{layers}` (the same of layers) and `{group}` (of the schedules) in it. What is not known is `*`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::blueprint::kinds_of;
use super::kinds::Kind;
use super::names::{bucket_name, function_prefix, layer_prefix, schedule_group_name};
use super::resource::Owner;
use crate::config::triggers::Trigger;
use crate::config::{FunctionConfig, Http, StageConfig};

/// The most characters of a managed policy, without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(crate) const MANAGED_LIMIT: usize = 6_144;

/// What it takes to have another service write into `CloudWatch` Logs; none of it knows of single resources.
pub(crate) const LOG_DELIVERY: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
];

/// Calls that one kind makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    actions: &'static [&'static str],
    on: &'static [&'static str],
    /// ARNs that the config names.
    named: fn(&StageConfig) -> Vec<String>,
    /// Operator, key and values.
    condition: Option<Condition>,
    when: fn(&StageConfig) -> bool,
}

/// Under which condition a call is allowed: operator, key, and the values it may have.
type Condition = (&'static str, &'static str, fn(&StageConfig) -> Vec<String>);

impl Need {
    /// These actions on these ARNs.
    pub(crate) const fn on(on: &'static [&'static str], actions: &'static [&'static str]) -> Self {
        Self { actions, on, named: nothing, condition: None, when: always }
    }

    /// Actions that know no resource, or whose resource has no name that could be computed.
    pub(crate) const fn anywhere(actions: &'static [&'static str]) -> Self {
        Self::on(&["*"], actions)
    }

    /// Also on ARNs that the config names; without any, and without others, it is not needed at all.
    pub(crate) const fn and_on(self, named: fn(&StageConfig) -> Vec<String>) -> Self {
        Self { named, ..self }
    }

    /// Only in stages whose config says so.
    pub(crate) const fn when(self, when: fn(&StageConfig) -> bool) -> Self {
        Self { when, ..self }
    }

    /// Only for these values of a condition key.
    pub(crate) const fn only(
        self,
        operator: &'static str,
        key: &'static str,
        values: fn(&StageConfig) -> Vec<String>,
    ) -> Self {
        Self { condition: Some((operator, key, values)), ..self }
    }
}

fn always(_: &StageConfig) -> bool {
    true
}

fn nothing(_: &StageConfig) -> Vec<String> {
    Vec::new()
}

/// What `alarms:` takes, which are nobody's resource.
const ALARMS: Need = Need::anywhere(&["cloudwatch:DescribeAlarms"]).when(|stage| !stage.alarms.is_empty());

/// What `status` reads besides what kinds need: numbers, queues of others, and what domains lead to an API.
const NUMBERS: [Need; 3] = [
    Need::anywhere(&["cloudwatch:GetMetricData"]),
    Need::on(&[], &["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]).and_on(read_queues),
    Need::on(
        &["arn:{partition}:apigateway:{region}::/domainnames", "arn:{partition}:apigateway:{region}::/domainnames/*"],
        &["apigateway:GET"],
    )
    .when(has_api),
];

/// The ARNs of queues that are not the stage's own and wake its functions.
fn read_queues(stage: &StageConfig) -> Vec<String> {
    let triggers = stage.functions.values().flat_map(|function| &function.triggers);
    let arns = triggers.filter_map(|trigger| match trigger {
        Trigger::Sqs(sqs) => sqs.queue.arn(),
        _ => None,
    });
    arns.collect()
}

fn has_api(stage: &StageConfig) -> bool {
    let answers = |function: &FunctionConfig| {
        let routes = function.triggers.iter().any(|trigger| matches!(trigger, Trigger::Http(_)));
        routes || matches!(function.http, Some(Http::Rest | Http::Api))
    };
    stage.functions.values().any(answers)
}

/// One stage of the app, or all that its name may be, and where.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) config: &'a StageConfig,
    /// Whether it is about this stage alone, and not about every stage of the app.
    pub(crate) alone: bool,
    /// `*` where it is not known.
    pub(crate) account: &'a str,
    /// The same.
    pub(crate) region: &'a str,
}

impl Scope<'_> {
    fn fill(&self, text: &str) -> String {
        let owner = Owner::of(self.config);
        let all = format!("{}-", owner.app);
        let pick = |one: String| if self.alone { format!("{one}*") } else { format!("{all}*") };
        let values = [
            ("{partition}", partition(self.region).to_owned()),
            ("{region}", self.region.to_owned()),
            ("{account}", self.account.to_owned()),
            ("{app}", owner.app.clone()),
            ("{stage}", if self.alone { owner.stage.clone() } else { "*".to_owned() }),
            ("{bucket}", bucket_name(self.account, self.region)),
            ("{names}", pick(function_prefix(&owner))),
            ("{layers}", pick(layer_prefix(&owner))),
            ("{group}", if self.alone { schedule_group_name(&owner) } else { format!("{all}*") }),
        ];
        values.iter().fold(text.to_owned(), |text, (placeholder, value)| text.replace(placeholder, value))
    }
}

/// The partition of a region. <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub(crate) fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// A statement in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    kind: String,
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    condition: Option<(String, String, BTreeSet<String>)>,
}

impl Statement {
    fn of(kind: &str, need: &Need, scope: &Scope<'_>) -> Option<Self> {
        let named = (need.named)(scope.config);
        let named = named.iter().map(String::as_str);
        let resources: BTreeSet<String> = need.on.iter().copied().chain(named).map(|text| scope.fill(text)).collect();
        let condition = need.condition.map(|(operator, key, values)| {
            let values = values(scope.config).into_iter().map(|value| scope.fill(&value)).collect();
            (operator.to_owned(), key.to_owned(), values)
        });
        let actions = need.actions.iter().map(|action| (*action).to_owned()).collect();
        let kind = camel(kind);
        (!resources.is_empty() && (need.when)(scope.config)).then_some(Self { kind, actions, resources, condition })
    }

    fn json(&self, sid: &str) -> Value {
        let one_or_all = |texts: &BTreeSet<String>| match texts.first() {
            Some(only) if texts.len() == 1 => json!(only),
            _ => json!(texts),
        };
        let mut statement = json!({
            "Sid": sid, "Effect": "Allow", "Action": one_or_all(&self.actions), "Resource": one_or_all(&self.resources),
        });
        if let Some((operator, key, values)) = &self.condition {
            statement["Condition"] = json!({ operator: { key: one_or_all(values) } });
        }
        statement
    }
}

/// `event_source_mapping` as `EventSourceMapping`.
fn camel(word: &str) -> String {
    let parts = word.split('_').filter_map(|part| {
        let mut letters = part.chars();
        Some(letters.next()?.to_ascii_uppercase().to_string() + letters.as_str())
    });
    parts.collect()
}

/// The least policy for whoever runs rzap on these stages: one document, or as many as it takes for each to fit
/// into a managed policy.
pub(crate) fn policies(scopes: &[Scope<'_>]) -> Vec<Value> {
    let mut all: Vec<Statement> = Vec::new();
    for scope in scopes {
        let rare = kinds_of(scope.config);
        let kinds = Kind::ALL.into_iter().filter(|kind| !kind.is_rare() || rare.contains(kind));
        let needs = kinds.flat_map(|kind| kind.needs().into_iter().map(move |need| (kind.word(), need)));
        let commands = NUMBERS.into_iter().map(|need| ("status", need));
        for (kind, need) in needs.chain([("alarms", ALARMS)]).chain(commands) {
            let Some(statement) = Statement::of(kind, &need, scope) else { continue };
            // The same calls in another region, or of a stage that names other things.
            let same = |it: &&mut Statement| it.actions == statement.actions && it.condition == statement.condition;
            match all.iter_mut().filter(|it| it.kind == statement.kind).find(same) {
                Some(there) => there.resources.extend(statement.resources),
                None => all.push(statement),
            }
        }
    }
    let mut merged: Vec<Statement> = Vec::new();
    for statement in all {
        let same = |it: &&mut Statement| (&it.resources, &it.condition) == (&statement.resources, &statement.condition);
        match merged.iter_mut().find(same) {
            Some(there) => there.actions.extend(statement.actions),
            None => merged.push(statement),
        }
    }
    split(named(&merged))
}

/// With a `Sid` each, unique.
fn named(statements: &[Statement]) -> Vec<Value> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let statements = statements.iter().map(|statement| {
        let any = statement.resources.len() == 1 && statement.resources.contains("*") && statement.condition.is_none();
        let passes = statement.actions.len() == 1 && statement.actions.contains("iam:PassRole");
        let kind = match () {
            () if any => "Anywhere",
            () if passes => "PassRole",
            () => statement.kind.as_str(),
        };
        let count = times.entry(kind).or_default();
        *count += 1;
        statement.json(&if *count == 1 { kind.to_owned() } else { format!("{kind}{count}") })
    });
    statements.collect()
}

/// One document after another, each as full as it can be.
fn split(statements: Vec<Value>) -> Vec<Value> {
    let document = |statements: &[Value]| json!({"Version": "2012-10-17", "Statement": statements});
    let mut documents = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    for statement in statements {
        open.push(statement);
        if open.len() > 1 && size(&document(&open)) > MANAGED_LIMIT {
            let last = open.split_off(open.len() - 1);
            documents.push(document(&open));
            open = last;
        }
    }
    documents.push(document(&open));
    documents
}

/// Characters of a policy as IAM counts them: without white space. (None is in a name or an ARN of ours.)
pub(crate) fn size(policy: &Value) -> usize {
    policy.to_string().chars().filter(|letter| !letter.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_what_it_needs_in_words_that_are_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let yaml = "app: shop\nruntime: python3.13\nhandler: app.handler\nstages: { dev: {} }\n";
        for (name, text) in [("rzap.yaml", yaml), ("app.py", "")] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let config = crate::config::load(folder.path(), &|_| None).expect("a config").stage(None).expect("a stage");
        for alone in [true, false] {
            let scope = Scope { config: &config, alone, account: "*", region: "*" };
            for kind in Kind::ALL {
                assert!(!kind.needs().is_empty(), "{kind}");
                for need in kind.needs() {
                    assert!(need.actions.iter().all(|action| action.split_once(':').is_some()), "{kind}: {need:?}");
                    for text in need.on {
                        let filled = scope.fill(text);
                        assert!(
                            !filled.contains(['{', '}']) && (filled == "*" || filled.starts_with("arn:")),
                            "{filled}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_the_config_names_is_filled_in_like_everything_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let yaml = "app: shop\nruntime: python3.13\nhandler: app.handler\ntriggers: [{ logs: /others }]\nstages: { dev: {} }\n";
        for (name, text) in [("rzap.yaml", yaml), ("app.py", "")] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let config = crate::config::load(folder.path(), &|_| None).expect("a config").stage(None).expect("a stage");
        let scope = Scope { config: &config, alone: true, account: "*", region: "eu-west-1" };
        let needs = Kind::LogSubscription.needs();
        let statement = Statement::of("log_subscription", &needs[0], &scope).expect("a statement");
        let group = "arn:aws:logs:eu-west-1:*:log-group:/others:*".to_owned();
        assert!(statement.resources.contains(&group), "IAM takes no `*` for the partition: {statement:?}");
    }

    #[test]
    fn an_api_of_routes_alone_needs_what_any_api_needs() {
        let folder = tempfile::tempdir().expect("a folder");
        let yaml = |front: &str| {
            format!("app: shop\nruntime: python3.13\nhandler: app.handler\n{front}\nstages: {{ dev: {{}} }}\n")
        };
        std::fs::write(folder.path().join("app.py"), "").expect("a file");
        let may_post = |front: &str| {
            std::fs::write(folder.path().join("rzap.yaml"), yaml(front)).expect("a file");
            let config = crate::config::load(folder.path(), &|_| None).expect("a config").stage(None).expect("a stage");
            Kind::Api.needs().iter().any(|need| need.actions.contains(&"apigateway:POST") && (need.when)(&config))
        };
        assert!(may_post("http: rest") && may_post("triggers: [{ http: { route: GET /a, api: rest } }]"));
        assert!(!may_post("http: url"));
    }

    #[test]
    fn what_is_too_large_for_one_policy_becomes_several() {
        let statement = |index: usize| json!({"Sid": format!("S{index}"), "Resource": "x".repeat(1_000)});
        let documents = split((0..20).map(statement).collect());
        assert_eq!(documents.len(), 4);
        assert!(documents.iter().all(|document| size(document) <= MANAGED_LIMIT));
        let all: Vec<&Value> =
            documents.iter().flat_map(|it| it["Statement"].as_array().into_iter().flatten()).collect();
        assert_eq!(all.len(), 20);
    }

    #[test]
    fn a_size_is_counted_without_white_space() {
        assert_eq!(size(&json!({"a b": 1})), 8);
    }
}
