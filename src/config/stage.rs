//! The config of one stage, resolved: what the rest of the house works with.
//!
//! Every default is filled in, every limit of AWS checked, every `${…}` replaced. Nothing in here
//! knows YAML; `raw` does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::access_log::AccessLog;
use super::asynchronous::Asynchronous;
use super::cloudformation::Template;
use super::concurrency::Concurrency;
use super::resources::ResourceConfig;
use super::role::Role;
use super::smoke::Smoke;
use super::traffic::Traffic;
use super::triggers::Trigger;

/// One stage of the app, ready to be packaged and deployed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StageConfig {
    /// The app's name: 1–40 of `[a-z0-9-]`, starting with a letter.
    pub(crate) app: String,
    /// The stage's name: 1–30 of `[a-z0-9-]`, starting with a letter.
    pub(crate) stage: String,
    /// AWS region from the config; `None` leaves it to the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// AWS profile from the config; `None` leaves it to the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// `local: true`: this stage always lives in the local cloud.
    pub(crate) local: bool,
    /// `protect: true`: `undeploy` refuses, and `deploy` what takes something away.
    pub(crate) protect: bool,
    /// The permissions boundary of the roles that no function has: the ARN of a managed policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions_boundary: Option<String>,
    /// What the functions talk to, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resources: BTreeMap<String, ResourceConfig>,
    /// The stack beside the functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cloudformation: Option<Template>,
    /// What of the config is left out because the local cloud does not have it; see `local`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<String>,
    /// The functions, by name. Never empty.
    pub(crate) functions: BTreeMap<String, FunctionConfig>,
    /// Whether its APIs write down every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_log: Option<AccessLog>,
    /// How traffic goes over to new versions; `None` is all at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traffic: Option<Traffic>,
    /// CloudWatch alarms that call it back, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) alarms: Vec<String>,
    /// What has to succeed before traffic moves, and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) smoke: Vec<Smoke>,
    /// The folder of `rzap.yaml`, absolute.
    #[serde(skip)]
    pub(crate) root: PathBuf,
}

/// One function of a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FunctionConfig {
    /// The name in the config, not the name on AWS.
    pub(crate) name: String,
    /// As AWS spells it: `python3.13`, `nodejs22.x`, `provided.al2023`. Unknown ones are passed on.
    /// Empty for a container image, which brings its own.
    pub(crate) runtime: String,
    pub(crate) arch: Arch,
    pub(crate) entry: Entry,
    /// MB, 128–10,240.
    pub(crate) memory: u32,
    /// Seconds, 1–900.
    pub(crate) timeout: u32,
    /// `/tmp` in MB, 512–10,240.
    pub(crate) ephemeral_storage: u32,
    /// At most 4,096 bytes of names and values together.
    pub(crate) env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// How the function is reached over HTTP, if at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<Http>,
    /// What it does beyond answering requests.
    #[serde(flatten)]
    pub(crate) web: Web,
    /// For how many days the log is kept; one of the day counts AWS accepts.
    pub(crate) log_retention: i32,
    /// What wakes it, besides HTTP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) triggers: Vec<Trigger>,
    /// What becomes of events that nobody waits for.
    #[serde(flatten)]
    pub(crate) asynchronous: Asynchronous,
    /// How many calls at once.
    #[serde(skip_serializing_if = "Concurrency::is_default")]
    pub(crate) concurrency: Concurrency,
    /// How it uses which resources: a word of the resource's type (`send`, `read-write`) by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) uses: BTreeMap<String, String>,
    /// IAM statements beyond writing its own logs, as JSON objects in IAM's own spelling.
    pub(crate) policies: Vec<serde_json::Value>,
    /// Managed policies besides them: ARNs, and names of AWS's own with their paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) managed_policies: Vec<String>,
    /// As whom it runs.
    pub(crate) role: Role,
    /// The ARN of a managed policy: the most its role may ever do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions_boundary: Option<String>,
    /// Where the code is and what of it goes into the package.
    pub(crate) source: Source,
    /// The layers under the code, in the order Lambda lays them over each other. At most five
    /// together with the one `layer: auto` makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) layers: Vec<Layer>,
}

/// What Lambda calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// `module:object` or `module:factory()`, a WSGI application behind rzap's bridge.
    Wsgi(String),
    /// The same for an ASGI application.
    Asgi(String),
    /// The settings module of a Django project: `mysite.settings`.
    Django(String),
    /// `file.function` in the runtime's own notation.
    Handler(String),
    /// The path of a ready executable below the code folder; it becomes `bootstrap`.
    Bootstrap(String),
    /// A Rust project in the code folder: the name of its binary, or `None` for the one named like
    /// the function, or the only one.
    Cargo(Option<String>),
    /// A Go project in the code folder: the path of its main package, `.` or `./cmd/web`.
    Go(String),
    /// A ready container image.
    Image(Image),
}

/// A container image in ECR and what Lambda starts in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Image {
    /// `{account}.dkr.ecr.{region}.amazonaws.com/{repository}`, with `:{tag}` or `@{digest}`.
    pub(crate) uri: String,
    /// In place of the image's `CMD`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) command: Vec<String>,
    /// In place of the image's `ENTRYPOINT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entrypoint: Vec<String>,
    /// In place of the image's `WORKDIR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workdir: Option<String>,
}

