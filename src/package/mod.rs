//! A stage's functions → one package each.
//!
//! ```text
//! folder ─collect─► entries ─┐
//! requirements ─install─► entries ─merge─► entries ─size─► entries ─archive─► Package
//! bridge, bootstrap ─────────┘
//! ```
//! `collect` walks a folder by `rules`; `python`, `node` and `native` bring what a language needs, the last by
//! building it; `layers` takes out what goes into zips of its own; `archive` writes, with what `cache` kept of
//! earlier packages; `size`, `weigh`, `savings` and `explain` tell what became of it.
//!
//! Functions with equal inputs share one zip. No AWS, no printing: progress leaves through a callback,
//! and everything is checked here before anybody uploads anything.

mod archive;
mod bootstrap;
mod cache;
mod collect;
mod command;
mod elf;
mod entry;
mod explain;
mod fingerprint;
mod handler;
mod layers;
mod merge;
mod native;
mod node;
mod program;
mod python;
mod rules;
mod savings;
mod size;
mod static_files;
mod types;
mod web;
mod weigh;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard, mpsc};

use self::archive::Archive;
use self::cache::Cache;
pub(crate) use self::cache::{Freed, Holding, Limits, default_work_dir, holdings, is_marked, mark, prune};
pub(crate) use self::explain::{Explained, explain, is_packed};
use self::native::{Programs, Site};
use self::python::Installer;
pub(crate) use self::savings::{Saving, savings};
pub(crate) use self::size::{MOST_DIRECT, MOST_UNZIPPED};
pub(crate) use self::types::{
    Content, LeftOut, OwnLayer, Package, PackagedLayer, StaticFiles, StaticObject, Step, Weight,
};
pub(crate) use self::web::{BridgeFile, Part};
pub(crate) use self::weigh::{amount, folders, parts, share};
use crate::config::{Arch, Entry, FunctionConfig, Layer, Source, StageConfig, Web};
use crate::error::{Error, OrFailed, Result};

/// Builds the packages of `stage`'s functions (of those named in `only`, when given), by name.
/// A function that runs a container image has none.
///
/// Zips and installed dependencies are kept in `work`, which is created when missing; the zips stay
/// there. `bridge` is rzap's bridge between Lambda and web applications; what a function needs of it goes
/// into its package. `tell` hears what happens, from any thread. The first failure stops the others.
pub(crate) async fn build(
    stage: &StageConfig,
    only: Option<&[String]>,
    work: &Path,
    bridge: &[BridgeFile],
    tell: &(dyn Fn(Step) + Send + Sync),
) -> Result<BTreeMap<String, Package>> {
    let workshop = Workshop {
        root: &stage.root,
        cache: Cache::open(work)?,
        bridge,
        tell,
        search_path: std::env::var_os("PATH"),
        installer: OnceCell::new(),
        installs: Mutex::default(),
        archiving: Mutex::default(),
        shelf: layers::Shelf::default(),
    };
    workshop.build(stage, only).await
}

/// What decides a zip. A handler's name is not in it; a bridge's app and a bootstrap are.
type Inputs<'a> = (&'a Source, &'a [Layer], &'a str, Arch, Made<'a>);

