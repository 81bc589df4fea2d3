//! Layers: versions of zips that functions get in their `/opt`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html>. Layers of other accounts, layer
//! permissions and layers with extensions are refused by name.

mod attach;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(super) use self::attach::{Attached, asked, fits};
use super::super::wire::{Fault, Reply, Request};
use super::super::{ACCOUNT, Local};
use super::body::{Body, invalid, missing, refused};
use super::model::{Code, State, lambda_time, now_ms};
use super::{Lambda, functions, page};

/// A layer. It stays when its last version is deleted, so that no number is given twice.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Layer {
    versions: BTreeMap<u64, LayerVersion>,
    /// The last number that was given.
    last: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LayerVersion {
    code: Code,
    description: Option<String>,
    /// ms since the epoch.
    created: i64,
    runtimes: Vec<String>,
    architectures: Vec<String>,
    license: Option<String>,
}

/// A layer's place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LayerRef {
    region: String,
    name: String,
}

const PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:\
                       [a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+";

impl LayerRef {
    /// From a name, or an ARN without a version.
    fn parse(text: &str, region: &str) -> Result<Self, Fault> {
        let unmatched =
            || invalid(text, "layerName", &format!("Member must satisfy regular expression pattern: {PATTERN}"));
        if text.len() > 140 {
            return Err(invalid(text, "layerName", "Member must have length less than or equal to 140"));
        }
        let name = match text.split(':').collect::<Vec<_>>().as_slice() {
            [name] => *name,
            ["arn", _, "lambda", other, account, "layer", name] => {
                if *account != ACCOUNT {
                    return Err(foreign());
                }
                if *other != region {
                    return Err(missing(format!(
                        "Layers from '{other}' are not reachable in this region ('{region}')"
                    )));
                }
                *name
            }
            _ => return Err(unmatched()),
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(unmatched());
        }
        Ok(Self { region: region.to_owned(), name: name.to_owned() })
    }

    fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:layer:{}", self.region, self.name)
    }
}

impl State {
    fn layer(&self, at: &LayerRef) -> Option<&Layer> {
        self.layers.get(&at.region)?.get(&at.name)
    }
}

impl Layer {
    /// The zips of all versions.
    pub(super) fn codes(&self) -> impl Iterator<Item = &Code> {
        self.versions.values().map(|version| &version.code)
    }
}

impl LayerVersion {
    /// As lists show it.
    fn show(&self, at: &LayerRef, number: u64) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("LayerVersionArn", format!("{}:{number}", at.arn()).into());
        put("Version", number.into());
        if let Some(description) = &self.description {
            put("Description", description.as_str().into());
        }
        put("CreatedDate", lambda_time(self.created).into());
        if !self.runtimes.is_empty() {
            put("CompatibleRuntimes", json!(self.runtimes));
        }
        if !self.architectures.is_empty() {
            put("CompatibleArchitectures", json!(self.architectures));
        }
        if let Some(license) = &self.license {
            put("LicenseInfo", license.as_str().into());
        }
        shown
    }

    /// As single-version operations show it: with the layer's ARN and where its zip is.
    fn show_whole(&self, local: &Arc<Local>, at: &LayerRef, number: u64) -> Value {
        let mut shown = self.show(at, number);
        let content = json!({
            "Location": functions::location(local, &self.code),
            "CodeSha256": self.code.base64(),
            "CodeSize": self.code.size,
        });
        shown.insert("Content".to_owned(), content);
        shown.insert("LayerArn".to_owned(), at.arn().into());
        shown.into()
    }

    fn suits(&self, filter: &Filter) -> bool {
        filter.runtime.as_ref().is_none_or(|runtime| self.runtimes.contains(runtime))
            && filter.architecture.as_ref().is_none_or(|architecture| self.architectures.contains(architecture))
    }
}

