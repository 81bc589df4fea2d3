"""DynamoDB through boto3, client and resource, against the local cloud: python dynamodb.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import sys
import threading
import uuid
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
RUN = uuid.uuid4().hex[:8]
SETTINGS = {
    "endpoint_url": ENDPOINT, "aws_access_key_id": "test", "aws_secret_access_key": "test",
    "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
}
db = boto3.client("dynamodb", region_name="eu-west-1", **SETTINGS)
resource = boto3.resource("dynamodb", region_name="eu-west-1", **SETTINGS)
ACCOUNT = "000000000000"


def name(suffix):
    return f"t-{RUN}-{suffix}"


def equal(what, found, wanted):
    if found != wanted:
        sys.exit(f"dynamodb: {what}\n  found  {found!r}\n  wanted {wanted!r}")


def holds(what, condition):
    if not condition:
        sys.exit(f"dynamodb: {what}: does not hold")


def refused(what, code, words, call, **arguments):
    try:
        found = call(**arguments)
    except ClientError as error:
        equal(f"{what}: code ({error})", error.response["Error"]["Code"], code)
        holds(f"{what}: `{words}` in `{error.response['Error']['Message']}`", words in error.response["Error"]["Message"])
        return error
    sys.exit(f"dynamodb: {what}: should be refused with {code}, answered {found!r}")


def make(suffix, sort=None, **more):
    keys = [("pk", "HASH", "S")] + ([(sort[0], "RANGE", sort[1])] if sort else [])
    attributes = [{"AttributeName": key, "AttributeType": kind} for key, _, kind in keys]
    attributes += [{"AttributeName": key, "AttributeType": kind} for key, kind in more.pop("attributes", [])]
    more.setdefault("BillingMode", "PAY_PER_REQUEST")
    answer = db.create_table(
        TableName=name(suffix), AttributeDefinitions=attributes,
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role, _ in keys], **more,
    )
    db.get_waiter("table_exists").wait(TableName=name(suffix), WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return answer["TableDescription"]


def index(suffix, *keys, projection="ALL"):
    roles = zip(keys, ("HASH", "RANGE"))
    return {
        "IndexName": suffix,
        "KeySchema": [{"AttributeName": key, "KeyType": role} for key, role in roles],
        "Projection": {"ProjectionType": projection},
    }


def tables():
    made = make("life", Tags=[{"Key": "team", "Value": "ops"}], SSESpecification={"Enabled": True})
    arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{name('life')}"
    equal("a new table", (made["TableArn"], made["TableStatus"]), (arn, "CREATING"))
    shown = db.describe_table(TableName=name("life"))["Table"]
    equal("then", (shown["TableStatus"], shown["ItemCount"], shown["TableArn"]), ("ACTIVE", 0, arn))
    equal("billing", shown["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
    equal("encryption", shown["SSEDescription"]["Status"], "ENABLED")
    holds("the key is of this region", ":eu-west-1:" in shown["SSEDescription"]["KMSMasterKeyArn"])
    equal("by ARN", db.describe_table(TableName=arn)["Table"]["TableName"], name("life"))
    other = boto3.client("dynamodb", region_name="us-east-1", **SETTINGS)
    refused("another region", "ResourceNotFoundException", "not found", other.describe_table, TableName=name("life"))
    refused("its ARN there", "ResourceNotFoundException", "not found", other.describe_table, TableName=arn)
    refused("twice", "ResourceInUseException", "Table already exists", make, suffix="life")
    refused("no such", "ResourceNotFoundException", "not found", db.describe_table, TableName=name("none"))

    equal("tags", db.list_tags_of_resource(ResourceArn=arn)["Tags"], [{"Key": "team", "Value": "ops"}])
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
    db.untag_resource(ResourceArn=arn, TagKeys=["team"])
    equal("tags after", db.list_tags_of_resource(ResourceArn=arn)["Tags"], [{"Key": "cost", "Value": "1"}])

    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    db.update_table(TableName=name("life"), BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    shown = db.describe_table(TableName=name("life"))["Table"]["ProvisionedThroughput"]
    equal("provisioned", {key: shown[key] for key in throughput}, throughput)
    db.update_table(TableName=name("life"), DeletionProtectionEnabled=True)
    refused("protected", "ValidationException", "protected against deletion", db.delete_table, TableName=name("life"))
    db.update_table(TableName=name("life"), DeletionProtectionEnabled=False)

    backups = db.describe_continuous_backups(TableName=name("life"))["ContinuousBackupsDescription"]
    equal("no recovery", backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"], "DISABLED")
    on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    db.update_continuous_backups(TableName=name("life"), PointInTimeRecoverySpecification=on)
    backups = db.describe_continuous_backups(TableName=arn)["ContinuousBackupsDescription"]
    shown = backups["PointInTimeRecoveryDescription"]
    equal("recovery", (shown["PointInTimeRecoveryStatus"], shown["RecoveryPeriodInDays"]), ("ENABLED", 7))
    holds("restorable", shown["EarliestRestorableDateTime"] <= shown["LatestRestorableDateTime"])
    refused("recovery of none", "TableNotFoundException", "Table not found", db.describe_continuous_backups,
            TableName=name("none"))

    equal("limits", db.describe_limits()["TableMaxReadCapacityUnits"], 40000)
    equal("endpoints", db.describe_endpoints()["Endpoints"][0]["Address"], ENDPOINT.removeprefix("http://"))
    for suffix in ("list-a", "list-b", "list-c"):
        make(suffix)
    listed = [table for page in db.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 1})
              for table in page["TableNames"] if RUN in table]
    equal("all tables", listed, [name(suffix) for suffix in ("life", "list-a", "list-b", "list-c")])

    db.delete_table(TableName=name("life"))
    db.get_waiter("table_not_exists").wait(TableName=name("life"), WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    make("life")
    backups = db.describe_continuous_backups(TableName=name("life"))["ContinuousBackupsDescription"]
    equal("a new life", backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"], "DISABLED")

    refused("backups", "NotImplemented", "not supported by the local cloud", db.list_backups)
    refused("global tables", "NotImplemented", "ReplicaUpdates", db.update_table, TableName=name("life"),
            ReplicaUpdates=[{"Create": {"RegionName": "us-east-1"}}])
    refused("warm", "NotImplemented", "WarmThroughput", db.update_table, TableName=name("life"),
            WarmThroughput={"ReadUnitsPerSecond": 20000})


EVERYTHING = {
    "pk": "all", "text": "grüße ☃", "empty": "", "zero": Decimal("0"), "negative": Decimal("-12.5"),
    "precise": Decimal("1234567890.1234567890123456789012345678"),
    "large": Decimal("9.9999999999999999999999999999999999999E+37"), "small": Decimal("-1E-130"),
    "binary": b"\x00\xff", "yes": True, "no": False, "nothing": None,
    "list": [Decimal("1"), "two", [None], {"deep": {"deeper": [b"x"]}}], "map": {"a": {}, "b": []},
    "texts": {"a", "b"}, "numbers": {Decimal("1"), Decimal("2.5")}, "binaries": {b"1", b"2"},
}


def plain(value):
    """boto3's Binary as bytes."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, set)):
        return type(value)(plain(inner) for inner in value)
    return value.value if hasattr(value, "value") else value


