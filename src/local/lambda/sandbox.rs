//! How a worker's process is started: its command, its folder, its environment and nothing else.
//!
//! There is no container: code runs as the user who runs rzap, with that user's access to the disk.
//! What differs from AWS because of that: `/var/task` is the folder in `LAMBDA_TASK_ROOT`; the layers are
//! in a folder that only the search paths and Node's module lookup take for `/opt`; `/tmp` is
//! the host's, and each worker's own is in `TMPDIR` (a private `/tmp` needs privileges); memory and
//! `/tmp` size are not limited; AWS's own packages (boto3, `aws-sdk`) are there only if packaged.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::interpreter::Interpreter;
use super::model::Build;

/// Written to the runtime folder at start; named as on AWS where a name shows in tracebacks.
pub(super) const PYTHON_BOOTSTRAP: (&str, &str) =
    ("bootstrap.py", include_str!("../../../templates/runtimes/python_bootstrap.py"));
pub(super) const NODE_BOOTSTRAP: (&str, &str) =
    ("index.mjs", include_str!("../../../templates/runtimes/node_bootstrap.mjs"));

/// What AWS sets for `provided.*`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const PATH: &str = "/usr/local/bin:/usr/bin/:/bin:/opt/bin";

/// Names a program that starts the runtime in AWS's place, with the runtime's command line as its
/// arguments. OS-only runtimes have none.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper>
const WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// What the start script of AWS's runtimes does with it: in the log stand the variable's own words.
const WRAPPED: &str = "\
    [ -f \"$0\" ] || { echo \"$AWS_LAMBDA_EXEC_WRAPPER: does not exist\"; exit 127; }\n\
    [ -x \"$0\" ] || { echo \"$AWS_LAMBDA_EXEC_WRAPPER: is not an executable\"; exit 126; }\n\
    exec \"$0\" \"$@\"";

/// Variables in which a search path may lead to `/opt`.
const SEARCH_PATHS: [&str; 4] = ["LD_LIBRARY_PATH", "NODE_PATH", "PATH", "PYTHONPATH"];

/// All that a worker is started from.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) region: String,
    pub(super) function: String,
    /// `$LATEST` or a number.
    pub(super) version: String,
    pub(super) build: Build,
    /// The unpacked package.
    pub(super) task: PathBuf,
    /// The unpacked layers, merged: what `/opt` is on AWS.
    pub(super) opt: Option<PathBuf>,
    /// Where the bootstraps are.
    pub(super) runtime: PathBuf,
    /// Where workers get their own folders.
    pub(super) scratch: PathBuf,
    /// The local cloud's port.
    pub(super) port: u16,
    /// `None` for `provided.*`.
    pub(super) interpreter: Option<Interpreter>,
    /// It starts before anybody calls.
    pub(super) provisioned: bool,
}

