//! Where workers pick up jobs and leave results.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Output;
use crate::error::{Error, Result};

/// Bytes under way at once.
pub(super) const BUDGET: u64 = 48 << 20;

pub(super) struct Desk {
    /// Of each job.
    weights: Vec<u64>,
    state: Mutex<State>,
    /// A job may be picked up.
    free: Condvar,
    /// A result is there.
    ready: Condvar,
}

struct State {
    /// Index of the job taken next.
    next: usize,
    /// Weight of all jobs taken and not yet handed on.
    under_way: u64,
    ready: BTreeMap<usize, Result<Output>>,
    /// Workers still at it.
    working: usize,
    /// Nobody wants more results.
    closed: bool,
}

impl Desk {
    /// For so many workers and jobs of these weights.
    pub(super) fn new(working: usize, weights: Vec<u64>) -> Self {
        let state = State { next: 0, under_way: 0, ready: BTreeMap::new(), working, closed: false };
        Self { weights, state: Mutex::new(state), free: Condvar::new(), ready: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does jobs until there are no more.
    pub(super) fn work(&self, mut job: impl FnMut(usize) -> Result<Output>) {
        let _leaving = Leaving(self);
        while let Some(index) = self.pick_up() {
            let result = job(index);
            self.lock().ready.insert(index, result);
            self.ready.notify_all();
        }
    }

    /// The next job, as soon as the budget allows it.
    fn pick_up(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            let index = state.next;
            let weight = *self.weights.get(index).filter(|_| !state.closed)?;
            if state.under_way == 0 || state.under_way + weight <= BUDGET {
                state.next += 1;
                state.under_way += weight;
                return Some(index);
            }
            state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The result of a job; each can be had once.
    pub(super) fn wait_for(&self, index: usize) -> Result<Output> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.ready.remove(&index) {
                return result;
            }
            if state.working == 0 {
                return Err(Error::failed("a compression thread stopped unexpectedly")
                    .hint("this is a bug in rzap: please report it"));
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The job's result is no longer in memory.
    pub(super) fn hand_on(&self, index: usize) {
        self.lock().under_way -= self.weights[index];
        self.free.notify_all();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.free.notify_all();
    }
}

/// Signs a worker off however it ends, so that nobody waits for it.
struct Leaving<'a>(&'a Desk);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().working -= 1;
        self.0.ready.notify_all();
    }
}
