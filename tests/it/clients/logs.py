"""CloudWatch Logs of the local cloud, as boto3 sees it: python logs.py http://127.0.0.1:PORT"""

import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
NAME = "/test/" + uuid.uuid4().hex[:8]
NOW = int(time.time() * 1000)


def client(region="eu-west-1"):
    return boto3.client(
        "logs", endpoint_url=ENDPOINT, region_name=region, aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


logs = client()


def equal(have, want, what):
    if have != want:
        sys.exit(f"logs: {what}\n  have {have!r}\n  want {want!r}")


def check(good, what):
    if not good:
        sys.exit(f"logs: {what}")


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, f"the code of {call.__name__}({arguments!r})")
        check(error.response["Error"]["Message"], f"{code} has a message")
        return error
    sys.exit(f"logs: {call.__name__}({arguments!r}) should be refused with {code}")


def messages(pattern=None, **more):
    if pattern is not None:
        more["filterPattern"] = pattern
    more.setdefault("logGroupName", NAME)
    pages = logs.get_paginator("filter_log_events").paginate(**more)
    return [event["message"] for page in pages for event in page["events"]]


def groups():
    logs.create_log_group(logGroupName=NAME, tags={"rzap:app": "a", "rzap:stage": "dev"})
    refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=NAME)
    refused("InvalidParameterException", logs.create_log_group, logGroupName="bad name!")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    arn = f"arn:aws:logs:eu-west-1:000000000000:log-group:{NAME}"
    equal((group["arn"], group["logGroupArn"]), (arn + ":*", arn), "both ARNs of a group")
    equal((group["logGroupClass"], group["storedBytes"], group["metricFilterCount"]), ("STANDARD", 0, 0), "a new group")
    check("retentionInDays" not in group, "a new group keeps its events for ever")
    check(abs(group["creationTime"] - NOW) < 60_000, "creationTime is in ms")
    equal(client("us-east-1").describe_log_groups(logGroupNamePrefix=NAME)["logGroups"], [], "regions are apart")

    logs.put_retention_policy(logGroupName=NAME, retentionInDays=14)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    equal(group["retentionInDays"], 14, "retentionInDays")
    for days in (0, 2, 13, 4000):
        refused("InvalidParameterException", logs.put_retention_policy, logGroupName=NAME, retentionInDays=days)
    refused("ResourceNotFoundException", logs.put_retention_policy, logGroupName=NAME + "x", retentionInDays=1)
    logs.delete_retention_policy(logGroupName=NAME)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    check("retentionInDays" not in group, "the retention is gone")

    for arn_form in (arn, arn + ":*"):
        equal(logs.list_tags_for_resource(resourceArn=arn_form)["tags"]["rzap:app"], "a", "tags by " + arn_form)
    logs.tag_resource(resourceArn=arn, tags={"x": "1", "y": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["x"])
    logs.tag_log_group(logGroupName=NAME, tags={"z": "3"})
    logs.untag_log_group(logGroupName=NAME, tags=["y"])
    tags = {"rzap:app": "a", "rzap:stage": "dev", "z": "3"}
    equal(logs.list_tags_log_group(logGroupName=NAME)["tags"], tags, "tags after changes")
    refused("ResourceNotFoundException", logs.list_tags_for_resource, resourceArn=arn + "x")
    refused("InvalidParameterException", logs.tag_resource, resourceArn=arn, tags={"aws:x": "1"})
    print("ok groups, retention, tags")


def paging():
    names = [f"{NAME}/page/{number:02}" for number in range(7)]
    for name in reversed(names):
        logs.create_log_group(logGroupName=name)
    first = logs.describe_log_groups(logGroupNamePrefix=NAME + "/page", limit=3)
    equal([group["logGroupName"] for group in first["logGroups"]], names[:3], "the first page is sorted by name")
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=NAME + "/page", PaginationConfig={"PageSize": 3})
    equal([len(page["logGroups"]) for page in pages], [3, 3, 1], "three pages")
    found = logs.describe_log_groups(logGroupNamePattern=NAME.removeprefix("/test/") + "/page/03")["logGroups"]
    equal([sorted(group) for group in found], [["arn", "creationTime", "logGroupName"]], "a search by pattern is brief")
    refused("InvalidParameterException", logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b")
    refused("InvalidParameterException", logs.describe_log_groups, limit=51)
    refused("InvalidParameterException", logs.describe_log_groups, nextToken="zz")
    for name in names:
        logs.delete_log_group(logGroupName=name)
    refused("ResourceNotFoundException", logs.delete_log_group, logGroupName=names[0])
    equal(logs.describe_log_groups(logGroupNamePrefix=NAME + "/page")["logGroups"], [], "deleted groups are gone")
    print("ok paging of groups")


def streams():
    group = NAME + "/streams"
    logs.create_log_group(logGroupName=group, deletionProtectionEnabled=True)
    for name in ("b", "a/[$LATEST]1", "c"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    refused("ResourceAlreadyExistsException", logs.create_log_stream, logGroupName=group, logStreamName="b")
    refused("InvalidParameterException", logs.create_log_stream, logGroupName=group, logStreamName="a:b")
    refused("ResourceNotFoundException", logs.create_log_stream, logGroupName=group + "x", logStreamName="b")
    for name, ago in (("b", 1000), ("a/[$LATEST]1", 3000), ("c", 2000)):
        events = [{"timestamp": NOW - ago - 10, "message": "first"}, {"timestamp": NOW - ago, "message": "last"}]
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)
    by_name = logs.describe_log_streams(logGroupName=group)["logStreams"]
    equal([stream["logStreamName"] for stream in by_name], ["a/[$LATEST]1", "b", "c"], "streams by name")
    equal((by_name[1]["firstEventTimestamp"], by_name[1]["lastEventTimestamp"]), (NOW - 1010, NOW - 1000), "timestamps")
    by_time = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=2)
    equal([stream["logStreamName"] for stream in by_time["logStreams"]], ["b", "c"], "the newest streams first")
    rest = logs.describe_log_streams(
        logGroupName=group, orderBy="LastEventTime", descending=True, nextToken=by_time["nextToken"])
    equal([stream["logStreamName"] for stream in rest["logStreams"]], ["a/[$LATEST]1"], "the page after")
    check("nextToken" not in rest, "the last page has no token")
    prefixed = logs.describe_log_streams(logGroupIdentifier=group, logStreamNamePrefix="a/")["logStreams"]
    equal(len(prefixed), 1, "streams by prefix")
    refused("InvalidParameterException", logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime",
            logStreamNamePrefix="a")
    (described,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    equal(described["storedBytes"], 3 * (len("first") + len("last") + 52), "stored bytes")
    logs.delete_log_stream(logGroupName=group, logStreamName="b")
    refused("ResourceNotFoundException", logs.delete_log_stream, logGroupName=group, logStreamName="b")
    equal(messages(logGroupName=group), ["first", "last", "first", "last"], "a deleted stream's events are gone")
    refused("ValidationException", logs.delete_log_group, logGroupName=group)
    logs.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=group)
    print("ok streams")


