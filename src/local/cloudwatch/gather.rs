//! What other services of the local cloud have measured is fetched here, before alarms are looked at.
//!
//! AWS has the gauges of queues once a minute, and an alarm sees a minute when it is over: one or two minutes
//! late. Here what a queue holds now counts for the last complete minute, so that an alarm on it goes off within
//! seconds.

use std::collections::BTreeSet;

use super::CloudWatch;
use super::bucket::Bucket;
use super::metrics::Datum;
use super::model::Metric;
use crate::local::Local;
use crate::local::sqs::Gauges;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
const QUEUES: &str = "AWS/SQS";
const QUEUE: &str = "QueueName";

impl CloudWatch {
    /// `now` in ms since the epoch.
    pub(super) fn gather(&self, local: &Local, now: i64) {
        for counted in local.logs.take_counted() {
            let metric = Metric { namespace: counted.namespace, name: counted.name, dimensions: Vec::new() };
            let mut bucket = Bucket::default();
            bucket.add(counted.value, 1.0);
            let datum = Datum { metric, time: counted.time, unit: counted.unit, fine: false, bucket };
            // What there is no room for is left out, as with what services measure.
            let _ = self.metrics.put(&counted.region, vec![datum]);
        }
        // Queues that nobody has used since the start are looked at when somebody watches them.
        let watched: BTreeSet<(String, String)> = self.state.read(|state| {
            let of_queues = state.all().filter(|(_, _, alarm)| alarm.settings.metric.namespace == QUEUES);
            let named = of_queues.filter_map(|(region, _, alarm)| {
                let (_, queue) = alarm.settings.metric.dimensions.iter().find(|(name, _)| name == QUEUE)?;
                Some((region.clone(), queue.clone()))
            });
            named.collect()
        });
        for gauges in local.sqs.gauges(&watched) {
            self.gauge(&gauges, now);
        }
    }

    /// The same of those queues of a region that somebody asks for right now.
    pub(super) fn gather_queues<'a>(
        &self,
        local: &Local,
        region: &str,
        asked: impl Iterator<Item = &'a Metric>,
        now: i64,
    ) {
        let of_queues = asked.filter(|metric| metric.namespace == QUEUES);
        let named = of_queues.filter_map(|metric| metric.dimensions.iter().find(|(name, _)| name == QUEUE));
        let watched: BTreeSet<(String, String)> = named.map(|(_, queue)| (region.to_owned(), queue.clone())).collect();
        if watched.is_empty() {
            return;
        }
        for gauges in local.sqs.gauges(&watched) {
            self.gauge(&gauges, now);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no queue has 2^52 messages")]
    fn gauge(&self, gauges: &Gauges, now: i64) {
        let minute = now - now.rem_euclid(60_000) - 60_000;
        for (name, unit, value) in [
            ("ApproximateNumberOfMessagesVisible", "Count", gauges.visible as f64),
            ("ApproximateNumberOfMessagesNotVisible", "Count", gauges.in_flight as f64),
            ("ApproximateNumberOfMessagesDelayed", "Count", gauges.delayed as f64),
            ("ApproximateAgeOfOldestMessage", "Seconds", gauges.age as f64),
        ] {
            let mut bucket = Bucket::default();
            bucket.add(value, 1.0);
            let dimensions = vec![(QUEUE.to_owned(), gauges.queue.clone())];
            let metric = Metric { namespace: QUEUES.to_owned(), name: name.to_owned(), dimensions };
            let datum = Datum { metric, time: minute, unit: unit.to_owned(), fine: false, bucket };
            self.metrics.replace(&gauges.region, datum);
        }
    }
}
