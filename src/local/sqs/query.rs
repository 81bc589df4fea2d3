//! The Query protocol of older clients, translated to and from the documents of the JSON protocol.
//!
//! Parameters like `MessageAttribute.1.Value.DataType` become nested members, lists and maps by the names
//! they have in the service model; answers go the same way back as XML.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fault::NAMESPACE;
use crate::local::form;
use crate::local::wire::{Reply, Request, parse_query};
use crate::local::xml::Element;

/// Lists: what each of their members is called here, and the list in JSON.
const LISTS: [(&str, &str); 7] = [
    ("AttributeName", "AttributeNames"),
    ("MessageAttributeName", "MessageAttributeNames"),
    ("MessageSystemAttributeName", "MessageSystemAttributeNames"),
    ("TagKey", "TagKeys"),
    ("SendMessageBatchRequestEntry", "Entries"),
    ("DeleteMessageBatchRequestEntry", "Entries"),
    ("ChangeMessageVisibilityBatchRequestEntry", "Entries"),
];

/// Maps: an entry, the map in JSON, and what key and value are called.
const MAPS: [(&str, &str, &str, &str); 4] = [
    ("Attribute", "Attributes", "Name", "Value"),
    ("Tag", "Tags", "Key", "Value"),
    ("MessageAttribute", "MessageAttributes", "Name", "Value"),
    ("MessageSystemAttribute", "MessageSystemAttributes", "Name", "Value"),
];

/// Lists in answers, and what their members are called; batch results depend on the operation.
const ANSWERS: [(&str, &str); 5] = [
    ("QueueUrls", "QueueUrl"),
    ("queueUrls", "QueueUrl"),
    ("Messages", "Message"),
    ("Failed", "BatchResultErrorEntry"),
    ("Results", "ListMessageMoveTasksResultEntry"),
];

/// Parameters that share their beginning.
#[derive(Debug, Default)]
struct Node {
    text: Option<String>,
    below: BTreeMap<String, Node>,
}

/// The operation and its input. A queue may also be named by the path, as its URL has it.
pub(super) fn read(request: &Request) -> (String, Value) {
    let body = String::from_utf8_lossy(&request.body);
    let mut root = Node::default();
    for (name, value) in request.query().into_iter().chain(parse_query(&body)) {
        // Deeper than any parameter of the service is nobody's parameter.
        let parts = name.split('.').take(8);
        parts.fold(&mut root, |node, part| node.below.entry(part.to_owned()).or_default()).text = Some(value);
    }
    let action = root.below.remove("Action").and_then(|node| node.text).unwrap_or_default();
    let mut input = members(root);
    if request.path.len() > 1 && !input.contains_key("QueueUrl") {
        input.insert("QueueUrl".to_owned(), request.path.clone().into());
    }
    if let Some(tags) = input.get("Tags").filter(|_| action == "CreateQueue").cloned() {
        input.insert("tags".to_owned(), tags);
    }
    (action, Value::Object(input))
}

fn members(node: Node) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, child) in node.below {
        let list = LISTS.iter().find(|(one, _)| *one == name);
        let map = MAPS.iter().find(|(one, ..)| *one == name);
        if let (Some((_, list)), None) = (list, &child.text) {
            found.insert((*list).to_owned(), numbered(child).map(value).collect());
        } else if let (Some((_, map, key, content)), None) = (map, &child.text) {
            let pairs = numbered(child).filter_map(|mut entry| {
                let name = entry.below.remove(*key)?.text?;
                Some((name, entry.below.remove(*content).map_or(Value::Null, value)))
            });
            found.insert((*map).to_owned(), Value::Object(pairs.collect()));
        } else {
            found.insert(name, value(child));
        }
    }
    found
}

/// `1`, `2`, … in the order of their numbers.
fn numbered(node: Node) -> impl Iterator<Item = Node> {
    let mut entries: Vec<(u32, Node)> =
        node.below.into_iter().filter_map(|(number, child)| Some((number.parse().ok()?, child))).collect();
    entries.sort_by_key(|(number, _)| *number);
    entries.into_iter().map(|(_, child)| child)
}

fn value(node: Node) -> Value {
    match node.text {
        Some(text) if node.below.is_empty() => text.into(),
        _ => Value::Object(members(node)),
    }
}

/// The answer to an operation; `Null` for one that only says that it is done.
pub(super) fn reply(action: &str, request_id: &str, output: &Value) -> Reply {
    let result = output.as_object().map(|output| elements(action, output));
    form::respond(action, NAMESPACE, request_id, result)
}

fn elements(action: &str, output: &Map<String, Value>) -> Vec<Element> {
    let mut found = Vec::new();
    for (name, value) in output {
        match value {
            Value::Array(list) => {
                let entry = match ANSWERS.iter().find(|(one, _)| one == name) {
                    Some((_, entry)) => (*entry).to_owned(),
                    None => format!("{action}ResultEntry"),
                };
                found.extend(list.iter().map(|one| element(action, &entry, one)));
            }
            Value::Object(map) => match MAPS.iter().find(|(_, one, ..)| one == name) {
                Some((entry, _, key, content)) => found.extend(map.iter().map(|(name, value)| {
                    Element::new(*entry, vec![Element::leaf(*key, name), element(action, content, value)])
                })),
                None => found.push(Element::new(name, elements(action, map))),
            },
            value => found.push(element(action, name, value)),
        }
    }
    found
}

fn element(action: &str, name: &str, value: &Value) -> Element {
    match value {
        Value::Object(map) => Element::new(name, elements(action, map)),
        Value::String(text) => Element::leaf(name, text),
        value => Element::leaf(name, value.to_string()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(path: &str, body: &'static str) -> Request {
        Request {
            method: http::Method::POST,
            path: path.to_owned(),
            raw_query: String::new(),
            headers: http::HeaderMap::new(),
            body: body.into(),
            region: "eu-west-1".to_owned(),
            request_id: "id".to_owned(),
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    #[test]
    fn parameters_become_the_documents_of_the_other_protocol() {
        let body = "Action=SendMessageBatch&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=2\
            &SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=x.y\
            &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String\
            &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=1+%2B";
        let (action, input) = read(&request("/000000000000/jobs", body));
        assert_eq!(action, "SendMessageBatch");
        let attribute = json!({"x.y": {"DataType": "String", "StringValue": "1 +"}});
        let entries = json!([{"Id": "a", "MessageAttributes": attribute}, {"Id": "b", "MessageBody": "2"}]);
        assert_eq!(input, json!({"Entries": entries, "QueueUrl": "/000000000000/jobs"}));

        let body = "Action=CreateQueue&QueueName=jobs&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=a&Tag.1.Value=";
        let (_, input) = read(&request("/", body));
        assert_eq!((&input["Attributes"], &input["tags"]), (&json!({"DelaySeconds": "5"}), &json!({"a": ""})));
    }

    #[test]
    fn answers_become_xml() {
        let message = json!({
            "MessageId": "m", "Body": "<1>", "Attributes": {"SenderId": "s"},
            "MessageAttributes": {"x": {"StringValue": "1", "DataType": "Number"}},
        });
        let reply = reply("ReceiveMessage", "id", &json!({"Messages": [message]}));
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        let wanted = "<Message><MessageId>m</MessageId><Body>&lt;1&gt;</Body><Attribute><Name>SenderId</Name>\
            <Value>s</Value></Attribute><MessageAttribute><Name>x</Name><Value><StringValue>1</StringValue>\
            <DataType>Number</DataType></Value></MessageAttribute></Message></ReceiveMessageResult>";
        assert!(text.contains(wanted), "{text}");
    }
}