/// `POST /2018-10-31/layers/{name}/versions`
pub(super) async fn publish(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    name: &str,
) -> Result<Reply, Fault> {
    let at = LayerRef::parse(name, &request.region)?;
    let body = Body::of(request)?;
    let text = |member: &str, at: &str, most: usize| match body.text(member)? {
        Some(text) if text.chars().count() > most => {
            Err(invalid(&text, at, &format!("Member must have length less than or equal to {most}")))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    };
    let mut version = LayerVersion {
        code: Code { sha256: String::new(), size: 0, unzipped: 0 },
        description: text("Description", "description", 256)?,
        created: now_ms(),
        runtimes: runtimes(&body)?,
        architectures: architectures(&body)?,
        license: text("LicenseInfo", "licenseInfo", 512)?,
    };
    let content = body.object("Content")?.ok_or_else(|| invalid("null", "content", "Member must not be null"))?;
    version.code = functions::take(lambda, local, &content, true).await?;
    let zip = lambda.packages.zip(&version.code.sha256);
    if super::code::blocking(move || super::unzip::has_folder(&zip, "extensions")).await? {
        return Err(Fault::unsupported("lambda", "a layer with extensions"));
    }
    lambda.store.write(|state| {
        let layer = state.layers.entry(at.region.clone()).or_default().entry(at.name.clone()).or_default();
        layer.last += 1;
        let shown = version.show_whole(local, &at, layer.last);
        layer.versions.insert(layer.last, version);
        Ok(Reply::json(201, &shown))
    })
}

/// `GET /2018-10-31/layers/{name}/versions/{number}`
pub(super) fn get(
    lambda: &Lambda,
    local: &Arc<Local>,
    request: &Request,
    name: &str,
    number: &str,
) -> Result<Reply, Fault> {
    let at = LayerRef::parse(name, &request.region)?;
    let number = version_number(number)?;
    lambda.store.read(|state| {
        let version = state.layer(&at).and_then(|layer| layer.versions.get(&number)).ok_or_else(gone)?;
        Ok(Reply::json(200, &version.show_whole(local, &at, number)))
    })
}

/// `GET /2018-10-31/layers?find=LayerVersion&Arn={arn}`
pub(super) fn get_by_arn(lambda: &Lambda, local: &Arc<Local>, request: &Request) -> Result<Reply, Fault> {
    let arn = request.param("Arn").unwrap_or_default();
    let (layer, number) = attach::versioned(&arn, &arn, "arn")?;
    get(lambda, local, request, layer, number)
}

/// `GET /2018-10-31/layers`
pub(super) fn list(lambda: &Lambda, request: &Request) -> Result<Reply, Fault> {
    let filter = Filter::of(request)?;
    let shown = lambda.store.read(|state| {
        let layers = state.layers.get(&request.region).into_iter().flatten();
        layers
            .filter_map(|(name, layer)| {
                let at = LayerRef { region: request.region.clone(), name: name.clone() };
                let (number, newest) = layer.versions.iter().rev().find(|(_, version)| version.suits(&filter))?;
                let newest = newest.show(&at, *number);
                let shown = json!({ "LayerName": name, "LayerArn": at.arn(), "LatestMatchingVersion": newest });
                Some((name.clone(), shown))
            })
            .collect()
    });
    page::reply(request, "Layers", shown)
}

/// `GET /2018-10-31/layers/{name}/versions`, newest first. A layer that is not there has none.
pub(super) fn versions(lambda: &Lambda, request: &Request, name: &str) -> Result<Reply, Fault> {
    let at = LayerRef::parse(name, &request.region)?;
    let filter = Filter::of(request)?;
    let shown = lambda.store.read(|state| {
        let versions = state.layer(&at).into_iter().flat_map(|layer| layer.versions.iter().rev());
        versions
            .filter(|(_, version)| version.suits(&filter))
            .map(|(number, version)| (number.to_string(), version.show(&at, *number).into()))
            .collect()
    });
    page::reply(request, "LayerVersions", shown)
}

/// `DELETE /2018-10-31/layers/{name}/versions/{number}`. Deleting what is not there is no fault; functions
/// that have the version keep it: "a copy of the version remains in Lambda until no functions refer to it".
/// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html>
pub(super) fn delete(lambda: &Lambda, request: &Request, name: &str, number: &str) -> Result<Reply, Fault> {
    let at = LayerRef::parse(name, &request.region)?;
    let number = version_number(number)?;
    lambda.store.write(|state| {
        if let Some(layer) = state.layers.get_mut(&at.region).and_then(|layers| layers.get_mut(&at.name)) {
            layer.versions.remove(&number);
        }
        Ok(())
    })?;
    lambda.tidy();
    Ok(Reply::empty(204))
}

/// `CompatibleRuntime` and `CompatibleArchitecture` of the lists.
struct Filter {
    runtime: Option<String>,
    architecture: Option<String>,
}

impl Filter {
    fn of(request: &Request) -> Result<Self, Fault> {
        let given = |name: &str| request.param(name).filter(|value| !value.is_empty());
        let most = given("MaxItems").and_then(|most| most.parse::<u32>().ok());
        if let Some(most) = most.filter(|most| *most > 50) {
            return Err(invalid(&most.to_string(), "maxItems", "Member must have value less than or equal to 50"));
        }
        let filter = Self { runtime: given("CompatibleRuntime"), architecture: given("CompatibleArchitecture") };
        if let Some(runtime) = filter.runtime.as_deref().filter(|runtime| !is_runtime(runtime)) {
            return Err(invalid(runtime, "compatibleRuntime", UNKNOWN_RUNTIME));
        }
        if let Some(other) = filter.architecture.as_deref().filter(|name| !ARCHITECTURES.contains(name)) {
            return Err(invalid(
                other,
                "compatibleArchitecture",
                "Member must satisfy enum value set: [x86_64, arm64]",
            ));
        }
        Ok(filter)
    }
}

const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];
const UNKNOWN_RUNTIME: &str = "Member must satisfy enum value set of runtimes (nodejs…, python…, java…, dotnet…, \
                               ruby…, go1.x, provided…)";

