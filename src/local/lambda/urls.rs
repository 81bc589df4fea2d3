//! Function URLs: one for the function itself and one for each alias.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html>. Here is only their
//! configuration; the front serves them and asks [`super::Lambda::url_owner`].

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Local;
use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, conflict, invalid, missing};
use super::model::{Function, Url, iso_time, now_ms};
use super::names::{FunctionRef, is_alias};
use super::{Lambda, page};

/// `POST /2021-10-31/functions/{name}/url`
pub(super) fn create(lambda: &Lambda, local: &Arc<Local>, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let auth = auth_type(&body)?.ok_or_else(|| invalid("null", "authType", "Member must not be null"))?;
    let (mode, cors) = (invoke_mode(&body)?.unwrap_or_else(|| "BUFFERED".to_owned()), cors(&body)?);
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let key = key(function, at)?;
        if function.urls.contains_key(&key) {
            return Err(conflict(format!(
                "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists \
                 for this Lambda function",
                at.asked_arn()
            )));
        }
        let now = now_ms();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let url = Url { id, auth, cors, mode, created: now, modified: now };
        let mut shown = show(local, at, &key, &url);
        shown.remove("LastModifiedTime");
        function.urls.insert(key, url);
        Ok(Reply::json(201, &shown.into()))
    })
}

/// `GET /2021-10-31/functions/{name}/url`
pub(super) fn get(lambda: &Lambda, local: &Arc<Local>, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.read(|state| {
        let function = state.find(at)?;
        let key = key(function, at)?;
        let url = function.urls.get(&key).ok_or_else(none)?;
        Ok(Reply::json(200, &show(local, at, &key, url).into()))
    })
}

/// `PUT /2021-10-31/functions/{name}/url`
pub(super) fn update(lambda: &Lambda, local: &Arc<Local>, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let (auth, mode, cors) = (auth_type(&body)?, invoke_mode(&body)?, cors(&body)?);
    let cors_given = body.member("Cors").is_some();
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let key = key(function, at)?;
        let url = function.urls.get_mut(&key).ok_or_else(none)?;
        url.auth = auth.unwrap_or(std::mem::take(&mut url.auth));
        url.mode = mode.unwrap_or(std::mem::take(&mut url.mode));
        if cors_given {
            url.cors = cors;
        }
        url.modified = now_ms();
        Ok(Reply::json(200, &show(local, at, &key, url).into()))
    })
}

/// `DELETE /2021-10-31/functions/{name}/url`
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let key = key(function, at)?;
        function.urls.remove(&key).map(|_| Reply::empty(204)).ok_or_else(none)
    })
}

/// `GET /2021-10-31/functions/{name}/urls`
pub(super) fn list(lambda: &Lambda, local: &Arc<Local>, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let shown = lambda.store.read(|state| {
        let urls = state.find(at)?.urls.iter();
        Ok(urls.map(|(key, url)| (key.clone(), show(local, at, key, url).into())).collect())
    })?;
    page::reply(request, "FunctionUrlConfigs", shown)
}

fn none() -> Fault {
    missing("The resource you requested does not exist.")
}

/// The alias the URL belongs to, empty for the function's own.
fn key(function: &Function, at: &FunctionRef) -> Result<String, Fault> {
    let Some(qualifier) = at.qualifier.as_deref() else { return Ok(String::new()) };
    if !is_alias(qualifier) {
        let constraint = "Member must satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)";
        return Err(invalid(qualifier, "qualifier", constraint));
    }
    if !function.aliases.contains_key(qualifier) {
        return Err(missing("Function does not exist"));
    }
    Ok(qualifier.to_owned())
}

fn choice(body: &Body, member: &str, at: &str, known: &[&str]) -> Result<Option<String>, Fault> {
    let asked = body.text(member)?;
    if let Some(other) = asked.as_deref().filter(|asked| !known.contains(asked)) {
        return Err(invalid(other, at, &format!("Member must satisfy enum value set: [{}]", known.join(", "))));
    }
    Ok(asked)
}

fn auth_type(body: &Body) -> Result<Option<String>, Fault> {
    choice(body, "AuthType", "authType", &["NONE", "AWS_IAM"])
}

fn invoke_mode(body: &Body) -> Result<Option<String>, Fault> {
    choice(body, "InvokeMode", "invokeMode", &["RESPONSE_STREAM", "BUFFERED"])
}

/// The CORS members, each of its type; an empty object is none.
fn cors(body: &Body) -> Result<Option<Value>, Fault> {
    let Some(cors) = body.object("Cors")? else { return Ok(None) };
    let mut kept = Map::new();
    if cors.member("AllowCredentials").is_some() {
        kept.insert("AllowCredentials".into(), cors.flag("AllowCredentials")?.into());
    }
    for member in ["AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders"] {
        if let Some(texts) = cors.texts(member)? {
            kept.insert(member.into(), texts.into());
        }
    }
    if let Some(age) = cors.number("MaxAge")? {
        if !(0..=86_400).contains(&age) {
            return Err(invalid(&age.to_string(), "cors.maxAge", "Member must have value less than or equal to 86400"));
        }
        kept.insert("MaxAge".into(), age.into());
    }
    Ok((!kept.is_empty()).then_some(kept.into()))
}

fn show(local: &Arc<Local>, at: &FunctionRef, key: &str, url: &Url) -> Map<String, Value> {
    let arn = if key.is_empty() { at.arn() } else { at.arn_of(key) };
    let mut shown = Map::new();
    let address = format!("http://{}.lambda-url.{}.localhost:{}/", url.id, at.region, local.port);
    shown.insert("FunctionUrl".into(), address.into());
    shown.insert("FunctionArn".into(), arn.into());
    shown.insert("AuthType".into(), url.auth.as_str().into());
    if let Some(cors) = &url.cors {
        shown.insert("Cors".into(), cors.clone());
    }
    shown.insert("CreationTime".into(), iso_time(url.created).into());
    shown.insert("LastModifiedTime".into(), iso_time(url.modified).into());
    shown.insert("InvokeMode".into(), url.mode.as_str().into());
    shown
}
