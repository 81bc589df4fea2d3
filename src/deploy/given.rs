//! Values that somebody sets apart from the config: of parameters and secrets.

use super::kinds::{Any, Parameter, Secret};
use super::plan::Plan;
use super::resource::Owner;
use crate::aws::Cloud;
use crate::config::resources as config;
use crate::error::{Error, Result};

/// A parameter of a stage, as it should be.
pub(crate) fn parameter(owner: &Owner, name: &str, config: &config::Parameter) -> Any {
    Any::Parameter(Parameter::wanted(owner, name, config))
}

/// The same of a secret.
pub(crate) fn secret(owner: &Owner, name: &str, config: &config::Secret) -> Any {
    Any::Secret(Secret::wanted(owner, name, config))
}

/// Gives a parameter or a secret a value; whether it was made by that.
///
/// # Errors
/// It is not this stage's, or AWS says no.
pub(crate) async fn set_value(cloud: &Cloud, holder: &Any, value: &config::Hidden) -> Result<bool> {
    match holder {
        Any::Parameter(parameter) => parameter.set(cloud, value).await,
        Any::Secret(secret) => secret.set(cloud, value).await,
        other => Err(Error::failed(format!("the {} has no value", other.key()))),
    }
}

/// The secrets that stand and have no value yet, by their names in the config.
pub(crate) fn without_value(plan: &Plan) -> Vec<String> {
    let secrets = plan.steps.iter().filter_map(|step| match (&step.resource, &step.live) {
        (Any::Secret(secret), Some(Any::Secret(live))) => secret.has_no_value(Some(live)).then_some(secret),
        (Any::Secret(secret), _) => secret.has_no_value(None).then_some(secret),
        _ => None,
    });
    secrets.map(|secret| secret.short_name().to_owned()).collect()
}
