//! How bad a line is, in the words and numbers of all the loggers there are.

use serde::Serialize;

/// In order: what is worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    /// `info`, `WARNING`, `E`: the names of Lambda's log levels, of Python, Node, Java, .NET and syslog.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
    pub(crate) fn named(word: &str) -> Option<Self> {
        const NAMES: &[(&str, Level)] = &[
            ("info", Level::Info),
            ("error", Level::Error),
            ("debug", Level::Debug),
            ("warn", Level::Warn),
            ("warning", Level::Warn),
            ("fatal", Level::Fatal),
            ("critical", Level::Fatal),
            ("trace", Level::Trace),
            ("err", Level::Error),
            ("crit", Level::Fatal),
            ("notice", Level::Info),
            ("severe", Level::Error),
            ("panic", Level::Fatal),
            ("emerg", Level::Fatal),
            ("alert", Level::Fatal),
            ("verbose", Level::Debug),
            ("information", Level::Info),
        ];
        let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map(|(_, level)| *level)
    }

    /// The numbers of pino and bunyan: 10 is trace, 60 is fatal. Python's are the same but for 50, which is its
    /// worst; pino's 50 is an error, and so it is told here.
    /// <https://getpino.io/#/docs/api?id=loggerlevels-object>
    pub(crate) fn numbered(number: u64) -> Option<Self> {
        match number {
            10..20 => Some(Self::Trace),
            20..30 => Some(Self::Debug),
            30..40 => Some(Self::Info),
            40..50 => Some(Self::Warn),
            50..60 => Some(Self::Error),
            60..=100 => Some(Self::Fatal),
            _ => None,
        }
    }

    /// As wide as a column: at most five letters.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    pub(crate) fn is_bad(self) -> bool {
        self >= Self::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_logger_is_understood() {
        assert_eq!(
            ["INFO", "warning", "CRITICAL", "Severe", "chatty"].map(Level::named),
            [Some(Level::Info), Some(Level::Warn), Some(Level::Fatal), Some(Level::Error), None]
        );
        assert_eq!(
            [10, 30, 50, 60, 5, 200].map(Level::numbered),
            [Some(Level::Trace), Some(Level::Info), Some(Level::Error), Some(Level::Fatal), None, None]
        );
        assert!(Level::Error.is_bad() && !Level::Warn.is_bad());
    }
}
