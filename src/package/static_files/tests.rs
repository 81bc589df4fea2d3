//! A project's folder → what is in the package, what is for S3.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::tests::{function, stage};
use super::super::types::{Package, Step};
use super::super::{BridgeFile, Part, build};
use crate::config::stage::StaticFiles;
use crate::config::{Entry, FunctionConfig, StageConfig, Web};
use crate::error::Result;

const BRIDGE: &[BridgeFile] = &[BridgeFile { path: "rzap_web/__init__.py", text: "\n", part: Part::Base }];

struct Project {
    folder: tempfile::TempDir,
    notes: Mutex<Vec<String>>,
}

impl Project {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), notes: Mutex::default() };
        project.write("code/app.py", b"app = None\n");
        files.iter().for_each(|(path, content)| project.write(&format!("code/{path}"), content));
        project
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn stage(&self) -> StageConfig {
        let files = StaticFiles { dir: Some("static".into()), url: "/s/".into() };
        let mut web = function("web", Entry::Wsgi("app:app".into()));
        web.web = Web { static_files: Some(files), ..Web::default() };
        web.source.dir = self.folder.path().join("code");
        stage(&self.folder.path().join("code"), vec![web])
    }

    async fn pack(&self, change: impl Fn(&mut FunctionConfig)) -> Result<Package> {
        let mut stage = self.stage();
        stage.functions.values_mut().for_each(change);
        let tell = |step| {
            if let Step::Note(note) = step {
                self.notes.lock().unwrap().push(note);
            }
        };
        let mut packages = build(&stage, None, &self.folder.path().join("work"), BRIDGE, &tell).await?;
        Ok(packages.remove("web").unwrap())
    }

    async fn packed(&self) -> Package {
        self.pack(|_| ()).await.unwrap()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().drain(..).collect()
    }
}

fn paths(package: &Package) -> Vec<&str> {
    package.contents.iter().map(|content| content.path.as_str()).collect()
}

fn inside(package: &Package, path: &str) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(fs::File::open(&package.file).unwrap()).unwrap();
    let index = zip.index_for_name(path).unwrap();
    let mut entry = zip.by_index_raw(index).unwrap();
    let mut packed = Vec::new();
    std::io::copy(&mut entry, &mut packed).unwrap();
    if packed.len() as u64 == entry.size() {
        return packed;
    }
    let mut bytes = vec![0; usize::try_from(entry.size()).unwrap()];
    libdeflater::Decompressor::new().deflate_decompress(&packed, &mut bytes).unwrap();
    bytes
}

fn list(package: &Package) -> Value {
    serde_json::from_slice::<Value>(&inside(package, "rzap_static.json")).unwrap()["files"].take()
}

fn css() -> Vec<u8> {
    b"body { color: teal }\n".repeat(100)
}

/// SHA-256 of `hello`.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[tokio::test]
async fn files_are_listed_and_uploaded_and_not_packed() {
    let css = css();
    let project = Project::new(&[
        ("static/css/app.css", &css),
        ("static/copy.3f2a9c1b.css", &css),
        ("static/größe/a b.txt", b"hello"),
        ("static/.DS_Store", b"x"),
        ("static/notes.txt~", b"x"),
        ("staticky.txt", b"not below it"),
    ]);
    let package = project.packed().await;
    let names = ["app.py", "rzap_handler.py", "rzap_static.json", "rzap_web/__init__.py", "static/rzap-static.txt"];
    assert_eq!(paths(&package), [&names[..], &["staticky.txt"]].concat());

    let list = list(&package);
    let listed: Vec<&String> = list.as_object().unwrap().keys().collect();
    assert_eq!(listed, ["copy.3f2a9c1b.css", "css/app.css", "größe/a b.txt"]);
    let hello = json!({"type": "text/plain; charset=utf-8", "size": 5, "sha256": HELLO});
    assert_eq!(list["größe/a b.txt"], hello);
    let file = &list["css/app.css"];
    assert_eq!((&file["type"], &file["size"]), (&json!("text/css; charset=utf-8"), &json!(2_100)));
    assert_eq!((&file["immutable"], &list["copy.3f2a9c1b.css"]["immutable"]), (&Value::Null, &json!(true)));

    let files = package.static_files.as_ref().unwrap();
    assert_eq!((files.url.as_str(), files.files, files.bytes), ("/s/", 3, 2 * 2_100 + 5));
    // The style sheet once as it is and twice compressed, and the text.
    assert_eq!(files.objects.len(), 4);
    let objects: BTreeMap<&str, _> = files.objects.iter().map(|object| (object.sha256.as_str(), object)).collect();
    for variant in [json!([file["sha256"], file["size"]]), file["br"].clone(), file["gzip"].clone()] {
        let object = objects[variant[0].as_str().unwrap()];
        assert_eq!(json!(object.size), variant[1]);
        assert_eq!(fs::read(&object.file).unwrap().len() as u64, object.size);
        assert_eq!(object.content_type, "text/css; charset=utf-8");
    }
    assert!(objects[file["br"][0].as_str().unwrap()].size < 200);
    let left_out = package.left_out.iter().find(|left| left.rule == "static-files").unwrap();
    assert_eq!((left_out.path.as_str(), left_out.files, left_out.unzipped), ("static/", 3, 4_205));
    assert_eq!(
        String::from_utf8(inside(&package, "rzap_handler.py")).unwrap().lines().last(),
        Some("handler = bridge(\"wsgi\", \"app:app\", static=\"/s/\")")
    );
}