def put_rules():
    stream = dict(logGroupName=NAME, logStreamName="rules")
    logs.create_log_stream(**stream)

    def put(*events):
        return logs.put_log_events(
            logEvents=[{"timestamp": time, "message": text} for time, text in events], sequenceToken="ignored", **stream)

    day = 86_400_000
    answer = put((NOW - 15 * day, "too old"), (NOW - 1000, "good"), (NOW + 3 * 3_600_000, "too new"))
    equal(answer["rejectedLogEventsInfo"], {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}, "what was left out")
    equal(messages(logStreamNames=["rules"]), ["good"], "the rest is taken")
    check("rejectedLogEventsInfo" not in put((NOW, "fine")), "nothing was left out")
    for bad in ([(NOW, "b"), (NOW - 1, "a")], [(NOW - 2 * day, "a"), (NOW, "b")], [(NOW, "x" * (1 << 20))]):
        try:
            put(*bad)
        except ClientError as error:
            equal(error.response["Error"]["Code"], "InvalidParameterException", "a bad batch")
        else:
            sys.exit(f"logs: a bad batch of {len(bad)} events was taken")
    refused("ResourceNotFoundException", logs.put_log_events, logGroupName=NAME, logStreamName="none",
            logEvents=[{"timestamp": NOW, "message": "x"}])
    logs.delete_log_stream(**stream)
    print("ok rules of PutLogEvents")


