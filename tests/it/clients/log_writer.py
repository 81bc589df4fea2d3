"""Writes events to log groups while somebody follows them: python log_writer.py ENDPOINT COUNT SECONDS GROUP…

COUNT events per group, each saying `GROUP NUMBER`, in five streams, spread over about SECONDS. Most are late by up to
eight seconds, a few by a minute. At the end, `GROUP done`.
"""

import random
import sys
import time

import boto3
from botocore.config import Config

ENDPOINT, COUNT, SECONDS, GROUPS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
logs = boto3.client("logs", endpoint_url=ENDPOINT, region_name="eu-west-1", aws_access_key_id="test",
                    aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
BATCH = max(1, min(1000, COUNT // 20))
chance = random.Random(7)


def write(group, stream, messages, late):
    """In time order, as PutLogEvents wants it; some at the same millisecond."""
    now = int(time.time() * 1000) - late
    times = sorted(now - chance.randrange(50) for _ in messages)
    logs.put_log_events(logGroupName=group, logStreamName=stream,
                        logEvents=[{"timestamp": at, "message": message} for at, message in zip(times, messages)])


for group in GROUPS:
    for stream in range(5):
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=f"s{stream}")
        except logs.exceptions.ResourceAlreadyExistsException:
            pass
began = time.monotonic()
for start in range(0, COUNT, BATCH):
    for group in GROUPS:
        late = chance.choice([0, 0, chance.randrange(2_000), chance.randrange(8_000)])
        late = 60_000 if start == BATCH else late
        write(group, f"s{chance.randrange(5)}", [f"{group} {number}" for number in range(start, min(start + BATCH, COUNT))], late)
    time.sleep(max(0, began + SECONDS * (start + BATCH) / COUNT - time.monotonic()))
for group in GROUPS:
    write(group, "s0", [f"{group} done"], 0)
