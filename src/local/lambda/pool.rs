//! Warm environments, and how many may run at once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::super::wire::Fault;
use super::environment::Environment;
use super::limits::ACCOUNT_CONCURRENCY;
use super::names::FunctionRef;
use super::worker::kill_group;

/// How long an environment stays warm without work. AWS does not say; minutes are usual.
const IDLE: Duration = Duration::from_mins(5);

/// The environments of all functions.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
    running: Arc<Mutex<Running>>,
    pub(super) registry: Arc<Registry>,
}

#[derive(Debug, Default)]
struct Idle {
    closed: bool,
    /// By build; the last one used is the first one reused.
    environments: HashMap<String, Vec<(Instant, Environment)>>,
}

#[derive(Debug, Default)]
struct Running {
    functions: HashMap<(String, String), u32>,
    /// Those of functions without a reservation, by region.
    unreserved: HashMap<String, u32>,
}

/// The right to run one more execution, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    running: Arc<Mutex<Running>>,
    function: (String, String),
    reserved: bool,
}

impl Pool {
    /// A place for one more execution, or AWS's 429. `reserved_in_all` is what the region has reserved.
    pub(super) fn acquire(&self, at: &FunctionRef, reserved: Option<u32>, reserved_in_all: u32) -> Result<Slot, Fault> {
        let function = (at.region.clone(), at.name.clone());
        let mut running = lock(&self.running);
        let own = running.functions.get(&function).copied().unwrap_or(0);
        if let Some(reserved) = reserved {
            if own >= reserved {
                return Err(throttled("ReservedFunctionConcurrentInvocationLimitExceeded"));
            }
        } else {
            let unreserved = running.unreserved.entry(at.region.clone()).or_default();
            if *unreserved >= ACCOUNT_CONCURRENCY.saturating_sub(reserved_in_all) {
                return Err(throttled("ConcurrentInvocationLimitExceeded"));
            }
            *unreserved += 1;
        }
        *running.functions.entry(function.clone()).or_default() += 1;
        Ok(Slot { running: Arc::clone(&self.running), function, reserved: reserved.is_some() })
    }

    /// How many executions there are: of the function, and in its region.
    pub(super) fn executions(&self, at: &FunctionRef) -> (u32, u32) {
        let running = lock(&self.running);
        let of_region = running.functions.iter().filter(|((region, _), _)| *region == at.region);
        let own = running.functions.get(&(at.region.clone(), at.name.clone())).copied().unwrap_or(0);
        (own, of_region.map(|(_, count)| count).sum())
    }

    /// A warm environment of this build.
    pub(super) fn take(&self, build: &str) -> Option<Environment> {
        let mut idle = lock(&self.idle);
        let waiting = idle.environments.get_mut(build)?;
        while let Some((_, mut environment)) = waiting.pop() {
            if environment.alive() {
                return Some(environment);
            }
        }
        None
    }

    /// Keeps an environment for the next invocation; after [`Self::close`] it ends here.
    pub(super) fn put(&self, build: &str, environment: Environment) {
        let mut idle = lock(&self.idle);
        if !idle.closed {
            idle.environments.entry(build.to_owned()).or_default().push((Instant::now(), environment));
        }
    }

    /// Ends the idle environments that are too old or of a build that is no longer there.
    pub(super) fn tidy(&self, builds: &HashSet<String>) {
        lock(&self.idle).environments.retain(|build, waiting| {
            waiting.retain(|(since, _)| since.elapsed() < IDLE);
            builds.contains(build) && !waiting.is_empty()
        });
    }

    /// Kills every worker, busy ones too, and keeps none from now on.
    pub(super) fn close(&self) {
        {
            let mut idle = lock(&self.idle);
            idle.closed = true;
            idle.environments.clear();
        }
        self.registry.kill_all();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        if !self.reserved
            && let Some(count) = running.unreserved.get_mut(&self.function.0)
        {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = running.functions.get_mut(&self.function) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Every live worker's process group, so that stopping reaches the busy ones too.
#[derive(Debug)]
pub(super) struct Registry {
    /// `None` once all were killed: then nothing may live any more.
    groups: Mutex<Option<HashSet<Pid>>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { groups: Mutex::new(Some(HashSet::new())) }
    }
}

impl Registry {
    pub(super) fn add(&self, group: Pid) {
        match lock(&self.groups).as_mut() {
            Some(groups) => drop(groups.insert(group)),
            None => kill_group(group),
        }
    }

    /// Kills a group once: afterwards its number may belong to somebody else.
    pub(super) fn kill(&self, group: Pid) {
        if lock(&self.groups).as_mut().is_some_and(|groups| groups.remove(&group)) {
            kill_group(group);
        }
    }

    fn kill_all(&self) {
        for group in lock(&self.groups).take().into_iter().flatten() {
            kill_group(group);
        }
    }
}

fn throttled(reason: &'static str) -> Fault {
    Fault::new(429, "TooManyRequestsException", "Rate Exceeded.").member("Reason", reason).member("Type", "User")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_reservation_is_a_limit_and_a_slot_is_given_back() {
        let pool = Pool::default();
        let at = FunctionRef { region: "eu-west-1".into(), name: "web".into(), qualifier: None };
        let first = pool.acquire(&at, Some(1), 1).unwrap();
        let fault = pool.acquire(&at, Some(1), 1).unwrap_err();
        assert_eq!((fault.status, fault.code), (429, "TooManyRequestsException"));
        assert_eq!(fault.extra[0], ("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded".to_owned()));
        drop(first);
        let _again = pool.acquire(&at, Some(1), 1).unwrap();
        assert!(pool.acquire(&at, Some(0), 0).is_err());
    }

    #[test]
    fn what_is_reserved_is_missing_for_the_others() {
        let pool = Pool::default();
        let at = FunctionRef { region: "eu-west-1".into(), name: "web".into(), qualifier: None };
        let _one = pool.acquire(&at, None, 999).unwrap();
        assert_eq!(pool.acquire(&at, None, 999).unwrap_err().extra[0].1, "ConcurrentInvocationLimitExceeded");
        let elsewhere = FunctionRef { region: "us-east-1".into(), ..at };
        assert!(pool.acquire(&elsewhere, None, 999).is_ok());
    }
}
