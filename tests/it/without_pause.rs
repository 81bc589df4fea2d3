//! Clients that ask a URL without pause while something happens to what stands behind it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::http;
use crate::process::wait_for;

/// What the clients were answered (`200 body`, or why there was no answer), and how often.
pub(crate) type Answers = BTreeMap<String, usize>;

/// The answers as they come in.
#[derive(Default)]
pub(crate) struct Asked(Mutex<Answers>);

impl Asked {
    /// Waits until one of the clients has had this answer.
    pub(crate) fn until(&self, answer: &str) {
        let seen = || self.0.lock().expect("no client panics").contains_key(answer);
        wait_for(answer, Duration::from_secs(20), || seen().then_some(()));
    }

    fn add(&self, answer: String) {
        *self.0.lock().expect("no client panics").entry(answer).or_default() += 1;
    }
}

/// Runs `work` while so many clients ask, each its next request as soon as it has the last one's answer.
pub(crate) fn without_pause(url: &str, clients: usize, work: impl FnOnce(&Asked)) -> Answers {
    let (asked, done) = (Asked::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _end = End(&done);
        for _ in 0..clients {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    asked.add(match http::try_request("GET", url, &[], "") {
                        Ok(answer) => format!("{} {}", answer.status, answer.text()),
                        Err(error) => error,
                    });
                }
            });
        }
        work(&asked);
    });
    asked.0.into_inner().expect("no client panicked")
}

/// Ends the clients when it goes, also by a panic: the scope would wait for them for ever.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
