//! How long ago something was, and who it was, in a few letters.

use jiff::Timestamp;

/// `3 h ago`; what is not a time stays as it is. Takes RFC 3339 and what Lambda writes.
pub(crate) fn ago(at: &str, now: Timestamp) -> String {
    let Some(then) = moment(at) else { return at.to_owned() };
    format!("{} ago", span(now.as_second() - then.as_second()))
}

/// `40 min`, the largest unit that fits.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `2026-11-21 02:52:00 UTC`; what is not a time stays as it is.
pub(crate) fn readable_time(at: &str) -> String {
    moment(at).map_or_else(|| at.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Lambda writes `2026-11-21T02:52:00.000+0000`.
fn moment(at: &str) -> Option<Timestamp> {
    at.strip_suffix("+0000").map_or_else(|| at.parse().ok(), |at| format!("{at}Z").parse().ok())
}

/// `arn:aws:sts::123456789012:assumed-role/Deployer/ada` → `Deployer/ada`
pub(crate) fn short_arn(arn: &str) -> &str {
    let name = arn.rsplit(':').next().unwrap_or(arn);
    name.split_once('/').map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_when_are_short() {
        let arns = ["arn:aws:sts::1:assumed-role/Deployer/ada", "arn:aws:iam::1:user/ada", "arn:aws:iam::1:root"];
        assert_eq!(arns.map(short_arn), ["Deployer/ada", "ada", "root"]);
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let times = [
            "2026-11-21T11:59:30Z",
            "2026-11-21T11:20:00.123+0000",
            "2026-11-20T06:00:00Z",
            "2026-11-01T12:00:00Z",
            "2026-11-21T12:00:09Z",
            "then",
        ];
        let said = times.map(|at| ago(at, now));
        assert_eq!(said, ["30 s ago", "40 min ago", "30 h ago", "20 d ago", "0 s ago", "then"]);
        let times = ["2026-11-21T02:52:00.000+0000", "2026-11-21T02:52:00Z", "then"];
        let said = times.map(readable_time);
        assert_eq!(said, ["2026-11-21 02:52:00 UTC", "2026-11-21 02:52:00 UTC", "then"]);
    }
}