def reading():
    stream = dict(logGroupName=NAME, logStreamName="reading")
    logs.create_log_stream(**stream)
    empty = logs.get_log_events(**stream)
    equal(empty["events"], [], "an empty stream")
    texts = [f"event {number}" for number in range(10)]
    logs.put_log_events(
        logEvents=[{"timestamp": NOW - 100 + at // 2, "message": text} for at, text in enumerate(texts)], **stream)
    again = logs.get_log_events(nextToken=empty["nextForwardToken"], startFromHead=True, **stream)
    equal([event["message"] for event in again["events"]], texts, "the token of an empty stream finds what came later")

    seen, token = [], None
    for _ in range(10):
        more = {"nextToken": token} if token else {}
        page = logs.get_log_events(limit=4, startFromHead=True, **stream, **more)
        seen += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    else:
        sys.exit("logs: the forward token never stops changing")
    equal(seen, texts, "reading forwards")
    seen, token = [], None
    for _ in range(10):
        more = {"nextToken": token} if token else {}
        page = logs.get_log_events(limit=4, **stream, **more)
        seen = [event["message"] for event in page["events"]] + seen
        if page["nextBackwardToken"] == token:
            break
        token = page["nextBackwardToken"]
    else:
        sys.exit("logs: the backward token never stops changing")
    equal(seen, texts, "reading backwards")
    window = logs.get_log_events(startTime=NOW - 99, endTime=NOW - 97, startFromHead=True, **stream)
    equal([event["message"] for event in window["events"]], texts[2:6], "startTime is included, endTime is not")
    refused("ResourceNotFoundException", logs.get_log_events, logGroupName=NAME, logStreamName="none")
    refused("InvalidParameterException", logs.get_log_events, nextToken="f/1/s", **stream)
    logs.delete_log_stream(**stream)
    print("ok GetLogEvents")


def filtering():
    for name in ("one", "two"):
        logs.create_log_stream(logGroupName=NAME, logStreamName=name)
        logs.put_log_events(logGroupName=NAME, logStreamName=name, logEvents=[
            {"timestamp": NOW - 1000 + 10 * at + (name == "two"), "message": f"{name} {at}"} for at in range(50)])
    want = [f"{name} {at}" for at in range(50) for name in ("one", "two")]
    page = logs.filter_log_events(logGroupName=NAME)
    equal([event["message"] for event in page["events"]], want, "streams are merged in time order")
    check("nextToken" not in page, "everything fits one page")
    equal(page["searchedLogStreams"], [], "searchedLogStreams is empty")
    ids = [event["eventId"] for event in page["events"]]
    check(len(set(ids)) == 100 and all(len(id) == 56 and id.isdigit() for id in ids), "event ids are unique and 56 digits")
    for size in (1, 7, 100):
        pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=NAME, PaginationConfig={"PageSize": size}))
        check(all(len(page["events"]) <= size for page in pages), f"no page is longer than {size}")
        equal([event["eventId"] for page in pages for event in page["events"]], ids, f"pages of {size} are complete and stable")
    equal(messages(logStreamNames=["two"]), [text for text in want if text.startswith("two")], "by stream name")
    equal(messages(logStreamNamePrefix="on"), [text for text in want if text.startswith("one")], "by prefix")
    arn = f"arn:aws:logs:eu-west-1:000000000000:log-group:{NAME}"
    found = logs.filter_log_events(logGroupIdentifier=arn, startTime=NOW - 990, endTime=NOW - 980)["events"]
    equal([event["message"] for event in found], ["one 1", "two 1", "one 2"], "both ends of the time range are included")
    newest = logs.filter_log_events(logGroupName=NAME, startFromHead=False, startTime=NOW - 5000, limit=3)
    equal([event["message"] for event in newest["events"]], ["two 49", "one 49", "two 48"], "newest first")
    older = logs.filter_log_events(logGroupName=NAME, startTime=NOW - 5000, limit=2, nextToken=newest["nextToken"])
    equal([event["message"] for event in older["events"]], ["one 48", "two 47"], "the token keeps the direction")
    refused("ResourceNotFoundException", logs.filter_log_events, logGroupName=NAME + "x")
    refused("ResourceNotFoundException", logs.filter_log_events, logGroupName=NAME, logStreamNames=["none"])
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=NAME, logStreamNames=["one"], logStreamNamePrefix="o")
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=NAME, logGroupIdentifier=NAME)
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=NAME, limit=10_001)
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=NAME, nextToken=newest["nextToken"], startTime=1)

    # What arrives while somebody pages is found behind the token.
    half = logs.filter_log_events(logGroupName=NAME, limit=99)
    logs.put_log_events(logGroupName=NAME, logStreamName="one", logEvents=[{"timestamp": NOW, "message": "late"}])
    rest = logs.filter_log_events(logGroupName=NAME, nextToken=half["nextToken"])
    equal([event["message"] for event in rest["events"]], ["two 49", "late"], "a new event is readable at once")
    for name in ("one", "two"):
        logs.delete_log_stream(logGroupName=NAME, logStreamName=name)
    print("ok FilterLogEvents")


