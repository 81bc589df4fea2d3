//! Using the API of notes: `FastAPI` with documents, uploads and downloads, background work and streams.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::form::{self, Part};
use crate::process::wait_for;
use crate::visitor::Visitor;

pub(super) const KEY: (&str, &str) = ("x-api-key", "change-me");
const JSON: (&str, &str) = ("content-type", "application/json");

pub(super) fn browse(client: &mut Visitor) {
    let id = notes(client);
    attachments(client, &id);
    described(client);
    streams(client);
    client.send("DELETE", &format!("/notes/{id}"), &[KEY], b"").is(204);
    let gone = client.open(&format!("/notes/{id}")).is(404);
    assert_eq!(gone.answer.json(), json!({"detail": format!("there is no note {id}")}));
    // What hung on it is gone, too, and nothing is left to take the average of: a fault of the app.
    assert_eq!(client.open("/notes").is(200).answer.json(), json!([]));
    let fault = client.open("/average").is(500);
    assert!(!fault.text().contains("Traceback") && !fault.text().contains("ZeroDivision"), "{}", fault.text());
}

fn write(client: &mut Visitor, method: &str, path: &str, document: &Value) -> crate::visitor::Page {
    client.send(method, path, &[KEY, JSON], document.to_string().as_bytes())
}

/// A note whose words have been counted. A front that streams does not wait for what comes after the answer.
fn counted(client: &mut Visitor, path: &str) -> Value {
    wait_for("the words to be counted", Duration::from_secs(20), || {
        Some(client.open(path).is(200).answer.json()).filter(|note| !note["words"].is_null())
    })
}

