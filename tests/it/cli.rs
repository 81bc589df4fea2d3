//! rzap among other programs: pipes, colours, environments that lack something.

use crate::world::World;

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::new().app("multi");
    let output = world.shell("rzap validate prod | head -1").success();
    assert_eq!((output.stdout.as_str(), output.err().as_str()), ("---\n", "[project]/rzap.yaml: no errors\n"));
    // A pipe that is closed before the first byte.
    world.shell("rzap --quiet validate prod | true").success();
}

#[test]
fn colour_is_for_terminals_or_for_who_asks() {
    let world = World::new().app("hello-python");
    let plain = world.run("validate nope").failure(2);
    assert!(!plain.stderr.contains('\u{1b}'), "{plain}");
    let coloured = world.run("validate nope --color always").failure(2);
    assert!(coloured.stderr.contains("\u{1b}[31m"), "{coloured}");
    // What is asked for on the command line beats the environment.
    let world = world.env("NO_COLOR", "1");
    assert!(world.run("validate nope --color always").failure(2).stderr.contains("\u{1b}[31m"));
    assert!(!world.run("validate nope --color auto").failure(2).stderr.contains('\u{1b}'));
}

#[test]
fn no_color_is_respected_on_a_terminal() {
    // `script` gives a terminal; where it is missing, python's pty does.
    let pty = "python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' \"$RZAP\" validate nope";
    let world = World::new().app("hello-python").env("RZAP", env!("CARGO_BIN_EXE_rzap")).env("TERM", "xterm");
    let coloured = world.shell(pty);
    assert!(coloured.stdout.contains("\u{1b}[31m"), "{coloured}");
    let world = world.env("NO_COLOR", "1");
    let plain = world.shell(pty);
    assert!(plain.stdout.contains("no stage `nope`") && !plain.stdout.contains("\u{1b}[31m"), "{plain}");
}

#[test]
fn everything_works_without_home() {
    // Cache and state have folders of their own here: without HOME, rzap asks the system for the user's
    // home, and that is no place for tests.
    let world = World::new().app("hello-python").env("HOME", "");
    world.run("validate").success();
    world.run("deploy dev --local").success();
    world.run("status dev --local --check").success();
    world.run("status dev").failure(4);
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    let world = World::new().app("hello-python");
    insta::assert_snapshot!(world.run("deplyo dev").failure(2).err(), @r"
    error: unrecognized subcommand 'deplyo'

      tip: some similar subcommands exist: 'undeploy', 'deploy'

    Usage: rzap [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(world.run("deploy dev --local --endpoint-url http://x").failure(2).err(), @r"
    error: the argument '--local' cannot be used with '--endpoint-url <URL>'

    Usage: rzap deploy --local <STAGE>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(world.run("tail dev --since soon").failure(2).err(), @r#"
    error: invalid value 'soon' for '--since <TIME>': `soon` is no time: write 10m, 2h, yesterday, 14:00, "2026-11-20 14:00" or [time]

    For more information, try '--help'.
    "#);
}

#[test]
fn quiet_is_quiet_and_verbose_says_more() {
    let world = World::new().app("hello-python");
    assert_eq!(world.run("deploy dev --local --quiet").success().stderr, "");
    world.run("status dev --local -v").success().says(&["account 000000000000 in eu-west-1"]);
}

#[test]
fn rzap_local_stands_for_the_flag_and_beats_no_endpoint() {
    let world = World::new().app("hello-python").env("RZAP_LOCAL", "1");
    world.run("deploy dev").success();
    assert_eq!(world.local().inventory()["functions"], serde_json::json!(["hello-python-dev-web"]));
    let world = World::new().app("hello-python");
    world.edit("rzap.yaml", "stages: { dev: {} }", "stages: { dev: { local: true } }");
    world.run("deploy").success();
    assert_eq!(world.local().inventory()["functions"], serde_json::json!(["hello-python-dev-web"]));
}

#[test]
fn the_nearest_project_upwards_is_meant() {
    let world = World::new().app("multi");
    let output = world.shell("cd worker && rzap validate dev --json").success();
    assert_eq!(output.json()["stages"][0]["app"], "multi");
}

#[test]
fn a_package_is_the_same_bytes_every_time_and_can_be_looked_at() {
    let world = World::new().app("guestbook");
    let first = world.run("package dev -o ../one --json").success();
    let touched = world.shell("find . -name '*.py' -exec touch {} +; rzap package dev -o ../two --json").success();
    let package = |folder: &str| std::fs::read(world.root().join(folder).join("web.zip")).expect("a package");
    assert!(package("one") == package("two"), "the same input gave other bytes\n{first}\n{touched}");
}

#[test]
fn what_was_packaged_before_is_not_packaged_again() {
    let world = World::new().app("hello-python");
    let hash = |output: crate::output::Output| output.json()["packages"]["web"]["sha256"].clone();
    let first = hash(world.run("package -o out --json").success());
    assert_eq!(hash(world.run("package -o out --json").success()), first);
}

#[test]
fn dependencies_come_by_pip_where_uv_is_missing() {
    let path = format!("{}:/usr/bin:/bin", crate::tools::TOOLS.path_without_uv.display());
    let world = World::new().app("guestbook").env("PATH", &path);
    // A cache of its own, or the packages that uv brought would be found there.
    let cache = world.root().join("cache").display().to_string();
    let world = world.env("RZAP_CACHE_DIR", &cache);
    let output = world.run("package dev -o ../out -v").success();
    output.says(&["pip"]);
    let zip = world.shell("python3 -m zipfile -l ../out/*.zip").success();
    for name in ["flask/app.py", "werkzeug/", "guestbook.py", "rzap_web/"] {
        assert!(zip.stdout.contains(name), "no {name}\n{zip}");
    }
}
