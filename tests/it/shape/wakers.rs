//! The part of a shape that is about what wakes functions and what they talk to: queues, topics, tables, buses, alarms,
//! subscriptions, event source mappings, parameters and secrets.
//!
//! Of a value that was made up only its name is looked at.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{Look, forget, text};

/// What differs from run to run besides what [`forget`] knows: numbers, labels, how many are waiting.
const OF_ONE_RUN: [&str; 22] = [
    "EventSourceMappingArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "UUID",
    "LastProcessingResult",
    "StateTransitionReason",
    "CreationDateTime",
    "LatestStreamArn",
    "LatestStreamLabel",
    "TableId",
    "ItemCount",
    "TableSizeBytes",
    "LastUpdateToPayPerRequestDateTime",
    "AlarmConfigurationUpdatedTimestamp",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
    "StateReason",
    "StateReasonData",
    "StateValue",
];

impl Look<'_> {
    pub(super) fn wakers(&self) -> Value {
        let mut all = json!({
            "queues": self.queues(), "topics": self.topics(), "subscriptions": self.subscriptions(), "mappings": self.mappings(),
            "rules": self.rules(), "tables": self.tables(), "alarms": self.alarms(), "log subscriptions": self.log_subscriptions(),
            "parameters": self.parameters(), "secrets": self.secrets(),
        });
        forget(&mut all);
        clean(&mut all);
        all
    }

    fn queues(&self) -> Value {
        let urls = self.target("sqs", "AmazonSQS.ListQueues", &json!({}))["QueueUrls"].take();
        urls.as_array()
            .into_iter()
            .flatten()
            .map(|url| {
                let input = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
                let attributes = self.target("sqs", "AmazonSQS.GetQueueAttributes", &input)["Attributes"].take();
                let tags = self.target("sqs", "AmazonSQS.ListQueueTags", &json!({ "QueueUrl": url }))["Tags"].take();
                json!([attributes, tags])
            })
            .collect()
    }

    fn topics(&self) -> Value {
        static ARN: LazyLock<Regex> = LazyLock::new(|| Regex::new("<TopicArn>([^<]+)").expect("a rule"));
        let list = self.query("sns", "Action=ListTopics&Version=2010-03-31");
        let attributes = |arn: &str| {
            let all = self.query("sns", &format!("Action=GetTopicAttributes&TopicArn={arn}&Version=2010-03-31"));
            json!([arn, entries(&all, &["SubscriptionsConfirmed", "SubscriptionsDeleted"])])
        };
        ARN.captures_iter(&list).map(|found| attributes(&found[1])).collect()
    }

    fn subscriptions(&self) -> Value {
        static ARN: LazyLock<Regex> = LazyLock::new(|| Regex::new("<SubscriptionArn>([^<]+)").expect("a rule"));
        let list = self.query("sns", "Action=ListSubscriptions&Version=2010-03-31");
        let attributes = |arn: &str| {
            let form = format!("Action=GetSubscriptionAttributes&SubscriptionArn={arn}&Version=2010-03-31");
            json!(entries(&self.query("sns", &form), &["SubscriptionArn"]))
        };
        let mut all: Vec<Value> = ARN.captures_iter(&list).map(|found| attributes(&found[1])).collect();
        all.sort_by_key(Value::to_string);
        json!(all)
    }

    fn mappings(&self) -> Value {
        let mut all = self.get("lambda", "/2015-03-31/event-source-mappings")["EventSourceMappings"].take();
        let all = all.as_array_mut().expect("a list");
        // One that is being made or deleted is done in a moment; streams have the time in their names.
        all.retain(|mapping| mapping["State"] != "Deleting");
        for mapping in all.iter_mut() {
            let source = text(&mapping["EventSourceArn"]);
            mapping["EventSourceArn"] = source.split("/stream/").next().into();
            mapping["State"].take();
        }
        all.sort_by_key(|mapping| mapping["EventSourceArn"].to_string() + &mapping["FunctionArn"].to_string());
        json!(all)
    }

    fn rules(&self) -> Value {
        let ask = |operation: &str, input: &Value| self.target("events", &format!("AWSEvents.{operation}"), input);
        let mut buses = ask("ListEventBuses", &json!({}))["EventBuses"].take();
        let buses = buses.as_array_mut().expect("a list");
        buses
            .iter()
            .map(|bus| {
                let bus = &bus["Name"];
                let mut rules = ask("ListRules", &json!({ "EventBusName": bus }))["Rules"].take();
                for rule in rules.as_array_mut().expect("a list") {
                    let input = json!({ "EventBusName": bus, "Rule": rule["Name"] });
                    rule["Targets"] = ask("ListTargetsByRule", &input)["Targets"].take();
                }
                json!([bus, rules])
            })
            .collect()
    }

    fn tables(&self) -> Value {
        let ask =
            |operation: &str, input: &Value| self.target("dynamodb", &format!("DynamoDB_20120810.{operation}"), input);
        let names = ask("ListTables", &json!({}))["TableNames"].take();
        let table = |name: &Value| ask("DescribeTable", &json!({ "TableName": name }))["Table"].take();
        names.as_array().expect("a list").iter().map(table).collect()
    }

    fn alarms(&self) -> Value {
        let ask = "GraniteServiceVersion20100801.DescribeAlarms";
        self.target("monitoring", ask, &json!({}))["MetricAlarms"].take()
    }

    fn log_subscriptions(&self) -> Value {
        let ask = |operation: &str, input: &Value| self.target("logs", &format!("Logs_20140328.{operation}"), input);
        let groups = ask("DescribeLogGroups", &json!({}))["logGroups"].take();
        let filters = groups.as_array().expect("a list").iter().map(|group| {
            let input = json!({ "logGroupName": group["logGroupName"] });
            let mut filters = ask("DescribeSubscriptionFilters", &input)["subscriptionFilters"].take();
            for filter in filters.as_array_mut().expect("a list") {
                filter["creationTime"].take();
            }
            filters
        });
        filters.collect()
    }

    fn parameters(&self) -> Value {
        let mut all = self.target("ssm", "AmazonSSM.DescribeParameters", &json!({}))["Parameters"].take();
        let names = all.as_array_mut().expect("a list").iter().map(|one| json!([one["Name"], one["Type"]]));
        names.collect()
    }

    fn secrets(&self) -> Value {
        let mut all = self.target("secretsmanager", "secretsmanager.ListSecrets", &json!({}))["SecretList"].take();
        all.as_array_mut().expect("a list").iter().map(|one| json!([one["Name"], one["Tags"]])).collect()
    }

    fn target(&self, service: &str, target: &str, input: &Value) -> Value {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        self.call("POST", service, "/", &headers, &input.to_string())
    }
}

/// The entries of a map in XML, but for some.
fn entries(xml: &str, without: &[&str]) -> Vec<[String; 2]> {
    static ENTRY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("<key>([^<]+)</key><value>([^<]*)</value>").expect("a rule"));
    let all = ENTRY.captures_iter(xml).map(|found| [found[1].to_owned(), found[2].to_owned()]);
    let mut all: Vec<_> = all.filter(|[key, _]| !without.contains(&key.as_str())).collect();
    all.sort();
    all
}

fn clean(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !OF_ONE_RUN.contains(&name.as_str()));
            fields.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}
