//! Metrics read back: `GetMetricStatistics`, `GetMetricData` and `ListMetrics`.
//!
//! Refused: expressions, metrics of other accounts, labels that are filled in.

use super::bucket::Bucket;
use super::check::{self, STATISTICS, UNITS, percentile};
use super::describe::{Pages, page};
use super::input::Input;
use super::model::{Metric, now_ms};
use super::{CloudWatch, bad_value, fault, invalid};
use crate::local::Local;
use crate::local::rpc::Document;
use crate::local::wire::Fault;

/// Of `GetMetricStatistics` and of `GetMetricData`.
const MOST_DATAPOINTS: i64 = 1440;
const MOST_DATA: i64 = 100_800;
const MOST_QUERIES: usize = 500;
const DAY: i64 = 86_400;
/// `RecentlyActive`: s.
const RECENTLY: i64 = 3 * 3600;

/// A stretch of time cut into periods; seconds since the epoch.
struct Cut {
    from: i64,
    to: i64,
    period: i64,
}

impl Cut {
    /// Begins with a whole minute, or with a whole period where that is shorter.
    fn new((from, to): (i64, i64), period: i64) -> Self {
        let (from, grid) = (from.div_euclid(1000), period.min(60));
        Self {
            from: from - from.rem_euclid(grid),
            to: to.div_euclid(1000) + i64::from(to.rem_euclid(1000) > 0),
            period,
        }
    }

    fn count(&self) -> i64 {
        (self.to - self.from + self.period - 1).div_euclid(self.period)
    }

    /// Whether only high-resolution data is that fine.
    fn fine(&self) -> bool {
        self.period < 60
    }

    fn periods(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        let (from, to, period) = (self.from, self.to, self.period);
        (0..self.count()).map(move |number| (from + number * period, (from + (number + 1) * period).min(to)))
    }
}

impl CloudWatch {
    pub(super) fn get_statistics(&self, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let metric = check::metric(input)?;
        let cut = Cut::new(range(input, &bad_value)?, period(input, "Period")?);
        let statistics = input.choices("Statistics", 5, &STATISTICS)?;
        let extended = input.texts("ExtendedStatistics", 10)?;
        let percents = extended.iter().map(|name| percentile(name)).collect::<Result<Vec<_>, _>>()?;
        if statistics.is_empty() && extended.is_empty() {
            let message = "At least one of the parameters Statistics and ExtendedStatistics must be specified.";
            return Err(fault(400, "InvalidParameterCombination", "InvalidParameterCombinationException", message));
        }
        let unit = input.choice("Unit", &UNITS)?;
        if cut.count() > MOST_DATAPOINTS {
            return Err(fault(
                400,
                "InvalidParameterCombination",
                "InvalidParameterCombinationException",
                format!(
                    "You have requested up to {} datapoints, which exceeds the limit of {MOST_DATAPOINTS}. You may reduce \
                 the datapoints requested by increasing Period, or decreasing the time range.",
                    cut.count()
                ),
            ));
        }
        let mut points = Vec::new();
        for span in cut.periods() {
            let buckets = self.metrics.within(region, &metric, span, cut.fine());
            for (name, bucket) in buckets.iter().filter(|(name, _)| unit.as_ref().is_none_or(|unit| unit == name)) {
                let point = Document::map().with("Timestamp", Document::Time(span.0 * 1000)).with("Unit", name);
                let point = statistics.iter().fold(point, |point, name| point.maybe(name, bucket.statistic(name)));
                let spread = extended.iter().zip(&percents);
                let spread =
                    spread.filter_map(|(name, percent)| Some((name.clone(), bucket.percentile(*percent)?.into())));
                let spread: Vec<(String, Document)> = spread.collect();
                points.push(if extended.is_empty() {
                    point
                } else {
                    point.with("ExtendedStatistics", Document::Pairs(spread))
                });
            }
        }
        Ok(Document::map().with("Label", &metric.name).with("Datapoints", points))
    }

    pub(super) fn get_data(&self, local: &Local, input: &Input<'_>, region: &str) -> Result<Document, Fault> {
        let queries = input.structures("MetricDataQueries", MOST_QUERIES)?;
        if queries.is_empty() {
            return Err(input.missing("MetricDataQueries"));
        }
        let range = range(input, &invalid)?;
        let order = input.choice("ScanBy", &["TimestampDescending", "TimestampAscending"])?;
        let ascending = order.as_deref() == Some("TimestampAscending");
        let most = input.whole("MaxDatapoints", 1..=MOST_DATA)?.unwrap_or(MOST_DATA);
        let mut left = most;
        let mut results = Vec::new();
        let queries: Vec<Query> = queries.iter().map(Query::read).collect::<Result<_, _>>()?;
        self.gather_queues(local, region, queries.iter().map(|query| &query.metric), now_ms());
        for query in &queries {
            let cut = Cut::new(range, query.period);
            let mut points: Vec<(i64, f64)> = Vec::new();
            for span in cut.periods() {
                let bucket = self.metrics.bucket(region, &query.metric, query.unit.as_deref(), span, cut.fine());
                points.extend(bucket.and_then(|bucket| query.value(&bucket)).map(|value| (span.0 * 1000, value)));
            }
            if !ascending {
                points.reverse();
            }
            left -= i64::try_from(points.len()).unwrap_or(i64::MAX);
            if left < 0 {
                return Err(Fault::unsupported(
                    "cloudwatch",
                    &format!("GetMetricData with more than {most} datapoints"),
                ));
            }
            if query.returned {
                results.push(query.result(&points));
            }
        }
        Ok(Document::map().with("MetricDataResults", results).with("Messages", Vec::new()))
    }

