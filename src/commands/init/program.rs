//! Projects that bring their own runtime: Rust, Go, and a ready `bootstrap`.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use toml::{Table, Value};

use super::found::{At, Candidate};
use super::survey::{Survey, depth, folder, join};

/// Bytes of an executable that are looked through.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Everything that could be deployed.
pub(super) fn candidates(survey: &Survey) -> Vec<Candidate> {
    let mut found = rust(survey);
    found.extend(go(survey));
    found.extend(bootstraps(survey));
    found
}

fn candidate(what: &str, entry: &'static str, target: &str, dir: &str, at: At) -> Candidate {
    let deep = i32::try_from(depth(&at.file)).unwrap_or(i32::MAX / 8);
    Candidate {
        what: what.to_owned(),
        entry,
        target: target.to_owned(),
        dir: (!dir.is_empty()).then(|| dir.to_owned()),
        line: String::new(),
        is_web: false,
        obstacle: None,
        because: Vec::new(),
        score: 75 - 3 * deep,
        made: at.clone(),
        at,
    }
}

/// Packages with one of AWS's crates for Lambda among their dependencies.
fn rust(survey: &Survey) -> Vec<Candidate> {
    let mut found = Vec::new();
    for path in survey.named("Cargo.toml") {
        let Some(text) = survey.text(path) else { continue };
        let Ok(table) = text.parse::<Table>() else { continue };
        let has = |name: &str| table.get("dependencies").is_some_and(|all| all.get(name).is_some());
        if !(has("lambda_runtime") || has("lambda_http")) {
            continue;
        }
        let crate_ = if has("lambda_http") { "lambda_http" } else { "lambda_runtime" };
        let line = text.lines().position(|line| line.trim_start().starts_with(crate_)).map_or(0, |line| line + 1);
        let bins = table.get("bin").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<&str> = bins.iter().filter_map(|bin| bin.get("name")?.as_str()).collect();
        let others = join(folder(path), "src/bin");
        let sources = survey.with_endings(&["rs"]);
        names.extend(
            sources
                .iter()
                .filter(|file| folder(file) == others)
                .filter_map(|file| file.rsplit('/').next()?.strip_suffix(".rs")),
        );
        names.dedup();
        let main = survey.has(&join(folder(path), "src/main.rs"));
        if names.len() + usize::from(main) < 2 {
            names = vec!["true"];
        } else if main && let Some(own) = table.get("package").and_then(|package| package.get("name")?.as_str()) {
            names.insert(0, own);
        }
        for (index, name) in names.into_iter().enumerate() {
            let mut one = candidate("Rust", "cargo", name, folder(path), At::new(path, line));
            text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().clone_into(&mut one.line);
            one.is_web = has("lambda_http");
            one.made = At::new(format!("{path} {name}"), 0);
            one.score -= i32::try_from(index).unwrap_or_default();
            found.push(one);
        }
    }
    found
}

/// Main packages of a module that needs AWS's library for Lambda.
fn go(survey: &Survey) -> Vec<Candidate> {
    let mut found = Vec::new();
    for path in survey.named("go.mod") {
        if !survey.text(path).is_some_and(|text| text.contains("github.com/aws/aws-lambda-go")) {
            continue;
        }
        let dir = folder(path);
        for file in survey.with_endings(&["go"]) {
            let below = if dir.is_empty() {
                Some(file)
            } else {
                file.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'))
            };
            let (Some(below), Some(text)) = (below, survey.text(file)) else { continue };
            let starts = text.lines().position(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && (line.contains("lambda.Start") || line.contains("lambdaurl.Start"))
            });
            let (Some(line), true) = (starts, text.contains("package main") && !file.ends_with("_test.go")) else {
                continue;
            };
            let target = if folder(below).is_empty() { "true".to_owned() } else { format!("./{}", folder(below)) };
            let mut one = candidate("Go", "go", &target, dir, At::new(file, line + 1));
            text.lines().nth(line).unwrap_or_default().trim().clone_into(&mut one.line);
            let words = [
                "APIGatewayProxyResponse",
                "APIGatewayV2HTTPResponse",
                "LambdaFunctionURLResponse",
                "lambdaurl",
                "httpadapter",
            ];
            one.is_web = words.iter().any(|word| text.contains(word));
            found.push(one);
        }
    }
    found
}

/// Executables called `bootstrap`.
fn bootstraps(survey: &Survey) -> Vec<Candidate> {
    let executable = |path: &&str| {
        fs::metadata(survey.root.join(path)).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    };
    let all = survey.named("bootstrap").into_iter().filter(executable);
    all.map(|path| {
        let mut one = candidate("an executable", "bootstrap", path, "", At::new(path, 0));
        one.score -= 10;
        one.is_web = says_status_code(survey, path);
        one
    })
    .collect()
}

/// What answers HTTP has this word in it, be it a script or machine code.
fn says_status_code(survey: &Survey, path: &str) -> bool {
    let mut bytes = Vec::new();
    let read = fs::File::open(survey.root.join(path)).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    read.is_ok() && bytes.windows(10).any(|window| window == b"statusCode")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Vec<(String, Option<String>, bool)> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = candidates(&Survey::of(dir.path()));
        found.into_iter().map(|one| (one.entry_line(), one.dir, one.is_web)).collect()
    }

    #[test]
    fn programs_are_known_by_what_they_depend_on() {
        let rust = ("Cargo.toml", "[package]\nname = 'a'\n[dependencies]\nlambda_http = '1'\n");
        assert_eq!(of(&[rust, ("src/main.rs", "")]), [("cargo: true".to_owned(), None, true)]);
        let several = [rust, ("src/main.rs", ""), ("src/bin/job.rs", "")];
        assert_eq!(of(&several), [("cargo: a".to_owned(), None, true), ("cargo: job".to_owned(), None, true)]);
        assert_eq!(of(&[("Cargo.toml", "[dependencies]\nserde = '1'\n"), ("src/main.rs", "")]), []);
        let go = ("fn/go.mod", "module x\nrequire github.com/aws/aws-lambda-go v1\n");
        let main = ("fn/cmd/web/main.go", "package main\nfunc main() {\n\tlambda.Start(h)\n}\n");
        assert_eq!(of(&[go, main]), [("go: ./cmd/web".to_owned(), Some("fn".to_owned()), false)]);
    }

    #[test]
    fn a_bootstrap_has_to_be_executable() {
        assert_eq!(of(&[("bootstrap", "text")]), []);
        let found = of(&[("bin/bootstrap", "#!/bin/sh\necho '{\"statusCode\": 200}'\n")]);
        assert_eq!(found, [("bootstrap: bin/bootstrap".to_owned(), None, true)]);
    }
}
