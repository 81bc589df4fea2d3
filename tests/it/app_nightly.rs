//! A job of the night (`fixtures/nightly`): a schedule with a time zone and an input, that really calls.
//!
//! What is due at half past two is looked at; then the night is every minute, in the local cloud and on `MiniStack`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::process::wait_for;
use crate::world::World;

/// The one schedule of the app.
const SCHEDULE: &str = r#"
scheduler = client("scheduler")
[found] = [it for it in every("scheduler", "list_schedules", "Schedules") if it["Name"].startswith("nightly-dev-") or it["GroupName"].startswith("nightly-dev")]
it = scheduler.get_schedule(Name=found["Name"], GroupName=found["GroupName"])
answer([it["ScheduleExpression"], it["ScheduleExpressionTimezone"], it["State"], json.loads(it["Target"]["Input"]),
        it["Target"]["Arn"].split(":", 6)[6]])
"#;

fn visit(cloud: &Cloud, page: &str) {
    cloud.boto(&format!(
        "done = client('lambda').invoke(FunctionName='nightly-dev-visit', Qualifier='live', Payload=json.dumps({{'page': '{page}'}}))
assert 'FunctionError' not in done, done['Payload'].read()"
    ));
}

/// All pages of all reports together, and for how many days they are kept.
fn reports(cloud: &Cloud) -> Value {
    cloud.boto(
        "from boto3.dynamodb.types import TypeDeserializer
from collections import Counter
read, pages, days = TypeDeserializer().deserialize, Counter(), set()
for item in every('dynamodb', 'scan', 'Items', TableName='nightly-dev-reports'):
    item = {key: read(value) for key, value in item.items()}
    pages.update({page: int(count) for page, count in item['pages'].items()})
    days.add(round((int(item['expires']) - time.time()) / 86400))
answer([pages, sorted(days)])",
    )
}

fn story(world: &World, cloud: &Cloud) {
    let made = world.run("deploy dev --json").success().changes();
    assert!(made.iter().any(|made| made == "create schedule"), "{made:?}");
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();
    let mut wanted = json!([
        "cron(30 2 * * ? *)", "Europe/Berlin", "ENABLED", { "days": 2, "keep": 30 }, "nightly-dev-report:live"
    ]);
    assert_eq!(cloud.boto(SCHEDULE), wanted);

    for page in ["/", "/prices", "/"] {
        visit(cloud, page);
    }
    assert_eq!(reports(cloud), json!([{}, []]), "it is not yet night");
    world.edit("rzap.yaml", "cron(30 2 * * ? *)", "rate(1 minute)");
    let changed = world.run("deploy dev --json").success().changes();
    assert!(changed.iter().all(|change| change.ends_with(" schedule")), "{changed:?}");
    wanted[0] = "rate(1 minute)".into();
    assert_eq!(cloud.boto(SCHEDULE), wanted);
    wait_for("the night", Duration::from_mins(3), || {
        (reports(cloud) == json!([{ "/": 2, "/prices": 1 }, [30]])).then_some(())
    });

    // Switched off it stays where it is; removed it goes, and nothing else.
    world.edit("rzap.yaml", "timezone: Europe/Berlin", "timezone: Europe/Berlin\n          enabled: false");
    world.run("deploy dev --json").success();
    wanted[2] = "DISABLED".into();
    assert_eq!(cloud.boto(SCHEDULE), wanted);
    let text = world.read("rzap.yaml");
    let trigger = &text[text.find("    triggers:").expect("one")..text.find("\nstages:").expect("stages")];
    world.edit("rzap.yaml", trigger, "");
    let gone = world.run("deploy dev --json").success().changes();
    assert!(gone.contains(&"delete schedule".to_owned()), "{gone:?}");
    assert!(gone.iter().all(|change| change.starts_with("delete ")), "{gone:?}");
    assert_eq!(reports(cloud)[1], json!([30]), "its work stays");
    world.run("undeploy dev --yes").failure(2).says(&["needs --delete-data"]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn a_job_of_the_night_in_the_local_cloud() {
    let world = World::new().app("nightly").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn a_job_of_the_night_on_ministack() {
    let emulator = Emulator::ministack();
    story(&World::new().app("nightly").at(&emulator.endpoint), &emulator.cloud());
}
