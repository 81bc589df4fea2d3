//! All the resources a stage should consist of. Pure: config and packages in, resources out.

mod addresses;
mod asynchronous;
mod permissions;
mod roles;
mod stack;
mod stores;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};

use self::addresses::Addresses;
use self::permissions::allow;

pub(crate) use self::roles::{Drawn, managed_arn, names as role_names, roles};
use super::kinds::{Any, Artifact, Bucket, Function, Kind, Layer, LogGroup, STATIC_PLACE};
use super::kinds::{Settings, StaticFiles, Url};
use super::names::{ALIAS, bucket_name, function_name, layer_name, log_group_name, static_prefix};
use super::resource::{Key, Owner};
use crate::aws::Cloud;
use crate::config::triggers::Source;
use crate::config::{FunctionConfig, StageConfig};
use crate::error::{Error, Result};
use crate::package::{OwnLayer, Package, PackagedLayer, StaticObject};

/// Where a stage lives: what names and ARNs are made of.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) partition: String,
    /// Set when this is not AWS itself.
    pub(crate) endpoint: Option<String>,
}

impl Place {
    pub(crate) fn of(cloud: &Cloud) -> Self {
        Self {
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            partition: cloud.partition.clone(),
            endpoint: cloud.endpoint.clone(),
        }
    }

    /// Where the static files of an app are: bucket and prefix.
    fn static_files(&self, app: &str) -> String {
        format!("{}/{}", bucket_name(&self.account, &self.region), static_prefix(app))
    }

    /// Where a service is asked: `https://sqs.eu-west-1.amazonaws.com`.
    fn service_url(&self, service: &str) -> String {
        let suffix = if self.partition == "aws-cn" { ".cn" } else { "" };
        let own = || format!("https://{service}.{}.amazonaws.com{suffix}", self.region);
        self.endpoint.clone().unwrap_or_else(own)
    }

    fn arn(&self, service: &str, region: &str, what: &str) -> String {
        format!("arn:{}:{service}:{region}:{}:{what}", self.partition, self.account)
    }
}

/// What whoever draws a part of the blueprint looks at.
#[derive(Debug)]
struct Drawing<'a> {
    stage: &'a StageConfig,
    owner: Owner,
    place: &'a Place,
    addresses: Addresses,
}

impl<'a> Drawing<'a> {
    fn new(stage: &'a StageConfig, place: &'a Place) -> Self {
        let owner = Owner::of(stage);
        Self { addresses: Addresses::of(stage, &owner, place), stage, owner, place }
    }

    /// The ARN of a function's alias `live`.
    fn alias(&self, function: &FunctionConfig) -> String {
        let what = format!("function:{}:{ALIAS}", function_name(&self.owner, &function.name));
        self.place.arn("lambda", &self.place.region, &what)
    }
}

/// The rare kinds that a config speaks of: what its blueprint may have besides what every stage has.
pub(crate) fn kinds_of(stage: &StageConfig) -> BTreeSet<Kind> {
    let mut kinds = BTreeSet::new();
    for function in stage.functions.values() {
        kinds.extend(triggers::http::kinds(function.http));
        if function.web.keep_warm {
            kinds.extend(triggers::schedule::KINDS);
        }
        kinds.extend(asynchronous::kinds(function));
        kinds.extend(function.triggers.iter().flat_map(|trigger| triggers::of(trigger).kinds()));
    }
    kinds.extend(stage.cloudformation.iter().map(|_| Kind::Stack));
    kinds.extend(stage.resources.values().flat_map(|resource| stores::of(resource).kinds()));
    kinds
}

/// The ARN of what a trigger of a stage names.
///
/// # Errors
/// The stage has no such resource: the config should have refused it.
pub(crate) fn source_arn(stage: &StageConfig, place: &Place, source: &Source) -> Result<String> {
    Addresses::of(stage, &Owner::of(stage), place).arn(source)
}

/// What a stage should consist of.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    pub(crate) owner: Owner,
    pub(crate) resources: Vec<Any>,
}

impl Blueprint {
    /// An update of what holds data may delete it, where that shows only while it is carried out.
    pub(crate) fn allow_deleting_data(&mut self) {
        for any in &mut self.resources {
            if let Any::Stack(stack) = any {
                stack.delete_data = true;
            }
        }
    }
}

