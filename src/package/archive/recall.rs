//! What is known of a package's entries before any of them is compressed.
//!
//! A file nobody touched is not read; one whose content stands in an earlier zip is not compressed; and
//! when everything is as in an earlier package, that package is taken as it is. The cost of looking is
//! kept below what it can save: indexes are read as long as compressing what is still missing would
//! take longer.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::super::cache::{self, Cache};
use super::super::entry::{Content, Entry, Owner};
use super::compress::{Made, Plan};
use super::content::{FORM, Id, PIECE, PiecesId, id_of};
use super::packs::{self, Kept, Pack};
use super::read::{self, State};
use super::secrets::{OVERLAP, Traces};
use super::stats::{Seen, Stats};
use crate::error::Result;

/// How many indexes are looked into, at most.
const MOST_INDEXES: usize = 50;

/// See the head of this file.
pub(super) struct Recall<'a> {
    cache: &'a Cache,
    pub(super) plans: Vec<Plan<'a>>,
    /// Of each entry, as far as known.
    known: Vec<Option<Known>>,
    books: Books<'a>,
    /// Something that was kept is not what it was.
    pub(super) found_damage: bool,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    id: Id,
    is_clean: bool,
}

/// A package that was made before.
pub(super) struct Whole {
    pub(super) file: PathBuf,
    pub(super) sha256: Id,
    /// Bytes.
    pub(super) zipped: u64,
    pub(super) unzipped: u64,
    /// Bytes of each entry in the zip.
    pub(super) packed: Vec<u64>,
}

impl<'a> Recall<'a> {
    /// Looks at the files of `entries` and into the earlier zips. `origin` is a name for where the
    /// entries come from, the same each time.
    pub(super) fn new(entries: &'a [Entry], cache: &'a Cache, origin: &str) -> Result<Self> {
        let mut books = Books::new(cache, origin);
        let (mut plans, mut known) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for entry in entries {
            let (state, found) = match &entry.content {
                Content::Text(text) => (None, Some(Known { id: id_of(text), is_clean: false })),
                Content::File(path) => {
                    let state = State::of(path).map_err(|error| read::failed(path, &error))?;
                    let seen = books.of(path).find(path, &state);
                    // What was packed because the user asked for it may hold a secret.
                    let usable = seen.filter(|seen| seen.is_clean || entry.owner != Owner::Project);
                    (Some(state), usable.map(|seen| Known { id: seen.id, is_clean: seen.is_clean }))
                }
            };
            plans.push(Plan { entry, state, kept: None });
            known.push(found);
        }
        let mut recall = Self { cache, plans, known, books, found_damage: false };
        let (packs, maybe) = recall.find_packs();
        recall.identify(&maybe, &packs)?;
        recall.verify_large();
        Ok(recall)
    }

    /// Looks into the indexes for what is known, and for what is not known but has a size that occurs.
    fn find_packs(&mut self) -> (Vec<Arc<Pack>>, Vec<usize>) {
        let mut missing: u64 = self.plans.iter().map(Plan::size).sum();
        let (mut packs, mut maybe) = (Vec::new(), HashSet::new());
        for (index, size) in packs::indexes(&self.cache.zips).into_iter().take(MOST_INDEXES) {
            // An index is read and searched about twice as fast as its size in files is compressed.
            if missing <= size / 2 {
                break;
            }
            let Some(pack) = Pack::open(&index).map(Arc::new) else { continue };
            let sizes = if self.known.iter().any(Option::is_none) { pack.sizes() } else { HashSet::new() };
            let mut is_useful = false;
            for (index, (plan, known)) in self.plans.iter_mut().zip(&self.known).enumerate() {
                let hit = match known {
                    Some(_) if plan.kept.is_some() => false,
                    Some(known) => {
                        let record = pack.find(&known.id);
                        plan.kept = record.map(|record| Kept { pack: pack.clone(), record, is_verified: false });
                        plan.kept.is_some()
                    }
                    None => sizes.contains(&plan.size()) && maybe.insert(index),
                };
                if hit {
                    is_useful = true;
                    missing = missing.saturating_sub(plan.size());
                }
            }
            if is_useful {
                packs.push(pack);
            }
        }
        let mut maybe: Vec<usize> = maybe.into_iter().collect();
        maybe.sort_unstable();
        (packs, maybe)
    }

