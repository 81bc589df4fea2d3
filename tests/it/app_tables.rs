//! Tables of `resources:` and what listens to their streams: the orders of `fixtures/orders`.
//!
//! The local cloud and `MiniStack` really call the functions; moto says what was stored. `MiniStack` 1.5.33 keeps no
//! tumbling windows and reads whatever stream a table has, so those are looked at elsewhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::emulator::Emulator;
use crate::http;
use crate::process::wait_for;
use crate::world::World;

/// Orders something over the API: again, under the same id, where that was too busy to take it.
fn order(url: &str, customer: &str, cents: i64) {
    let body = json!({ "id": format!("{customer}-{cents}"), "customer": customer, "cents": cents }).to_string();
    wait_for("the order to be taken", Duration::from_mins(1), || {
        let answer = http::request("POST", &format!("{url}/orders"), &[("content-type", "application/json")], &body);
        assert!(matches!(answer.status, 202 | 503), "{answer:?}");
        (answer.status == 202).then_some(())
    });
}

/// Waits until so much is counted.
fn counted(url: &str, orders: u64, cents: i64) {
    let wanted = json!({ "orders": orders, "cents": cents });
    wait_for(&format!("{wanted}"), Duration::from_mins(2), || {
        (http::get(&format!("{url}/totals")).json() == wanted).then_some(())
    });
}

/// What is stored: of the mapping, the table, and its expiry.
fn stored(cloud: &Cloud) -> Value {
    cloud.boto(
        "[mapping] = client('lambda').list_event_source_mappings(FunctionName='orders-dev-counter:live')['EventSourceMappings']
db = client('dynamodb')
table = db.describe_table(TableName='orders-dev-orders')['Table']
answer({
    'mapping': [mapping['UUID'], mapping['BatchSize'], mapping['StartingPosition'], mapping['MaximumRetryAttempts'],
                mapping['FunctionArn'].split(':')[-1], mapping['EventSourceArn'] == table['LatestStreamArn'],
                mapping['DestinationConfig']['OnFailure']['Destination'].split(':')[-1]],
    'stream': table['StreamSpecification']['StreamViewType'],
    'indexes': sorted(index['IndexName'] for index in table.get('GlobalSecondaryIndexes', [])),
    'billing': table['BillingModeSummary']['BillingMode'],
    'tags': sorted((tag['Key'], tag['Value']) for tag in db.list_tags_of_resource(ResourceArn=table['TableArn'])['Tags']),
    # MiniStack shows the attribute when it does not count any more, too.
    'ttl': (lambda ttl: ttl['TimeToLiveStatus'] == 'ENABLED' and ttl['AttributeName'])(
        db.describe_time_to_live(TableName='orders-dev-totals')['TimeToLiveDescription']),
})",
    )
}

