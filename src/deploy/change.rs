//! One line of a plan as people and programs see it.

use serde::Serialize;

use super::difference::Difference;
use super::kinds::Kind;
use super::loss::Loss;
use super::resource::Key;

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Keep,
    Create,
    Update,
    /// Deleted and made anew under its name.
    Replace,
    Delete,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// A release had it, and somebody removed it by hand.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) by_hand: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) differences: Vec<Difference>,
    /// What this takes away; of something that is kept, what it holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) losses: Vec<Loss>,
}

impl Change {
    pub(crate) fn new(action: Action, key: Key) -> Self {
        let Key { kind, name } = key;
        Self { action, kind, name, by_hand: false, differences: Vec::new(), losses: Vec::new() }
    }

    /// What of it puts back what somebody did by hand; as all of it does, its fields are not marked.
    pub(crate) fn drift(&self) -> Option<Self> {
        let mut drift = self.part(true)?;
        drift.differences.iter_mut().for_each(|difference| difference.by_hand = false);
        Some(drift)
    }

    /// What of it follows from the config and the code.
    pub(crate) fn pending(&self) -> Option<Self> {
        self.part(false)
    }

    /// A resource is on one side as a whole, unless some of its fields are on the other.
    fn part(&self, by_hand: bool) -> Option<Self> {
        let differences: Vec<_> =
            self.differences.iter().filter(|difference| difference.by_hand == by_hand).cloned().collect();
        let whole = self.by_hand == by_hand && (self.by_hand || self.differences.is_empty());
        if whole {
            return Some(self.clone());
        }
        (!self.by_hand && !differences.is_empty()).then(|| Self { differences, ..self.clone() })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(action: Action, by_hand: &[bool]) -> Change {
        let difference = |by_hand: &bool| Difference { by_hand: *by_hand, ..Difference::new("f", json!(1), json!(2)) };
        let differences = by_hand.iter().map(difference).collect();
        Change { differences, ..Change::new(action, Key::new(Kind::Function, "f")) }
    }

    #[test]
    fn a_change_is_drift_or_pending_or_some_of_both() {
        let sides = |change: &Change| {
            let count = |part: Option<Change>| part.map(|part| part.differences.len());
            (count(change.drift()), count(change.pending()))
        };
        assert_eq!(sides(&change(Action::Update, &[true, true])), (Some(2), None));
        assert_eq!(sides(&change(Action::Update, &[false])), (None, Some(1)));
        assert_eq!(sides(&change(Action::Update, &[true, false])), (Some(1), Some(1)));
        assert_eq!(sides(&change(Action::Create, &[])), (None, Some(0)));
        assert_eq!(sides(&Change { by_hand: true, ..change(Action::Create, &[]) }), (Some(0), None));
        assert_eq!(sides(&Change { by_hand: true, ..change(Action::Create, &[false]) }), (Some(1), None));
    }
}
