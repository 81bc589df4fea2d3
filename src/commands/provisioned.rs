//! What processes that wait for calls cost, told where a change makes them or changes how many they are.

use crate::deploy::{Action, Any, Change, Kind};
use crate::observe::{AS_OF, waiting_month};

/// A paragraph per function; nothing where no change is about that.
pub(crate) fn new_provisioned_text(changes: &[Change], resources: &[Any]) -> String {
    let told = |name: &str| {
        let about = |change: &&Change| change.kind == Kind::Provisioned && change.name == name;
        changes.iter().filter(about).any(|change| matches!(change.action, Action::Create | Action::Update))
    };
    let function = |name: &str| {
        resources.iter().find_map(|any| match any {
            Any::Function(function) if function.name == name => Some(function),
            _ => None,
        })
    };
    let texts = resources.iter().filter_map(|any| {
        let Any::Provisioned(provisioned) = any else { return None };
        let function = function(&provisioned.function).filter(|function| told(&function.name))?;
        let settings = &function.settings;
        let usd = waiting_month(provisioned.executions, settings.memory, settings.arch == "arm64");
        Some(format!(
            "provisioned {}: {} x {} MB cost about ${usd:.2} a month while nobody calls ({AS_OF})\n  \
             calls are billed besides, each second cheaper than without\n",
            function.short_name, provisioned.executions, settings.memory,
        ))
    });
    texts.collect()
}
