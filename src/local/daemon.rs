//! What `--local` and `rzap local start|stop|status|reset` do: find the server of a state folder,
//! start one in the background, end it, forget its state.
//!
//! Plain functions that return data. The lock on the state folder is the only proof that a server
//! runs; `server.json` only says where to look, and the server itself has to confirm it.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::run::{REPORT, Report};
use super::server::call;
use super::state_dir::{self, Address};
use crate::error::{Error, OrFailed as _, Result};

pub(crate) use super::run::run;
pub(crate) use super::state_dir::find as state_dir;

/// The version a server must have to be used.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const START_LIMIT: Duration = Duration::from_secs(15);
const RESET_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(15);
/// A log is started anew when it is larger than this, in bytes.
const LOG_LIMIT: u64 = 4 << 20;

/// A local cloud that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Running {
    /// `http://127.0.0.1:4599`
    pub(crate) endpoint: String,
    pub(crate) pid: u32,
    pub(crate) version: String,
    pub(crate) state_dir: PathBuf,
    /// Where a background server writes what it has to say.
    pub(crate) log: PathBuf,
}

impl Running {
    pub(crate) fn at(state_dir: &Path, address: &Address) -> Self {
        Self {
            endpoint: format!("http://127.0.0.1:{}", address.port),
            pid: address.pid,
            version: address.version.clone(),
            state_dir: state_dir.to_owned(),
            log: state_dir::log(state_dir),
        }
    }
}

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reset {
    /// The server that forgot its state and runs on; `None` when none was running.
    pub(crate) running: Option<Running>,
    /// Whether there was anything to forget (always true of a running server).
    pub(crate) removed: bool,
}

/// The server of `state_dir`, if one answers.
pub(crate) async fn status(state_dir: &Path) -> Result<Option<Running>> {
    let Some(address) = state_dir::address(state_dir) else { return Ok(None) };
    let answer = call(address.port, Method::GET, "/_rzap/health", Duration::from_secs(2)).await;
    // Nobody there, or somebody else: the address is left over from a server that was killed.
    let Ok((200, body)) = answer else { return Ok(None) };
    let health: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let same = health["pid"].as_u64() == Some(address.pid.into());
    Ok(same.then(|| Running::at(state_dir, &address)))
}

