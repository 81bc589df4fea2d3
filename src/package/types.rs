//! What packaging gives: a zip on disk and all that is worth knowing about it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// The deployment package of one function (functions with equal inputs share one file).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Package {
    /// The zip. Its name is `{sha256}.zip`.
    pub(crate) file: PathBuf,
    /// SHA-256 of the zip, lower-case hex: its key in the artifact bucket.
    pub(crate) sha256: String,
    /// The same hash as Lambda's `CodeSha256` spells it: base64.
    pub(crate) code_sha256: String,
    /// Bytes of the zip.
    pub(crate) zipped: u64,
    /// Bytes of all entries unpacked; Lambda allows 262,144,000.
    pub(crate) unzipped: u64,
    /// Number of files.
    pub(crate) files: usize,
    /// What Lambda gets as `Handler`.
    pub(crate) handler: String,
    /// The heaviest dependencies and top-level names, heaviest first, at most ten.
    pub(crate) heaviest: Vec<Weight>,
    /// In the order Lambda lays them over each other; their bytes count into what Lambda allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) layers: Vec<PackagedLayer>,
    /// What is served from S3 instead of being in it.
    #[serde(rename = "static", skip_serializing_if = "Option::is_none")]
    pub(crate) static_files: Option<Arc<StaticFiles>>,
    /// Every file in it, in the order of the zip.
    #[serde(skip)]
    pub(crate) contents: Arc<Vec<Content>>,
    /// What rules left out of it.
    #[serde(skip)]
    pub(crate) left_out: Arc<Vec<LeftOut>>,
}

impl Package {
    /// The layers that rzap zips.
    pub(crate) fn own_layers(&self) -> impl Iterator<Item = &OwnLayer> {
        self.layers.iter().filter_map(|layer| match layer {
            PackagedLayer::Own(layer) => Some(layer.as_ref()),
            PackagedLayer::Arn(_) => None,
        })
    }
}

/// One layer of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PackagedLayer {
    /// Somebody's layer version. How large it is only its cloud knows.
    Arn(String),
    /// A folder of the project, or the dependencies of `layer: auto`.
    Own(Box<OwnLayer>),
}

/// A layer that rzap zips. Functions that have the same one share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OwnLayer {
    /// The folder's name, or `dependencies`.
    pub(crate) part: String,
    /// The zip. Its name is `{sha256}.zip`.
    pub(crate) file: PathBuf,
    /// SHA-256 of the zip, lower-case hex.
    pub(crate) sha256: String,
    /// The same, base64.
    pub(crate) code_sha256: String,
    /// Bytes of the zip.
    pub(crate) zipped: u64,
    /// Bytes of all entries unpacked.
    pub(crate) unzipped: u64,
    /// Number of files.
    pub(crate) files: usize,
    /// Every file in it, in the order of the zip.
    #[serde(skip)]
    pub(crate) contents: Arc<Vec<Content>>,
    /// What rules left out of it.
    #[serde(skip)]
    pub(crate) left_out: Arc<Vec<LeftOut>>,
}

/// Static files of a web app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StaticFiles {
    /// Below which path they are served.
    pub(crate) url: String,
    /// Number of files.
    pub(crate) files: usize,
    /// Their bytes, as they are.
    pub(crate) bytes: u64,
    /// What has to be in S3: their contents and the compressed variants, each once, by hash.
    #[serde(skip)]
    pub(crate) objects: Vec<StaticObject>,
}

/// One content that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticObject {
    /// Lower-case hex.
    pub(crate) sha256: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Of one of the files that have this content.
    pub(crate) content_type: String,
    /// Where it lies on this machine.
    pub(crate) file: PathBuf,
}

/// One file of a finished package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Content {
    /// Path in the zip.
    pub(crate) path: String,
    /// What it is counted under: a dependency, or the first path segment.
    pub(crate) of: String,
    /// Whether that is a dependency.
    pub(crate) dependency: bool,
    /// Bytes unpacked.
    pub(crate) unzipped: u64,
    /// Bytes in the zip, without its headers.
    pub(crate) zipped: u64,
}

/// One thing a rule left out of a package: a file, or a folder as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    /// Path in the project or in the dependencies; a folder's ends in `/`.
    pub(crate) path: String,
    /// The rule's name.
    pub(crate) rule: &'static str,
    /// How many files that are.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) unzipped: u64,
    /// The dependency it belongs to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<String>,
}

/// How much one part of a package weighs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Weight {
    /// The first path segment, a dependency's name, or a folder.
    pub(crate) name: String,
    /// Whether it is a dependency.
    pub(crate) dependency: bool,
    /// Number of files.
    pub(crate) files: usize,
    /// Bytes unpacked.
    pub(crate) unzipped: u64,
    /// Bytes in the zip, without its headers.
    pub(crate) zipped: u64,
}

/// What packaging tells while it works. `ui` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A program of the user's builds what these functions run: `make`, `cargo build`.
    Building { functions: String, what: String },
    /// A line it wrote.
    Said { functions: String, line: String },
    /// It is done.
    Built { functions: String, what: String, took: Duration },
    /// Dependencies of these functions are being installed by this program (`uv` or `pip`).
    Installing { functions: String, tool: &'static str },
    /// The archive of these functions is being written.
    Archiving { functions: String },
    /// The first `written` bytes of this unfinished zip will not change any more.
    Growing { file: PathBuf, written: u64 },
    /// That zip is whole; it has another name now.
    Grown { file: PathBuf, written: u64, sha256: String },
    /// It is done.
    Packaged { functions: String, zipped: u64, files: usize },
    /// Something worth knowing that stops nothing.
    Note(String),
}
