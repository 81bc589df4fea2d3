//! Lambda's size limit: refused before anything is uploaded, with what weighs most and what could be
//! left out.
//!
//! The limit is on what is unpacked, layers included. There is none on the zip itself as long as it
//! goes through S3, and rzap's do; 50 MB is the limit of an upload in the call itself
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).

use serde_json::json;

use super::entry::Entry;
use super::savings::{Saving, savings};
use super::types::{Content, Weight};
use super::weigh::{amount, folders, parts, share};
use crate::config::FunctionConfig;
use crate::error::{Error, Result};

/// Bytes a package may have unpacked together with its layers: "250 MB", which AWS counts in steps
/// of 1,024.
pub(crate) const MOST_UNZIPPED: u64 = 262_144_000;

/// Bytes a zip may have to be uploaded in the call itself, by the console or `aws lambda
/// update-function-code --zip-file`: "50 MB".
pub(crate) const MOST_DIRECT: u64 = 52_428_800;

/// How many parts an error or a report names.
pub(super) const PARTS: usize = 10;

/// Refuses `unzipped` bytes when they are more than Lambda takes, and says where they are.
pub(super) fn check(unzipped: u64, entries: &[Entry]) -> Result<()> {
    if unzipped <= MOST_UNZIPPED {
        return Ok(());
    }
    Err(too_large(unzipped, entries, &[], None))
}

/// The same for a function with `layers`: their names and bytes unpacked.
pub(super) fn check_with(
    function: &FunctionConfig,
    unzipped: u64,
    entries: &[Entry],
    layers: &[(String, u64)],
) -> Result<()> {
    if unzipped + layers.iter().map(|(_, bytes)| bytes).sum::<u64>() <= MOST_UNZIPPED {
        return Ok(());
    }
    Err(too_large(unzipped, entries, layers, Some(function)))
}

fn too_large(unzipped: u64, entries: &[Entry], layers: &[(String, u64)], function: Option<&FunctionConfig>) -> Error {
    let below: u64 = layers.iter().map(|(_, bytes)| bytes).sum();
    let over = unzipped + below - MOST_UNZIPPED;
    let has = if layers.is_empty() {
        format!("has {} unpacked", megabytes(unzipped))
    } else {
        format!("has {} unpacked and its layers {}", megabytes(unzipped), megabytes(below))
    };
    let limit = amount(MOST_UNZIPPED);
    let mut error =
        Error::failed(format!("the package {has}, {} more than the {limit} Lambda allows", megabytes(over)));

    // How much each has in the zip is not known yet: nothing was compressed.
    let contents: Vec<Content> = entries.iter().map(|entry| entry.listed(0)).collect();
    let (parts, folders) = (parts(&contents), folders(&contents, PARTS));
    let savings = function.map(|function| savings(function, &contents, false)).unwrap_or_default();
    let heavy = parts.iter().take(PARTS).filter(|part| part.unzipped * 100 >= unzipped);
    error.causes.push(table("what weighs most:", heavy.map(|part| weight_row(part, unzipped))));
    if folders.len() > 1 {
        error.causes.push(table("in folders:", folders.iter().map(|folder| weight_row(folder, unzipped))));
    }
    if !layers.is_empty() {
        error.causes.push(table(
            "in layers:",
            layers.iter().map(|(name, bytes)| [name.clone(), amount(*bytes), String::new()]),
        ));
    }
    let savings: Vec<Saving> = savings.into_iter().filter(|saving| !saving.upload_only).collect();
    if let Some(hint) = hint(&savings, over) {
        error.causes.push(table("what could be left out:", savings.iter().map(saving_row)));
        error.hints.push(hint);
    }
    error.details = Some(Box::new(json!({
        "unzipped": unzipped,
        "layers": layers.iter().map(|(name, unzipped)| json!({"name": name, "unzipped": unzipped})).collect::<Vec<_>>(),
        "limit": MOST_UNZIPPED,
        "parts": parts.iter().map(unpacked).collect::<Vec<_>>(),
        "folders": folders.iter().map(unpacked).collect::<Vec<_>>(),
        "savings": savings,
    })));
    error.hint(
        "leave out what is not needed at run time with `exclude` (of dependencies with `drop`), or drop a dependency",
    )
}

fn weight_row(weight: &Weight, of: u64) -> [String; 3] {
    [weight.name.clone(), amount(weight.unzipped), format!("{:>7}", share(weight.unzipped, of))]
}

fn saving_row(saving: &Saving) -> [String; 3] {
    [saving.set.clone(), saving.unzipped.map(amount).unwrap_or_default(), saving.why.clone()]
}

fn unpacked(weight: &Weight) -> serde_json::Value {
    json!({"name": weight.name, "dependency": weight.dependency, "files": weight.files, "unzipped": weight.unzipped})
}

