//! What AWS charges, as far as rzap tells it: list prices of us-east-1 in US dollars, without what an
//! account has free. Other regions differ by some per cent; a bill is AWS's to write.
//!
//! - Lambda: <https://aws.amazon.com/lambda/pricing/>
//! - `EventBridge` Scheduler: <https://aws.amazon.com/eventbridge/pricing/>

/// Whose prices, and of when.
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
    fn a_gigabyte_that_waits_for_a_month_costs_about_eleven_dollars() {
        assert!((waiting_month(1, 1024, false) - 10.950_087_6).abs() < 1e-6);
        assert!((waiting_month(2, 512, true) - 8.760_175_2).abs() < 1e-6);
    }
}
