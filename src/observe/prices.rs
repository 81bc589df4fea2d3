//! What AWS charges, as far as rzap tells it: list prices in US dollars, without what an account has free, discounts
//! for large amounts and savings plans. A bill is AWS's to write.
//!
//! - Lambda: <https://aws.amazon.com/lambda/pricing/>
//! - `EventBridge` Scheduler: <https://aws.amazon.com/eventbridge/pricing/>

/// Whose prices of `keep_warm` and of what waits, and of when.
pub(crate) const AS_OF: &str = "us-east-1, March 2026";

/// Per call of a function.
const LAMBDA_CALL: f64 = 0.20 / 1e6;
/// Per GB-second on `x86_64` and on `arm64`; a GB is 1,024 MB.
const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
const LAMBDA_GB_SECOND_ARM: f64 = 0.000_013_333_4;
/// Per GB-second of provisioned concurrency, called or not, on `x86_64` and on `arm64`.
const PROVISIONED_GB_SECOND: f64 = 0.000_004_166_7;
const PROVISIONED_GB_SECOND_ARM: f64 = 0.000_003_333_4;
/// Seconds of a month of 730 hours, as AWS's own examples count.
const MONTH: f64 = 730.0 * 3600.0;
/// Per call that Scheduler makes.
const SCHEDULER_CALL: f64 = 1.00 / 1e6;
/// Calls of Scheduler that are free every month, for the account as a whole.
pub(crate) const SCHEDULER_FREE: &str = "14 million";

/// Of when [`Prices`] are: the publication of the price list that they were compared with last.
const LISTED: &str = "September 2026";
/// Where a GB-second or a call costs more than in us-east-1: the region, US dollars per GB-second on `x86_64`, and
/// per million calls. From the AWS Price List (`AWSLambda`: `Lambda-GB-Second`, `Request`).
/// <https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AWSLambda/current/index.json>
const DEARER: &[(&str, f64, f64)] = &[
    ("af-south-1", 0.000_022_1, 0.27),
    ("ap-east-1", 0.000_022_92, 0.28),
    ("eu-central-2", 0.000_018_333_4, 0.22),
    ("eu-south-1", 0.000_019_517_2, 0.23),
    ("il-central-1", 0.000_017_5, 0.21),
    ("me-central-1", 0.000_020_666_7, 0.25),
    ("me-south-1", 0.000_020_666_7, 0.25),
];
/// What `arm64` costs of `x86_64`; and of either, a second in a provisioned process, and one in which it waits.
/// The same everywhere but for rounding.
const ARM: f64 = 0.8;
const PROVISIONED_RUN: f64 = 0.583_33;
const PROVISIONED_WAIT: f64 = 0.25;

/// What a function did, for its bill.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) calls: f64,
    /// Seconds in which it ran, starts included.
    pub(crate) seconds: f64,
    /// The share of them in provisioned processes, 0–1.
    pub(crate) provisioned: f64,
    /// Seconds of provisioned processes, all together.
    pub(crate) waited: f64,
    /// MB.
    pub(crate) memory: i32,
    pub(crate) arm: bool,
}

impl Usage {
    /// Of its memory, while it ran.
    pub(crate) fn gb_seconds(&self) -> f64 {
        self.seconds * f64::from(self.memory) / 1024.0
    }
}

/// Lambda's list prices of one region.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prices {
    gb_second: f64,
    call: f64,
    /// `list price of eu-west-1, September 2026, …`
    pub(crate) of: String,
}

impl Prices {
    /// Of a region; `None` in China and in `GovCloud`, which have bills and prices of their own.
    pub(crate) fn of(region: &str) -> Option<Self> {
        if region.starts_with("cn-") || region.starts_with("us-gov-") {
            return None;
        }
        let dearer = DEARER.iter().find(|(name, ..)| *name == region);
        let (gb_second, million) = dearer.map_or((LAMBDA_GB_SECOND, 0.20), |(_, second, million)| (*second, *million));
        let of = format!("list price of {region}, {LISTED}, without the free tier");
        Some(Self { gb_second, call: million / 1e6, of })
    }