def items():
    make("items")
    table = resource.Table(name("items"))
    table.put_item(Item=EVERYTHING)
    equal("every type", plain(table.get_item(Key={"pk": "all"})["Item"]), EVERYTHING)
    raw = db.get_item(TableName=name("items"), Key={"pk": {"S": "all"}})["Item"]
    equal("as sent", raw["precise"], {"N": "1234567890.1234567890123456789012345678"})
    ours = {key: TypeSerializer().serialize(value) for key, value in EVERYTHING.items()}
    back = {key: TypeDeserializer().deserialize(value) for key, value in raw.items()}
    equal("through the serializers", plain(back), plain({key: TypeDeserializer().deserialize(value) for key, value in ours.items()}))
    projected = table.get_item(
        Key={"pk": "all"}, ProjectionExpression="#l[3].deep.deeper[0], #t", ConsistentRead=True,
        ExpressionAttributeNames={"#l": "list", "#t": "text"}, ReturnConsumedCapacity="TOTAL",
    )
    equal("projection", plain(projected["Item"]), {"list": [{"deep": {"deeper": [b"x"]}}], "text": "grüße ☃"})
    equal("capacity", projected["ConsumedCapacity"]["CapacityUnits"], 1.0)
    holds("an absent item is none", "Item" not in table.get_item(Key={"pk": "none"}))

    put = table.put_item
    put(Item={"pk": "once", "n": 1}, ConditionExpression=Attr("pk").not_exists())
    error = refused("twice", "ConditionalCheckFailedException", "The conditional request failed", put,
                    Item={"pk": "once", "n": 2}, ConditionExpression=Attr("pk").not_exists(),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD")
    equal("with the old item", error.response["Item"], {"pk": {"S": "once"}, "n": {"N": "1"}})
    equal("old values", put(Item={"pk": "once", "n": 3}, ReturnValues="ALL_OLD")["Attributes"], {"pk": "once", "n": 1})

    def update(key, expression, values=None, names=None, returns="ALL_NEW", **more):
        if values:
            more["ExpressionAttributeValues"] = values
        if names:
            more["ExpressionAttributeNames"] = names
        return table.update_item(Key={"pk": key}, UpdateExpression=expression, ReturnValues=returns, **more).get("Attributes")

    equal("a new item", update("u", "SET #a = :a, m = :m", {":a": 1, ":m": {"x": 1}}, {"#a": "a"}),
          {"pk": "u", "a": 1, "m": {"x": 1}})
    equal("arithmetic", update("u", "SET a = a + :n, m.y = if_not_exists(m.y, :z) - :n", {":n": 5, ":z": 10}),
          {"pk": "u", "a": 6, "m": {"x": 1, "y": 5}})
    equal("lists", update("u", "SET l = list_append(if_not_exists(l, :e), :v) REMOVE m.x", {":e": [], ":v": [1, 2]}),
          {"pk": "u", "a": 6, "m": {"y": 5}, "l": [1, 2]})
    equal("only what changed", update("u", "SET m.z = :v", {":v": 7}, returns="UPDATED_NEW"), {"m": {"z": 7}})
    equal("past the end of a list", update("u", "SET l[1] = :v, l[9] = :v", {":v": 7})["l"], [1, 7, 7])
    equal("add", update("u", "ADD a :n, s :s", {":n": Decimal("0.1"), ":s": {"x", "y"}}, returns="UPDATED_NEW"),
          {"a": Decimal("6.1"), "s": {"x", "y"}})
    equal("delete", update("u", "DELETE s :s", {":s": {"x"}}, returns="UPDATED_OLD"), {"s": {"x", "y"}})
    equal("the last member takes the set along", update("u", "DELETE s :s", {":s": {"y"}}).get("s"), None)
    refused("a key is not changed", "ValidationException", "This attribute is part of the key", table.update_item,
            Key={"pk": "u"}, UpdateExpression="SET pk = :x", ExpressionAttributeValues={":x": "y"})
    refused("overlap", "ValidationException", "Two document paths overlap", table.update_item, Key={"pk": "u"},
            UpdateExpression="SET m = :x, m.y = :x", ExpressionAttributeValues={":x": 1})
    refused("a word of its own", "ValidationException", "reserved keyword", table.update_item, Key={"pk": "u"},
            UpdateExpression="SET status = :x", ExpressionAttributeValues={":x": 1})
    refused("unused", "ValidationException", "unused in expressions", table.update_item, Key={"pk": "u"},
            UpdateExpression="SET a = :x", ExpressionAttributeValues={":x": 1, ":y": 1})
    refused("39 digits", "ValidationException", "38 significant digits", db.put_item, TableName=name("items"),
            Item={"pk": {"S": "x"}, "n": {"N": "1" * 39}})
    refused("too large", "ValidationException", "overflow", db.put_item, TableName=name("items"),
            Item={"pk": {"S": "x"}, "n": {"N": "1E126"}})
    refused("an empty set", "ValidationException", "empty", db.put_item, TableName=name("items"),
            Item={"pk": {"S": "x"}, "n": {"SS": []}})
    refused("an empty key", "ValidationException", "empty string value", put, Item={"pk": ""})
    refused("no key", "ValidationException", "Missing the key pk in the item", put, Item={"x": 1})
    refused("a key of another type", "ValidationException", "Type mismatch for key pk", put, Item={"pk": 1})
    refused("400 KB", "ValidationException", "Item size has exceeded the maximum allowed size", put,
            Item={"pk": "big", "x": "x" * 410_000})
    put(Item={"pk": "big", "x": "x" * 409_000})

    conditions = [
        ("attribute_type(l, :L)", True), ("size(l) = :three", True), ("contains(l, :seven)", True),
        ("a BETWEEN :three AND :seven AND NOT m.y > :seven", True), ("a IN (:three, :seven)", False),
        ("begins_with(pk, :u) OR attribute_exists(absent)", True), ("NOT (a <> a)", True), ("m.y < :three", False),
        ("(a = :three OR a = :seven) AND attribute_exists(a)", False), ("contains(pk, :u)", True),
    ]
    every = {":L": "L", ":three": 3, ":seven": 7, ":u": "u"}
    for condition, holds_here in conditions:
        values = {key: value for key, value in every.items() if key in condition}
        arguments = {"Key": {"pk": "u"}, "UpdateExpression": "SET c = :seven", "ConditionExpression": condition,
                     "ExpressionAttributeValues": {**values, ":seven": 7}}
        if holds_here:
            table.update_item(**arguments)
        else:
            refused(condition, "ConditionalCheckFailedException", "", table.update_item, **arguments)
    equal("deleted", table.delete_item(Key={"pk": "u"}, ReturnValues="ALL_OLD")["Attributes"]["c"], 7)
    holds("again", "Attributes" not in table.delete_item(Key={"pk": "u"}, ReturnValues="ALL_OLD"))
    refused("gone", "ConditionalCheckFailedException", "", table.delete_item, Key={"pk": "u"},
            ConditionExpression=Attr("pk").exists())


def counters():
    table = resource.Table(name("items"))
    failed = []

    def count():
        mine = boto3.resource("dynamodb", region_name="eu-west-1", **SETTINGS).Table(name("items"))
        won = 0
        for number in range(25):
            mine.update_item(Key={"pk": "counter"}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": 1})
            try:
                mine.put_item(Item={"pk": f"lock-{number}"}, ConditionExpression="attribute_not_exists(pk)")
                won += 1
            except ClientError as error:
                failed.append(error.response["Error"]["Code"])
        wins.append(won)

    wins = []
    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal("no count is lost", table.get_item(Key={"pk": "counter"})["Item"]["n"], 100)
    equal("one of them gets each lock", (sum(wins), set(failed)), (25, {"ConditionalCheckFailedException"}))


def queries():
    make("q", sort=("sk", "N"), attributes=[("owner", "S"), ("when", "N"), ("lsi", "S")],
         GlobalSecondaryIndexes=[index("by-owner", "owner", "when"), index("keys", "owner", projection="KEYS_ONLY")],
         LocalSecondaryIndexes=[index("by-lsi", "pk", "lsi")])
    table = resource.Table(name("q"))
    numbers = [Decimal(text) for text in ("-1E20", "-3.5", "-3", "-1E-20", "0", "1E-20", "2", "10", "10.5", "1E20")]
    with table.batch_writer() as batch:
        for at, number in enumerate(reversed(numbers)):
            batch.put_item(Item={"pk": "a", "sk": number, "owner": f"o{at % 2}", "when": at, "lsi": f"l{9 - at}", "x": "y" * 10})
        for at in range(30):
            batch.put_item(Item={"pk": f"p{at}", "sk": at})
    found = table.query(KeyConditionExpression=Key("pk").eq("a"))
    equal("numbers in order", [item["sk"] for item in found["Items"]], numbers)
    equal("counts", (found["Count"], found["ScannedCount"]), (10, 10))

    def keys(**more):
        return [item["sk"] for item in table.query(**more)["Items"]]

    equal("backwards", keys(KeyConditionExpression=Key("pk").eq("a"), ScanIndexForward=False, Limit=2), numbers[:-3:-1])
    equal("between", keys(KeyConditionExpression=Key("pk").eq("a") & Key("sk").between(-3, 2)), numbers[2:7])
    equal("less", keys(KeyConditionExpression=Key("pk").eq("a") & Key("sk").lt(-3)), numbers[:2])
    filtered = table.query(KeyConditionExpression=Key("pk").eq("a"), FilterExpression=Attr("owner").eq("o1"), Select="COUNT")
    equal("filter", (filtered["Count"], filtered["ScannedCount"], "Items" in filtered), (5, 10, False))

    pages, start = [], {}
    while True:
        page = table.query(KeyConditionExpression=Key("pk").eq("a"), Limit=3, **start)
        pages.append([item["sk"] for item in page["Items"]])
        if "LastEvaluatedKey" not in page:
            break
        equal("the last key", page["LastEvaluatedKey"], {"pk": "a", "sk": pages[-1][-1]})
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    equal("pages", sum(pages, []), numbers)

    found = table.query(IndexName="by-owner", KeyConditionExpression=Key("owner").eq("o0") & Key("when").gte(4))
    equal("index", [item["when"] for item in found["Items"]], [4, 6, 8])
    found = table.query(IndexName="keys", KeyConditionExpression=Key("owner").eq("o1"), Limit=1)
    equal("keys only", set(found["Items"][0]), {"pk", "sk", "owner"})
    equal("an index's key", set(found["LastEvaluatedKey"]), {"pk", "sk", "owner"})
    found = table.query(IndexName="by-lsi", KeyConditionExpression=Key("pk").eq("a") & Key("lsi").begins_with("l"),
                        ConsistentRead=True)
    equal("local index", [item["lsi"] for item in found["Items"]], [f"l{at}" for at in range(10)])
    refused("consistent", "ValidationException", "Consistent reads are not supported on global secondary indexes",
            table.query, IndexName="by-owner", KeyConditionExpression=Key("owner").eq("o0"), ConsistentRead=True)
    refused("no index", "ValidationException", "The table does not have the specified index", table.query,
            IndexName="none", KeyConditionExpression=Key("pk").eq("a"))
    refused("no key", "ValidationException", "Query condition missed key schema element", table.query,
            KeyConditionExpression=Key("sk").eq(1))
    refused("filter on a key", "ValidationException", "Filter Expression can only contain non-primary key attributes",
            table.query, KeyConditionExpression=Key("pk").eq("a"), FilterExpression=Attr("sk").eq(1))

    everything = [item["pk"] for page in db.get_paginator("scan").paginate(TableName=name("q"), Limit=7) for item in page["Items"]]
    equal("scan", len(everything), 40)
    segments = [table.scan(Segment=segment, TotalSegments=4)["Items"] for segment in range(4)]
    equal("segments are apart", len({(item["pk"], item["sk"]) for segment in segments for item in segment}), 40)
    holds("and each has some", all(len(segment) < 40 for segment in segments))
    equal("scan with a filter", table.scan(FilterExpression=Attr("x").exists() & Attr("sk").gt(0), ReturnConsumedCapacity="TOTAL")["Count"], 5)

    db.update_table(TableName=name("q"), AttributeDefinitions=[{"AttributeName": "x", "AttributeType": "S"}],
                    GlobalSecondaryIndexUpdates=[{"Create": index("by-x", "x")}])
    db.get_waiter("table_exists").wait(TableName=name("q"), WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    equal("an index that came later", table.query(IndexName="by-x", KeyConditionExpression=Key("x").eq("y" * 10))["Count"], 10)
    shown = db.describe_table(TableName=name("q"))["Table"]["GlobalSecondaryIndexes"]
    holds("its ARN", all(f":eu-west-1:{ACCOUNT}:table/{name('q')}/index/" in one["IndexArn"] for one in shown))
    db.update_table(TableName=name("q"), GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-x"}}])
    holds("gone", all(one["IndexName"] != "by-x" for one in db.describe_table(TableName=name("q"))["Table"]["GlobalSecondaryIndexes"]))

    make("mb", sort=("sk", "N"))
    table = resource.Table(name("mb"))
    for at in range(6):
        table.put_item(Item={"pk": "a", "sk": at, "x": "x" * 300_000})
    page = table.query(KeyConditionExpression=Key("pk").eq("a"))
    equal("a page has 1 MB", (page["Count"], page["LastEvaluatedKey"]["sk"]), (3, 2))


def batches():
    table = resource.Table(name("items"))
    with table.batch_writer() as batch:
        for at in range(60):
            batch.put_item(Item={"pk": f"b{at}", "n": at})
    wanted = {name("items"): {"Keys": [{"pk": f"b{at}"} for at in range(100)], "ProjectionExpression": "n"}}
    found = resource.batch_get_item(RequestItems=wanted)
    equal("found", sorted(item["n"] for item in found["Responses"][name("items")]), list(range(60)))
    equal("nothing left", found["UnprocessedKeys"], {})
    refused("101 keys", "ValidationException", "100", resource.batch_get_item,
            RequestItems={name("items"): {"Keys": [{"pk": f"b{at}"} for at in range(101)]}})
    refused("26 writes", "ValidationException", "25", db.batch_write_item, RequestItems={
        name("items"): [{"DeleteRequest": {"Key": {"pk": {"S": f"b{at}"}}}} for at in range(26)]})
    refused("one item twice", "ValidationException", "duplicates", db.batch_write_item, RequestItems={
        name("items"): [{"DeleteRequest": {"Key": {"pk": {"S": "b"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "b"}}}}]})


def transactions():
    table = name("items")
    client = resource.meta.client
    put = lambda key, n, **more: {"Put": {"TableName": table, "Item": {"pk": key, "n": n}, **more}}
    client.transact_write_items(TransactItems=[put("t1", 1), put("t2", 2)])
    error = refused(
        "cancelled", "TransactionCanceledException", "[None, ConditionalCheckFailed, None]", client.transact_write_items,
        TransactItems=[
            {"Update": {"TableName": table, "Key": {"pk": "t1"}, "UpdateExpression": "SET n = n + :n",
                        "ExpressionAttributeValues": {":n": 100}}},
            put("t2", 3, ConditionExpression="attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
            {"Delete": {"TableName": table, "Key": {"pk": "t3"}}},
        ])
    reasons = error.response["CancellationReasons"]
    equal("reasons", [reason["Code"] for reason in reasons], ["None", "ConditionalCheckFailed", "None"])
    equal("with the item", plain(reasons[1]["Item"]), {"pk": {"S": "t2"}, "n": {"N": "2"}})
    read = client.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": {"pk": key}}} for key in ("t1", "none", "t2")])
    equal("nothing happened", [answer.get("Item", {}).get("n") for answer in read["Responses"]], [1, None, 2])

    once = {"TransactItems": [{"Update": {"TableName": table, "Key": {"pk": "t1"}, "UpdateExpression": "ADD n :n",
                                          "ExpressionAttributeValues": {":n": 5}}}], "ClientRequestToken": RUN + "-once"}
    client.transact_write_items(**once)
    client.transact_write_items(**once)
    equal("once", resource.Table(table).get_item(Key={"pk": "t1"})["Item"]["n"], 6)
    once["TransactItems"][0]["Update"]["ExpressionAttributeValues"] = {":n": 6}
    refused("another one", "IdempotentParameterMismatchException", "", client.transact_write_items, **once)
    client.transact_write_items(TransactItems=[
        {"ConditionCheck": {"TableName": table, "Key": {"pk": "t2"}, "ConditionExpression": "n = :n",
                            "ExpressionAttributeValues": {":n": 2}}},
        {"Delete": {"TableName": table, "Key": {"pk": "t1"}}},
    ])
    holds("deleted", "Item" not in resource.Table(table).get_item(Key={"pk": "t1"}))
    refused("one item twice", "ValidationException", "multiple operations on one item", client.transact_write_items,
            TransactItems=[put("t1", 1), put("t1", 2)])
    refused("101", "ValidationException", "100", client.transact_write_items, TransactItems=[put(f"t{at}", 1) for at in range(101)])


def partiql():
    table = name("items")
    db.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'pk': 'sql', 'n': 1}}")
    db.execute_statement(Statement=f"UPDATE \"{table}\" SET n = n + 1 WHERE pk = ?", Parameters=[{"S": "sql"}])
    found = db.execute_statement(Statement=f"SELECT n FROM \"{table}\" WHERE pk = 'sql'")["Items"]
    equal("PartiQL", found, [{"n": {"N": "2"}}])


def leave():
    for page in db.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            if RUN in table:
                db.delete_table(TableName=table)


for part in (tables, items, counters, queries, batches, transactions, partiql, leave):
    part()
print("dynamodb: as on AWS")
