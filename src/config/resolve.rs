//! From the tree to `StageConfig`: one stage with every default filled in.
//!
//! Owns rzap's own defaults. Which place counts is said in `said`, what a value may be in
//! `values`, what AWS allows in `limits`.

use std::collections::BTreeMap;
use std::path::Path;

use super::access_log;
use super::asynchronous::{self, Around};
use super::cloudformation;
use super::code;
use super::concurrency;
use super::folder;
use super::interpolate::{Word, Words};
use super::keys::ENTRIES;
use super::limits;
use super::locate::Problems;
use super::packing;
use super::policies;
use super::precedence::{self, Function, Said};
use super::raw::{Entry, Kind, Map};
use super::reference::{Known, Outputs};
use super::resources::{self, Others, ResourceConfig};
use super::role;
use super::routes;
use super::smoke;
use super::stage::{Arch, FunctionConfig, Http, Source, StageConfig};
use super::traffic;
use super::triggers::{self, Trigger};
use super::uses;
use super::values::Reader;
use super::web;

/// MB. Lambda's own default of 128 starts a Python web app ten times slower than need be.
const MEMORY: u32 = 512;
/// Seconds. What API Gateway waits for, and a second more for the function's own error to be seen.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
const TIMEOUT: u32 = 30;
/// MB; what Lambda gives for free.
const EPHEMERAL_STORAGE: u32 = 512;
/// Days.
const LOG_RETENTION: i32 = 30;

/// What a resolved stage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Only finding out what is wrong with the file.
    Check,
    /// Packaging and deploying: everything has to be there.
    Deploy,
    /// Showing it: as for a deploy, with `${env.NAME}` left as it is.
    Show,
    /// Looking at what is deployed: neither the code nor secrets need to be at hand.
    Look,
}

/// The file as a whole: everything a stage is made of.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) source: &'a str,
    /// Canonical.
    pub(super) root: &'a Path,
    pub(super) top: &'a Map,
    pub(super) stages: &'a Map,
    /// The environment variables the file mentions, as far as they are set.
    pub(super) env: &'a BTreeMap<String, String>,
}

impl<'a> File<'a> {
    /// A reader for a part of the file before any stage is chosen.
    pub(super) fn reader(&self) -> Reader<'a> {
        let later = Word::Later;
        let resources = Known::Later;
        let outputs = Outputs::Later;
        let words = Words {
            app: later,
            stage: later,
            region: later,
            env: self.env,
            resources,
            functions: &[],
            outputs,
            env_required: false,
        };
        Reader { source: self.source, root: self.root, words, outputs, problems: Problems::default(), masked: false }
    }

    /// The app's name, when it is text.
    fn app(&self) -> Option<&'a str> {
        match &self.top.get("app")?.value.kind {
            Kind::Text(app) => Some(app),
            _ => None,
        }
    }
}

/// Resolves the stage declared as `declared` under the name `name` (they differ for a pattern).
/// What is wrong goes to `problems`; the config is to be used only if nothing was added.
pub(super) fn stage(
    file: File<'_>,
    declared: &Entry,
    name: &str,
    purpose: Purpose,
    problems: &mut Problems,
) -> Option<StageConfig> {
    let chain = precedence::chain(file.stages, declared, problems);
    let wide = Said::of_stage(file.top, &chain);
    let region_entry = wide.strongest("region");

    let names: Vec<&str> =
        precedence::functions(file.top, &mut Problems::default()).iter().map(|function| function.name).collect();
    let mut reader = file.reader();
    reader.words.functions = &names;
    reader.words.app = file.app().map_or(Word::Later, Word::Is);
    reader.words.stage = Word::Is(name);
    reader.words.region = Word::Unset;
    reader.words.env_required = matches!(purpose, Purpose::Deploy | Purpose::Show);
    reader.masked = purpose == Purpose::Show;
    let region = region_entry.and_then(|entry| reader.region(entry));
    reader.words.region = match (&region, region_entry) {
        (Some(region), _) => Word::Is(region),
        (None, Some(_)) => Word::Later,
        (None, None) => Word::Unset,
    };

    let profile = wide.strongest("profile").and_then(|entry| reader.some_text(entry));
    let local = wide.strongest("local").and_then(|entry| reader.yes_or_no(entry));
    let protect = wide.strongest("protect").and_then(|entry| reader.yes_or_no(entry));
    let boundary = wide.strongest("permissions_boundary").and_then(|entry| role::boundary(&mut reader, entry));
    (reader.words.resources, reader.words.outputs) = (Known::Refused, Outputs::Refused);
    reader.outputs = if wide.strongest("cloudformation").is_some() { Outputs::These } else { Outputs::None };
    let (resources, others) = resources::read(&mut reader, &wide.all("resources"));
    let template = cloudformation::read(&mut reader, file.root, &wide.all("cloudformation"), &others);
    let functions = functions(&mut reader, file, &chain, (&others, &resources));
    if let Some(functions) = &functions {
        resources::check(&mut reader, &wide.all("resources"), &resources, functions);
    }
    let access_log = access_log::read(&mut reader, &wide, functions.as_ref(), LOG_RETENTION);
    let traffic = traffic::read(&mut reader, &wide);
    let alarms = traffic::alarms_of(&mut reader, &wide);
    let smoke = smoke::of_stage(&mut reader, &wide, functions.as_ref());
    if purpose == Purpose::Look {
        reader.problems.forgive_disk();
    }
    problems.extend(reader.problems);
    Some(StageConfig {
        app: file.app()?.to_owned(),
        stage: name.to_owned(),
        region,
        profile,
        local: local.unwrap_or(false),
        protect: protect.unwrap_or(false),
        functions: functions?,
        permissions_boundary: boundary,
        resources,
        cloudformation: template,
        left_out: Vec::new(),
        access_log,
        traffic,
        alarms,
        smoke,
        root: file.root.to_owned(),
    })
}

