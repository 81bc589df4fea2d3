//! What rzap has built before it packs: by the project's own command, by cargo and by go, all real.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::compilers;
use crate::http;
use crate::process::wait_for;
use crate::world::World;

/// So that the program runs here, too.
const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

fn names_in(world: &World, package: &str) -> String {
    world.shell(&format!("python3 -m zipfile -l {package} | sed 1d | cut -d' ' -f1")).success().stdout
}

#[test]
fn a_rust_project_is_built_deployed_and_answers() {
    let world = World::new().app("hello-rust").compilers(&["cargo", "zig"]);
    world.edit("rzap.yaml", "http: url", &format!("http: url\narch: {ARCH}"));
    let first = world.run("deploy dev --local --json").success();
    first.says(&["Compiling hello-rust", "build     web  cargo zigbuild --release"]);
    let url = first.url();
    assert!(http::get(&format!("{url}/")).text().starts_with("Hello from Rust on "), "{first}");

    let second = world.run("deploy dev --local --json").success();
    assert_eq!(second.changes(), [""; 0], "{second}");
    world.edit("src/main.rs", "Hello from Rust", "Greetings from Rust");
    world.run("update dev --local").success();
    assert!(http::get(&format!("{url}/")).text().starts_with("Greetings from Rust on "), "{second}");

    // Nothing of the sources, unless it is asked for.
    world.run("package --quiet -o ../out").success();
    assert_eq!(names_in(&world, "../out/web.zip"), "bootstrap\n");
    world
        .write("rzap.yaml", &world.read("rzap.yaml").replace("http: url", "http: url\ninclude: [/words/, Cargo.lock]"));
    world.write("words/hello.txt", "Hello");
    world.run("package --quiet -o ../out").success();
    assert_eq!(names_in(&world, "../out/web.zip"), "Cargo.lock\nbootstrap\nwords/hello.txt\n");
}

#[test]
fn the_binaries_of_one_project_are_built_in_one_call() {
    let functions = "  a: {}\n  b: { cargo: other }\n";
    let world = World::new()
        .compilers(&["cargo", "zig"])
        .file("rzap.yaml", &format!("app: two\nregion: eu-west-1\nfunctions:\n{functions}stages: {{ dev: }}\n"))
        .file("Cargo.toml", "[package]\nname = \"two\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file("src/bin/a.rs", "fn main() {}\n")
        .file("src/bin/other.rs", "fn main() { println!() }\n");
    let output = world.run("package -o ../out").success();
    assert_eq!(output.stderr.matches("cargo zigbuild --release").count(), 1, "{output}");
    output.says(&["build     a, b  cargo zigbuild --release"]);
    assert_eq!(names_in(&world, "../out/a.zip"), "bootstrap\n");

    world.edit("rzap.yaml", "cargo: other", "cargo: others");
    let output = world.run("package --quiet").failure(1);
    output.says(&["has no binary `others`", "it has: a, other"]);
    world.edit("rzap.yaml", "cargo: others", "cargo: other");
    world.edit("src/bin/a.rs", "{}", "{ no }");
    world.run("package --quiet").failure(1).says(&["cannot find value `no` in this scope", "exit code 101"]);
}

#[test]
fn without_a_linker_for_lambda_the_way_to_one_is_told() {
    let world = World::new().app("hello-rust").compilers(&["cargo"]);
    let output = world.run("package --quiet");
    if compilers::has_std("x86_64-unknown-linux-musl") {
        assert_eq!(output.code, 0, "{output}");
    } else {
        assert_eq!(output.code, 1, "{output}");
        output.says(&["rustup target add x86_64-unknown-linux-musl", "pip install cargo-zigbuild"]);
    }
    let world = World::new().app("hello-rust");
    world.run("package --quiet").failure(1).says(&["there is no `cargo`", "https://rustup.rs"]);
}

/// By hand, because compiling `net/http` takes a minute.
const GO: &str = r#"package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func call(line string, body string) string {
	connection, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "%s HTTP/1.1\r\nhost: api\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s", line, len(body), body)
	answer, _ := io.ReadAll(bufio.NewReader(connection))
	return string(answer)
}

