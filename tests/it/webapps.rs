//! The fixtures that are web apps, deployed and used as their visitors use them.
//!
//! Each has a file here with one function, `browse`, that visits it and knows nothing of where it is. It
//! is called for every front, in the local cloud and on `MiniStack`.

mod faults;
mod guestbook;
mod native;
mod notes;
mod polls;
mod thumbnailer;

use std::time::Duration;

use tempfile::TempDir;

use crate::emulator::{Emulator, free_port};
use crate::http;
use crate::process::{Keeper, wait_for};
use crate::tools::TOOLS;
use crate::visitor::Visitor;
use crate::world::World;

const FRONTS: [&str; 3] = ["rest", "http", "url"];

/// `MiniStack` 1.5.33 takes the slash from the end of a path that goes to an HTTP API, where Django puts it back
/// for ever, and answers every OPTIONS there itself.
const FRONTS_OF_MINISTACK: [&str; 2] = ["rest", "url"];

/// A fixture, for the Python that is here: compiled code fits one version only.
pub(crate) fn app(name: &str) -> World {
    let world = World::new().app(name);
    let version = "import sys; print('python%d.%d' % sys.version_info[:2])";
    let here = world.shell(&format!("python3 -c \"{version}\"")).success().stdout;
    world.edit("rzap.yaml", "runtime: python3.13", &format!("runtime: {}", here.trim()));
    world
}

/// Has it visited behind every front. Each is a stage of its own: what knows its address, like Django's
/// static files, does so for as long as its process lives.
fn visited(world: &World, flags: &str, fronts: &[&str], visitor: fn(&str) -> Visitor, browse: fn(&mut Visitor)) {
    let stages: String = fronts.iter().map(|front| format!("  {front}: {{ http: {front} }}\n")).collect();
    world.edit("rzap.yaml", "  dev: {}\n", &stages);
    for front in fronts {
        let url = world.run(&format!("deploy {front} --json {flags}")).success().url();
        browse(&mut visitor(&url));
    }
}

fn locally(world: &World, browse: fn(&mut Visitor)) {
    visited(world, "--local", &FRONTS, Visitor::new, browse);
}

fn on_ministack(world: World, browse: fn(&mut Visitor)) {
    let emulator = Emulator::ministack();
    let world = world.at(&emulator.endpoint);
    visited(&world, "", &FRONTS_OF_MINISTACK, Visitor::as_on_aws, browse);
}

/// Behind a server of its framework's world: what is expected of rzap is what is expected of them. In the
/// `arguments` are `PROJECT` and `PORT`.
fn served(fixture: &str, server: &str, arguments: &str, browse: fn(&mut Visitor)) {
    let (world, port) = (World::new().app(fixture), free_port().to_string());
    let project = world.project().to_str().expect("UTF-8");
    let folder = TempDir::with_prefix("rzap-server-").expect("a temporary folder").keep();
    let mut command = TOOLS.command(server);
    command.args(arguments.split(' ').map(|word| word.replace("PROJECT", project).replace("PORT", &port)));
    command.env("TMPDIR", &folder).env("HOME", &folder).env("API_KEY", notes::KEY.1);
    let _keeper = Keeper::guard(&command, &folder);
    let url = format!("http://127.0.0.1:{port}");
    wait_for("the server", Duration::from_mins(1), || http::try_request("GET", &url, &[], "").ok());
    browse(&mut Visitor::new(&url));
}

#[test]
fn the_guestbook_behind_gunicorn() {
    let arguments = "--chdir PROJECT --bind 127.0.0.1:PORT guestbook:app";
    served("guestbook", "gunicorn", arguments, guestbook::browse);
}

#[test]
fn the_notes_behind_uvicorn() {
    served("notes-api", "uvicorn", "--app-dir PROJECT --port PORT notes.main:app", notes::browse);
}

#[test]
fn the_guestbook_in_the_local_cloud() {
    locally(&app("guestbook"), guestbook::browse);
}

