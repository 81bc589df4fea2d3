//! An alarm's state set by hand, and its actions switched on and off.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::alarms::names;
use super::history::Item;
use super::input::Input;
use super::model::{Entered, now_ms};
use super::{CloudWatch, fault};
use crate::local::Local;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

pub(super) const STATES: [&str; 3] = ["INSUFFICIENT_DATA", "ALARM", "OK"];

impl CloudWatch {
    /// Until the next evaluation says otherwise:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html>
    pub(super) fn set_alarm_state(
        &self,
        local: &Arc<Local>,
        input: &Input<'_>,
        region: &str,
    ) -> Result<Document, Fault> {
        let name = input.required("AlarmName", 1..=255)?;
        let value = input.choice("StateValue", &STATES)?.ok_or_else(|| input.missing("StateValue"))?;
        let reason = input.required("StateReason", 0..=1023)?;
        let data = input.text("StateReasonData", 0..=4000)?;
        if data.as_ref().is_some_and(|data| serde_json::from_str::<IgnoredAny>(data).is_err()) {
            return Err(fault(400, "InvalidFormat", "InvalidFormatFault", "StateReasonData must be JSON"));
        }
        let entered = Entered { value, reason, data, by_hand: Some(now_ms()) };
        let change = self.state.write(|state| state.enter(region, &name, entered))?;
        if let Some(change) = change {
            change.carry_out(local);
        }
        Ok(Document::Nothing)
    }

    /// A name that no alarm has is passed over, as AWS's model knows no error for it.
    pub(super) fn enable_actions(&self, input: &Input<'_>, region: &str, enabled: bool) -> Result<Document, Fault> {
        let names = names(input)?;
        self.state.write(|state| {
            for name in &names {
                let Some(alarm) = state.get_mut(region, name) else { continue };
                if alarm.settings.actions_enabled != enabled {
                    alarm.settings.actions_enabled = enabled;
                    state.record(region, Item::configuration(name, now_ms(), "updated"));
                }
            }
            Ok(Document::Nothing)
        })
    }
}
