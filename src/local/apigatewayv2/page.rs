//! Pages of lists: `maxResults` (25 by default, at most 500) items after `nextToken`.

use serde_json::{Map, Value};

use crate::local::apigateway::model::bad_request;
use crate::local::wire::{Fault, Reply, Request};

/// One page of `items`, each with the key a token is made of: that of the last item on the page before.
pub(super) fn page(request: &Request, items: Vec<(String, Value)>) -> Result<Reply, Fault> {
    let limit = match request.param("maxResults") {
        None => 25,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| (1..=500).contains(limit))
            .ok_or_else(|| bad_request("Invalid maxResults specified: it must be between 1 and 500"))?,
    };
    let start = match request.param("nextToken") {
        None => 0,
        Some(token) => {
            let key = hex::decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let place = key.and_then(|key| items.iter().position(|(its, _)| *its == key));
            place.ok_or_else(|| bad_request("Invalid nextToken specified"))? + 1
        }
    };
    let more = items.len() > start + limit;
    let page: Vec<(String, Value)> = items.into_iter().skip(start).take(limit).collect();
    let mut output = Map::new();
    if let Some((last, _)) = page.last().filter(|_| more) {
        output.insert("nextToken".into(), hex::encode(last).into());
    }
    output.insert("items".into(), page.into_iter().map(|(_, item)| item).collect());
    Ok(Reply::json(200, &Value::Object(output)))
}
