"""The same calls against several DynamoDBs: python dynamodb_compare.py LOCAL NAME=ENDPOINT...

LOCAL is the local cloud. Where another one answers differently, the difference must be in JUDGED below, with who is
right and why by AWS's documentation; a judgement that no longer applies is an error, too.
"""

import json
import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

T, R = "compare", "compare-range"
LOCAL, OTHERS = sys.argv[1], [one.split("=", 1) for one in sys.argv[2:]]


def s(text):
    return {"S": text}


def n(number):
    return {"N": str(number)}


def key(text):
    return {"pk": s(text)}


def table(name, sort=None, **more):
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}]
    if sort:
        attributes.append({"AttributeName": "sk", "AttributeType": sort})
        schema.append({"AttributeName": "sk", "KeyType": "RANGE"})
    attributes += [{"AttributeName": one, "AttributeType": "S"} for one in more.pop("extra", [])]
    return {"TableName": name, "AttributeDefinitions": attributes, "KeySchema": schema, "BillingMode": "PAY_PER_REQUEST", **more}


def gsi(name, *keys, **projection):
    return {"IndexName": name, "KeySchema": [{"AttributeName": one, "KeyType": role} for one, role in zip(keys, ("HASH", "RANGE"))],
            "Projection": projection or {"ProjectionType": "ALL"}}


