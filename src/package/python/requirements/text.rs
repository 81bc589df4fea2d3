//! `requirements.txt` and everything it includes: what counts into an install's key, and which lines
//! are refused because they would have to be built.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Declared, Given, text, uv_config};
use crate::error::{Error, OrFailed, Result};

/// The dependencies that `files` list; `None` when they list none.
pub(super) fn declared(dir: &Path, files: &[PathBuf]) -> Result<Option<Declared>> {
    let mut reader = Reader { dir, seen: BTreeSet::new(), inputs: vec![], any: false };
    files.iter().try_for_each(|file| reader.file(file))?;
    let (any, mut inputs) = (reader.any, reader.inputs);
    inputs.extend(uv_config(dir)?);
    let given = match files {
        [file] => Given::File(file.clone()),
        files => Given::Text(files.iter().map(|file| format!("-r {}\n", file.display())).collect()),
    };
    Ok(any.then_some(Declared { given, inputs, notes: vec![] }))
}

/// Reads a requirements file and everything it includes.
struct Reader<'a> {
    dir: &'a Path,
    seen: BTreeSet<PathBuf>,
    inputs: Vec<(String, Vec<u8>)>,
    /// A line asks for a package.
    any: bool,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path) -> Result<()> {
        let text = text(file)?;
        // By its real path: files that include each other through `..` would never look the same.
        if !self.seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())) {
            return Ok(());
        }
        self.inputs.push((self.name(file), text.clone().into_bytes()));
        let joined = text.trim_start_matches('\u{feff}').replace("\\\r\n", "").replace("\\\n", "");
        joined.lines().try_for_each(|line| self.line(file, line))
    }

    fn line(&mut self, file: &Path, line: &str) -> Result<()> {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(self.dir);
        if let Some(value) = option(line, "-r", "--requirement").or_else(|| option(line, "-c", "--constraint")) {
            return if value.contains("://") { Ok(()) } else { self.file(&folder.join(value)) };
        }
        if let Some(value) = option(line, "-f", "--find-links") {
            return self.find_links(value);
        }
        if option(line, "-e", "--editable").is_some() {
            return Err(self.not_a_wheel(file, line));
        }
        if line.starts_with('-') {
            return Ok(());
        }
        self.any = true;
        let Some(path) = local_path(line) else { return Ok(()) };
        if !is_wheel(path) {
            return Err(self.not_a_wheel(file, line));
        }
        let path = self.dir.join(path);
        let wheel = fs::read(&path).or_failed(|| format!("read {}, named in {}", path.display(), file.display()))?;
        self.inputs.push((self.name(&path), wheel));
        Ok(())
    }

    /// A local folder of wheels: which ones there are can decide what is chosen.
    fn find_links(&mut self, value: &str) -> Result<()> {
        let folder = self.dir.join(value.strip_prefix("file://").unwrap_or(value));
        if value.contains("://") && !value.starts_with("file://") || !folder.is_dir() {
            return Ok(());
        }
        let mut names = Vec::new();
        for item in fs::read_dir(&folder).or_failed(|| format!("list {}", folder.display()))? {
            let item = item.or_failed(|| format!("list {}", folder.display()))?;
            let size = item.metadata().map_or(0, |metadata| metadata.len());
            names.push(format!("{} {size}", item.file_name().to_string_lossy()));
        }
        names.sort();
        self.inputs.push((self.name(&folder), names.join("\n").into_bytes()));
        Ok(())
    }

    /// Relative to the folder: the same project elsewhere has the same inputs.
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.dir).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn not_a_wheel(&self, file: &Path, line: &str) -> Error {
        Error::failed(format!(
            "`{line}` in {} would have to be built; rzap installs ready wheels only",
            self.name(file)
        ))
        .hint(
            "put that package's folder next to your code and drop the line, or name a wheel of it (`uv build --wheel`)",
        )
    }
}

/// The value of `short X`, `shortX`, `long X` or `long=X`.
fn option<'a>(line: &'a str, short: &str, long: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(long).filter(|rest| rest.starts_with(['=', ' ', '\t']));
    let rest = rest.or_else(|| line.strip_prefix(short).filter(|_| !line.starts_with("--")));
    rest.map(|rest| rest.trim_start_matches(['=', ' ', '\t']).trim().trim_matches(['"', '\'']))
}

/// The path in a requirement that names one: `./lib`, `wheels/x.whl[extra]`, `x @ file:///lib`.
pub(super) fn local_path(line: &str) -> Option<&str> {
    let line = line.split(" --").next()?.split(" ;").next()?.trim();
    if let Some((_, path)) = line.split_once("file:") {
        return Some(path.strip_prefix("//").unwrap_or(path));
    }
    let path = line.split('[').next()?.split(';').next()?.trim();
    let is_path = path.starts_with(['.', '/', '~']) || path.contains('/') || is_wheel(path);
    (is_path && !line.contains("://")).then_some(path)
}

/// Whether a path or an address (a hash, a query or a marker may follow) is that of a wheel.
pub(in crate::package) fn is_wheel(path: &str) -> bool {
    Path::new(path.split(['#', '?', ' ']).next().unwrap_or(path)).extension().is_some_and(|ending| ending == "whl")
}