/// What the savings come to, if there are any that count.
fn hint(savings: &[Saving], over: u64) -> Option<String> {
    let known: u64 = savings.iter().filter_map(|saving| saving.unzipped).sum();
    let lines: Vec<String> = savings.iter().map(|saving| format!("`{}`", saving.set)).collect();
    if lines.is_empty() {
        return None;
    }
    let fits = if known >= over { ": then it fits" } else { "" };
    Some(format!("add {} to the function in rzap.yaml{fits}", lines.join(", ")))
}

/// Rows under a title, in columns; a long name is cut in its middle.
fn table(title: &str, rows: impl Iterator<Item = [String; 3]>) -> String {
    const LONGEST: usize = 40;
    let rows: Vec<[String; 3]> = rows.map(|[name, size, note]| [cut(&name, LONGEST), size, note]).collect();
    let width = rows.iter().map(|[name, ..]| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|[name, size, note]| format!("{name:width$}  {size:>9}  {note}").trim_end().to_owned());
    std::iter::once(title.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

fn cut(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_owned();
    }
    let (head, tail) = (most / 3, most - most / 3 - 1);
    letters[..head].iter().chain(['…'].iter()).chain(&letters[letters.len() - tail..]).collect()
}

/// "12.3 MB", rounded up: what is a byte too large is not shown as the limit itself.
fn megabytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::entry::Owner;
    use super::super::tests::function;
    use super::*;
    use crate::config;

    fn entry(path: &str, size: u64, owner: Owner) -> Entry {
        Entry::file(path.into(), "/x".into(), size, false, owner)
    }

    #[test]
    fn the_limit_is_to_the_byte() {
        let of = |size| check(size, &[entry("a", size, Owner::Project)]);
        assert!(of(MOST_UNZIPPED).is_ok());
        let error = of(MOST_UNZIPPED + 1).unwrap_err();
        assert_eq!(error.message, "the package has 250.1 MB unpacked, 0.1 MB more than the 250.0 MB Lambda allows");
    }

    #[test]
    fn layers_count() {
        let (web, entries) = (function("web", config::Entry::Handler("app.x".into())), [entry("a", 1, Owner::Project)]);
        let layers = [("common".to_owned(), MOST_UNZIPPED - 1)];
        assert!(check_with(&web, 1, &entries, &layers).is_ok());
        let error = check_with(&web, 2 << 20, &entries, &layers).unwrap_err();
        assert_eq!(
            error.message,
            "the package has 2.0 MB unpacked and its layers 250.0 MB, 2.0 MB more than the 250.0 MB Lambda allows"
        );
        assert!(error.causes.contains(&"in layers:\ncommon   250.0 MB".to_owned()), "{error:?}");
    }

    #[test]
    fn the_error_says_where_the_weight_is_and_what_could_go() {
        let of = |name: &str| Owner::Dependency(name.into());
        let entries = [
            entry("numpy/_core/a.so", 100 << 20, of("numpy")),
            entry("numpy/lib/b.py", 10 << 20, of("numpy")),
            entry("numpy/lib/b.exe", 5 << 20, of("numpy")),
            entry("numpy.libs/b.so", 50 << 20, of("numpy")),
            entry("botocore/data/x.json", 20 << 20, of("botocore")),
            entry("data/x", 120 << 20, Owner::Project),
            entry("app.py", 1, Owner::Project),
        ];
        let web = function("web", config::Entry::Handler("app.x".into()));
        let error = check_with(&web, entries.iter().map(|entry| entry.size).sum(), &entries, &[]).unwrap_err();
        insta::assert_snapshot!(error.causes.join("\n"), @r#"
        what weighs most:
        numpy      165.0 MB     54 %
        data       120.0 MB     39 %
        botocore    20.0 MB    6.6 %
        in folders:
        data/          120.0 MB     39 %
        numpy/_core/   100.0 MB     33 %
        numpy.libs/     50.0 MB     16 %
        botocore/       20.0 MB    6.6 %
        numpy/lib/      15.0 MB    4.9 %
        what could be left out:
        slim: true         20.0 MB  the runtime itself brings botocore, in versions of its own
        drop: ["*.exe"]     5.0 MB  programs and libraries for Windows and macOS
        "#);
        assert_eq!(error.hints[0], "add `slim: true`, `drop: [\"*.exe\"]` to the function in rzap.yaml");
        let details = error.details.unwrap();
        assert_eq!(
            (&details["parts"][0]["name"], &details["savings"][0]["unzipped"]),
            (&json!("numpy"), &json!(20 << 20))
        );
    }

    #[test]
    fn only_the_ten_heaviest_are_named() {
        let entries: Vec<Entry> = (0..20).map(|n| entry(&format!("{n}"), MOST_UNZIPPED + n, Owner::Project)).collect();
        let error = check(MOST_UNZIPPED * 20, &entries).unwrap_err();
        assert_eq!(error.causes[0].lines().count(), 11);
    }

    #[test]
    fn long_names_are_cut_in_their_middle() {
        assert_eq!(cut("node_modules/some/very/long/path", 10), "nod…g/path");
        assert_eq!(cut("short", 10), "short");
    }
}
