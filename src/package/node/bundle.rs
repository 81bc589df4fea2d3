//! The handler's file and all it imports → one file, made by the project's esbuild.
//!
//! Where Lambda looks for the handler stands a loader of a few lines. It turns source maps on before
//! the bundle is read, which is too late inside it, so that stack traces name the lines of the
//! source and no environment variable has to be set. What cannot be put into one file (packages with
//! a native part, and those that the user keeps out) is packed beside it.

mod esbuild;
mod loader;
mod map;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use self::esbuild::{Esbuild, Made};
use super::super::collect::{self, Listing};
use super::super::entry::{Content, Entry, Owner};
use super::super::{Workshop, aside};
use super::install::{self, Target};
use super::manifest::Manifest;
use super::tree::{self, MODULES};
use super::{lock, rules};
use crate::config::{Entry as Called, FunctionConfig, Source};
use crate::error::{Error, OrFailed, Result};

/// What esbuild reads, in the order of preference: the source before what was compiled from it.
const SOURCES: [&str; 8] = ["ts", "mts", "cts", "tsx", "js", "mjs", "cjs", "jsx"];

/// How the bundle is loaded: decided by what Node would take the entry file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Esm,
    Cjs,
}

impl Format {
    /// esbuild's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Esm => "esm",
            Self::Cjs => "cjs",
        }
    }

    /// The ending that means it whatever `package.json` says.
    fn ending(self) -> &'static str {
        match self {
            Self::Esm => "mjs",
            Self::Cjs => "cjs",
        }
    }
}

/// The file of a handler: up to the first dot of its last segment
/// (<https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html>).
pub(super) fn module(handler: &str) -> &str {
    let name = handler.rfind('/').map_or(0, |slash| slash + 1);
    let dot = handler[name..].find('.').map_or(handler.len(), |dot| name + dot);
    &handler[..dot]
}

/// Everything of the package of `functions`, whose handlers are in the file `module`.
pub(super) async fn pack(
    workshop: &Workshop<'_>,
    functions: &[&FunctionConfig],
    (first, names): (&FunctionConfig, &str),
    (root, dir): (&Path, &Path),
    manifest: Manifest,
    (module, target): (&str, &Target),
) -> Result<Listing> {
    let entry = entry(dir, module)?;
    let format = format(dir, &entry)?;
    // Nothing else of the project is needed beside a bundle.
    let (inside, source, runtime) = (root.to_owned(), first.source.clone(), first.runtime.clone());
    let mut listing = aside(move || collect::included(&inside, &source, &runtime)).await?;

    let esbuild = Esbuild::find(dir, workshop.search_path.as_deref())?;
    let mut outside = brought_by_the_runtime(&manifest, target);
    let draft = esbuild.run(dir, &entry, (module, format), target, &outside, true).await?;
    let apart = apart(dir, &draft.packages(), &first.source)?;
    outside.extend(apart.keys().flat_map(|name| [name.clone(), format!("{name}/*")]));
    let made = if apart.is_empty() {
        draft
    } else {
        esbuild.run(dir, &entry, (module, format), target, &outside, false).await?
    };
    if let Some(native) = made.native_file() {
        return Err(Error::failed(format!("{native} is native code, which esbuild cannot put into a bundle"))
            .hint("move it into a package among the dependencies, or set `bundle: false`"));
    }
    if format == Format::Esm {
        functions.iter().try_for_each(|function| exports(function, &entry, &made))?;
    }
    listing.notes.extend(made.warnings.iter().cloned());
    if !apart.is_empty() {
        let packages = packages(workshop, first, names, (root, dir), manifest, &apart, target).await?;
        listing.entries.extend(packages);
        super::sift(&mut listing, &first.source, &BTreeSet::new(), target)?;
    }
    place(&mut listing, module, format, made);
    Ok(listing)
}

/// The file to bundle, relative to `dir`.
fn entry(dir: &Path, module: &str) -> Result<String> {
    let candidates =
        SOURCES.iter().flat_map(|ending| [format!("{module}.{ending}"), format!("{module}/index.{ending}")]);
    let mut found: Vec<String> = candidates.filter(|file| dir.join(file).is_file()).collect();
    // `index.ts` before `index/index.ts`, as Node does it.
    found.sort_by_key(|file| file.starts_with(&format!("{module}/")));
    found.into_iter().next().ok_or_else(|| {
        Error::failed(format!("there is no {module}.ts or {module}.js to bundle"))
            .hint(format!("it is looked for in {}", dir.display()))
    })
}

/// What Node takes `entry` for: by its ending, else by `type` of the nearest `package.json`
/// (<https://nodejs.org/api/packages.html#determining-module-system>).
fn format(dir: &Path, entry: &str) -> Result<Format> {
    match Path::new(entry).extension().and_then(|ending| ending.to_str()) {
        Some("mts" | "mjs") => return Ok(Format::Esm),
        Some("cts" | "cjs") => return Ok(Format::Cjs),
        _ => {}
    }
    for folder in dir.join(entry).ancestors().skip(1) {
        if let Some(manifest) = Manifest::read(folder)? {
            return Ok(if manifest.kind.as_deref() == Some("module") { Format::Esm } else { Format::Cjs });
        }
    }
    Ok(Format::Cjs)
}

/// The SDK of the runtime stays out of the bundle, unless `package.json` asks for a version of its
/// own among the dependencies.
fn brought_by_the_runtime(manifest: &Manifest, target: &Target) -> Vec<String> {
    // Version 2 of it until Node 16
    // (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html#nodejs-sdk-included).
    if target.node <= 16 {
        let own = manifest.needed().any(|(name, _)| name == "aws-sdk");
        return if own { vec![] } else { vec!["aws-sdk".to_owned(), "aws-sdk/*".to_owned()] };
    }
    let own = manifest.needed().any(|(name, _)| super::is_in_the_runtime(name));
    if own { vec![] } else { vec!["@aws-sdk/*".to_owned(), "@smithy/*".to_owned()] }
}