    /// Reads the files that may be known under another name or time, and finds them in `packs`.
    fn identify(&mut self, which: &[usize], packs: &[Arc<Pack>]) -> Result<()> {
        let next = AtomicUsize::new(0);
        let plans = &self.plans;
        let work = || -> Result<Vec<(usize, Known)>> {
            let (mut bytes, mut found) = (Vec::new(), Vec::new());
            while let Some(index) = which.get(next.fetch_add(1, Ordering::Relaxed)) {
                let plan = &plans[*index];
                if let Some(id) = identity(plan, &mut bytes)? {
                    found.push((*index, Known { id, is_clean: plan.entry.owner == Owner::Project }));
                }
            }
            Ok(found)
        };
        let workers = thread::available_parallelism().map_or(1, usize::from).min(which.len());
        let found = thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            // A thread that ended badly found nothing: its files are compressed.
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Result<Vec<_>>>()
        })?;
        for (index, known) in found.into_iter().flatten() {
            self.known[index] = Some(known);
            let record = packs.iter().find_map(|pack| Some((pack, pack.find(&known.id)?)));
            self.plans[index].kept =
                record.map(|(pack, record)| Kept { pack: pack.clone(), record, is_verified: false });
        }
        Ok(())
    }

    /// Large ones are not held in memory, so whether they are whole has to be known before they are
    /// written on.
    fn verify_large(&mut self) {
        for plan in &mut self.plans {
            if let Some(kept) = &mut plan.kept
                && kept.record.size > PIECE
            {
                kept.is_verified = kept.verify().is_ok();
                if !kept.is_verified {
                    plan.kept = None;
                    self.found_damage = true;
                }
            }
        }
    }

    /// The earlier package that is made of just these entries, if it is there and whole.
    pub(super) fn whole(&mut self) -> Option<Whole> {
        let ids = self.known.iter().map(|known| known.map(|known| known.id)).collect::<Option<Vec<Id>>>()?;
        let recipe = recipe(self.plans.iter().map(|plan| plan.entry).zip(&ids));
        let index = self.cache.zips.join(format!("{}{}", hex::encode(recipe), packs::ENDING));
        let pack = Pack::open(&index).filter(|pack| pack.recipe == recipe)?;
        let records: Vec<_> = ids.iter().map(|id| pack.find(id)).collect::<Option<_>>()?;
        let Ok((sha256, zipped)) = sha256_of(&pack.zip) else { return None };
        if sha256 != pack.sha256 {
            self.found_damage = true;
            return None;
        }
        cache::touch(&pack.zip);
        cache::touch(&index);
        Some(Whole {
            file: pack.zip.clone(),
            sha256,
            zipped,
            unzipped: records.iter().map(|record| record.size).sum(),
            packed: records.iter().map(|record| record.packed).collect(),
        })
    }

    /// Notes how the entry `index` came out.
    pub(super) fn learn(&mut self, index: usize, made: &Made) {
        self.found_damage |= made.was_damaged;
        if let Some(state) = made.read {
            let is_clean = self.plans[index].entry.owner == Owner::Project;
            self.known[index] = Some(Known { id: made.squeezed.id, is_clean });
            self.plans[index].state = Some(state);
        }
    }

    /// What the package was made of; all entries have been learned.
    pub(super) fn recipe(&self) -> Option<Id> {
        let ids = self.known.iter().map(|known| known.map(|known| known.id)).collect::<Option<Vec<Id>>>()?;
        Some(recipe(self.plans.iter().map(|plan| plan.entry).zip(&ids)))
    }

    /// Writes down what the files are, for the next time.
    pub(super) fn save(mut self) {
        for (plan, known) in self.plans.iter().zip(&self.known) {
            if let (Content::File(path), Some(state), Some(Known { id, is_clean })) =
                (&plan.entry.content, plan.state, *known)
            {
                self.books.note(path, Seen { state, id, is_clean });
            }
        }
        self.books.save();
    }
}

