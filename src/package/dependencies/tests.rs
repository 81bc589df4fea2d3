//! Installing, caching and repairing a dependency folder.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::requirements::Given;
use super::*;
use crate::config::Arch;

/// A "uv" that installs the same small tree every time.
const UV: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo uv 1; exit; }
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/six/__pycache__" "$2/six-1.0.dist-info" "$2/bin"
echo code > "$2/six/__init__.py"
echo '#!/home/me/python' > "$2/bin/six"
touch "$2/.lock" "$2/six/__pycache__/a.pyc" "$2/stray.py"
cd "$2/six-1.0.dist-info" && echo uv > INSTALLER && echo 'Name: six' > METADATA && touch REQUESTED
printf 'six/__init__.py,sha256=x,5\n"six-1.0.dist-info/METADATA",,\n' > RECORD
"#;

struct Place {
    folder: tempfile::TempDir,
    cache: Cache,
    installer: Installer,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("uv");
        fs::write(&program, UV).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let installer = Installer::find(Some(folder.path().as_os_str()), folder.path()).await.unwrap();
        Self { cache: Cache::open(&folder.path().join("work")).unwrap(), folder, installer }
    }

    async fn install(&self, key: &str) -> Vec<Entry> {
        let declared = declared("six");
        install(&self.cache, key, &declared, &self.source(), &platform(), &self.installer).await.unwrap().entries
    }

    fn source(&self) -> Source {
        Source { dir: self.folder.path().to_owned(), ..Source::default() }
    }

    fn kept(&self, key: &str) -> Option<Vec<Entry>> {
        kept(&self.cache, key, &self.source()).unwrap().map(|listing| listing.entries)
    }
}

fn platform() -> Platform {
    Platform::new("python3.13", Arch::Arm64).unwrap()
}

fn declared(text: &str) -> Declared {
    Declared { given: Given::Text(text.into()), inputs: vec![("r".into(), text.into())], notes: vec![] }
}

#[tokio::test]
async fn an_install_is_kept_without_the_tools_own_records() {
    let place = Place::new().await;
    assert_eq!(place.kept("k"), None);
    let entries = place.install("k").await;
    let seen: Vec<(&str, &str)> = entries.iter().map(|entry| (entry.path.as_str(), entry.part())).collect();
    assert_eq!(seen, [("six-1.0.dist-info/METADATA", "six"), ("six/__init__.py", "six"), ("stray.py", "stray.py")]);
    assert_eq!(place.kept("k"), Some(entries));
}

#[tokio::test]
async fn a_damaged_install_is_noticed_and_replaced() {
    let place = Place::new().await;
    let whole = place.install("k").await;
    let file = place.cache.deps.join("k/site/six/__init__.py");
    for damage in [&|| fs::write(&file, "co").unwrap(), &|| fs::remove_file(&file).unwrap(), &|| {
        fs::write(place.cache.deps.join("k/manifest.json"), "[").unwrap();
    }] as [&dyn Fn(); 3]
    {
        damage();
        assert_eq!(place.kept("k"), None);
        assert_eq!(place.install("k").await, whole);
    }
}

#[tokio::test]
async fn two_at_once_end_with_one_whole_install() {
    let place = Place::new().await;
    let (a, b) = tokio::join!(place.install("k"), place.install("k"));
    assert_eq!(a, b);
    // Nothing unfinished is left.
    let mut names: Vec<_> = fs::read_dir(&place.cache.deps).unwrap().map(|item| item.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [cache::CACHE_TAG, "k"]);
}

#[tokio::test]
async fn everything_that_decides_an_install_is_in_its_key() {
    let installer = Place::new().await.installer;
    let other_tool = Installer::Uv { program: "uv".into(), version: "uv 2".into() };
    let other_platform = Platform::new("python3.13", Arch::X86_64).unwrap();
    let all = ["*".to_owned()];
    let keys = [
        key(&declared("six"), &platform(), &installer, &all),
        key(&declared("six"), &platform(), &installer, &[]),
        key(&declared("six==1"), &platform(), &installer, &[]),
        key(&declared("six"), &other_platform, &installer, &[]),
        key(&declared("six"), &platform(), &other_tool, &[]),
    ];
    let different: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(keys[1], key(&declared("six"), &platform(), &installer, &[]));
}

#[test]
fn an_install_of_nothing_is_an_empty_list() {
    assert_eq!(manifest(Path::new("/nowhere"), &platform()).unwrap(), Manifest::default());
}
