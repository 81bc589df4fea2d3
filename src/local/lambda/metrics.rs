//! What Lambda tells `CloudWatch` about its invocations, in the namespace `AWS/Lambda`.
//!
//! Each value goes under no dimensions (the region as a whole), the function, the resource that was asked
//! for, and, through an alias, also the version that ran.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html>

use std::time::Duration;

use super::mappings::Mapping;
use super::names::{FunctionRef, LATEST, is_alias};
use crate::local::Local;
use crate::local::cloudwatch::Measured;

const NAMESPACE: &str = "AWS/Lambda";

/// An invocation that ran, and began at `time` (ms since the epoch): "the timestamp on an error metric
/// reflects when the function was invoked". `Errors` is 0 when all is well, so that its average is a rate.
pub(super) fn ran(local: &Local, at: &FunctionRef, version: &str, time: i64, took: Duration, failed: bool) {
    let errors = if failed { 1.0 } else { 0.0 };
    let mut measured = Vec::new();
    for dimensions in resources(at, version) {
        for (name, unit, value) in [
            ("Invocations", "Count", 1.0),
            ("Errors", "Count", errors),
            ("Throttles", "Count", 0.0),
            ("Duration", "Milliseconds", took.as_secs_f64() * 1000.0),
        ] {
            measured.push(Measured { name, unit, value, dimensions: dimensions.clone() });
        }
    }
    local.cloudwatch.measure(&at.region, NAMESPACE, time, measured);
}

/// An invocation that there was no place for. It is not one of the `Invocations`.
pub(super) fn throttled(local: &Local, at: &FunctionRef, version: &str, time: i64) {
    let one = |dimensions| Measured { name: "Throttles", unit: "Count", value: 1.0, dimensions };
    let measured = resources(at, version).into_iter().map(one).collect();
    local.cloudwatch.measure(&at.region, NAMESPACE, time, measured);
}

/// How many executions there are with a new one: of the function, and in the region.
pub(super) fn concurrency(local: &Local, at: &FunctionRef, time: i64, (own, all): (u32, u32)) {
    let one = |value: u32, dimensions| Measured {
        name: "ConcurrentExecutions",
        unit: "Count",
        value: f64::from(value),
        dimensions,
    };
    let function = vec![("FunctionName", at.name.clone())];
    let measured = vec![one(all, Vec::new()), one(own, function)];
    local.cloudwatch.measure(&at.region, NAMESPACE, time, measured);
}

/// How old the last record of a batch was when a function got it, ms.
pub(crate) fn iterator_age(local: &Local, mapping: &Mapping, time: i64, age: i64) {
    let Ok(at) = FunctionRef::parse(&mapping.function, &mapping.region, None) else { return };
    let value = Duration::from_millis(age.max(0).unsigned_abs()).as_secs_f64() * 1000.0;
    let one = |dimensions| Measured { name: "IteratorAge", unit: "Milliseconds", value, dimensions };
    let measured = resources(&at, LATEST).into_iter().take(3).map(one).collect();
    local.cloudwatch.measure(&at.region, NAMESPACE, time, measured);
}

/// An event that was given up.
pub(super) fn dropped(local: &Local, at: &FunctionRef, time: i64) {
    undelivered(local, at, "AsyncEventsDropped", time);
}

/// Something of an event that did not arrive where it should.
pub(super) fn undelivered(local: &Local, at: &FunctionRef, name: &'static str, time: i64) {
    let one = |dimensions| Measured { name, unit: "Count", value: 1.0, dimensions };
    let measured = resources(at, LATEST).into_iter().take(3).map(one).collect();
    local.cloudwatch.measure(&at.region, NAMESPACE, time, measured);
}

/// The sets of dimensions of one value.
fn resources(at: &FunctionRef, version: &str) -> Vec<Vec<(&'static str, String)>> {
    let function = ("FunctionName", at.name.clone());
    let asked = at.qualifier.as_ref().map_or_else(|| at.name.clone(), |qualifier| format!("{}:{qualifier}", at.name));
    let resource = ("Resource", asked);
    let mut all = vec![Vec::new(), vec![function.clone()], vec![function.clone(), resource.clone()]];
    if at.qualifier.as_deref().is_some_and(is_alias) {
        all.push(vec![function, resource, ("ExecutedVersion", version.to_owned())]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(qualifier: Option<&str>) -> Vec<String> {
        let at = FunctionRef { region: "r".into(), name: "web".into(), qualifier: qualifier.map(str::to_owned) };
        let one = |set: Vec<(&str, String)>| {
            set.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        resources(&at, "2").into_iter().map(one).collect()
    }

    #[test]
    fn a_value_goes_under_function_resource_and_the_version_behind_an_alias() {
        assert_eq!(shown(None), ["", "FunctionName=web", "FunctionName=web Resource=web"]);
        assert_eq!(shown(Some("2")), ["", "FunctionName=web", "FunctionName=web Resource=web:2"]);
        let live = "FunctionName=web Resource=web:live";
        let executed = format!("{live} ExecutedVersion=2");
        assert_eq!(shown(Some("live")), ["", "FunctionName=web", live, &executed]);
    }
}
