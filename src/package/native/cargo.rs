//! cargo for Lambda: cargo-lambda or cargo-zigbuild, which link for Lambda's glibc, or else plain
//! cargo, which links against none (musl).

mod metadata;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use self::metadata::{Binary, Metadata};
use super::super::bootstrap;
use super::super::program::{self, Ended, Stdout};
use super::Site;
use crate::config::{Arch, Entry, FunctionConfig};
use crate::error::{Error, OrFailed, Result};

/// Who builds. In this order, because each can do what the next one can, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    /// <https://www.cargo-lambda.info>
    Lambda,
    /// <https://github.com/rust-cross/cargo-zigbuild>
    Zigbuild,
    Plain,
}

/// One call of cargo.
struct Build<'a> {
    dir: &'a Path,
    arch: Arch,
    /// The minor version of the runtime's glibc.
    glibc: u32,
    tool: Tool,
    cargo: PathBuf,
}

/// Builds the binaries of `functions`, which share project, processor and runtime, in one call. The
/// programs, by function.
pub(super) async fn build(functions: &[&FunctionConfig], site: &Site<'_>) -> Result<BTreeMap<String, PathBuf>> {
    let Some(first) = functions.first() else { return Ok(BTreeMap::new()) };
    let build = Build::new(first, site)?;
    let metadata = Metadata::read(&build.cargo, build.dir).await?;
    let binaries = functions.iter().map(|function| {
        let Entry::Cargo(name) = &function.entry else { return Err(Error::failed("this is no Rust project")) };
        Ok((function.name.clone(), metadata.binary(build.dir, name.as_deref(), &function.name)?))
    });
    let binaries = binaries.collect::<Result<BTreeMap<String, Binary>>>()?;
    build.check_std(site).await?;
    let names = functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>().join(", ");
    let programs = build.run(&metadata, &binaries.values().collect(), &names, site).await?;
    binaries
        .into_iter()
        .map(|(function, binary)| match programs.get(&binary) {
            Some(program) => Ok((function, program.clone())),
            None => Err(Error::failed(format!("cargo did not say where the binary `{}` is", binary.name))),
        })
        .collect()
}

impl<'a> Build<'a> {
    fn new(function: &'a FunctionConfig, site: &Site<'_>) -> Result<Self> {
        let Some(cargo) = program::find("cargo", site.search_path) else {
            return Err(Error::failed("there is no `cargo` to build the Rust project with").hint(
                "install Rust (https://rustup.rs), or build it elsewhere and name the program: `bootstrap: PATH`",
            ));
        };
        let tool = if program::find("cargo-lambda", site.search_path).is_some() {
            Tool::Lambda
        } else if program::find("cargo-zigbuild", site.search_path).is_some() {
            Tool::Zigbuild
        } else {
            Tool::Plain
        };
        // A runtime that is not known here is newer, and takes what older ones do.
        let glibc = bootstrap::glibc_of(&function.runtime).map_or(34, |glibc| glibc.1);
        Ok(Self { dir: &function.source.dir, arch: function.arch, glibc, tool, cargo })
    }

    /// Rust's name of the target.
    fn target(&self) -> String {
        let machine = match self.arch {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "aarch64",
        };
        let libc = if self.tool == Tool::Plain { "musl" } else { "gnu" };
        format!("{machine}-unknown-linux-{libc}")
    }

    /// Is the target's standard library there? Without it nothing compiles, and rustc's own words
    /// for that ("can't find crate for `core`") help few. (cargo-lambda installs it.)
    async fn check_std(&self, site: &Site<'_>) -> Result<()> {
        let target = self.target();
        if self.tool == Tool::Lambda {
            return Ok(());
        }
        // Without a rustc on the PATH cargo has its own way to one.
        let Some(rustc) = program::find("rustc", site.search_path) else { return Ok(()) };
        let mut command = Command::new(rustc);
        command.args(["--print", "target-libdir", "--target", &target]).current_dir(self.dir);
        let ended = program::run(command, Stdout::Kept, &|_| ()).await.or_failed(|| "run rustc")?;
        let said = String::from_utf8_lossy(&ended.stdout);
        if ended.is_success() && Path::new(said.trim()).is_dir() {
            return Ok(());
        }
        let error = Error::failed(format!("Rust's standard library for {target} is not installed"));
        Err(match self.tool {
            Tool::Plain => error
                .hint(format!("run `rustup target add {target}`"))
                .hint("or install cargo-zigbuild (`pip install cargo-zigbuild`), or cargo-lambda (https://www.cargo-lambda.info)"),
            _ => error.hint(format!("run `rustup target add {target}`")),
        })
    }

