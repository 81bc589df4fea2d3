//! How traffic that goes over step by step looks: a bar, the time that is left, the alarms.

use std::time::Duration;

/// What the bar is called among the others.
pub(super) const ID: &str = "traffic";

/// Characters of the bar.
const WIDTH: u32 = 20;

/// The part that changes with each step, and the part that changes all the time.
pub(super) fn share(percent: u32, left: Duration, alarms: usize) -> (String, String) {
    let full = (percent * WIDTH / 100).clamp(1, WIDTH) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH as usize - full));
    let alarms = match alarms {
        0 => String::new(),
        1 => ", 1 alarm is quiet".to_owned(),
        many => format!(", {many} alarms are quiet"),
    };
    (format!("traffic   {bar} {percent} % to the new versions"), format!("{} left{alarms}", clock(left)))
}

/// `4:05 min`, `1:00:00 h`, `9 s`.
pub(super) fn clock(time: Duration) -> String {
    // What is left of a second is a second: 0 would be over.
    let seconds = time.as_millis().div_ceil(1000);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02} h", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_bar_and_the_rest() {
        let (bar, rest) = share(10, Duration::from_secs(245), 2);
        assert_eq!(bar, "traffic   ██░░░░░░░░░░░░░░░░░░ 10 % to the new versions");
        assert_eq!(rest, "4:05 min left, 2 alarms are quiet");
        assert_eq!(share(1, Duration::from_millis(8_200), 0).1, "9 s left");
        assert_eq!(share(99, Duration::from_hours(1), 1).1, "1:00:00 h left, 1 alarm is quiet");
        assert!(share(1, Duration::ZERO, 0).0.contains("█░"));
    }
}
