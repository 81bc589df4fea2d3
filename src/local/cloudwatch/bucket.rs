//! The values of one metric within one stretch of time: count, sum, extremes, and how they are spread.
//!
//! The spread is exact for a few hundred different values; then values are rounded to three digits, and in
//! the worst case to two, so that a bucket stays small whatever is put into it.

/// Different values that are kept as they are, and then rounded to three digits.
const MOST_EXACT: usize = 500;
const MOST_ROUNDED: usize = 2_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bucket {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// Value and how often, by value. `None` when a statistic set came in: nobody knows its spread.
    spread: Option<Vec<(f64, f64)>>,
    /// To how many digits values are rounded.
    digits: Option<usize>,
}

impl Default for Bucket {
    fn default() -> Self {
        let (least, most) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { count: 0.0, sum: 0.0, least, most, spread: Some(Vec::new()), digits: None }
    }
}

impl Bucket {
    /// Takes a value in, so and so often.
    pub(super) fn add(&mut self, value: f64, times: f64) {
        if times <= 0.0 {
            return;
        }
        self.count += times;
        self.sum += value * times;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.place(value, times);
        self.tighten();
    }

    /// Takes a statistic set in. "Percentile statistics are not available" for one, unless all its values
    /// are the same:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>
    pub(super) fn add_set(&mut self, count: f64, sum: f64, least: f64, most: f64) {
        self.count += count;
        self.sum += sum;
        self.least = self.least.min(least);
        self.most = self.most.max(most);
        if least.total_cmp(&most).is_eq() {
            self.place(least, count);
            self.tighten();
        } else {
            self.spread = None;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        match &other.spread {
            None => self.spread = None,
            Some(values) => {
                self.digits = self.digits.into_iter().chain(other.digits).min();
                for (value, times) in values {
                    self.place(*value, *times);
                }
                self.tighten();
            }
        }
    }

    /// `Sum`, `Average`, …; `None` for a bucket without values.
    pub(super) fn statistic(&self, name: &str) -> Option<f64> {
        (self.count > 0.0).then_some(match name {
            "SampleCount" => self.count,
            "Average" => self.sum / self.count,
            "Sum" => self.sum,
            "Minimum" => self.least,
            "Maximum" => self.most,
            _ => return None,
        })
    }

    /// The least value that so many percent of the values are not above.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        let values = self.spread.as_ref()?;
        let wanted = self.count * percent / 100.0;
        let mut seen = 0.0;
        let found = values.iter().find(|(_, times)| {
            seen += times;
            seen >= wanted - 1e-9
        });
        // Rounding must not lead outside of what there was.
        found.or(values.last()).map(|(value, _)| value.clamp(self.least, self.most))
    }

    fn place(&mut self, value: f64, times: f64) {
        let value = self.digits.map_or(value, |digits| rounded(value, digits));
        let Some(values) = &mut self.spread else { return };
        match values.binary_search_by(|(other, _)| other.total_cmp(&value)) {
            Ok(at) => values[at].1 += times,
            Err(at) => values.insert(at, (value, times)),
        }
    }

    /// Rounds when there are too many different values.
    fn tighten(&mut self) {
        for (digits, most) in [(3, MOST_EXACT), (2, MOST_ROUNDED)] {
            let finer = self.digits.is_none_or(|now| now > digits);
            if finer && self.spread.as_ref().is_some_and(|values| values.len() > most) {
                self.digits = Some(digits);
                for (value, times) in self.spread.replace(Vec::new()).into_iter().flatten() {
                    self.place(value, times);
                }
            }
        }
    }
}

/// To so many significant digits.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.0$e}", digits - 1).parse().unwrap_or(value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Bucket {
        let mut bucket = Bucket::default();
        for value in values {
            bucket.add(*value, 1.0);
        }
        bucket
    }

    #[test]
    fn statistics_are_those_of_the_values() {
        let mut bucket = of(&[3.0, 1.0]);
        bucket.add(2.0, 2.0);
        bucket.merge(&of(&[12.0]));
        let found = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"].map(|name| bucket.statistic(name).unwrap());
        assert!(found.iter().zip([5.0, 4.0, 20.0, 1.0, 12.0]).all(|(found, wanted)| (found - wanted).abs() < 1e-9));
        assert_eq!(Bucket::default().statistic("Sum"), None);
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        let bucket = of(&(1..=100).map(f64::from).collect::<Vec<_>>());
        for (percent, wanted) in [(0.0, 1.0), (1.0, 1.0), (50.0, 50.0), (90.0, 90.0), (99.9, 100.0), (100.0, 100.0)] {
            assert_eq!(bucket.percentile(percent), Some(wanted), "p{percent}");
        }
        assert_eq!(Bucket::default().percentile(50.0), None);
    }

    #[test]
    fn nobody_knows_the_spread_of_a_set() {
        let mut bucket = of(&[1.0]);
        bucket.add_set(3.0, 6.0, 2.0, 2.0);
        assert_eq!(bucket.percentile(90.0), Some(2.0));
        bucket.add_set(2.0, 6.0, 2.0, 4.0);
        assert_eq!((bucket.percentile(90.0), bucket.statistic("Maximum")), (None, Some(4.0)));
    }

    #[test]
    fn a_bucket_stays_small_and_near() {
        let mut bucket = Bucket::default();
        for number in 0..100_000_u32 {
            bucket.add(f64::from(number).powi(3) / 7.0, 1.0);
        }
        assert!(bucket.spread.as_ref().unwrap().len() <= MOST_ROUNDED);
        let wanted = 90_000_f64.powi(3) / 7.0;
        assert!((bucket.percentile(90.0).unwrap() / wanted - 1.0).abs() < 0.06);
    }
}
