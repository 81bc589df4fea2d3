"""Queues that call functions which fail, wait and are throttled: python mappings_running.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

from collections import Counter

from lambda_kit import equal, holds, lam, until
from mappings_kit import arn, batches, bodies, clean_up, connect, counts, disconnect, events, queue, seen, send, sqs, state, worker


def failures():
    function = worker("failures")
    dead = queue("dead")
    # Its process is there: a slow start would look like another failure.
    lam.invoke(FunctionName=function, Payload=b'{"Records": []}')
    url = queue("failing", VisibilityTimeout="4", RedrivePolicy={"deadLetterTargetArn": arn(dead), "maxReceiveCount": 2})
    mapping = connect(url, function, FunctionResponseTypes=["ReportBatchItemFailures"])
    send(url, "good 1", "fail 1", "good 2", "fail 2")
    found = lambda: Counter(seen(function))
    until("what has failed comes back", lambda: found()["fail 1"] >= 2 and found()["fail 2"] >= 2)
    until("and then goes to the dead", lambda: counts(dead)[0] == 2)
    equal("the rest does not", (found()["good 1"], found()["good 2"]), (1, 1))
    equal("its queue is empty", counts(url), (0, 0, 0))
    # An error, an answer that says nothing, and a process that dies fail a batch as a whole.
    lam.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=1)
    until("updated", lambda: state(mapping) == "Enabled")
    send(url, "raise", "nonsense", "die")
    until("each twice", lambda: all(found()[body] >= 2 for body in ("raise", "nonsense", "die")))
    until("two of them are dead", lambda: counts(dead)[0] == 4)
    until("the third was done the second time", lambda: counts(url) == (0, 0, 0))
    equal("the dead", sorted(bodies(dead)), ["fail 1", "fail 2", "nonsense", "raise"])
    disconnect(mapping)


def windows_and_limits():
    function, url = worker("window"), queue("window")
    mapping = connect(url, function, BatchSize=50, MaximumBatchingWindowInSeconds=20)
    # More than one receive gives: the batch is full long before the window closes.
    send(url, *[f"m{number}" for number in range(50)])
    until("one batch", lambda: batches(function))
    equal("of fifty", [len(batch) for batch in batches(function)], [50])
    lam.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=1)
    until("updated", lambda: state(mapping) == "Enabled")
    send(url, "few")
    until("a window that closes", lambda: ["few"] in batches(function))
    disconnect(mapping)
    # A function without any room: its messages wait and are delivered later.
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    mapping = connect(url, function)
    send(url, "throttled")
    until("it is tried", lambda: counts(url) == (0, 1, 0))
    equal("in vain", "throttled" in seen(function), False)
    lam.delete_function_concurrency(FunctionName=function)
    until("and then not", lambda: "throttled" in seen(function))
    # A deletion waits for what is under way.
    until("done", lambda: counts(url) == (0, 0, 0))
    send(url, "wait 1")
    until("it runs", lambda: "wait 1" in seen(function))
    disconnect(mapping)
    equal("it was done", counts(url), (0, 0, 0))


def fifo():
    function = worker("ordered")
    url = queue("ordered.fifo")
    for number in range(20):
        for group in "abc":
            sqs.send_message(QueueUrl=url, MessageBody=f"{group}{number}", MessageGroupId=group)
    mapping = connect(url, function, BatchSize=4)
    until("all are done", lambda: counts(url) == (0, 0, 0), 60)
    found = seen(function)
    equal("each once", len(found), 60)
    for group in "abc":
        equal(f"{group} in order", [body for body in found if body[0] == group], [f"{group}{number}" for number in range(20)])
    (record,) = [record for event in events(function) for record in event["records"] if record["body"] == "a0"]
    equal("its group", record["attributes"]["MessageGroupId"], "a")
    holds("its number", len(record["attributes"]["SequenceNumber"]) == 20)
    disconnect(mapping)


for topic in [failures, windows_and_limits, fifo, clean_up]:
    topic()
    print(f"mappings: {topic.__name__.replace('_', ' ')}")
