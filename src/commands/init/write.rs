//! Names and files of a new project. Never overwrites.

use std::path::Path;

use crate::error::{OrFailed as _, Result};

/// The folder's name, made fit for an app's.
pub(super) fn app_name(dir: &Path) -> String {
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    fit(&full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
}

/// A name made fit for an app's: 1–40 of `[a-z0-9-]`, a letter first.
pub(super) fn fit(name: &str) -> String {
    let fit = |letter: char| if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '-' };
    let name: String = name.to_lowercase().chars().map(fit).collect();
    let name = name.trim_matches(|letter: char| letter == '-' || letter.is_ascii_digit());
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    let mut name = parts.join("-");
    name.truncate(40);
    let name = name.trim_end_matches('-');
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

/// A new file with its folders.
pub(super) fn write(path: &Path, text: &str, executable: bool) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let what = || format!("write {}", path.display());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).or_failed(what)?;
    }
    // `create_new`: whatever appeared in the meantime is not ours to replace.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(if executable { 0o755 } else { 0o644 });
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).or_failed(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_name_an_app_may_have() {
        let names = ["My App", "2024-report", "über_api", "---", "a--b"].map(|folder| app_name(Path::new(folder)));
        assert_eq!(names, ["my-app", "report", "ber-api", "app", "a-b"]);
        assert_eq!(app_name(Path::new(&"x".repeat(90))).len(), 40);
    }
}
