//! Tags of topics.

use std::collections::BTreeMap;

use super::input::Input;
use super::{Sns, invalid};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

const MOST: usize = 50;

/// `Tags` of a request.
pub(super) fn given(input: Input<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags = BTreeMap::new();
    for tag in input.structures("Tags") {
        let (key, value) = (tag.required("Key")?, tag.text("Value").unwrap_or_default());
        if key.chars().count() > 128 || value.chars().count() > 256 || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tags"));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    too_many(&tags)?;
    Ok(tags)
}

fn too_many(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    if tags.len() <= MOST {
        return Ok(());
    }
    Err(Fault::new(400, "TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded"))
}

/// As the operations on tags say it.
fn gone(_: Fault) -> Fault {
    Fault::new(404, "ResourceNotFound", "Resource does not exist")
}

impl Sns {
    pub(super) fn tag(&self, input: Input<'_>) -> Result<Document, Fault> {
        let (arn, more) = (input.required("ResourceArn")?, given(input)?);
        self.state.write(|state| {
            let topic = state.topic_mut(arn).map_err(gone)?;
            topic.tags.extend(more);
            too_many(&topic.tags)?;
            Ok(Document::map())
        })
    }

    pub(super) fn untag(&self, input: Input<'_>) -> Result<Document, Fault> {
        let (arn, keys) = (input.required("ResourceArn")?, input.texts("TagKeys"));
        self.state.write(|state| {
            state.topic_mut(arn).map_err(gone)?.tags.retain(|key, _| !keys.contains(key));
            Ok(Document::map())
        })
    }

    pub(super) fn list_tags(&self, input: Input<'_>) -> Result<Document, Fault> {
        let arn = input.required("ResourceArn")?;
        self.state.read(|state| {
            let shown = |(key, value): (&String, &String)| Document::map().with("Key", key).with("Value", value);
            let tags: Vec<Document> = state.topic(arn).map_err(gone)?.tags.iter().map(shown).collect();
            Ok(Document::map().with("Tags", tags))
        })
    }
}
