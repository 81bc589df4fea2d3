//! A project folder → the files of it that are packed.
//!
//! Links are followed and stored as what they point at, as long as that lies inside the project;
//! anything else (outside, dangling, a cycle) is refused rather than packed as something the user
//! did not mean. Fifos, sockets and devices are left out with a note.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::entry::{Entry, Owner};
use super::rules::{Rules, SPECIAL, Verdict};
use super::types::LeftOut;
use crate::config::Source;
use crate::error::{Error, OrFailed, Result};

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In no particular order.
    pub(super) entries: Vec<Entry>,
    /// Things worth knowing that stop nothing.
    pub(super) notes: Vec<String>,
    /// What rules left out.
    pub(super) left_out: Vec<LeftOut>,
}

/// The files of `source` that a function on `runtime` gets. `root` is the project folder: links
/// may point anywhere below it.
pub(super) fn project(root: &Path, source: &Source, runtime: &str) -> Result<Listing> {
    walk(root, source, runtime, Verdict::In)
}

/// The same with nothing but what `include` names: the folder holds sources of a program. They are
/// not listed as left out, there is no other way for them.
pub(super) fn included(root: &Path, source: &Source, runtime: &str) -> Result<Listing> {
    walk(root, source, runtime, Verdict::Out("sources"))
}

fn walk(root: &Path, source: &Source, runtime: &str, verdict: Verdict) -> Result<Listing> {
    let canonical = |path: &Path| {
        fs::canonicalize(path).map_err(|error| {
            Error::failed(format!("cannot open the code folder {}", path.display()))
                .because(&error)
                .hint("check the function's code folder in rzap.yaml")
        })
    };
    let root = canonical(root)?;
    let dir = canonical(&source.dir)?;
    if !dir.starts_with(&root) {
        return Err(Error::failed(format!(
            "the code folder {} lies outside the project {}",
            source.dir.display(),
            root.display()
        ))
        .hint("move the code into the project, or rzap.yaml up"));
    }
    let mut walk =
        Walk { rules: Rules::new(source, runtime)?, root, above: vec![dir.clone()], found: Listing::default() };
    if verdict == Verdict::In || walk.rules.can_come_back() {
        walk.folder(&dir, Path::new(""), verdict)?;
    }
    Ok(walk.found)
}

struct Walk {
    rules: Rules,
    /// The project folder, canonical.
    root: PathBuf,
    /// The canonical folders from the code folder down to the one being read.
    above: Vec<PathBuf>,
    found: Listing,
}

impl Walk {
    /// Everything in `real`, which is `at` in the package.
    fn folder(&mut self, real: &Path, at: &Path, verdict: Verdict) -> Result<()> {
        for item in fs::read_dir(real).map_err(|error| unreadable(real, "list", &error))? {
            let item = item.map_err(|error| unreadable(real, "list", &error))?;
            let kind = item.file_type().or_failed(|| format!("look at {}", item.path().display()))?;
            self.item(&item.path(), &at.join(item.file_name()), kind, verdict)?;
        }
        Ok(())
    }

    fn item(&mut self, real: &Path, at: &Path, kind: FileType, above: Verdict) -> Result<()> {
        if kind.is_symlink() {
            return self.link(real, at, above);
        }
        let verdict = self.rules.judge(at, kind.is_dir(), above);
        if kind.is_dir() {
            self.enter(real, at, verdict, above)
        } else if let Verdict::Out(rule) = verdict {
            self.leave_out(at, false, rule, above);
            Ok(())
        } else if kind.is_file() {
            let metadata = fs::metadata(real).map_err(|error| unreadable(real, "look at", &error))?;
            self.file(real, at, &metadata, verdict)
        } else {
            self.special(at, kind);
            Ok(())
        }
    }

    /// Goes into the folder `real`, unless it is left out for good. `above` was said of the one it is in.
    fn enter(&mut self, real: &Path, at: &Path, mut verdict: Verdict, above: Verdict) -> Result<()> {
        if verdict == Verdict::In
            && let Some(rule) = Rules::marked(real)
        {
            verdict = Verdict::Out(rule.name);
        }
        if let Verdict::Out(rule) = verdict {
            self.leave_out(at, true, rule, above);
            if !self.rules.can_come_back() {
                return Ok(());
            }
        }
        self.above.push(real.to_owned());
        self.folder(real, at, verdict)?;
        self.above.pop();
        Ok(())
    }