/// The number of the note that is left at the end.
fn notes(client: &mut Visitor) -> String {
    let new = json!({"title": " Zürich ☃ ", "text": "one two  three", "tags": ["b", "a", "b"]});
    let refused = client.json("POST", "/notes", &new).is(401);
    // REST APIs give this header another name.
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
    let challenge = refused.header("www-authenticate").or(refused.header("x-amzn-remapped-www-authenticate"));
    assert_eq!(challenge, Some("ApiKey"));
    let made = write(client, "POST", "/notes", &new).is(201);
    let location = made.header("location").expect("where it is").to_owned();
    let path = location.strip_prefix(&client.base()).unwrap_or_else(|| panic!("{location} is not the note's address"));
    let id = path.strip_prefix("/notes/").expect("a note").to_owned();
    // Counted in the background, once the answer has been made.
    let mut expected =
        json!({"title": "Zürich ☃", "text": "one two  three", "tags": ["a", "b"], "id": 0, "words": null});
    expected["id"] = id.parse::<u64>().expect("a number").into();
    assert_eq!(made.answer.json(), expected);
    expected["words"] = 3.into();
    assert_eq!(counted(client, path), expected);
    let head = client.send("HEAD", path, &[], b"").is(200);
    assert_eq!((head.answer.bytes.as_slice(), head.header("content-type")), (&[][..], Some("application/json")));

    let wrong = write(client, "POST", "/notes", &json!({"title": "", "tags": ["two words"], "more": 1})).is(422);
    let problems = wrong.answer.json();
    let places: Vec<&str> =
        problems["detail"].as_array().expect("problems").iter().filter_map(|each| each["loc"][1].as_str()).collect();
    assert_eq!(places, ["title", "tags", "more"]);
    client.send("POST", "/notes", &[KEY, JSON], b"{").is(422);
    client.open("/notes/abc").is(422);
    client.send("PATCH", path, &[KEY], b"").is(405);

    // Repeated and percent-encoded parameters.
    let other = write(client, "POST", "/notes", &json!({"title": "100% a+b", "tags": ["a"]})).is(201);
    let other = other.answer.json()["id"].clone();
    let titles = |client: &mut Visitor, query: &str| -> Vec<String> {
        let found = client.open(&format!("/notes?{query}")).is(200).answer.json();
        let notes = found.as_array().expect("notes").clone();
        notes.iter().filter_map(|note| note["title"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(titles(client, "tag=a"), ["100% a+b", "Zürich ☃"]);
    assert_eq!(titles(client, "tag=a&tag=b"), ["Zürich ☃"]);
    assert_eq!(titles(client, "q=%E2%98%83&limit=1"), ["Zürich ☃"]);
    assert_eq!(titles(client, "q=100%25+a%2Bb"), ["100% a+b"]);
    let all = client.open("/export").is(200);
    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = all.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        lines.iter().map(|note| note["id"].clone()).collect::<Vec<_>>(),
        [expected["id"].clone(), other.clone()]
    );

    let changed = write(client, "PUT", path, &json!({"title": "new", "text": "a b"})).is(200).answer.json();
    assert_eq!((&changed["title"], &changed["words"]), (&json!("new"), &Value::Null));
    assert_eq!(counted(client, path)["words"], 2);
    client.send("DELETE", &format!("/notes/{other}"), &[KEY], b"").is(204);
    id
}

fn attachments(client: &mut Visitor, id: &str) {
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let parts = [
        Part { name: "files", file: Some(("große Datei; 1.bin", "application/x-noise")), bytes: &bytes },
        Part { name: "files", file: Some(("☃.txt", "text/plain")), bytes: "Schnee".as_bytes() },
    ];
    let (kind, body) = form::multipart(parts.into_iter());
    let path = format!("/notes/{id}/attachments");
    let added = client.send("POST", &path, &[KEY, ("content-type", &kind)], &body).is(201).answer.json();
    let names = |key: &str| [added[0][key].clone(), added[1][key].clone()];
    assert_eq!(names("name"), [json!("große Datei; 1.bin"), json!("☃.txt")]);
    assert_eq!(names("size"), [json!(70_000), json!(6)]);

    let path = format!("/attachments/{}", added[0]["id"]);
    let file = client.open(&path).is(200);
    assert!(file.answer.bytes == bytes, "{} of 70,000 bytes, or changed", file.answer.bytes.len());
    assert_eq!(file.header("content-type"), Some("application/x-noise"));
    let disposition = "attachment; filename*=UTF-8''gro%C3%9Fe%20Datei%3B%201.bin";
    assert_eq!(file.header("content-disposition"), Some(disposition));
    let tag = file.header("etag").expect("a tag").to_owned();
    assert!(tag.contains(added[0]["sha256"].as_str().expect("a hash")), "{tag}");
    let same = client.send("GET", &path, &[("if-none-match", &tag)], b"").is(304);
    assert_eq!(same.answer.bytes, b"");
    client.open("/attachments/987654").is(404);
}

/// The description of the API leads to where the API is.
fn described(client: &mut Visitor) {
    let description = client.open("/openapi.json").is(200).answer.json();
    assert!(description["paths"]["/notes/{note_id}"]["put"].is_object(), "{description}");
    if !client.mount().is_empty() {
        assert_eq!(description["servers"], json!([{"url": client.mount()}]));
    }
    client.open("/docs").is(200).says(&[&format!("url: '{}/openapi.json'", client.mount())]);

    // What a browser asks before a page of another site may write here.
    let asks = [("origin", "https://notes.example"), ("access-control-request-method", "POST")];
    let asks = [&asks[..], &[("access-control-request-headers", "x-api-key")]].concat();
    let allowed = client.send("OPTIONS", "/notes", &asks, b"").is(200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://notes.example"));
    let stranger = [("origin", "https://elsewhere.example"), asks[1]];
    assert_eq!(client.send("OPTIONS", "/notes", &stranger, b"").is(400).header("access-control-allow-origin"), None);
}

/// Whole where the front cannot stream.
fn streams(client: &mut Visitor) {
    let events = client.open("/countdown/3").is(200);
    assert_eq!(events.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let expected: String = (0..=3).rev().map(|number| format!("event: count\ndata: {number}\n\n")).collect();
    assert_eq!(events.text(), expected);
}

/// The first event comes although the last one never will: the function's time is over before.
pub(super) fn stream_live(url: &str) {
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("http://host/path");
    let mut connection = TcpStream::connect(host).expect("a connection");
    connection.set_read_timeout(Some(Duration::from_mins(1))).expect("a timeout");
    let request = format!("GET /{path}/countdown/1?pause=3600 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("the request is sent");
    let mut seen = String::new();
    while !seen.contains("data: 1\n\n") {
        let mut block = [0; 1024];
        let count = connection.read(&mut block).expect("more of the answer");
        assert!(count > 0, "it ended before the first event:\n{seen}");
        seen.push_str(&String::from_utf8_lossy(&block[..count]));
    }
    assert!(seen.starts_with("HTTP/1.1 200") && !seen.contains("data: 0"), "{seen}");
}
