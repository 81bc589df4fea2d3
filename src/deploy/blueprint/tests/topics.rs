//! Topics, who may send where because of them, and alarms.

use serde_json::{Value, json};

use super::super::*;
use super::{packages, place, web};
use crate::config;
use crate::deploy::alarms;

const YAML: &str = "app: shop
runtime: python3.13
traffic: { canary: 10%, for: 1m }
alarms: [failing, others]
resources:
  news: { type: topic, subscribe: [archive] }
  incidents: topic
  forced: { type: topic, encrypted: true }
  archive: queue
  lost: { type: queue, dlq: true }
  failing: { type: alarm, function: web, above: 5, notify: [incidents, forced, ops@example.com] }
  stuck: { type: alarm, queue: lost-dlq, above: 0, notify: ops@example.com }
  lines: { type: log_alarm, function: job, pattern: ERROR, notify: boss@example.com }
functions:
  web: { wsgi: 'app:app', uses: [news] }
  job:
    handler: app.job
    triggers: [{ sns: { topic: news, dlq: lost } }, { sns: 'arn:aws:sns:us-east-1:210987654321:theirs' }]
stages: { dev: {} }
";

fn stage() -> StageConfig {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("rzap.yaml", YAML), ("app.py", "")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    config::load(folder.path(), &|_| None).unwrap().stage(None).unwrap()
}

fn drawn() -> BTreeMap<String, Value> {
    let packages = packages(Package { static_files: None, ..web("1", &[]) });
    let drawn = blueprint(&stage(), &packages, &place()).unwrap();
    drawn.resources.iter().map(|any| (any.key().to_string(), any.managed())).collect()
}

#[test]
fn a_topic_that_an_alarm_publishes_to_has_no_key_unless_it_must() {
    let drawn = drawn();
    let encrypted = |name: &str| drawn[&format!("topic `shop-dev-{name}`")]["encrypted"].clone();
    assert_eq!(["news", "incidents", "forced"].map(encrypted), [json!(true), json!(false), json!(true)]);
    let mails: Vec<&Value> = drawn.iter().filter(|(key, _)| key.contains("-notify-")).map(|(_, topic)| topic).collect();
    let addresses: BTreeSet<&str> = mails.iter().filter_map(|topic| topic["subscribers"][0].as_str()).collect();
    assert_eq!(
        addresses,
        BTreeSet::from(["email boss@example.com", "email ops@example.com"]),
        "each is confirmed once"
    );
    assert!(mails.len() == 2 && mails.iter().all(|topic| topic["encrypted"] == false));
}

#[test]
fn queues_let_in_exactly_who_sends() {
    let drawn = drawn();
    let senders = |name: &str| drawn[&format!("queue `shop-dev-{name}`")]["senders"].clone();
    let news =
        json!([{ "service": "sns.amazonaws.com", "source": "arn:aws:sns:eu-west-1:123456789012:shop-dev-news" }]);
    assert_eq!((senders("archive"), senders("lost"), senders("lost-dlq")), (news.clone(), news, Value::Null));
}

#[test]
fn alarms_look_at_what_the_config_names() {
    let drawn = drawn();
    let alarm = |name: &str| drawn[&format!("alarm `shop-dev-{name}`")].clone();
    assert_eq!(alarm("failing")["dimensions"], json!({ "FunctionName": "shop-dev-web" }));
    assert_eq!(alarm("stuck")["dimensions"], json!({ "QueueName": "shop-dev-lost-dlq" }));
    assert_eq!(alarm("failing")["actions"].as_array().map(Vec::len), Some(3));
    let lines = alarm("lines");
    assert_eq!(json!([lines["namespace"], lines["metric"]]), json!(["rzap/shop/dev", "shop-dev-lines"]));
    assert!(drawn.contains_key("metric filter `/aws/lambda/shop-dev-job/shop-dev-lines`"));
    assert_eq!(alarms::of_stage(&stage()), ["shop-dev-failing", "others"], "those of the app by their names on AWS");
}

#[test]
fn a_function_may_publish_where_it_says_so_and_hears_topics_of_others() {
    let drawn = drawn();
    let roles: String =
        drawn.iter().filter(|(key, _)| key.starts_with("role `")).map(|(_, it)| it.to_string()).collect();
    assert_eq!(roles.matches("sns:Publish").count(), 1);
    assert!(drawn.contains_key("subscription `shop-dev-job/theirs`"));
    let own = &drawn["subscription `shop-dev-job/shop-dev-news`"];
    assert_eq!(own["dead_letters"], "arn:aws:sqs:eu-west-1:123456789012:shop-dev-lost");
}
