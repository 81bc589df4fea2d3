//! Tags of streams, by the two ways there are: by name, and by ARN.

use std::collections::BTreeMap;

use serde_json::Value;

use super::wire::Answer;
use super::{Kinesis, argument, invalid};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Per stream. <https://docs.aws.amazon.com/streams/latest/dev/tagging.html>
const MOST: usize = 50;

impl Kinesis {
    pub(super) fn add_tags(&self, region: &str, input: &Value) -> Answer {
        let tags = given(&input["Tags"])?;
        self.change(region, input, |stream| {
            stream.tags.extend(tags);
            if stream.tags.len() > MOST {
                return Err(argument(format!("A stream has {MOST} tags at the most.")));
            }
            Ok(Document::Nothing)
        })
    }

    pub(super) fn remove_tags(&self, region: &str, input: &Value) -> Answer {
        let keys: Vec<String> = serde_json::from_value(input["TagKeys"].clone())
            .map_err(|_| invalid("TagKeys must be a list of strings"))?;
        self.change(region, input, |stream| {
            stream.tags.retain(|key, _| !keys.contains(key));
            Ok(Document::Nothing)
        })
    }

    pub(super) fn list_tags(&self, region: &str, input: &Value, operation: &str) -> Answer {
        let (_, stream) = self.named(region, input)?;
        let after = input["ExclusiveStartTagKey"].as_str();
        let most = input["Limit"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST);
        let mut rest = stream.tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let shown: Vec<Document> = rest
            .by_ref()
            .take(most)
            .map(|(key, value)| Document::map().with("Key", key).with("Value", value))
            .collect();
        let more = (operation == "ListTagsForStream").then(|| rest.next().is_some());
        Ok(Document::map().with("Tags", shown).maybe("HasMoreTags", more))
    }
}

/// A map of texts; absent is none.
pub(super) fn given(tags: &Value) -> Result<BTreeMap<String, String>, Fault> {
    if tags.is_null() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_value(tags.clone()).map_err(|_| invalid("Tags must be a map of strings"))
}
