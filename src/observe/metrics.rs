//! What `CloudWatch` has measured of functions and queues, in one `GetMetricData` call.
//!
//! Of a function everything is asked under the dimension `FunctionName` alone, which has the calls of all its versions
//! and aliases: under `Resource` those that somebody made past the alias `live` would be missing, and
//! `ConcurrentExecutions` and `IteratorAge` are not there at all.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html>
//!
//! A percentile of an hour is not the mean of those of its minutes, so those have one period as long as the window.
//! AWS charges each metric that is asked for, five of a function, with 0.01 dollars per thousand.
//! <https://aws.amazon.com/cloudwatch/pricing/>

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use futures_util::future::try_join_all;
use serde::Serialize;

use super::window::Window;
use crate::aws::{Cloud, explain};
use crate::error::Result;

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const AT_ONCE: usize = 500;

/// What to ask for; names are those on AWS.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) functions: Vec<String>,
    /// Those of them that read streams.
    pub(crate) readers: Vec<String>,
    /// Those of them with provisioned concurrency.
    pub(crate) provisioned: Vec<String>,
    pub(crate) queues: Vec<String>,
}

/// What was measured in the window; by names on AWS.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) functions: BTreeMap<String, FunctionMetrics>,
    /// How old a queue's oldest message is, s.
    pub(crate) oldest: BTreeMap<String, f64>,
}

/// Of one function.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct FunctionMetrics {
    /// Calls that ran; throttled ones are not among them.
    pub(crate) invocations: u64,
    pub(crate) errors: u64,
    pub(crate) throttles: u64,
    pub(crate) duration_ms: Durations,
    /// The most at one time.
    pub(crate) concurrent_executions: u64,
    /// How far behind its stream it is; only of those that read one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iterator_age_ms: Option<f64>,
    pub(crate) series: Series,
    /// All durations together, ms.
    #[serde(skip)]
    pub(crate) run: f64,
    /// Calls that ran in provisioned processes.
    #[serde(skip)]
    pub(crate) provisioned: u64,
}

/// Percentiles; null where nothing ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Durations {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// One value for each period of the window, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Series {
    pub(crate) invocations: Vec<u64>,
    pub(crate) errors: Vec<u64>,
}

/// A metric of a function or of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Invocations,
    Errors,
    Throttles,
    P50,
    P95,
    P99,
    Run,
    Concurrent,
    Provisioned,
    IteratorAge,
    Oldest,
}

impl What {
    /// Of every function.
    const COMMON: [Self; 8] = [
        Self::Invocations,
        Self::Errors,
        Self::Throttles,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Run,
        Self::Concurrent,
    ];

    /// `CloudWatch`'s name and statistic.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Invocations => ("Invocations", "Sum"),
            Self::Errors => ("Errors", "Sum"),
            Self::Throttles => ("Throttles", "Sum"),
            Self::P50 => ("Duration", "p50"),
            Self::P95 => ("Duration", "p95"),
            Self::P99 => ("Duration", "p99"),
            Self::Run => ("Duration", "Sum"),
            Self::Concurrent => ("ConcurrentExecutions", "Maximum"),
            Self::Provisioned => ("ProvisionedConcurrencyInvocations", "Sum"),
            Self::IteratorAge => ("IteratorAge", "Maximum"),
            Self::Oldest => ("ApproximateAgeOfOldestMessage", "Maximum"),
        }
    }

    /// Whether it is wanted point by point: to be drawn, or for the newest one.
    fn in_points(self) -> bool {
        matches!(self, Self::Invocations | Self::Errors | Self::IteratorAge | Self::Oldest)
    }

    fn query(self, id: usize, name: &str, window: &Window) -> MetricDataQuery {
        let (metric, statistic) = self.words();
        let (namespace, dimension) =
            if self == Self::Oldest { ("AWS/SQS", "QueueName") } else { ("AWS/Lambda", "FunctionName") };
        let metric = Metric::builder()
            .namespace(namespace)
            .metric_name(metric)
            .dimensions(Dimension::builder().name(dimension).value(name).build());
        let period = if self.in_points() { window.period } else { window.length() };
        let period = i32::try_from(period).unwrap_or(i32::MAX);
        let wanted = MetricStat::builder().metric(metric.build()).period(period).stat(statistic);
        MetricDataQuery::builder().id(format!("q{id}")).metric_stat(wanted.build()).build()
    }
}

