//! Lists in pages: `MaxResults` and `NextToken` in, `NextToken` out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::input::{between, constraint, invalid};
use crate::local::wire::{Fault, Request};

/// One page of `items`, each with a key that sorts it. The token is the last key shown, so that a list
/// continues at the same place when others come and go.
pub(super) fn of(request: &Request, member: &str, items: Vec<(String, Value)>) -> Result<Value, Fault> {
    let most = match request.param("MaxResults") {
        None => 100,
        Some(text) => {
            let rule = "Member must have value greater than or equal to 1";
            let number = text.parse().map_err(|_| constraint(&text, "maxResults", rule))?;
            between(number, "maxResults", 1, 100)?;
            usize::try_from(number).unwrap_or(100)
        }
    };
    let after = match request.param("NextToken") {
        None => None,
        Some(token) => {
            let key = URL_SAFE_NO_PAD.decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(key.ok_or_else(|| invalid("The NextToken is invalid."))?)
        }
    };
    let mut items: Vec<_> =
        items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let more = items.len() > most;
    items.truncate(most);
    let mut page = Map::new();
    if let Some((last, _)) = items.last().filter(|_| more) {
        page.insert("NextToken".to_owned(), URL_SAFE_NO_PAD.encode(last).into());
    }
    let shown: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    page.insert(member.to_owned(), shown.into());
    Ok(page.into())
}
