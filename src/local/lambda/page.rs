//! Lists in pages: `MaxItems` and `Marker` in, `NextMarker` out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::super::wire::{Fault, Reply, Request};
use super::body::{invalid, refused};

/// "Lambda returns up to 50 … per call", whatever `MaxItems` says.
const MOST: usize = 50;

/// One page of `items`, each with a key that is unique in the list. The marker is the last key
/// shown, so that a page continues at the same place when others come and go.
pub(super) fn reply(request: &Request, member: &str, items: Vec<(String, Value)>) -> Result<Reply, Fault> {
    let most = match request.param("MaxItems") {
        None => MOST,
        Some(text) => text
            .parse()
            .ok()
            .filter(|most: &usize| (1..=10_000).contains(most))
            .ok_or_else(|| invalid(&text, "maxItems", "Member must have value between 1 and 10000"))?
            .min(MOST),
    };
    let start = match request.param("Marker").filter(|marker| !marker.is_empty()) {
        None => 0,
        Some(marker) => {
            let key = URL_SAFE_NO_PAD.decode(&marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let at = key.and_then(|key| items.iter().position(|(other, _)| *other == key));
            at.map(|at| at + 1).ok_or_else(|| refused("The marker is invalid."))?
        }
    };
    let more = items.len() > start + most;
    let mut last = None;
    let shown: Vec<Value> = items
        .into_iter()
        .skip(start)
        .take(most)
        .map(|(key, value)| {
            last = Some(key);
            value
        })
        .collect();
    let mut document = Map::new();
    document.insert(member.to_owned(), shown.into());
    if let Some(last) = last.filter(|_| more) {
        document.insert("NextMarker".to_owned(), URL_SAFE_NO_PAD.encode(last).into());
    }
    Ok(Reply::json(200, &document.into()))
}
