//! The life of one server in the foreground: lock, bind, open the state, serve, end.
//!
//! In the background (see `daemon`) it is the same life; it only reports its end to a file, and
//! a closing terminal does not concern it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::daemon::Running;
use super::server::{self, Order, Server};
use super::state_dir::{self, Address};
use super::{Local, daemon};
use crate::error::{Error, OrFailed as _, Result};

/// Names the file in which a background server says why it could not start.
pub(crate) const REPORT: &str = "RZAP_LOCAL_REPORT";

/// The port when there is no other wish.
const DEFAULT_PORT: u16 = 4599;

/// Why a background server could not start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Another server has the state folder: not a failure for somebody who only wants one to run.
    pub(crate) held: bool,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hints: Vec<String>,
}

/// Runs a server on `state_dir` until SIGTERM, SIGINT or `POST /_rzap/stop`; calls `ready` once it listens.
///
/// `port`: listen there or fail. Otherwise the port used last time, else 4599, else any free one.
pub(crate) async fn run(state_dir: &Path, port: Option<u16>, ready: impl FnOnce(&Running)) -> Result<()> {
    let report = std::env::var_os(REPORT);
    let result = serve(state_dir, port, report.is_some(), ready).await;
    if let (Some(report), Err((held, error))) = (&report, &result) {
        tell(Path::new(report), *held, error)?;
    }
    result.map_err(|(_, error)| error)
}

/// Writes the report for whoever started this server; once that one has gone, so has the file, and
/// nobody is left to tell.
fn tell(path: &Path, held: bool, error: &Error) -> Result<()> {
    let Error { message, causes, hints, .. } = error.clone();
    let text = serde_json::to_vec(&Report { held, message, causes, hints }).or_failed(|| "describe the failure")?;
    match File::options().write(true).truncate(true).open(path) {
        Ok(mut file) => file.write_all(&text).or_failed(|| format!("write {}", path.display())),
        Err(_) => Ok(()),
    }
}

/// The error says, too, whether it is that another server has the folder.
async fn serve(
    state_dir: &Path,
    port: Option<u16>,
    background: bool,
    ready: impl FnOnce(&Running),
) -> Result<(), (bool, Error)> {
    let failed = |error| (false, error);
    state_dir::create(state_dir).map_err(failed)?;
    let Some(_lock) = state_dir::lock(state_dir, Duration::from_secs(1)).map_err(failed)? else {
        let other = state_dir::address(state_dir);
        let whom = other.map_or(String::new(), |other| format!(" (process {}, port {})", other.pid, other.port));
        let error = Error::failed(format!("another local cloud{whom} already runs on {}", state_dir.display()))
            .hint("run `rzap local stop`, then try again")
            .hint("RZAP_STATE_DIR=/another/folder starts a second, separate one");
        return Err((true, error));
    };
    // Registered before anything can be interrupted.
    let mut signals = Signals::register(background).map_err(failed)?;
    let cloud = state_dir::open_cloud(state_dir).map_err(failed)?;
    let (listeners, port) = bind(state_dir, port).await.map_err(failed)?;

    let (server, mut orders) = Server::new(state_dir.to_owned());
    server.install(Local::open(&cloud, port).await.map_err(failed)?);
    let closing = watch::Sender::new(false);
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(std::sync::Arc::clone(&server).accept(listener, closing.subscribe())))
        .collect();

    let address = Address { pid: std::process::id(), port, version: daemon::VERSION.to_owned() };
    let result = match state_dir::announce(state_dir, Some(&address)) {
        Ok(()) => {
            ready(&Running::at(state_dir, &address));
            loop {
                tokio::select! {
                    () = signals.ended() => break Ok(()),
                    order = orders.recv() => match order {
                        Some(Order::Reset(done)) => {
                            let result = reset(&server, state_dir, port).await;
                            // Whoever asked may have gone; the reset happened all the same.
                            let _ = done.send(result);
                        }
                        Some(Order::Stop) | None => break Ok(()),
                    },
                }
            }
        }
        Err(error) => Err(error),
    };
    closing.send_replace(true);
    server.retire().await;
    for task in accepting {
        // It ends by itself; a panic in it has already been printed.
        let _ = task.await;
    }
    result.and(state_dir::announce(state_dir, None)).map_err(failed)
}

/// Everything of the old state ends before the first byte is deleted.
async fn reset(server: &Server, state_dir: &Path, port: u16) -> Result<()> {
    server.retire().await;
    state_dir::wipe_cloud(state_dir)?;
    server.install(Local::open(&state_dir::open_cloud(state_dir)?, port).await?);
    Ok(())
}

async fn bind(state_dir: &Path, wish: Option<u16>) -> Result<(Vec<TcpListener>, u16)> {
    if let Some(port) = wish {
        return server::bind(port).await.map_err(|error| {
            Error::failed(format!("cannot listen on port {port} of 127.0.0.1"))
                .because(&error)
                .hint("choose another one with --port, or leave --port out to take any free one")
        });
    }
    for port in state_dir::last_port(state_dir).into_iter().chain([DEFAULT_PORT]) {
        if let Ok(bound) = server::bind(port).await {
            return Ok(bound);
        }
    }
    server::bind(0).await.or_failed(|| "listen on 127.0.0.1")
}

/// The signals that end a server.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    background: bool,
}

impl Signals {
    fn register(background: bool) -> Result<Self> {
        let on = |kind| signal(kind).or_failed(|| "listen for signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
            background,
        })
    }

    async fn ended(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                // The terminal has closed; it never was the background server's.
                _ = self.hangup.recv() => if !self.background { return },
            }
        }
    }
}
