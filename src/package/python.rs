//! Python: the dependencies a folder declares, installed for Lambda's platform and kept.

mod bytecode;
mod dependencies;
mod environment;
mod installer;
mod platform;
mod requirements;

pub(super) use self::installer::Installer;
use self::platform::Platform;
use super::collect::Listing;
use super::{Step, Workshop, aside};
use crate::config::{FunctionConfig, Source};
use crate::error::Result;

impl Workshop<'_> {
    /// The files of the function's Python dependencies, installed when they are not there yet.
    pub(super) async fn python(&self, function: &FunctionConfig, names: &str) -> Result<Listing> {
        let source = &function.source;
        if !function.runtime.starts_with("python") {
            return Ok(Listing::default());
        }
        let platform = Platform::new(&function.runtime, function.arch)?;
        let may_build = |name: &str| installer::allows(&source.from_source, name);
        let Some((dir, declared)) = requirements::nearest(&source.dir, self.root, &platform, &may_build)? else {
            return Ok(Listing::default());
        };
        let find = || Installer::find(self.search_path.as_deref(), &self.cache.deps);
        let installer = self.installer.get_or_try_init(find).await?;
        for note in &declared.notes {
            self.note(names, note);
        }
        let key = dependencies::key(&declared, &platform, installer, &source.from_source);
        let _turn = self.turn(&key).await;
        let (cache, known, chosen) = (self.cache.clone(), key.clone(), source.clone());
        if let Some(listing) = aside(move || dependencies::kept(&cache, &known, &chosen)).await? {
            return Ok(listing);
        }
        (self.tell)(Step::Installing { functions: names.to_owned(), tool: installer.name() });
        if let Some(caveat) = installer.caveat(&declared, &platform) {
            self.note(names, &caveat);
        }
        let source = Source { dir, ..source.clone() };
        dependencies::install(&self.cache, &key, &declared, &source, &platform, installer).await
    }
}