/// Deploys, works, changes, and leaves nothing.
fn story(world: &World, cloud: &Cloud) {
    let deployed = world.run("deploy dev --json").success();
    assert!(deployed.changes().iter().filter(|made| *made == "create table").count() == 2, "{deployed}");
    assert!(world.run("deploy dev --json").success().changes().is_empty(), "it is as it should be");
    world.run("status dev --check").success();
    let url = deployed.url();
    let url = url.trim_end_matches('/');

    for (customer, cents) in [("ada", 1200), ("grace", 50), ("ada", 300)] {
        order(url, customer, cents);
    }
    counted(url, 3, 1550);
    assert_eq!(http::get(&format!("{url}/customers/ada")).json(), json!([1200, 300]), "in the order of the index");

    let before = stored(cloud);
    assert_eq!(
        before,
        json!({
            "mapping": [before["mapping"][0], 50, "TRIM_HORIZON", 10, "live", true, "orders-dev-incoming-lost"],
            "stream": "NEW_AND_OLD_IMAGES", "indexes": ["by-customer"], "billing": "PAY_PER_REQUEST",
            "tags": [["rzap:app", "orders"], ["rzap:stage", "dev"]], "ttl": "expires",
        })
    );
    // The same mapping goes on where it was.
    world.edit("rzap.yaml", "batch: 50, retries: 10", "batch: 40, retries: 3, parallel: 2");
    world.edit(
        "rzap.yaml",
        "      by-customer:",
        "      by-price: { key: [customer, { cents: number }], project: keys }\n      by-customer:",
    );
    world.edit("rzap.yaml", "    key: id\n", "    key: id\n    pitr: true\n");
    world.edit("rzap.yaml", ", ttl: expires", "");
    let changed = world.run("deploy dev --json").success().changes();
    // The role, too: the function may read the new index.
    assert_eq!(changed, ["update event_source_mapping", "update role", "update table", "update table"]);
    let after = stored(cloud);
    assert_eq!(after["mapping"][0], before["mapping"][0]);
    assert_eq!(json!([after["mapping"][1], after["mapping"][3]]), json!([40, 3]));
    assert_eq!(json!([after["indexes"], after["ttl"]]), json!([["by-customer", "by-price"], false]));
    order(url, "grace", 7);
    counted(url, 4, 1557);

    // One with items in it does not go without being told to, and does not become another one.
    world.edit("rzap.yaml", "    key: id\n", "    key: { id: binary }\n");
    world.run("deploy dev").failure(2).says(&["--allow-replace and --delete-data", "orders-dev-orders"]);
    world.edit("rzap.yaml", "    key: { id: binary }\n", "    key: id\n");
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // A stream that tells something else is another stream, and is read by another mapping.
    world.edit("rzap.yaml", "    pitr: true\n", "    pitr: true\n    stream: new_image\n");
    world.run("deploy dev").failure(2).says(&["--delete-data", "what nobody has read of its stream"]);
    let changed = world.run("deploy dev --delete-data --json").success().changes();
    assert_eq!(changed, ["update event_source_mapping", "update table"]);
    let anew = stored(cloud);
    assert_ne!(anew["mapping"][0], before["mapping"][0]);
    assert_eq!(json!([anew["mapping"][5], anew["stream"]]), json!([true, "NEW_IMAGE"]));
    order(url, "ada", 3);
    counted(url, 5, 1560);

    // Without the trigger nobody needs the stream; without the table in the config it stays for what is in it.
    world.edit("rzap.yaml", "    stream: new_image\n", "");
    let text = world.read("rzap.yaml");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("- dynamodb:")).collect();
    world.write(
        "rzap.yaml",
        &without.join("\n").replace("uses: { totals: write }\n    triggers:", "uses: { totals: write }"),
    );
    let changed = world.run("deploy dev --json").success().changes();
    assert!(changed.contains(&"delete event_source_mapping".to_owned()), "{changed:?}");
    assert!(changed.contains(&"update table".to_owned()), "{changed:?}");
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}

#[test]
fn orders_are_written_and_counted_in_the_local_cloud() {
    let world = World::new().app("orders").env("RZAP_LOCAL", "1");
    let cloud = world.local();
    story(&world, &cloud);
}

#[test]
fn orders_are_written_and_counted_on_ministack() {
    let emulator = Emulator::ministack();
    story(&World::new().app("orders").at(&emulator.endpoint), &emulator.cloud());
}

