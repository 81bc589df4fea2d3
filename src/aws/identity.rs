//! Who a key belongs to: an account, and a user or role in it.
//!
//! STS tells. An access key never changes hands, so what STS said of one is remembered; who only looks begins with that
//! while STS is asked again beside it ([`Doubt`]), and is one call sooner with everything. What changes anything waits
//! for STS.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Access, Cloud, explain};
use crate::error::{Error, Kind, Result};

/// Keys of sessions live for hours: what nobody asked for so long is thrown away.
const KEPT: Duration = Duration::from_hours(24);

/// What `sts:GetCallerIdentity` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Twelve digits.
    pub(super) account: String,
    /// The ARN.
    pub(super) caller: String,
}

impl Identity {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(super) fn partition(&self) -> String {
        self.caller.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned()
    }
}

/// Asks STS.
///
/// # Errors
/// `Access` when credentials are missing, expired or refused, `Failed` when the endpoint does not answer.
pub(super) async fn ask(access: &Access, config: &SdkConfig) -> Result<Identity> {
    // One retry: what does not answer here will not answer later, and nobody wants to wait for that.
    let twice = aws_sdk_sts::config::Builder::from(config).retry_config(RetryConfig::standard().with_max_attempts(2));
    let answer = aws_sdk_sts::Client::from_conf(twice.build()).get_caller_identity().send().await.map_err(|error| {
        said_where(access, config.endpoint_url(), explain("find out who we are (sts:GetCallerIdentity)")(error))
    })?;
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Ok(Identity { account: text(answer.account()), caller: text(answer.arn()) })
}

/// The first call is where a wrong profile or endpoint shows: the hint names the one in use.
fn said_where(access: &Access, endpoint: Option<&str>, error: Error) -> Error {
    let profile = access.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok()).filter(|_| !access.local);
    match (error.kind, profile, endpoint) {
        (Kind::Access, Some(profile), _) => error
            .hint(format!("the profile in use is `{profile}`; `aws configure list-profiles` shows which there are")),
        (Kind::Failed, _, Some(endpoint)) => error.hint(format!("the endpoint in use is {endpoint}: does it answer?")),
        _ => error,
    }
}

/// Where the identity of one key is kept. Nothing in it is secret, and the key itself is not in it.
#[derive(Debug, Clone)]
pub(super) struct Memory(PathBuf);

impl Memory {
    /// The memory of the key that `config` would use, in `folder`, and a config that does not load that key a second
    /// time. `None` where there is no key: whoever asks STS gets the error.
    pub(super) async fn of(folder: &Path, config: SdkConfig) -> (Option<Self>, SdkConfig) {
        let Some(provider) = config.credentials_provider() else { return (None, config) };
        let found = provider.provide_credentials().await;
        let memory = found.as_ref().ok().map(|key| {
            // Endpoints are clouds of their own, which may know the same key.
            let endpoint = config.endpoint_url().unwrap_or_default();
            let of_sts = std::env::var("AWS_ENDPOINT_URL_STS").unwrap_or_default();
            let hash = Sha256::digest([key.access_key_id(), endpoint, &of_sts].join("\n"));
            Self(folder.join(format!("{}.json", hex::encode(&hash[..16]))))
        });
        let once = Once { inner: provider, found: Mutex::new(Some(found)) };
        let config = config.into_builder().credentials_provider(SharedCredentialsProvider::new(once)).build();
        (memory, config)
    }

    pub(super) fn recall(&self) -> Option<Identity> {
        let identity: Identity = serde_json::from_slice(&fs::read(&self.0).ok()?).ok()?;
        Some(identity).filter(|identity| !identity.account.is_empty())
    }

    /// Best effort: what is not remembered is asked for.
    pub(super) fn keep(&self, identity: &Identity) {
        if self.recall().as_ref() == Some(identity) {
            return;
        }
        let write = || -> io::Result<()> {
            let folder = self.0.parent().ok_or(io::ErrorKind::NotFound)?;
            fs::create_dir_all(folder)?;
            forget_old(folder);
            let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
            temporary.write_all(&serde_json::to_vec(identity)?)?;
            temporary.persist(&self.0)?;
            Ok(())
        };
        if write().is_err() {
            let _ = fs::remove_file(&self.0);
        }
    }
}

fn forget_old(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|it| it.modified()).ok();
        let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Credentials that were loaded already, the first time: loading may start a process, or ask a server, or wait for one
/// in vain.
#[derive(Debug)]
struct Once {
    inner: SharedCredentialsProvider,
    found: Mutex<Option<provider::Result>>,
}

impl ProvideCredentials for Once {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
        match found {
            Some(found) => future::ProvideCredentials::ready(found),
            None => self.inner.provide_credentials(),
        }
    }
}

/// Whether who we are was remembered, and how to find out whether it is still so.
#[derive(Debug, Clone)]
pub(super) struct Doubt(Arc<(Access, SdkConfig, Memory)>);

impl Doubt {
    pub(super) fn new(access: &Access, config: &SdkConfig, memory: Memory) -> Self {
        Self(Arc::new((access.clone(), config.clone(), memory)))
    }
}

impl Cloud {
    /// Asks STS when who we are was only remembered. The cloud that it is in truth, where it is another one: what
    /// was read was read in the wrong place.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub(crate) async fn in_truth(&self) -> Result<Option<Self>> {
        let Some(Doubt(doubt)) = &self.doubt else { return Ok(None) };
        let (access, config, memory) = doubt.as_ref();
        let identity = ask(access, config).await?;
        memory.keep(&identity);
        if (&identity.account, &identity.caller) == (&self.account, &self.caller) {
            return Ok(None);
        }
        let partition = identity.partition();
        let Identity { account, caller } = identity;
        Ok(Some(Self { account, caller, partition, doubt: None, ..self.clone() }))
    }
}
