//! What every command needs: the flags they share, the project, the cloud, and Ctrl-C.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::templates::BRIDGE;
use crate::aws::{self, Access, Cloud, Early};
use crate::config::{self, Project, StageConfig};
use crate::deploy::{self, Change, Lock, Owner, Stop};
use crate::error::{Error, Kind, OrFailed as _, Result};
use crate::local;
use crate::package::{self, Package, Step};
use crate::ui::{Color, Progress, Ui};

/// The folder of the work folder in which it is remembered whom a key belongs to.
const KEYS: &str = "keys";

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The project's folder [default: the nearest one upwards with `rzap.yaml`]
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,

    /// Use the local cloud, starting it when it is not running (also: `RZAP_LOCAL=1`)
    #[arg(long, global = true, conflicts_with_all = ["endpoint_url", "profile"])]
    local: bool,

    /// Talk to this endpoint instead of AWS (also: AWS_ENDPOINT_URL)
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,

    /// The AWS profile (also: AWS_PROFILE)
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,

    /// The AWS region; wins over rzap.yaml
    #[arg(long, global = true, value_name = "REGION")]
    region: Option<String>,

    /// Answer with one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,

    /// No progress and no notes, only warnings and errors
    #[arg(long, short, global = true)]
    quiet: bool,

    /// More detail on stderr
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    color: Color,
}

impl Global {
    /// The flags that say which project and which cloud are meant, each with a space before it.
    fn place(&self) -> String {
        let quote = |text: &str| {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
            if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
        };
        let project = self.project.as_ref().map(|dir| dir.display().to_string());
        let given = [
            ("project", project.as_deref()),
            ("endpoint-url", self.endpoint_url.as_deref()),
            ("profile", self.profile.as_deref()),
            ("region", self.region.as_deref()),
        ];
        let mut flags: String =
            given.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", quote(value?)))).collect();
        if self.local {
            flags.push_str(" --local");
        }
        flags
    }
}

