//! Published versions: snapshots that never change.

use serde_json::Value;

use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, refused};
use super::functions::{same_revision, unqualified};
use super::model::{Build, Function, Version};
use super::names::FunctionRef;
use super::{Lambda, page};

/// `POST /2015-03-31/functions/{name}/versions`
pub(super) fn create(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    unqualified(at)?;
    if body.asked("PublishTo").is_some() {
        return Err(Fault::unsupported("lambda", "PublishTo"));
    }
    let (sha256, revision) = (body.text("CodeSha256")?, body.text("RevisionId")?);
    let description = body.text("Description")?;
    let delay = lambda.delay;
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        function.latest.settled(at)?;
        same_revision(revision.as_deref(), &function.latest.revision)?;
        let live = function.latest.build.code.base64();
        if let Some(asked) = sha256.filter(|asked| !asked.is_empty() && *asked != live) {
            return Err(refused(format!(
                "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({live}). Please try again with \
                 the CodeSHA256 in $LATEST."
            )));
        }
        let version = publish(function, description, delay);
        Ok(Reply::json(201, &version.show(at, &at.arn_of(&version.number)).into()))
    })
}

/// A snapshot of `$LATEST`; the newest version when nothing changed since it was published, as
/// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html> says.
pub(super) fn publish(function: &mut Function, description: Option<String>, delay: i64) -> &Version {
    let Build { settings, code, .. } = &function.latest.build;
    let newest = function.next_version - 1;
    let same = |version: &Version| version.build.settings == *settings && version.build.code == *code;
    if function.versions.get(&newest).is_some_and(same) {
        return &function.versions[&newest];
    }
    let number = function.next_version;
    function.next_version += 1;
    let build = Build::new(settings.clone(), code.clone());
    let mut version = Version::new(&number.to_string(), build, delay);
    version.description = description;
    function.versions.entry(number).or_insert(version)
}

/// `GET /2015-03-31/functions/{name}/versions`
pub(super) fn list(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let shown = lambda.store.read(|state| state.find(at).map(|function| listed(at, function)))?;
    page::reply(request, "Versions", shown)
}

/// Every version as lists show it, with the key to continue a page from.
pub(super) fn listed(at: &FunctionRef, function: &Function) -> Vec<(String, Value)> {
    function
        .every_version()
        .map(|version| {
            let arn = at.arn_of(&version.number);
            (format!("{}:{}", at.name, version.number), version.show_listed(at, &arn).into())
        })
        .collect()
}
