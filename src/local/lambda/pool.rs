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
    /// What is to be ready at any time, by build.
    provisions: Mutex<HashMap<String, Ready>>,
    pub(super) registry: Arc<Registry>,
}

/// The processes of one build that are ready at any time.
#[derive(Debug, Default)]
struct Ready {
    wanted: u32,
    starting: u32,
    /// One of them did not get through its initialisation.
    failed: bool,
    /// Every ticket is a further reference.
    tickets: Arc<()>,
}

impl Ready {
    fn alive(&self) -> u32 {
        u32::try_from(Arc::strong_count(&self.tickets) - 1).unwrap_or(u32::MAX)
    }
}

/// Makes an environment one of those that are ready at any time, for as long as it lives.
#[derive(Debug)]
pub(super) struct Ticket(#[expect(dead_code, reason = "it is counted")] Arc<()>);

/// How far a provision has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Provision {
    pub(super) ready: u32,
    pub(super) failed: bool,
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
        while !waiting.is_empty() {
            // Those that are ready at any time come first: they cost whether they work or not.
            let ready = waiting.iter().rposition(|(_, environment)| environment.ticket.is_some());
            let (_, mut environment) = waiting.remove(ready.unwrap_or(waiting.len() - 1));
            if environment.alive() {
                return Some(environment);
            }
        }
        None
    }

    /// Takes down what is to be ready at any time, by build, ends what is too much of it, and says how many are
    /// to be started: whoever asks starts them and hands them to [`Self::provided`].
    pub(super) fn provision(&self, wanted: &HashMap<String, u32>) -> Vec<(String, u32)> {
        let mut provisions = lock(&self.provisions);
        provisions.retain(|build, _| wanted.contains_key(build));
        for (build, count) in wanted {
            provisions.entry(build.clone()).or_default().wanted = *count;
        }
        let mut idle = lock(&self.idle);
        for (build, waiting) in &mut idle.environments {
            waiting.retain_mut(|(_, environment)| environment.ticket.is_none() || environment.alive());
            let most = wanted.get(build).copied().unwrap_or(0);
            let alive = provisions.get(build).map_or(u32::MAX, Ready::alive);
            let mut surplus = alive.saturating_sub(most);
            waiting.retain(|(_, environment)| {
                let goes = environment.ticket.is_some() && surplus > 0;
                surplus -= u32::from(goes);
                !goes
            });
        }
        let mut missing = Vec::new();
        for (build, ready) in provisions.iter_mut().filter(|(_, ready)| !ready.failed) {
            let more = ready.wanted.saturating_sub(ready.alive() + ready.starting);
            ready.starting += more;
            missing.push((build.clone(), more));
        }
        missing
    }

    /// One of those that [`Self::provision`] asked for; `None`, or one without a process, has failed.
    pub(super) fn provided(&self, build: &str, environment: Option<Environment>) {
        let started = environment.and_then(|mut environment| environment.alive().then_some(environment));
        let ticket = {
            let mut provisions = lock(&self.provisions);
            // Nobody wants it any more.
            let Some(ready) = provisions.get_mut(build) else { return };
            ready.starting = ready.starting.saturating_sub(1);
            ready.failed |= started.is_none();
            Ticket(Arc::clone(&ready.tickets))
        };
        if let Some(mut environment) = started {
            environment.ticket = Some(ticket);
            self.put(build, environment);
        }
    }

    /// Lets what has failed be tried again.
    pub(super) fn forgive(&self, build: &str) {
        if let Some(ready) = lock(&self.provisions).get_mut(build) {
            ready.failed = false;
        }
    }

    /// How far a build's provision has come.
    pub(super) fn provision_of(&self, build: &str) -> Provision {
        let provisions = lock(&self.provisions);
        provisions
            .get(build)
            .map_or_else(Provision::default, |ready| Provision { ready: ready.alive(), failed: ready.failed })
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
            waiting.retain(|(since, environment)| environment.ticket.is_some() || since.elapsed() < IDLE);
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
