//! What becomes of an app's own faults: the client learns that there was one and its request id, the log has
//! the rest, and never the other way round.

use std::time::Duration;

use serde_json::json;

use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::visitor::Visitor;
use crate::world::World;

/// Raises before it answers, after it began to answer, and in the middle of its body.
const WSGI: &str = r#"
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/early":
        raise KeyError("swordfish early")
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Secret", "swordfish")])
    if path == "/late":
        raise ValueError("swordfish late")
    return body(path)

def body(path):
    yield b"fine"
    if path == "/middle":
        raise OSError("swordfish middle")
"#;

const ASGI: &str = r#"
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path = scope["path"].removeprefix(scope["root_path"])
    if path == "/early":
        raise KeyError("swordfish early")
    headers = [(b"content-type", b"text/plain"), (b"x-secret", b"swordfish")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/late":
        raise ValueError("swordfish late")
    await send({"type": "http.response.body", "body": b"fine", "more_body": True})
    if path == "/middle":
        raise OSError("swordfish middle")
    await send({"type": "http.response.body", "body": b""})
"#;

fn world(protocol: &str, front: &str) -> World {
    let config = format!(
        "app: faulty\nruntime: python3.13\nregion: eu-west-1\n{protocol}: faulty:app\nhttp: {front}\nstages: {{ dev: {{}} }}\n"
    );
    World::new().file("rzap.yaml", &config).file("faulty.py", if protocol == "asgi" { ASGI } else { WSGI })
}

/// Each fault by the client's and the operator's view.
fn told(world: &World, flags: &str, visitor: fn(&str) -> Visitor) {
    let url = world.run(&format!("deploy dev --json {flags}")).success().url();
    let client = &mut visitor(&url);
    for (path, kind) in [("early", "KeyError"), ("late", "ValueError"), ("middle", "OSError")] {
        let failed = client.open(&format!("/{path}")).is(500);
        let answer = failed.answer.json();
        let id = answer["requestId"].as_str().expect("a request id").to_owned();
        assert_eq!(answer, json!({"message": "Internal Server Error", "requestId": id}));
        assert_eq!((failed.header("content-type"), failed.header("x-secret")), (Some("application/json"), None));

        let (emulated, mark) = (flags.is_empty(), format!("{id}\t"));
        let expected = [
            "Traceback (most recent call last)".to_owned(),
            // Lambda's own handler of log records, which `MiniStack` lacks, names the request in each.
            format!("{}rzap: faulty:app failed on GET {}/{path}", if emulated { "" } else { &*mark }, client.mount()),
            format!("{kind}: "),
            format!("swordfish {path}"),
            id,
        ];
        has(world, &format!("dev {flags}"), &expected.each_ref().map(String::as_str));
    }
    // It goes on.
    assert_eq!(client.open("/").is(200).text(), "fine");
}

#[test]
fn a_wsgi_app_that_raises_shows_nothing_to_its_client() {
    told(&world("wsgi", "rest"), "--local", Visitor::new);
    told(&world("wsgi", "http"), "--local", Visitor::new);
    let emulator = Emulator::ministack();
    told(&world("wsgi", "rest").at(&emulator.endpoint), "", Visitor::as_on_aws);
}

#[test]
fn an_asgi_app_that_raises_shows_nothing_to_its_client() {
    told(&world("asgi", "url"), "--local", Visitor::new);
    let emulator = Emulator::ministack();
    told(&world("asgi", "url").at(&emulator.endpoint), "", Visitor::as_on_aws);
}

/// The traceback of the fault that each fixture has left in.
pub(super) fn is_in_the_log(world: &World, stage: &str) {
    has(world, stage, &["Traceback (most recent call last)", "ZeroDivisionError"]);
}

/// The log has all of these, as soon as it has arrived: `MiniStack` writes it after the answer.
fn has(world: &World, stage: &str, texts: &[&str]) {
    wait_for(&format!("{texts:?} in the log"), Duration::from_secs(20), || {
        let log = world.run(&format!("tail {stage} --no-follow --raw")).success().stdout;
        texts.iter().all(|text| log.contains(text)).then_some(())
    });
}

#[test]
fn a_module_that_is_missing_is_named_to_the_operator_alone() {
    for (protocol, front, import) in [("wsgi", "rest", "import yaml"), ("asgi", "url", "from PIL import Image")] {
        let world = world(protocol, front);
        let (module, brings) = if front == "rest" { ("yaml", "PyYAML") } else { ("PIL", "Pillow") };
        let code = world.read("faulty.py");
        world.write("faulty.py", &format!("{import}\n{code}"));
        let url = world.run("deploy dev --local --json").success().url();
        let failed = Visitor::new(&url).open("/").is(502);
        let text = failed.text().to_lowercase();
        assert!(!text.contains(module) && !text.contains("import"), "{text}");

        let hint = format!("the module `{module}` comes with the distribution `{brings}`");
        let invoked = world.run("invoke dev --local").failure(1);
        invoked.says(&[&format!("no module '{module}' in the package"), &format!("hint: {hint}")]);
        let tail = world.run("tail dev --local --no-follow").success();
        tail.says(&[&hint]);
        assert!(tail.stdout.contains(&format!("no module '{module}' in the package")), "{tail}");
        assert!(tail.stdout.contains("Runtime.ImportModuleError"), "{tail}");
    }
}
