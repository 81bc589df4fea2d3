//! What is kept of groups and schedules, and how it is shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::expression::Expression;
use crate::local::ACCOUNT;
use crate::local::wire::Fault;

/// The group every region has, and that cannot be deleted.
pub(super) const DEFAULT: &str = "default";

/// Everything the service remembers: groups by region and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    regions: BTreeMap<String, BTreeMap<String, Group>>,
}

/// A schedule group. Times in ms since the epoch.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// 0 for the default group, which always was there.
    pub(super) created: i64,
    pub(super) modified: i64,
    /// The client's token of the call that made it.
    pub(super) token: Option<String>,
    /// `DELETING` until then, and gone after; like the states of functions it is read off the clock.
    pub(super) gone_at: Option<i64>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) schedules: BTreeMap<String, Schedule>,
}

/// A schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Schedule {
    pub(super) created: i64,
    pub(super) modified: i64,
    /// The client's token of the call that made it.
    pub(super) token: Option<String>,
    /// Another one after every change.
    pub(super) revision: String,
    pub(super) settings: Settings,
}

/// What a caller decides about a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) expression: String,
    pub(super) timezone: String,
    pub(super) description: Option<String>,
    pub(super) enabled: bool,
    /// ms since the epoch.
    pub(super) start: Option<i64>,
    /// ms since the epoch.
    pub(super) end: Option<i64>,
    /// Minutes; `None` is the mode `OFF`.
    pub(super) window: Option<i64>,
    /// `ActionAfterCompletion: DELETE`
    pub(super) delete_when_done: bool,
    pub(super) target: Target,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) role: String,
    pub(super) input: Option<String>,
    /// Seconds, 60–86,400.
    pub(super) most_age: i64,
    /// 0–185
    pub(super) most_retries: i64,
    /// For a FIFO queue.
    #[serde(default)]
    pub(super) message_group: Option<String>,
    /// For an event bus: `Source` and `DetailType`.
    #[serde(default)]
    pub(super) event: Option<(String, String)>,
    /// The ARN of a queue.
    #[serde(default)]
    pub(super) dead_letters: Option<String>,
}

/// Where a schedule is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) group: String,
    pub(super) name: String,
}

impl Place {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:scheduler:{}:{ACCOUNT}:schedule/{}/{}", self.region, self.group, self.name)
    }

    pub(super) fn not_found(&self) -> Fault {
        missing(format!("Schedule {} does not exist.", self.name))
    }
}

/// The ARN of a group.
pub(super) fn group_arn(region: &str, name: &str) -> String {
    format!("arn:aws:scheduler:{region}:{ACCOUNT}:schedule-group/{name}")
}

/// `ResourceNotFoundException`
pub(super) fn missing(message: String) -> Fault {
    Fault::new(404, "ResourceNotFoundException", message)
}

/// `ConflictException`
pub(super) fn conflict(message: String) -> Fault {
    Fault::new(409, "ConflictException", message)
}

impl State {
    /// The groups of a region by name; those that are gone by now are not there any more.
    pub(super) fn groups(&mut self, region: &str) -> &mut BTreeMap<String, Group> {
        let now = Timestamp::now().as_millisecond();
        let groups = self.regions.entry(region.to_owned()).or_default();
        groups.retain(|_, group| group.gone_at.is_none_or(|time| time > now));
        groups.entry(DEFAULT.to_owned()).or_default();
        groups
    }

    pub(super) fn group(&mut self, region: &str, name: &str) -> Result<&mut Group, Fault> {
        self.groups(region).get_mut(name).ok_or_else(|| missing(format!("Schedule group {name} does not exist.")))
    }

    pub(super) fn schedule(&mut self, place: &Place) -> Result<&mut Schedule, Fault> {
        let group = self.group(&place.region, &place.group)?;
        group.schedules.get_mut(&place.name).ok_or_else(|| place.not_found())
    }

    /// Removes a schedule, if it is still the one of this revision.
    pub(super) fn complete(&mut self, place: &Place, revision: &str) {
        if let Ok(group) = self.group(&place.region, &place.group)
            && group.schedules.get(&place.name).is_some_and(|schedule| schedule.revision == revision)
        {
            group.schedules.remove(&place.name);
        }
    }

    /// Every schedule that is switched on.
    pub(super) fn enabled(&self) -> Vec<(Place, Schedule)> {
        let groups = self.regions.iter().flat_map(|(region, groups)| groups.iter().map(move |it| (region, it)));
        let all = groups.flat_map(|(region, (group, it))| it.schedules.iter().map(move |it| (region, group, it)));
        all.filter(|(.., (_, schedule))| schedule.settings.enabled)
            .map(|(region, group, (name, schedule))| {
                let place = Place { region: region.clone(), group: group.clone(), name: name.clone() };
                (place, schedule.clone())
            })
            .collect()
    }
}

impl Group {
    pub(super) fn show(&self, region: &str, name: &str) -> Value {
        let state = if self.gone_at.is_some() { "DELETING" } else { "ACTIVE" };
        let mut shown = Map::new();
        shown.insert("Arn".into(), group_arn(region, name).into());
        shown.insert("Name".into(), name.into());
        shown.insert("State".into(), state.into());
        if self.created > 0 {
            shown.insert("CreationDate".into(), seconds(self.created));
            shown.insert("LastModificationDate".into(), seconds(self.modified));
        }
        shown.into()
    }
}

