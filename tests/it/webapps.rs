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

use crate::emulator::Emulator;
use crate::visitor::Visitor;
use crate::world::World;

const FRONTS: [&str; 3] = ["rest", "http", "url"];

/// A fixture, for the Python that is here: compiled code fits one version only.
fn app(name: &str) -> World {
    let world = World::new().app(name);
    let version = "import sys; print('python%d.%d' % sys.version_info[:2])";
    let here = world.shell(&format!("python3 -c \"{version}\"")).success().stdout;
    world.edit("rzap.yaml", "runtime: python3.13", &format!("runtime: {}", here.trim()));
    world
}

/// Has it visited behind every front. Each is a stage of its own: what knows its address, like Django's
/// static files, does so for as long as its process lives.
fn visited(world: &World, flags: &str, visitor: fn(&str) -> Visitor, browse: fn(&mut Visitor)) {
    let stages: String = FRONTS.iter().map(|front| format!("  {front}: {{ http: {front} }}\n")).collect();
    world.edit("rzap.yaml", "  dev: {}\n", &stages);
    for front in FRONTS {
        let url = world.run(&format!("deploy {front} --json {flags}")).success().url();
        browse(&mut visitor(&url));
    }
}

fn locally(world: &World, browse: fn(&mut Visitor)) {
    visited(world, "--local", Visitor::new, browse);
}

fn on_ministack(world: World, browse: fn(&mut Visitor)) {
    let emulator = Emulator::ministack();
    let world = world.at(&emulator.endpoint);
    visited(&world, "", Visitor::as_on_aws, browse);
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
    locally(&app("polls"), polls::browse);
}

#[test]
fn the_polls_on_ministack() {
    on_ministack(app("polls"), polls::browse);
}

#[test]
fn the_notes_in_the_local_cloud() {
    locally(&app("notes-api"), notes::browse);
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
