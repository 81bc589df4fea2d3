//! A request before the engine sees it: table ARNs become names, and what the engine would overlook
//! is refused.
//!
//! `TableName` may be an ARN in every operation
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html>).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{arn, invalid};
use crate::local::wire::Fault;

/// Members that ask for more than is here; `WarmThroughput` also in indexes.
const REFUSED: [&str; 8] = [
    "WarmThroughput",
    "ResourcePolicy",
    "GlobalTableSourceArn",
    "GlobalTableSettingsReplicationMode",
    "GlobalTableWitnessUpdates",
    "MultiRegionConsistency",
    "ReplicaUpdates",
    "Replicas",
];

/// The body that the engine gets.
pub(super) fn prepare<'a>(operation: &str, region: &str, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
    let shapes_a_table = matches!(operation, "CreateTable" | "UpdateTable");
    if body.is_empty() {
        return Err(malformed());
    }
    // Most requests are items: they are read once, by the engine.
    if !shapes_a_table && !contains(body, b"\"arn:") {
        return Ok(Cow::Borrowed(body));
    }
    let Ok(Value::Object(mut request)) = serde_json::from_slice(body) else { return Err(malformed()) };
    if shapes_a_table {
        refuse(operation, &request)?;
    }
    let mut changed = name(region, &mut request)?;
    if let Some(Value::Array(parts)) = request.get_mut("TransactItems") {
        for part in parts.iter_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            if let Some(part) = part.as_object_mut() {
                changed |= name(region, part)?;
            }
        }
    }
    if let Some(Value::Object(tables)) = request.get("RequestItems")
        && tables.keys().any(|table| table.starts_with("arn:"))
    {
        return Err(Fault::unsupported("DynamoDB", &format!("{operation} with the ARN of a table in RequestItems")));
    }
    if let Some(Value::String(resource)) = request.get("ResourceArn")
        && resource.starts_with("arn:")
    {
        arn::table_name(region, resource)?;
    }
    Ok(if changed { Cow::Owned(Value::Object(request).to_string().into_bytes()) } else { Cow::Borrowed(body) })
}

/// Replaces an ARN in `TableName` by the table's name; whether there was one.
fn name(region: &str, request: &mut Map<String, Value>) -> Result<bool, Fault> {
    let Some(Value::String(table)) = request.get_mut("TableName") else { return Ok(false) };
    if !table.starts_with("arn:") {
        return Ok(false);
    }
    *table = arn::table_name(region, table)?.to_owned();
    Ok(true)
}

fn refuse(operation: &str, request: &Map<String, Value>) -> Result<(), Fault> {
    let unsupported = |member: &str| Err(Fault::unsupported("DynamoDB", &format!("{operation} with {member}")));
    let given = |members: &Map<String, Value>, name: &str| members.get(name).is_some_and(|value| !value.is_null());
    if let Some(member) = REFUSED.iter().find(|member| given(request, member)) {
        return unsupported(member);
    }
    let stream = request.get("StreamSpecification").unwrap_or(&Value::Null);
    if stream["StreamEnabled"] == true && stream["StreamViewType"].is_null() {
        return Err(invalid(
            "One or more parameter values were invalid: StreamViewType must be given when StreamEnabled is true",
        ));
    }
    if operation == "UpdateTable" && given(request, "SSESpecification") {
        return unsupported("SSESpecification");
    }
    let lists = ["GlobalSecondaryIndexes", "GlobalSecondaryIndexUpdates"].iter().filter_map(|name| request.get(*name));
    let mut indexes = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let warm = indexes.any(|index| {
        let inside = index.values().filter_map(Value::as_object);
        given(index, "WarmThroughput") || inside.into_iter().any(|action| given(action, "WarmThroughput"))
    });
    if warm { unsupported("WarmThroughput") } else { Ok(()) }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn malformed() -> Fault {
    Fault::new(400, "SerializationException", "the body is no JSON object")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn prepared(operation: &str, body: &Value) -> Result<Value, String> {
        let text = body.to_string();
        let result = prepare(operation, "eu-west-1", text.as_bytes());
        result.map(|body| serde_json::from_slice(&body).unwrap()).map_err(|fault| fault.message)
    }

    #[test]
    fn an_arn_of_this_region_is_a_name() {
        let arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/users";
        assert_eq!(prepared("GetItem", &json!({"TableName": arn})).unwrap()["TableName"], "users");
        let parts = prepared("TransactWriteItems", &json!({"TransactItems": [{"Put": {"TableName": arn}}]})).unwrap();
        assert_eq!(parts["TransactItems"][0]["Put"]["TableName"], "users");
        let elsewhere = "arn:aws:dynamodb:us-east-1:000000000000:table/users";
        assert!(prepared("GetItem", &json!({"TableName": elsewhere})).unwrap_err().contains("not in this account"));
        assert!(prepared("TagResource", &json!({"ResourceArn": elsewhere})).is_err());
        assert!(prepared("BatchGetItem", &json!({"RequestItems": {arn: {}}})).unwrap_err().contains("not supported"));
    }

    #[test]
    fn an_arn_in_an_item_is_a_value() {
        let item = json!({"TableName": "users", "Item": {"a": {"S": "arn:aws:iam::1:role/x"}}});
        assert_eq!(prepared("PutItem", &item).unwrap(), item);
    }

    #[test]
    fn what_the_engine_would_overlook_is_refused() {
        for member in REFUSED {
            let why = prepared("UpdateTable", &json!({"TableName": "t", member: {}})).unwrap_err();
            assert!(why.contains(member), "{why}");
        }
        let index = json!({"GlobalSecondaryIndexUpdates": [{"Create": {"WarmThroughput": {}}}]});
        assert!(prepared("UpdateTable", &index).unwrap_err().contains("WarmThroughput"));
        assert!(prepared("UpdateTable", &json!({"SSESpecification": {}})).is_err());
        assert!(prepared("CreateTable", &json!({"SSESpecification": {}, "ResourcePolicy": null})).is_ok());
    }
}