/// All functions of a stage; `None` when one of them could not be resolved.
fn functions<'a>(
    reader: &mut Reader<'a>,
    file: File<'a>,
    chain: &[&'a Map],
    (others, resources): (&'a Others<'a>, &BTreeMap<String, ResourceConfig>),
) -> Option<BTreeMap<String, FunctionConfig>> {
    let mut resolved: Vec<FunctionConfig> = Vec::new();
    let mut complete = true;
    let mut routes_at_of = Vec::new();
    let mut with_api: BTreeMap<&str, &str> = BTreeMap::new();
    let all = precedence::functions(file.top, &mut reader.problems);
    let names: Vec<&str> = all.iter().map(|declared| declared.name).collect();
    let mut notified = triggers::Notified::default();
    let mut taken = triggers::Taken::default();
    for declared in all {
        let said = Said::of_function(file.top, chain, &declared);
        let around = Around { others, resources, functions: &names };
        let config = function(reader, file.root, (&declared, &said), around, others);
        if let (Some(config), Some(entry)) = (&config, said.strongest("triggers")) {
            triggers::check(reader, entry, (&config.name, &config.triggers), &names);
        }
        let front = config.as_ref().and_then(|config| config.http).and_then(Http::api);
        if let Some((word, api)) = front {
            if let Some(first) = with_api.get(word) {
                let span = match said.strongest("http") {
                    Some(http) => &http.value.span,
                    None => &declared.named_at.key_span,
                };
                // One API of a kind per stage, and it hands every path to one function.
                let title = format!("`{first}` and `{}` both have `http: {word}`", declared.name);
                reader.problem(span, title, format!("a stage has one {api}: use `http: url` here"));
            } else {
                with_api.insert(word, declared.name);
            }
        }
        let routes_at = said.strongest("triggers").or_else(|| said.strongest("http")).unwrap_or(declared.named_at);
        if let Some(config) = &config {
            role::check_shared(reader, config, &resolved, declared.named_at);
        }
        if let (Some(config), Some(entry)) = (&config, said.strongest("triggers")) {
            notified.check(reader, entry, &config.name, &config.triggers);
            taken.check(reader, entry, &config.name, &config.triggers);
        }
        let Some(config) = config else {
            complete = false;
            continue;
        };
        routes_at_of.push(&routes_at.key_span);
        resolved.push(config);
    }
    routes::settle(reader, resolved.iter_mut().zip(routes_at_of));
    complete.then(|| resolved.into_iter().map(|config| (config.name.clone(), config)).collect())
}

