//! How a stage does: what was measured, counted and is about to end, and what that costs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::live_functions;
use crate::aws::Cloud;
use crate::deploy::{Any, Found};
use crate::observe::{self, AlarmState, Asked, Certificate, ColdStarts, Depth, Measured, Prices, Usage, Window};

/// Of one stage. A part that could not be read is `None`.
pub(super) struct Numbers {
    pub(super) window: Window,
    /// By names on AWS, as all of this.
    pub(super) measured: Option<Measured>,
    pub(super) cold: Option<BTreeMap<String, ColdStarts>>,
    pub(super) alarms: Option<Vec<AlarmState>>,
    pub(super) queues: Option<Vec<Depth>>,
    pub(super) certificates: Option<Vec<Certificate>>,
    /// Processes that are kept.
    pub(super) provisioned: BTreeMap<String, i32>,
}

/// What one function took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Taken {
    pub(super) requests: u64,
    pub(super) gb_seconds: f64,
    /// US dollars.
    pub(super) usd: f64,
}

/// What all functions took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bill {
    #[serde(flatten)]
    pub(super) all: Taken,
    /// If every hour of a month of 730 were like those of the window.
    pub(super) usd_per_month: f64,
    /// Whose prices, and of when.
    pub(super) prices: String,
}

impl Numbers {
    /// Nothing of it could be read.
    pub(super) fn is_empty(&self) -> bool {
        self.measured.is_none() && self.cold.is_none()
    }

    /// Functions that are live and not in the config any more are measured, too. They are few, and seldom there.
    pub(super) async fn add_strangers(&mut self, cloud: &Cloud, found: &Found<Any>) {
        let Some(measured) = &mut self.measured else { return };
        let names = live_functions(found).into_iter().map(|function| function.name);
        let functions: Vec<String> = names.filter(|name| !measured.functions.contains_key(name)).collect();
        if functions.is_empty() {
            return;
        }
        let asked = Asked { functions, ..Asked::default() };
        // The first call of this kind went well; whoever wants this one's error meets it with the next look.
        if let Ok(more) = observe::measure(cloud, &asked, &self.window).await {
            measured.functions.extend(more.functions);
        }
    }

    /// Leaves the certificates of domains that lead to one of these APIs.
    pub(super) fn keep_certificates_of(&mut self, found: &Found<Any>) {
        let ids = found.ours.iter().filter_map(|any| match any {
            Any::Api(api) => api.id.get(),
            Any::HttpApi(api) => api.id.get(),
            _ => None,
        });
        let ids: Vec<&String> = ids.collect();
        if let Some(certificates) = &mut self.certificates {
            certificates.retain(|certificate| ids.iter().any(|id| certificate.apis.contains(*id)));
        }
    }

    /// What each of the functions took, by its name on AWS; `None` where that is not known.
    pub(super) fn taken(&self, cloud: &Cloud, found: &Found<Any>) -> Option<(BTreeMap<String, Taken>, Bill)> {
        let (measured, prices) = (self.measured.as_ref()?, Prices::of(&cloud.region)?);
        let mut each = BTreeMap::new();
        for function in live_functions(found) {
            let Some(metrics) = measured.functions.get(&function.name) else { continue };
            let started = self.cold.as_ref().and_then(|cold| cold.get(&function.name)).map_or(0.0, |cold| cold.took);
            let waits = f64::from(self.provisioned.get(&function.name).copied().unwrap_or_default());
            let calls = float(metrics.invocations);
            let usage = Usage {
                calls,
                seconds: (metrics.run + started) / 1000.0,
                provisioned: if calls > 0.0 { (float(metrics.provisioned) / calls).min(1.0) } else { 0.0 },
                waited: waits * float(self.window.length().unsigned_abs()),
                memory: function.settings.memory,
                arm: function.settings.arch == "arm64",
            };
            let taken =
                Taken { requests: metrics.invocations, gb_seconds: usage.gb_seconds(), usd: prices.cost(&usage) };
            each.insert(function.name, taken);
        }
        let all = each.values().fold(Taken { requests: 0, gb_seconds: 0.0, usd: 0.0 }, |sum, one| Taken {
            requests: sum.requests + one.requests,
            gb_seconds: sum.gb_seconds + one.gb_seconds,
            usd: sum.usd + one.usd,
        });
        let windows = 730.0 * 3600.0 / float(self.window.length().unsigned_abs());
        let bill = Bill { usd_per_month: all.usd * windows, all, prices: prices.of };
        Some((each, bill))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and seconds, far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}
