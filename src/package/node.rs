//! Node: the production dependencies of the lock file, or one bundle made by esbuild.
//!
//! ```text
//! project without node_modules ─┐
//! lock file ─install─► packages ─rules─► entries          (manifest, lock, local, manager, install)
//! no lock file: the folder's own node_modules ─rules─┘    (tree, rules)
//! handler's file ─esbuild─► bundle, map, loader           (bundle)
//! ```
//! What stands in the project's `node_modules` was installed for its developers, so with a lock file
//! it is not what is packed.

mod bundle;
mod install;
mod kept;
mod local;
mod lock;
mod manager;
mod manifest;
mod rules;
mod scripts;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use self::install::{Declared, Target};
use self::manager::Program;
use self::manifest::Manifest;
use self::tree::MODULES;
use super::collect::{self, Listing};
use super::entry::Entry as File;
use super::{Step, Workshop, aside, merge};
use crate::config::{Arch, Entry, FunctionConfig, Source};
use crate::error::{Error, OrFailed, Result};

/// What the Node runtimes bring themselves
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html#nodejs-sdk-included>).
fn is_in_the_runtime(name: &str) -> bool {
    name.starts_with("@aws-sdk/") || name.starts_with("@smithy/")
}

/// The file whose bundle `function` needs, as its handler spells it (`src/index`); `None` when its
/// code is packed as it is.
pub(super) fn bundled(function: &FunctionConfig) -> Result<Option<&str>> {
    let Entry::Handler(handler) = &function.entry else { return Ok(None) };
    let source = &function.source;
    if !function.runtime.starts_with("nodejs") || source.bundle == Some(false) {
        return Ok(None);
    }
    // A build of the project's own may well use esbuild itself: then its result is what counts.
    let asked = source.bundle == Some(true)
        || (source.build.is_none() && Manifest::read(&source.dir)?.is_some_and(|manifest| manifest.lists_esbuild()));
    Ok(asked.then(|| bundle::module(handler)))
}

/// Everything of the functions' package, for functions with equal inputs that run on Node.
pub(super) async fn pack(
    workshop: &Workshop<'_>,
    functions: &[&FunctionConfig],
    first: &FunctionConfig,
    names: &str,
) -> Result<Listing> {
    let target = target(first);
    let (root, dir) = (canonical(workshop.root)?, canonical(&first.source.dir)?);
    let manifest = Manifest::read(&dir)?.unwrap_or_default();
    if let Some(module) = bundled(first)? {
        return bundle::pack(workshop, functions, (first, names), (&root, &dir), manifest, (module, &target)).await;
    }
    let (lock, needs) = (lock::find(&dir, &manifest)?, manifest.needed().next().is_some());
    let (runtime, source) = (first.runtime.clone(), first.source.clone());
    let Some(lock) = lock else {
        check(&dir, &manifest)?;
        let mut listing = aside(move || collect::project(&root, &source, &runtime)).await?;
        let development = tree::only_for_development(&dir, &manifest)?;
        sift(&mut listing, &first.source, &development, &target)?;
        functions.iter().try_for_each(|function| refuse_typescript(function, &dir, &listing))?;
        let foreign = scripts::foreign_packages(&listing.entries, &target)?;
        if !foreign.is_empty() {
            listing.notes.push(format!(
                "{} in node_modules cannot run on Linux on {}: with a lock file rzap installs what can",
                foreign.join(", "),
                target.cpu
            ));
        }
        return Ok(listing);
    };
    // The folder first: what is wrong with it shows at once, not after an install.
    let mut listing = aside(move || without_modules(&root, &source, &runtime)).await?;
    let (root, dir) = (canonical(workshop.root)?, canonical(&first.source.dir)?);
    functions.iter().try_for_each(|function| refuse_typescript(function, &dir, &listing))?;
    let entries =
        if needs { installed(workshop, first, names, (&root, &dir), manifest, lock).await?.1 } else { vec![] };
    listing.notes.extend(unbuilt(&entries, &target));
    let mut merged = merge::merge(listing, entries);
    sift(&mut merged, &first.source, &BTreeSet::new(), &target)?;
    Ok(merged)
}

/// The packages of `lock`, installed when they are not there yet, and the folder of their
/// `node_modules`.
async fn installed(
    workshop: &Workshop<'_>,
    function: &FunctionConfig,
    names: &str,
    (root, dir): (&Path, &Path),
    manifest: Manifest,
    lock: lock::Lock,
) -> Result<(PathBuf, Vec<File>)> {
    refuse_workspaces(dir, &manifest)?;
    let note = |text: String| workshop.note(names, &text);
    let hooks = ["preinstall", "install", "postinstall", "prepare"];
    let hooks: Vec<&str> = hooks.into_iter().filter(|hook| manifest.scripts.contains_key(*hook)).collect();
    if hooks.iter().any(|hook| hook.ends_with("install")) {
        note(format!(
            "`{}` of package.json does not run for the package: what it makes in node_modules comes in by name, like \
             `include: [node_modules/.prisma]`",
            hooks[0]
        ));
    }
    let target = target(function);
    let program = Program::find(workshop.search_path.as_deref(), &lock, &manifest, dir).await?;
    let declared = Declared::read(root, dir, manifest, lock, &function.source.from_source)?;
    let key = declared.key(&target, &program)?;
    let _turn = workshop.turn(&key).await;
    let (cache, known) = (workshop.cache.clone(), key.clone());
    let site = cache.deps.join(&key).join("site");
    if let Some(entries) = aside(move || Ok(kept::find(&cache, &known))).await? {
        return Ok((site, entries));
    }
    (workshop.tell)(Step::Installing { functions: names.to_owned(), tool: program.manager.name() });
    let npm = scripts::npm(workshop.search_path.as_ref());
    let entries = declared.install(&workshop.cache, &key, &target, &program, npm.as_deref()).await?;
    Ok((site, entries))
}