def patterns():
    texts = [
        "[ERROR] Failed to process the request",
        "WARN ERROR 401 \"denied\"",
        "INFO all good",
        '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534',
        '{"level": "ERROR", "latency": 512.5, "user": {"id": 7}, "tags": ["a", "b"], "ok": true, "gone": null}',
        '{"level": "INFO", "latency": 3, "ok": false}',
    ]
    logs.create_log_stream(logGroupName=NAME, logStreamName="patterns")
    logs.put_log_events(logGroupName=NAME, logStreamName="patterns", logEvents=[
        {"timestamp": NOW + at, "message": text} for at, text in enumerate(texts)])
    for pattern, want in {
        "": [0, 1, 2, 3, 4, 5],
        "ERROR": [0, 1, 4],
        "ERROR Failed": [0],
        "ERROR -WARN": [0, 4],
        '"ERROR 401"': [1],
        '-"ERROR"': [2, 3, 5],
        "?WARN ?good": [1, 2],
        "?WARN good": [2],
        "%ERR.R$%": [],
        "%[0-9]{3}%": [1, 3, 4],
        "[ip, id, user, time, request = *html*, status = 4*, size > 1000]": [3],
        "[..., status != 404, size]": [0, 1, 2, 4, 5],
        '{ $.level = "ERROR" }': [4],
        '{ $.level = "E*" || $.latency < 4 }': [4, 5],
        "{ $.user.id = 7 && ($.ok IS TRUE) }": [4],
        "{ $.tags[1] = b }": [4],
        "{ $.gone IS NULL }": [4],
        "{ $.user NOT EXISTS }": [5],
        "{ $.level = %^I% }": [5],
    }.items():
        equal(messages(pattern, logStreamNames=["patterns"]), [texts[at] for at in want], f"the pattern {pattern}")
    for pattern in ("a@b", "(x)", '"open', "{ $.a = 1", "{ a = 1 }", "[a, b", "%(a)%", "{ $.a > b }"):
        refused("InvalidParameterException", logs.filter_log_events, logGroupName=NAME, filterPattern=pattern)
    logs.delete_log_stream(logGroupName=NAME, logStreamName="patterns")
    print("ok filter patterns")


def many():
    stream = dict(logGroupName=NAME, logStreamName="many")
    logs.create_log_stream(**stream)
    for batch in range(6):
        logs.put_log_events(logEvents=[
            {"timestamp": NOW + batch, "message": f"{batch * 10_000 + at}" + (" needle" if at == 9_999 else "")}
            for at in range(10_000)], **stream)
    equal([text.split()[0] for text in messages("needle")], [str(9_999 + 10_000 * at) for at in range(6)], "needles in a haystack")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=NAME)
    sizes = [(len(page["events"]), sum(len(event["message"]) + 26 for event in page["events"])) for page in pages]
    equal(sum(count for count, _ in sizes), 60_000, "every event once")
    check(all(count <= 10_000 and size <= 1 << 20 for count, size in sizes), "pages are at most 10,000 events and 1 MB")
    print("ok 60,000 events")


groups()
paging()
streams()
put_rules()
reading()
filtering()
patterns()
many()
for operation in (lambda: logs.describe_export_tasks(), lambda: logs.start_query(
        logGroupName=NAME, startTime=0, endTime=1, queryString="fields @message")):
    try:
        operation()
    except ClientError as error:
        check("not supported by the local cloud" in error.response["Error"]["Message"], "what is not supported says so")
    else:
        sys.exit("logs: an operation that is not supported was answered")
logs.delete_log_group(logGroupName=NAME)
print("ok the rest is refused")