def calls(account):
    """Name, operation, arguments: in this order, each on what the ones before left."""
    yield "create", "create_table", table(T)
    yield "create twice", "create_table", table(T)
    yield "create with range and indexes", "create_table", table(
        R, "N", extra=["g", "l"], GlobalSecondaryIndexes=[gsi("by-g", "g", "sk"), gsi("by-g-keys", "g", ProjectionType="KEYS_ONLY"),
                                                          gsi("by-g-some", "g", ProjectionType="INCLUDE", NonKeyAttributes=["x"])],
        LocalSecondaryIndexes=[gsi("by-l", "pk", "l")])
    yield "list", "list_tables", {"Limit": 100}
    yield "list one", "list_tables", {"Limit": 1}
    yield "list after", "list_tables", {"ExclusiveStartTableName": T}
    yield "create without the key's type", "create_table", {**table("compare-bad-1"), "AttributeDefinitions": [{"AttributeName": "x", "AttributeType": "S"}]}
    yield "create with an unused attribute", "create_table", table("compare-bad-2", extra=["x"])
    yield "create with a short name", "create_table", table("ab")
    yield "create with a wrong name", "create_table", table("no blanks")
    yield "create provisioned without numbers", "create_table", {**table("compare-bad-3"), "BillingMode": "PROVISIONED"}
    yield "create on demand with numbers", "create_table", table("compare-bad-4", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    yield "create with two hash keys", "create_table", {**table("compare-bad-5", extra=["x"]), "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "x", "KeyType": "HASH"}]}
    yield "create with a local index and no range", "create_table", table("compare-bad-6", extra=["l"], LocalSecondaryIndexes=[gsi("by-l", "pk", "l")])
    yield "create with one index twice", "create_table", table("compare-bad-7", extra=["g"], GlobalSecondaryIndexes=[gsi("by-g", "g"), gsi("by-g", "g")])
    yield "create with a stream and no view", "create_table", table("compare-bad-8", StreamSpecification={"StreamEnabled": True})
    yield "describe", "describe_table", {"TableName": T}
    yield "describe none", "describe_table", {"TableName": "none"}
    yield "update nothing of a table", "update_table", {"TableName": T}
    yield "update none", "update_table", {"TableName": "none", "BillingMode": "PAY_PER_REQUEST"}
    yield "an index without its attribute", "update_table", {"TableName": T, "GlobalSecondaryIndexUpdates": [{"Create": gsi("by-x", "x")}]}
    yield "delete no index", "update_table", {"TableName": T, "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "none"}}]}
    yield "delete none", "delete_table", {"TableName": "none"}

    put = lambda item, **more: {"TableName": T, "Item": item, **more}
    yield "put", "put_item", put({**key("a"), "n": n(1), "l": {"L": [n(1), s("x")]}, "m": {"M": {"k": s("v")}}, "ss": {"SS": ["a", "b"]}})
    yield "put with capacity", "put_item", put(key("cap"), ReturnConsumedCapacity="TOTAL")
    yield "put with the old item", "put_item", put({**key("cap"), "n": n(2)}, ReturnValues="ALL_OLD")
    yield "put with wrong return values", "put_item", put(key("cap"), ReturnValues="ALL_NEW")
    yield "put none", "put_item", {"TableName": "none", "Item": key("a")}
    yield "put without a key", "put_item", put({"x": s("y")})
    yield "put with a key of another type", "put_item", put({"pk": n(1)})
    yield "put with an empty key", "put_item", put({"pk": s("")})
    yield "put an empty text", "put_item", put({**key("empty"), "x": s("")})
    yield "put an empty set", "put_item", put({**key("bad"), "x": {"SS": []}})
    yield "put a set with one twice", "put_item", put({**key("bad"), "x": {"SS": ["a", "a"]}})
    yield "put numbers that are one", "put_item", put({**key("bad"), "x": {"NS": ["1", "1.0"]}})
    yield "put no number", "put_item", put({**key("bad"), "x": {"N": "one"}})
    yield "put 38 digits", "put_item", put({**key("digits"), "x": {"N": "1" * 38}})
    yield "put 39 digits", "put_item", put({**key("bad"), "x": {"N": "1" * 39}})
    yield "put a number too large", "put_item", put({**key("bad"), "x": {"N": "1E126"}})
    yield "put a number too small", "put_item", put({**key("bad"), "x": {"N": "1E-131"}})
    yield "put numbers of many forms", "put_item", put({**key("forms"), "a": n("1.500"), "b": n("1E3"), "c": n("-0"), "d": n("007"), "e": n("+1"), "f": n("1e-5")})
    yield "get numbers of many forms", "get_item", {"TableName": T, "Key": key("forms")}
    yield "put two types", "put_item", put({**key("bad"), "x": {"N": "1", "S": "1"}})
    yield "put null that is not", "put_item", put({**key("bad"), "x": {"NULL": False}})
    yield "put too much", "put_item", put({**key("bad"), "x": s("x" * 410_000)})
    yield "put a long key", "put_item", put(key("k" * 2049))
    yield "put a deep item", "put_item", put({**key("bad"), "x": json.loads('{"L":[' * 33 + '{"N":"1"}' + "]}" * 33)})
    once = {"ConditionExpression": "attribute_not_exists(pk)"}
    yield "put once", "put_item", put(key("once"), **once)
    yield "put once again", "put_item", put(key("once"), **once)
    yield "put once, told why", "put_item", put(key("once"), ReturnValuesOnConditionCheckFailure="ALL_OLD", **once)

    get = lambda name, **more: {"TableName": T, "Key": key(name), **more}
    yield "get", "get_item", get("a")
    yield "get nothing", "get_item", get("nothing")
    yield "get with capacity", "get_item", get("a", ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    yield "get with half the capacity", "get_item", get("a", ReturnConsumedCapacity="TOTAL")
    yield "get a part", "get_item", get("a", ProjectionExpression="l[1], m.k")
    yield "get by names", "get_item", get("a", ProjectionExpression="#a.#b", ExpressionAttributeNames={"#a": "m", "#b": "k"})
    yield "get with an unused name", "get_item", get("a", ProjectionExpression="n", ExpressionAttributeNames={"#a": "m"})
    yield "get with an unknown name", "get_item", get("a", ProjectionExpression="#x")
    yield "get a reserved word", "get_item", get("a", ProjectionExpression="status")
    yield "get overlapping", "get_item", get("a", ProjectionExpression="m, m.k")
    yield "get nonsense", "get_item", get("a", ProjectionExpression="m..k")
    yield "get an empty projection", "get_item", get("a", ProjectionExpression="")
    yield "get by too many keys", "get_item", {"TableName": T, "Key": {**key("a"), "x": s("y")}}
    yield "get by no key", "get_item", {"TableName": T, "Key": {"x": s("y")}}
    yield "get by a number", "get_item", {"TableName": T, "Key": {"pk": n(1)}}

    def update(name, expression, values=None, names=None, **more):
        if values:
            more["ExpressionAttributeValues"] = values
        if names:
            more["ExpressionAttributeNames"] = names
        return {"TableName": T, "Key": key(name), "UpdateExpression": expression, "ReturnValues": "ALL_NEW", **more}

    yield "update a new item", "update_item", update("u", "SET a = :a", {":a": n(1)})
    yield "update nothing", "update_item", {"TableName": T, "Key": key("only"), "ReturnValues": "ALL_NEW"}
    yield "add numbers", "update_item", update("u", "SET a = a + :a", {":a": n("0.1")})
    yield "subtract", "update_item", update("u", "SET a = a - :a", {":a": n("0.6")})
    yield "add exactly", "update_item", update("u", "SET b = :a + :b", {":a": n("0.1"), ":b": n("0.2")})
    yield "add 38 digits", "update_item", update("u", "SET b = :a + :b", {":a": n("9" * 38), ":b": n(1)})
    yield "add to a text", "update_item", update("u", "SET c = :a + :b", {":a": s("x"), ":b": n(1)})
    yield "add to nothing", "update_item", update("u", "SET c = absent + :b", {":b": n(1)})
    yield "if not exists", "update_item", update("u", "REMOVE c SET e = if_not_exists(e, :z) + :o", {":z": n(0), ":o": n(1)})
    yield "append", "update_item", update("u", "SET l = list_append(if_not_exists(l, :e), :x)", {":e": {"L": []}, ":x": {"L": [n(1), n(2)]}})
    yield "set in a list", "update_item", update("u", "SET l[0] = :x, l[7] = :x", {":x": s("y")})
    yield "a list", "update_item", update("list", "SET l = :l", {":l": {"L": [n(0), n(1), n(2), n(3)]}})
    yield "remove from a list", "update_item", update("list", "REMOVE l[0], l[2]")
    yield "set in no map", "update_item", update("u", "SET absent.x = :x", {":x": n(1)})
    yield "set in a map", "update_item", update("a", "SET m.#k = :x, m.j = m.k", {":x": n(1)}, {"#k": "k"})
    yield "add a number", "update_item", update("u", "ADD counted :x", {":x": n(5)}, ReturnValues="UPDATED_NEW")
    yield "add a text", "update_item", update("u", "ADD counted :x", {":x": s("y")})
    yield "add to a set", "update_item", update("u", "ADD s :x", {":x": {"SS": ["a", "b"]}}, ReturnValues="UPDATED_OLD")
    yield "delete from a set", "update_item", update("u", "DELETE s :x", {":x": {"SS": ["a", "zz"]}}, ReturnValues="UPDATED_NEW")
    yield "delete the last of a set", "update_item", update("u", "DELETE s :x", {":x": {"SS": ["b"]}})
    yield "delete a number from a set", "update_item", update("u", "DELETE s :x", {":x": n(1)})
    yield "four clauses", "update_item", update("u", "SET d = :x REMOVE c ADD counted :x DELETE s :s", {":x": n(1), ":s": {"SS": ["b"]}})
    yield "two SETs", "update_item", update("u", "SET d = :x SET e = :x", {":x": n(1)})
    yield "one path twice", "update_item", update("u", "SET d = :x, d = :x", {":x": n(1)})
    yield "paths that overlap", "update_item", update("u", "SET m = :x, m.y = :x", {":x": n(1)})
    yield "update the key", "update_item", update("u", "SET pk = :x", {":x": s("y")})
    yield "update without a value", "update_item", update("u", "SET d = :x")
    yield "update with an unused value", "update_item", update("u", "SET d = :x", {":x": n(1), ":y": n(1)})
    yield "update nonsense", "update_item", update("u", "SET d == :x", {":x": n(1)})
    yield "update with an empty expression", "update_item", update("u", "")
    yield "update by a reserved word", "update_item", update("u", "SET name = :x", {":x": n(1)})
    yield "update of another type", "update_item", update("u", "SET l[0] = list_append(d, :x)", {":x": {"L": []}})

    def condition(text, values=None, names=None):
        return update("c", "SET x = :new", {":new": s("y"), **(values or {})}, names, ConditionExpression=text, ReturnValues="NONE")

    yield "conditions: the item", "put_item", put({**key("c"), "n": n(5), "t": s("text"), "l": {"L": [n(1), s("x")]}, "ss": {"SS": ["a"]},
                                                    "b": {"BOOL": True}, "z": {"NULL": True}, "m": {"M": {"k": n(1)}}})
    for text, values in [
        ("n = :v", {":v": n("5.0")}), ("n <> :v", {":v": s("5")}), ("n < :v", {":v": n(10)}), ("n < :v", {":v": s("a")}),
        ("t > :v", {":v": s("tex")}), ("n BETWEEN :a AND :b", {":a": n(5), ":b": n(6)}), ("n BETWEEN :a AND :b", {":a": n(6), ":b": n(5)}),
        ("n IN (:a, :b)", {":a": n(1), ":b": n(5)}), ("attribute_exists(m.k)", None), ("attribute_exists(m.absent)", None),
        ("attribute_not_exists(l[5])", None), ("attribute_type(ss, :v)", {":v": s("SS")}), ("attribute_type(n, :v)", {":v": s("nope")}),
        ("begins_with(t, :v)", {":v": s("te")}), ("begins_with(n, :v)", {":v": s("5")}), ("contains(t, :v)", {":v": s("ex")}),
        ("contains(ss, :v)", {":v": s("a")}), ("contains(l, :v)", {":v": n(1)}), ("size(t) = :v", {":v": n(4)}), ("size(n) > :v", {":v": n(0)}),
        ("size(l) = :v AND size(m) = size(ss)", {":v": n(2)}), ("NOT n = :v", {":v": n(5)}), ("(n = :v) OR (t = :v AND z = :v)", {":v": n(5)}),
        ("absent = :v", {":v": n(1)}), ("absent <> :v", {":v": n(1)}), ("b = :v", {":v": {"BOOL": True}}), ("n = n", None), ("n AND t", None),
        ("n =", None), ("(n = :v", {":v": n(5)}), ("unknown(n)", None), ("size(n)", None), ("l = :v", {":v": {"L": [n(1), s("x")]}}),
        ("begins_with(t, :v)", {":v": n(1)}), ("attribute_exists(:v)", {":v": n(1)}), ("ss = :v", {":v": {"SS": ["a"]}}),
    ]:
        shown = ", ".join(str(next(iter(one.values()))) for one in (values or {}).values())
        yield f"condition {text} ({shown})", "update_item", condition(text, values)

    yield "delete with the old item", "delete_item", get("cap", ReturnValues="ALL_OLD")
    yield "delete nothing", "delete_item", get("cap", ReturnValues="ALL_OLD")
    yield "delete under a condition", "delete_item", get("cap", ConditionExpression="attribute_exists(pk)")

    row = lambda at, pk="r", **more: {"PutRequest": {"Item": {"pk": s(pk), "sk": n(at), "g": s("g"), "l": s(f"l{9 - at}"), "x": n(at), "y": s("y"), **more}}}
    yield "batch write", "batch_write_item", {"RequestItems": {R: [row(at) for at in range(10)]}, "ReturnConsumedCapacity": "TOTAL"}
    yield "batch write one twice", "batch_write_item", {"RequestItems": {R: [row(1, "twice"), row(1, "twice")]}}
    yield "batch write too many", "batch_write_item", {"RequestItems": {R: [{"DeleteRequest": {"Key": {"pk": s("many"), "sk": n(at)}}} for at in range(26)]}}
    yield "batch write nothing", "batch_write_item", {"RequestItems": {R: []}}
    yield "batch write none", "batch_write_item", {"RequestItems": {"none": [row(1)]}}
    keys = lambda *numbers: {R: {"Keys": [{"pk": s("r"), "sk": n(at)} for at in numbers], "ProjectionExpression": "x"}}
    yield "batch get", "batch_get_item", {"RequestItems": keys(3)}
    yield "batch get what is not there", "batch_get_item", {"RequestItems": keys(77)}
    yield "batch get one twice", "batch_get_item", {"RequestItems": keys(1, 1)}
    yield "batch get too many", "batch_get_item", {"RequestItems": keys(*range(101))}

    def query(condition="pk = :p", values=None, **more):
        return {"TableName": R, "KeyConditionExpression": condition, "ExpressionAttributeValues": {":p": s("r"), **(values or {})},
                "ProjectionExpression": "sk", **more}

    for text, values in [
        ("pk = :p", {}), ("pk = :p AND sk > :a", {":a": n(7)}), ("pk = :p AND sk <= :a", {":a": n(1)}), ("pk = :p AND sk BETWEEN :a AND :b", {":a": n(2), ":b": n("3.5")}),
        ("pk = :p AND sk = :a", {":a": n("4.00")}), ("sk = :a AND pk = :p", {":a": n(4)}), ("(pk = :p) AND (sk < :a)", {":a": n(1)}), ("pk = :p AND sk <> :a", {":a": n(1)}),
        ("pk > :p", {}), ("pk = :p AND x = :a", {":a": n(1)}), ("pk = :p OR sk = :a", {":a": n(1)}), ("pk = :p AND begins_with(sk, :a)", {":a": n(1)}),
        ("pk = :p AND sk BETWEEN :a AND :b", {":a": n(5), ":b": n(1)}), ("sk = :a", {":a": n(1)}), ("pk = :p AND sk = :a", {":a": s("1")}),
    ]:
        if ":p" not in text:
            yield f"query {text}", "query", {"TableName": R, "KeyConditionExpression": text, "ExpressionAttributeValues": values}
        else:
            shown = ", ".join(next(iter(one.values())) for one in values.values())
            yield f"query {text} ({shown})", "query", query(text, values)
    yield "query backwards", "query", query(ScanIndexForward=False, Limit=3)
    yield "query on", "query", query(ExclusiveStartKey={"pk": s("r"), "sk": n(4)}, Limit=2)
    yield "query a filter", "query", query(FilterExpression="x > :x", values={":x": n(5)}, Limit=8)
    yield "query a filter on the key", "query", query(FilterExpression="sk > :x", values={":x": n(5)})
    yield "query a count", "query", {**{k: v for k, v in query().items() if k != "ProjectionExpression"}, "Select": "COUNT"}
    yield "query with capacity", "query", query(ReturnConsumedCapacity="TOTAL")
    yield "query with a high limit", "query", query(Limit=1000)
    for index in ("by-g", "by-g-keys", "by-g-some"):
        yield f"query index {index}", "query", {"TableName": R, "IndexName": index, "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": s("g")}, "Limit": 1}
    yield "query a local index", "query", query("pk = :p AND begins_with(l, :l)", {":l": s("l")}, IndexName="by-l", Limit=2, ConsistentRead=True)
    yield "query consistently a global index", "query", {"TableName": R, "IndexName": "by-g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": s("g")}, "ConsistentRead": True}
    yield "query all of a keys-only index", "query", {"TableName": R, "IndexName": "by-g-keys", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": s("g")}, "Select": "ALL_ATTRIBUTES"}
    yield "query no index", "query", query(IndexName="none")
    yield "query with a start of another table", "query", query(ExclusiveStartKey={"pk": s("r")})
    yield "query without a condition", "query", {"TableName": R}
    yield "scan", "scan", {"TableName": R, "ProjectionExpression": "sk"}
    yield "scan some", "scan", {"TableName": R, "ProjectionExpression": "sk", "Limit": 4}
    yield "scan a filter", "scan", {"TableName": R, "FilterExpression": "x < :x", "ExpressionAttributeValues": {":x": n(2)}, "ProjectionExpression": "sk, y"}
    yield "scan an index", "scan", {"TableName": R, "IndexName": "by-g-keys", "Limit": 1}
    yield "scan a segment of none", "scan", {"TableName": R, "Segment": 1}
    yield "scan a segment too far", "scan", {"TableName": R, "Segment": 4, "TotalSegments": 4}
    yield "scan none", "scan", {"TableName": "none"}

    transact = lambda *actions, **more: {"TransactItems": [{kind: {"TableName": T, **what}} for kind, what in actions], **more}
    yield "transact", "transact_write_items", transact(("Put", {"Item": {**key("t1"), "n": n(1)}}), ("Put", {"Item": {**key("t2"), "n": n(2)}}), ClientRequestToken="compare-1")
    yield "transact again", "transact_write_items", transact(("Put", {"Item": {**key("t1"), "n": n(1)}}), ("Put", {"Item": {**key("t2"), "n": n(2)}}), ClientRequestToken="compare-1")
    yield "transact something else", "transact_write_items", transact(("Put", {"Item": {**key("t3"), "n": n(9)}}), ClientRequestToken="compare-1")
    yield "transact against a condition", "transact_write_items", transact(
        ("Delete", {"Key": key("t1")}), ("ConditionCheck", {"Key": key("t2"), "ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": n(3)},
                                                             "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}))
    yield "transact one twice", "transact_write_items", transact(("Delete", {"Key": key("t1")}), ("Put", {"Item": key("t1")}))
    yield "transact none", "transact_write_items", {"TransactItems": [{"Delete": {"TableName": "none", "Key": key("t1")}}]}
    yield "transact what is invalid", "transact_write_items", transact(("Put", {"Item": {"x": s("y")}}))
    yield "transact get", "transact_get_items", {"TransactItems": [{"Get": {"TableName": T, "Key": key(one)}} for one in ("t1", "nothing", "t2")]}

    live = lambda on, attribute="until": {"TableName": T, "TimeToLiveSpecification": {"Enabled": on, "AttributeName": attribute}}
    yield "no expiry", "describe_time_to_live", {"TableName": T}
    yield "disable no expiry", "update_time_to_live", live(False)
    yield "expiry", "update_time_to_live", live(True)
    yield "expiry twice", "update_time_to_live", live(True)
    yield "expiry by another attribute", "update_time_to_live", live(True, "other")
    yield "disable expiry by another attribute", "update_time_to_live", live(False, "other")
    yield "expiry is on", "describe_time_to_live", {"TableName": T}
    arn = f"arn:aws:dynamodb:eu-west-1:{account}:table/{T}"
    yield "tag", "tag_resource", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}
    yield "tags", "list_tags_of_resource", {"ResourceArn": arn}
    yield "untag", "untag_resource", {"ResourceArn": arn, "TagKeys": ["a"]}
    yield "no tags", "list_tags_of_resource", {"ResourceArn": arn}
    yield "backups", "describe_continuous_backups", {"TableName": T}
    yield "backups of none", "describe_continuous_backups", {"TableName": "none"}
    yield "protect", "update_table", {"TableName": T, "DeletionProtectionEnabled": True}
    yield "delete what is protected", "delete_table", {"TableName": T}
    yield "do not protect", "update_table", {"TableName": T, "DeletionProtectionEnabled": False}
    yield "delete", "delete_table", {"TableName": T}
    yield "delete the other", "delete_table", {"TableName": R}
    yield "get from what is gone", "get_item", get("a")


# What differs by nature, or says nothing about behaviour: times, ids, sizes, and members that not every one has.
VOLATILE = {"ResponseMetadata", "CreationDateTime", "TableId", "TableSizeBytes", "IndexSizeBytes", "ItemCount", "LatestStreamLabel",
            "LatestStreamArn", "ProvisionedThroughput", "WarmThroughput", "TableClassSummary", "DeletionProtectionEnabled", "OnDemandThroughput",
            "LastUpdateToPayPerRequestDateTime", "TableStatus", "IndexStatus", "GlobalTableVersion", "LocalSecondaryIndexes", "GlobalSecondaryIndexes",
            "TimeToLiveStatus", "AttributeDefinitions", "NextToken", "EarliestRestorableDateTime", "LatestRestorableDateTime", "RecoveryPeriodInDays"}


def settled(value):
    if isinstance(value, dict):
        return {name: settled(inner) for name, inner in sorted(value.items()) if name not in VOLATILE and inner not in (None, [], {})
                or name in ("Items", "Item")}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r":\d{12}:", ":ACCOUNT:", value)
    return value


def answers(endpoint):
    settings = {"region_name": "eu-west-1", "endpoint_url": endpoint, "aws_access_key_id": "test", "aws_secret_access_key": "test",
                "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False)}
    db = boto3.client("dynamodb", **settings)
    found = {}
    for name, operation, arguments in calls(boto3.client("sts", **settings).get_caller_identity()["Account"]):
        assert name not in found, name
        try:
            answer = settled(getattr(db, operation)(**arguments))
            if "ReturnConsumedCapacity" not in arguments and endpoint != LOCAL:
                # moto tells it unasked.
                answer.pop("ConsumedCapacity", None)
            for attributes in (answer.get("Attributes"), answer.get("Item")):
                for one in (attributes or {}).values():
                    next(iter(one.values())).sort() if {"SS", "NS", "BS"} & set(one) else None
            found[name] = ("ok", answer, "")
        except ClientError as error:
            reasons = [one.get("Code") for one in error.response.get("CancellationReasons", [])]
            found[name] = ("refused", [error.response["Error"]["Code"], *reasons], error.response["Error"]["Message"])
    return found


# Who, and why the local cloud is right or why it does not matter: the calls.
JUDGED = {
    ("moto", "the request's model: lengths, patterns and required members are checked (API reference, CreateTable, BatchWriteItem)"): [
        "create with a short name", "create with a wrong name", "batch write too many", "batch write nothing"],
    ("moto", "a key schema is HASH, then RANGE; a local index needs a RANGE key; names of indexes are unique (CreateTable)"): [
        "create with two hash keys", "create with a local index and no range", "create with one index twice"],
    ("moto", "UpdateTable needs something to update, and the type of every index key (UpdateTable)"): [
        "update nothing of a table", "an index without its attribute"],
    ("moto", "a text that is not a key may be empty; moto has made the index that it should have refused"): ["put an empty text"],
    ("moto", "sets have members, each once; numbers are compared as numbers (Supported data types)"): [
        "put an empty set", "put a set with one twice", "put numbers that are one"],
    ("moto", "numbers have 38 digits, 1E-130 to 9.99E+125, and lose what does not count (Supported data types)"): [
        "put 39 digits", "put a number too large", "get numbers of many forms"],
    ("moto", "a value has one type; documents are at most 32 levels deep (AttributeValue, Quotas)"): ["put two types", "put a deep item"],
    ("moto", "a strongly consistent read of 4 KB costs 1, others 0.5; a write costs in every index (Capacity)"): [
        "get with capacity", "query with capacity", "batch write"],
    ("moto", "projections are parsed and checked (Expressions)"): ["get with an unknown name", "get overlapping", "get nonsense"],
    ("moto", "the key has exactly the schema's attributes, in their types (GetItem)"): ["get by too many keys", "get by a number"],
    ("moto", "moto fails with 500 where an operand's type does not fit or the syntax is wrong; DynamoDB says false, or what is wrong"): [
        "delete no index", "update nothing", "condition n < :v (a)", "condition size(n) > :v (0)", "condition n AND t ()", "condition n = ()",
        "condition (n = :v (5)", "condition size(n) ()", "condition attribute_exists(:v) (1)", "query pk = :p AND sk <> :a (1)",
        "query pk = :p OR sk = :a (1)", "query pk = :p AND begins_with(sk, :a) (1)", "query with a start of another table"],
    ("moto", "operands that can be checked without an item are (Condition expressions)"): [
        "condition n BETWEEN :a AND :b (6, 5)", "condition begins_with(t, :v) (1)", "query pk = :p AND sk BETWEEN :a AND :b (5, 1)",
        "query pk = :p AND sk = :a (1)"],
    ("moto", "a filter must not name a key; an index that is not there is a ValidationException (Query)"): [
        "query a filter on the key", "query no index"],
    ("moto", "a token names one request (TransactWriteItems)"): ["transact something else"],
    ("moto", "a missing table is no cancellation; an invalid item is one, with the code ValidationError (TransactWriteItems)"): [
        "transact none", "transact what is invalid"],
    ("moto", "a stream needs a view type (StreamSpecification)"): ["create with a stream and no view"],
    ("moto", "expiry that is on is not switched on again, nor off that is off (UpdateTimeToLive)"): ["disable no expiry", "expiry twice"],
    ("moto", "expiry is changed to another attribute by disabling it first (UpdateTimeToLive)"): [
        "expiry by another attribute", "disable expiry by another attribute", "expiry is on"],
    ("ministack", "a stream needs a view type (StreamSpecification)"): ["create with a stream and no view"],
    ("ministack", "projections are parsed and not empty (Expressions)"): ["get nonsense", "get an empty projection"],
    ("ministack", "every clause once, no path twice, operands of the right type (Update expressions)"): [
        "add to a text", "two SETs", "one path twice", "update nonsense", "update of another type"],
    ("ministack", "REMOVE takes out the elements that had these indexes before (Update expressions)"): ["remove from a list"],
    ("ministack", "a function of an attribute of another type is false (Condition expressions)"): ["condition begins_with(n, :v) (5)"],
    ("ministack", "a key condition knows =, <, <=, >, >=, BETWEEN and begins_with, joined by AND; a filter must not name a key (Query)"): [
        "query pk = :p AND sk <> :a (1)", "query pk = :p OR sk = :a (1)", "query a filter on the key"],
    ("ministack", "ALL_ATTRIBUTES needs a global index that has them (Query, Select)"): ["query all of a keys-only index"],
    ("ministack", "an item needs its key (TransactWriteItems)"): ["transact what is invalid"],
    ("ministack", "expiry that is on is not switched on again, nor off that is off (UpdateTimeToLive)"): ["disable no expiry", "expiry twice"],
    ("ministack", "expiry is changed to another attribute by disabling it first (UpdateTimeToLive)"): [
        "expiry by another attribute", "disable expiry by another attribute", "expiry is on"],
    ("ministack", "the code of a missing table is TableNotFoundException here (DescribeContinuousBackups)"): ["backups of none"],
}


def main():
    judged = {(who, call) for (who, _), found in JUDGED.items() for call in found}
    ours, bad, seen = answers(LOCAL), [], set()
    for who, endpoint in OTHERS:
        theirs = answers(endpoint)
        for name, (kind, answer, message) in ours.items():
            if (kind, answer) == theirs[name][:2]:
                continue
            seen.add((who, name))
            if (who, name) not in judged:
                told, body, words = theirs[name]
                bad.append(f"{who}: {name}\n  here  {kind} {json.dumps(answer)} {message}\n  there {told} {json.dumps(body)} {words}")
    present = {who for who, _ in OTHERS}
    bad += [f"{who}: {name}: judged, but there is no difference" for who, name in sorted(judged - seen) if who in present]
    for line in bad:
        print(line)
    print(f"{len(ours)} calls, {len(seen)} differences, {len(bad)} not judged")
    sys.exit(1 if bad else 0)


main()
