//! Metric filters: how many lines of a group match a pattern, counted as they come in.
//!
//! What was counted waits for `CloudWatch` to fetch it. Refused: values and dimensions that are taken from the lines,
//! and filters on transformed logs.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html>

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::groups::{decode_token, encode_token};
use super::input::{Input, constraint, missing};
use super::pattern::Pattern;
use super::{Logs, invalid, now};
use crate::local::wire::Fault;

/// Of one group. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const MOST: usize = 100;
const PAGE: usize = 50;

/// A filter on a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MetricFilter {
    created: i64,
    pattern: String,
    namespace: String,
    metric: String,
    value: f64,
    /// As it was written.
    value_text: String,
    default: Option<f64>,
    unit: Option<String>,
}

/// A value that a filter has counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counted {
    pub(crate) region: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) value: f64,
    /// ms since the epoch.
    pub(crate) time: i64,
}

impl Logs {
    pub(super) fn put_metric_filter(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name()?, filter_name(input)?);
        let pattern = input.required("filterPattern")?;
        Pattern::parse(pattern).map_err(invalid)?;
        for member in ["applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions"] {
            let nothing = |value: &Value| *value == false || *value == "" || *value == json!([]);
            if input.get(member).is_some_and(|value| !nothing(value)) {
                return Err(Fault::unsupported("CloudWatch Logs", &format!("PutMetricFilter with {member}")));
            }
        }
        let filter = read(input, pattern)?;
        self.change_group(input.region, group, |group| {
            if group.metric_filters.len() >= MOST && !group.metric_filters.contains_key(name) {
                return Err(Fault::new(400, "LimitExceededException", "Resource limit exceeded."));
            }
            group.metric_filters.insert(name.to_owned(), filter);
            Ok(Value::Null)
        })
    }

    pub(super) fn delete_metric_filter(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name()?, filter_name(input)?);
        self.change_group(input.region, group, |group| {
            let gone = || Fault::new(400, "ResourceNotFoundException", "The specified metric filter does not exist.");
            group.metric_filters.remove(name).map(|_| Value::Null).ok_or_else(gone)
        })
    }

    pub(super) fn describe_metric_filters(&self, input: &Input<'_>) -> Result<Value, Fault> {
        let only = match input.get("logGroupName") {
            Some(_) => Some(input.group_name()?),
            None => None,
        };
        if let Some(group) = only {
            self.group(input.region, group, |_| ())?;
        }
        // "CloudWatch Logs uses the value you set here only if you also include the logGroupName parameter."
        let prefix = input.text("filterNamePrefix")?.filter(|_| only.is_some()).unwrap_or_default();
        let (metric, namespace) = (input.text("metricName")?, input.text("metricNamespace")?);
        if metric.is_some() != namespace.is_some() {
            return Err(invalid("metricName and metricNamespace must be specified together."));
        }
        let limit = input.limit(PAGE)?;
        let after = input.text("nextToken")?.map(decode_token).transpose()?;
        let mut page: Vec<(String, Value)> = self.index.read(|index| {
            let groups = index.regions.get(input.region).into_iter().flatten();
            let groups = groups.filter(|(name, _)| only.is_none_or(|only| name.as_str() == only));
            let filters =
                groups.flat_map(|(group, it)| it.metric_filters.iter().map(move |(name, it)| (group, name, it)));
            filters
                .filter(|(_, name, _)| name.starts_with(prefix))
                .filter(|(_, _, it)| metric.is_none_or(|metric| it.metric == metric))
                .filter(|(_, _, it)| namespace.is_none_or(|namespace| it.namespace == namespace))
                .map(|(group, name, it)| (format!("{group}:{name}"), it.show(group, name)))
                .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
                .collect()
        });
        page.sort_by(|one, other| one.0.cmp(&other.0));
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(key, _)| encode_token(key));
        let shown: Vec<Value> = page.into_iter().map(|(_, shown)| shown).collect();
        let mut output = json!({ "metricFilters": shown });
        if let Some(next) = next {
            output["nextToken"] = next.into();
        }
        Ok(output)
    }

    /// Counts events (ms since the epoch, message) that have come in.
    pub(super) fn count(&self, region: &str, group: &str, events: &[(i64, String)]) {
        let filters: Vec<MetricFilter> =
            self.group(region, group, |group| group.metric_filters.values().cloned().collect()).unwrap_or_default();
        for filter in filters {
            // Checked when it was put.
            let Ok(pattern) = Pattern::parse(&filter.pattern) else { continue };
            let mut counted: Vec<Counted> = events
                .iter()
                .filter(|(_, message)| pattern.matches(message))
                .map(|(time, _)| filter.counted(region, *time, filter.value))
                .collect();
            // "the value to emit when a filter pattern does not match a log event"
            if let (true, Some(default), Some((time, _))) = (counted.is_empty(), filter.default, events.last()) {
                counted.push(filter.counted(region, *time, default));
            }
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).extend(counted);
        }
    }

    /// What was counted since the last time.
    pub(crate) fn take_counted(&self) -> Vec<Counted> {
        std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MetricFilter {
    fn counted(&self, region: &str, time: i64, value: f64) -> Counted {
        Counted {
            region: region.to_owned(),
            namespace: self.namespace.clone(),
            name: self.metric.clone(),
            unit: self.unit.clone().unwrap_or_else(|| "None".to_owned()),
            value,
            time,
        }
    }

    fn show(&self, group: &str, name: &str) -> Value {
        let mut metric =
            json!({"metricName": self.metric, "metricNamespace": self.namespace, "metricValue": self.value_text});
        if let Some(default) = self.default {
            metric["defaultValue"] = default.into();
        }
        if let Some(unit) = &self.unit {
            metric["unit"] = unit.as_str().into();
        }
        json!({
            "filterName": name,
            "filterPattern": self.pattern,
            "metricTransformations": [metric],
            "creationTime": self.created,
            "logGroupName": group,
            "applyOnTransformedLogs": false,
        })
    }
}

fn filter_name<'a>(input: &'a Input<'_>) -> Result<&'a str, Fault> {
    let name = input.required("filterName")?;
    if name.is_empty() || name.chars().count() > 512 || name.contains([':', '*']) {
        return Err(constraint(name, "filterName", "Member must satisfy regular expression pattern: [^:*]*"));
    }
    Ok(name)
}

fn read(input: &Input<'_>, pattern: &str) -> Result<MetricFilter, Fault> {
    let transformations = input.get("metricTransformations").and_then(Value::as_array).cloned();
    let transformations = transformations.ok_or_else(|| missing("metricTransformations"))?;
    let [metric] = transformations.as_slice() else {
        let rule = "Member must have length less than or equal to 1";
        return Err(constraint(&Value::from(transformations).to_string(), "metricTransformations", rule));
    };
    let text = |member: &'static str| {
        let text = metric[member].as_str().ok_or_else(|| missing(member))?;
        let well = text.chars().count() <= 255 && !text.contains([':', '*', '$']);
        let rule = "Member must satisfy regular expression pattern: [^:*$]*";
        if well { Ok(text.to_owned()) } else { Err(constraint(text, member, rule)) }
    };
    if metric["dimensions"].as_object().is_some_and(|dimensions| !dimensions.is_empty()) {
        return Err(Fault::unsupported("CloudWatch Logs", "a metric filter with dimensions"));
    }
    let value_text = metric["metricValue"].as_str().ok_or_else(|| missing("metricValue"))?.to_owned();
    if value_text.starts_with('$') {
        return Err(Fault::unsupported("CloudWatch Logs", "a metric filter with a value from the log"));
    }
    let value = value_text.parse().ok().filter(|value: &f64| value.is_finite());
    Ok(MetricFilter {
        created: now(),
        pattern: pattern.to_owned(),
        namespace: text("metricNamespace")?,
        metric: text("metricName")?,
        value: value
            .ok_or_else(|| invalid("Invalid metric transformation: metric value must be a number or a field"))?,
        value_text,
        default: metric["defaultValue"].as_f64(),
        unit: metric["unit"].as_str().map(str::to_owned),
    })
}
