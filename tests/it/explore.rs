//! explore
use crate::http;
use crate::world::World;

#[test]
fn explore_guestbook() {
    let world = World::new().app("guestbook");
    let o = world.run("deploy dev --local");
    let t = world.run("deploy dev --local --json");
    let u = t.url();
    let p = http::get(&format!("{u}/"));
    let g = http::post_form(&format!("{u}/sign"), "name=Ada&message=Hello");
    let s = world.run("status dev --local");
    let l = world.run("tail dev --local --no-follow");
    let ss = world.run("local status");
    let d = world.run("undeploy dev --local");
    let e = world.run("undeploy dev --local --yes");
    panic!("{o}\n{t}\n{p:?}\n{}\n{g:?}\n{s}\n{l}\n{ss}\n{d}\n{e}\n{}", p.text(), world.local().inventory());
}
#[test]
fn explore_multi() {
    let world = World::new().app("multi");
    let o = world.run("deploy dev --local");
    let u = world.run("status dev --local --json").url();
    let p = http::get(&format!("{u}/a/b?x=1&x=2"));
    let a = world.args(&["invoke", "dev", "worker", "--local", "--payload", r#"{"numbers": [1, 2]}"#]);
    let b = world.args(&["invoke", "dev", "worker", "--local", "--logs"]);
    let c = world.args(&["invoke", "dev", "worker", "--local", "--async"]);
    let l = world.run("tail dev --local --no-follow");
    let n = World::new().app("hello-node");
    let no = n.run("deploy dev --local");
    let nl = http::get(no.stdout.lines().last().unwrap_or_default());
    let h = World::new().app("hello-bootstrap");
    let ho = h.run("deploy dev --local");
    let hl = http::get(ho.stdout.lines().last().unwrap_or_default());
    panic!("{o}\n{p:?}\n{}\n{a}\n{b}\n{c}\n{l}\n{no}\n{nl:?}{}\n{ho}{hl:?}{}", p.text(), nl.text(), hl.text());
}
