//! `build:`, the project's own command: run before anything is looked at or packed.
//!
//! It runs through the shell in the folder of `rzap.yaml`, in the user's environment. Commands may
//! write to the same folders, so they run one after the other, and each only once for a runtime and
//! a processor, however many functions name it. The functions' `env` is not for them: it may hold
//! secrets, and belongs to the run time.

use std::time::Instant;

use tokio::process::Command;

use super::program::{self, Stdout};
use super::types::Step;
use crate::config::{Arch, FunctionConfig, Source, StageConfig};
use crate::error::{Error, OrFailed, Result};

/// One command for one target.
struct Build<'a> {
    command: &'a str,
    runtime: &'a str,
    arch: Arch,
    functions: Vec<&'a str>,
}

/// Runs the commands of `functions`, in their order. The first failure is the last run.
pub(super) async fn run<'a>(
    stage: &StageConfig,
    functions: impl Iterator<Item = &'a FunctionConfig>,
    tell: &(dyn Fn(Step) + Send + Sync),
) -> Result<()> {
    for build in builds(functions) {
        let functions = build.functions.join(", ");
        build.run(stage, &functions, tell).await.map_err(|error| error.context(format!("cannot build {functions}")))?;
    }
    Ok(())
}

fn builds<'a>(functions: impl Iterator<Item = &'a FunctionConfig>) -> Vec<Build<'a>> {
    let mut builds: Vec<Build<'_>> = Vec::new();
    for function in functions {
        let Some(command) = function.source.build.as_deref() else { continue };
        let (runtime, arch) = (function.runtime.as_str(), function.arch);
        match builds.iter_mut().find(|build| (build.command, build.runtime, build.arch) == (command, runtime, arch)) {
            Some(build) => build.functions.push(&function.name),
            None => builds.push(Build { command, runtime, arch, functions: vec![&function.name] }),
        }
    }
    builds
}

impl Build<'_> {
    async fn run(&self, stage: &StageConfig, functions: &str, tell: &(dyn Fn(Step) + Send + Sync)) -> Result<()> {
        let what = self.command.trim();
        let environment =
            [("RZAP_STAGE", stage.stage.as_str()), ("RZAP_RUNTIME", self.runtime), ("RZAP_ARCH", self.arch.as_str())];
        let mut command = Command::new("/bin/sh");
        command.args(["-c", self.command]).envs(environment).current_dir(&stage.root);

        tell(Step::Building { functions: functions.to_owned(), what: first_line(what) });
        let started = Instant::now();
        let hear = |line: &str| tell(Step::Said { functions: functions.to_owned(), line: line.to_owned() });
        let ended = program::run(command, Stdout::Heard, &hear).await.or_failed(|| "run /bin/sh")?;
        if ended.is_success() {
            tell(Step::Built { functions: functions.to_owned(), what: first_line(what), took: started.elapsed() });
            return Ok(());
        }
        let environment: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let root = stage.root.display();
        Err(ended.failure(&first_line(what)).hint(format!("it ran in {root} with {}", environment.join(" "))))
    }
}

/// Commands can be whole scripts.
fn first_line(command: &str) -> String {
    match command.split_once('\n') {
        Some((first, _)) => format!("{first} …"),
        None => command.to_owned(),
    }
}

/// Refuses when the command of `source`, if it has one, has not made the code folder.
pub(super) fn check(source: &Source) -> Result<()> {
    let Some(command) = &source.build else { return Ok(()) };
    if source.dir.is_dir() {
        return Ok(());
    }
    let folder = source.dir.display();
    Err(Error::failed(format!("`{}` did not make the code folder {folder}", first_line(command.trim())))
        .hint("set `dir` to the folder it writes to"))
}

/// `error`, about something that is not there, with who should have made it.
pub(super) fn blame(error: Error, source: &Source) -> Error {
    match &source.build {
        Some(command) => error.hint(format!("`{}` ran before and did not make it", first_line(command.trim()))),
        None => error,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use super::super::tests::{function, stage};
    use super::*;
    use crate::config::Entry;

    fn built(name: &str, command: &str) -> FunctionConfig {
        let mut function = function(name, Entry::Handler("app.handler".into()));
        function.source.build = Some(command.to_owned());
        function
    }

    async fn run_in(root: &Path, functions: Vec<FunctionConfig>) -> (Result<()>, Vec<Step>) {
        let steps = Mutex::new(Vec::new());
        let stage = stage(root, functions);
        let result = run(&stage, stage.functions.values(), &|step| steps.lock().unwrap().push(step)).await;
        (result, steps.into_inner().unwrap())
    }

    #[tokio::test]
    async fn once_for_each_target_in_the_projects_folder_and_the_users_environment() {
        let folder = tempfile::tempdir().unwrap();
        let command = "echo $RZAP_STAGE $RZAP_RUNTIME $RZAP_ARCH ${SECRET-none} ${PATH:+path} >> said";
        let mut arm = built("c", command);
        arm.arch = Arch::Arm64;
        let mut functions = vec![built("a", command), built("b", command), arm, built("d", "echo other >> said")];
        functions[0].env.insert("SECRET".into(), "s3cret".into());
        functions.push(function("e", Entry::Handler("app.handler".into())));
        let (result, steps) = run_in(folder.path(), functions).await;
        result.unwrap();
        let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
        assert_eq!(said, "dev python3.13 x86_64 none path\ndev python3.13 arm64 none path\nother\n");
        let started: Vec<&str> = steps
            .iter()
            .filter_map(
                |step| if let Step::Building { functions, .. } = step { Some(functions.as_str()) } else { None },
            )
            .collect();
        assert_eq!(started, ["a, b", "c", "d"]);
    }

    #[tokio::test]
    async fn a_failure_has_the_code_and_the_last_lines_and_stops_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo compiling; echo 'main.c:1: what?' >&2\nexit 7";
        let (result, steps) = run_in(folder.path(), vec![built("a", script), built("b", "touch b")]).await;
        let error = result.unwrap_err();
        assert_eq!(error.message, "cannot build a");
        let said = "`echo compiling; echo 'main.c:1: what?' >&2 …` ended with exit code 7";
        assert_eq!(error.causes, [said, "compiling", "main.c:1: what?"]);
        let root = folder.path().display();
        let hint = format!("it ran in {root} with RZAP_STAGE=dev RZAP_RUNTIME=python3.13 RZAP_ARCH=x86_64");
        assert_eq!(error.hints, [hint]);
        assert!(!folder.path().join("b").exists());
        assert_eq!(steps[1], Step::Said { functions: "a".into(), line: "compiling".into() });
    }
}
