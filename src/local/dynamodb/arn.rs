//! ARNs and stream labels: the engine knows neither regions nor AWS's spelling of a label.
//!
//! Inside, every ARN is in the region `dynoxide` and a label is `SECONDS.NANOSECONDS`; outside they are
//! this region's and a time (`2026-11-21T12:00:00.000`). Only descriptions of tables are rewritten, never
//! items.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/list_amazondynamodb.html#amazondynamodb-resources-for-iam-policies>

use serde_json::Value;

use super::not_found;
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

const INSIDE: &str = "arn:aws:dynamodb:dynoxide:";

/// The ARN of a table.
pub(super) fn table(region: &str, name: &str) -> String {
    format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}")
}

/// The ARN of a table's stream; `label` as it is outside.
pub(super) fn stream(region: &str, table_name: &str, label: &str) -> String {
    format!("{}/stream/{label}", table(region, table_name))
}

/// The table's name in an ARN of this account and region; what follows the name is dropped.
pub(super) fn table_name<'a>(region: &str, arn: &'a str) -> Result<&'a str, Fault> {
    let rest = arn
        .strip_prefix(&table(region, ""))
        .ok_or_else(|| not_found(format!("Requested resource not found: {arn} is not in this account and region")))?;
    Ok(rest.split('/').next().unwrap_or_default())
}

/// The table and the label of a stream's ARN.
pub(super) fn stream_parts<'a>(region: &str, arn: &'a str) -> Option<(&'a str, &'a str)> {
    arn.strip_prefix(&table(region, ""))?.split_once("/stream/")
}

/// A label as it is outside; what is not the engine's own form stays.
pub(super) fn label(inside: &str) -> String {
    let time = inside
        .split_once('.')
        .and_then(|(seconds, nanoseconds)| jiff::Timestamp::new(seconds.parse().ok()?, nanoseconds.parse().ok()?).ok());
    time.map_or_else(|| inside.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string())
}

/// An answer as it leaves this region.
pub(super) fn outward(operation: &str, region: &str, answer: Vec<u8>) -> Vec<u8> {
    if !matches!(operation, "CreateTable" | "UpdateTable" | "DeleteTable" | "DescribeTable") {
        return answer;
    }
    match serde_json::from_slice(&answer) {
        Ok(mut document) => {
            rewrite(region, &mut document);
            document.to_string().into_bytes()
        }
        Err(_) => answer,
    }
}

/// An error document as it leaves this region.
pub(super) fn outward_text(region: &str, text: &str) -> String {
    text.replace(INSIDE, &format!("arn:aws:dynamodb:{region}:"))
}

fn rewrite(region: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(INSIDE) {
                let rest = match rest.split_once("/stream/") {
                    Some((table, inside)) => format!("{table}/stream/{}", label(inside)),
                    None => rest.to_owned(),
                };
                *text = format!("arn:aws:dynamodb:{region}:{rest}");
            } else if let Some(rest) = text.strip_prefix("arn:aws:kms:dynoxide:") {
                *text = format!("arn:aws:kms:{region}:{rest}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rewrite(region, value)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "LatestStreamLabel" => *text = label(text),
                    value => rewrite(region, value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_description_leaves_with_the_arns_of_its_region() {
        let inside = json!({"TableDescription": {
            "TableArn": "arn:aws:dynamodb:dynoxide:000000000000:table/t",
            "LatestStreamLabel": "1732192739.123456000",
            "LatestStreamArn": "arn:aws:dynamodb:dynoxide:000000000000:table/t/stream/1732192739.123456000",
            "TableName": "t"
        }});
        let outside = outward("DescribeTable", "eu-west-1", inside.to_string().into_bytes());
        let outside: Value = serde_json::from_slice(&outside).unwrap();
        let described = &outside["TableDescription"];
        assert_eq!(described["TableArn"], "arn:aws:dynamodb:eu-west-1:000000000000:table/t");
        assert_eq!(described["LatestStreamLabel"], "2024-11-21T12:38:59.123");
        let stream = described["LatestStreamArn"].as_str().unwrap();
        assert_eq!(stream_parts("eu-west-1", stream), Some(("t", "2024-11-21T12:38:59.123")));
        assert_eq!(stream_parts("eu-west-2", stream), None);
        assert_eq!(table_name("eu-west-1", stream).unwrap(), "t");
        assert!(table_name("us-east-1", stream).is_err());
    }

    #[test]
    fn items_are_left_alone() {
        let item = br#"{"Item":{"a":{"S":"arn:aws:dynamodb:dynoxide:1"}}}"#.to_vec();
        assert_eq!(outward("GetItem", "eu-west-1", item.clone()), item);
    }
}