/// What the entry puts into the zip besides the code folder.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Made<'a> {
    Nothing,
    /// With what `collectstatic` is told.
    Bridge(&'a Entry, &'a Web, Option<&'a BTreeMap<String, String>>),
    /// Of this file, as the handler spells it.
    Bundle(&'a str),
    Bootstrap(&'a str),
    /// The binary, by its name or by the function's.
    Cargo(Option<&'a str>, &'a str),
    Go(&'a str),
}

fn groups<'a>(
    stage: &'a StageConfig,
    only: Option<&[String]>,
) -> Result<BTreeMap<Inputs<'a>, Vec<&'a FunctionConfig>>> {
    let unknown = only.unwrap_or_default().iter().find(|name| !stage.functions.contains_key(*name));
    if let Some(name) = unknown {
        let known: Vec<&str> = stage.functions.keys().map(String::as_str).collect();
        return Err(Error::usage(format!("there is no function `{name}` in stage `{}`", stage.stage))
            .hint(format!("its functions are: {}", known.join(", "))));
    }
    let mut groups = BTreeMap::<Inputs<'_>, Vec<&FunctionConfig>>::new();
    for function in stage.functions.values() {
        if only.is_some_and(|only| !only.contains(&function.name)) {
            continue;
        }
        let made = match &function.entry {
            entry @ (Entry::Wsgi(_) | Entry::Asgi(_) | Entry::Django(_)) => {
                let is_collected = function.web.static_files.as_ref().is_some_and(|files| files.dir.is_none());
                Made::Bridge(entry, &function.web, is_collected.then_some(&function.env))
            }
            Entry::Bootstrap(path) => Made::Bootstrap(path),
            Entry::Cargo(name) => Made::Cargo(name.as_deref(), if name.is_some() { "" } else { &function.name }),
            Entry::Go(path) => Made::Go(path),
            Entry::Handler(_) => node::bundled(function)?.map_or(Made::Nothing, Made::Bundle),
            Entry::Image(_) => continue,
        };
        let inputs = (&function.source, function.layers.as_slice(), function.runtime.as_str(), function.arch, made);
        groups.entry(inputs).or_default().push(function);
    }
    Ok(groups)
}

/// One run of `build`: what its groups share.
struct Workshop<'a> {
    root: &'a Path,
    cache: Cache,
    bridge: &'a [BridgeFile],
    tell: &'a (dyn Fn(Step) + Send + Sync),
    /// Where uv and pip are looked for.
    search_path: Option<OsString>,
    installer: OnceCell<Installer>,
    /// One at a time for each install, so that groups with the same dependencies install them once.
    installs: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
    /// One archive at a time: it uses all cores and its share of memory.
    archiving: Mutex<()>,
    shelf: layers::Shelf,
}

/// What became of one group.
struct Built {
    archive: Archive,
    /// The files in it, in order.
    entries: Vec<entry::Entry>,
    left_out: Vec<LeftOut>,
    layers: Vec<PackagedLayer>,
    static_files: Option<Arc<StaticFiles>>,
}

impl Workshop<'_> {
    async fn build(&self, stage: &StageConfig, only: Option<&[String]>) -> Result<BTreeMap<String, Package>> {
        // Grouping looks at the folders already, which the commands may make.
        let wanted = |function: &&FunctionConfig| only.is_none_or(|only| only.contains(&function.name));
        command::run(stage, stage.functions.values().filter(wanted), self.tell).await?;
        let groups = groups(stage, only)?;
        let programs = Programs::of(groups.values().flatten().copied());
        let built = try_join_all(groups.values().map(|functions| self.group(functions, &programs))).await?;
        Ok(built.into_iter().flatten().collect())
    }

    /// Builds the one zip of `functions`, which have equal inputs.
    async fn group<'f>(
        &self,
        functions: &[&'f FunctionConfig],
        programs: &Programs<'f>,
    ) -> Result<Vec<(String, Package)>> {
        let Some(first) = functions.first() else { return Ok(vec![]) };
        let names = functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>().join(", ");
        let built = self.zip(first, functions, &names, programs).await;
        let Built { archive, entries, left_out, layers, static_files } =
            built.map_err(|error| error.context(format!("cannot package {names}")))?;
        let contents = entries.iter().zip(&archive.packed).map(|(entry, zipped)| entry.listed(*zipped));
        let (contents, left_out) = (Arc::new(contents.collect::<Vec<_>>()), Arc::new(left_out));
        (self.tell)(Step::Packaged { functions: names, zipped: archive.zipped, files: entries.len() });
        let package = |function: &FunctionConfig| Package {
            file: archive.file.clone(),
            sha256: archive.sha256.clone(),
            code_sha256: archive.code_sha256.clone(),
            zipped: archive.zipped,
            unzipped: archive.unzipped,
            files: entries.len(),
            handler: match &function.entry {
                Entry::Handler(handler) => handler.clone(),
                Entry::Wsgi(_) | Entry::Asgi(_) | Entry::Django(_) => web::HANDLER.to_owned(),
                Entry::Bootstrap(_) | Entry::Cargo(_) | Entry::Go(_) => bootstrap::NAME.to_owned(),
                // An image brings its own, and has no package.
                Entry::Image(_) => String::new(),
            },
            heaviest: parts(&contents).into_iter().take(size::PARTS).collect(),
            layers: layers.clone(),
            static_files: static_files.clone(),
            contents: contents.clone(),
            left_out: left_out.clone(),
        };
        Ok(functions.iter().map(|function| (function.name.clone(), package(function))).collect())
    }

    async fn zip<'f>(
        &self,
        first: &'f FunctionConfig,
        functions: &[&'f FunctionConfig],
        names: &str,
        programs: &Programs<'f>,
    ) -> Result<Built> {
        if first.entry.is_web() && !first.runtime.starts_with("python") {
            return Err(Error::usage(format!("a Python web app cannot run on {}", first.runtime))
                .hint("set `runtime` to a Python, like `python3.13`"));
        }
        command::check(&first.source)?;
        // The folder first: what is wrong with it shows at once, not after an install.
        let code = FunctionConfig { source: layers::code_of(self.root, first), ..first.clone() };
        let mut project = if first.runtime.starts_with("nodejs") {
            node::pack(self, functions, &code, names).await?
        } else {
            let (root, source, runtime) = (self.root.to_owned(), code.source, first.runtime.clone());
            let sources = if first.entry.is_source() { collect::included } else { collect::project };
            aside(move || sources(&root, &source, &runtime)).await?
        };
        let site = Site { search_path: self.search_path.as_deref(), tell: self.tell, scratch: &self.cache.deps };
        programs.place(&mut project.entries, first, names, &site).await?;
        if let Entry::Bootstrap(path) = &first.entry {
            bootstrap::place(&mut project.entries, self.root, first, path)?;
        }
        let served = self.static_files(first, &mut project, names).await?;
        let dependencies = self.python(first, names).await?;
        project.notes.extend(dependencies.notes);
        project.left_out.extend(dependencies.left_out);
        let mut merged = merge::merge(project, dependencies.entries);
        let (web, static_files) = served.map_or_else(|| (first.web.clone(), None), |it| (it.web, Some(it.files)));
        web::place(&mut merged.entries, &FunctionConfig { web, ..first.clone() }, self.bridge)?;
        for note in std::mem::take(&mut merged.notes) {
            self.note(names, &note);
        }
        let entries = merge::sorted(self.bytecode(first, merged.entries, names).await?)?;
        let checked = functions.iter().try_for_each(|function| handler::check(function, &entries));
        checked.map_err(|error| command::blame(error, &first.source))?;
        let (entries, automatic) =
            if first.source.layer { layers::split(&first.runtime, entries) } else { (entries, vec![]) };
        if first.source.layer && first.runtime.starts_with("nodejs") {
            // Node's handlers are looked for in the code only.
            functions.iter().try_for_each(|function| handler::check(function, &entries))?;
        }
        let drafts = self.layers(first, automatic, names).await?;
        layers::fits(first, &entries, &drafts)?;

        let _turn = self.archiving.lock().await;
        (self.tell)(Step::Archiving { functions: names.to_owned() });
        let (archive, entries) = self.archive(entries, names).await?;
        let layers = self.zip_layers(drafts).await?;
        Ok(Built { archive, entries, left_out: merged.left_out, layers, static_files })
    }

    /// Writes `entries`, which are `of` these functions, into a zip and tells how it grows.
    async fn archive(&self, entries: Vec<entry::Entry>, of: &str) -> Result<(Archive, Vec<entry::Entry>)> {
        let (grew, mut growing) = mpsc::unbounded_channel();
        let (cache, origin) = (self.cache.clone(), format!("{} {of}", self.root.display()));
        let written = aside(move || {
            // Nobody may be listening any more: then nobody wants to know.
            let grown = |file: &Path, written| drop(grew.send((file.to_owned(), written)));
            archive::write(&entries, &cache, &origin, &grown).map(|archive| (archive, entries))
        });
        let mut last = None;
        let listen = async {
            while let Some((file, written)) = growing.recv().await {
                last = Some(PathBuf::clone(&file));
                (self.tell)(Step::Growing { file, written });
            }
        };
        let (written, ()) = tokio::join!(written, listen);
        let (archive, entries) = written?;
        if let Some(file) = last {
            let (written, sha256) = (archive.zipped, archive.sha256.clone());
            (self.tell)(Step::Grown { file, written, sha256 });
        }
        for note in &archive.notes {
            self.note(of, note);
        }
        Ok((archive, entries))
    }

    /// Waits until nobody else makes the install `key`, and keeps others waiting as long as it is held.
    async fn turn(&self, key: &str) -> OwnedMutexGuard<()> {
        let turn = self.installs.lock().await.entry(key.to_owned()).or_default().clone();
        turn.lock_owned().await
    }

    /// Something worth knowing about these functions.
    fn note(&self, names: &str, what: &str) {
        (self.tell)(Step::Note(format!("{names}: {what}")));
    }
}

/// Runs what reads many files or computes for long where it holds up nobody.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.or_failed(|| "finish the packaging thread")?
}

#[cfg(test)]
mod tests;