/// The command for one worker. `home` is its own folder and has a `tmp` in it.
pub(super) fn command(plan: &Plan, stream: &str, api: SocketAddr, home: &Path) -> Command {
    let mut command = match &plan.interpreter {
        None => Command::new(bootstrap(plan)),
        Some(interpreter) => {
            let mut command = interpreted(plan, interpreter);
            if plan.build.settings.runtime.starts_with("python") {
                // No environment, no user site, no site-packages, no bytecode beside the code.
                command.args(["-I", "-S", "-B", "-u", "-X", "utf8"]).arg(plan.runtime.join(PYTHON_BOOTSTRAP.0));
            } else {
                command.arg(plan.runtime.join(NODE_BOOTSTRAP.0));
            }
            command.args(&plan.opt);
            command
        }
    };
    command
        .env_clear()
        .envs(environment(plan, stream, api, home))
        .current_dir(&plan.task)
        .stdin(Stdio::null())
        // Its own group, so that killing it takes its children along.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// The interpreter, or the wrapper that gets it as its first argument.
fn interpreted(plan: &Plan, interpreter: &Interpreter) -> Command {
    let Some(wrapper) = plan.build.settings.environment.get(WRAPPER).filter(|wrapper| !wrapper.is_empty()) else {
        return Command::new(&interpreter.path);
    };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", WRAPPED]).arg(placed(wrapper, plan)).arg(&interpreter.path);
    command
}

/// A path as it is on AWS, where it lies here.
fn placed(path: &str, plan: &Plan) -> PathBuf {
    let below = |root: &str| path.strip_prefix(root).filter(|rest| rest.starts_with('/')).map(|rest| &rest[1..]);
    match (below("/var/task"), below("/opt"), &plan.opt) {
        (Some(rest), ..) => plan.task.join(rest),
        (None, Some(rest), Some(opt)) => opt.join(rest),
        _ => plan.task.join(path),
    }
}

/// The program of an OS-only runtime: the package's own, else that of a layer.
fn bootstrap(plan: &Plan) -> PathBuf {
    let own = plan.task.join("bootstrap");
    let layers = plan.opt.iter().map(|opt| opt.join("bootstrap")).find(|path| path.exists());
    if own.exists() { own } else { layers.unwrap_or(own) }
}

fn environment(plan: &Plan, stream: &str, api: SocketAddr, home: &Path) -> Vec<(String, String)> {
    let settings = &plan.build.settings;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let task = text(&plan.task);
    let initialization = if plan.provisioned { "provisioned-concurrency" } else { "on-demand" };
    let path = plan
        .interpreter
        .as_ref()
        .and_then(|interpreter| interpreter.path.parent())
        .map_or_else(|| PATH.to_owned(), |folder| format!("{}:{PATH}", folder.display()));
    let mut variables = vec![
        ("_HANDLER", settings.handler.clone()),
        ("AWS_ACCESS_KEY_ID", "ASIALOCALLOCALLOCAL0".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", "local".to_owned()),
        ("AWS_REGION", plan.region.clone()),
        ("AWS_DEFAULT_REGION", plan.region.clone()),
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", plan.port)),
        ("AWS_LAMBDA_FUNCTION_NAME", plan.function.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", plan.version.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization.to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", settings.log_group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("LAMBDA_TASK_ROOT", task.clone()),
        ("LAMBDA_RUNTIME_DIR", text(&plan.runtime)),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("PATH", path),
        ("LD_LIBRARY_PATH", format!("{task}:{task}/lib:/opt/lib")),
        ("HOME", text(home)),
        ("TMPDIR", text(&home.join("tmp"))),
    ];
    if let Some(major) = settings.runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")) {
        let layers = format!("/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules");
        variables.push(("NODE_PATH", format!("{layers}:{task}")));
    }
    // Not defined for OS-only runtimes, as on AWS.
    if plan.interpreter.is_some() {
        variables.push(("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", settings.runtime)));
    }
    let mut variables: Vec<(String, String)> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    // Last, so that they win; reserved names were refused when they were set.
    variables.extend(settings.environment.clone());
    if let Some(opt) = &plan.opt {
        let searched = variables.iter_mut().filter(|(name, _)| SEARCH_PATHS.contains(&name.as_str()));
        searched.for_each(|(_, value)| *value = in_layers(value, &text(opt)));
    }
    variables
}

/// A search path with the folder of the layers in the place of `/opt`.
fn in_layers(paths: &str, opt: &str) -> String {
    let place = |path: &str| match path.strip_prefix("/opt") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{opt}{rest}"),
        _ => path.to_owned(),
    };
    paths.split(':').map(place).collect::<Vec<_>>().join(":")
}

/// Why a process could not be started, in the words of AWS (whose runtime is written in Go).
pub(super) fn refusal(plan: &Plan, error: &std::io::Error) -> String {
    if plan.interpreter.is_some() {
        return format!("the interpreter of {} could not be started: {error}", plan.build.settings.runtime);
    }
    let bootstrap = bootstrap(plan);
    if !bootstrap.exists() {
        return "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned();
    }
    let reason = match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        // The file is there, so it is the interpreter in its first line that is not.
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        // ENOEXEC has no kind of its own.
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => "exec format error".to_owned(),
        _ => error.to_string(),
    };
    let folder = if bootstrap.starts_with(&plan.task) { "/var/task" } else { "/opt" };
    format!("fork/exec {folder}/bootstrap: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_opt_itself_leads_to_the_layers() {
        let placed = in_layers("/usr/bin:/opt/bin:/opt:/optional/bin:./opt/bin:", "/l");
        assert_eq!(placed, "/usr/bin:/l/bin:/l:/optional/bin:./opt/bin:");
    }
}
