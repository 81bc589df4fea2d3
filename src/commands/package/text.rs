//! What `rzap package` says to people.

use std::collections::BTreeMap;

use super::Weighed;
use crate::package::{Explained, MOST_DIRECT, Package as Built, PackagedLayer, Saving, Weight, share};
use crate::ui::{Table, bytes, count};

/// How many dependencies and parts are named.
const PARTS: usize = 12;

/// How many paths of a rule are named when not all are wanted.
const PATHS: usize = 5;

/// Packages smaller than this weigh nothing worth a table.
const SMALL: u64 = 1 << 20;

/// What a package weighs, where, and what could go.
pub(super) fn weighed(weighed: &Weighed, packages: &BTreeMap<String, Built>) -> String {
    let Weighed { functions, unzipped, zipped, limit, package, .. } = weighed;
    let below: u64 = package.own_layers().map(|layer| layer.unzipped).sum();
    let layers = if below > 0 { format!(" and {} in layers", bytes(below)) } else { String::new() };
    let mut text = format!(
        "{}: {} unzipped{layers} ({} of {}), {} zipped, {}\n",
        functions.join(", "),
        bytes(*unzipped),
        share(*unzipped + below, *limit),
        bytes(*limit).replace(".0", ""),
        bytes(*zipped),
        files(package.files)
    );
    let mut written: Vec<String> = packages
        .iter()
        .filter(|(name, _)| functions.contains(name))
        .map(|(_, package)| format!("  {}\n", package.file.display()))
        .collect();
    written.dedup();
    text.push_str(&written.concat());
    for layer in &package.layers {
        text.push_str(&match layer {
            PackagedLayer::Own(layer) => format!(
                "  layer {}: {} unzipped, {} zipped, {}\n    {}\n",
                layer.part,
                bytes(layer.unzipped),
                bytes(layer.zipped),
                files(layer.files),
                layer.file.display()
            ),
            PackagedLayer::Arn(arn) => format!("  layer {arn}: only Lambda knows how large it is\n"),
        });
    }
    text.push_str(&static_files(package));
    if *zipped > MOST_DIRECT {
        text.push_str(&format!(
            "  over {} zipped: it fits through S3 only, which is how `rzap deploy` uploads it\n",
            bytes(MOST_DIRECT).replace(".0", "")
        ));
    }
    if weighed.all() < SMALL {
        return text;
    }
    text.push_str(&format!("\n{}", parts(weighed)));
    if weighed.folders.len() > 1 {
        text.push_str(&format!("\n{}", folders(weighed)));
    }
    if !weighed.savings.is_empty() {
        text.push_str(&format!("\n{}", savings(&weighed.savings)));
    }
    text
}

/// The line about what is served from S3.
fn static_files(package: &Built) -> String {
    package.static_files.as_ref().map_or_else(String::new, |it| {
        format!("  static files: {}, {}, served from S3 below {}\n", files(it.files), bytes(it.bytes), it.url)
    })
}

fn parts(weighed: &Weighed) -> String {
    let mut table = Table::new(["dependency or part", "unzipped", "zipped", "share", "files"]).right(&[1, 2, 3, 4]);
    let (named, rest) = weighed.parts.split_at(weighed.parts.len().min(PARTS));
    let row = |name: String, part: &Weight| {
        [name, bytes(part.unzipped), bytes(part.zipped), share(part.unzipped, weighed.all()), count(part.files)]
    };
    for part in named {
        // The project's own folders are told from dependencies by their slash.
        let inside = format!("{}/", part.name);
        let is_folder = !part.dependency && weighed.package.contents.iter().any(|file| file.path.starts_with(&inside));
        table.row(row(if is_folder { inside } else { part.name.clone() }, part));
    }
    if !rest.is_empty() {
        let sum = |of: fn(&Weight) -> u64| rest.iter().map(of).sum();
        let rest = Weight {
            files: rest.iter().map(|part| part.files).sum(),
            unzipped: sum(|part| part.unzipped),
            zipped: sum(|part| part.zipped),
            name: format!("{} more", count(rest.len())),
            ..Weight::default()
        };
        table.row(row(rest.name.clone(), &rest));
    }
    table.text()
}

fn folders(weighed: &Weighed) -> String {
    let mut table = Table::new(["heaviest folders", "unzipped", "zipped", "share", "files"]).right(&[1, 2, 3, 4]);
    for folder in &weighed.folders {
        let (unzipped, zipped) = (bytes(folder.unzipped), bytes(folder.zipped));
        table.row([folder.name.clone(), unzipped, zipped, share(folder.unzipped, weighed.all()), count(folder.files)]);
    }
    table.text()
}

fn savings(savings: &[Saving]) -> String {
    let mut table = Table::new(["to make it smaller", "unzipped", "zipped", "because"]).right(&[1, 2]);
    for saving in savings {
        let size = |size: Option<u64>| size.map_or_else(|| "-".to_owned(), bytes);
        table.row([saving.set.clone(), size(saving.unzipped), size(saving.zipped), saving.why.clone()]);
    }
    table.text()
}

/// Which rules made a package; with `all`, every path.
pub(super) fn explained(weighed: &Weighed, all: bool) -> String {
    let (found, idle): (Vec<&Explained>, Vec<&Explained>) =
        weighed.explained.iter().partition(|rule| !rule.left_out.is_empty());
    let out: usize = found.iter().map(|rule| rule.files).sum();
    let sum: u64 = found.iter().map(|rule| rule.unzipped).sum();
    let functions = weighed.functions.join(", ");
    let mut text = if found.is_empty() {
        format!("{functions}: nothing is left out\n")
    } else {
        format!("{functions}: {}, {}, left out\n", files(out), bytes(sum))
    };
    text.push_str(&static_files(&weighed.package));
    for rule in found {
        text.push_str(&format!("\n{}: {}, {}\n", name(rule), files(rule.files), bytes(rule.unzipped)));
        let most = if all { usize::MAX } else { PATHS };
        for left in rule.left_out.iter().take(most) {
            let of = left.of.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
            text.push_str(&format!("  {}{of}  {}\n", left.path, bytes(left.unzipped)));
        }
        if rule.left_out.len() > most {
            text.push_str(&format!("  and {} more (-v shows all)\n", count(rule.left_out.len() - most)));
        }
        if !rule.why.is_empty() {
            text.push_str(&format!("  why: {}\n", rule.why));
        }
        if !rule.instead.is_empty() {
            text.push_str(&format!("  to have it in: `{}`\n", rule.instead));
        }
    }
    if !idle.is_empty() {
        text.push_str("\nrules that found nothing:\n");
        for rule in idle {
            text.push_str(&format!("  {}: {}\n", name(rule), rule.what.join(" ")));
        }
    }
    text
}

/// A rule's name; some are for the project and for dependencies.
fn name(rule: &Explained) -> String {
    if rule.of == "dependencies" { format!("{} (dependencies)", rule.rule) } else { rule.rule.clone() }
}

fn files(number: usize) -> String {
    format!("{} {}", count(number), if number == 1 { "file" } else { "files" })
}
