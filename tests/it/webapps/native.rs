//! Work for the native libraries: images, linear algebra, certificates, XML, TLS and `PostgreSQL`.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulator::free_port;
use crate::picture::Picture;
use crate::process::{self, Keeper, wait_for};
use crate::tools::{TOOLS, finished, repository};
use crate::visitor::Visitor;
use crate::world::World;

/// The servers the function connects to; they end with this.
pub(super) struct Servers {
    _keepers: [Keeper; 2],
    /// For the function's environment.
    variables: [(&'static str, String); 3],
}

impl Servers {
    pub(super) fn start() -> Self {
        let (tls, ready) = tls();
        let (postgres, url) = postgres();
        let address = format!("127.0.0.1:{}", ready["port"]);
        let authority = ready["authority"].as_str().expect("a certificate").to_owned();
        let variables = [("TLS_SERVER", address), ("TLS_AUTHORITY", authority), ("DATABASE_URL", url)];
        Self { _keepers: [tls, postgres], variables }
    }

    /// Tells the app where they are.
    pub(super) fn connect(&self, world: &World) {
        let lines = self.variables.iter().map(|(name, value)| format!("  {name}: {}\n", json!(value)));
        world.edit("rzap.yaml", "\nstages:", &format!("env:\n{}\nstages:", lines.collect::<String>()));
    }
}

/// `tests/servers/tls.py`, and what it says of itself.
fn tls() -> (Keeper, Value) {
    let folder = TempDir::with_prefix("rzap-tls-").expect("a temporary folder").keep();
    let mut command = TOOLS.command("python3");
    command.arg(repository().join("tests/servers/tls.py")).arg(&folder);
    let keeper = Keeper::guard(&command, &folder);
    let ready = wait_for("the TLS server", Duration::from_mins(1), || std::fs::read(folder.join("ready.json")).ok());
    (keeper, serde_json::from_slice(&ready).expect("tls.py writes JSON"))
}

/// `tests/servers/postgres.py`, and the URL of its database.
fn postgres() -> (Keeper, String) {
    let folder = TempDir::with_prefix("rzap-postgres-").expect("a temporary folder").keep();
    let script = repository().join("tests/servers/postgres.py");
    let text = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let end = "\"$1\" \"$2\" stop \"$3\"; rm -rf -- \"$3\"";
    let keeper = Keeper::cleanup(end, &[&text(&TOOLS.bin("python3")), &text(&script), &text(&folder)]);
    let (port, password) = (free_port().to_string(), uuid::Uuid::new_v4().simple().to_string());
    let mut start = TOOLS.command("python3");
    start.arg(&script).arg("start").arg(&folder).args([&port, &password]);
    finished(&mut start, "start PostgreSQL");
    (keeper, format!("postgresql://rzap:{password}@127.0.0.1:{port}/postgres"))
}

pub(super) fn browse(client: &mut Visitor) {
    // Left half red, right half blue: smaller, still so.
    let flag = Picture::new(640, 320, |column, _| if column < 320 { [255, 0, 0] } else { [0, 0, 255] });
    let small = client.send("POST", "/thumbnail", &[("content-type", "image/png")], &flag.png(None)).is(200);
    let small = Picture::read(&small.answer.bytes);
    assert_eq!((small.width, small.height), (64, 32));
    assert_eq!([small.at(5, 5), small.at(58, 30)], [[255, 0, 0], [0, 0, 255]]);

    // x + 2y = 5 and 2x + y = 4; the eigenvalues of such a matrix are 1 ± 2.
    let system = json!({"matrix": [[1, 2], [2, 1]], "right": [5, 4]});
    let solved = client.json("POST", "/solve", &system).is(200).answer.json();
    assert_eq!(solved, json!({"solution": [1.0, 2.0], "eigenvalues": [-1.0, 3.0]}));
    let singular = json!({"matrix": [[1, 2], [2, 4]], "right": [5, 4]});
    assert_eq!(client.json("POST", "/solve", &singular).is(422).answer.json(), json!({"error": "Singular matrix"}));

    let pem = client.json("POST", "/certificate", &json!({"name": "rzap.example"})).is(200);
    assert_eq!(verified(&pem.answer.bytes), json!(["CN=rzap.example", ["rzap.example"]]));

    let document = "<shop><item n='1'>Zürich</item><item n='2'/> tail</shop>".as_bytes();
    let found = |client: &mut Visitor, path: &str| client.send("POST", &format!("/xpath?find={path}"), &[], document);
    let items = found(client, "//item[@n%20%3E%201]%20%7C%20//item/text()").is(200).answer.json();
    assert_eq!(items, json!({"found": ["Zürich", "<item n=\"2\"/>"]}));
    assert_eq!(found(client, "count(//item)").is(200).answer.json(), json!({"found": [2.0]}));
    found(client, "//item[").is(422);

    let secret = client.open("/secret?line=abc%20%C3%BC").is(200).answer.json();
    assert_eq!((&secret["answer"], &secret["protocol"]), (&json!("ü cba"), &json!("TLSv1.3")));
    let wrong = client.open("/secret?line=abc&name=example.com").is(502).answer.json();
    assert!(wrong["error"].as_str().is_some_and(|error| error.contains("example.com")), "{wrong}");

    let word = uuid::Uuid::new_v4().to_string();
    let query = format!("/query?word={word}");
    for expected in 1..=2 {
        let answer = client.open(&query).is(200).answer.json();
        assert_eq!((&answer["count"], &answer["implementation"]), (&json!(expected), &json!("binary")));
        assert!(answer["words"].as_array().is_some_and(|words| words.contains(&json!(word))), "{answer}");
        assert_eq!(answer["version"].as_u64().map(|version| version / 10_000), Some(16), "{answer}");
    }
}

/// Subject and names of a self-signed certificate, as another process with the same library reads it.
fn verified(pem: &[u8]) -> Value {
    let script = "import json, sys\nfrom cryptography import x509\n\
        certificate = x509.load_pem_x509_certificate(sys.stdin.buffer.read())\n\
        certificate.verify_directly_issued_by(certificate)\n\
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value\n\
        print(json.dumps([certificate.subject.rfc4514_string(), names.get_values_for_type(x509.DNSName)]))";
    let mut python = TOOLS.command("python3");
    python.args(["-c", script]);
    let done = process::Running::start(&mut python, Some(pem.to_owned())).wait(Duration::from_mins(1));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON")
}
