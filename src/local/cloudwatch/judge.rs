//! Which state the latest datapoints put an alarm into.
//!
//! "CloudWatch attempts to retrieve a higher number of data points than the number specified as Evaluation
//! Periods": that many more are looked at as in AWS's examples, and where data is missing they decide as in
//! AWS's tables, which are the tests here.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

/// Datapoints that are looked at beyond the evaluation periods.
pub(super) const MORE: usize = 2;

/// What missing datapoints count as: `missing`, `ignore`, `breaching` or `notBreaching`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Unknown,
    Ignore,
    Breaching,
    NotBreaching,
}

/// What an evaluation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Alarm,
    InsufficientData,
    /// The state stays what it is.
    Keep,
}

impl Missing {
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            Some("breaching") => Self::Breaching,
            Some("notBreaching") => Self::NotBreaching,
            Some("ignore") => Self::Ignore,
            _ => Self::Unknown,
        }
    }
}

impl Verdict {
    /// The state's name; `None` to keep the one there is.
    pub(super) fn state(self) -> Option<&'static str> {
        match self {
            Self::Ok => Some("OK"),
            Self::Alarm => Some("ALARM"),
            Self::InsufficientData => Some("INSUFFICIENT_DATA"),
            Self::Keep => None,
        }
    }
}

/// `points`: the oldest first, `true` for a breaching one, `None` for a missing one. `of` is how many are
/// evaluated, `to_alarm` how many of them must be breaching.
pub(super) fn verdict(points: &[Option<bool>], to_alarm: usize, of: usize, missing: Missing) -> Verdict {
    let real: Vec<bool> = points.iter().filter_map(|point| *point).collect();
    let judged = &real[real.len().saturating_sub(of)..];
    let breaching = judged.iter().filter(|point| **point).count();
    let alarm_if = |condition: bool| if condition { Verdict::Alarm } else { Verdict::Ok };
    let gaps = of - judged.len();
    if gaps == 0 || breaching >= to_alarm {
        return alarm_if(breaching >= to_alarm);
    }
    match missing {
        Missing::Breaching => alarm_if(breaching + gaps >= to_alarm),
        Missing::NotBreaching => Verdict::Ok,
        // One that is fine, and too few that are not.
        _ if breaching < judged.len() => Verdict::Ok,
        Missing::Ignore => Verdict::Keep,
        // "the oldest available breaching data point … is at least as old as the value of Datapoints to
        // Alarm, and all other more recent data points are breaching or missing"
        Missing::Unknown => {
            let oldest = points.iter().position(|point| *point == Some(true)).map_or(0, |at| points.len() - at);
            if oldest >= to_alarm && oldest > 0 { Verdict::Alarm } else { Verdict::InsufficientData }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Alarm, InsufficientData, Keep, Ok};

    fn all(points: &str, to_alarm: usize) -> [Verdict; 4] {
        let points: Vec<_> = points
            .split(' ')
            .map(|point| match point {
                "0" => Some(false),
                "X" => Some(true),
                _ => None,
            })
            .collect();
        [Missing::Unknown, Missing::Ignore, Missing::Breaching, Missing::NotBreaching]
            .map(|missing| verdict(&points, to_alarm, 3, missing))
    }

    /// AWS's table for 3 out of 3.
    #[test]
    fn all_of_the_datapoints() {
        assert_eq!(all("0 - X - X", 3), [Ok; 4]);
        assert_eq!(all("0 - - - -", 3), [Ok; 4]);
        assert_eq!(all("- - - - -", 3), [InsufficientData, Keep, Alarm, Ok]);
        assert_eq!(all("0 X X - X", 3), [Alarm; 4]);
        assert_eq!(all("- - - - X", 3), [InsufficientData, Keep, Alarm, Ok]);
        assert_eq!(all("X - - - -", 3), [Alarm, Keep, Alarm, Ok]);
        assert_eq!(all("- - X - -", 3), [Alarm, Keep, Alarm, Ok]);
    }

    /// AWS's table for 2 out of 3.
    #[test]
    fn some_of_the_datapoints() {
        assert_eq!(all("0 - X - X", 2), [Alarm; 4]);
        assert_eq!(all("0 0 X 0 X", 2), [Alarm; 4]);
        assert_eq!(all("0 - X - -", 2), [Ok, Ok, Alarm, Ok]);
        assert_eq!(all("- - - - 0", 2), [Ok, Ok, Alarm, Ok]);
        assert_eq!(all("- - - - X", 2), [InsufficientData, Keep, Alarm, Ok]);
    }

    #[test]
    fn one_datapoint_is_enough_for_one() {
        let one = |points: &[Option<bool>]| verdict(points, 1, 1, Missing::Unknown);
        assert_eq!(one(&[None, Some(false), Some(true)]), Alarm);
        assert_eq!(one(&[Some(true), Some(true), Some(false)]), Ok);
        // The last one there is, for as long as it is looked at.
        assert_eq!(one(&[Some(true), None, None]), Alarm);
        assert_eq!(one(&[None, None, None]), InsufficientData);
    }
}
