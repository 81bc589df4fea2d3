//! Child processes with a deadline, and a keeper that ends what must not outlive a test.

use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often something is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(5);

/// Calls `look` until it gives something, at most for `limit`.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}, in vain", limit.as_secs());
        std::thread::sleep(POLL);
    }
}

/// What a process left behind.
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// A process whose output is being read; it is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
}

impl Running {
    /// Starts a command with both streams read and `stdin` given to it.
    pub(crate) fn start(command: &mut Command, stdin: Option<Vec<u8>>) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A process that does not read its input is free not to.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let stdout = Reader::new(child.stdout.take().expect("stdout is piped"));
        let stderr = Reader::new(child.stderr.take().expect("stderr is piped"));
        Self { child, stdout, stderr }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, if the process is still there.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.child.try_wait().expect("the child can be looked at").is_none() {
            let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
            kill_process(pid, signal).expect("the signal is sent");
        }
    }

    /// Waits until stdout or stderr has `text` in it; `false` when the process ended without saying it.
    pub(crate) fn says(&mut self, text: &str) -> bool {
        let limit = Duration::from_mins(1);
        wait_for(&format!("the process to say `{text}`"), limit, || {
            let ended = self.child.try_wait().expect("the child can be looked at").is_some();
            let said = self.stdout.has(text) || self.stderr.has(text);
            (said || ended).then_some(said)
        })
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self, limit: Duration) -> Done {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let said =
                    [self.stdout.text(), self.stderr.text()].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                panic!("not done after {} s\n--- stdout\n{}\n--- stderr\n{}", limit.as_secs(), said[0], said[1]);
            }
            std::thread::sleep(POLL);
        };
        Done { status, stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Done {
    Running::start(command, None).wait(limit)
}

/// Collects a stream in the background, so that no pipe fills up.
struct Reader {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn new(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut block = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut block) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&block[..count]);
            }
        });
        Self { bytes, thread: Some(thread) }
    }

    fn text(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.text()).contains(text)
    }

    /// All of it. Something the process started may hold the stream open; that is a fault worth a
    /// clear message instead of a hanging test.
    fn finish(&mut self) -> Vec<u8> {
        if let Some(thread) = self.thread.take() {
            wait_for(
                "the end of the process's output (does a child of it hold the pipe?)",
                Duration::from_secs(10),
                || thread.is_finished().then_some(()),
            );
        }
        self.text()
    }
}

/// A shell that cleans up when the test is done with it, or gone: panicked, aborted or killed.
///
/// It reads a pipe that only the test holds, in a process group of its own, so that neither Ctrl-C nor
/// the end of the test runner's patience keeps it from its work.
pub(crate) struct Keeper {
    child: Child,
    line: Option<ChildStdin>,
}

impl Keeper {
    /// `script` may use `$1`, `$2`, … and runs at the end.
    pub(crate) fn cleanup(script: &str, arguments: &[&str]) -> Self {
        let text = format!("trap '' INT TERM HUP\nread -r _\n{script}");
        Self::shell(Command::new("bash").args(["-c", &text, "keeper"]).args(arguments))
    }

    /// Runs `command` in a process group that ends, as a whole, with the test; then `folder` goes.
    pub(crate) fn guard(command: &Command, folder: &Path) -> Self {
        // `set -m` gives what is started a process group of its own.
        let text = "trap '' INT TERM HUP\nfolder=$1; shift\nset -m\n\"$@\" </dev/null &\nset +m\nread -r _\n\
                    kill -KILL -- -$!\nwait\nrm -rf -- \"$folder\"";
        let mut shell = Command::new("bash");
        shell.args(["-c", text, "keeper"]).arg(folder).arg(command.get_program()).args(command.get_args());
        shell.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        Self::shell(&mut shell)
    }

    fn shell(shell: &mut Command) -> Self {
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut child = shell.spawn().expect("bash starts");
        let line = child.stdin.take();
        Self { child, line }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.line.take());
        let _ = self.child.wait();
    }
}
