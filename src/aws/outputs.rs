//! What AWS chose for things that stand, so that what speaks of it need not ask again: a stack's outputs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by their names, by the thing that has them (`stack shop-dev`).
pub(crate) type Values = BTreeMap<String, BTreeMap<String, String>>;

/// Filled while looking around and while making things so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outputs(Arc<Mutex<Values>>);

impl Outputs {
    /// All values of a thing, in place of those it had.
    pub(crate) fn set(&self, thing: String, values: BTreeMap<String, String>) {
        self.lock().insert(thing, values);
    }

    /// All that is known by now.
    pub(crate) fn all(&self) -> Values {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
