//! Alarms listed: by names, prefix, state, action or metric, in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::actions::STATES;
use super::alarms::MOST_NAMES;
use super::input::Input;
use super::model::{Alarm, Statistic};
use super::{CloudWatch, check, fault, invalid};
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// `AlarmTypes`, of which only one exists here.
pub(super) struct Types {
    pub(super) metric: bool,
}

/// "If you omit this parameter, only metric alarms are returned."
pub(super) fn types(input: &Input<'_>) -> Result<Types, Fault> {
    let types = input.choices("AlarmTypes", 3, &["CompositeAlarm", "MetricAlarm", "LogAlarm"])?;
    Ok(Types { metric: types.is_empty() || types.iter().any(|kind| kind == "MetricAlarm") })
}

impl CloudWatch {
    pub(super) fn describe_alarms(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        for member in ["ChildrenOfAlarmName", "ParentsOfAlarmName"] {
            if input.get(member).is_some() {
                return Err(Fault::unsupported("cloudwatch", &format!("DescribeAlarms with {member}")));
            }
        }
        let names = input.texts("AlarmNames", MOST_NAMES)?;
        let prefix = input.text("AlarmNamePrefix", 1..=255)?;
        if !names.is_empty() && prefix.is_some() {
            return Err(invalid("AlarmNamePrefix and AlarmNames cannot both be specified"));
        }
        let state = input.choice("StateValue", &STATES)?;
        let action = input.text("ActionPrefix", 1..=1024)?;
        let types = types(input)?;
        let wanted = |name: &String, alarm: &Alarm| {
            let settings = &alarm.settings;
            let actions = || {
                let all = [&settings.ok_actions, &settings.alarm_actions, &settings.insufficient_data_actions];
                all.into_iter().flatten()
            };
            types.metric
                && (names.is_empty() || names.contains(name))
                && prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
                && state.as_ref().is_none_or(|state| alarm.condition.value == *state)
                && action.as_ref().is_none_or(|prefix| actions().any(|action| action.starts_with(prefix)))
        };
        let shown = self.state.read(|state| {
            let alarms = state.of(region).filter(|(name, alarm)| wanted(name, alarm));
            alarms.map(|(name, alarm)| (name.clone(), alarm.show(region, name))).collect()
        });
        page(input, "MetricAlarms", Document::map().with("CompositeAlarms", Vec::new()), shown, Pages::Told)
    }

    pub(super) fn describe_alarms_for_metric(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let metric = check::metric(input)?;
        let statistic = input.choice("Statistic", &check::STATISTICS)?.map(Statistic::Plain);
        let statistic = statistic.or(input.text("ExtendedStatistic", 1..=255)?.map(Statistic::Extended));
        let period = input.whole("Period", 1..=i64::from(i32::MAX))?;
        let unit = input.choice("Unit", &check::UNITS)?;
        let wanted = |alarm: &Alarm| {
            let settings = &alarm.settings;
            settings.metric == metric
                && statistic.as_ref().is_none_or(|statistic| settings.statistic == *statistic)
                && period.is_none_or(|period| settings.period == period)
                && (unit.is_none() || settings.unit == unit)
        };
        let shown: Vec<Document> = self.state.read(|state| {
            let alarms = state.of(region).filter(|(_, alarm)| wanted(alarm));
            alarms.map(|(name, alarm)| alarm.show(region, name)).collect()
        });
        Ok(Document::map().with("MetricAlarms", shown))
    }
}

/// How long the pages of an operation are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pages {
    /// `MaxRecords`, 50 unless told.
    Told,
    FiveHundred,
}

/// One page of `items`, each with a key that sorts it. The token is
/// the last key shown, so that a list continues at the same place when others come and go.
pub(super) fn page(
    input: &Input<'_>,
    member: &str,
    document: Document,
    items: Vec<(String, Document)>,
    pages: Pages,
) -> Result<Document, Fault> {
    let told = || input.whole("MaxRecords", 1..=100);
    let most = match pages {
        Pages::Told => told()?.and_then(|most| usize::try_from(most).ok()).unwrap_or(50),
        Pages::FiveHundred => 500,
    };
    let after = match input.text("NextToken", 0..=usize::MAX)? {
        None => None,
        Some(token) => {
            let key = URL_SAFE_NO_PAD.decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let bad = || fault(400, "InvalidNextToken", "InvalidNextToken", "The NextToken is invalid.");
            Some(key.filter(|key| !key.is_empty()).ok_or_else(bad)?)
        }
    };
    let mut items: Vec<_> =
        items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let more = items.len() > most;
    items.truncate(most);
    let token = items.last().filter(|_| more).map(|(last, _)| URL_SAFE_NO_PAD.encode(last));
    let shown: Vec<Document> = items.into_iter().map(|(_, item)| item).collect();
    Ok(document.with(member, shown).maybe("NextToken", token))
}
