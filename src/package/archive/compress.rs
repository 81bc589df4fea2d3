//! Entries → compressed entries, on all cores, handed on in order.
//!
//! What is known already is taken from where it is kept; the rest is read and deflated. Small files are
//! worked on in batches, large ones in pieces, so that no core is left alone with a last large file, and
//! the cut depends on sizes only: the bytes are the same on any number of cores.
//!
//! Memory stays bounded: a worker takes the next job only while the bytes between "being read" and
//! "handed on" fit a budget. Jobs are taken and handed on in the same order, so the one everybody
//! waits for is always already being worked on. The pieces of one file are collected in a file beside
//! the zip, because its size has to be known before its first byte can be written.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use libdeflater::{CompressionLvl, Compressor};

use self::desk::Desk;
use self::pieces::{Collector, Piece};
use super::super::entry::{Content, Entry, Owner};
use super::content::{DEFLATED, Data, PIECE, STORED, Squeezed, id_of};
use super::packs::Kept;
use super::read::{self, State};
use super::secrets::Traces;
use crate::error::{Error, Result};

mod desk;
mod pieces;

/// One entry, and what is known of it before it is read.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) entry: &'a Entry,
    /// Its file's; `None` when it has none.
    pub(super) state: Option<State>,
    /// Its compressed bytes.
    pub(super) kept: Option<Kept>,
}

impl Plan<'_> {
    /// Bytes unpacked, as far as known.
    pub(super) fn size(&self) -> u64 {
        self.state.map_or(self.entry.size, |state| state.size)
    }

    /// Roughly how much memory and work it takes, in bytes.
    fn weight(&self) -> u64 {
        const LEAST: u64 = 4 << 10;
        LEAST + self.kept.as_ref().map_or_else(|| self.size(), |kept| kept.record.packed.min(PIECE))
    }
}

/// How an entry came out.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) squeezed: Squeezed,
    /// Of the file that was read for it; `None` when none was.
    pub(super) read: Option<State>,
    /// What was kept of it had been damaged.
    pub(super) was_damaged: bool,
}

/// What one worker does at a time.
#[derive(Debug, PartialEq, Eq)]
enum Job {
    /// These plans, one after the other.
    Batch(Range<usize>),
    /// A part of this plan's file.
    Piece { plan: usize, part: Range<u64>, is_last: bool },
}

enum Output {
    Batch(Vec<Made>),
    Piece(Piece),
}

/// How many bytes a batch has, unless its last file brings more.
const BATCH: u64 = 256 << 10;

/// Cuts the work into jobs, with the weight of each.
fn jobs(plans: &[Plan<'_>]) -> Vec<(Job, u64)> {
    let mut jobs = Vec::new();
    let mut open: Option<(Range<usize>, u64)> = None;
    for (index, plan) in plans.iter().enumerate() {
        if plan.kept.is_none() && plan.size() > PIECE && matches!(plan.entry.content, Content::File(_)) {
            jobs.extend(open.take().map(|(range, weight)| (Job::Batch(range), weight)));
            let mut from = 0;
            while from < plan.size() {
                let part = from..plan.size().min(from + PIECE);
                let weight = part.end - part.start;
                from = part.end;
                jobs.push((Job::Piece { plan: index, part, is_last: from == plan.size() }, weight));
            }
            continue;
        }
        let (range, weight) = open.get_or_insert((index..index, 0));
        range.end = index + 1;
        *weight += plan.weight();
        if *weight >= BATCH {
            jobs.extend(open.take().map(|(range, weight)| (Job::Batch(range), weight)));
        }
    }
    jobs.extend(open.map(|(range, weight)| (Job::Batch(range), weight)));
    jobs
}

/// Reads and compresses all `plans`; `take` gets each in turn, with its index. `folder` takes what is
/// too large for memory. The first error stops everything.
pub(super) fn in_order(plans: &[Plan<'_>], folder: &Path, take: impl FnMut(usize, Made) -> Result<()>) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    on_cores(cores, plans, folder, take)
}

fn on_cores(
    cores: usize,
    plans: &[Plan<'_>],
    folder: &Path,
    mut take: impl FnMut(usize, Made) -> Result<()>,
) -> Result<()> {
    let jobs = jobs(plans);
    let workers = cores.min(jobs.len()).max(1);
    let desk = Desk::new(workers, jobs.iter().map(|(_, weight)| *weight).collect());
    let mut run = |collector: &mut Collector<'_>| {
        for (index, (job, _)) in jobs.iter().enumerate() {
            match (job, desk.wait_for(index)?) {
                (Job::Batch(range), Output::Batch(made)) => {
                    range.clone().zip(made).try_for_each(|(plan, made)| take(plan, made))?;
                }
                (Job::Piece { plan, .. }, Output::Piece(piece)) => {
                    if let Some(made) = collector.add(&plans[*plan], &piece)? {
                        take(*plan, made)?;
                    }
                }
                _ => {
                    return Err(
                        Error::failed("compression lost its order").hint("this is a bug in rzap: please report it")
                    );
                }
            }
            desk.hand_on(index);
        }
        Ok(())
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // Level 6: see the table in benches/README.md.
                let mut worker = Worker::new();
                desk.work(|index| worker.output(plans, &jobs[index].0));
            });
        }
        let done = run(&mut Collector::new(folder));
        desk.close();
        done
    })
}