/// Asks for all of it.
pub(crate) async fn measure(cloud: &Cloud, asked: &Asked, window: &Window) -> Result<Measured> {
    let mut questions: Vec<(&String, What)> = Vec::new();
    questions.extend(asked.functions.iter().flat_map(|name| What::COMMON.map(|what| (name, what))));
    questions.extend(asked.readers.iter().map(|name| (name, What::IteratorAge)));
    questions.extend(asked.provisioned.iter().map(|name| (name, What::Provisioned)));
    questions.extend(asked.queues.iter().map(|name| (name, What::Oldest)));
    let answers = try_join_all(questions.chunks(AT_ONCE).map(|part| ask(cloud, part, window))).await?;
    let mut measured = Measured::default();
    for name in &asked.functions {
        let zeros = vec![0; window.points()];
        let series = Series { invocations: zeros.clone(), errors: zeros };
        measured.functions.insert(name.clone(), FunctionMetrics { series, ..FunctionMetrics::default() });
    }
    for (question, points) in answers.into_iter().flatten() {
        measured.take(question, &points, window);
    }
    Ok(measured)
}

/// Time, in seconds since the epoch, and value; oldest first.
type Points = Vec<(i64, f64)>;

async fn ask<'a>(
    cloud: &Cloud,
    questions: &[(&'a String, What)],
    window: &Window,
) -> Result<Vec<((&'a String, What), Points)>> {
    let queries = questions.iter().enumerate().map(|(id, (name, what))| what.query(id, name, window));
    let call = cloud
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .start_time(DateTime::from_secs(window.since))
        .end_time(DateTime::from_secs(window.until))
        .scan_by(ScanBy::TimestampAscending);
    let mut answers = Vec::new();
    let mut pages = call.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(explain("read the metrics"))?;
        for result in page.metric_data_results() {
            let id = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
            let Some(question) = id.and_then(|id| questions.get(id)) else { continue };
            let times = result.timestamps().iter().map(DateTime::secs);
            answers.push((*question, times.zip(result.values().iter().copied()).collect()));
        }
    }
    Ok(answers)
}

impl Measured {
    fn take(&mut self, (name, what): (&String, What), points: &Points, window: &Window) {
        let (sum, most) = (points.iter().map(|(_, value)| value).sum::<f64>(), most(points));
        if what == What::Oldest {
            self.oldest.extend(points.last().map(|(_, value)| (name.clone(), *value)));
            return;
        }
        let Some(of) = self.functions.get_mut(name) else { return };
        match what {
            What::Invocations => {
                of.invocations += whole(sum);
                draw(&mut of.series.invocations, points, window);
            }
            What::Errors => {
                of.errors += whole(sum);
                draw(&mut of.series.errors, points, window);
            }
            What::Throttles => of.throttles += whole(sum),
            // One value, or two when CloudWatch begins its period earlier: then the worse one.
            What::P50 => of.duration_ms.p50 = most,
            What::P95 => of.duration_ms.p95 = most,
            What::P99 => of.duration_ms.p99 = most,
            What::Run => of.run += sum,
            What::Concurrent => of.concurrent_executions = most.map(whole).unwrap_or_default(),
            What::Provisioned => of.provisioned += whole(sum),
            What::IteratorAge => of.iterator_age_ms = points.last().map(|(_, value)| *value),
            What::Oldest => {}
        }
    }
}

fn most(points: &Points) -> Option<f64> {
    points.iter().map(|(_, value)| *value).reduce(f64::max)
}

fn draw(series: &mut [u64], points: &Points, window: &Window) {
    for (time, value) in points {
        if let Some(point) = series.get_mut(window.point(*time)) {
            *point += whole(*value);
        }
    }
}

/// Counts come as decimals.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and `as` saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_become_totals_and_series() {
        let window = Window::new(300, 600);
        let name = "shop-dev-web".to_owned();
        let zeros = Series { invocations: vec![0; 5], errors: vec![0; 5] };
        let mut measured = Measured::default();
        measured.functions.insert(name.clone(), FunctionMetrics { series: zeros, ..FunctionMetrics::default() });
        for (what, points) in [
            (What::Invocations, vec![(300, 3.0), (540, 4.0)]),
            // A second page of the same answer.
            (What::Invocations, vec![(540, 1.0)]),
            (What::Errors, vec![(360, 2.0)]),
            (What::P99, vec![(240, 70.0), (540, 12.5)]),
            (What::Run, vec![(300, 125.0)]),
            (What::Concurrent, vec![(300, 2.0)]),
            (What::IteratorAge, vec![(300, 9000.0), (360, 10.0)]),
            (What::Oldest, vec![(300, 1.0), (360, 7.0)]),
        ] {
            measured.take((&name, what), &points, &window);
        }
        let of = &measured.functions[&name];
        assert_eq!((of.invocations, of.errors, of.throttles, of.concurrent_executions), (8, 2, 0, 2));
        assert_eq!(of.series, Series { invocations: vec![3, 0, 0, 0, 5], errors: vec![0, 2, 0, 0, 0] });
        assert_eq!((of.duration_ms.p50, of.duration_ms.p99, of.iterator_age_ms), (None, Some(70.0), Some(10.0)));
        assert_eq!(measured.oldest.get(&name), Some(&7.0));
    }
}
