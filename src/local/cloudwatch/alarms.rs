//! Alarms are made, changed and deleted here.

use super::check;
use super::history::Item;
use super::input::Input;
use super::model::{Alarm, Condition, no_alarm, now_ms};
use super::{CloudWatch, tags};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Names in one request.
pub(super) const MOST_NAMES: usize = 100;

impl CloudWatch {
    /// "When you update an existing alarm, its state is left unchanged, but the update completely overwrites
    /// the previous configuration of the alarm", and its tags are not touched.
    pub(super) fn put_alarm(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let name = input.required("AlarmName", 1..=255)?;
        let settings = check::settings(input)?;
        let tags = tags::given(input)?;
        self.state.write(|state| {
            let now = now_ms();
            if let Some(alarm) = state.get_mut(region, &name) {
                let changed = alarm.settings != settings;
                alarm.settings = settings;
                alarm.configured = now;
                if changed {
                    state.record(region, Item::configuration(&name, now, "updated"));
                }
                return Ok(Document::Nothing);
            }
            let alarm = Alarm { settings, tags, condition: Condition::unchecked(now), configured: now };
            state.insert(region, &name, alarm);
            state.record(region, Item::configuration(&name, now, "created"));
            Ok(Document::Nothing)
        })
    }

    /// "If you specify an incorrect alarm name or make any other error in the operation, no alarms are
    /// deleted." <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html>
    pub(super) fn delete_alarms(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let names = names(input)?;
        self.state.write(|state| {
            for name in &names {
                state.remove(region, name).ok_or_else(|| no_alarm(name))?;
                state.record(region, Item::configuration(name, now_ms(), "deleted"));
            }
            Ok(Document::Nothing)
        })
    }
}

/// `AlarmNames`, which must be there.
pub(super) fn names(input: &Input<'_>) -> Result<Vec<String>, Fault> {
    input.get("AlarmNames").ok_or_else(|| input.missing("AlarmNames"))?;
    let mut names = input.texts("AlarmNames", MOST_NAMES)?;
    names.sort();
    names.dedup();
    Ok(names)
}