/// A server on `state_dir`: the one that runs, else a new one in the background, within 15 s.
///
/// A server of another version is replaced. Any number of processes may call this at once; they all
/// end up with the same server.
pub(crate) async fn ensure(state_dir: &Path, port: Option<u16>) -> Result<Running> {
    state_dir::create(state_dir)?;
    let deadline = Instant::now() + START_LIMIT;
    let report = tempfile::Builder::new().prefix(".report-").tempfile_in(state_dir);
    let report = report.or_failed(|| format!("write into {}", state_dir.display()))?.into_temp_path();
    let mut child: Option<Child> = None;
    loop {
        match status(state_dir).await? {
            Some(running) if running.version == VERSION => return on_port(running, port),
            Some(_) => {
                stop(state_dir).await?;
            }
            None => {}
        }
        match &mut child {
            // Held, but silent: somebody else's is just starting or ending.
            None if state_dir::is_held(state_dir)? => {}
            None => child = Some(spawn(state_dir, port, &report)?),
            Some(started) => {
                if started.try_wait().or_failed(|| "watch the local cloud start")?.is_some() {
                    match why(&report, state_dir) {
                        Some(error) => return Err(error),
                        None => child = None,
                    }
                }
            }
        }
        if Instant::now() > deadline {
            return Err(Error::failed(format!("the local cloud did not answer within {} s", START_LIMIT.as_secs()))
                .hint(format!("its log is {}", state_dir::log(state_dir).display()))
                .hint("run `rzap local stop`, then try again"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Ends the server of `state_dir` and returns what it was; `None` when none was running.
pub(crate) async fn stop(state_dir: &Path) -> Result<Option<Running>> {
    if !state_dir::is_held(state_dir)? {
        return Ok(None);
    }
    let Some(address) = state_dir::address(state_dir) else {
        return Err(Error::failed("the local cloud is just starting or ending").hint("try again in a moment"));
    };
    let running = Running::at(state_dir, &address);
    // Asked politely first; the lock says whether it worked, so the answers do not matter.
    if status(state_dir).await?.is_some() {
        let _ = call(address.port, Method::POST, "/_rzap/stop", Duration::from_secs(2)).await;
        if released(state_dir, STOP_LIMIT).await? {
            return Ok(Some(running));
        }
    }
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = i32::try_from(address.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
        if released(state_dir, Duration::from_secs(3)).await? {
            return Ok(Some(running));
        }
    }
    Err(Error::failed(format!("the local cloud (process {}) does not end", address.pid))
        .hint(format!("kill -9 {}", address.pid)))
}

/// Deletes the state of all services, whether a server runs or not.
pub(crate) async fn reset(state_dir: &Path) -> Result<Reset> {
    if let Some(running) = status(state_dir).await? {
        let answer = call(running_port(&running), Method::POST, "/_rzap/reset", RESET_LIMIT).await;
        let (code, body) = answer.or_failed(|| "reset the running local cloud")?;
        if code != 200 {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(
                Error::failed("the running local cloud could not be reset").because(&std::io::Error::other(text))
            );
        }
        return Ok(Reset { running: Some(running), removed: true });
    }
    if !state_dir.exists() {
        return Ok(Reset { running: None, removed: false });
    }
    let Some(_lock) = state_dir::lock(state_dir, Duration::from_secs(1))? else {
        return Err(Error::failed("a local cloud runs on this state but does not answer")
            .hint("run `rzap local stop`, then try again"));
    };
    Ok(Reset { running: None, removed: state_dir::wipe_cloud(state_dir)? })
}

fn running_port(running: &Running) -> u16 {
    running.endpoint.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default()
}

fn on_port(running: Running, wish: Option<u16>) -> Result<Running> {
    match wish {
        Some(port) if port != 0 && port != running_port(&running) => {
            Err(Error::failed(format!("the local cloud already runs at {}", running.endpoint))
                .hint("run `rzap local stop`, then start it on the other port"))
        }
        _ => Ok(running),
    }
}

/// Oneself again, detached: in its own process group, so that neither Ctrl-C nor the terminal's end
/// reaches it, and with no file of ours open, so that `rzap deploy --local | cat` ends.
fn spawn(state_dir: &Path, port: Option<u16>, report: &Path) -> Result<Child> {
    let program = std::env::current_exe().or_failed(|| "find the rzap executable to start the local cloud with")?;
    let path = state_dir::log(state_dir);
    let too_long = std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT);
    let open = || -> std::io::Result<(File, File)> {
        if too_long {
            std::fs::remove_file(&path)?;
        }
        let log = File::options().create(true).append(true).open(&path)?;
        Ok((log.try_clone()?, log))
    };
    let (stdout, stderr) = open().or_failed(|| format!("open {}", path.display()))?;
    let mut command = Command::new(&program);
    command.args(["local", "start", "--foreground"]);
    if let Some(port) = port {
        command.arg("--port").arg(port.to_string());
    }
    command
        .env("RZAP_STATE_DIR", state_dir)
        .env(REPORT, report)
        .current_dir(state_dir)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0);
    command.spawn().or_failed(|| format!("start {}", program.display()))
}

/// Why the server we started ended again; `None` when it only found another one there already.
fn why(report: &Path, state_dir: &Path) -> Option<Error> {
    let log = format!("its log is {}", state_dir::log(state_dir).display());
    let Some(Report { held, message, causes, hints }) =
        std::fs::read(report).ok().and_then(|text| serde_json::from_slice(&text).ok())
    else {
        return Some(Error::failed("the local cloud ended before it could say why").hint(log));
    };
    if held {
        return None;
    }
    let mut error = Error::failed(message);
    error.causes = causes;
    error.hints = hints;
    Some(error.context("the local cloud could not start"))
}

async fn released(state_dir: &Path, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    while state_dir::is_held(state_dir)? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}
