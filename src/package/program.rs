//! Runs programs of the user's: the project's own build, cargo, go.
//!
//! Each runs in a process group of its own and is ended with all that it started when nobody waits
//! for it any more, be it that another build failed or that somebody pressed Ctrl-C. What it writes
//! leaves line by line; nothing of it reaches rzap's stdout.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::error::Error;

/// Lines an error repeats of what the program said.
const LAST: usize = 20;

/// How long somebody may still write after the program has ended. (Whatever it left running in the
/// background may hold the pipe open for ever.)
const AFTERGLOW: Duration = Duration::from_millis(500);

/// How long programs have to clean up behind them before they are killed.
const GRACE: Duration = Duration::from_secs(2);

/// What becomes of the program's stdout; its stderr is always heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdout {
    /// Like stderr, in the order it was written.
    Heard,
    /// Kept for reading it.
    Kept,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    status: ExitStatus,
    /// With [`Stdout::Kept`].
    pub(super) stdout: Vec<u8>,
    /// The last lines that were heard.
    last: Vec<String>,
}

impl Ended {
    /// Whether it did what it should.
    pub(super) fn is_success(&self) -> bool {
        self.status.success()
    }

    /// The error it stands for: "`make` ended with exit code 2", and what it said last.
    pub(super) fn failure(&self, what: &str) -> Error {
        use std::os::unix::process::ExitStatusExt as _;
        let how = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "failed".to_owned(),
        };
        let mut error = Error::failed(format!("`{what}` {how}"));
        error.causes.clone_from(&self.last);
        error
    }
}

/// Runs `command` to its end; `hear` gets each line it writes.
pub(super) async fn run(
    mut command: Command,
    stdout: Stdout,
    hear: &(dyn Fn(&str) + Send + Sync),
) -> io::Result<Ended> {
    let (heard, writer) = io::pipe()?;
    command.process_group(0).stdin(Stdio::null()).stderr(writer.try_clone()?);
    match stdout {
        Stdout::Heard => command.stdout(writer),
        // Dropped, like `command` below: while we hold an end of the pipe, it has no end.
        Stdout::Kept => {
            drop(writer);
            command.stdout(Stdio::piped())
        }
    };
    let mut group = Group { child: command.spawn()? };
    drop(command);

    let kept = group.child.stdout.take();
    let mut last = VecDeque::new();
    let mut output = Vec::new();
    {
        let lines = listen(Receiver::from_owned_fd(heard.into())?, |line| {
            hear(line);
            if last.len() == LAST {
                last.pop_front();
            }
            last.push_back(line.to_owned());
        });
        let kept = async {
            if let Some(mut kept) = kept {
                // What cannot be read is missed by whoever looks for it.
                let _ = kept.read_to_end(&mut output).await;
            }
        };
        let mut reading = pin!(async { tokio::join!(lines, kept) });
        tokio::select! {
            ended = group.child.wait() => {
                ended?;
                let _ = timeout(AFTERGLOW, &mut reading).await;
            }
            _ = &mut reading => {}
        }
    }
    let status = group.child.wait().await?;
    Ok(Ended { status, stdout: output, last: last.into() })
}

async fn listen(from: impl AsyncRead + Unpin, mut hear: impl FnMut(&str)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        // Of a line that is drawn over and over only what stays counts.
        let text = text.trim_end().rsplit('\r').next().unwrap_or_default();
        if !text.is_empty() {
            hear(text);
        }
        line.clear();
    }
}

/// A program and all that it started. Dropping it ends them.
struct Group {
    child: Child,
}

impl Drop for Group {
    fn drop(&mut self) {
        // Without an id it has been waited for; what it left behind on purpose is not ours.
        let Some(group) = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let since = Instant::now();
        // The leader stays in its group until it has been waited for.
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) || test_kill_process_group(group).is_ok() {
            if since.elapsed() > GRACE {
                let _ = kill_process_group(group, Signal::KILL);
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// `line` without the user name and password a URL in it may carry.
pub(super) fn masked(line: &str) -> String {
    static CREDENTIALS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"://[^/@\s]+@").ok());
    CREDENTIALS.as_ref().map_or_else(String::new, |regex| regex.replace_all(line, "://****@").into_owned())
}

/// The executable `name` in one of the folders of `search_path` (the value of `PATH`).
pub(super) fn find(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(search_path?).map(|folder| folder.join(name)).find(is_executable)
}

#[cfg(test)]
pub(super) mod tests;
