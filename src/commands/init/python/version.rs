//! Which Python the project asks for, and the runtime of Lambda that is.

use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};
use toml::{Table, Value};

use super::super::found::Decided;
use super::super::survey::{Survey, join, upwards};

/// Minor versions of the runtimes, the newest first.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>
const RUNTIMES: [u32; 5] = [14, 13, 12, 11, 10];

/// For a project that leaves it open: the newest for which nearly everything has wheels.
const DEFAULT: u32 = 13;

/// What somebody wrote about the Python a project runs on.
struct Wish {
    /// As written.
    text: String,
    file: String,
    /// PEP 440's form of it.
    specifiers: String,
}

/// The runtime for the code in `dir`, and a warning when there is none that fits.
pub(super) fn runtime(survey: &Survey, dir: &str) -> (Decided, Option<String>) {
    let named = |minor: u32, because: String| Decided { value: format!("python3.{minor}"), because };
    let wishes = upwards(dir).flat_map(|folder| wishes(survey, folder));
    let Some((wish, specifiers)) = wishes
        .filter_map(|wish| Some((VersionSpecifiers::from_str(&wish.specifiers).ok()?, wish)))
        .map(|(specifiers, wish)| (wish, specifiers))
        .next()
    else {
        return (named(DEFAULT, "the default: nothing asks for another".to_owned()), None);
    };
    // Which patch release a runtime has is AWS's choice.
    let fits = |minor: &u32| (0..40).any(|patch| specifiers.contains(&Version::new([3, u64::from(*minor), patch])));
    let said = format!("{} says {}", wish.file, wish.text);
    let chosen = Some(DEFAULT).filter(fits).or_else(|| RUNTIMES.into_iter().find(fits));
    let Some(minor) = chosen else {
        let oldest = RUNTIMES[RUNTIMES.len() - 1];
        let newer = (RUNTIMES[0] + 1..200).any(|minor| fits(&minor));
        let minor = if newer { RUNTIMES[0] } else { oldest };
        let warning = format!("{said}, and Lambda runs Python 3.{oldest} to 3.{}: 3.{minor} is taken", RUNTIMES[0]);
        return (named(minor, said), Some(warning));
    };
    (named(minor, said), None)
}

fn wishes(survey: &Survey, folder: &str) -> Vec<Wish> {
    let mut found = Vec::new();
    let mut add = |name: &str, text: &str, specifiers: String| {
        found.push(Wish { text: text.to_owned(), file: join(folder, name), specifiers });
    };
    let read = |name: &str| survey.text(&join(folder, name));
    if let Some(text) = read(".python-version")
        && let Some((shown, specifiers)) = text.lines().find_map(exact)
    {
        add(".python-version", &shown, specifiers);
    }
    let toml = |name: &str| read(name).and_then(|text| text.parse::<Table>().ok());
    if let Some(table) = toml("pyproject.toml") {
        let asked = table.get("project").and_then(|project| project.get("requires-python")?.as_str());
        if let Some(text) = asked {
            add("pyproject.toml", text, text.to_owned());
        }
        let poetry =
            table.get("tool").and_then(|tool| tool.get("poetry")?.get("dependencies")?.get("python")?.as_str());
        if let Some(text) = poetry {
            add("pyproject.toml", text, caret(text));
        }
    }
    if let Some(text) = read("runtime.txt")
        && let Some((shown, specifiers)) = text.lines().find_map(exact)
    {
        add("runtime.txt", &shown, specifiers);
    }
    if let Some(table) = toml("Pipfile") {
        let requires = table.get("requires");
        let asked = ["python_version", "python_full_version"].into_iter().find_map(|key| requires?.get(key));
        if let Some((shown, specifiers)) = asked.and_then(Value::as_str).and_then(exact) {
            add("Pipfile", &shown, specifiers);
        }
    }
    found
}

