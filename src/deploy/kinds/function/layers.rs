//! The layers of a function, and the order in which configuration and code change when both do.

use super::Function;
use super::patience::Refused;
use crate::aws::{Cloud, is_code};
use crate::deploy::kinds::Layer;
use crate::deploy::names::own_layer;
use crate::deploy::resource::Owner;
use crate::error::Result;

/// The layers of a live function as they are compared: ours by name, because the name has the content's
/// hash and a version's number says nothing; others' by the version's ARN.
pub(super) fn found<'a>(owner: &Owner, arns: impl Iterator<Item = &'a str>) -> Vec<String> {
    arns.map(|arn| own_layer(owner, arn).unwrap_or(arn).to_owned()).collect()
}

impl Function {
    /// The ARNs of its layers' versions, ours looked up by name.
    pub(super) async fn layer_arns(&self, cloud: &Cloud) -> Result<Vec<String>> {
        let mut arns = Vec::new();
        for layer in &self.settings.layers {
            arns.push(if layer.starts_with("arn:") {
                layer.clone()
            } else {
                Layer::newest(cloud, &self.owner, layer).await?
            });
        }
        Ok(arns)
    }

    /// Makes configuration and code so, and publishes.
    ///
    /// Lambda takes one change at a time: configuration, wait, code with publish, wait. Of each it checks
    /// that code and layers together unzip to 250 MB at most, also in between, where the new layers stand
    /// under the old code. When old and new both fit, one of the two orders fits always (if the new code
    /// is the larger one, the new layers fit under the old code; else the old layers fit under the new
    /// code), but how large the old ones are unzipped Lambda does not tell: so the usual order is tried,
    /// and the other one when Lambda refuses it. `live` serves on from its own version in any case.
    ///
    /// The first of these calls names the revision that was found, if there is one: it is refused when somebody
    /// else was quicker.
    pub(super) async fn change(&self, cloud: &Cloud, live: &Self) -> Result<()> {
        let (mut revision, live) = (live.decided.revision.as_deref(), &live.settings);
        let (configured, coded) = (self.settings.same_configuration(live), self.settings.same_code(live));
        if !configured {
            match self.update_configuration(cloud, live, revision.take()).await {
                Ok(()) => self.ready(cloud, None).await?,
                Err(refused) if refused.too_large && !coded && self.settings.layers != live.layers => {
                    self.update_code(cloud, false, None).await?;
                    self.ready(cloud, None).await?;
                    self.update_configuration(cloud, live, None).await?;
                    self.ready(cloud, None).await?;
                    return self.publish(cloud, None).await;
                }
                Err(refused) => return Err(refused.error),
            }
        }
        if coded { self.publish(cloud, revision).await } else { Ok(self.update_code(cloud, true, revision).await?) }
    }
}

/// What only Lambda can see: how large the layers of others are.
pub(super) const TOO_LARGE: &str = "code and all layers together may have 262,144,000 bytes unpacked, and what the layers of others have is known to \
     Lambda only: take one out of `layers`";

/// Whether Lambda refused a call because code and layers would not fit together.
pub(super) fn too_large<E: aws_sdk_lambda::error::ProvideErrorMetadata, R>(
    error: &aws_sdk_lambda::error::SdkError<E, R>,
) -> bool {
    let text = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
    is_code(error, &["InvalidParameterValueException"]) && text.contains("262144000")
}

impl From<Refused> for crate::error::Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}