/// The flags, the terminal, and what Ctrl-C asked for.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    pub(crate) ui: Ui,
    pub(crate) interrupt: Interrupt,
    /// The lock that is held, if any. [`Context::release`] gives it back, however the command ended.
    lock: tokio::sync::Mutex<Option<Lock>>,
    /// Packages that go up while they are written.
    early: Early,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        let ui = Ui::new(global.color, global.json, global.quiet, global.verbose, global.place());
        Self {
            global,
            ui,
            interrupt: Interrupt::default(),
            lock: tokio::sync::Mutex::default(),
            early: Early::default(),
        }
    }

    /// The region that a flag names.
    pub(crate) fn said_region(&self) -> Option<&str> {
        self.global.region.as_deref()
    }

    /// The project, read and checked.
    pub(crate) fn project(&self) -> Result<Project> {
        let root = match &self.global.project {
            // Said explicitly, it is meant exactly: nothing above it is looked at.
            Some(dir) if dir.join("rzap.yaml").is_file() => dir.clone(),
            Some(dir) => {
                return Err(Error::usage(format!("there is no rzap.yaml in `{}`", dir.display()))
                    .hint(format!("run `rzap init {}` to write one", dir.display())));
            }
            None => config::find(&std::env::current_dir().or_failed(|| "find the current folder")?)?,
        };
        config::load(&root, &|name| std::env::var(name).ok())
    }

    /// One stage of the project, resolved: for packaging and deploying.
    pub(crate) fn stage(&self, name: Option<&str>) -> Result<StageConfig> {
        let stage = self.project()?.stage(name)?;
        if !self.is_local(&stage) {
            return Ok(stage);
        }
        let stage = stage.for_local_cloud();
        if !stage.left_out.is_empty() {
            let what = stage.left_out.join(" and ");
            self.ui.warn(&format!("left out, with all that speaks of it: the local cloud does not have {what}"));
        }
        Ok(stage)
    }

    /// One stage as far as it takes to look at what is deployed: neither its code nor the environment
    /// variables its config mentions have to be at hand.
    pub(crate) fn stage_to_look_at(&self, name: Option<&str>) -> Result<StageConfig> {
        let stage = self.project()?.stage_to_look_at(name)?;
        Ok(if self.is_local(&stage) { stage.for_local_cloud() } else { stage })
    }

    /// Whether the stage lives in the local cloud.
    fn is_local(&self, stage: &StageConfig) -> bool {
        let by_environment =
            std::env::var("RZAP_LOCAL").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        let elsewhere = self.global.endpoint_url.is_some();
        self.global.local || (!elsewhere && (by_environment || stage.local))
    }

    /// The region a stage would be in, as far as that is known without a cloud; else `*`.
    pub(crate) fn region(&self, stage: &StageConfig) -> String {
        let said = self.global.region.clone().or_else(|| stage.region.clone());
        let from = |name: &str| std::env::var(name).ok().filter(|region| !region.is_empty());
        said.or_else(|| from("AWS_REGION")).or_else(|| from("AWS_DEFAULT_REGION")).unwrap_or_else(|| "*".to_owned())
    }

    /// What tells where a stage lives from where others do: profile, region, and whether that is the local cloud.
    pub(crate) fn place_of(&self, stage: &StageConfig) -> (Option<String>, String, bool) {
        let profile = self.global.profile.clone().or_else(|| stage.profile.clone());
        (profile, self.region(stage), self.is_local(stage))
    }

    /// The cloud the stage lives in. Starts the local one when it is needed.
    pub(crate) async fn cloud(&self, stage: &StageConfig) -> Result<Cloud> {
        self.cloud_at(stage, self.is_local(stage), false).await
    }

    /// The same for those who only look: who we are may be remembered, and [`Cloud::in_truth`] has to be asked.
    pub(crate) async fn cloud_to_look_at(&self, stage: &StageConfig) -> Result<Cloud> {
        self.cloud_at(stage, self.is_local(stage), true).await
    }

    /// The local cloud, wherever the stage lives otherwise.
    pub(crate) async fn local_cloud(&self, stage: &StageConfig) -> Result<Cloud> {
        self.cloud_at(stage, true, false).await
    }

    async fn cloud_at(&self, stage: &StageConfig, local: bool, remembered: bool) -> Result<Cloud> {
        let endpoint = if local {
            let running = local::daemon::ensure(&local::daemon::state_dir()?, None).await?;
            self.ui.detail(&format!("the local cloud answers at {}", running.endpoint));
            Some(running.endpoint)
        } else {
            self.global.endpoint_url.clone()
        };
        let access = Access {
            profile: self.global.profile.clone().or_else(|| stage.profile.clone()).filter(|_| !local),
            region: self.global.region.clone().or_else(|| stage.region.clone()),
            endpoint,
            local,
            memory: package::default_work_dir().ok().map(|folder| folder.join(KEYS)),
        };
        let cloud = if remembered { aws::connect_from_memory(&access).await } else { aws::connect(&access).await };
        let mut cloud = cloud?;
        cloud.early = self.early.clone();
        self.ui.detail(&format!("account {} in {} as {}", cloud.account, cloud.region, cloud.caller));
        Ok(cloud)
    }

    /// Locks the stage until [`Context::release`]. With `make_bucket` the artifact bucket, where the
    /// lock lies, is created when it is missing; that change is returned.
    pub(crate) async fn lock(
        &self,
        cloud: &Cloud,
        owner: &Owner,
        flags: &Locking,
        make_bucket: bool,
        progress: &Progress,
    ) -> Result<Option<Change>> {
        let progress = progress.clone();
        let last = std::sync::Mutex::new(String::new());
        let listener: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |what| {
            let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if *last != what {
                progress.say(&format!("… {what}"));
                what.clone_into(&mut last);
            }
        });
        self.interrupt.at_work.store(true, Ordering::Relaxed);
        let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let acquire = Lock::acquire(cloud, owner, since, (!flags.no_wait, make_bucket), &self.interrupt.stop);
        let mut taken = aws::LISTENER.scope(listener, acquire).await?;
        let bucket_change = taken.as_mut().and_then(|lock| lock.made_bucket.take());
        *self.lock.lock().await = taken;
        // Nobody else changes this stage now, and the bucket stands: what is packaged may go up.
        self.early.open(deploy::artifact_folder(cloud, &owner.app));
        Ok(bucket_change)
    }

    /// Gives back the lock, if one is held.
    pub(crate) async fn release(&self) {
        // What is left of it is removed by the bucket's lifecycle.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), self.early.abandon()).await;
        if let Some(lock) = self.lock.lock().await.take() {
            // What cannot be given back in time is taken over after a minute.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(5), lock.release()).await;
        }
    }

    /// Deletes the versions of these functions that no rollback needs any more. The stage is fine with them,
    /// too: what fails is only said.
    pub(crate) async fn retire(&self, cloud: &Cloud, owner: &Owner, functions: &[String]) {
        match deploy::retire(cloud, owner, functions).await {
            Ok(0) => {}
            Ok(count) => self.ui.detail(&format!("old versions deleted: {count}")),
            Err(error) => self.ui.warn(&format!("old versions of functions could not be deleted: {error}")),
        }
    }

    /// Packages the functions of a stage (or only some of them).
    pub(crate) async fn packages(
        &self,
        stage: &StageConfig,
        only: Option<&[String]>,
        progress: &Progress,
    ) -> Result<BTreeMap<String, Package>> {
        let work = package::default_work_dir()?;
        let whole = if self.is_local(stage) { with_all_dependencies(stage) } else { None };
        if whole.is_some() {
            progress.say("note: `slim` is left aside: here no runtime brings boto3, so it is packed");
        }
        let stage = whole.as_ref().unwrap_or(stage);
        let (progress, early) = (progress.of_package(), self.early.clone());
        let tell = move |step| {
            match &step {
                Step::Growing { file, written } => early.grown(file, *written),
                Step::Grown { file, written, sha256 } => early.finished(file, *written, sha256),
                _ => {}
            }
            progress(step);
        };
        package::build(stage, only, &work, BRIDGE, &tell).await
    }
}