func main() {
	const api = "/2018-06-01/runtime/invocation/"
	for {
		_, rest, _ := strings.Cut(strings.ToLower(call("GET "+api+"next", "")), "request-id: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		call("POST "+api+id+"/response", `{"statusCode":200,"body":"Hello from Go"}`)
	}
}
"#;

#[test]
fn a_go_project_is_built_deployed_and_answers() {
    let world = World::new()
        .compilers(&["go"])
        .file("rzap.yaml", &format!("app: hello-go\nregion: eu-west-1\narch: {ARCH}\nhttp: url\nstages: {{ dev: }}\n"))
        .file("go.mod", "module hello\n\ngo 1.21\n")
        .file("main.go", GO)
        .file("lib/lib.go", "package lib\n");
    let first = world.run("deploy dev --local --json").success();
    first.says(&["build     web  go build ."]);
    assert_eq!(http::get(&format!("{}/", first.url())).text(), "Hello from Go");
    let second = world.run("deploy dev --local --json").success();
    assert_eq!(second.changes(), [""; 0], "{second}");
    world.run("package --quiet -o ../out").success();
    assert_eq!(names_in(&world, "../out/web.zip"), "bootstrap\n");

    world.edit("rzap.yaml", "http: url", "go: ./lib\nhttp: url");
    world.run("package --quiet").failure(1).says(&["`./lib` in ", "is a Go library, not a program"]);
    world.edit("main.go", "os.Getenv", "os.Gotenv");
    world.edit("rzap.yaml", "go: ./lib\n", "");
    world.run("package --quiet").failure(1).says(&["./main.go:13:", "undefined: os.Gotenv"]);
    let world = world.env("PATH", "/nowhere");
    world.run("package --quiet").failure(1).says(&["there is no `go`", "https://go.dev/doc/install"]);
}

/// Both name one command for one target; it makes the folder, and stdout stays the answer's.
#[test]
fn the_projects_own_command_makes_what_is_packed() {
    let functions = "  a: { handler: app.a }\n  b: { handler: app.b }\n  c: { handler: app.a, arch: arm64 }\n";
    let config = format!(
        "app: made\nregion: eu-west-1\nruntime: python3.13\ndir: dist\nenv: {{ TOKEN: s3cret }}\n\
         build: python3 make.py\nfunctions:\n{functions}stages: {{ dev: }}\n"
    );
    let script = r#"
import os
os.makedirs("dist", exist_ok=True)
with open("dist/app.py", "w") as app:
    app.write("def a(event, context): return 1\ndef b(event, context): return 2\n")
print("building for", *[os.environ.get(name) for name in ("RZAP_STAGE", "RZAP_RUNTIME", "RZAP_ARCH", "TOKEN")])
"#;
    let world = World::new().file("rzap.yaml", &config).file("make.py", script);
    let output = world.run("package --json -o ../out").success();
    output.says(&["building for dev python3.13 x86_64 None", "building for dev python3.13 arm64 None"]);
    assert_eq!(output.stderr.matches("building for").count(), 2, "{output}");
    assert!(output.json()["packages"]["a"].is_object(), "{output}");
    assert_eq!(names_in(&world, "../out/a.zip"), "app.py\n");
}

#[test]
fn a_build_that_fails_or_makes_nothing_is_told() {
    let config = |build: &str, rest: &str| {
        format!("app: made\nregion: eu-west-1\nruntime: python3.13\nbuild: {build}\n{rest}\nstages: {{ dev: }}\n")
    };
    let world = World::new().file("notes.txt", "so that there is something");
    let refused = |config: String| {
        world.write("rzap.yaml", &config);
        world.run("package --quiet").failure(1).err()
    };
    insta::assert_snapshot!(refused(config("echo no rule; exit 2", "handler: app.a")), @r"
    error: cannot build main
      cause: `echo no rule; exit 2` ended with exit code 2
      cause: no rule
    hint: it ran in [project] with RZAP_STAGE=dev RZAP_RUNTIME=python3.13 RZAP_ARCH=x86_64
    ");
    insta::assert_snapshot!(refused(config("'true'", "dir: dist\nhandler: app.a")), @r"
    error: cannot package main
      cause: `true` did not make the code folder [project]/dist
    hint: set `dir` to the folder it writes to
    ");
    insta::assert_snapshot!(refused(config("'true'", "handler: app.a")), @r"
    error: cannot package main
      cause: function `main`: `app.a` needs app.py in the package, which is not there
    hint: it is looked for in [project]
    hint: `true` ran before and did not make it
    ");
    let bootstrap = config("'true'", "bootstrap: out/run").replace("runtime: python3.13\n", "");
    insta::assert_snapshot!(refused(bootstrap), @r"
    error: cannot package main
      cause: cannot read the bootstrap [project]/out/run
      cause: No such file or directory (os error 2)
    hint: `true` ran before and did not make it
    ");
}

#[test]
fn ctrl_c_ends_the_command_and_all_it_started() {
    let world = World::new()
        .file("rzap.yaml", "app: made\nregion: eu-west-1\nbuild: sh slow.sh\nbootstrap: run\nstages: { dev: }\n");
    world.write("slow.sh", "sleep 300 &\necho $! > child\necho $$ > leader\necho waiting\nwait\n");
    let world = world.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let mut package = world.start("package dev");
    assert!(package.says("waiting"), "{}", package.wait());
    package.interrupt();
    let output = package.wait();
    assert_eq!(output.code, 130, "{output}");
    for name in ["child", "leader"] {
        let pid = fs::read_to_string(world.project().join(name)).expect("a process id");
        wait_for("the process to be gone", Duration::from_secs(10), || is_gone(pid.trim()).then_some(()));
    }
}

/// Also when nobody has asked for its exit code yet.
fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}