/// Draws the blueprint of a stage. `packages` has one entry per function of the config that is no image.
pub(crate) fn blueprint(stage: &StageConfig, packages: &BTreeMap<String, Package>, place: &Place) -> Result<Blueprint> {
    let owner = Owner::of(stage);
    let bucket = bucket_name(&place.account, &place.region);
    let mut resources = vec![Any::Bucket(Bucket::wanted(&place.account, &place.region))];
    let drawing = Drawing::new(stage, place);
    let layers = Layers::of(stage.functions.keys().filter_map(|name| packages.get(name)));
    let mut artifacts = layers.artifacts(&owner, &bucket, |_| true);
    let mut functions = Vec::new();
    let none = Package::default();
    for config in stage.functions.values() {
        let is_image = config.entry.image().is_some();
        let Some(package) = packages.get(&config.name).or(is_image.then_some(&none)) else {
            return Err(Error::failed(format!("the function `{}` has no package", config.name)));
        };
        if !is_image {
            artifacts.entry(&package.sha256).or_insert_with(|| artifact(&owner, &bucket, package));
        }
        let name = function_name(&owner, &config.name);
        let group = log_group_name(&name);
        resources.push(Any::LogGroup(LogGroup {
            name: group,
            owner: owner.clone(),
            retention_days: Some(config.log_retention),
        }));
        let mut settings =
            Settings::wanted(config, package, roles::arn(&drawing, config), layers.names(&owner, package));
        for value in settings.env.values_mut() {
            *value = drawing.addresses.fill(value)?;
        }
        for name in config.uses.keys() {
            for (variable, value) in drawing.addresses.get(name)?.variables.clone() {
                settings.env.entry(variable).or_insert(value);
            }
        }
        if package.static_files.is_some() {
            settings.env.insert(STATIC_PLACE.to_owned(), place.static_files(&owner.app));
        }
        let (letters, after) = asynchronous::dead_letter(config, &drawing)?;
        settings.dead_letter = letters;
        functions.push(function(config, package, name, (&owner, after), settings, &bucket));
    }
    resources.extend(StaticFiles::wanted(&owner, &bucket, objects(packages.values())).map(Any::StaticFiles));
    resources.extend(roles::of_functions(&drawing)?.into_iter().map(|drawn| Any::Role(drawn.role)));
    resources.extend(artifacts.into_values().map(Any::Artifact));
    resources.extend(layers.wanted(&owner, &bucket).map(Any::Layer));
    resources.extend(triggers::http::of_stage(&drawing));
    resources.extend(functions.into_iter().map(Any::Function));
    for (name, resource) in &stage.resources {
        resources.extend(stores::of(resource).wanted(name, &drawing)?);
    }
    for config in stage.functions.values() {
        resources.extend(asynchronous::wanted(config, &drawing)?);
        for trigger in &config.triggers {
            resources.extend(triggers::of(trigger).wanted(config, &drawing)?);
        }
    }
    resources.extend(triggers::s3::of_stage(&drawing)?);
    resources.extend(triggers::cognito::of_stage(&drawing)?);
    resources.extend(triggers::schedule::of_stage(&drawing));
    resources.extend(stores::alarm::of_stage(&drawing));
    resources.extend(stack::of_stage(&drawing)?);
    Ok(Blueprint { owner, resources })
}

fn function(
    config: &FunctionConfig,
    package: &Package,
    name: String,
    (owner, mut after): (&Owner, Vec<Key>),
    settings: Settings,
    bucket: &str,
) -> Function {
    after.extend(Function::after_of(&settings, &name));
    let artifact = Artifact::key_of(&owner.app, &package.sha256);
    let object = artifact.name.clone();
    if !settings.is_image() {
        after.push(artifact);
    }
    Function {
        name,
        short_name: config.name.clone(),
        owner: owner.clone(),
        settings,
        reserved_concurrency: config.concurrency.reserved.and_then(|count| i32::try_from(count).ok()),
        url: Url::wanted(config),
        serving: true,
        artifact: (bucket.to_owned(), object),
        direct: None,
        after,
        decided: super::kinds::Decided::default(),
    }
}

/// What the functions of these packages serve from S3.
fn objects<'a>(packages: impl Iterator<Item = &'a Package>) -> impl Iterator<Item = &'a StaticObject> {
    packages.flat_map(|package| &package.static_files).flat_map(|files| &files.objects)
}

fn artifact(owner: &Owner, bucket: &str, package: &Package) -> Artifact {
    Artifact::wanted(&owner.app, bucket, (&package.sha256, package.zipped, &package.file))
}

/// The layers of a stage by their content's hash: functions that have the same one share it.
struct Layers<'a>(BTreeMap<&'a str, &'a OwnLayer>);

impl<'a> Layers<'a> {
    fn of(packages: impl Iterator<Item = &'a Package>) -> Self {
        let mut layers: BTreeMap<&str, &OwnLayer> = BTreeMap::new();
        for layer in packages.flat_map(Package::own_layers) {
            // Folders of equal content are one layer, under the first of their names.
            let entry = layers.entry(layer.sha256.as_str()).or_insert(layer);
            if layer.part < entry.part {
                *entry = layer;
            }
        }
        Self(layers)
    }

    fn wanted(&self, owner: &Owner, bucket: &str) -> impl Iterator<Item = Layer> {
        self.0.values().map(|layer| Layer::wanted(owner, bucket, layer))
    }

