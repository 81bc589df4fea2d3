//! Visiting the polls: Django with migrations, forms against forgery, sessions, messages, and the admin.

use crate::visitor::{Page, Visitor};

/// Who one is for the admin; see the fixture's `rzap.yaml`.
const ADMIN: (&str, &str) = ("admin", "change-me-too");

pub(super) fn browse(ada: &mut Visitor) {
    let index = ada.open("/").is(200);
    assert_eq!((index.hops.as_slice(), index.target.as_str()), ([302].as_slice(), &*format!("{}/polls/", ada.mount())));
    // Django puts the slash back that is missing.
    assert_eq!(ada.open("/polls/suggest").is(200).hops, [301]);

    let asked = suggest(ada, &index);
    let id = asked.target.trim_end_matches('/').rsplit('/').next().expect("a number").to_owned();
    // A fault of the app: a page without what is inside, which is in the log. See `faults`.
    let fault = ada.open(&format!("/polls/{id}/share/")).is(500).says(&["Something went wrong"]);
    assert!(!fault.text().contains("Traceback") && !fault.text().contains("ZeroDivision"), "{}", fault.text());

    vote(ada, &asked);
    administer(ada, &id);

    // Nobody else has voted: the session is Ada's.
    let mut bob = ada.stranger();
    let results = bob.open(&format!("/polls/{id}/results/")).is(200).says(&["東京? -- 1 vote", "Osaka -- 0 votes"]);
    assert!(!results.text().contains("You chose"), "{}", results.text());
    let tag = results.header("etag").expect("a tag").to_owned();
    let same = bob.send("GET", &format!("/polls/{id}/results/"), &[("if-none-match", &tag)], b"").is(304);
    assert_eq!(same.answer.bytes, b"");
    let file = bob.follow(&results, "Download").is(200);
    assert_eq!(file.text(), "choice,votes\r\n東京?,1\r\n\"Kyoto, of course\",0\r\nOsaka,0\r\n");
    let name = format!("attachment; filename=\"poll-{id}.csv\"");
    assert_eq!(file.header("content-disposition"), Some(name.as_str()));
    let address = format!("{}/polls/{id}/", bob.base());
    bob.follow(&results, "Share").is(200).says(&[&address, "東京?: 100 %", "Osaka: 0 %"]);

    // Addresses and queries beyond ASCII.
    let index = bob.open("/polls/").is(200);
    let found = bob.submit(&index, &index.form("q").set("q", "läge & 東")).is(200);
    assert_eq!(found.form("q").value("q"), "läge & 東");
    found.says(&["Wo läge & 東 am liebsten?"]);
    bob.open("/polls/?q=nothing+like+it").is(200).says(&["No polls are available."]);
    let nothing = format!("There is nothing at {}/nowhere/a%20b/%E6%9D%B1.", bob.mount());
    bob.open("/nowhere/a%20b/%E6%9D%B1").is(404).says(&[&nothing]);
    bob.open("/polls/987654/").is(404).says(&["Not found"]);

    let head = bob.send("HEAD", &format!("/polls/{id}/results/"), &[], b"").is(200);
    assert_eq!(head.answer.bytes, b"");
    let options = bob.send("OPTIONS", "/polls/", &[], b"").is(200);
    assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
    bob.open(&format!("/polls/{id}/vote/")).is(405);
    files(&mut bob);
    let packed = bob.send("GET", "/admin/login/", &[("accept-encoding", "gzip")], b"").is(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.answer.bytes[..2], [0x1f, 0x8b], "a packed page came back changed");
}

/// What the pages link to: the project's own and the admin's files, from S3.
fn files(bob: &mut Visitor) {
    let style = bob.open("/static/polls/style.css").is(200).says(&["fieldset { border: 0; padding: 0; }"]);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = style.header("etag").expect("a tag").to_owned();
    bob.send("GET", "/static/polls/style.css", &[("if-none-match", &tag)], b"").is(304);
    bob.send("HEAD", "/static/admin/css/base.css", &[], b"").is(200);
    let image = bob.open("/static/admin/img/search.svg").is(200);
    assert_eq!(image.header("content-type"), Some("image/svg+xml"));
    bob.open("/static/polls/nothing.css").is(404);
}

