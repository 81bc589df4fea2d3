"""Event source mappings of Lambda through boto3, with SQS as the source: python mappings.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import json
import uuid

from lambda_kit import REGION, equal, holds, lam, make_role, name, refused, until
from mappings_kit import arn, bodies, clean_up, connect, counts, disconnect, events, mappings, queue, seen, send, sqs, state, worker

ACCOUNT = "000000000000"
INVALID = "InvalidParameterValueException"


def control_plane():
    function, url = worker("control"), queue("control")
    lam.publish_version(FunctionName=function)
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    live = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live"
    shown = lam.create_event_source_mapping(EventSourceArn=arn(url), FunctionName=f"{function}:live", Tags={"rzap:app": "a"})
    mappings.append(shown["UUID"])
    settled = until("enabled", lambda: state(shown) == "Enabled" and lam.get_event_source_mapping(UUID=shown["UUID"]))
    wanted = {"UUID": shown["UUID"], "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": arn(url),
              "FunctionArn": live, "FunctionResponseTypes": [], "StateTransitionReason": "USER_INITIATED",
              "EventSourceMappingArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{shown['UUID']}"}
    for what, found, its_state in [("created", shown, "Creating"), ("settled", settled, "Enabled")]:
        equal(what, {key: value for key, value in found.items() if key not in ("ResponseMetadata", "LastModified")},
              {**wanted, "State": its_state})
    equal("status", shown["ResponseMetadata"]["HTTPStatusCode"], 202)
    # Every way of naming it means the same mapping.
    for named in (f"{function}:live", f"{ACCOUNT}:function:{function}:live", live):
        refused(named, "ResourceConflictException", f"already exists. Please update or delete the existing mapping with UUID {shown['UUID']}",
                lam.create_event_source_mapping, EventSourceArn=arn(url), FunctionName=named)
        listed = lam.list_event_source_mappings(FunctionName=named, EventSourceArn=arn(url))["EventSourceMappings"]
        equal("listed", [item["UUID"] for item in listed], [shown["UUID"]])
    equal("not of the function itself", lam.list_event_source_mappings(FunctionName=function)["EventSourceMappings"], [])
    changed = lam.update_event_source_mapping(
        UUID=shown["UUID"], Enabled=False, MaximumBatchingWindowInSeconds=3, BatchSize=100,
        ScalingConfig={"MaximumConcurrency": 2}, FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]})
    equal("disabling", changed["State"], "Disabling")
    until("disabled", lambda: state(shown) == "Disabled")
    found = lam.get_event_source_mapping(UUID=shown["UUID"])
    equal("changed", {key: found[key] for key in ("BatchSize", "MaximumBatchingWindowInSeconds", "ScalingConfig", "FunctionResponseTypes", "FilterCriteria")},
          {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 3, "ScalingConfig": {"MaximumConcurrency": 2},
           "FunctionResponseTypes": ["ReportBatchItemFailures"], "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}})
    lam.update_event_source_mapping(UUID=shown["UUID"], ScalingConfig={}, FunctionResponseTypes=[], FilterCriteria={}, FunctionName=function)
    until("updated", lambda: state(shown) == "Disabled")
    found = lam.get_event_source_mapping(UUID=shown["UUID"])
    equal("taken away", (found.get("ScalingConfig"), found.get("FilterCriteria"), found["FunctionResponseTypes"], found["BatchSize"]), (None, None, [], 100))
    equal("another function", found["FunctionArn"], live.removesuffix(":live"))
    tagged = shown["EventSourceMappingArn"]
    lam.tag_resource(Resource=tagged, Tags={"x": "y"})
    lam.untag_resource(Resource=tagged, TagKeys=["rzap:app"])
    equal("tags", lam.list_tags(Resource=tagged)["Tags"], {"x": "y"})
    disconnect(shown)
    refused("gone", "ResourceNotFoundException", "The resource you requested does not exist.", lam.get_event_source_mapping, UUID=shown["UUID"])
    refused("its tags", "ResourceNotFoundException", "Event source mapping not found", lam.list_tags, Resource=tagged)


def what_is_refused():
    function, url = name("control"), queue("refusals")
    fifo = queue("refusals.fifo")
    powerless = worker("powerless")
    lam.update_function_configuration(FunctionName=powerless, Role=make_role("powerless", "lambda.amazonaws.com"))
    slow = queue("slow", VisibilityTimeout="2")
    pattern = lambda text: {"FilterCriteria": {"Filters": [{"Pattern": text}]}}
    for what, code, words, more in [
        ("no source", INVALID, "Unrecognized event source.", {"EventSourceArn": None}),
        ("function", INVALID, "Function does not exist", {"FunctionName": name("absent")}),
        ("alias", INVALID, "Function does not exist", {"FunctionName": function + ":absent"}),
        ("queue", INVALID, "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.", {"EventSourceArn": arn(url) + "-absent"}),
        ("arn", "ValidationException", "'eventSourceArn'", {"EventSourceArn": "queue"}),
        ("rights", INVALID, "does not have permissions to call ReceiveMessage on SQS", {"FunctionName": powerless}),
        ("time", INVALID, "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds", {"EventSourceArn": arn(slow)}),
        ("batch", "ValidationException", "'batchSize'", {"BatchSize": 10001}),
        ("batch without window", INVALID, "Maximum batch window in seconds must be greater than 0", {"BatchSize": 11}),
        ("window", "ValidationException", "'maximumBatchingWindowInSeconds'", {"MaximumBatchingWindowInSeconds": 301}),
        ("fifo window", INVALID, "Batching window is not supported for FIFO queues", {"EventSourceArn": arn(fifo), "MaximumBatchingWindowInSeconds": 1}),
        ("concurrency", "ValidationException", "'scalingConfig.maximumConcurrency'", {"ScalingConfig": {"MaximumConcurrency": 1001}}),
        ("response", "ValidationException", "'functionResponseTypes'", {"FunctionResponseTypes": ["All"]}),
        ("filter", INVALID, "Invalid filter pattern definition.", pattern("text")),
        ("filter value", INVALID, "Invalid filter pattern definition.", pattern('{"body": "x"}')),
        ("destination", INVALID, "Unsupported DestinationConfig parameter for given event source mapping type.",
         {"DestinationConfig": {"OnFailure": {"Destination": arn(url)}}}),
        ("position", INVALID, "Unsupported StartingPosition", {"StartingPosition": "LATEST"}),
        ("stream without position", INVALID, "Value null at 'startingPosition'", {"EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/x"}),
        ("stream", INVALID, "",
         {"EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/x", "StartingPosition": "LATEST"}),
        ("Kafka", "NotImplemented", "Topics", {"Topics": ["topic"]}),
    ]:
        asked = {"FunctionName": function, "EventSourceArn": arn(url), **more}
        refused(what, code, words, lam.create_event_source_mapping, **{key: value for key, value in asked.items() if value is not None})
    absent = str(uuid.uuid4())
    for call in (lam.get_event_source_mapping, lam.update_event_source_mapping, lam.delete_event_source_mapping):
        refused("absent", "ResourceNotFoundException", "does not exist", call, UUID=absent)
    equal("nothing was made", lam.list_event_source_mappings(FunctionName=function)["EventSourceMappings"], [])


def the_event():
    function, url = worker("event"), queue("event")
    lam.publish_version(FunctionName=function)
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    own = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes=own)
    mapping = connect(url, f"{function}:live")
    (found,) = until("the event", lambda: events(function))
    equal("the alias is called", found["arn"].rsplit(":", 1)[1], "live")
    (record,) = found["records"]
    system = record.pop("attributes")
    holds("a handle", len(record.pop("receiptHandle")) > 20)
    lists = {"stringListValues": [], "binaryListValues": []}
    equal("record", record, {
        "messageId": sent["MessageId"], "body": "héllo", "md5OfBody": sent["MD5OfMessageBody"],
        "messageAttributes": {"n": {"stringValue": "1", "dataType": "Number", **lists}, "b": {"binaryValue": "AA==", "dataType": "Binary", **lists}},
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"], "eventSource": "aws:sqs", "eventSourceARN": arn(url), "awsRegion": REGION})
    equal("system attributes", (sorted(system), system["ApproximateReceiveCount"]),
          (["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"], "1"))
    until("it is deleted", lambda: counts(url) == (0, 0, 0))
    # Disabled: nothing is taken any more, and nothing is lost.
    lam.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    until("disabled", lambda: state(mapping) == "Disabled")
    send(url, "kept")
    equal("it stays", bodies(url, wait=1), ["kept"])
    disconnect(mapping)


def filtered():
    function, url = worker("filtered"), queue("filtered")
    patterns = [{"body": {"kind": [{"prefix": "a"}]}}, {"body": ["plain"]}]
    mapping = connect(url, function, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]})
    send(url, '{"kind": "ab"}', '{"kind": "b"}', "plain", "other", '{"other": 1}')
    until("all are dealt with", lambda: counts(url) == (0, 0, 0))
    equal("two of five", sorted(seen(function)), ["plain", '{"kind": "ab"}'])
    disconnect(mapping)


for topic in [control_plane, what_is_refused, the_event, filtered, clean_up]:
    topic()
    print(f"mappings: {topic.__name__.replace('_', ' ')}")
