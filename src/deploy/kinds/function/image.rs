//! A function that is a container image: which one, and what is started in it.
//!
//! Lambda resolves a tag when it is told to take the image, and not again when the tag moves
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html>). A deploy compares
//! the addresses as they are written; an update of code sends a tag always.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{FunctionConfiguration, ImageConfig};
use serde::Serialize;

use super::{Function, Settings};
use crate::config::Image;
use crate::deploy::loss::{Loss, Replacement};
use crate::deploy::resource::Owner;

/// What Lambda starts in place of what the image says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Started {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workdir: Option<String>,
}

impl Started {
    pub(super) fn wanted(image: &Image) -> Self {
        Self { command: image.command.clone(), entrypoint: image.entrypoint.clone(), workdir: image.workdir.clone() }
    }

    pub(super) fn found(config: &FunctionConfiguration) -> Self {
        let Some(image) = config.image_config_response().and_then(|response| response.image_config()) else {
            return Self::default();
        };
        Self {
            command: image.command().to_vec(),
            entrypoint: image.entry_point().to_vec(),
            workdir: image.working_directory().filter(|folder| !folder.is_empty()).map(str::to_owned),
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// An empty one takes back what was set before.
    pub(super) fn config(&self) -> ImageConfig {
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        ImageConfig::builder()
            .set_command(some(&self.command))
            .set_entry_point(some(&self.entrypoint))
            .set_working_directory(self.workdir.clone())
            .build()
    }
}

impl Settings {
    /// Whether the function is an image rather than a zip.
    pub(crate) fn is_image(&self) -> bool {
        !self.image.is_empty()
    }

    /// As AWS says it is, of the version that was asked for.
    pub(super) fn of(answer: &GetFunctionOutput, owner: &Owner) -> Option<Self> {
        let mut settings = Self::found(answer.configuration()?, owner);
        if let Some(image) = answer.code().and_then(|code| code.image_uri()) {
            image.clone_into(&mut settings.image);
            // Of an image it is the digest, which follows from the address.
            settings.code_sha256.clear();
        }
        Some(settings)
    }
}

/// The image with its digest, whatever it was asked for by.
pub(super) fn resolved(answer: &GetFunctionOutput) -> Option<&str> {
    answer.code().and_then(|code| code.resolved_image_uri())
}

impl Function {
    /// The same with the image at `uri`: what an update of code wants.
    pub(crate) fn with_image(&self, uri: &str) -> Self {
        let mut wanted = self.clone();
        uri.clone_into(&mut wanted.settings.image);
        wanted.settings.code_sha256.clear();
        wanted.serving = true;
        wanted.decided = super::Decided::default();
        wanted
    }

    /// The same with the digest a tag had when Lambda resolved it: no tag is equal to that.
    pub(super) fn with_digest(mut self) -> Self {
        if let Some(resolved) = &self.decided.resolved_image
            && !self.settings.image.contains('@')
        {
            self.settings.image.clone_from(resolved);
        }
        self
    }

    /// What it takes to make an image of a zip, or a zip of an image: "You cannot change the deployment package
    /// type (.zip or container image) of an existing function."
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html>)
    pub(super) fn change_of_type(&self, live: &Self) -> Option<Replacement> {
        let (old, new) = match (live.settings.is_image(), self.settings.is_image()) {
            (false, true) => ("a zip package", "a container image"),
            (true, false) => ("a container image", "a zip package"),
            _ => return None,
        };
        let gone = format!("{old} cannot become {new}: it answers nobody until it is made anew");
        let newest = live.decided.live.get().map(|version| format!(" (up to {version})")).unwrap_or_default();
        let versions = format!("its versions{newest} are deleted: no rollback goes back to them");
        Some(Replacement { fields: vec!["image"], losses: [gone, versions].map(Loss::of_service).into() })
    }
}
