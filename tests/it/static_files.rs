//! Static files from S3 through the app's own URL: fetched as browsers and others fetch them, deployed,
//! updated, shared by stages and removed. What HTTP says of them in detail is in `tests/bridge`.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::http::{self, Answer};
use crate::world::World;

const APP: &str = r#"
from flask import Flask, url_for

app = Flask(__name__)

@app.get("/")
def page():
    return url_for("static", filename="css/app.css")

@app.get("/static/from-the-app.txt")
def own():
    return "the app itself"
"#;

fn css() -> String {
    "body { color: teal; background: white }\n".repeat(60)
}

/// A shop with some files; `lines` are for its `rzap.yaml`.
fn shop(lines: &str) -> World {
    let head = "app: shop\nruntime: python3.13\nwsgi: app:app\nstatic: true\nregion: eu-west-1\n";
    let world = World::new()
        .file("rzap.yaml", &format!("{head}{lines}\nstages: {{ dev: {{}}, prod: {{}} }}\n"))
        .file("app.py", APP)
        .file("requirements.txt", "flask==3.1.3\n")
        .file("static/css/app.css", &css())
        .file("static/js/app.3f2a9c1b.js", &"console.log('shop');\n".repeat(100))
        .file("static/größe/日本 1.txt", "Grüße\n");
    world.write_bytes("static/logo.png", &png());
    world.write_bytes("static/font.woff2", b"wOF2 and so on");
    world.write_bytes("static/big.bin", &big());
    world
}

fn png() -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n"[..], &(0..=255).collect::<Vec<u8>>()].concat()
}

/// More than an answer of Lambda can have.
fn big() -> Vec<u8> {
    b"0123456789abcdef".repeat(7 << 16)
}

/// As browsers and curl ask: without `Accept` a REST API of `MiniStack` hands on base64.
fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    http::request("GET", url, &[headers, &[("accept", "*/*")]].concat(), "")
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    let mut whole = Vec::new();
    match answer.header("content-encoding") {
        None => whole.clone_from(&answer.bytes),
        Some("br") => drop(brotli::Decompressor::new(&answer.bytes[..], 4096).read_to_end(&mut whole).expect("brotli")),
        Some("gzip") => {
            whole.resize(css().len(), 0);
            libdeflater::Decompressor::new().gzip_decompress(&answer.bytes, &mut whole).expect("gzip");
        }
        Some(other) => panic!("{other}"),
    }
    whole
}

/// What every front has to show of the shop at `url`.
fn visit(url: &str) {
    let page = http::get(&format!("{url}/"));
    assert!(page.text().ends_with("/static/css/app.css"), "{page:?}");
    let css_url = format!("{url}/static/css/app.css");
    for accepted in ["", "br, gzip;q=0.8", "gzip, deflate"] {
        let answer = get(&css_url, &[("accept-encoding", accepted)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let wanted = accepted.split(',').next().filter(|first| !first.is_empty());
        assert_eq!(answer.header("content-encoding"), wanted, "{answer:?}");
        assert_eq!(String::from_utf8(unpacked(&answer)).expect("UTF-8"), css());
        assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let etag = answer.header("etag").expect("an ETag");
        let again = get(&css_url, &[("accept-encoding", accepted), ("if-none-match", etag)]);
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, Some(etag)), "{again:?}");
    }
    let script = get(&format!("{url}/static/js/app.3f2a9c1b.js"), &[]);
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    let logo = get(&format!("{url}/static/logo.png"), &[("accept-encoding", "br")]);
    assert_eq!((logo.status, &logo.bytes, logo.header("content-type")), (200, &png(), Some("image/png")));
    assert_eq!(get(&format!("{url}/static/font.woff2"), &[]).header("content-type"), Some("font/woff2"));
    let part = get(&format!("{url}/static/logo.png"), &[("range", "bytes=1-3")]);
    assert_eq!((part.status, &part.bytes[..]), (206, &b"PNG"[..]), "{part:?}");
    let unicode = get(&format!("{url}/static/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC%201.txt"), &[]);
    assert_eq!((unicode.status, unicode.text().as_str()), (200, "Grüße\n"), "{unicode:?}");
    let head = http::request("HEAD", &css_url, &[], "");
    assert_eq!((head.status, head.bytes.len(), head.header("etag").is_some()), (200, 0, true), "{head:?}");
    let post = http::request("POST", &css_url, &[], "");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")), "{post:?}");

    // What is not in the list is the app's.
    assert_eq!(http::get(&format!("{url}/static/from-the-app.txt")).text(), "the app itself");
    for path in ["missing.css", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "css/../../app.py", "css//app.css", "css"]
    {
        let answer = get(&format!("{url}/static/{path}"), &[]);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(!answer.text().contains("Flask(__name__)"), "{path}");
    }

    let moved = get(&format!("{url}/static/big.bin"), &[]);
    assert_eq!(moved.status, 307, "{:?}", moved.text());
    let link = moved.header("location").expect("a link");
    let file = get(link, &[]);
    assert_eq!((file.status, file.header("content-type")), (200, Some("application/octet-stream")));
    assert!(file.bytes == big(), "{} bytes came", file.bytes.len());
}