    async fn run(
        &self,
        metadata: &Metadata,
        binaries: &BTreeSet<&Binary>,
        functions: &str,
        site: &Site<'_>,
    ) -> Result<BTreeMap<Binary, PathBuf>> {
        let lambda_dir = metadata.target_directory.join("lambda");
        let mut command = Command::new(&self.cargo);
        command.current_dir(self.dir).args(self.arguments(&lambda_dir)).args(metadata::arguments(binaries));
        if self.tool != Tool::Lambda && !metadata.speaks_of_symbols() && std::env::var_os(STRIP).is_none() {
            // As cargo-lambda does: nobody reads symbols on Lambda.
            command.env(STRIP, "symbols");
        }
        let what = self.shown();
        let stdout = if self.tool == Tool::Lambda { Stdout::Heard } else { Stdout::Kept };
        let ended = site.run(command, stdout, &what, functions).await?;
        if !ended.is_success() {
            let error = ended.failure(&what);
            let said = |text: &str| error.causes.iter().any(|line| line.contains(text));
            return Err(match self.tool {
                Tool::Zigbuild if said("Failed to find zig") => error.hint("it links with zig: `pip install ziglang`"),
                Tool::Plain if said("linker") => {
                    error.hint("cargo-zigbuild brings a linker for all targets: `pip install cargo-zigbuild`")
                }
                _ => error,
            });
        }
        Ok(match self.tool {
            Tool::Lambda => {
                let program = |name: &str| lambda_dir.join(name).join(bootstrap::NAME);
                binaries.iter().map(|binary| ((*binary).clone(), program(&binary.name))).collect()
            }
            _ => executables(&ended),
        })
    }

    fn arguments(&self, lambda_dir: &Path) -> Vec<String> {
        let text = |arguments: &[&str]| arguments.iter().map(ToString::to_string).collect::<Vec<_>>();
        let target = self.target();
        match self.tool {
            Tool::Lambda => {
                let mut arguments = text(&["lambda", "build", "--release", "--output-format", "binary"]);
                arguments.extend(["--lambda-dir".to_owned(), lambda_dir.to_string_lossy().into_owned()]);
                // Its own words for the architecture leave it the choice of the glibc, which fits all
                // but the oldest runtime.
                match (self.glibc, self.arch) {
                    (34.., Arch::X86_64) => arguments.push("--x86-64".to_owned()),
                    (34.., Arch::Arm64) => arguments.push("--arm64".to_owned()),
                    (glibc, _) => arguments.extend(["--target".to_owned(), format!("{target}.2.{glibc}")]),
                }
                arguments
            }
            Tool::Zigbuild => {
                let target = format!("{target}.2.{}", self.glibc);
                text(&["zigbuild", "--release", "--message-format=json-render-diagnostics", "--target", &target])
            }
            Tool::Plain => {
                text(&["build", "--release", "--message-format=json-render-diagnostics", "--target", &target])
            }
        }
    }

    /// The call as a person would write it.
    fn shown(&self) -> String {
        match self.tool {
            Tool::Lambda => "cargo lambda build --release".to_owned(),
            Tool::Zigbuild => "cargo zigbuild --release".to_owned(),
            Tool::Plain => "cargo build --release".to_owned(),
        }
    }
}

/// cargo's variable for `strip` of the release profile.
const STRIP: &str = "CARGO_PROFILE_RELEASE_STRIP";

/// What cargo says it built (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).
fn executables(ended: &Ended) -> BTreeMap<Binary, PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        package_id: String,
        target: metadata::Target,
        executable: Option<PathBuf>,
    }
    let messages = ended.stdout.split(|byte| *byte == b'\n');
    // Other messages have other fields.
    let artifacts = messages.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    artifacts
        .filter(|message| message.target.is_binary())
        .filter_map(|message| {
            Some((Binary { package: message.package_id, name: message.target.name }, message.executable?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