/// Whether AWS may have a runtime of this name. New ones must not be refused for being new.
fn is_runtime(name: &str) -> bool {
    ["nodejs", "python", "java", "dotnet", "ruby", "go1.x", "provided"].iter().any(|prefix| name.starts_with(prefix))
}

fn runtimes(body: &Body) -> Result<Vec<String>, Fault> {
    let given = body.texts("CompatibleRuntimes")?.unwrap_or_default();
    let shown = || format!("[{}]", given.join(", "));
    if given.len() > 15 {
        return Err(invalid(&shown(), "compatibleRuntimes", "Member must have length less than or equal to 15"));
    }
    if !given.iter().all(|name| is_runtime(name)) {
        return Err(invalid(&shown(), "compatibleRuntimes", UNKNOWN_RUNTIME));
    }
    Ok(given)
}

fn architectures(body: &Body) -> Result<Vec<String>, Fault> {
    let given = body.texts("CompatibleArchitectures")?.unwrap_or_default();
    let shown = || format!("[{}]", given.join(", "));
    if given.len() > 2 {
        return Err(invalid(&shown(), "compatibleArchitectures", "Member must have length less than or equal to 2"));
    }
    if !given.iter().all(|name| ARCHITECTURES.contains(&name.as_str())) {
        let constraint = "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], \
                          Member must not be null]";
        return Err(invalid(&shown(), "compatibleArchitectures", constraint));
    }
    Ok(given)
}

fn version_number(text: &str) -> Result<u64, Fault> {
    let number = text.parse().map_err(|_| invalid(text, "versionNumber", "Member must be a number"))?;
    if number == 0 { Err(refused("Layer Version Cannot be less than 1.")) } else { Ok(number) }
}

fn gone() -> Fault {
    missing("The resource you requested does not exist.")
}

fn foreign() -> Fault {
    Fault::unsupported("lambda", "layers of other accounts")
}
