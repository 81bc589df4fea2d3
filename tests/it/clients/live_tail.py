"""StartLiveTail through boto3, against the local cloud: python live_tail.py http://127.0.0.1:PORT"""

import socket
import sys
import time

import boto3
from botocore.config import Config
from lambda_kit import ENDPOINT, equal, holds, logs, name, refused

GROUPS = ["/test/" + name(part) for part in ("one", "two")]
for group in GROUPS:
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.create_log_stream(logGroupName=group, logStreamName="t")
ARNS = [found["logGroupArn"] for group in GROUPS for found in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]]


def client(endpoint, **config):
    return boto3.client("logs", region_name="eu-west-1", endpoint_url=endpoint, aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}, **config))


plain = client(ENDPOINT, inject_host_prefix=False)


def write(group, stream, *messages):
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName=stream,
                        logEvents=[{"timestamp": now, "message": message} for message in messages])


def begin(through=plain, **arguments):
    answer = through.start_live_tail(logGroupIdentifiers=arguments.pop("groups", ARNS), **arguments)
    updates = iter(answer["responseStream"])
    return answer["responseStream"], updates, next(updates)["sessionStart"]


def until(updates, count):
    """Updates until there were so many events: the events, and whether any was a sample."""
    events, sampled = [], False
    for _ in range(20):
        update = next(updates)["sessionUpdate"]
        holds("an update has at most 500", len(update["sessionResults"]) <= 500)
        events += update["sessionResults"]
        sampled |= update["sessionMetadata"]["sampled"]
        if len(events) >= count:
            return events, sampled
    sys.exit(f"live tail: {len(events)} of {count} events came")


write(GROUPS[0], "s", "before the session")
stream, updates, start = begin()
equal("groups", start["logGroupIdentifiers"], ARNS)
holds("ids", start["sessionId"] and start["requestId"])
equal("quiet", next(updates)["sessionUpdate"], {"sessionMetadata": {"sampled": False}, "sessionResults": []})
write(GROUPS[0], "s", "first")
write(GROUPS[1], "t", "second")
events, sampled = until(updates, 2)
equal("messages", [event["message"] for event in events], ["first", "second"])
equal("streams", [event["logStreamName"] for event in events], ["s", "t"])
holds("groups of events", all(event["logGroupIdentifier"].endswith(group) for event, group in zip(events, GROUPS)))
holds("times", all(0 < event["timestamp"] <= event["ingestionTime"] for event in events))

# More than an update holds.
write(GROUPS[0], "s", *[f"event {number}" for number in range(2000)])
events, sampled = until(updates, 500)
equal("sample", (len(events), sampled), (500, True))
holds("no event twice", len({event["message"] for event in events}) == 500)
stream.close()

stream, updates, start = begin(groups=ARNS[:1], logEventFilterPattern="ERROR", logStreamNames=["t"])
equal("pattern", start["logEventFilterPattern"], "ERROR")
write(GROUPS[0], "t", "fine", "ERROR yes")
write(GROUPS[0], "s", "ERROR elsewhere")
events, _ = until(updates, 1)
equal("filtered", [event["message"] for event in events], ["ERROR yes"])
stream.close()

# The SDKs put a prefix before the host, which has to lead here, too.
resolve = socket.getaddrinfo
for prefix in ("stream-", "streaming-"):
    def to_loopback(host, *rest, **more):
        return resolve("127.0.0.1" if host.startswith("stream") else host, *rest, **more)
    socket.getaddrinfo = to_loopback
    prefixed = client(ENDPOINT.replace("http://", f"http://{prefix}"), inject_host_prefix=False)
    stream, updates, start = begin(prefixed)
    stream.close()
socket.getaddrinfo = resolve

refused("a name is no ARN", "InvalidParameterException", "ARN", plain.start_live_tail, logGroupIdentifiers=[GROUPS[0]])
refused("absent", "ResourceNotFoundException", "does not exist", plain.start_live_tail,
        logGroupIdentifiers=[ARNS[0] + "-absent"])
refused("too many groups", "InvalidParameterException", "between 1 and 10", plain.start_live_tail,
        logGroupIdentifiers=ARNS[:1] * 11)
refused("pattern", "InvalidParameterException", "", plain.start_live_tail, logGroupIdentifiers=ARNS,
        logEventFilterPattern="{ $.a = }")
refused("streams of two groups", "InvalidParameterException", "one log group", plain.start_live_tail,
        logGroupIdentifiers=ARNS, logStreamNames=["s"])