/// A thread's tools, used for one file after the other.
struct Worker {
    compressor: Compressor,
    read: Vec<u8>,
    packed: Vec<u8>,
}

impl Worker {
    fn new() -> Self {
        Self { compressor: Compressor::new(CompressionLvl::default()), read: Vec::new(), packed: Vec::new() }
    }

    fn output(&mut self, plans: &[Plan<'_>], job: &Job) -> Result<Output> {
        match job {
            Job::Batch(range) => {
                let made: Result<Vec<Made>> = plans[range.clone()].iter().map(|plan| self.make(plan)).collect();
                Ok(Output::Batch(made?))
            }
            Job::Piece { plan, part, is_last } => {
                let plan = &plans[*plan];
                let piece = pieces::make(plan, part, *is_last, &mut self.read, |bytes| {
                    let length = deflate(&mut self.compressor, bytes, &mut self.packed)?;
                    Some(self.packed[..length].to_vec())
                });
                Ok(Output::Piece(piece?))
            }
        }
    }

    fn make(&mut self, plan: &Plan<'_>) -> Result<Made> {
        let mut was_damaged = false;
        if let Some(kept) = &plan.kept {
            if let Some(squeezed) = kept.squeezed() {
                return Ok(Made { squeezed, read: None, was_damaged });
            }
            was_damaged = true;
        }
        let (bytes, read) = match &plan.entry.content {
            Content::Text(text) => (text.as_slice(), None),
            Content::File(path) => {
                let state = read::whole(path, &mut self.read)?;
                (self.read.as_slice(), Some(state))
            }
        };
        if plan.entry.owner == Owner::Project {
            read::check(plan.entry, Traces::of(bytes))?;
        }
        let squeezed = squeeze(&mut self.compressor, bytes, &mut self.packed);
        Ok(Made { squeezed, read, was_damaged })
    }
}

/// Deflates `bytes` into `packed`, which grows as needed. Gives the length of it.
fn deflate(compressor: &mut Compressor, bytes: &[u8], packed: &mut Vec<u8>) -> Option<usize> {
    let room = compressor.deflate_compress_bound(bytes.len());
    if packed.len() < room {
        packed.resize(room, 0);
    }
    compressor.deflate_compress(bytes, packed).ok()
}

/// Deflates `bytes`, or keeps them as they are when that is not smaller.
fn squeeze(compressor: &mut Compressor, bytes: &[u8], packed: &mut Vec<u8>) -> Squeezed {
    let length = deflate(compressor, bytes, packed).filter(|length| *length < bytes.len());
    let (method, data) = match length {
        Some(length) => (DEFLATED, packed[..length].to_vec()),
        None => (STORED, bytes.to_vec()),
    };
    Squeezed {
        id: id_of(bytes),
        method,
        check: id_of(&data),
        data: Data::Memory(data),
        crc32: crc32fast::hash(bytes),
        size: bytes.len() as u64,
    }
}

/// A file without a name, for bytes that are only passed on.
fn nameless(folder: &Path) -> Result<Arc<File>> {
    tempfile::tempfile_in(folder).map(Arc::new).map_err(|error| super::failed(folder, &error))
}

#[cfg(test)]
mod tests;