/// The stage without `slim`, which leaves out what AWS's Python brings and this machine's does not;
/// `None` when it has none.
fn with_all_dependencies(stage: &StageConfig) -> Option<StageConfig> {
    let is_slim = stage.functions.values().any(|function| function.source.slim);
    is_slim.then(|| {
        let mut stage = stage.clone();
        for function in stage.functions.values_mut() {
            function.source.slim = false;
        }
        stage
    })
}

/// Flags of the commands that change a stage.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Locking {
    /// Fail at once when somebody else is deploying this stage
    #[arg(long)]
    no_wait: bool,
}

/// Who a stage's resources belong to.
pub(crate) fn owner_of(stage: &StageConfig) -> Owner {
    Owner { app: stage.app.clone(), stage: stage.stage.clone() }
}

/// Checks names of functions given on the command line.
pub(crate) fn known_functions(stage: &StageConfig, names: &[String]) -> Result<()> {
    for name in names {
        if !stage.functions.contains_key(name) {
            let all: Vec<&str> = stage.functions.keys().map(String::as_str).collect();
            let near = config::suggest::nearest(name, all.iter().copied());
            let hint = near.map_or_else(
                || format!("there is {}", config::suggest::list(&all)),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Error::usage(format!("no function `{name}` in stage `{}`", stage.stage)).hint(hint));
        }
    }
    Ok(())
}

/// The function that is meant: the named one, or the only one.
pub(crate) fn one_function(stage: &StageConfig, name: Option<&str>) -> Result<String> {
    match name {
        Some(name) => {
            known_functions(stage, &[name.to_owned()])?;
            Ok(name.to_owned())
        }
        None if stage.functions.len() == 1 => Ok(stage.functions.keys().next().cloned().unwrap_or_default()),
        None => {
            let all: Vec<&str> = stage.functions.keys().map(String::as_str).collect();
            Err(Error::usage("which function?").hint(format!("name one: {}", config::suggest::list(&all))))
        }
    }
}

/// Ctrl-C and SIGTERM. While a plan is being carried out they only stop what has not started; at any
/// other time, or the second time, they end the program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    /// Nothing new may start.
    pub(crate) stop: Stop,
    careful: Arc<AtomicBool>,
    /// Something may be half done: the stage is locked.
    pub(crate) at_work: Arc<AtomicBool>,
    hard: Arc<Notify>,
    /// Somebody asked while it was done carefully.
    soft: Arc<Notify>,
}

impl Interrupt {
    /// From here until the guard is dropped, running calls are finished first.
    pub(crate) fn carefully(&self) -> Careful {
        self.careful.store(true, Ordering::Relaxed);
        Careful { flag: self.careful.clone() }
    }

    /// Called by `main` for each signal; `say` tells the user what happens now.
    pub(crate) fn signal(&self, say: impl Fn(&str)) {
        let again = self.stop.ask();
        if self.careful.load(Ordering::Relaxed) && !again {
            self.soft.notify_one();
            if self.at_work.load(Ordering::Relaxed) {
                say("stopping: running calls are finished, nothing new is started (again to stop at once)");
            }
        } else {
            self.hard.notify_one();
        }
    }

    /// Resolves when somebody wants the end while this is done [`Self::carefully`].
    pub(crate) async fn asked(&self) {
        self.soft.notified().await;
    }

    /// Resolves when the program should end at once.
    pub(crate) async fn ended(&self) -> Error {
        self.hard.notified().await;
        let error = Error::new(Kind::Interrupted, "interrupted");
        if self.at_work.load(Ordering::Relaxed) {
            error.hint("run the same command again: it continues where this one stopped")
        } else {
            error
        }
    }
}

/// See [`Interrupt::carefully`].
#[derive(Debug)]
pub(crate) struct Careful {
    flag: Arc<AtomicBool>,
}

impl Drop for Careful {
    fn drop(&mut self) {
        self.flag.store(false, Ordering::Relaxed);
    }
}
