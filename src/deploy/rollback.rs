//! Back to a release: one move of the alias per function, and the API's switch where it differs.
//!
//! A version of a function carries its code and its configuration, so nothing is made again. All that the
//! way back needs is looked at before anything moves; what is gone is named, and then nothing moves. Run
//! again after a crash, it goes on: what stands where it should is left alone.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join_all};
use serde::Serialize;

use super::kinds::{HttpApi, ServedApi, Url, http, rest, versions};
use super::names::function_name;
use super::release::{Release, ReleasedFunction};
use super::resource::Owner;
use super::stop::Stop;
use crate::aws::Cloud;
use crate::error::{Error, Result};

/// Records read to find what is live and what was before.
const RECORDS: usize = 20;

/// The releases of a stage, as far as a rollback looks.
#[derive(Debug)]
pub(crate) struct Records {
    /// All of them, newest first.
    numbers: Vec<u64>,
    /// The newest, and the one that was asked for.
    releases: Vec<Release>,
}

/// The version of each function's alias, by the name in the config.
pub(crate) type Versions = BTreeMap<String, String>;

/// What a rollback does.
#[derive(Debug)]
pub(crate) struct Rollback {
    /// The release whose versions are to serve.
    pub(crate) to: u64,
    /// The release that serves now; `None` when it is none of them.
    pub(crate) from: Option<u64>,
    pub(crate) moves: Vec<Move>,
    /// Functions that the release did not have, with their versions: they stay.
    pub(crate) stays: Versions,
    /// Nothing but the end of a shift: the newest release serves all again.
    pub(crate) ends_shift: bool,
    /// The API leads somewhere else now.
    pub(crate) api: bool,
    switch: Option<Switch>,
    /// The stage as it is after that.
    after: Release,
    newest: Release,
}

/// One function that goes back.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Move {
    /// The name in the config.
    pub(crate) function: String,
    /// The name on AWS.
    pub(crate) function_name: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// How its URL is to answer, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Url>,
}

#[derive(Debug)]
enum Switch {
    Rest { id: String, deployment: String },
    Http { live: Box<HttpApi>, routes: BTreeMap<String, String> },
}

/// What was found of one function of a release.
#[derive(Debug)]
enum Ready {
    Gone(String),
    /// Its URL has to answer in another way.
    There(Option<Url>),
}

impl Records {
    /// Reads them; `wanted` is the number of a release that has to be among them.
    ///
    /// # Errors
    /// There is no release, or not this one.
    pub(crate) async fn read(cloud: &Cloud, owner: &Owner, wanted: Option<u64>) -> Result<Self> {
        let numbers = Release::numbers(cloud, owner).await?;
        let (Some(newest), Some(oldest)) = (numbers.first(), numbers.last()) else {
            return Err(Error::failed(format!("stage `{}` has no releases", owner.stage))
                .hint(format!("`rzap deploy {}` makes the first one", owner.stage)));
        };
        if let Some(wanted) = wanted.filter(|wanted| !numbers.contains(wanted)) {
            return Err(Error::usage(format!("stage `{}` has no release {wanted}", owner.stage))
                .hint(format!("there are {oldest} to {newest}: `rzap releases {}` lists them", owner.stage)));
        }
        let mut read: Vec<u64> = numbers.iter().take(RECORDS).copied().collect();
        read.extend(wanted.filter(|wanted| !read.contains(wanted)));
        let releases = Release::read_all(cloud, owner, &read).await?;
        Ok(Self { numbers, releases })
    }

    fn get(&self, number: u64) -> Option<&Release> {
        self.releases.iter().find(|release| release.number == number)
    }

    /// The number of the release to go back to, if `live` serves.
    fn before(&self, live: &Versions) -> Option<u64> {
        let newest = self.releases.first()?;
        let serving = serving(&self.releases, live);
        // Older versions serve than the newest record says: a rollback that was killed before it was
        // written down. It is brought to its end.
        if let Some(serving) = serving.filter(|serving| serving.number != newest.number) {
            return Some(serving.number);
        }
        let serving = serving.unwrap_or(newest);
        // A deploy that was killed while it moved traffic has left newer versions than any record has.
        let unfinished =
            newest.functions.iter().any(|(name, function)| number(live.get(name)) > number(Some(&function.version)));
        if unfinished {
            return Some(newest.number);
        }
        let (origin, mut older) = (serving.origin(), self.releases.iter());
        older.find(|release| release.number < origin && !release.serves_like(serving)).map(|release| release.number)
    }