/// Every order is written and counted, none is lost, also when a worker is killed in the middle. `RZAP_LOAD` says how
/// many.
#[test]
fn a_load_of_orders_gets_through_though_a_worker_is_killed() {
    let count: usize = std::env::var("RZAP_LOAD").map_or(1000, |count| count.parse().expect("a number"));
    let world = World::new().app("orders").env("RZAP_LOCAL", "1");
    // What a killed worker had comes back sooner than after six times its timeout.
    world.edit("rzap.yaml", "incoming: { type: queue,", "incoming: { type: queue, visibility_timeout: 20,");
    world.edit("rzap.yaml", "    timeout: 10", "    timeout: 20");
    let read = "order = json.loads(record[\"body\"])\n";
    let kill = "                if order.get(\"kill\") and record[\"attributes\"][\"ApproximateReceiveCount\"] == \"1\":\n                    os.kill(os.getpid(), 9)\n";
    world.edit("orders.py", read, &format!("{read}{kill}"));
    let cloud = world.local();
    let url = world.run("deploy dev --json").success().url();
    let cents = cloud.boto(&format!(
        "from concurrent.futures import ThreadPoolExecutor
sqs, count = client('sqs'), {count}
url = sqs.get_queue_url(QueueName='orders-dev-incoming')['QueueUrl']
orders = [{{'id': str(n), 'at': n, 'customer': 'c%d' % (n % 7), 'cents': n % 1000, 'kill': n == count // 2}} for n in range(count)]
def send(start):
    entries = [{{'Id': str(at), 'MessageBody': json.dumps(order)}} for at, order in enumerate(orders[start:start + 10])]
    assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get('Failed')
with ThreadPoolExecutor(4) as pool: list(pool.map(send, range(0, count, 10)))
answer(sum(order['cents'] for order in orders))"
    ));
    let wanted = json!({ "orders": count, "cents": cents });
    wait_for(&format!("{wanted}"), Duration::from_mins(5), || {
        (http::get(&format!("{url}/totals")).json() == wanted).then_some(())
    });
    let left = cloud.boto(
        "sqs = client('sqs')
def waiting(name):
    url = sqs.get_queue_url(QueueName='orders-dev-' + name)['QueueUrl']
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])['Attributes']
    return sum(int(found['ApproximateNumberOfMessages' + kind]) for kind in ('', 'NotVisible', 'Delayed'))
log = every('logs', 'filter_log_events', 'events', logGroupName='/aws/lambda/orders-dev-worker', filterPattern='\"signal\"')
answer([[waiting(name) for name in ('incoming', 'incoming-dlq', 'incoming-lost')],
        len(every('dynamodb', 'scan', 'Items', TableName='orders-dev-orders')), len(log) > 0])",
    );
    assert_eq!(left, json!([[0, 0, 0], count, true]), "nothing is left, all is there, and a worker was killed");
}

const STORED: &str = "app: shop
runtime: python3.12
region: eu-west-1
resources:
  guests:
    type: table
    key: [id, at: number]
    indexes: { by-day: { key: [day, at], project: [name] } }
    ttl: expires
    stream: keys_only
    pitr: true
    capacity: { read: 5, write: 2 }
    protect: true
functions: { web: { handler: app.handler, uses: { guests: read-write } } }
stages: { dev: {} }
";

/// moto 5.2 forgets which alias a mapping calls, so there is none here.
#[test]
fn the_control_plane_of_tables_on_moto() {
    let emulator = Emulator::moto();
    let (world, cloud) = (World::new().file("rzap.yaml", STORED).file("app.py", ""), emulator.cloud());
    let world = world.at(&emulator.endpoint);
    world.run("deploy dev --json").success();
    assert!(world.run("deploy dev --json").success().changes().is_empty());
    let seen = cloud.boto(
        "table = client('dynamodb').describe_table(TableName='shop-dev-guests')['Table']
[index] = table['GlobalSecondaryIndexes']
policies = client('iam').get_role_policy(RoleName='shop-dev-web-eu-west-1', PolicyName='rzap')['PolicyDocument']['Statement']
answer([table['KeySchema'], table['DeletionProtectionEnabled'], index['Projection'], index['ProvisionedThroughput']['ReadCapacityUnits'],
        client('lambda').get_function_configuration(FunctionName='shop-dev-web')['Environment']['Variables'],
        [[action.split(':')[1] for action in one['Action']] for one in policies if 'dynamodb' in str(one)],
        [one['Resource'][0].split(':')[-1] for one in policies if 'dynamodb' in str(one)]])",
    );
    assert_eq!(
        seen,
        json!([
            [{ "AttributeName": "id", "KeyType": "HASH" }, { "AttributeName": "at", "KeyType": "RANGE" }],
            true,
            { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["name"] },
            5,
            { "GUESTS_TABLE": "shop-dev-guests" },
            [
                ["GetItem", "BatchGetItem", "Query", "Scan", "ConditionCheckItem", "DescribeTable"],
                ["Query", "Scan"],
                ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "DescribeTable"]
            ],
            ["table/shop-dev-guests", "table/shop-dev-guests/index/by-day", "table/shop-dev-guests"],
        ])
    );

    // By hand: what is seen is put back.
    cloud.boto("client('dynamodb').update_continuous_backups(TableName='shop-dev-guests', PointInTimeRecoverySpecification={'PointInTimeRecoveryEnabled': False})");
    let changed = world.run("deploy dev --json").success();
    assert_eq!(changed.changes(), ["update table"]);
    assert_eq!(changed.json()["changes"][0]["differences"][0]["field"], "pitr", "{changed}");
    assert_eq!(changed.json()["changes"][0]["differences"][0]["by_hand"], true, "{changed}");

    // Capacity, indexes and protection one after the other.
    world.edit("rzap.yaml", "    capacity: { read: 5, write: 2 }\n    protect: true\n", "");
    world.edit("rzap.yaml", "by-day: { key: [day, at], project: [name] }", "by-day: { key: [day, at] }, by-name: name");
    world.run("deploy dev").failure(2).says(&["--allow-replace", "its index `by-day` answers nobody"]);
    let changed = world.run("deploy dev --allow-replace --json").success().changes();
    assert_eq!(changed, ["update role", "update table"]);
    assert!(world.run("deploy dev --json").success().changes().is_empty());

    // It stays as long as nobody says that its items may go.
    world.edit("rzap.yaml", ", uses: { guests: read-write }", "");
    let text = world.read("rzap.yaml");
    let (before, after) = (text.find("resources:").expect("there"), text.find("functions:").expect("there"));
    world.write("rzap.yaml", &format!("{}{}", &text[..before], &text[after..]));
    let kept = world.run("deploy dev --json").success().json();
    assert_eq!(kept["kept"][0]["name"], "shop-dev-guests", "{kept}");
    assert_eq!(world.run("deploy dev --delete-data --json").success().changes(), ["delete table"]);
    world.run("undeploy dev --yes --delete-data").success();
    cloud.is_empty();
}
