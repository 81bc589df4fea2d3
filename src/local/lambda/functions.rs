//! Create, read, update and delete functions.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::super::Local;
use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, conflict, invalid, refused, stale};
use super::check;
use super::model::{Alias, Build, Code, Function, Version};
use super::names::{FunctionRef, LATEST, is_alias, is_version};
use super::{Lambda, layers, page, tags, versions};

/// `POST /2015-03-31/functions`
pub(super) async fn create(lambda: &Lambda, local: &Arc<Local>, request: &Request) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let name = body.required("FunctionName", "functionName")?;
    if name.len() > 64 && !name.contains(':') {
        return Err(refused(format!(
            "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: Member must \
             have length less than or equal to 64"
        )));
    }
    let at = FunctionRef::parse(&name, &request.region, None)?;
    if at.qualifier.is_some() {
        return Err(refused("A function is created without a qualifier."));
    }
    let mut settings = check::created(local, &body, &at.name)?;
    let tags = tags::checked(body.object("Tags")?)?;
    // Before the package is looked at, and again when it is stored: two creations may race.
    let exists = || conflict(format!("Function already exist: {}", at.name));
    if lambda.store.read(|state| state.get(&at).is_some()) {
        return Err(exists());
    }
    let code = body.object("Code")?.ok_or_else(|| invalid("null", "code", "Member must not be null"))?;
    let code = take(lambda, local, &code, true).await?;
    let publish = body.flag("Publish")?;
    let delay = lambda.delay;
    lambda.store.write(|state| {
        if state.get(&at).is_some() {
            return Err(exists());
        }
        settings.layers = layers::asked(state, &body, &at.region)?.unwrap_or_default();
        layers::fits(&code, &settings.layers)?;
        let mut function = Function {
            latest: Version::new(LATEST, Build::new(settings, code), delay),
            versions: std::collections::BTreeMap::new(),
            next_version: 1,
            aliases: std::collections::BTreeMap::new(),
            policies: std::collections::BTreeMap::new(),
            urls: std::collections::BTreeMap::new(),
            tags,
            reserved: None,
            event_invoke: std::collections::BTreeMap::new(),
            provisioned: std::collections::BTreeMap::new(),
        };
        let shown = if publish {
            // With the version's number, but without it in the ARN.
            versions::publish(&mut function, None, delay).show(&at, &at.arn())
        } else {
            function.latest.show(&at, &at.arn())
        };
        state.insert(&at, function);
        Ok(Reply::json(201, &Value::Object(shown)))
    })
}

/// `GET /2015-03-31/functions/{name}`
pub(super) fn get(lambda: &Lambda, local: &Arc<Local>, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| {
        let function = state.find(at)?;
        let version = function.version(at, at.qualifier.as_deref())?;
        let mut shown = Map::new();
        shown.insert("Configuration".into(), version.show(at, &at.asked_arn()).into());
        let location = location(local, &version.build.code);
        shown.insert("Code".into(), json!({ "RepositoryType": "S3", "Location": location }));
        if !function.tags.is_empty() {
            shown.insert("Tags".into(), json!(function.tags));
        }
        if let Some(reserved) = function.reserved {
            shown.insert("Concurrency".into(), json!({ "ReservedConcurrentExecutions": reserved }));
        }
        Ok(Reply::json(200, &shown.into()))
    })
}

/// A URL that serves the package. It needs no signature, as AWS's presigned one needs no other: whoever
/// can name the hash knows the package.
pub(super) fn location(local: &Arc<Local>, code: &Code) -> String {
    format!("http://127.0.0.1:{}/2015-03-31/packages/{}.zip", local.port, code.sha256)
}

/// `GET /2015-03-31/packages/{sha256}.zip`, where [`location`] points to. Not part of AWS's API.
pub(super) async fn download(lambda: &Lambda, file: &str) -> Result<Reply, Fault> {
    let none = || Fault::new(404, "ResourceNotFoundException", "no such package");
    let sha256 = file.strip_suffix(".zip").filter(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let bytes = tokio::fs::read(lambda.packages.zip(sha256.ok_or_else(none)?)).await.map_err(|_| none())?;
    Ok(Reply::empty(200).with("content-type", "application/zip").body(bytes))
}

/// `GET /2015-03-31/functions/{name}/configuration`
pub(super) fn configuration(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| {
        let version = state.find(at)?.version(at, at.qualifier.as_deref())?;
        Ok(Reply::json(200, &version.show(at, &at.asked_arn()).into()))
    })
}

/// `GET /2015-03-31/functions`
pub(super) fn list(lambda: &Lambda, request: &Request) -> Result<Reply, Fault> {
    let all = match request.param("FunctionVersion").as_deref() {
        None => false,
        Some("ALL") => true,
        Some(other) => {
            return Err(invalid(other, "functionVersion", "Member must satisfy enum value set: [ALL]"));
        }
    };
    let shown = lambda.store.read(|state| {
        let functions = state.of(&request.region).map(|(name, function)| {
            (FunctionRef { region: request.region.clone(), name: name.clone(), qualifier: None }, function)
        });
        let mut shown = Vec::new();
        for (at, function) in functions {
            if all {
                shown.extend(versions::listed(&at, function));
            } else {
                shown.push((at.name.clone(), function.latest.show_listed(&at, &at.arn()).into()));
            }
        }
        shown
    });
    page::reply(request, "Functions", shown)
}

