//! `rzap local trigger` for topics and buses: what is sent fits the trigger and goes by way of the service.

use crate::world::World;

const CONFIG: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources: { orders: event_bus, news: topic }
functions:
  hear:
    handler: app.hear
    triggers:
      - sns: { topic: news, filter: { kind: [sale], cents: [{ numeric: ['>', 100] }] } }
      - events: { bus: orders, name: paid, pattern: { source: [shop], detail: { total: [{ numeric: ['>', 10] }] } } }
      - events: { source: [aws.s3] }
      - events: { source: [shop], detail: { ip: [{ cidr: 10.0.0.0/24 }] } }
  break:
    handler: app.fail
    retries: 0
    triggers:
      - sns: { topic: news, filter: { text: [{ prefix: bad }] }, filter_scope: body }
stages: { dev: {} }
";

const APP: &str = "def hear(event, context):
    if 'Records' in event:
        sns = event['Records'][0]['Sns']
        print('heard', sns['Message'], sorted((name, it['Value']) for name, it in sns['MessageAttributes'].items()))
    else:
        print('heard', event['source'], event['detail'])

def fail(event, context):
    raise ValueError(event['Records'][0]['Sns']['Message'])
";

#[test]
fn what_is_fired_fits_the_trigger_and_goes_through_its_service() {
    let world = World::new().file("rzap.yaml", CONFIG).file("app.py", APP).env("RZAP_LOCAL", "1");
    world.run("deploy dev").success();
    let fired = world.run("local trigger dev hear sns --message hello").success();
    fired.says(&["fired a message to shop-dev-news: hello"]);
    assert_eq!(fired.stdout, "the function has run\n");
    let fired = world.run("local trigger dev hear 2 --json").success().json();
    assert_eq!(fired["fired"], "an event on shop-dev-orders of shop: {\"total\":11}", "{fired}");
    let log = fired["log"].as_str().unwrap_or_default();
    assert!(log.contains("heard shop {'total': 11}"), "{fired}");
    // Nobody else may put AWS's own on a bus, and nobody could guess everything.
    world.run("local trigger dev hear 3").success().says(&["fired a sample event of `events`"]);
    world.run("local trigger dev hear 3 --message {}").failure(2).says(&["takes no message"]);
    world.run("local trigger dev hear 4").failure(2).says(&["nobody could guess what fits this pattern", "--message"]);

    let failed = world.run("local trigger dev break").failure(1);
    failed.says(&[
        "fired a message to shop-dev-news: {\"text\":\"bad\"}",
        "ValueError: {\"text\":\"bad\"}",
        "it ended with an error",
    ]);
    let log = world.run("tail dev hear --no-follow").success();
    assert!(log.stdout.contains("heard hello [('cents', '101'), ('kind', 'sale')]"), "{log}");
    world.run("undeploy dev --yes --delete-data").success();
    world.local().is_empty();
}
