//! A large file: compressed piece by piece, put together in order.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::super::super::archive;
use super::super::super::entry::{Content, Owner};
use super::super::content::{DEFLATED, Data, Id, PiecesId, STORED, Squeezed, id_of};
use super::super::join;
use super::super::read;
use super::super::secrets::{OVERLAP, Traces};
use super::{Made, Plan, nameless};
use crate::error::{Error, Result};

/// One piece, compressed.
pub(super) struct Piece {
    data: Vec<u8>,
    id: Id,
    crc: crc32fast::Hasher,
    traces: Traces,
    is_last: bool,
}

/// Reads a part of the plan's file into `bytes` and compresses it. `deflate` gives the compressed bytes.
pub(super) fn make(
    plan: &Plan<'_>,
    part: &Range<u64>,
    is_last: bool,
    bytes: &mut Vec<u8>,
    mut deflate: impl FnMut(&[u8]) -> Option<Vec<u8>>,
) -> Result<Piece> {
    let (Content::File(path), Some(state)) = (&plan.entry.content, &plan.state) else {
        return Err(bug("a piece of what is no file"));
    };
    let is_own = plan.entry.owner == Owner::Project;
    let before = if is_own { part.start.min(OVERLAP) } else { 0 };
    read::piece(path, state, part.start - before..part.end, bytes)?;
    let traces = if is_own { Traces::of_piece(bytes) } else { Traces::default() };
    let bytes = &bytes[usize::try_from(before).unwrap_or(0)..];
    let mut data = deflate(bytes).ok_or_else(|| bug("a piece did not fit its room"))?;
    if !is_last {
        join::open_end(&mut data).ok_or_else(|| bug("a piece was compressed to no stream"))?;
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(bytes);
    Ok(Piece { data, id: id_of(bytes), crc, traces, is_last })
}

/// Puts pieces together, one file after the other.
pub(super) struct Collector<'a> {
    folder: &'a Path,
    open: Option<Collection>,
}

struct Collection {
    file: Arc<File>,
    length: u64,
    id: PiecesId,
    crc: crc32fast::Hasher,
    check: blake3::Hasher,
    traces: Traces,
}

impl<'a> Collector<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, open: None }
    }

    /// Takes the next piece of the plan's file; gives the whole after the last one.
    pub(super) fn add(&mut self, plan: &Plan<'_>, piece: &Piece) -> Result<Option<Made>> {
        let mut collection = match self.open.take() {
            Some(collection) => collection,
            None => Collection::new(nameless(self.folder)?),
        };
        collection.add(piece).map_err(|error| archive::failed(self.folder, &error))?;
        read::check(plan.entry, collection.traces)?;
        if !piece.is_last {
            self.open = Some(collection);
            return Ok(None);
        }
        let squeezed = collection.finish(plan, self.folder)?;
        Ok(Some(Made { squeezed, read: plan.state, was_damaged: plan.kept.is_some() }))
    }
}

impl Collection {
    fn new(file: Arc<File>) -> Self {
        Self {
            file,
            length: 0,
            id: PiecesId::new(),
            crc: crc32fast::Hasher::new(),
            check: blake3::Hasher::new(),
            traces: Traces::default(),
        }
    }

    fn add(&mut self, piece: &Piece) -> io::Result<()> {
        self.file.as_ref().write_all(&piece.data)?;
        self.length += piece.data.len() as u64;
        self.id.add(&piece.id);
        self.crc.combine(&piece.crc);
        self.check.update(&piece.data);
        self.traces = self.traces.with(piece.traces);
        Ok(())
    }

    fn finish(self, plan: &Plan<'_>, folder: &Path) -> Result<Squeezed> {
        let size = plan.size();
        let crc32 = self.crc.finalize();
        let id = self.id.finish();
        if self.length < size {
            let data = Data::File { file: self.file, offset: 0, length: self.length };
            return Ok(Squeezed { id, method: DEFLATED, data, check: self.check.finalize().into(), crc32, size });
        }
        // Not smaller: stored as it is. That is rare enough to read it a second time.
        let Content::File(path) = &plan.entry.content else { return Err(bug("a piece of what is no file")) };
        let mut source = File::open(path).map_err(|error| read::failed(path, &error))?;
        let file = nameless(folder)?;
        let (mut crc, mut check, mut length) = (crc32fast::Hasher::new(), blake3::Hasher::new(), 0);
        let mut part = vec![0; 1 << 20];
        loop {
            let count = source.read(&mut part).map_err(|error| read::failed(path, &error))?;
            if count == 0 {
                break;
            }
            crc.update(&part[..count]);
            check.update(&part[..count]);
            length += count as u64;
            file.as_ref().write_all(&part[..count]).map_err(|error| archive::failed(folder, &error))?;
        }
        if (crc.finalize(), length) != (crc32, size) {
            return Err(read::changing(path));
        }
        let data = Data::File { file, offset: 0, length };
        Ok(Squeezed { id, method: STORED, data, check: check.finalize().into(), crc32, size })
    }
}

fn bug(what: &str) -> Error {
    Error::failed(what).hint("this is a bug in rzap: please report it")
}
