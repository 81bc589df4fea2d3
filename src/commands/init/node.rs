//! Node projects: exported handlers, and web apps that still lack an adapter. By the form of the text:
//! what a module really exports only Node knows.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::found::{At, Candidate, Decided, Obstacle};
use super::survey::{Survey, depth, file_name, folder, join, upwards};

/// Major versions of the runtimes, the newest first.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>
const RUNTIMES: [u32; 3] = [24, 22, 20];

/// For a project that leaves it open.
const DEFAULT: u32 = 22;

/// Files read at most.
const MOST: usize = 2_000;

/// Frameworks that are HTTP servers, and what makes a handler of their apps.
const SERVERS: &[(&str, &str, &str)] = &[
    ("express", "Express", "serverless-http"),
    ("koa", "Koa", "serverless-http"),
    ("fastify", "Fastify", "@fastify/aws-lambda"),
    ("hono", "Hono", "hono/aws-lambda"),
    ("@hapi/hapi", "hapi", "serverless-http"),
    ("@nestjs/core", "NestJS", "@codegenie/serverless-express"),
];

/// What answers HTTP when a handler imports it.
const ADAPTERS: &[&str] =
    &["serverless-http", "serverless-express", "@fastify/aws-lambda", "hono/aws-lambda", "lambda-api", "@middy/http-"];

static EXPORT: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| {
    Regex::new(
        r"(?m)^\s*(?:(?:module\.)?exports\.(\w+)\s*=[^=]|export\s+(?:const|let|var|async\s+function|function)\s+(\w+)\b|export\s*\{[^}]*?\b(handler)\b[^}]*\}|module\.exports\s*=\s*\{[^}]*?\b(handler)\b)",
    )
});

/// Everything that could be deployed.
pub(super) fn candidates(survey: &Survey) -> Vec<Candidate> {
    let Ok(export) = &*EXPORT else { return Vec::new() };
    let mut found = Vec::new();
    for path in files(survey).into_iter().take(MOST) {
        let Some(text) = survey.text(path) else { continue };
        let code = without_comments(&text);
        for exported in export.captures_iter(&code) {
            let name = exported.iter().skip(1).flatten().next();
            let Some(name) = name else { continue };
            let line = code[..name.start()].matches('\n').count() + 1;
            found.extend(handler(survey, path, &text, (name.as_str(), line)));
        }
    }
    if found.is_empty() {
        found.extend(server(survey));
    }
    found
}

/// JavaScript and TypeScript, without what is bundled, declared or tested.
fn files(survey: &Survey) -> Vec<&str> {
    let made = ["dist", "build", "out", "coverage", "public", "static", "assets"];
    let mut paths = survey.with_endings(&["js", "mjs", "cjs", "ts", "mts", "cts"]);
    paths.retain(|path| {
        let name = file_name(path);
        let helper =
            [".d.ts", ".d.mts", ".test.", ".spec.", ".config.", ".min."].iter().any(|part| name.contains(part));
        !helper && !folder(path).split('/').any(|part| made.contains(&part))
    });
    paths
}

fn handler(survey: &Survey, path: &str, text: &str, (name, line): (&str, usize)) -> Option<Candidate> {
    let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
    let takes_event = shown.contains("event") || shown.contains("Handler") || shown.contains("handler(");
    let words = ["statusCode", "APIGatewayProxy", "queryStringParameters", "rawPath", "requestContext"];
    let web = words.iter().chain(ADAPTERS).any(|word| text.contains(word));
    let score = match name {
        "handler" | "lambdaHandler" => 64,
        _ if takes_event && shown.contains("event") => 45,
        _ => return None,
    };
    let (stem, ending) = path.rsplit_once('.')?;
    let dir = project_folder(survey, path);
    let target = stem.strip_prefix(&dir).unwrap_or(stem).trim_start_matches('/');
    let package = package(survey, &dir);
    let is_main =
        package.as_ref().and_then(|package| package.get("main")?.as_str()).map(|main| main.trim_start_matches("./"))
            == path.strip_prefix(&dir).map(|path| path.trim_start_matches('/'));
    let by_name = match file_name(stem) {
        "index" => 6,
        "lambda" | "handler" => 5,
        "app" | "main" | "server" => 2,
        _ => 0,
    };
    let deep = i32::try_from(depth(path)).unwrap_or(i32::MAX / 8);
    let at = At::new(path, line);
    let bundles = package.is_some_and(|package| depends_on(&package, "esbuild"));
    let typed = ["ts", "mts", "cts"].contains(&ending);
    Some(Candidate {
        what: "Node.js handler".to_owned(),
        entry: "handler",
        target: format!("{target}.{name}"),
        dir: (!dir.is_empty()).then_some(dir),
        line: shown.to_owned(),
        is_web: web,
        obstacle: (typed && !bundles).then(|| Obstacle {
            why: "Lambda runs JavaScript, and nothing in the project compiles this TypeScript".to_owned(),
            fix: "run `npm install --save-dev esbuild`: rzap bundles with it by itself".to_owned(),
        }),
        because: Vec::new(),
        score: score + by_name + if is_main { 8 } else { 0 } - 3 * deep,
        made: at.clone(),
        at,
    })
}