/// One function from the maps that say something about it, weakest first.
fn function<'a>(
    reader: &mut Reader<'a>,
    root: &Path,
    (declared, said): (&Function<'a>, &Said<'a>),
    around: Around<'_>,
    others: &'a Others<'a>,
) -> Option<FunctionConfig> {
    let find = |key| said.strongest(key);
    let memory = find("memory").and_then(|entry| reader.whole(entry, &limits::MEMORY, "MB"));
    let timeout = find("timeout").and_then(|entry| reader.whole(entry, &limits::TIMEOUT, "seconds"));
    let storage = find("ephemeral_storage").and_then(|entry| reader.whole(entry, &limits::EPHEMERAL_STORAGE, "MB"));
    let arch = find("arch").and_then(|entry| reader.arch(entry));
    let description = find("description").and_then(|entry| reader.description(entry));
    let log_retention = find("log_retention").and_then(|entry| reader.log_retention(entry));
    let table = find("http").filter(|entry| matches!(entry.value.kind, Kind::List(_)));
    let http = find("http").filter(|_| table.is_none()).and_then(|entry| reader.http(entry));
    let mut triggers = find("triggers").map(|entry| triggers::read(reader, entry, others)).unwrap_or_default();
    triggers.extend(table.map(|entry| triggers::routes(reader, entry)).unwrap_or_default());
    let has_routes = table.is_some() || triggers.iter().any(|trigger| matches!(trigger, Trigger::Http(_)));
    let asynchronous = asynchronous::read(reader, said, declared.name, around);
    let concurrency = find("concurrency").and_then(|entry| concurrency::read(reader, entry));
    let uses = find("uses").map(|entry| uses::read(reader, entry, others));
    // Here alone a text may speak of resources and of what the stack gives.
    (reader.words.resources, reader.words.outputs) = (Known::These(others), reader.outputs);
    let policies = find("policies").and_then(|entry| policies::read(reader, entry)).unwrap_or_default();
    let env = env(reader, declared, said);
    let role = find("role").and_then(|entry| role::read(reader, entry)).unwrap_or_default();
    let boundary = find("permissions_boundary").and_then(|entry| role::boundary(reader, entry));
    role::check(reader, said, &role);
    (reader.words.resources, reader.words.outputs) = (Known::Refused, Outputs::Refused);
    let build = find("build").and_then(|entry| reader.command(entry));
    let dir = folder::code(reader, root, find("dir"), build.is_some());
    let called = called(reader, declared, said, dir.as_deref())?;
    let runtime = match find("runtime") {
        Some(entry) => Some((reader.runtime(entry)?, entry, said.is_own("runtime"))),
        None => None,
    };
    let runtime = code::runtime(reader, &called, runtime, (declared.name, &declared.named_at.key_span))?;
    let mut packing = packing::read(reader, root, said, &called.entry, &runtime);
    // What is built first is looked at when it is there.
    if let Some(dir) = &dir
        && build.is_none()
    {
        let bundle = packing.source.bundle != Some(false);
        code::check_file(reader, &called, (&runtime, bundle), dir, root);
    }
    packing.source.build = build;
    // An app is there to be reached.
    let http = http.or((called.entry.is_web() && !has_routes).then_some(Http::Rest));
    let web = web::read(reader, said, (&called.entry, &runtime), http, &env);
    // What is built first is looked at when it is there.
    if let (Some(dir), Some(files), Some(at)) = (&dir, &web.static_files, find("static"))
        && packing.source.build.is_none()
    {
        web::check_folder(reader, files, at, dir);
    }
    let dir = dir.unwrap_or_else(|| root.to_owned());
    Some(FunctionConfig {
        name: declared.name.to_owned(),
        runtime,
        arch: arch.unwrap_or(Arch::X86_64),
        memory: memory.unwrap_or(MEMORY),
        timeout: timeout.unwrap_or(TIMEOUT),
        ephemeral_storage: storage.unwrap_or(EPHEMERAL_STORAGE),
        env,
        description,
        http,
        web,
        log_retention: log_retention.unwrap_or(LOG_RETENTION),
        triggers,
        asynchronous,
        concurrency: concurrency.unwrap_or_default(),
        uses: uses.unwrap_or_default(),
        policies: policies.statements,
        managed_policies: policies.managed,
        role,
        permissions_boundary: boundary,
        source: Source { dir, ..packing.source },
        layers: packing.layers,
        entry: called.entry,
    })
}

/// What the function calls, as far as the file and the code folder say.
fn called(
    reader: &mut Reader<'_>,
    declared: &Function<'_>,
    said: &Said<'_>,
    dir: Option<&Path>,
) -> Option<code::Called> {
    if let Some(entry) = said.strongest_of(&ENTRIES) {
        return code::called(reader, entry);
    }
    let named_at = &declared.named_at.key_span;
    let recognised = dir.and_then(|dir| code::recognised(dir, named_at));
    if recognised.is_none() {
        let title = format!("nothing says what function `{}` runs", declared.name);
        // A Rust or Go project says it itself, where its folder is at hand.
        reader.problem_on_disk(
            named_at,
            title,
            "add `wsgi:`, `asgi:`, `django:`, `handler:`, `bootstrap:`, `cargo:`, `go:` or `image:`",
        );
    }
    recognised.or_else(|| Some(code::unknown(named_at)))
}

/// The variables of all said, the stronger ones over the weaker ones.
fn env(reader: &mut Reader<'_>, declared: &Function<'_>, said: &Said<'_>) -> BTreeMap<String, String> {
    let mut merged = BTreeMap::new();
    let entries: Vec<&Entry> = said.all("env");
    for entry in &entries {
        for (name, value) in reader.env(entry) {
            match value {
                Some(value) => merged.insert(name, value),
                None => merged.remove(&name),
            };
        }
    }
    // Lambda measures the environment as JSON, quotes and escapes included.
    let bytes = serde_json::to_string(&merged).map_or(0, |text| text.len());
    // What is masked has other lengths; `load` has counted the real ones.
    if !reader.masked
        && bytes > limits::ENV_BYTES
        && let Some(last) = entries.last()
    {
        let grouped = |bytes: usize| limits::grouped(i64::try_from(bytes).unwrap_or(i64::MAX));
        let title = format!("the environment of `{}` has {} bytes", declared.name, grouped(bytes));
        let label = format!("Lambda allows {} for all names and values, written as JSON", grouped(limits::ENV_BYTES));
        reader.problem(&last.key_span, title, label);
    }
    merged
}
