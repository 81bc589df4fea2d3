//! Visiting the guestbook: Flask, a form, a session, files.

use serde_json::json;

use crate::visitor::Visitor;

pub(super) fn browse(ada: &mut Visitor) {
    let page = ada.open("/").is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let icon = ada.open("/favicon.ico").is(200);
    assert!(icon.answer.bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{:?}", icon.answer);

    // A form that is sent back to its page, with what was said and who one is.
    let form = page.form("message").set("name", "Ada Zürich ☃").set("message", "<b>Hello</b> & good bye");
    let thanks = ada.submit(&page, &form).is(200);
    assert_eq!(thanks.hops, [303]);
    let thanks = thanks.says(&["Thank you, Ada Zürich ☃!", "<b>Hello</b> & good bye"]);
    assert!(thanks.text().contains("&lt;b&gt;"), "markup of a guest is markup of the page: {}", thanks.text());
    assert_eq!(thanks.form("name").value("name"), "Ada Zürich ☃");
    // What was flashed is gone, who one is is not.
    let again = ada.open("/").is(200);
    assert!(!again.text().contains("Thank you"), "{}", again.text());
    assert_eq!(again.form("name").value("name"), "Ada Zürich ☃");
    let empty = ada.submit(&again, &again.form("message").set("message", "  ")).says(&["Please write a name"]);
    assert_eq!(empty.hops, [302]);

    let newest = ada.open("/api/entries").is(200).answer.json();
    assert_eq!(newest["entries"][0]["message"], json!("<b>Hello</b> & good bye"));
    let head = ada.send("HEAD", "/", &[], b"").is(200);
    assert_eq!(head.answer.bytes, b"");
    let options = ada.send("OPTIONS", "/sign", &[], b"").is(200);
    let mut allowed: Vec<&str> = options.header("allow").expect("what is allowed").split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["OPTIONS", "POST"]);
    ada.open("/sign").is(405);
    ada.open("/%C3%BCnbekannt/a%20b").is(404).says(&["Not Found"]);

    // The style is fetched once: its tag says that it has not changed.
    let style = ada.open("/static/guestbook.css").is(200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = style.header("etag").expect("a tag").to_owned();
    let same = ada.send("GET", "/static/guestbook.css", &[("if-none-match", &tag)], b"").is(304);
    assert_eq!(same.answer.bytes, b"");
    let part = ada.send("GET", "/favicon.ico", &[("range", "bytes=1-3")], b"").is(206);
    assert_eq!(part.answer.bytes, b"PNG");
}