    /// The zips of the layers, of those whose names `needed` says yes to.
    fn artifacts(&self, owner: &Owner, bucket: &str, needed: impl Fn(&str) -> bool) -> BTreeMap<&'a str, Artifact> {
        let needed = self.0.iter().filter(|(_, layer)| needed(&Layer::wanted(owner, bucket, layer).name));
        needed
            .map(|(sha256, layer)| {
                (*sha256, Artifact::wanted(&owner.app, bucket, (&layer.sha256, layer.zipped, &layer.file)))
            })
            .collect()
    }

    /// What a function's settings say of its layers.
    fn names(&self, owner: &Owner, package: &Package) -> Vec<String> {
        let name = |layer: &PackagedLayer| match layer {
            PackagedLayer::Arn(arn) => arn.clone(),
            PackagedLayer::Own(layer) => {
                let layer = self.0.get(layer.sha256.as_str()).copied().unwrap_or(layer);
                layer_name(owner, &layer.part, &layer.sha256)
            }
        };
        package.layers.iter().map(name).collect()
    }
}

/// The most bytes of one package that an update sends to Lambda itself, to all functions together: base64 makes
/// them a third more, so that for a large one the way by the bucket is the shorter one. Lambda takes up to 50 MB:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const DIRECT: u64 = 2 << 20;

/// The blueprint of `update`: the live functions with nothing but new code and layers, and what brings
/// them there.
///
/// `live` are functions that stand; each must have its package or, by its name, the address of its image.
pub(crate) fn code_only(
    owner: &Owner,
    live: &[Function],
    packages: &BTreeMap<String, Package>,
    images: &BTreeMap<&str, &str>,
    place: &Place,
) -> Result<Blueprint> {
    let bucket = bucket_name(&place.account, &place.region);
    let layers = Layers::of(live.iter().filter_map(|function| packages.get(&function.short_name)));
    // What a function has it has: looking whether the layer is still there would cost a call.
    let had: BTreeSet<&String> = live.iter().flat_map(|function| &function.settings.layers).collect();
    let new = |name: &str| !had.contains(&name.to_owned());
    let mut artifacts = layers.artifacts(owner, &bucket, new);
    let mut changed = Vec::new();
    let fresh = layers.wanted(owner, &bucket).filter(|layer| new(&layer.name));
    let mut resources: Vec<Any> = fresh.map(Any::Layer).collect();
    for function in live {
        if let Some(uri) = images.get(function.short_name.as_str()) {
            resources.push(Any::Function(function.with_image(uri)));
            continue;
        }
        let Some(package) = packages.get(&function.short_name) else {
            return Err(Error::failed(format!("the function `{}` has no package", function.short_name)));
        };
        if package.static_files.is_some() && !function.settings.env.contains_key(STATIC_PLACE) {
            let name = &function.short_name;
            return Err(Error::failed(format!(
                "the function `{name}` serves static files now: new code is not enough"
            ))
            .hint(format!("run `rzap deploy {}`", owner.stage)));
        }
        let mut wanted = function.clone();
        wanted.settings.code_sha256.clone_from(&package.code_sha256);
        wanted.settings.layers = layers.names(owner, package);
        wanted.settings.image.clear();
        wanted.serving = true;
        wanted.decided = super::kinds::Decided::default();
        wanted.after = Function::after_of(&wanted.settings, &wanted.name);
        if wanted.settings.code_sha256 != function.settings.code_sha256 {
            let takers =
                live.iter().filter(|it| packages.get(&it.short_name).is_some_and(|it| it.sha256 == package.sha256));
            if package.zipped.saturating_mul(takers.count() as u64) <= DIRECT {
                wanted.direct = Some((package.file.clone(), package.zipped));
            } else {
                let artifact = artifacts.entry(&package.sha256).or_insert_with(|| artifact(owner, &bucket, package));
                wanted.artifact = (bucket.clone(), artifact.object.clone());
                wanted.after.push(Key::new(Kind::Artifact, &artifact.object));
            }
            // What is served is listed in the package: with the same code it is the same.
            changed.push(package);
        }
        resources.push(Any::Function(wanted));
    }
    resources.extend(artifacts.into_values().map(Any::Artifact));
    let files = StaticFiles::wanted(owner, &bucket, objects(changed.into_iter()));
    resources.extend(files.map(Any::StaticFiles));
    Ok(Blueprint { owner: owner.clone(), resources })
}

/// The layers of `published` that neither the functions of `blueprint` nor `others` have any more.
pub(crate) fn replaced_layers(blueprint: &Blueprint, published: &[Layer], others: &[Function]) -> Vec<Layer> {
    let wanted = blueprint.resources.iter().filter_map(|any| match any {
        Any::Function(function) => Some(function),
        _ => None,
    });
    let used: BTreeSet<&String> = wanted.chain(others).flat_map(|function| &function.settings.layers).collect();
    published.iter().filter(|layer| !used.contains(&layer.name)).cloned().collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