/// The keys of static files in the cloud.
fn objects(cloud: &Cloud) -> Vec<Value> {
    let all = cloud.inventory()["objects"].as_array().expect("a list").clone();
    all.into_iter().filter(|key| key.as_str().is_some_and(|key| key.starts_with("shop/_static/"))).collect()
}

/// Six files, and the style sheet and the script in two more encodings.
const OBJECTS: usize = 10;

#[test]
fn the_life_of_static_files_in_the_local_cloud() {
    let world = shop("http: rest").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    let first = world.run("deploy dev --json").success();
    assert!(first.changes().contains(&"create static_files".to_owned()), "{first}");
    visit(&first.url());
    assert_eq!(objects(&cloud).len(), OBJECTS);
    assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);

    // Another stage has the same files: nothing is uploaded for it.
    let prod = world.run("deploy prod --json").success();
    assert!(!prod.changes().iter().any(|change| change.contains("static_files")), "{prod}");
    visit(&prod.url());

    // One file changes: one object comes, and the one before stays for prod and for earlier releases.
    world.edit("static/größe/日本 1.txt", "Grüße", "Guten Tag");
    let update = world.run("update dev --json").success();
    assert_eq!(update.changes(), ["update function", "update static_files"]);
    assert_eq!(objects(&cloud).len(), OBJECTS + 1);
    let page = "static/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC%201.txt";
    assert_eq!(get(&format!("{}/{page}", first.url()), &[]).text(), "Guten Tag\n");
    assert_eq!(get(&format!("{}/{page}", prod.url()), &[]).text(), "Grüße\n");
    // Code alone changes: no word of files.
    world.edit("app.py", "the app itself", "the app");
    assert_eq!(world.run("update dev --json").success().changes(), ["update function"]);

    // Somebody removes one by hand: it is missed, and comes back.
    let script = "s3 = client('s3')\nbucket = s3.list_buckets()['Buckets'][0]['Name']\n\
                  keys = [item['Key'] for item in every('s3', 'list_objects_v2', 'Contents', Bucket=bucket, Prefix='shop/_static/')]\n\
                  sizes = {key: s3.head_object(Bucket=bucket, Key=key) for key in keys}\n\
                  gone = [key for key in keys if sizes[key]['ContentType'] == 'font/woff2']\n\
                  s3.delete_object(Bucket=bucket, Key=gone[0])\nanswer(gone)";
    assert_eq!(cloud.boto(script).as_array().map(Vec::len), Some(1));
    let status = world.run("status dev --check --json").failure(3);
    assert_eq!(status.changes(), ["update static_files"]);
    let missing = json!({"field": "objects", "old": OBJECTS - 1, "new": OBJECTS, "hidden": false, "by_hand": false});
    assert!(
        status.json()["changes"][0]["differences"].as_array().is_some_and(|all| all.contains(&missing)),
        "{status}"
    );
    world.run("deploy dev").success();
    assert_eq!(get(&format!("{}/static/font.woff2", first.url()), &[]).bytes, b"wOF2 and so on");

    world.run("undeploy dev --yes").success();
    assert_eq!(objects(&cloud).len(), OBJECTS + 1, "prod may need them");
    assert_eq!(get(&format!("{}/static/logo.png", prod.url()), &[]).bytes, png());
    world.run("undeploy prod --yes").success();
    cloud.is_empty();
}

#[test]
fn static_files_behind_a_function_url() {
    let world = shop("http: url").env("RZAP_LOCAL", "1");
    visit(&world.run("deploy dev --json").success().url());
}

