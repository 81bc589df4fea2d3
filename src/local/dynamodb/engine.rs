//! The seam to `dynoxide`: an operation's name and JSON in, JSON out.
//!
//! It owns nothing but the list of operations and the reading of a request that does not have the shape
//! of its operation: `dynoxide` marks the class of such an error in the message, and only its own HTTP
//! server, which is not built here, turns the marks into `DynamoDB`'s errors.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not an operation of the engine.
    Unknown,
    /// An error document in `DynamoDB`'s own form.
    Refused { status: u16, body: String },
}

type Answer = Result<Vec<u8>, DynoxideError>;

/// Carries out one operation.
pub(super) fn call(db: &Database, operation: &str, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let answer = match operation {
        "CreateTable" => run(operation, body, |request| db.create_table(request)),
        "UpdateTable" => run(operation, body, |request| db.update_table(request)),
        "DeleteTable" => run(operation, body, |request| db.delete_table(request)),
        "DescribeTable" => run(operation, body, |request| db.describe_table(request)),
        "ListTables" => run(operation, body, |request| db.list_tables(request)),
        "PutItem" => run(operation, body, |request| db.put_item(request)),
        "GetItem" => run(operation, body, |request| db.get_item(request)),
        "UpdateItem" => run(operation, body, |request| db.update_item(request)),
        "DeleteItem" => run(operation, body, |request| db.delete_item(request)),
        "BatchGetItem" => run(operation, body, |request| db.batch_get_item(request)),
        "BatchWriteItem" => run(operation, body, |request| db.batch_write_item(request)),
        "Query" => run(operation, body, |request| db.query(request)),
        "Scan" => run(operation, body, |request| db.scan(request)),
        "SearchVectors" => run(operation, body, |request| db.search_vectors(request)),
        "TransactWriteItems" => run(operation, body, |request| db.transact_write_items(request)),
        "TransactGetItems" => run(operation, body, |request| db.transact_get_items(request)),
        "ExecuteStatement" => run(operation, body, |request| db.execute_statement(request)),
        "ExecuteTransaction" => run(operation, body, |request| db.execute_transaction(request)),
        "BatchExecuteStatement" => run(operation, body, |request| db.batch_execute_statement(request)),
        "UpdateTimeToLive" => run(operation, body, |request| db.update_time_to_live(request)),
        "DescribeTimeToLive" => run(operation, body, |request| db.describe_time_to_live(request)),
        "TagResource" => run(operation, body, |request| db.tag_resource(request)),
        "UntagResource" => run(operation, body, |request| db.untag_resource(request)),
        "ListTagsOfResource" => run(operation, body, |request| db.list_tags_of_resource(request)),
        _ => return Err(Failure::Unknown),
    };
    answer.map_err(|error| {
        let error = enveloped(operation, error);
        Failure::Refused { status: error.status_code(), body: error.to_json() }
    })
}

fn run<Q: DeserializeOwned, A: Serialize>(
    operation: &str,
    body: &[u8],
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    let request = serde_json::from_slice(body).map_err(|error| misshapen(&error.to_string()))?;
    let answer = act(request)?;
    // Operations without an answer of their own (tagging) have an empty body.
    let body = serde_json::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    Ok(if body == b"{}" && matches!(operation, "TagResource" | "UntagResource") { Vec::new() } else { body })
}

