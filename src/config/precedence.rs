//! Which value counts when several places set the same key.
//!
//! Two rules. What is said for one function beats what is said for all functions; and what is said
//! for one stage beats what is said for all stages. The first rule is the stronger one, so from
//! weakest to strongest:
//!
//! 1. the top level,
//! 2. the stage (`stages: prod:`), behind the stage it `extends`,
//! 3. the function (`functions: web:`),
//! 4. the function in the stage (`stages: prod: functions: web:`), again behind the extended one's.
//!
//! So `prod: { timeout: 60 }` does not cut down a worker that was given 900 s for itself. A key
//! is taken whole from the strongest place that has it; lists replace lists. Only `env` is merged,
//! name by name, and an empty value takes an inherited name away.

use super::keys;
use super::locate::Problems;
use super::raw::{Entry, Kind, Map};
use super::suggest;

/// One function of the app as far as the file goes.
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    /// Its own map; `None` when its keys stand at the top level.
    pub(super) own: Option<&'a Map>,
    /// Where to point when something is missing.
    pub(super) named_at: &'a Entry,
}

/// The functions in file order. Without a `functions` map the top level is the only one: `web` when
/// the file has `wsgi`, `asgi`, `django` or `http` for it (in any stage, so that its name does not depend on the
/// stage), else `main`.
pub(super) fn functions<'a>(top: &'a Map, problems: &mut Problems) -> Vec<Function<'a>> {
    let Some(entry) = top.get("functions") else {
        let Some(named_at) = top.get("app").or_else(|| top.0.first()) else { return Vec::new() };
        let is_web = |map: &Map| ["wsgi", "asgi", "django", "http"].iter().any(|key| map.get(key).is_some());
        let web = is_web(top) || stage_maps(top).any(is_web);
        return vec![Function { name: if web { "web" } else { "main" }, own: None, named_at }];
    };
    let Some(map) = keys::map_of(entry, "a map of functions", problems) else { return Vec::new() };
    if map.0.is_empty() {
        problems.add(&entry.key_span, "`functions` is empty", "name at least one function");
    }
    let mut functions = Vec::new();
    for named_at in &map.0 {
        if let Some(own) = keys::map_of(named_at, "a map of keys", problems) {
            functions.push(Function { name: &named_at.key, own: Some(own), named_at });
        }
    }
    functions
}

/// The maps of all stages that have one.
fn stage_maps(top: &Map) -> impl Iterator<Item = &Map> {
    let stages = match top.get("stages").map(|entry| &entry.value.kind) {
        Some(Kind::Map(stages)) => stages.0.as_slice(),
        _ => &[],
    };
    stages.iter().filter_map(|stage| match &stage.value.kind {
        Kind::Map(map) => Some(map),
        _ => None,
    })
}

/// A stage's own map behind the maps of the stages it extends: weakest first. A circle, a stage
/// that is not there or one that is no map are reported; then the chain ends before them.
pub(super) fn chain<'a>(stages: &'a Map, stage: &'a Entry, problems: &mut Problems) -> Vec<&'a Map> {
    let mut names = vec![stage.key.as_str()];
    let mut maps = Vec::new();
    let mut next = Some(stage);
    while let Some(stage) = next.take() {
        let Some(map) = keys::map_of(stage, "a map of keys", problems) else { break };
        maps.push(map);
        let Some(extends) = map.get("extends") else { break };
        let Kind::Text(base) = &extends.value.kind else {
            let title = "`extends` needs the name of a stage";
            problems.add(&extends.value.span, title, format!("this is {}", extends.value.describe()));
            break;
        };
        if let Some(at) = names.iter().position(|name| name == base) {
            let circle: Vec<&str> = names[at..].iter().copied().chain([base.as_str()]).collect();
            match circle.as_slice() {
                [_, _] => problems.add(&extends.value.span, format!("stage `{base}` extends itself"), ""),
                // Everybody in the circle walks it; it is told once, by the first of its names.
                _ if at == 0 && names.iter().all(|name| *name >= base.as_str()) => {
                    let title = format!("stages extend each other in a circle: {}", circle.join(" → "));
                    problems.add(&extends.value.span, title, "break the circle here or elsewhere");
                }
                _ => {}
            }
            break;
        }
        next = stages.get(base);
        if next.is_none() {
            let known = stages.0.iter().map(|stage| stage.key.as_str());
            let all: Vec<&str> = known.clone().collect();
            let label = suggest::did_you_mean(base, known, || format!("there is {}", suggest::list(&all)));
            problems.add(&extends.value.span, format!("no stage `{base}` to extend"), label);
        }
        names.push(base);
    }
    maps.reverse();
    maps
}

/// Maps that say something about one thing, weakest first.
pub(super) struct Said<'a> {
    maps: Vec<&'a Map>,
    /// So many of the maps, from the weakest on, speak of more than one function.
    wide: usize,
}

impl<'a> Said<'a> {
    /// What holds for a whole stage.
    pub(super) fn of_stage(top: &'a Map, chain: &[&'a Map]) -> Self {
        let maps: Vec<&Map> = [top].into_iter().chain(chain.iter().copied()).collect();
        Self { wide: maps.len(), maps }
    }

    /// What holds for one function in it.
    pub(super) fn of_function(top: &'a Map, chain: &[&'a Map], function: &Function<'a>) -> Self {
        let in_stage = chain.iter().filter_map(|stage| match &stage.get("functions")?.value.kind {
            Kind::Map(functions) => match &functions.get(function.name)?.value.kind {
                Kind::Map(map) => Some(map),
                _ => None,
            },
            _ => None,
        });
        let Self { mut maps, wide } = Self::of_stage(top, chain);
        maps.extend(function.own.into_iter().chain(in_stage));
        // Without a map of its own, all that is said is said for it.
        Self { maps, wide: if function.own.is_some() { wide } else { 0 } }
    }

    /// The entry that counts for `key`: that of the strongest map which has it.
    pub(super) fn strongest(&self, key: &str) -> Option<&'a Entry> {
        self.maps.iter().rev().find_map(|map| map.get(key))
    }

    /// The same for several keys that exclude each other.
    pub(super) fn strongest_of(&self, keys: &[&str]) -> Option<&'a Entry> {
        self.maps.iter().rev().find_map(|map| keys.iter().find_map(|key| map.get(key)))
    }

    /// All entries for `key`, weakest first.
    pub(super) fn all(&self, key: &str) -> Vec<&'a Entry> {
        self.maps.iter().filter_map(|map| map.get(key)).collect()
    }

    /// True when what counts for `key` was said for this function alone.
    pub(super) fn is_own(&self, key: &str) -> bool {
        self.maps.iter().skip(self.wide).any(|map| map.get(key).is_some())
    }
}