fn target(function: &FunctionConfig) -> Target {
    let node = function.runtime.trim_start_matches("nodejs").split('.').next();
    let cpu = match function.arch {
        Arch::X86_64 => "x64",
        Arch::Arm64 => "arm64",
    };
    Target { node: node.and_then(|major| major.parse().ok()).unwrap_or(0), cpu }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).or_failed(|| format!("open the folder {}", path.display()))
}

/// The project without its own `node_modules`, except for what `include` names.
fn without_modules(root: &Path, source: &Source, runtime: &str) -> Result<Listing> {
    let mut source = source.clone();
    source.exclude.push(format!("/{MODULES}"));
    let mut listing = collect::project(root, &source, runtime)?;
    for told in listing.left_out.iter_mut().filter(|told| told.path.trim_end_matches('/') == MODULES) {
        told.rule = super::rules::DEVELOPMENT.name;
    }
    Ok(listing)
}

/// Applies the rules for dependencies.
fn sift(listing: &mut Listing, source: &Source, development: &BTreeSet<PathBuf>, target: &Target) -> Result<()> {
    let entries = std::mem::take(&mut listing.entries);
    let (kept, left_out) = rules::apply(entries, source, development, target.cpu)?;
    listing.entries = kept;
    listing.left_out.extend(left_out);
    Ok(())
}

fn unbuilt(entries: &[File], target: &Target) -> Option<String> {
    let names = scripts::unbuilt(entries, target);
    (!names.is_empty()).then(|| {
        format!(
            "{0} has a native part that its install script makes, and install scripts do not run by themselves: \
             `from_source: [{0}]` runs it",
            names.join(", ")
        )
    })
}

/// Lambda's runtime looks for JavaScript only
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-typescript.html>).
fn refuse_typescript(function: &FunctionConfig, dir: &Path, listing: &Listing) -> Result<()> {
    let Entry::Handler(handler) = &function.entry else { return Ok(()) };
    let module = bundle::module(handler);
    let scripts = ["js", "mjs", "cjs"].map(|ending| format!("{module}.{ending}"));
    let is_there = listing.entries.iter().any(|entry| scripts.contains(&entry.path));
    let source = ["ts", "mts", "cts", "tsx"]
        .iter()
        .map(|ending| format!("{module}.{ending}"))
        .find(|file| dir.join(file).is_file());
    match source.filter(|_| !is_there) {
        None => Ok(()),
        Some(source) => Err(Error::failed(format!(
            "function `{}`: {source} is TypeScript, which Lambda does not run",
            function.name
        ))
        .hint("set `bundle: true` (and `npm install --save-dev esbuild`), or let `build:` compile it")),
    }
}

/// Where the packages of a workspace stand is decided above its members.
fn refuse_workspaces(dir: &Path, manifest: &Manifest) -> Result<()> {
    let pnpm = fs::read_to_string(dir.join("pnpm-workspace.yaml")).unwrap_or_default();
    let members = pnpm.lines().any(|line| line.starts_with("packages:"));
    if manifest.workspaces.is_null() && !members {
        return Ok(());
    }
    Err(Error::failed("rzap cannot install the packages of a workspace")
        .hint("let esbuild put what the function needs into its code: `bundle: true`"))
}

/// Refuses a folder without a lock file whose `package.json` asks for packages that are not
/// installed, or installed in a way that does not survive being packed.
fn check(dir: &Path, manifest: &Manifest) -> Result<()> {
    let modules = dir.join(MODULES);
    let is_missing = |name: &&str| !is_in_the_runtime(name) && !modules.join(name).exists();
    let missing: Vec<&str> = manifest.required().map(|(name, _)| name).filter(is_missing).collect();
    if !missing.is_empty() {
        let what =
            if modules.exists() { "missing in node_modules" } else { "there is neither a lock file nor node_modules" };
        let error = Error::failed(format!("package.json needs {}: {what}", missing.join(", ")));
        return Err(match lock::workspace_above(dir) {
            Some(above) => error.hint(format!(
                "it belongs to the workspace in {}: let esbuild put what the function needs into its code (`bundle: true`)",
                above.display()
            )),
            None => error.hint(format!("run `npm install` in {}: rzap installs from the lock file it writes", dir.display())),
        });
    }
    manifest.needed().try_for_each(|(name, _)| refuse_store_link(&modules.join(name), name))
}

/// pnpm links a package into its store, where the package's own dependencies stand next to it. Node
/// finds them from the link's target, but not from the copy that is packed.
fn refuse_store_link(package: &Path, name: &str) -> Result<()> {
    let is_store = |target: &Path| target.iter().any(|segment| segment == ".pnpm");
    if fs::canonicalize(package).is_ok_and(|target| is_store(&target)) {
        return Err(Error::failed(format!("node_modules/{name} is a link into pnpm's store, which cannot be packed"))
            .hint("keep pnpm-lock.yaml in the folder: rzap installs from it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