/// Those of the bundled `packages` (folders, relative to `dir`) that have to stay out, by name, and
/// whether they must be packed. The part for this machine's platform need not: the one for Lambda's
/// comes with the package that uses it.
fn apart(dir: &Path, packages: &BTreeSet<String>, source: &Source) -> Result<BTreeMap<String, bool>> {
    let mut names = BTreeMap::new();
    for package in packages {
        let name = package.rsplit_once("node_modules/").map_or(package.as_str(), |(_, name)| name);
        if rules::keeps_package(source, name)? || is_native(&dir.join(package))? {
            let manifest = Manifest::read(&dir.join(package))?.unwrap_or_default();
            names.insert(name.to_owned(), manifest.os.is_null() && manifest.cpu.is_null());
        }
    }
    Ok(names)
}

/// Whether the package in `folder` has a native part, in one of the ways packages do.
fn is_native(folder: &Path) -> Result<bool> {
    let manifest = Manifest::read(folder)?.unwrap_or_default();
    let loaders = ["bindings", "node-gyp-build", "prebuild-install", "node-pre-gyp", "@mapbox/node-pre-gyp"];
    let is_platform = |name: &String| {
        ["linux", "darwin", "win32"]
            .iter()
            .any(|os| ["x64", "arm64"].iter().any(|cpu| name.contains(&format!("{os}-{cpu}"))))
    };
    Ok(folder.join("binding.gyp").is_file()
        || loaders.iter().any(|name| manifest.dependencies.contains_key(*name))
        || manifest.optional_dependencies.keys().any(is_platform)
        || has_native_file(folder)?)
}

fn has_native_file(folder: &Path) -> Result<bool> {
    let failed = || format!("look through {}", folder.display());
    for item in fs::read_dir(folder).or_failed(failed)? {
        let item = item.or_failed(failed)?;
        let (path, kind) = (item.path(), item.file_type().or_failed(failed)?);
        let found = if kind.is_dir() {
            item.file_name() != MODULES && has_native_file(&path)?
        } else {
            path.extension().is_some_and(|ending| ending == "node")
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses a function whose handler the entry file does not export.
fn exports(function: &FunctionConfig, entry: &str, made: &Made) -> Result<()> {
    let Called::Handler(handler) = &function.entry else { return Ok(()) };
    let name = handler[module(handler).len()..].trim_start_matches('.').split('.').next().unwrap_or_default();
    if made.exports.iter().any(|export| export == name) {
        return Ok(());
    }
    let known = if made.exports.is_empty() { "nothing".to_owned() } else { made.exports.join(", ") };
    Err(Error::failed(format!("function `{}`: {entry} does not export `{name}`", function.name))
        .hint(format!("it exports {known}")))
}

/// The files of the packages in `names` and of all that they need.
async fn packages(
    workshop: &Workshop<'_>,
    function: &FunctionConfig,
    names: &str,
    (root, dir): (&Path, &Path),
    manifest: Manifest,
    apart: &BTreeMap<String, bool>,
    target: &Target,
) -> Result<Vec<Entry>> {
    let (place, entries) = match lock::find(dir, &manifest)? {
        Some(lock) => super::installed(workshop, function, names, (root, dir), manifest, lock).await?,
        None => (dir.to_owned(), vec![]),
    };
    let reached = tree::reached(&place, apart.keys().map(String::as_str), Some(target.cpu))?;
    let is_missing = |name: &&str| !reached.contains(&Path::new(MODULES).join(name));
    let required = apart.iter().filter(|(_, required)| **required).map(|(name, _)| name.as_str());
    let missing: Vec<&str> = required.filter(is_missing).collect();
    if !missing.is_empty() {
        return Err(Error::failed(format!(
            "{} cannot be bundled and is not among the project's own dependencies",
            missing.join(", ")
        ))
        .hint("list it under `dependencies` in the package.json of the code folder, with a lock file beside it"));
    }
    if !entries.is_empty() {
        let is_needed =
            |path: &str| tree::package_of(path).is_some_and(|(folder, _)| reached.contains(Path::new(folder)));
        return Ok(entries.into_iter().filter(|entry| is_needed(&entry.path)).collect());
    }
    aside(move || {
        let mut list = Vec::new();
        install::listed(&place, Path::new(MODULES), Some(&reached), &mut list)?;
        let entry = |kept: super::kept::Kept| {
            let file = place.join(&kept.path);
            Entry::file(kept.path, file, kept.size, kept.executable, Owner::Dependency(kept.of))
        };
        Ok(list.into_iter().map(entry).collect())
    })
    .await
}

/// Puts the loader, the bundle and its map where Lambda looks for `module`.
fn place(listing: &mut Listing, module: &str, format: Format, made: Made) {
    let bundle = format!("{module}.bundle.{}", format.ending());
    let loader = loader::text(&bundle, format, &made.exports);
    listing.entries.push(Entry::generated(&format!("{module}.{}", format.ending()), &loader));
    for (path, text) in [(format!("{bundle}.map"), made.map), (bundle, made.code)] {
        // The user's own code: looked through for secrets.
        let size = text.len() as u64;
        listing.entries.push(Entry {
            path,
            content: Content::Text(text),
            size,
            executable: false,
            owner: Owner::Project,
        });
    }
}

#[cfg(test)]
mod tests;