    pub(super) fn list_metrics(&self, input: &Input<'_>, region: &str, now: i64) -> Result<Document, Fault> {
        for member in ["IncludeLinkedAccounts", "OwningAccount"] {
            if input.get(member).is_some_and(|value| *value != false) {
                return Err(Fault::unsupported("cloudwatch", &format!("ListMetrics with {member}")));
            }
        }
        let namespace = check::namespace(input)?;
        let name = input.text("MetricName", 1..=255)?;
        let pair = |filter: Input<'_>| Ok((filter.required("Name", 1..=255)?, filter.text("Value", 1..=1024)?));
        let filters = input.structures("Dimensions", 10)?.into_iter().map(pair).collect::<Result<Vec<_>, Fault>>()?;
        let recently = input.choice("RecentlyActive", &["PT3H"])?.is_some();
        let has = |metric: &Metric, (wanted, value): &(String, Option<String>)| {
            metric.dimensions.iter().any(|(name, is)| name == wanted && value.as_ref().is_none_or(|value| value == is))
        };
        let wanted = |metric: &Metric, last: i64| {
            namespace.as_ref().is_none_or(|namespace| metric.namespace == *namespace)
                && name.as_ref().is_none_or(|name| metric.name == *name)
                && filters.iter().all(|filter| has(metric, filter))
                && (!recently || last >= now - RECENTLY)
        };
        let found = self.metrics.list(region).into_iter().filter(|(metric, last)| wanted(metric, *last));
        let shown = found.map(|(metric, _)| {
            let key = format!("{}\u{0}{}\u{0}{:?}", metric.namespace, metric.name, metric.dimensions);
            let document = Document::map().with("Namespace", &metric.namespace).with("MetricName", &metric.name);
            (key, document.with("Dimensions", metric.shown_dimensions()))
        });
        page(input, "Metrics", Document::map(), shown.collect(), Pages::FiveHundred)
    }
}

/// One query of `GetMetricData`.
struct Query {
    id: String,
    label: Option<String>,
    metric: Metric,
    period: i64,
    statistic: String,
    percent: Option<f64>,
    unit: Option<String>,
    returned: bool,
}

impl Query {
    fn read(input: &Input<'_>) -> Result<Self, Fault> {
        let id = input.required("Id", 1..=255)?;
        if input.get("Expression").is_some() {
            return Err(Fault::unsupported("cloudwatch", "GetMetricData with an Expression"));
        }
        if input.get("AccountId").is_some() {
            return Err(Fault::unsupported("cloudwatch", "GetMetricData with an AccountId"));
        }
        let label = input.text("Label", 0..=usize::MAX)?;
        if label.as_ref().is_some_and(|label| label.contains("${")) {
            return Err(Fault::unsupported("cloudwatch", "GetMetricData with a dynamic label"));
        }
        let given = input.structure("MetricStat")?.ok_or_else(|| input.missing("MetricStat"))?;
        let statistic = given.required("Stat", 1..=255)?;
        let percent = if STATISTICS.contains(&statistic.as_str()) { None } else { Some(percentile(&statistic)?) };
        Ok(Self {
            id,
            label,
            metric: check::metric(&given.structure("Metric")?.ok_or_else(|| given.missing("Metric"))?)?,
            period: any_period(&given, "Period")?,
            statistic,
            percent,
            unit: given.choice("Unit", &UNITS)?,
            returned: input.flag("ReturnData")?.unwrap_or(true),
        })
    }

    fn value(&self, bucket: &Bucket) -> Option<f64> {
        match self.percent {
            Some(percent) => bucket.percentile(percent),
            None => bucket.statistic(&self.statistic),
        }
    }

    fn result(&self, points: &[(i64, f64)]) -> Document {
        let times: Vec<Document> = points.iter().map(|(time, _)| Document::Time(*time)).collect();
        let values: Vec<Document> = points.iter().map(|(_, value)| (*value).into()).collect();
        Document::map()
            .with("Id", &self.id)
            .with("Label", self.label.as_ref().unwrap_or(&self.metric.name))
            .with("Timestamps", times)
            .with("Values", values)
            .with("StatusCode", "Complete")
    }
}

/// `StartTime` and `EndTime` in ms.
fn range(input: &Input<'_>, refuse: &dyn Fn(String) -> Fault) -> Result<(i64, i64), Fault> {
    let from = input.time("StartTime")?.ok_or_else(|| input.missing("StartTime"))?;
    let to = input.time("EndTime")?.ok_or_else(|| input.missing("EndTime"))?;
    if from >= to {
        return Err(refuse("The parameter StartTime must be less than the parameter EndTime.".to_owned()));
    }
    Ok((from, to))
}

/// s, a day at most.
fn period(input: &Input<'_>, name: &str) -> Result<i64, Fault> {
    let period = any_period(input, name)?;
    if period <= DAY { Ok(period) } else { Err(bad_value(format!("The parameter {name} must be at most {DAY}."))) }
}

/// s. The API names no longest one for `GetMetricData`; dashboards ask for months:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>
fn any_period(input: &Input<'_>, name: &str) -> Result<i64, Fault> {
    let period = input.whole(name, 1..=i64::from(i32::MAX))?.ok_or_else(|| input.missing(name))?;
    if matches!(period, 1 | 5 | 10 | 20 | 30) || period % 60 == 0 {
        return Ok(period);
    }
    Err(bad_value(format!("The parameter {name} must be 1, 5, 10, 20, 30 or a multiple of 60.")))
}
