//! Entries → compressed entries, on all cores, handed on in order.
//!
//! Memory stays bounded: a worker takes the next entry only while the bytes between "being read"
//! and "handed on" fit a budget (one entry larger than it goes alone). Entries are taken and
//! handed on in the same order, so the one everybody waits for is always already being worked on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use libdeflater::{CompressionLvl, Compressor};

use super::entry::Entry;
use super::read;
use crate::error::{Error, Result};

/// Unpacked bytes under way at once; their compressed form comes on top.
const BUDGET: u64 = 48 << 20;

/// How an entry's bytes are stored: method numbers of the zip format.
pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// One entry's bytes as they stand in the zip.
#[derive(Debug)]
pub(super) struct Squeezed {
    /// `STORED` or `DEFLATED`.
    pub(super) method: u16,
    pub(super) data: Vec<u8>,
    /// Of the unpacked bytes.
    pub(super) crc32: u32,
    /// Bytes unpacked.
    pub(super) size: u64,
}

/// Reads and compresses all `entries`; `take` gets each in turn. The first error stops everything.
pub(super) fn in_order(entries: &[Entry], mut take: impl FnMut(&Entry, Squeezed) -> Result<()>) -> Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(entries.len().max(1));
    let desk = Desk::new(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| desk.work(entries));
        }
        let done = entries.iter().enumerate().try_for_each(|(index, entry)| {
            let squeezed = desk.wait_for(index)?;
            take(entry, squeezed)?;
            desk.hand_on(entry.size);
            Ok(())
        });
        desk.close();
        done
    })
}

/// Where workers pick up entries and leave results.
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Index of the entry taken next.
    next: usize,
    /// Unpacked bytes of all entries taken and not yet handed on.
    under_way: u64,
    ready: BTreeMap<usize, Result<Squeezed>>,
    /// Workers still at it.
    working: usize,
    /// Nobody wants more results.
    closed: bool,
}

impl Desk {
    fn new(working: usize) -> Self {
        let state = State { next: 0, under_way: 0, ready: BTreeMap::new(), working, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, entries: &[Entry]) {
        let _leaving = Leaving(self);
        // Level 6: about the size of `zip -6`, in a fraction of its time.
        let mut compressor = Compressor::new(CompressionLvl::default());
        while let Some((index, entry)) = self.pick_up(entries) {
            let result = read::bytes(entry).map(|bytes| squeeze(&mut compressor, bytes));
            self.lock().ready.insert(index, result);
            self.changed.notify_all();
        }
    }

    /// The next entry, as soon as the budget allows it.
    fn pick_up<'a>(&self, entries: &'a [Entry]) -> Option<(usize, &'a Entry)> {
        let mut state = self.lock();
        loop {
            let index = state.next;
            let entry = entries.get(index).filter(|_| !state.closed)?;
            if state.under_way == 0 || state.under_way + entry.size <= BUDGET {
                state.next += 1;
                state.under_way += entry.size;
                return Some((index, entry));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_for(&self, index: usize) -> Result<Squeezed> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.ready.remove(&index) {
                return result;
            }
            if state.working == 0 {
                return Err(Error::failed("a compression thread stopped unexpectedly")
                    .hint("this is a bug in rzap: please report it"));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hand_on(&self, size: u64) {
        self.lock().under_way -= size;
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// Signs a worker off however it ends, so that nobody waits for it.
struct Leaving<'a>(&'a Desk);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().working -= 1;
        self.0.changed.notify_all();
    }
}

/// Deflates `bytes`, or keeps them as they are when that is not smaller.
fn squeeze(compressor: &mut Compressor, bytes: Cow<'_, [u8]>) -> Squeezed {
    let crc32 = crc32fast::hash(&bytes);
    let size = bytes.len() as u64;
    // Room for one byte less than the input: what does not fit is not smaller.
    let mut data = vec![0; bytes.len().saturating_sub(1)];
    match compressor.deflate_compress(&bytes, &mut data) {
        Ok(length) => {
            data.truncate(length);
            data.shrink_to_fit();
            Squeezed { method: DEFLATED, data, crc32, size }
        }
        Err(libdeflater::CompressionError::InsufficientSpace) => {
            Squeezed { method: STORED, data: bytes.into_owned(), crc32, size }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn texts(sizes: &[usize]) -> Vec<Entry> {
        sizes.iter().map(|size| Entry::generated(&format!("{size}"), &"ab".repeat(size / 2))).collect()
    }

    #[test]
    fn results_come_in_order_whatever_their_size() {
        let entries = texts(&[3_000_000, 2, 100, 4_000_000, 0, 6, 1_000_000, 8]);
        let mut seen = vec![];
        in_order(&entries, |entry, squeezed| {
            seen.push((entry.path.clone(), squeezed.size));
            Ok(())
        })
        .unwrap();
        let expected: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.size)).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn entries_beyond_the_budget_go_through_one_by_one() {
        // Their walk saw sizes that fill the budget; what is read is small.
        let mut entries = texts(&[10, 20, 30, 40]);
        for entry in &mut entries {
            entry.size = BUDGET * 2;
        }
        let mut count = 0;
        in_order(&entries, |_, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, 4);
    }

    #[test]
    fn the_first_error_stops_everything() {
        let mut entries = texts(&[10; 50]);
        entries[3] = Entry::file("x".into(), "/nowhere".into(), 5, false, super::super::entry::Owner::Project);
        let mut count = 0;
        let error = in_order(&entries, |_, _| {
            count += 1;
            Ok(())
        });
        assert_eq!((error.unwrap_err().message.as_str(), count), ("cannot read /nowhere", 3));
        assert!(in_order(&texts(&[10; 50]), |_, _| Err(Error::failed("disk full"))).is_err());
    }

    #[test]
    fn what_does_not_get_smaller_is_stored() {
        let mut compressor = Compressor::new(CompressionLvl::default());
        assert_eq!(squeeze(&mut compressor, Cow::Borrowed(b"")).method, STORED);
        assert_eq!(squeeze(&mut compressor, Cow::Borrowed(b"a")).method, STORED);
        assert_eq!(squeeze(&mut compressor, Cow::Borrowed(&[7; 4096])).method, DEFLATED);
    }
}
