//! try
use crate::emulator::Emulator;
use crate::world::World;

#[test]
fn try_it() {
    let emulator = Emulator::ministack();
    let world = World::new().app("guestbook").at(&emulator.endpoint);
    let o = world.run("deploy dev").success();
    let t = world.run("deploy dev").success();
    let s = world.run("status dev --json").success();
    let c = world.run("status dev --check");
    panic!("{o}\n{t}\n{s}\n{c}\n{}", emulator.cloud().inventory());
}