/// One layer under a function's code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layer {
    /// A published layer version: `arn:aws:lambda:{region}:{account}:layer:{name}:{version}`.
    Arn(String),
    /// A folder to publish, relative to the folder of `rzap.yaml` and inside it.
    Folder(PathBuf),
}

/// The instruction set a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
pub(crate) enum Arch {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "arm64")]
    Arm64,
}

/// The front of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Http {
    /// A REST API of API Gateway, payload format 1.0.
    Rest,
    /// An HTTP API of API Gateway, payload format 2.0.
    #[serde(rename = "http")]
    Api,
    /// A function URL, payload format 2.0.
    Url,
}

/// What a web function does beyond answering requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Web {
    /// Its URL hands on the answer while it is made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stream: bool,
    /// `rzap exec` and `rzap manage` may run code in it. Only behind rzap's bridge.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) exec: bool,
    /// It is called every few minutes, so that one process stays warm. Only behind rzap's bridge.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) keep_warm: bool,
    /// Files the bridge serves from S3.
    #[serde(rename = "static", skip_serializing_if = "Option::is_none")]
    pub(crate) static_files: Option<StaticFiles>,
}

/// Files that are served from S3 below a path of the app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct StaticFiles {
    /// Folder with the files, relative to the code folder and inside the project; `None` is what Django's
    /// `collectstatic` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<PathBuf>,
    /// Below which path they are served: starts and ends with `/`.
    pub(crate) url: String,
}

/// The code of a function and what of it is packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Source {
    /// Folder with the code, absolute, inside the project.
    #[serde(skip)]
    pub(crate) dir: PathBuf,
    /// gitignore patterns, matched on paths relative to `dir`; what they match is left out.
    pub(crate) exclude: Vec<String>,
    /// gitignore patterns; what they match goes in even where `exclude` or a built-in rule says no.
    pub(crate) include: Vec<String>,
    /// Shell command, run in the folder of `rzap.yaml` before anything is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build: Option<String>,
    /// Node: bundle with esbuild. `None`: when the project has it among its dependencies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bundle: Option<bool>,
    /// Python: leave out what the runtime brings itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) slim: bool,
    /// Python: distributions that may be built where there is no wheel. Node: packages whose install
    /// scripts run. `*` is all.
    #[expect(clippy::struct_field_names, reason = "the words of the config")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) from_source: Vec<String>,
    /// Rules for dependencies that do not apply, by name, and gitignore patterns on paths of
    /// dependencies that stay whatever a rule says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keep: Vec<String>,
    /// gitignore patterns on paths of dependencies that are left out besides what the rules say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) drop: Vec<String>,
    /// Python: the byte code of every file beside it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bytecode: bool,
    /// `layer: auto`: the dependencies go into a layer of their own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) layer: bool,
}

impl StageConfig {
    /// What wakes its functions.
    pub(crate) fn triggers(&self) -> impl Iterator<Item = &Trigger> {
        self.functions.values().flat_map(|function| &function.triggers)
    }

    /// Whether it has an API of this kind.
    pub(crate) fn has_api(&self, api: Http) -> bool {
        self.functions.values().any(|function| function.is_behind(api))
    }

    /// The addresses of the functions that are container images, by the function's name.
    pub(crate) fn images(&self) -> BTreeMap<&str, &str> {
        let images = self.functions.iter();
        images.filter_map(|(name, function)| Some((name.as_str(), function.entry.image()?.uri.as_str()))).collect()
    }
}

impl FunctionConfig {
    /// How it is reached over HTTP: by a front of its own, or by routes of an API.
    pub(crate) fn front(&self) -> Option<Http> {
        self.http.or_else(|| self.routes().next())
    }

    /// The kinds of API that its routes belong to.
    pub(crate) fn routes(&self) -> impl Iterator<Item = Http> {
        self.triggers.iter().filter_map(|trigger| if let Trigger::Http(http) = trigger { http.api } else { None })
    }

    /// Whether an API of this kind leads to it.
    pub(crate) fn is_behind(&self, api: Http) -> bool {
        self.http == Some(api) || self.routes().any(|route| route == api)
    }
}

impl Http {
    /// Its word in the config and what it is, when it is an API of API Gateway.
    pub(crate) fn api(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Rest => Some(("rest", "REST API")),
            Self::Api => Some(("http", "HTTP API")),
            Self::Url => None,
        }
    }
}

impl Entry {
    /// The container image, when it is one.
    pub(crate) fn image(&self) -> Option<&Image> {
        if let Self::Image(image) = self { Some(image) } else { None }
    }

    /// The protocol (`wsgi`, `asgi`, `django`) and its target, when rzap's own bridge has to be in the
    /// package.
    pub(crate) fn web(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Wsgi(target) => Some(("wsgi", target)),
            Self::Asgi(target) => Some(("asgi", target)),
            Self::Django(target) => Some(("django", target)),
            _ => None,
        }
    }

    /// True when it is called through rzap's bridge.
    pub(crate) fn is_web(&self) -> bool {
        self.web().is_some()
    }

    /// True when the code folder holds the source of a program rather than what runs.
    pub(crate) fn is_source(&self) -> bool {
        matches!(self, Self::Cargo(_) | Self::Go(_))
    }
}

impl Arch {
    /// AWS's spelling: `x86_64` or `arm64`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}
