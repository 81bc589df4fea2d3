//! What a web function does beyond answering requests: `stream`, `exec`, `keep_warm`, `static`.
//!
//! As in `packing`, a key is a default at the top level and an error on a function it cannot mean.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::folder;
use super::keys;
use super::precedence::Said;
use super::raw::{self, Kind};
use super::stage::{Entry, Http, StaticFiles, Web};
use super::suggest;
use super::values::Reader;

/// What starts another runtime in place of AWS's, and what rzap sets itself for `stream` and `exec`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html>
const WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";

/// Where Flask and Django look for static files by default, and where they serve them.
const FOLDER: &str = "static";
const URL: &str = "/static/";

/// Reads all of it for a function that runs `entry` on `runtime` behind `http`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    said: &Said<'_>,
    (entry, runtime): (&Entry, &str),
    http: Option<Http>,
    env: &BTreeMap<String, String>,
) -> Web {
    const APPS: &str = "Python web apps: `wsgi`, `asgi` and `django`";
    let app = entry.is_web();
    let mut find = |key: &str, fits: bool, needs: &str| {
        let found = said.strongest(key)?;
        if !fits && said.is_own(key) && !matches!(found.value.kind, Kind::Bool(false, _)) {
            reader.problem(&found.key_span, format!("`{key}` does nothing here"), format!("it is for {needs}"));
        }
        fits.then_some(found)
    };
    // Lambda's own Python runtime cannot stream; behind the bridge runs another one.
    let streams = http == Some(Http::Url) && (app || !runtime.starts_with("python"));
    let stream = find("stream", streams, "functions with `http: url` that are no Python handlers");
    let exec = find("exec", app, APPS);
    let keep_warm = find("keep_warm", app, APPS);
    let files = find("static", app, APPS);

    let stream = stream.and_then(|entry| Some((reader.yes_or_no(entry)?, entry)));
    let exec = exec.and_then(|entry| Some((reader.yes_or_no(entry)?, entry)));
    let on = |word: &Option<(bool, &raw::Entry)>| word.is_some_and(|(on, _)| on);
    for (_, entry) in [&stream, &exec].into_iter().flatten().filter(|(on, _)| *on && app) {
        if env.contains_key(WRAPPER) {
            let title = format!("`{}` and `{WRAPPER}` exclude each other", entry.key);
            reader.problem(&entry.key_span, title, "both put another runtime in the place of AWS's");
        }
    }
    let files = files.and_then(|entry| Some((static_files(reader, entry)??, entry)));
    let static_files = files.map(|(files, at)| {
        let django = matches!(entry, Entry::Django(_));
        let whole = matches!(at.value.kind, Kind::Bool(..));
        let dir = files.dir.or_else(|| (!(django && whole)).then(|| PathBuf::from(FOLDER)));
        StaticFiles { dir, ..files }
    });
    let keep_warm = keep_warm.and_then(|entry| reader.yes_or_no(entry)).unwrap_or_default();
    Web { stream: on(&stream), exec: on(&exec), keep_warm, static_files }
}

/// `static: true`, `static: false`, or `static: { dir: static, url: /static/ }`. `None` when it is wrong,
/// `Some(None)` when there are none.
#[expect(clippy::option_option, reason = "wrong and not wanted are two things")]
pub(super) fn static_files(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<Option<StaticFiles>> {
    let plain = StaticFiles { dir: None, url: URL.to_owned() };
    let Kind::Map(_) = &entry.value.kind else {
        if !matches!(entry.value.kind, Kind::Bool(..)) {
            reader.wrong_type(&entry.key, &entry.value, "`true`, or a map with `dir` and `url`");
            return None;
        }
        return reader.yes_or_no(entry).map(|yes| yes.then_some(plain));
    };
    let map = keys::map_of(entry, "a map with `dir` and `url`", &mut reader.problems)?;
    let mut files = plain;
    for part in &map.0 {
        match part.key.as_str() {
            "dir" => files.dir = Some(dir(reader, part)?),
            "url" => files.url = url(reader, part)?,
            other => {
                let known = ["dir", "url"];
                let label = suggest::did_you_mean(other, known, || "it has `dir` and `url`".to_owned());
                reader.problem(&part.key_span, format!("unknown key `{other}` in `static`"), label);
                return None;
            }
        }
    }
    Some(Some(files))
}

/// Whether the folder with the files, which stand in the code folder `code`, is there.
pub(super) fn check_folder(reader: &mut Reader<'_>, files: &StaticFiles, entry: &raw::Entry, code: &Path) {
    let Some(dir) = &files.dir else { return };
    if code.join(dir).is_dir() {
        return;
    }
    let own = if let Kind::Map(map) = &entry.value.kind { map.get("dir") } else { None };
    let span = own.map_or(&entry.value.span, |own| &own.value.span);
    let title = format!("no folder `{}` with static files", dir.display());
    reader.problem_on_disk(span, title, "looked for it in the code folder");
}

fn dir(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<PathBuf> {
    let filled = reader.some_text(entry)?;
    if !folder::stays_inside(&filled) {
        let title = "`dir` is not inside the code folder";
        reader.problem(&entry.value.span, title, "write a path relative to the code folder, without `..`");
        return None;
    }
    if Path::new(&filled).components().all(|part| part == Component::CurDir) {
        let title = "`dir` is the code folder itself";
        reader.problem(&entry.value.span, title, "all of it would be public: name a folder with static files only");
        return None;
    }
    Some(PathBuf::from(filled))
}

/// A path of the app: `/static/`. A missing slash at its end is put there.
fn url(reader: &mut Reader<'_>, entry: &raw::Entry) -> Option<String> {
    let filled = reader.some_text(entry)?;
    let path = filled.trim_matches('/');
    let plain = |each: char| each.is_ascii_alphanumeric() || "-_./~".contains(each);
    if !filled.starts_with('/') || path.is_empty() || path.contains("//") || !path.chars().all(plain) {
        reader.problem(&entry.value.span, "`url` is not a path of the app", "like `/static/`");
        return None;
    }
    Some(format!("/{path}/"))
}
