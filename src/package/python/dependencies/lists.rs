//! Declared dependencies → what the installer is handed: requirements files, and wheels of the user's
//! own packages, which are built for it.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::installer::{Installer, List, Order, What};
use super::super::requirements::{Declared, Given, Locked, exported, is_wheel};
use crate::error::{OrFailed, Result};

/// Writes what has to be written into the folder `place`.
pub(in super::super) async fn lists(
    declared: &Declared,
    place: &Path,
    installer: &Installer,
    order: &Order<'_>,
) -> Result<Vec<List>> {
    match &declared.given {
        Given::File(file) => Ok(vec![List::open(file.clone())]),
        Given::Text(text) => Ok(vec![List::open(written(place, "requirements.txt", text)?)]),
        Given::Locked(locked) => of_lock(locked, place, installer, order).await,
        Given::UvLock(root) => {
            let said = installer.export(order.dir, order.platform).await?;
            let locked = exported(root, &said, &|name| order.may_build(name))?;
            of_lock(&locked, place, installer, order).await
        }
        Given::Pylock(file) => {
            installer.uv_for("install a pylock.toml")?;
            Ok(vec![List { complete: true, ..List::open(file.clone()) }])
        }
    }
}

async fn of_lock(locked: &Locked, place: &Path, installer: &Installer, order: &Order<'_>) -> Result<Vec<List>> {
    let mut lists = Vec::new();
    let [hashed, plain] = locked.texts();
    for (name, text, is_hashed) in [("locked.txt", hashed, true), ("plain.txt", plain, false)] {
        if !text.is_empty() {
            let what = What::File(written(place, name, &text)?);
            let build = locked.pins.iter().filter(|pin| pin.hashes.is_empty() != is_hashed);
            let build = build.filter_map(|pin| pin.requirement.split_once(" @ ")).filter(|(_, url)| !is_wheel(url));
            let build = build.map(|(name, _)| name.split('[').next().unwrap_or(name).to_owned()).collect();
            lists.push(List { what, complete: true, hashed: is_hashed, build, built: vec![] });
        }
    }
    if locked.folders.is_empty() {
        return Ok(lists);
    }
    let out = place.join("wheels");
    for folder in &locked.folders {
        installer.build(folder, &out, order.platform).await?;
    }
    let items = fs::read_dir(&out).or_failed(|| format!("list {}", out.display()))?;
    let wheels: Vec<PathBuf> =
        items.flatten().map(|item| item.path()).filter(|path| is_wheel(&path.to_string_lossy())).collect();
    lists.push(List::wheels(wheels));
    Ok(lists)
}

fn written(place: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let file = place.join(name);
    fs::write(&file, text).or_failed(|| format!("write {}", file.display()))?;
    Ok(file)
}