#[test]
fn static_files_behind_an_http_api() {
    let world = shop("http: http").env("RZAP_LOCAL", "1");
    visit(&world.run("deploy dev --json").success().url());
}

/// Starlette refuses to mount a folder that is not there: it has to be, though its files are in S3.
#[test]
fn an_asgi_app_that_mounts_the_folder_itself_starts() {
    let world = World::new()
        .file(
            "rzap.yaml",
            "app: shop\nruntime: python3.13\nasgi: app:app\nhttp: url\n\
             static: { dir: ./web/public/, url: /assets }\nstages: { dev: {} }\n",
        )
        .file("requirements.txt", "starlette==0.50.0\n")
        .file("web/public/app.css", &css())
        .file(
            "app.py",
            "from starlette.applications import Starlette\nfrom starlette.routing import Mount\n\
             from starlette.staticfiles import StaticFiles\n\
             app = Starlette(routes=[Mount('/assets', StaticFiles(directory='web/public'), name='assets')])\n",
        )
        .env("RZAP_LOCAL", "1");
    let url = world.run("deploy dev --json").success().url();
    let answer = get(&format!("{url}/assets/app.css"), &[("accept-encoding", "gzip")]);
    assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")), "{answer:?}");
    assert_eq!(get(&format!("{url}/assets/none.css"), &[]).status, 404);
}

#[test]
fn static_files_on_ministack() {
    for front in ["rest", "http", "url"] {
        let emulator = Emulator::ministack();
        // MiniStack tells functions where it is only when it was told itself.
        let lines = format!("http: {front}\nenv: {{ AWS_ENDPOINT_URL: '{}' }}", emulator.endpoint);
        let world = shop(&lines).at(&emulator.endpoint);
        let first = world.run("deploy dev --json").success();
        visit(&first.url());
        assert_eq!(objects(&emulator.cloud()).len(), OBJECTS);
        assert_eq!(world.run("deploy dev --json").success().changes(), [""; 0]);
        world.run("undeploy dev --yes").success();
        emulator.cloud().is_empty();
    }
}

#[test]
fn what_is_served_is_said_before_anything_is_done() {
    let world = shop("http: rest").env("RZAP_LOCAL", "1");
    let package = world.run("package dev").success();
    let line = "  static files: 6 files, 7.0 MB, served from S3 below /static/\n";
    assert!(package.stdout.contains(line), "{package}");
    let explained = world.run("package dev --explain").success();
    assert!(explained.stdout.contains(line), "{explained}");
    assert!(explained.stdout.contains("static-files: 6 files, 7.0 MB\n  static/  7.0 MB\n"), "{explained}");
    let document = world.run("package dev --json").success().json();
    let files = &document["packages"]["web"]["static"];
    assert_eq!((&files["url"], &files["files"]), (&json!("/static/"), &json!(6)));

    let plan = world.run("deploy dev --dry-run").success();
    assert!(plan.stdout.contains("+ static files     shop/_static/\n      bytes: (none) → "), "{plan}");
    assert!(plan.stdout.contains(&format!("\n      objects: (none) → {OBJECTS}\n")), "{plan}");
    assert_eq!(objects(&world.local()).len(), 0, "a dry run uploads nothing");
}

#[test]
fn a_function_that_begins_to_serve_files_needs_more_than_new_code() {
    let world = shop("http: rest").env("RZAP_LOCAL", "1");
    world.edit("rzap.yaml", "static: true\n", "");
    world.run("deploy dev").success();
    world.edit("rzap.yaml", "wsgi:", "static: true\nwsgi:");
    insta::assert_snapshot!(world.run("update dev --quiet").failure(1).err(), @r"
    error: the function `web` serves static files now: new code is not enough
    hint: run `rzap deploy dev`
    ");
    let deployed = world.run("deploy dev --json").success();
    assert_eq!(get(&format!("{}/static/logo.png", deployed.url()), &[]).bytes, png());
    world.edit("rzap.yaml", "static: true\n", "");
    world.run("deploy dev").success();
    // The app's own folder is in the package again.
    assert_eq!(get(&format!("{}/static/logo.png", deployed.url()), &[]).bytes, png());
    world.run("undeploy dev --yes").success();
    world.local().is_empty();
}
