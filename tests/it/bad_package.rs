//! What must not get into a package, and what cannot: said before anything is uploaded.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::world::World;

#[test]
fn a_link_that_leads_out_of_the_project_is_refused() {
    let world = World::new().app("hello-python");
    fs::write(world.root().join("secret.txt"), "outside").expect("a file");
    symlink(world.root().join("secret.txt"), world.project().join("innocent.txt")).expect("a link");
    insta::assert_snapshot!(world.run("package --quiet").failure(1).err(), @r"
    error: cannot package web
      cause: the link innocent.txt (→ [world]/secret.txt) points out of the project
    hint: replace the link by what should be packed, or exclude `/innocent.txt`
    ");
}

#[test]
fn an_unreadable_file_is_named() {
    let world = World::new().app("hello-python").file("locked.txt", "no");
    let file = world.project().join("locked.txt");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("a permission");
    // Root may read everything, unless it is without the capabilities that say so.
    let (before, rzap) = ("setpriv --bounding-set=-dac_override,-dac_read_search", env!("CARGO_BIN_EXE_rzap"));
    let prefix = if fs::read(&file).is_ok() { before } else { "" };
    let output = world.shell(&format!("{prefix} {rzap} package --quiet")).failure(1);
    output.says(&["locked.txt", "Permission denied"]);
}

#[test]
fn a_dependency_that_does_not_exist_is_named() {
    let world = World::new().app("hello-python").file("requirements.txt", "no-such-distribution-by-rzap==1.0\n");
    let output = world.run("package --quiet").failure(1);
    output.says(&["no-such-distribution-by-rzap", "hint: "]);
}

#[test]
fn a_dependency_without_a_wheel_for_lambda_is_named() {
    // Published as source only.
    let world = World::new().app("hello-python").file("requirements.txt", "uwsgi==2.0.28\n");
    let output = world.run("package --quiet").failure(1);
    output.says(&["uwsgi", "hint: "]);
}

#[test]
fn secrets_and_rubbish_stay_out_unless_they_are_asked_for() {
    let world = World::new()
        .app("hello-python")
        .file(".env", "TOKEN=1")
        .file(".git/config", "x")
        .file("__pycache__/app.cpython-313.pyc", "x")
        .file("venv/pyvenv.cfg", "home = /usr/bin")
        .file("venv/lib/python3.13/site-packages/x.py", "x")
        .file("data/kept.json", "{}")
        .file("data/left.csv", "1");
    world.edit("rzap.yaml", "http: url", "http: url\nexclude: [\"*.csv\"]");
    world.run("package --quiet -o ../out").success();
    assert_eq!(names_in(&world), "app.py\ndata/kept.json\n");
}

fn names_in(world: &World) -> String {
    world.shell("python3 -m zipfile -l ../out/*.zip | awk 'NR > 1 { print $1 }' | sort").success().stdout
}

#[test]
fn a_pipe_among_the_files_is_left_out_and_hangs_nothing() {
    let world = World::new().app("hello-python");
    world.shell("mkfifo queue").success();
    world.run("package --quiet -o ../out").success();
    assert_eq!(names_in(&world), "app.py\n");
}
