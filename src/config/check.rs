//! Everything that can be wrong with the file, found at once.
//!
//! Walks every place of the file, also those no stage gets to see (a default each stage overrides),
//! then resolves every stage the way a deploy would. Only variables of the environment that are not
//! set are left to the stage that is asked for.

use super::asynchronous;
use super::code;
use super::concurrency;
use super::keys::{self, ENTRIES, Place};
use super::limits;
use super::locate::Problems;
use super::names;
use super::policies;
use super::precedence;
use super::raw::{Entry, Kind, Map};
use super::resolve::{self, File, Purpose};
use super::role;
use super::smoke;
use super::suggest;
use super::traffic;
use super::triggers;
use super::values::Reader;
use super::web;

/// Adds everything that is wrong with the file to `problems`.
pub(super) fn file(file: File<'_>, problems: &mut Problems) {
    let several = file.top.get("functions").is_some();
    place(file, file.top, Place::Top, several, problems);
    app(file.top, problems);
    let functions = precedence::functions(file.top, problems);
    for function in &functions {
        if let Some(own) = function.own {
            name(function.named_at, "function", names::fault(function.name, names::FUNCTION), problems);
            place(file, own, Place::Function, several, problems);
        }
    }
    let known: Vec<&str> = functions.iter().map(|function| function.name).collect();
    if file.stages.0.is_empty() {
        no_stage(file.top, problems);
    }
    for stage in &file.stages.0 {
        name(stage, "stage", names::stage_fault(&stage.key), problems);
        if let Some(map) = keys::map_of(stage, "a map of keys", problems) {
            place(file, map, Place::Stage, several, problems);
            stage_functions(file, map, &known, problems);
        }
        let example = names::example(&stage.key);
        // The config itself is of no interest here, only what is wrong with it.
        let _ = resolve::stage(file, stage, &example, Purpose::Check, problems);
    }
}

fn app(top: &Map, problems: &mut Problems) {
    let Some(entry) = top.get("app") else {
        let span = top.0.first().map_or(0..0, |entry| entry.key_span.clone());
        problems.add(&span, "the app has no name", "add `app: NAME`");
        return;
    };
    let Kind::Text(app) = &entry.value.kind else {
        let label = format!("this is {}", entry.value.describe());
        problems.add(&entry.value.span, "`app` needs the name of the app as text", label);
        return;
    };
    if let Some(fault) = names::fault(app, names::APP) {
        problems.add(&entry.value.span, format!("`{app}` cannot be the name of an app"), fault);
    }
}

fn no_stage(top: &Map, problems: &mut Problems) {
    let stages = top.get("stages");
    // What is no map at all was reported already.
    if stages.is_none_or(|entry| matches!(entry.value.kind, Kind::Map(_) | Kind::Null)) {
        let span = stages.or_else(|| top.0.first()).map_or(0..0, |entry| entry.key_span.clone());
        problems.add(&span, "the app has no stage", "add `stages: { dev: {} }`");
    }
}

fn name(entry: &Entry, what: &str, fault: Option<String>, problems: &mut Problems) {
    if let Some(fault) = fault {
        problems.add(&entry.key_span, format!("`{}` cannot be the name of a {what}", entry.key), fault);
    }
}

/// `stages: NAME: functions:` may only speak of functions the app has.
fn stage_functions(file: File<'_>, stage: &Map, known: &[&str], problems: &mut Problems) {
    let Some(entry) = stage.get("functions") else { return };
    let Some(functions) = keys::map_of(entry, "a map of functions", problems) else { return };
    for function in &functions.0 {
        if !known.contains(&function.key.as_str()) {
            let label = suggest::did_you_mean(&function.key, known.iter().copied(), || {
                format!("the app has {}", suggest::list(known))
            });
            problems.add(&function.key_span, format!("no function `{}`", function.key), label);
        }
        if let Some(map) = keys::map_of(function, "a map of keys", problems) {
            place(file, map, Place::StageFunction, true, problems);
        }
    }
}

/// The keys of one map and each of its values for itself.
fn place(file: File<'_>, map: &Map, place: Place, several: bool, problems: &mut Problems) {
    keys::check(map, place, several, problems);
    let mut reader = file.reader();
    for entry in map.0.iter().filter(|entry| place.knows(&entry.key)) {
        value(&mut reader, entry);
    }
    problems.extend(reader.problems);
}

fn value(reader: &mut Reader<'_>, entry: &Entry) {
    match entry.key.as_str() {
        "memory" => drop(reader.whole(entry, &limits::MEMORY, "MB")),
        "timeout" => drop(reader.whole(entry, &limits::TIMEOUT, "seconds")),
        "ephemeral_storage" => drop(reader.whole(entry, &limits::EPHEMERAL_STORAGE, "MB")),
        "arch" => drop(reader.arch(entry)),
        "runtime" => drop(reader.runtime(entry)),
        "description" => drop(reader.description(entry)),
        "log_retention" => drop(reader.log_retention(entry)),
        "policies" => drop(policies::read(reader, entry)),
        "role" => drop(role::read(reader, entry)),
        "permissions_boundary" => drop(role::boundary(reader, entry)),
        "env" => drop(reader.env(entry)),
        "include" | "exclude" => drop(reader.patterns(entry)),
        "http" if matches!(entry.value.kind, Kind::List(_)) => drop(triggers::routes(reader, entry)),
        "http" => drop(reader.http(entry)),
        "region" => drop(reader.region(entry)),
        "profile" => drop(reader.some_text(entry)),
        "local" | "protect" | "stream" | "exec" | "keep_warm" => drop(reader.yes_or_no(entry)),
        "static" => drop(web::static_files(reader, entry)),
        "traffic" => drop(traffic::traffic(reader, entry)),
        "alarms" => drop(traffic::alarms(reader, entry)),
        "smoke" => smoke::check(reader, entry),
        "retries" => drop(asynchronous::retries(reader, entry)),
        "max_event_age" => drop(asynchronous::max_event_age(reader, entry)),
        "concurrency" => drop(concurrency::read(reader, entry)),
        key if ENTRIES.contains(&key) => drop(code::called(reader, entry)),
        // Whether it is there is looked at where a stage uses it.
        "dir" => drop(reader.text(entry)),
        // The rest is structure.
        _ => {}
    }
}