/// A form that is refused first, then taken.
fn suggest(ada: &mut Visitor, index: &Page) -> Page {
    let page = ada.follow(index, "Suggest a question").is(200);
    let form = page.form("choices").set("question_text", "Wo läge & 東 am liebsten?");
    let refused = ada.submit(&page, &form.set("choices", "only one")).is(200);
    let refused = refused.says(&["A question needs at least two choices."]);
    let form = refused.form("choices");
    assert_eq!(form.value("question_text"), "Wo läge & 東 am liebsten?");
    let choices = "東京?\n\nKyoto, of course\nOsaka";

    // Without the token that is in the form it is not from here, and neither when it is from elsewhere.
    let forged = form.value("csrfmiddlewaretoken").len();
    let token = "x".repeat(forged);
    let form = form.set("choices", choices);
    let right = form.value("csrfmiddlewaretoken").to_owned();
    let form = form.set("csrfmiddlewaretoken", &token);
    ada.submit(&refused, &form).is(403).says(&["CSRF verification failed"]);
    let form = form.set("csrfmiddlewaretoken", &right);
    let (kind, body) = form.body();
    let elsewhere = [("content-type", kind.as_str()), ("origin", "http://elsewhere.example")];
    ada.send("POST", "/polls/suggest/", &elsewhere, &body).is(403);

    let asked = ada.submit(&refused, &form).is(200);
    assert_eq!(asked.hops, [302]);
    let asked = asked.says(&["Thank you for “Wo läge & 東 am liebsten?”.", "東京?", "Kyoto, of course", "Osaka"]);
    assert_eq!(asked.form("choice").offered("choice").len(), 3);
    asked
}

/// The message is gone on the next page; what was chosen is known on the one after.
fn vote(ada: &mut Visitor, asked: &Page) {
    let refused = ada.submit(asked, &asked.form("choice")).is(422).says(&["You didn't select a choice."]);
    assert!(!refused.text().contains("Thank you"), "{}", refused.text());
    let form = refused.form("choice");
    let first = form.offered("choice")[0].clone();
    let results = ada.submit(&refused, &form.set("choice", &first)).is(200);
    assert_eq!(results.hops, [302]);
    let results = results.says(&["東京? -- 1 vote", "You chose 東京?."]);
    assert!(ada.cookie("sessionid").is_some(), "the session has no cookie");
    ada.follow(&results, "Vote again?").is(200);
    ada.open(&results.target[ada.mount().len()..]).is(200).says(&["You chose 東京?."]);
}

fn administer(ada: &mut Visitor, id: &str) {
    let login = ada.open("/admin/").is(200);
    assert_eq!(login.hops, [302]);
    let form = login.form("username").set("username", ADMIN.0).set("password", "wrong");
    let refused = ada.submit(&login, &form).is(200).says(&["Please enter the correct username and password"]);
    let before = ada.cookie("sessionid").map(str::to_owned);
    let form = refused.form("username").set("username", ADMIN.0).set("password", ADMIN.1);
    let inside = ada.submit(&refused, &form).is(200).says(&["Site administration", "Welcome,"]);
    assert_eq!((inside.hops.as_slice(), &*inside.target), ([302].as_slice(), &*format!("{}/admin/", ada.mount())));
    assert_ne!(ada.cookie("sessionid").map(str::to_owned), before, "a session stays the same after the login");

    let list = ada.follow(&inside, "Questions").is(200).says(&["Wo läge & 東 am liebsten?"]);
    let change = ada.follow(&list, "Wo läge & 東 am liebsten?").is(200);
    assert_eq!(change.target.split('?').next(), Some(&*format!("{}/admin/polls/question/{id}/change/", ada.mount())));
    let form = change.form("choice_set-1-choice_text");
    assert_eq!(form.value("choice_set-1-choice_text"), "Kyoto, of course");
    let form = form.set("choice_set-3-choice_text", "Nara").set("_continue", "Save and continue editing");
    let saved = ada.submit(&change, &form).is(200).says(&["was changed successfully"]);
    let form = saved.form("choice_set-3-choice_text");
    assert_eq!(form.value("choice_set-3-choice_text"), "Nara");
    // And away again.
    let form = form.set("choice_set-3-DELETE", "on").set("_save", "Save");
    ada.submit(&saved, &form).is(200).says(&["was changed successfully"]);
    let out = inside.form("csrfmiddlewaretoken");
    assert_eq!(out.action, format!("{}/admin/logout/", ada.mount()));
    let page = ada.open("/admin/").is(200);
    ada.submit(&page, &page.form("csrfmiddlewaretoken")).is(200).says(&["Logged out"]);
    assert_eq!(ada.open("/admin/").is(200).hops, [302]);
}