    fn link(&mut self, real: &Path, at: &Path, above: Verdict) -> Result<()> {
        let seen = fs::metadata(real);
        let is_dir = seen.as_ref().is_ok_and(Metadata::is_dir);
        let verdict = self.rules.judge(at, is_dir, above);
        if let Verdict::Out(rule) = verdict {
            self.leave_out(at, false, rule, above);
            return Ok(());
        }
        let points_at = fs::read_link(real).map_err(|error| unreadable(real, "read the link", &error))?;
        let refuse = |why: &str| {
            Error::failed(format!("the link {} (→ {}) {why}", at.display(), points_at.display()))
                .hint(format!("replace the link by what should be packed, or exclude `/{}`", at.display()))
        };
        let metadata = seen.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refuse("points at nothing"),
            io::ErrorKind::PermissionDenied => unreadable(real, "follow the link", &error),
            _ => refuse("cannot be followed").because(&error),
        })?;
        let target = fs::canonicalize(real).map_err(|error| unreadable(real, "follow the link", &error))?;
        let Ok(inside) = target.strip_prefix(&self.root) else {
            return Err(refuse("points out of the project"));
        };
        // A secret does not become packable by getting a second name.
        let litter = inside.iter().filter(|segment| *segment != "node_modules");
        if verdict != Verdict::Forced
            && let Some(rule) = litter.map(|segment| self.rules.litter(segment, None)).find_map(|rule| rule)
        {
            self.found.notes.push(format!("left out {}: it links to {}", at.display(), inside.display()));
            self.leave_out(at, false, rule.name, above);
            return Ok(());
        }
        if is_dir {
            if self.above.iter().any(|folder| folder.starts_with(&target)) {
                return Err(refuse("leads back to a folder it is in"));
            }
            self.enter(&target, at, verdict, above)
        } else if metadata.is_file() {
            self.file(&target, at, &metadata, verdict)
        } else {
            self.special(at, metadata.file_type());
            Ok(())
        }
    }

    fn special(&mut self, at: &Path, kind: FileType) {
        self.found.notes.push(format!("left out {}: {}", at.display(), special(kind)));
        self.leave_out(at, false, SPECIAL.name, Verdict::In);
    }

    /// Writes down what a rule left out. Of a folder only the folder: how much is in it is counted when
    /// somebody asks.
    fn leave_out(&mut self, at: &Path, is_dir: bool, rule: &'static str, above: Verdict) {
        if matches!(above, Verdict::Out(_)) {
            return;
        }
        let path = format!("{}{}", at.to_string_lossy(), if is_dir { "/" } else { "" });
        self.found.left_out.push(LeftOut { path, rule, files: 0, unzipped: 0, of: None });
    }

    fn file(&mut self, real: &Path, at: &Path, metadata: &Metadata, verdict: Verdict) -> Result<()> {
        let path = packed_path(at)?;
        let owner = if verdict == Verdict::Forced { Owner::Included } else { owner(&path) };
        let executable = metadata.permissions().mode() & 0o111 != 0;
        self.found.entries.push(Entry::file(path, real.to_owned(), metadata.len(), executable, owner));
        Ok(())
    }
}

/// Node's dependencies stand in the project folder; by name they are still somebody else's.
fn owner(path: &str) -> Owner {
    let mut segments = path.split('/').skip_while(|segment| *segment != "node_modules").skip(1);
    match (segments.next(), segments.next()) {
        (Some(scope), Some(name)) if scope.starts_with('@') => Owner::Dependency(format!("{scope}/{name}")),
        (Some(name), Some(_)) => Owner::Dependency(name.to_owned()),
        _ => Owner::Project,
    }
}

/// `path` as it stands in the zip.
pub(super) fn packed_path(path: &Path) -> Result<String> {
    let refuse = |why: &str| {
        Error::failed(format!("the name {} cannot be packed: {why}", path.to_string_lossy().escape_debug()))
            .hint("rename the file, or exclude it")
    };
    let name = path.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
    if name.contains('\\') || name.chars().any(char::is_control) {
        return Err(refuse("it has a backslash or a control character, which unpacking tools read differently"));
    }
    // Linux allows 255 bytes per name and 4,096 per path; Lambda unpacks below /var/task/.
    if name.split('/').any(|segment| segment.len() > 255) || name.len() > 4_000 {
        return Err(refuse("it is too long for Lambda's file system"));
    }
    Ok(name.to_owned())
}

fn unreadable(path: &Path, verb: &str, error: &io::Error) -> Error {
    let said = Error::failed(format!("cannot {verb} {}", path.display())).because(error);
    if error.kind() == io::ErrorKind::PermissionDenied {
        return said.hint(format!("give yourself permission (`chmod u+rX {}`), or exclude it", path.display()));
    }
    said
}

fn special(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "it is a named pipe"
    } else if kind.is_socket() {
        "it is a socket"
    } else {
        "it is a device"
    }
}

#[cfg(test)]
mod tests;