/// `3.12.4`, `python-3.12`, `cpython@3.12`: that minor version.
fn exact(line: &str) -> Option<(String, String)> {
    let line = line.split('#').next()?.trim();
    let text = line.trim_start_matches(|each: char| each.is_ascii_alphabetic() || "-@".contains(each));
    if line.starts_with("pypy") || line.starts_with("graalpy") {
        return None;
    }
    let mut parts = text.split('.').map(str::parse::<u32>);
    let (Some(Ok(3)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return None };
    Some((text.to_owned(), format!("==3.{minor}.*")))
}

/// Poetry's own notation as PEP 440's: `^3.11` is `>=3.11,<4`, `~3.11` is `>=3.11,<3.12`.
fn caret(text: &str) -> String {
    let each = |part: &str| {
        let part = part.trim();
        let number = |text: &str| text.trim().split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        if let Some(from) = part.strip_prefix('^') {
            format!(">={},<4", from.trim())
        } else if let Some(from) = part.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
            format!(">={},<3.{}", from.trim(), number(from).map_or(99, |minor| minor + 1))
        } else if part == "*" {
            ">=3".to_owned()
        } else if part.starts_with(|first: char| first.is_ascii_digit()) {
            format!("=={part}")
        } else {
            part.to_owned()
        }
    };
    text.split(',').map(each).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> (String, String, bool) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (decided, warning) = runtime(&Survey::of(dir.path()), "web");
        (decided.value, decided.because, warning.is_some())
    }

    #[test]
    fn the_project_says_which_python() {
        for (file, text, runtime) in [
            (".python-version", "3.12.4\n", "python3.12"),
            (".python-version", "# ours\ncpython-3.11\n", "python3.11"),
            ("pyproject.toml", "[project]\nrequires-python = '>=3.9'\n", "python3.13"),
            ("pyproject.toml", "[project]\nrequires-python = '>=3.10,<3.13'\n", "python3.12"),
            ("pyproject.toml", "[project]\nrequires-python = '~=3.11.2'\n", "python3.11"),
            ("pyproject.toml", "[project]\nrequires-python = '==3.14.*'\n", "python3.14"),
            ("pyproject.toml", "[project]\nrequires-python = '==3.12.3'\n", "python3.12"),
            ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\n", "python3.13"),
            ("pyproject.toml", "[tool.poetry.dependencies]\npython = '~3.11'\n", "python3.11"),
            ("pyproject.toml", "[tool.poetry.dependencies]\npython = '>=3.10,<3.12'\n", "python3.11"),
            ("runtime.txt", "python-3.11.9\n", "python3.11"),
            ("Pipfile", "[requires]\npython_version = '3.10'\n", "python3.10"),
            ("web/.python-version", "3.14\n", "python3.14"),
            ("README", "", "python3.13"),
            ("pyproject.toml", "not TOML [", "python3.13"),
            (".python-version", "pypy3.10\n", "python3.13"),
        ] {
            let (found, because, warned) = of(&[(file, text)]);
            assert_eq!((found.as_str(), warned), (runtime, false), "{file}: {text} ({because})");
        }
    }

    #[test]
    fn the_nearest_word_counts_first() {
        let (found, because, _) =
            of(&[(".python-version", "3.11\n"), ("pyproject.toml", "[project]\nrequires-python = '>=3.12'\n")]);
        assert_eq!((found.as_str(), because.as_str()), ("python3.11", ".python-version says 3.11"));
    }

    #[test]
    fn what_lambda_does_not_have_is_said() {
        assert_eq!(
            of(&[(".python-version", "3.8.10\n")]),
            ("python3.10".into(), ".python-version says 3.8.10".into(), true)
        );
        assert_eq!(of(&[("runtime.txt", "python-3.99\n")]).0, "python3.14");
        assert_eq!(of(&[("pyproject.toml", "[project]\nrequires-python = '<3.9'\n")]).0, "python3.10");
    }
}
