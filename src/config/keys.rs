//! Every word `rzap.yaml` knows, where it may stand, and what is said about any other word.
//!
//! Owns the vocabulary only; what a value has to look like is said where it is read.

use super::locate::Problems;
use super::raw::{Entry, Kind, Map};
use super::suggest;

/// A place in the file with its own set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The file itself: the app, and defaults for everything.
    Top,
    /// Below `functions: NAME:`.
    Function,
    /// Below `stages: NAME:`.
    Stage,
    /// Below `stages: NAME: functions: NAME:`.
    StageFunction,
}

/// What names the code; one of them per function.
pub(super) const ENTRIES: [&str; 8] = ["wsgi", "asgi", "django", "handler", "bootstrap", "cargo", "go", "image"];

/// What belongs to one function and is no default for several.
const OWN: [&str; 12] = [
    "wsgi",
    "asgi",
    "django",
    "handler",
    "bootstrap",
    "cargo",
    "go",
    "image",
    "http",
    "description",
    "static",
    "triggers",
];

/// What a function has and every place may set.
const SHARED: [&str; 32] = [
    "runtime",
    "arch",
    "memory",
    "timeout",
    "ephemeral_storage",
    "env",
    "log_retention",
    "policies",
    "dir",
    "include",
    "exclude",
    "build",
    "bundle",
    "slim",
    "bytecode",
    "from_source",
    "keep",
    "drop",
    "layer",
    "layers",
    "stream",
    "exec",
    "keep_warm",
    "uses",
    "role",
    "permissions_boundary",
    "on_success",
    "on_failure",
    "dead_letter",
    "retries",
    "max_event_age",
    "concurrency",
];

/// What a whole stage has.
const WIDE: [&str; 10] = [
    "region",
    "profile",
    "local",
    "protect",
    "access_log",
    "traffic",
    "alarms",
    "smoke",
    "resources",
    "cloudformation",
];

/// Words of rzap that this version cannot act on yet. Saying so beats "unknown key".
const LATER: [&str; 2] = ["domain", "expires"];

impl Place {
    /// True when this key may stand here.
    pub(super) fn knows(self, key: &str) -> bool {
        self.keys().contains(&key)
    }

    /// The keys that may stand here.
    fn keys(self) -> Vec<&'static str> {
        let more: &[&str] = match self {
            Self::Top => &["app", "functions", "stages"],
            Self::Stage => &["extends", "functions"],
            Self::Function | Self::StageFunction => &[],
        };
        let wide: &[&str] = match self {
            Self::Top | Self::Stage => &WIDE,
            Self::Function | Self::StageFunction => &[],
        };
        [more, wide, &OWN, &SHARED].concat()
    }

    /// Where else a key belongs, for "`region` cannot stand here".
    fn homes(key: &str) -> Option<&'static str> {
        match key {
            "app" | "stages" => Some("it belongs to the top level"),
            "extends" => Some("it belongs to a stage"),
            key if key == "functions" || WIDE.contains(&key) => Some("it belongs to the top level or to a stage"),
            _ => None,
        }
    }
}

/// Reports every key of `map` that may not stand at `place`. `several`: the app has a `functions`
/// map, so what belongs to one function cannot stand outside of it.
pub(super) fn check(map: &Map, place: Place, several: bool, problems: &mut Problems) {
    let known = place.keys();
    for Entry { key, key_span, .. } in &map.0 {
        let word = key.as_str();
        if known.contains(&word) {
            let outside = matches!(place, Place::Top | Place::Stage);
            if several && outside && OWN.contains(&word) {
                let title = format!("`{word}` belongs to one function");
                problems.add(key_span, title, "this app has `functions`: move it below one of them");
            }
        } else if LATER.contains(&word) {
            problems.add(key_span, format!("`{word}` is not supported by this version of rzap"), "");
        } else if let Some(home) = Place::homes(word) {
            problems.add(key_span, format!("`{word}` cannot stand here"), home);
        } else {
            let label = suggest::did_you_mean(word, known.iter().copied(), || "rzap has no such key".to_owned());
            problems.add(key_span, format!("unknown key `{word}`"), label);
        }
    }
    one_entry(map, problems);
}

/// Two answers to "what is called" in one map.
fn one_entry(map: &Map, problems: &mut Problems) {
    let mut entries = map.0.iter().filter(|entry| ENTRIES.contains(&entry.key.as_str()));
    let Some(first) = entries.next() else { return };
    for second in entries {
        let title = format!("a function has either `{}` or `{}`", first.key, second.key);
        problems.add(&second.key_span, title, "remove one of them");
    }
}

/// The map an entry holds; nothing at all (`dev:`) is an empty one. Anything else is reported.
pub(super) fn map_of<'a>(entry: &'a Entry, what: &str, problems: &mut Problems) -> Option<&'a Map> {
    static EMPTY: Map = Map(Vec::new());
    match &entry.value.kind {
        Kind::Map(map) => Some(map),
        Kind::Null => Some(&EMPTY),
        _ => {
            let title = format!("`{}` needs {what}", entry.key);
            problems.add(&entry.value.span, title, format!("this is {}", entry.value.describe()));
            None
        }
    }
}
