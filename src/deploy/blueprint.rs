//! All the resources a stage should consist of. Pure: config and packages in, resources out.

use std::collections::BTreeMap;

use super::kinds::{Any, Api, Artifact, Bucket, Function, Kind, LogGroup, Role, Settings, Url};
use super::names::{bucket_name, function_name, log_group_name, role_name};
use super::resource::{Key, Owner};
use crate::aws::Cloud;
use crate::config::{FunctionConfig, Http, StageConfig};
use crate::error::{Error, Result};
use crate::package::Package;

/// Where a stage lives: what names and ARNs are made of.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) partition: String,
}

impl Place {
    pub(crate) fn of(cloud: &Cloud) -> Self {
        Self { account: cloud.account.clone(), region: cloud.region.clone(), partition: cloud.partition.clone() }
    }

    fn arn(&self, service: &str, region: &str, what: &str) -> String {
        format!("arn:{}:{service}:{region}:{}:{what}", self.partition, self.account)
    }
}

/// What a stage should consist of.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    pub(crate) owner: Owner,
    pub(crate) resources: Vec<Any>,
}

/// Draws the blueprint of a stage. `packages` has one entry per function of the config that is no image.
pub(crate) fn blueprint(stage: &StageConfig, packages: &BTreeMap<String, Package>, place: &Place) -> Result<Blueprint> {
    let owner = Owner { app: stage.app.clone(), stage: stage.stage.clone() };
    let bucket = bucket_name(&place.account, &place.region);
    let role = role_name(&owner, &place.region);
    let mut resources = vec![Any::Bucket(Bucket::wanted(&place.account, &place.region))];
    let mut artifacts = BTreeMap::new();
    let mut groups = Vec::new();
    let mut statements = Vec::new();
    let mut functions = Vec::new();
    let none = Package::default();
    for config in stage.functions.values() {
        let is_image = config.entry.image().is_some();
        let Some(package) = packages.get(&config.name).or(is_image.then_some(&none)) else {
            return Err(Error::failed(format!("the function `{}` has no package", config.name)));
        };
        if !is_image {
            artifacts.entry(&package.sha256).or_insert_with(|| Artifact::wanted(&owner.app, &bucket, package));
        }
        let name = function_name(&owner, &config.name);
        let group = log_group_name(&name);
        groups.push(place.arn("logs", &place.region, &format!("log-group:{group}")));
        for statement in &config.policies {
            if !statements.contains(statement) {
                statements.push(statement.clone());
            }
        }
        resources.push(Any::LogGroup(LogGroup {
            name: group,
            owner: owner.clone(),
            retention_days: Some(config.log_retention),
        }));
        functions.push(function(config, package, name, &owner, place.arn("iam", "", &format!("role/{role}")), &bucket));
    }
    resources.push(Any::Role(Role::wanted(role, owner.clone(), &groups, statements)));
    resources.extend(artifacts.into_values().map(Any::Artifact));
    for config in stage.functions.values().filter(|config| config.http == Some(Http::Rest)) {
        let function = function_name(&owner, &config.name);
        resources.push(Any::Api(Api::wanted(&owner, &function, config.entry.is_wsgi())));
    }
    resources.extend(functions.into_iter().map(Any::Function));
    Ok(Blueprint { owner, resources })
}

fn function(
    config: &FunctionConfig,
    package: &Package,
    name: String,
    owner: &Owner,
    role_arn: String,
    bucket: &str,
) -> Function {
    let settings = Settings::wanted(config, package, role_arn);
    let mut after = Function::after_of(&settings, &name);
    let artifact = Artifact::key_of(&owner.app, package);
    let object = artifact.name.clone();
    if !settings.is_image() {
        after.push(artifact);
    }
    Function {
        name,
        short_name: config.name.clone(),
        owner: owner.clone(),
        settings,
        url: if config.http == Some(Http::Url) { Url::Open } else { Url::None },
        serving: true,
        artifact: (bucket.to_owned(), object),
        after,
        decided: super::kinds::Decided::default(),
    }
}

/// The blueprint of `update`: the live functions with nothing but new code, and the artifacts for it.
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
    let mut artifacts = BTreeMap::new();
    let mut resources = Vec::new();
    for function in live {
        if let Some(uri) = images.get(function.short_name.as_str()) {
            resources.push(Any::Function(function.with_image(uri)));
            continue;
        }
        let Some(package) = packages.get(&function.short_name) else {
            return Err(Error::failed(format!("the function `{}` has no package", function.short_name)));
        };
        let mut wanted = function.clone();
        wanted.settings.code_sha256.clone_from(&package.code_sha256);
        wanted.settings.image.clear();
        wanted.serving = true;
        wanted.decided = super::kinds::Decided::default();
        if wanted.settings.code_sha256 != function.settings.code_sha256 {
            let artifact =
                artifacts.entry(&package.sha256).or_insert_with(|| Artifact::wanted(&owner.app, &bucket, package));
            wanted.artifact = (bucket.clone(), artifact.object.clone());
            wanted.after = vec![Key::new(Kind::Artifact, &artifact.object)];
        }
        resources.push(Any::Function(wanted));
    }
    resources.extend(artifacts.into_values().map(Any::Artifact));
    Ok(Blueprint { owner: owner.clone(), resources })
}
