//! Which bus or rule an ARN means, for its tags.

use std::collections::BTreeMap;

use super::input::Input;
use super::model::{DEFAULT, Place, State, bus_of, missing};
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

/// The tags of what `ResourceARN` names.
pub(super) fn of<'s>(state: &'s mut State, input: &Input<'_>) -> Result<&'s mut BTreeMap<String, String>, Fault> {
    let arn = input.required("ResourceARN")?;
    if let Some((region, bus)) = bus_of(arn).filter(|(region, _)| region == input.region) {
        return state.bus(&region, &bus).map(|bus| &mut bus.tags);
    }
    let head = format!("arn:aws:events:{}:{ACCOUNT}:rule/", input.region);
    let Some(path) = arn.strip_prefix(&head) else {
        return Err(missing(format!("{arn} does not exist.")));
    };
    let (bus, rule) = path.rsplit_once('/').unwrap_or((DEFAULT, path));
    let place = Place { region: input.region.to_owned(), bus: bus.to_owned(), rule: rule.to_owned() };
    state.rule(&place).map(|rule| &mut rule.tags)
}
