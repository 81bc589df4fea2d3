//! A Python of this machine that has the project's dependencies, to run the project's own code while
//! packaging.
//!
//! Looked for in this order: the virtualenv that is active, `.venv` or `venv` of the code folder or the
//! project, one that uv (or `venv` and pip) makes of the declared dependencies and that is kept, `python3` on
//! the PATH.
//! Whichever can import what is needed is taken.

use std::env;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::super::cache;
use super::super::program;
use super::super::{Step, Workshop};
use super::installer::{self, Installer, Order};
use super::platform::Platform;
use super::{dependencies, requirements};
use crate::config::FunctionConfig;
use crate::error::{Error, OrFailed as _, Result};

/// The interpreter of a virtualenv.
const PYTHON: &str = "bin/python";

/// An environment in its folder of the cache; the requirements files it was made of lie beside it.
const MADE: &str = "environment";

impl Workshop<'_> {
    /// An interpreter that can import `module`.
    ///
    /// # Errors
    /// There is none, with what to do, or why the dependencies could not be installed.
    pub(in super::super) async fn python_with(
        &self,
        function: &FunctionConfig,
        module: &str,
        names: &str,
    ) -> Result<PathBuf> {
        let mut places: Vec<PathBuf> = env::var_os("VIRTUAL_ENV").map(PathBuf::from).into_iter().collect();
        for folder in [function.source.dir.as_path(), self.root] {
            places.extend([".venv", "venv"].map(|name| folder.join(name)));
        }
        for place in places {
            let python = place.join(PYTHON);
            if imports(&python, module).await {
                return Ok(python);
            }
        }
        let made = self.environment(function, names).await;
        if let Ok(Some(python)) = &made
            && imports(python, module).await
        {
            return Ok(python.clone());
        }
        if let Some(python) = program::find("python3", self.search_path.as_deref())
            && imports(&python, module).await
        {
            return Ok(python);
        }
        let hint = format!(
            "install the project's dependencies into `.venv` (`uv venv && uv pip install …`), or add {module} to them"
        );
        Err(match made {
            Err(error) => error.context(format!("found no Python that has {module}, and cannot make one")),
            Ok(_) => Error::failed(format!("found no Python that has {module}: neither an active virtualenv nor `.venv`, nor what the project declares, nor `python3`")),
        }
        .hint(hint))
    }

    /// The interpreter of an environment with the declared dependencies, made for this machine. `None` when
    /// nothing is declared.
    async fn environment(&self, function: &FunctionConfig, names: &str) -> Result<Option<PathBuf>> {
        let source = &function.source;
        let platform = Platform::new(&function.runtime, function.arch)?;
        let may_build = |_: &str| true;
        let Some((dir, declared)) = requirements::nearest(&source.dir, self.root, &platform, &may_build)? else {
            return Ok(None);
        };
        let find = || Installer::find(self.search_path.as_deref(), &self.cache.deps);
        let installer = self.installer.get_or_try_init(find).await?;
        let what = [
            "an environment of this machine, compiled".to_owned(),
            env::consts::ARCH.to_owned(),
            env::consts::OS.to_owned(),
        ];
        let key = dependencies::key(&declared, &platform, installer, &what);
        let folder = self.cache.deps.join(&key);
        let _turn = self.turn(&key).await;
        if folder.join("complete").is_file() {
            cache::touch(&folder);
            return Ok(Some(folder.join(MADE).join(PYTHON)));
        }
        (self.tell)(Step::Installing { functions: names.to_owned(), tool: installer.name() });
        let temporary = cache::scratch(&self.cache.deps)?;
        let made = temporary.path().join(MADE);
        let order = Order { dir: &dir, target: &made, platform: &platform, from_source: &["*".to_owned()] };
        let lists = dependencies::lists(&declared, temporary.path(), installer, &order).await?;
        let failed = |stderr: String| Error {
            causes: vec![stderr.trim().to_owned()],
            ..Error::failed(format!("{} failed", installer.name()))
        };
        let mut empty = Ok(String::new());
        for mut command in installer.environments(&made, &platform) {
            empty = installer.try_run(&mut command, &dir).await?;
            if empty.is_ok() {
                break;
            }
        }
        empty.map_err(failed)?;
        for list in &lists {
            let mut install = installer.installing_into(&made.join(PYTHON));
            list.add_to(&mut install);
            installer.try_run(&mut install, &dir).await?.map_err(failed)?;
        }
        let complete = temporary.path().join("complete");
        std::fs::write(&complete, "").or_failed(|| format!("write {}", complete.display()))?;
        let look = || Ok(folder.join("complete").is_file().then(|| folder.join(MADE).join(PYTHON)));
        cache::settle(temporary.path(), &folder, look).map(Some)
    }
}

async fn imports(python: &Path, module: &str) -> bool {
    if !python.is_file() {
        return false;
    }
    let mut command = Command::new(python);
    command.args(["-c", &format!("import {module}")]);
    installer::output(&mut command).await.is_ok_and(|said| said.status.success())
}