impl Schedule {
    pub(super) fn show(&self, place: &Place) -> Value {
        let Settings { target, .. } = &self.settings;
        let mut shown = self.head(place);
        let mut to = json!({
            "Arn": target.arn,
            "RoleArn": target.role,
            "RetryPolicy": {"MaximumEventAgeInSeconds": target.most_age, "MaximumRetryAttempts": target.most_retries},
        });
        if let Some(input) = &target.input {
            to["Input"] = input.as_str().into();
        }
        if let Some(group) = &target.message_group {
            to["SqsParameters"] = json!({ "MessageGroupId": group });
        }
        if let Some((source, kind)) = &target.event {
            to["EventBridgeParameters"] = json!({ "Source": source, "DetailType": kind });
        }
        if let Some(arn) = &target.dead_letters {
            to["DeadLetterConfig"] = json!({ "Arn": arn });
        }
        let window = match self.settings.window {
            None => json!({"Mode": "OFF"}),
            Some(minutes) => json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes}),
        };
        let done = if self.settings.delete_when_done { "DELETE" } else { "NONE" };
        for (key, value) in [
            ("ScheduleExpression", json!(self.settings.expression)),
            ("ScheduleExpressionTimezone", json!(self.settings.timezone)),
            ("FlexibleTimeWindow", window),
            ("ActionAfterCompletion", json!(done)),
            ("Target", to),
        ] {
            shown.insert(key.into(), value);
        }
        if let Some(text) = &self.settings.description {
            shown.insert("Description".into(), text.as_str().into());
        }
        for (key, time) in [("StartDate", self.settings.start), ("EndDate", self.settings.end)] {
            if let Some(time) = time {
                shown.insert(key.into(), seconds(time));
            }
        }
        shown.into()
    }

    /// As a list shows it.
    pub(super) fn summary(&self, place: &Place) -> Value {
        let mut shown = self.head(place);
        shown.insert("Target".into(), json!({"Arn": self.settings.target.arn}));
        shown.into()
    }

    fn head(&self, place: &Place) -> Map<String, Value> {
        let state = if self.settings.enabled { "ENABLED" } else { "DISABLED" };
        let head = [
            ("Arn", json!(place.arn())),
            ("GroupName", json!(place.group)),
            ("Name", json!(place.name)),
            ("State", json!(state)),
            ("CreationDate", seconds(self.created)),
            ("LastModificationDate", seconds(self.modified)),
        ];
        head.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The first time later than `after` at which it is due.
    ///
    /// Without a start date, a rate begins at once. Start and end mean nothing to a schedule for one time.
    /// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let expression = Expression::parse(&self.settings.expression)?;
        let zone = zone(&self.settings.timezone)?;
        if expression.is_once() {
            return expression.next(after, after, &zone);
        }
        let time = |ms: i64| Timestamp::from_millisecond(ms).ok();
        let start = self.settings.start.and_then(time);
        let anchor = start.or_else(|| time(self.modified))?;
        // The start itself is a time like any other.
        let after = start.map_or(after, |start| after.max(start - jiff::SignedDuration::from_nanos(1)));
        let next = expression.next(after, anchor, &zone)?;
        let ended = self.settings.end.and_then(time).is_some_and(|end| next > end);
        (!ended).then_some(next)
    }
}

/// A time zone by its IANA name; `UTC` is known on machines without a time zone database, too.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

/// Epoch seconds, as REST-JSON writes times.
#[expect(clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
fn seconds(ms: i64) -> Value {
    json!(ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(expression: &str, start: Option<&str>, end: Option<&str>) -> Schedule {
        let ms = |text: &str| text.parse::<Timestamp>().expect("a time").as_millisecond();
        Schedule {
            created: ms("2026-11-21T10:00:00Z"),
            modified: ms("2026-11-21T10:00:00Z"),
            token: None,
            revision: String::new(),
            settings: Settings {
                expression: expression.into(),
                timezone: "UTC".into(),
                description: None,
                enabled: true,
                start: start.map(ms),
                end: end.map(ms),
                window: None,
                delete_when_done: false,
                target: Target {
                    arn: String::new(),
                    role: String::new(),
                    input: None,
                    most_age: 60,
                    most_retries: 0,
                    message_group: None,
                    event: None,
                    dead_letters: None,
                },
            },
        }
    }

    fn next(schedule: &Schedule, after: &str) -> Option<String> {
        schedule.next(after.parse().expect("a time")).map(|time| time.to_string())
    }

    #[test]
    fn a_rate_begins_at_its_start_or_at_once() {
        let at_once = schedule("rate(5 minutes)", None, None);
        assert_eq!(next(&at_once, "2026-11-21T09:59:59Z").as_deref(), Some("2026-11-21T10:00:00Z"));
        let later = schedule("rate(5 minutes)", Some("2026-11-21T12:00:00Z"), None);
        assert_eq!(next(&later, "2026-11-21T09:59:59Z").as_deref(), Some("2026-11-21T12:00:00Z"));
        assert_eq!(next(&later, "2026-11-21T12:00:00Z").as_deref(), Some("2026-11-21T12:05:00Z"));
    }

    #[test]
    fn start_and_end_hold_for_what_repeats_and_for_nothing_else() {
        let (start, end) = (Some("2026-11-22T10:00:00Z"), Some("2026-11-23T10:00:00Z"));
        let daily = schedule("cron(0 10 * * ? *)", start, end);
        assert_eq!(next(&daily, "2026-11-21T09:00:00Z").as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(next(&daily, "2026-11-22T10:00:00Z").as_deref(), Some("2026-11-23T10:00:00Z"));
        assert_eq!(next(&daily, "2026-11-23T10:00:00Z"), None);
        let once = schedule("at(2026-11-21T11:00:00)", start, end);
        assert_eq!(next(&once, "2026-11-21T09:00:00Z").as_deref(), Some("2026-11-21T11:00:00Z"));
    }
}