/// The error that a request of the wrong shape is answered with.
fn misshapen(message: &str) -> DynoxideError {
    // serde_json says where; DynamoDB does not.
    let plain = message.rfind(" at line ").map_or(message, |at| &message[..at]);
    for (mark, as_read) in [("SERIALIZATION_AS_READ:", true), ("SERIALIZATION:", false)] {
        if message.starts_with(mark) {
            let text = if as_read { message } else { plain };
            return DynoxideError::SerializationException(text[mark.len()..].to_owned());
        }
    }
    if let Some(text) = message.strip_prefix("VALIDATION_AS_READ:") {
        return DynoxideError::ValidationException(text.to_owned());
    }
    if let Some(text) = plain.strip_prefix("VALIDATION_REQUEST:") {
        return DynoxideError::EnvelopedValidation(text.to_owned());
    }
    if let Some(text) = plain.strip_prefix("VALIDATION:") {
        return DynoxideError::ValidationException(text.to_owned());
    }
    if plain.contains("empty AttributeValue") {
        return DynoxideError::ValidationException(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".to_owned(),
        );
    }
    if plain.contains("Supplied AttributeValue") {
        return DynoxideError::ValidationException(plain.to_owned());
    }
    if let Some(member) = plain.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return DynoxideError::ValidationException(format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
            lower_first(member)
        ));
    }
    if plain.contains("unknown variant") || plain.contains("invalid type: null") {
        return DynoxideError::ValidationException(plain.to_owned());
    }
    DynoxideError::SerializationException(plain.to_owned())
}

/// Members are spelled with a small letter in validation messages.
fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The three writes of one item report some errors in the envelope of the request's validation, all
/// others bare.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    let DynoxideError::EnvelopedValidation(message) = error else { return error };
    DynoxideError::ValidationException(match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => format!("1 validation error detected: {message}"),
        _ => message,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn ask(db: &Database, operation: &str, request: &Value) -> Value {
        serde_json::from_slice(&call(db, operation, request.to_string().as_bytes()).unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        /// What is relied on most: sort keys are in the order of numbers, not of texts, and nothing is rounded.
        #[test]
        fn numbers_sort_as_numbers_and_come_back_exactly(
            numbers in prop::collection::btree_set((any::<i32>(), -9_i32..10), 1..30)
        ) {
            // In units of 1E-9.
            let value = |(mantissa, exponent): (i32, i32)| {
                i128::from(mantissa) * 10_i128.pow(u32::try_from(exponent + 9).unwrap())
            };
            let db = Database::memory().unwrap();
            ask(&db, "CreateTable", &json!({
                "TableName": "numbers", "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "p", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
                "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            }));
            for (mantissa, exponent) in &numbers {
                let item = json!({"p": {"S": "a"}, "n": {"N": format!("{mantissa}E{exponent}")}});
                ask(&db, "PutItem", &json!({"TableName": "numbers", "Item": item}));
            }
            let found = ask(&db, "Query", &json!({
                "TableName": "numbers", "KeyConditionExpression": "p = :p",
                "ExpressionAttributeValues": {":p": {"S": "a"}},
            }));
            let found: Vec<i128> = found["Items"].as_array().unwrap().iter().map(|item| {
                let text = item["n"]["N"].as_str().unwrap();
                let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
                format!("{whole}{fraction:0<9}").parse().unwrap()
            }).collect();
            let wanted: std::collections::BTreeSet<i128> = numbers.into_iter().map(value).collect();
            prop_assert_eq!(found, wanted.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_request_of_the_wrong_shape_is_refused_in_dynamodb_s_words() {
        let told = |message: &str| {
            let error = misshapen(message);
            (error.error_type().rsplit('#').next().unwrap_or_default(), error.to_string())
        };
        let (validation, serialization) = ("ValidationException", "SerializationException");
        assert_eq!(told("VALIDATION:Too long at line 1 column 7"), (validation, "Too long".to_owned()));
        assert_eq!(told("SERIALIZATION:Nothing at line 1 column 7"), (serialization, "Nothing".to_owned()));
        assert_eq!(told("VALIDATION_AS_READ:a at line 1 column 7"), (validation, "a at line 1 column 7".to_owned()));
        assert_eq!(
            told("missing field `TableName` at line 1 column 2"),
            (
                validation,
                "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"
                    .to_owned()
            )
        );
        assert_eq!(told("expected value at line 1 column 1"), (serialization, "expected value".to_owned()));
    }

    #[test]
    fn only_writes_of_one_item_wear_the_envelope() {
        let told = |operation: &str| enveloped(operation, DynoxideError::EnvelopedValidation("x".into())).to_string();
        assert_eq!(told("PutItem"), "1 validation error detected: x");
        assert_eq!(told("BatchWriteItem"), "x");
    }
}