/// What a zip is made of: form, paths, modes and contents. The same recipe gives the same zip.
fn recipe<'a>(parts: impl Iterator<Item = (&'a Entry, &'a Id)>) -> Id {
    let mut hash = blake3::Hasher::new();
    hash.update(&id_of(FORM.as_bytes()));
    for (entry, id) in parts {
        hash.update(&(entry.path.len() as u64).to_le_bytes());
        hash.update(entry.path.as_bytes());
        hash.update(&entry.mode().to_le_bytes());
        hash.update(id);
    }
    hash.finalize().into()
}

/// The id of the plan's file, checked for secrets when it is the user's own; `None` when it has changed.
fn identity(plan: &Plan<'_>, bytes: &mut Vec<u8>) -> Result<Option<Id>> {
    let (Content::File(path), Some(state)) = (&plan.entry.content, &plan.state) else { return Ok(None) };
    let is_own = plan.entry.owner == Owner::Project;
    if state.size <= PIECE {
        let read = read::whole(path, bytes)?;
        if is_own {
            read::check(plan.entry, Traces::of(bytes))?;
        }
        return Ok((read == *state).then(|| id_of(bytes)));
    }
    let (mut id, mut traces, mut from) = (PiecesId::new(), Traces::default(), 0);
    while from < state.size {
        let (before, end) = (if is_own { from.min(OVERLAP) } else { 0 }, state.size.min(from + PIECE));
        read::piece(path, state, from - before..end, bytes)?;
        if is_own {
            traces = traces.with(Traces::of_piece(bytes));
        }
        id.add(&id_of(&bytes[usize::try_from(before).unwrap_or(0)..]));
        from = end;
    }
    read::check(plan.entry, traces)?;
    Ok(Some(id.finish()))
}

fn sha256_of(file: &Path) -> io::Result<(Id, u64)> {
    let mut hash = Sha256::new();
    let mut file = File::open(file)?;
    let (mut part, mut length) = (vec![0; 256 << 10], 0);
    loop {
        match io::Read::read(&mut file, &mut part)? {
            0 => return Ok((hash.finalize().into(), length)),
            count => {
                hash.update(&part[..count]);
                length += count as u64;
            }
        }
    }
}

/// The stats of all files: one book for the project, one for each install of dependencies.
struct Books<'a> {
    cache: &'a Cache,
    origin: String,
    /// A moment before any file was looked at.
    now: SystemTime,
    open: BTreeMap<String, Stats>,
}

impl<'a> Books<'a> {
    fn new(cache: &'a Cache, origin: &str) -> Self {
        Self { cache, origin: format!("project {origin}"), now: SystemTime::now(), open: BTreeMap::new() }
    }

    /// The one `path` stands in.
    fn of(&mut self, path: &Path) -> &mut Stats {
        let install = path.strip_prefix(&self.cache.deps).ok().and_then(|inside| inside.iter().next());
        let name = match install {
            Some(install) => format!("install {}", install.display()),
            None => self.origin.clone(),
        };
        let folder = &self.cache.stats;
        self.open.entry(name).or_insert_with_key(|name| Stats::open(folder, name))
    }

    fn note(&mut self, path: &Path, seen: Seen) {
        let now = self.now;
        self.of(path).note(path, seen, now);
    }

    fn save(self) {
        self.open.into_values().for_each(Stats::save);
    }
}