#[test]
fn the_guestbook_on_ministack() {
    on_ministack(app("guestbook"), guestbook::browse);
}

#[test]
fn the_polls_in_the_local_cloud() {
    let world = app("polls");
    locally(&world, polls::browse);
    faults::is_in_the_log(&world, "http --local");
}

#[test]
fn the_polls_on_ministack() {
    on_ministack(app("polls"), polls::browse);
}

#[test]
fn the_notes_in_the_local_cloud() {
    let world = app("notes-api");
    locally(&world, notes::browse);
    faults::is_in_the_log(&world, "http --local");
}

#[test]
fn the_notes_on_ministack() {
    on_ministack(app("notes-api"), notes::browse);
}

#[test]
fn the_thumbnailer_in_the_local_cloud() {
    locally(&app("thumbnailer"), thumbnailer::browse);
}

#[test]
fn the_thumbnailer_on_ministack() {
    on_ministack(app("thumbnailer"), thumbnailer::browse);
}

#[test]
fn the_native_libraries_in_the_local_cloud() {
    let (servers, world) = (native::Servers::start(), app("native"));
    servers.connect(&world);
    locally(&world, native::browse);
}

#[test]
fn the_native_libraries_on_ministack() {
    let (servers, world) = (native::Servers::start(), app("native"));
    servers.connect(&world);
    on_ministack(world, native::browse);
}

/// Django keeps what it makes of `STATIC_URL`; every page is looked at for links that lead out of the app.
#[test]
fn the_polls_at_another_address_link_there() {
    let world = app("polls");
    let url = world.run("deploy dev --local --json").success().url();
    Visitor::new(&url).open("/polls/").is(200);
    world.edit("rzap.yaml", "\nhttp: rest", "\nhttp: url");
    let deployed = world.run("deploy dev --local --json --allow-replace").success();
    // The same version, and so the same process.
    assert_eq!(deployed.json()["functions"][0]["version"], "1", "{deployed}");
    Visitor::new(&deployed.url()).open("/polls/").is(200);
}

/// A database that stays is migrated once, from outside.
#[test]
fn the_polls_are_prepared_by_rzap_manage() {
    let world = app("polls");
    let database = world.root().join("polls.sqlite3");
    world.edit("rzap.yaml", "MIGRATE_ON_START: \"1\"", &format!("DATABASE: {}", database.display()));
    world.edit("rzap.yaml", "\nhttp: rest", "\nhttp: rest\nexec: true");
    let url = world.run("deploy dev --local --json").success().url();
    // Without tables there is nothing to show.
    Visitor::new(&url).open("/polls/").is(500).says(&["Something went wrong"]);
    let prepared = world.run("manage dev --local -- prepare").success();
    assert!(prepared.stdout.contains("Applying polls.0001_initial... OK"), "{prepared}");
    assert!(prepared.stdout.contains("Superuser created successfully."), "{prepared}");
    Visitor::new(&url).open("/polls/").is(200).says(&["No polls are available."]);
    let code = "from polls.models import Question; print(Question.objects.create(question_text='Was nun?').pk)";
    assert_eq!(world.args(&["exec", "--local", "dev", code]).success().stdout.trim(), "1");
    Visitor::new(&url).open("/polls/1/").is(200).says(&["Was nun?"]);
    world.run("manage dev --local -- migrate nothing").failure(1).says(&["No installed app with label 'nothing'"]);
}

/// Through a function URL an answer comes while it is made.
#[test]
fn the_notes_stream_what_takes_its_time() {
    let world = app("notes-api");
    // The end of an answer arrives before its process is ready for more: the next request may find another one.
    let database = world.root().join("notes.sqlite3");
    world.edit("rzap.yaml", "env:\n", &format!("env:\n  DATABASE: {}\n", database.display()));
    let url = world.run("deploy live --local --json").success().url();
    notes::browse(&mut Visitor::new(&url));
    notes::stream_live(&url);
}
