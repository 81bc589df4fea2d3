//! As whom functions run: a role for each, one that several share, or one that is there already and is left alone.
//! Drawn from the config alone, so that anybody can look at what a function may do before there is one.

use serde_json::{Value, json};

use super::permissions::{self, Grant};
use super::{Drawing, Place};
use crate::config::resources::ResourceConfig;
use crate::config::{FunctionConfig, Role as Wanted, StageConfig};
use crate::deploy::kinds::Role;
use crate::deploy::late;
use crate::deploy::names::{function_name, function_role_name, log_group_name, role_name, role_path};
use crate::deploy::names::{scheduler_role_name, states_role_name};
use crate::deploy::resource::Owner;
use crate::error::Result;

/// A role, who runs as it, and what it may do for which reason.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    /// By the name in the config.
    pub(crate) functions: Vec<String>,
    pub(crate) role: Role,
    pub(crate) grants: Vec<Grant>,
}

/// The roles of a stage's functions, without those that others have made.
///
/// # Errors
/// The policy of one would be too large.
pub(super) fn of_functions(drawing: &Drawing<'_>) -> Result<Vec<Drawn>> {
    let functions: Vec<&FunctionConfig> = drawing.stage.functions.values().collect();
    let (shared, own): (Vec<&FunctionConfig>, Vec<&FunctionConfig>) = functions
        .into_iter()
        .filter(|config| !matches!(config.role, Wanted::Arn(_)))
        .partition(|config| config.role == Wanted::Shared);
    let own = own.into_iter().map(|config| vec![config]);
    let all = own.chain((!shared.is_empty()).then_some(shared));
    all.map(|functions| of(drawing, &functions)).collect()
}

/// The one role of these functions.
fn of(drawing: &Drawing<'_>, functions: &[&FunctionConfig]) -> Result<Drawn> {
    let (owner, place) = (&drawing.owner, drawing.place);
    let mut grants = vec![logs(drawing, functions)];
    for config in functions {
        grants.extend(permissions::of_function(config, drawing)?);
    }
    if functions.iter().any(|config| config.web.static_files.is_some()) {
        grants.push(static_files(drawing));
    }
    let mut statements: Vec<Value> = Vec::new();
    for grant in &grants {
        // Two triggers of one queue, or a trigger and a use, may say the same.
        if !statements.contains(&grant.statement) {
            statements.push(grant.statement.clone());
        }
    }
    let (name, path) = called(owner, place, functions);
    let managed = functions.iter().flat_map(|config| &config.managed_policies);
    let role = Role {
        attached_policies: managed.map(|name| managed_arn(name, &place.partition)).collect(),
        permissions_boundary: functions.iter().find_map(|config| config.permissions_boundary.clone()),
        ..Role::wanted(name, path, owner.clone(), &statements)
    };
    role.check()?;
    Ok(Drawn { functions: functions.iter().map(|config| config.name.clone()).collect(), role, grants })
}

/// Name and path of the role of these functions.
fn called(owner: &Owner, place: &Place, functions: &[&FunctionConfig]) -> (String, String) {
    match functions {
        [config] if config.role == Wanted::Own => {
            (function_role_name(owner, &config.name, &place.region), role_path(owner, &place.region))
        }
        _ => (role_name(owner, &place.region), "/".to_owned()),
    }
}

/// The ARN of the role a function runs as.
pub(super) fn arn(drawing: &Drawing<'_>, config: &FunctionConfig) -> String {
    if let Wanted::Arn(arn) = &config.role {
        return arn.clone();
    }
    let (name, path) = called(&drawing.owner, drawing.place, &[config]);
    drawing.place.arn("iam", "", &format!("role{path}{name}"))
}

/// The names of all roles of a stage that its config wants.
pub(crate) fn names(stage: &StageConfig, region: &str) -> Vec<String> {
    let owner = Owner::of(stage);
    let of_function = |config: &FunctionConfig| match &config.role {
        Wanted::Own => Some(function_role_name(&owner, &config.name, region)),
        Wanted::Shared => Some(role_name(&owner, region)),
        Wanted::Arn(_) => None,
    };
    let functions = stage.functions.values().filter_map(of_function);
    let machines = stage.resources.iter().filter(|(_, it)| matches!(it, ResourceConfig::StateMachine(_)));
    let machines = machines.map(|(name, _)| states_role_name(&owner, name, region));
    // Schedules have no versions: theirs is never kept for one.
    functions.chain(machines).chain([scheduler_role_name(&owner, region)]).collect()
}

/// `AmazonS3ReadOnlyAccess` as `arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess`; an ARN as it is.
pub(crate) fn managed_arn(name: &str, partition: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { format!("arn:{partition}:iam::aws:policy/{name}") }
}

/// What Lambda does in a function's name whenever it runs.
fn logs(drawing: &Drawing<'_>, functions: &[&FunctionConfig]) -> Grant {
    let place = drawing.place;
    let group = |config: &&FunctionConfig| {
        let group = log_group_name(&function_name(&drawing.owner, &config.name));
        format!("{}:*", place.arn("logs", &place.region, &format!("log-group:{group}")))
    };
    let statement = json!({
        "Sid": "WriteOwnLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": functions.iter().map(group).collect::<Vec<_>>(),
    });
    Grant { because: "logs".to_owned(), statement }
}

fn static_files(drawing: &Drawing<'_>) -> Grant {
    let place = drawing.place;
    let statement = json!({
        "Sid": "ReadStaticFiles",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": format!("arn:{}:s3:::{}*", place.partition, place.static_files(&drawing.owner.app)),
    });
    Grant { because: "static".to_owned(), statement }
}

/// What the functions of a stage may do, drawn from its config alone.
///
/// # Errors
/// As of the blueprint.
pub(crate) fn roles(stage: &StageConfig, place: &Place) -> Result<Vec<Drawn>> {
    let mut drawn = of_functions(&Drawing::new(stage, place))?;
    for grant in drawn.iter_mut().flat_map(|drawn| &mut drawn.grants) {
        grant.statement = late::readable(grant.statement.take());
    }
    for drawn in &mut drawn {
        drawn.role.policy = late::readable(drawn.role.policy.take());
    }
    Ok(drawn)
}
