//! `MiniStack` and moto: clouds that others wrote. Started per test on a free port, gone with it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::cloud::Cloud;
use crate::http;
use crate::process::{Keeper, wait_for};
use crate::tools::TOOLS;

/// A running emulator.
pub(crate) struct Emulator {
    _keeper: Keeper,
    home: PathBuf,
    pub(crate) endpoint: String,
}

impl Emulator {
    /// Runs functions and serves HTTP. It passes its own environment on to functions, so that has to be bare.
    pub(crate) fn ministack() -> Self {
        Self::start("ministack", "/_ministack/health", |command, port| {
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port);
        })
    }

    /// The same, and the policies of IAM users are enforced.
    pub(crate) fn strict_ministack() -> Self {
        Self::start("ministack", "/_ministack/health", |command, port| {
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port).env("AUTH", "true");
        })
    }

    /// Keeps accounts of what was made; runs nothing.
    pub(crate) fn moto() -> Self {
        Self::start("moto_server", "/moto-api/", |command, port| {
            command.args(["-H", "127.0.0.1", "-p", port]);
        })
    }

    /// boto3 and the AWS CLI for it.
    pub(crate) fn cloud(&self) -> Cloud {
        Cloud::new(&self.endpoint, self.home.clone())
    }

    fn start(program: &str, health: &str, settings: impl FnOnce(&mut Command, &str)) -> Self {
        let home = TempDir::with_prefix("rzap-emulator-").expect("a temporary folder").keep();
        let port = free_port().to_string();
        let mut command = TOOLS.command(program);
        command.env("HOME", &home).env("TMPDIR", &home);
        settings(&mut command, &port);
        let keeper = Keeper::guard(&command, &home);
        let endpoint = format!("http://127.0.0.1:{port}");
        wait_for(&format!("{program} to answer"), Duration::from_mins(1), || {
            let answer = http::try_request("GET", &format!("{endpoint}{health}"), &[], "");
            answer.is_ok_and(|answer| answer.status == 200).then_some(())
        });
        Self { _keeper: keeper, home, endpoint }
    }
}

/// Free at this moment; nobody else takes it in the next second or so.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