/// `PUT /2015-03-31/functions/{name}/code`
pub(super) async fn update_code(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    at: &FunctionRef,
) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let (publish, dry) = (body.flag("Publish")?, body.flag("DryRun")?);
    let revision = body.text("RevisionId")?;
    let architecture = check::architecture(&body)?;
    unqualified(at)?;
    let current = |function: &Function| -> Result<(), Fault> {
        function.latest.settled(at)?;
        same_revision(revision.as_deref(), &function.latest.revision)
    };
    lambda.store.read(|state| current(state.find(at)?))?;
    let code = take(lambda, local, &body, !dry).await?;
    let delay = lambda.delay;
    let changed = |function: &mut Function| {
        current(function)?;
        let mut settings = function.latest.build.settings.clone();
        settings.architecture = architecture.unwrap_or(settings.architecture);
        layers::fits(&code, &settings.layers)?;
        function.latest.update(Build::new(settings, code), delay);
        if publish {
            let version = versions::publish(function, None, delay);
            return Ok(Reply::json(200, &version.show(at, &at.arn_of(&version.number)).into()));
        }
        Ok(Reply::json(200, &function.latest.show(at, &at.arn()).into()))
    };
    if dry {
        return lambda.store.read(|state| changed(&mut state.find(at)?.clone()));
    }
    let reply = lambda.store.write(|state| changed(state.find_mut(at)?))?;
    lambda.tidy();
    Ok(reply)
}

/// `PUT /2015-03-31/functions/{name}/configuration`
pub(super) fn update_configuration(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    at: &FunctionRef,
) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let revision = body.text("RevisionId")?;
    unqualified(at)?;
    let delay = lambda.delay;
    let reply = lambda.store.write(|state| {
        let layers = layers::asked(state, &body, &at.region);
        let function = state.find_mut(at)?;
        function.latest.settled(at)?;
        same_revision(revision.as_deref(), &function.latest.revision)?;
        let mut settings = function.latest.build.settings.clone();
        check::change(local, &body, &at.name, &mut settings)?;
        let code = function.latest.build.code.clone();
        settings.layers = layers?.unwrap_or(settings.layers);
        layers::fits(&code, &settings.layers)?;
        function.latest.update(Build::new(settings, code), delay);
        Ok(Reply::json(200, &function.latest.show(at, &at.arn()).into()))
    })?;
    lambda.tidy();
    Ok(reply)
}

/// `DELETE /2015-03-31/functions/{name}`, or one of its versions.
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        let Some(qualifier) = at.qualifier.as_deref() else {
            return state.remove(at).map(|_| ()).ok_or_else(|| at.not_found());
        };
        if qualifier == LATEST {
            return Err(refused("$LATEST version cannot be deleted without deleting the function."));
        }
        if is_alias(qualifier) {
            return Err(refused("Deletion of aliases is not currently supported."));
        }
        let function = state.find_mut(at)?;
        let routed_to = |alias: &Alias| {
            alias.version == qualifier || alias.split.as_ref().is_some_and(|(version, _)| version == qualifier)
        };
        let aliases = function.aliases.iter().filter(|(_, alias)| routed_to(alias));
        let names: Vec<&str> = aliases.map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            let message = format!("Unable to delete version because the following aliases reference it: [{names}]");
            return Err(conflict(message));
        }
        // A version that is not there counts as deleted: measured on AWS in github.com/floci-io/floci/pull/2824.
        function.policies.remove(qualifier);
        function.event_invoke.remove(qualifier);
        function.provisioned.remove(qualifier);
        if let Ok(number) = qualifier.parse::<u64>() {
            function.versions.remove(&number);
        }
        Ok(())
    })?;
    lambda.tidy();
    Ok(Reply::empty(204))
}

/// Updates are of the function, that is of `$LATEST`.
pub(super) fn unqualified(at: &FunctionRef) -> Result<(), Fault> {
    match at.qualifier.as_deref() {
        Some(qualifier) if is_version(qualifier) || is_alias(qualifier) => Err(refused(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
             Please specify either a function name or an unqualified function ARN.",
        )),
        _ => Ok(()),
    }
}

/// Optimistic locking: what the caller saw must still be there.
pub(super) fn same_revision(asked: Option<&str>, current: &str) -> Result<(), Fault> {
    if asked.is_none_or(|asked| asked == current) { Ok(()) } else { Err(stale()) }
}

/// The package that `ZipFile` or `S3Bucket`/`S3Key` name: checked, and kept unless it is a dry run.
pub(super) async fn take(lambda: &Lambda, local: &Arc<Local>, body: &Body, keep: bool) -> Result<Code, Fault> {
    if body.asked("ImageUri").is_some() {
        return Err(refused("Please don't provide ImageUri when updating a function with packageType Zip."));
    }
    let bucket = body.text("S3Bucket")?;
    let (zip, inline) = match (body.text("ZipFile")?, bucket, body.text("S3Key")?) {
        (Some(text), None, None) => (inline_zip(&text)?, true),
        (None, Some(bucket), Some(key)) => {
            let version = body.text("S3ObjectVersion")?;
            (from_s3(local, &bucket, &key, version.as_deref()).await?, false)
        }
        (None, None, None) => return Err(refused("Please provide a source for function code.")),
        _ => {
            return Err(refused(
                "Please provide either ZipFile or S3Bucket with S3Key as the source for function code.",
            ));
        }
    };
    let code = super::code::Packages::check(zip.clone(), inline).await?;
    if keep {
        lambda.packages.keep(&code, zip).await?;
    }
    Ok(code)
}

fn inline_zip(text: &str) -> Result<Bytes, Fault> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|error| Fault::new(400, "SerializationException", format!("ZipFile must be base64: {error}")))
}

async fn from_s3(local: &Arc<Local>, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, Fault> {
    let (shared, bucket, key) = (Arc::clone(local), bucket.to_owned(), key.to_owned());
    let version = version.map(str::to_owned);
    let read = super::code::blocking(move || shared.s3.object(&bucket, &key, version.as_deref()));
    read.await.map_err(|fault| {
        refused(format!(
            "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {}",
            fault.code, fault.message
        ))
    })
}
