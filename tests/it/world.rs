//! The language the tests are written in.
//!
//! A world is a temporary folder with a home, a project and, when `--local` is used, a local cloud of
//! its own. rzap runs in it as a user would run it, with nothing of this machine's environment.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::output::Output;
use crate::process::{self, Done, Keeper};
use crate::tools::{self, TOOLS};

/// No command of a test takes longer.
const LIMIT: Duration = Duration::from_secs(100);

/// See the head of this file.
pub(crate) struct World {
    /// Stops the local cloud and removes the folder; see [`Keeper`].
    _keeper: Keeper,
    root: PathBuf,
    project: PathBuf,
    environment: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn new() -> Self {
        // Canonical, because rzap shows canonical paths and the output is compared.
        let root = TempDir::with_prefix("rzap-it-").expect("a temporary folder").keep();
        let root = root.canonicalize().expect("the folder is there");
        for folder in ["home", "state", "project", "tmp"] {
            fs::create_dir(root.join(folder)).expect("a folder");
        }
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let script = "RZAP_STATE_DIR=\"$2/state\" \"$1\" local stop; chmod -R u+rwX \"$2\"; rm -rf -- \"$2\"";
        let keeper = Keeper::cleanup(script, &[env!("CARGO_BIN_EXE_rzap"), &text(&root)]);
        let mut environment: BTreeMap<String, String> = tools::registry_environment().collect();
        for (name, value) in [
            ("PATH", text(&TOOLS.path)),
            ("HOME", text(&root.join("home"))),
            ("TMPDIR", text(&root.join("tmp"))),
            ("RZAP_STATE_DIR", text(&root.join("state"))),
            // Shared, so that the same dependencies are installed once for all tests.
            ("RZAP_CACHE_DIR", text(&tools::kept().join("rzap-cache"))),
            ("npm_config_cache", text(&tools::kept().join("npm-cache"))),
            ("AWS_CONFIG_FILE", text(&root.join("home/.aws/config"))),
            ("AWS_SHARED_CREDENTIALS_FILE", text(&root.join("home/.aws/credentials"))),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
        ] {
            environment.insert(name.to_owned(), value);
        }
        Self { _keeper: keeper, project: root.join("project"), root, environment }
    }

    /// Copies a fixture; rzap runs in the copy.
    pub(crate) fn app(mut self, fixture: &str) -> Self {
        self.project = self.root.join(fixture);
        copy(&tools::repository().join("fixtures").join(fixture), &self.project);
        self
    }

    /// Copies all fixtures, as they lie in the repository, below the project's folder.
    pub(crate) fn with_fixtures(self) -> Self {
        copy(&tools::repository().join("fixtures"), &self.project.join("fixtures"));
        self
    }

    /// Writes a file of the project.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Sets an environment variable; `""` unsets it.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self.environment.remove(name);
        } else {
            self.environment.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Sends rzap to an emulator, with keys that it takes.
    pub(crate) fn at(self, endpoint: &str) -> Self {
        self.env("AWS_ENDPOINT_URL", endpoint).keys()
    }

    /// Sends rzap to an emulator as a new user who may do what `policy` says.
    pub(crate) fn with_policy(self, emulator: &Emulator, policy: &Value) -> Self {
        let text = policy.to_string();
        let key = emulator.cloud().boto(&format!(
            "iam = client('iam')\niam.create_user(UserName='ci')\n\
             iam.put_user_policy(UserName='ci', PolicyName='ci', PolicyDocument={text:?})\n\
             answer(iam.create_access_key(UserName='ci')['AccessKey'])"
        ));
        let part = |name: &str| key[name].as_str().unwrap_or_else(|| panic!("no {name}: {key}")).to_owned();
        let world = self.at(&emulator.endpoint);
        world.env("AWS_ACCESS_KEY_ID", &part("AccessKeyId")).env("AWS_SECRET_ACCESS_KEY", &part("SecretAccessKey"))
    }

    /// Keys that open nothing.
    pub(crate) fn keys(self) -> Self {
        self.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test")
    }

    /// The project's folder.
    pub(crate) fn project(&self) -> &Path {
        &self.project
    }

    /// The world's folder; `home`, `state` and the project are in it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file of the project, while the world is in use.
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.write_bytes(path, text.as_bytes());
    }

    /// Writes a file that is no text.
    pub(crate) fn write_bytes(&self, path: &str, text: &[u8]) {
        let path = self.project.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Reads a file of the project.
    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.project.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Replaces a text that must be in a file of the project.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let file = self.project.join(path);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(text.contains(old), "{path} does not have `{old}`");
        fs::write(&file, text.replace(old, new)).expect("the file can be written");
    }

    /// `rzap` with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.args(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// `rzap` with arguments that have blanks in them.
    pub(crate) fn args(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, None)
    }

    /// `rzap` with something on stdin.
    pub(crate) fn with_stdin(&self, line: &str, stdin: &str) -> Output {
        self.run_with(&line.split_whitespace().collect::<Vec<_>>(), Some(stdin.into()))
    }

    fn run_with(&self, arguments: &[&str], stdin: Option<Vec<u8>>) -> Output {
        let running = process::Running::start(&mut self.command(arguments), stdin);
        self.output(&arguments.join(" "), &running.wait(LIMIT))
    }

    /// Starts rzap and returns while it runs.
    pub(crate) fn start(&self, line: &str) -> Running<'_> {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let process = process::Running::start(&mut self.command(&arguments), None);
        Running { world: self, line: line.to_owned(), process }
    }

    /// A line for the shell, in which `rzap` is the built binary.
    pub(crate) fn shell(&self, line: &str) -> Output {
        let mut command = Command::new("/bin/bash");
        let rzap = format!("rzap() {{ '{}' \"$@\"; }}\nset -o pipefail\n", env!("CARGO_BIN_EXE_rzap"));
        command.args(["-c", &format!("{rzap}{line}")]);
        self.surround(&mut command);
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", TOOLS.path.display()));
        self.output(line, &process::run(&mut command, LIMIT))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rzap"));
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    fn surround(&self, command: &mut Command) {
        command.current_dir(&self.project).env_clear().envs(&self.environment);
    }

    fn output(&self, line: &str, done: &Done) -> Output {
        let text = |path: &Path| path.display().to_string();
        let known =
            vec![(text(&self.project), "[project]"), (text(&self.root), "[world]"), (text(tools::kept()), "[kept]")];
        Output {
            line: line.to_owned(),
            // As a shell says it: 128 and the signal's number.
            code: done.status.code().unwrap_or_else(|| 128 + done.status.signal().unwrap_or_default()),
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
            known,
            log: self.root.join("state/local.log"),
        }
    }

    /// boto3 and the AWS CLI for this world's local cloud, which is started when it is not running.
    #[track_caller]
    pub(crate) fn local(&self) -> Cloud {
        let started = self.run("local start --json").success();
        Cloud::new(started.json()["endpoint"].as_str().expect("an endpoint"), self.root.join("home"))
    }
}

/// A run of rzap that has not ended yet.
pub(crate) struct Running<'a> {
    world: &'a World,
    line: String,
    process: process::Running,
}

impl Running<'_> {
    /// Waits until it says `text`; `false` when it ended without.
    pub(crate) fn says(&mut self, text: &str) -> bool {
        self.process.says(text)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Any signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// What no program can prepare for.
    pub(crate) fn kill(&mut self) {
        self.process.signal(Signal::KILL);
    }

    /// Waits for the end.
    pub(crate) fn wait(self) -> Output {
        self.world.output(&self.line, &self.process.wait(LIMIT))
    }
}

/// Copies a folder and all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries.flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}