    /// The same where traffic may be shared with newer versions: back to where it came from.
    fn before_all(&self, live: &Versions, split: bool) -> Option<u64> {
        if !split {
            return self.before(live);
        }
        serving(&self.releases, live).or(self.releases.first()).map(|release| release.number)
    }

    /// What going back takes: to `wanted`, or else to what served before.
    ///
    /// # Errors
    /// There is nothing to go back to, or something of it is gone: then all of that is named.
    pub(crate) async fn plan(mut self, cloud: &Cloud, owner: &Owner, wanted: Option<u64>) -> Result<Rollback> {
        loop {
            let Some(newest) = self.releases.first() else { return Err(nothing_before(owner)) };
            // Most likely the newest one serves; then one round of calls is enough.
            let as_recorded = newest.functions.iter().map(|(name, it)| (name.clone(), it.version.clone())).collect();
            let guess = wanted.or_else(|| self.before(&as_recorded)).and_then(|number| self.get(number));
            let names: BTreeSet<&String> =
                newest.functions.keys().chain(guess.into_iter().flat_map(|it| it.functions.keys())).collect();
            let checking = async {
                match guess {
                    Some(release) => check(cloud, owner, release).await.map(Some),
                    None => Ok(None),
                }
            };
            let (numbers, live, checked) =
                tokio::try_join!(Release::numbers(cloud, owner), aliases(cloud, owner, names), checking)?;
            // Somebody else deployed while we waited for the lock.
            if numbers != self.numbers {
                self = Self::read(cloud, owner, wanted).await?;
                continue;
            }
            let versions = versions_of(&live);
            let split = live.values().any(|live| live.share.is_some());
            let to = wanted.or_else(|| self.before_all(&versions, split)).and_then(|number| self.get(number));
            let to = to.ok_or_else(|| nothing_before(owner))?;
            let checked = match checked.filter(|_| guess.is_some_and(|guess| guess.number == to.number)) {
                Some(checked) => checked,
                None => check(cloud, owner, to).await?,
            };
            let missing = to.functions.keys().filter(|name| !live.contains_key(*name));
            let live = match missing.collect::<BTreeSet<_>>() {
                none if none.is_empty() => live,
                some => aliases(cloud, owner, some).await?.into_iter().chain(live).collect(),
            };
            let way = Rollback::new(owner, newest, to, serving(&self.releases, &versions), &live, checked)?;
            // Who names a release gets one.
            return Ok(Rollback { ends_shift: way.ends_shift && wanted.is_none(), ..way });
        }
    }
}

/// The newest release whose versions serve.
pub(crate) fn serving<'a>(releases: &'a [Release], live: &Versions) -> Option<&'a Release> {
    releases.iter().find(|release| release.is_served_by(live))
}

/// The versions that serve, of these functions; one without an alias is left out.
/// With it comes whether some traffic goes to other versions yet.
pub(crate) async fn live_versions(cloud: &Cloud, owner: &Owner, names: BTreeSet<&String>) -> Result<(Versions, bool)> {
    let live = aliases(cloud, owner, names).await?;
    Ok((versions_of(&live), live.values().any(|live| live.share.is_some())))
}

fn versions_of(live: &BTreeMap<String, versions::Live>) -> Versions {
    live.iter().map(|(name, live)| (name.clone(), live.version.clone())).collect()
}

