//! What makes two versions of a function equal: its configuration and its code, in AWS's terms.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::{EphemeralStorage, FunctionConfiguration};
use serde::Serialize;

use super::image::Started;
use super::layers;
use crate::config::FunctionConfig;
use crate::deploy::resource::Owner;
use crate::package::Package;

/// Configuration and code of a function, as wanted or as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Settings {
    pub(crate) runtime: String,
    pub(crate) handler: String,
    pub(crate) arch: String,
    /// MB.
    pub(crate) memory: i32,
    /// Seconds.
    pub(crate) timeout: i32,
    /// MB of `/tmp`.
    pub(crate) ephemeral_storage: i32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    /// The role's ARN.
    pub(crate) role: String,
    pub(crate) env: BTreeMap<String, String>,
    /// The ARN of what takes asynchronous events that were given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter: Option<String>,
    /// In their order: rzap's own by name, others by the ARN of the version.
    pub(crate) layers: Vec<String>,
    /// Base64 of the SHA-256 of the zip; empty for an image.
    pub(crate) code_sha256: String,
    /// The address of the container image; empty for a zip.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) image: String,
    #[serde(skip_serializing_if = "Started::is_default")]
    pub(crate) image_config: Started,
}

/// Starts another runtime in the place of AWS's: the bridge's own, which can stream.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper>
const WRAPPER: (&str, &str) = ("AWS_LAMBDA_EXEC_WRAPPER", "/var/task/rzap_web/start");

impl Settings {
    /// As the config and the package want it.
    pub(crate) fn wanted(config: &FunctionConfig, package: &Package, role_arn: String, layers: Vec<String>) -> Self {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        let image = config.entry.image();
        let (name, start) = WRAPPER;
        let wrapper = Self::wants_bridge_runtime(config).then(|| (name.to_owned(), start.to_owned()));
        let env = config.env.clone().into_iter().chain(wrapper);
        Self {
            runtime: config.runtime.clone(),
            handler: package.handler.clone(),
            arch: config.arch.as_str().to_owned(),
            memory: number(config.memory),
            timeout: number(config.timeout),
            ephemeral_storage: number(config.ephemeral_storage),
            description: config.description.clone().unwrap_or_default(),
            role: role_arn,
            env: env.collect(),
            dead_letter: None,
            layers,
            code_sha256: package.code_sha256.clone(),
            image: image.map(|image| image.uri.clone()).unwrap_or_default(),
            image_config: image.map(Started::wanted).unwrap_or_default(),
        }
    }

    /// True when the bridge's runtime is to run it instead of AWS's.
    pub(super) fn wants_bridge_runtime(config: &FunctionConfig) -> bool {
        config.entry.is_web() && (config.web.stream || config.web.exec)
    }

    /// True when the bridge's runtime runs it.
    pub(super) fn has_bridge_runtime(&self) -> bool {
        self.env.get(WRAPPER.0).is_some_and(|start| start == WRAPPER.1)
    }

    /// As AWS says it is, as far as the configuration has it. (It does not have the image.)
    pub(crate) fn found(config: &FunctionConfiguration, owner: &Owner) -> Self {
        Self {
            runtime: config.runtime().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            handler: config.handler().unwrap_or_default().to_owned(),
            arch: config.architectures().first().map_or_else(|| "x86_64".to_owned(), |it| it.as_str().to_owned()),
            memory: config.memory_size().unwrap_or_default(),
            timeout: config.timeout().unwrap_or_default(),
            // Emulators leave out what was not set; 512 MB is AWS's default.
            ephemeral_storage: config.ephemeral_storage().map_or(512, EphemeralStorage::size),
            description: config.description().unwrap_or_default().to_owned(),
            role: config.role().unwrap_or_default().to_owned(),
            env: config.environment().and_then(|it| it.variables()).cloned().unwrap_or_default().into_iter().collect(),
            dead_letter: config
                .dead_letter_config()
                .and_then(|it| it.target_arn())
                .filter(|arn| !arn.is_empty())
                .map(str::to_owned),
            layers: layers::found(owner, config.layers().iter().filter_map(|layer| layer.arn())),
            code_sha256: config.code_sha256().unwrap_or_default().to_owned(),
            image: String::new(),
            image_config: Started::found(config),
        }
    }

    /// True when only a code update is needed to get from `other` to here.
    pub(crate) fn same_configuration(&self, other: &Self) -> bool {
        let without_code =
            |it: &Self| Self { code_sha256: String::new(), image: String::new(), arch: String::new(), ..it.clone() };
        without_code(self) == without_code(other)
    }

    /// True when code and instruction set are the same. (The two change in one call.)
    pub(crate) fn same_code(&self, other: &Self) -> bool {
        (&self.code_sha256, &self.image, &self.arch) == (&other.code_sha256, &other.image, &other.arch)
    }
}