    /// US dollars.
    pub(crate) fn cost(&self, usage: &Usage) -> f64 {
        let gb = f64::from(usage.memory) / 1024.0;
        let rate = if usage.arm { self.gb_second * ARM } else { self.gb_second };
        let run = 1.0 - usage.provisioned * (1.0 - PROVISIONED_RUN);
        usage.calls * self.call + gb * rate * (usage.seconds * run + usage.waited * PROVISIONED_WAIT)
    }
}

/// What calls of one kind cost, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    pub(crate) lambda: f64,
    /// Once the account's free calls are used up.
    pub(crate) scheduler: f64,
}

impl Cost {
    /// So many calls by Scheduler of a function with `memory` MB that takes `ms` for each.
    pub(crate) fn of_calls(calls: u32, memory: i32, arm: bool, ms: f64) -> Self {
        let calls = f64::from(calls);
        let gb_seconds = calls * ms / 1000.0 * f64::from(memory) / 1024.0;
        let rate = if arm { LAMBDA_GB_SECOND_ARM } else { LAMBDA_GB_SECOND };
        Self { lambda: calls * LAMBDA_CALL + gb_seconds * rate, scheduler: calls * SCHEDULER_CALL }
    }
}

/// What so many processes of `memory` MB cost in a month in which nobody calls them, in US dollars.
pub(crate) fn waiting_month(processes: i32, memory: i32, arm: bool) -> f64 {
    let rate = if arm { PROVISIONED_GB_SECOND_ARM } else { PROVISIONED_GB_SECOND };
    f64::from(processes) * f64::from(memory) / 1024.0 * MONTH * rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_seconds_of_a_gigabyte_cost_what_the_page_says() {
        let cost = Cost::of_calls(1_000_000, 1024, false, 1000.0);
        assert!((cost.lambda - 16.8667).abs() < 1e-9 && (cost.scheduler - 1.0).abs() < 1e-9, "{cost:?}");
        let arm = Cost::of_calls(1_000_000, 1024, true, 1000.0);
        assert!((arm.lambda - 13.5334).abs() < 1e-9, "{arm:?}");
    }

    #[test]
    fn what_a_function_did_costs_what_its_region_asks() {
        let usage = Usage { calls: 1e6, seconds: 1e6, memory: 1024, ..Usage::default() };
        let of = |region: &str, usage: &Usage| Prices::of(region).map(|prices| prices.cost(usage));
        let near = |found: Option<f64>, wanted: f64| found.is_some_and(|found| (found / wanted - 1.0).abs() < 1e-4);
        assert!(near(of("eu-west-1", &usage), 16.8667) && near(of("ap-east-1", &usage), 23.2));
        assert!(near(of("eu-west-1", &Usage { arm: true, ..usage }), 13.5334));
        // <https://aws.amazon.com/lambda/pricing/>: 0.0000041667 for each second, 0.0000097222 for each that it runs.
        let kept = Usage { provisioned: 1.0, waited: 2e6, ..usage };
        assert!(near(of("us-east-1", &kept), 0.2 + 9.7222 + 8.3334), "{:?}", of("us-east-1", &kept));
        assert_eq!(of("cn-north-1", &usage), None);
        assert!((usage.gb_seconds() - 1e6).abs() < 1e-6);
        assert_eq!(
            Prices::of("eu-west-1").map(|prices| prices.of).as_deref(),
            Some("list price of eu-west-1, September 2026, without the free tier")
        );
    }

    #[test]
    fn a_gigabyte_that_waits_for_a_month_costs_about_eleven_dollars() {
        assert!((waiting_month(1, 1024, false) - 10.950_087_6).abs() < 1e-6);
        assert!((waiting_month(2, 512, true) - 8.760_175_2).abs() < 1e-6);
    }
}