#[tokio::test]
async fn the_same_files_give_the_same_package_and_another_one_another() {
    let project = Project::new(&[("static/a.css", &css()), ("static/b.txt", b"hello")]);
    let first = project.packed().await;
    assert_eq!(project.packed().await.sha256, first.sha256);
    // Elsewhere, with nothing kept.
    let elsewhere = Project::new(&[("static/b.txt", b"hello"), ("static/a.css", &css())]);
    assert_eq!(elsewhere.packed().await.sha256, first.sha256);

    project.write("code/static/b.txt", b"hello!");
    let second = project.packed().await;
    assert_ne!(second.sha256, first.sha256);
    let hashes = |package: &Package| -> Vec<String> {
        package.static_files.as_ref().unwrap().objects.iter().map(|object| object.sha256.clone()).collect()
    };
    let (before, after) = (hashes(&first), hashes(&second));
    assert_eq!(after.iter().filter(|hash| !before.contains(hash)).count(), 1);
}

#[tokio::test]
async fn what_include_names_is_in_both_and_what_exclude_names_in_neither() {
    let project = Project::new(&[("static/favicon.ico", b"ico"), ("static/a.txt", b"a"), ("static/a.psd", b"layers")]);
    project.write("code/views.py", b"return current_app.send_static_file('favicon.ico')\n");
    project.packed().await;
    let [note] = project.notes().try_into().unwrap();
    assert!(note.starts_with("web: views.py has send_static_file"), "{note}");
    let package = project
        .pack(|function| {
            function.source.include = vec!["/static/favicon.ico".into()];
            function.source.exclude = vec!["*.psd".into()];
        })
        .await
        .unwrap();
    assert!(paths(&package).contains(&"static/favicon.ico"));
    assert!(!paths(&package).contains(&"static/rzap-static.txt"));
    let list = list(&package);
    assert_eq!(list.as_object().unwrap().keys().collect::<Vec<_>>(), ["a.txt", "favicon.ico"]);
}

#[tokio::test]
async fn what_must_not_be_public_is_refused() {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "A".repeat(64));
    let project = Project::new(&[("static/deep/key.txt", key.as_bytes())]);
    let error = project.pack(|_| ()).await.unwrap_err();
    assert!(error.causes[0].contains("static/deep/key.txt holds a private key: it would be public"), "{error:?}");

    let project = Project::new(&[("static/a.txt", b"a")]);
    std::os::unix::fs::symlink("/etc/hostname", project.folder.path().join("code/static/link")).unwrap();
    let error = project.pack(|_| ()).await.unwrap_err();
    assert!(error.causes[0].contains("static/link"), "{error:?}");
    assert!(error.causes[0].contains("points out of the project"), "{error:?}");

    let project = Project::new(&[("static/secrets.py", b"x = 1\n")]);
    project.packed().await;
    assert_eq!(project.notes(), ["web: static/secrets.py is a static file, so its source is public"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_or_has_nothing_is_said() {
    let project = Project::new(&[]);
    let error = project.pack(|_| ()).await.unwrap_err();
    assert!(error.causes[0].contains("there is no folder"), "{error:?}");
    fs::create_dir(project.folder.path().join("code/static")).unwrap();
    let package = project.packed().await;
    assert_eq!(project.notes(), ["web: there are no static files to serve below /s/"]);
    assert_eq!(list(&package), json!({}));
    assert!(package.static_files.unwrap().objects.is_empty());
}

#[tokio::test]
async fn a_link_inside_the_project_is_followed() {
    let project = Project::new(&[("frontend/dist/app.js", b"1")]);
    std::os::unix::fs::symlink("frontend/dist", project.folder.path().join("code/static")).unwrap();
    let package = project.packed().await;
    assert_eq!(list(&package).as_object().unwrap().keys().collect::<Vec<_>>(), ["app.js"]);
    assert!(Path::new(&package.static_files.unwrap().objects[0].file).is_file());
}