/// The folder with the package a file belongs to; empty for the project's own.
fn project_folder(survey: &Survey, path: &str) -> String {
    upwards(folder(path)).find(|dir| survey.has(&join(dir, "package.json"))).unwrap_or_default().to_owned()
}

fn package(survey: &Survey, dir: &str) -> Option<Value> {
    serde_json::from_str(&survey.text(&join(dir, "package.json"))?).ok()
}

fn depends_on(package: &Value, name: &str) -> bool {
    ["dependencies", "devDependencies"]
        .iter()
        .any(|group| package.get(group).is_some_and(|group| group.get(name).is_some()))
}

/// A web app that is an HTTP server and no handler.
fn server(survey: &Survey) -> Option<Candidate> {
    survey.named("package.json").into_iter().find_map(|path| {
        let package: Value = serde_json::from_str(&survey.text(path)?).ok()?;
        let runs =
            |(name, ..): &&(&str, &str, &str)| package.get("dependencies").is_some_and(|all| all.get(name).is_some());
        let (_, name, adapter) = SERVERS.iter().find(runs)?;
        let at = At::new(path, 0);
        let fix = match *adapter {
            "serverless-http" => {
                "run `npm install serverless-http` and export `handler = serverless(app)` from a file of its own"
                    .to_owned()
            }
            "hono/aws-lambda" => "export `handler = handle(app)` with `handle` from `hono/aws-lambda`".to_owned(),
            other => format!("run `npm install {other}` and export a `handler` made by it"),
        };
        Some(Candidate {
            what: (*name).to_owned(),
            entry: "handler",
            target: "lambda.handler".to_owned(),
            dir: None,
            line: String::new(),
            is_web: true,
            obstacle: Some(Obstacle {
                why: format!(
                    "{name} apps listen on a port, and Lambda calls an exported function: an adapter is missing"
                ),
                fix,
            }),
            because: Vec::new(),
            score: 40,
            made: at.clone(),
            at,
        })
    })
}

/// The runtime for the package in `dir`.
pub(super) fn runtime(survey: &Survey, dir: &str) -> Decided {
    let named = |major: u32, because: String| Decided { value: format!("nodejs{major}.x"), because };
    for folder in upwards(dir) {
        for name in [".nvmrc", ".node-version"] {
            let Some(text) = survey.text(&join(folder, name)) else { continue };
            let said = text.trim().trim_start_matches('v');
            if let Some(major) = said.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
                return named(nearest(major), format!("{} says {said}", join(folder, name)));
            }
        }
        let engines =
            package(survey, folder).and_then(|package| Some(package.get("engines")?.get("node")?.as_str()?.to_owned()));
        if let Some(wanted) = engines {
            return named(satisfying(&wanted), format!("{} says {wanted}", join(folder, "package.json")));
        }
    }
    named(DEFAULT, "the default: nothing asks for another".to_owned())
}

/// The runtime of this major version, or the next newer one.
fn nearest(major: u32) -> u32 {
    RUNTIMES.into_iter().rev().find(|runtime| *runtime >= major).unwrap_or(RUNTIMES[0])
}

/// The default where a range of versions leaves it open, otherwise the newest that fits.
fn satisfying(range: &str) -> u32 {
    let fits = |major: &u32| {
        range.split("||").any(|all| {
            let compact = [">", "<", "=", "^", "~"]
                .iter()
                .fold(all.to_owned(), |text, sign| text.replace(&format!("{sign} "), sign));
            compact.split_whitespace().filter(|part| *part != "-").all(|part| {
                let (sign, number) = part.split_at(part.find(|each: char| each.is_ascii_digit()).unwrap_or(part.len()));
                let Some(wanted) = number.split('.').next().and_then(|text| text.parse::<u32>().ok()) else {
                    return true;
                };
                let is_whole = number.split('.').skip(1).all(|rest| rest == "0");
                match sign.trim_end_matches('v') {
                    ">=" | ">" => *major >= wanted,
                    "<" => *major < wanted || (*major == wanted && !is_whole),
                    "<=" => *major <= wanted,
                    _ => *major == wanted,
                }
            })
        })
    };
    Some(DEFAULT).filter(fits).or_else(|| RUNTIMES.into_iter().find(fits)).unwrap_or(DEFAULT)
}

/// The same text with blanks where comments are, so that places stay what they are.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quote: Option<char> = None;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        match quote {
            Some(_) if first == '\\' => {
                length += rest[length..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
            }
            Some(open) => {
                if first == open || (first == '\n' && open != '`') {
                    quote = None;
                }
                out.push(first);
            }
            None if rest.starts_with("//") || rest.starts_with("/*") => {
                let (end, after) = if rest.starts_with("//") { ("\n", 0) } else { ("*/", 2) };
                length = rest[2..].find(end).map_or(rest.len(), |at| 2 + at + after);
                out.extend(rest[..length].chars().map(|each| if each == '\n' { '\n' } else { ' ' }));
            }
            None => {
                if ['"', '\'', '`'].contains(&first) {
                    quote = Some(first);
                }
                out.push(first);
            }
        }
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests;