pub(super) async fn aliases(
    cloud: &Cloud,
    owner: &Owner,
    names: BTreeSet<&String>,
) -> Result<BTreeMap<String, versions::Live>> {
    let reads = names.into_iter().map(|name| async move {
        let live = versions::live(cloud, &function_name(owner, name)).await?;
        Ok::<_, Error>(live.map(|live| (name.clone(), live)))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// What is there of a release.
struct Checked {
    functions: BTreeMap<String, Ready>,
    /// What the API has to do, or why it cannot.
    api: std::result::Result<Option<Switch>, String>,
}

async fn check(cloud: &Cloud, owner: &Owner, release: &Release) -> Result<Checked> {
    let functions = release.functions.iter().map(|(name, function)| async move {
        Ok::<_, Error>((name.clone(), check_function(cloud, owner, name, function).await?))
    });
    let (functions, api) = tokio::try_join!(try_join_all(functions), check_api(cloud, owner, release.api.as_ref()))?;
    Ok(Checked { functions: functions.into_iter().collect(), api })
}

async fn check_function(cloud: &Cloud, owner: &Owner, name: &str, released: &ReleasedFunction) -> Result<Ready> {
    let full = function_name(owner, name);
    let wanted = released.url.filter(|url| url.is_open());
    let url = async {
        match wanted {
            Some(_) => versions::url_of(cloud, &full).await.map(Some),
            None => Ok(None),
        }
    };
    let (kept, url) = tokio::try_join!(versions::kept(cloud, owner, &full, &released.version), url)?;
    let version = &released.version;
    let Some(kept) = kept else { return Ok(Ready::Gone(format!("version {version} of `{name}` is gone"))) };
    if kept.code_sha256.is_some_and(|sha256| !released.code_sha256.is_empty() && sha256 != released.code_sha256) {
        return Ok(Ready::Gone(format!("version {version} of `{name}` is not the one that was released")));
    }
    Ok(match url {
        // Made anew it would have another address.
        Some(url) if !url.is_open() => Ready::Gone(format!("the URL of `{name}` is gone")),
        url => Ready::There(wanted.filter(|wanted| url.is_some_and(|url| url != *wanted))),
    })
}

async fn check_api(
    cloud: &Cloud,
    owner: &Owner,
    api: Option<&ServedApi>,
) -> Result<std::result::Result<Option<Switch>, String>> {
    match api {
        None => Ok(Ok(None)),
        Some(ServedApi::Rest { id, deployment }) => {
            let Some(now) = rest::deployment_of_stage(cloud, id, &owner.stage).await? else {
                return Ok(Err(format!("the REST API `{id}` is gone")));
            };
            if now == *deployment {
                return Ok(Ok(None));
            }
            if !rest::has_deployment(cloud, id, deployment).await? {
                return Ok(Err(format!("the deployment `{deployment}` of the REST API is gone")));
            }
            Ok(Ok(Some(Switch::Rest { id: id.clone(), deployment: deployment.clone() })))
        }
        Some(ServedApi::Http { id, routes }) => Ok(match http::find(cloud, owner, id).await? {
            None => Err(format!("the HTTP API `{id}` is gone")),
            // An integration that nobody uses is what a killed run has left to do.
            Some(live) if live.routes == *routes && live.unused_integrations.is_empty() => Ok(None),
            Some(live) => Ok(Some(Switch::Http { live: Box::new(live), routes: routes.clone() })),
        }),
    }
}

impl Rollback {
    fn new(
        owner: &Owner,
        newest: &Release,
        to: &Release,
        serving: Option<&Release>,
        live: &BTreeMap<String, versions::Live>,
        checked: Checked,
    ) -> Result<Self> {
        let mut gone = Vec::new();
        let mut moves = Vec::new();
        for (name, ready) in checked.functions {
            let Some(wanted) = to.functions.get(&name) else { continue };
            match (ready, live.get(&name)) {
                (Ready::Gone(why), _) => gone.push(why),
                (Ready::There(_), None) => gone.push(format!("the alias `live` of `{name}` is gone")),
                (Ready::There(url), Some(now))
                    if now.version != wanted.version || now.share.is_some() || url.is_some() =>
                {
                    moves.push(Move {
                        function_name: function_name(owner, &name),
                        function: name,
                        from: now.share.as_ref().map_or(&now.version, |share| &share.version).clone(),
                        to: wanted.version.clone(),
                        url,
                    });
                }
                (Ready::There(_), Some(_)) => {}
            }
        }
        let switch = checked.api.unwrap_or_else(|why| {
            gone.push(why);
            None
        });
        if !gone.is_empty() {
            return Err(cannot_go_back(owner, to, &gone));
        }
        let others = newest.functions.iter().filter(|(name, _)| !to.functions.contains_key(*name));
        let others: Vec<_> =
            others.filter_map(|(name, released)| Some((name, released, &live.get(name)?.version))).collect();
        let stays = others.iter().map(|(name, _, version)| ((*name).clone(), (*version).clone())).collect();
        let mut after = to.clone();
        after.functions.extend(others.into_iter().map(|(name, released, version)| {
            let same = released.version == *version;
            let code_sha256 = if same { released.code_sha256.clone() } else { String::new() };
            (name.clone(), ReleasedFunction { version: version.clone(), code_sha256, ..released.clone() })
        }));
        after.api = after.api.or_else(|| newest.api.clone());
        let from = serving.map(|serving| serving.number);
        let (to, api) = (to.origin(), switch.is_some());
        after.rollback_to = Some(to);
        let ends_shift = live.values().any(|live| live.share.is_some()) && newest.serves_like(&after);
        after.marks = newest.marks.clone().after_rollback();
        Ok(Self { to, from, moves, stays, ends_shift, api, switch, after, newest: newest.clone() })
    }

    /// True when all stands where it should, and the newest release says so.
    pub(crate) fn is_done(&self) -> bool {
        self.moves.is_empty() && !self.api && self.newest.serves_like(&self.after)
    }

    /// Moves traffic: the functions side by side, then how their URLs answer, then the API.
    ///
    /// # Errors
    /// `stop`'s, before anything has moved; the first failure after that.
    pub(crate) async fn apply(&self, cloud: &Cloud, owner: &Owner, stop: &Stop) -> Result<()> {
        let prepared = match &self.switch {
            Some(Switch::Http { live, routes }) => Some((http::prepare(cloud, live, routes).await?, live)),
            _ => None,
        };
        if stop.is_set() {
            return Err(stop.error());
        }
        // All are let finish: one that fails must not leave another's answer unread.
        let moved = self.moves.iter().map(|one| versions::serve(cloud, &one.function_name, &one.to));
        join_all(moved).await.into_iter().collect::<Result<Vec<()>>>()?;
        let modes = self.moves.iter().filter_map(|one| Some((one, one.url?)));
        let modes = modes.map(|(one, mode)| versions::answer(cloud, &one.function_name, mode));
        join_all(modes).await.into_iter().collect::<Result<Vec<()>>>()?;
        if let Some(Switch::Rest { id, deployment }) = &self.switch {
            rest::serve(cloud, id, &owner.stage, deployment).await?;
        }
        if let Some((wanted, live)) = prepared {
            wanted.promote(cloud, Some(live)).await?;
        }
        Ok(())
    }

    /// Writes it down as a new release, whose number comes back. `at` is now, RFC 3339; `seconds` what it took.
    pub(crate) async fn record(&self, cloud: &Cloud, at: String, seconds: f64) -> Result<u64> {
        let by = cloud.caller.clone();
        let release =
            Release { number: 0, at, by, seconds, rzap: env!("CARGO_PKG_VERSION").to_owned(), ..self.after.clone() };
        release.write(cloud, None).await
    }
}

fn number(version: Option<&String>) -> u64 {
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn nothing_before(owner: &Owner) -> Error {
    Error::failed(format!("there is no release of stage `{}` before the one that is live", owner.stage))
        .hint(format!("`rzap releases {}` lists them; name the one you mean", owner.stage))
}

fn cannot_go_back(owner: &Owner, to: &Release, gone: &[String]) -> Error {
    let commit = to.commit.as_ref().map_or_else(|| "its code".to_owned(), |commit| format!("commit {commit}"));
    Error::failed(format!("release {} of stage `{}` cannot serve again: {}", to.number, owner.stage, gone.join("; ")))
        .hint(format!("nothing was moved; check out {commit} and run `rzap deploy {}`", owner.stage))
}

#[cfg(test)]
mod tests;
