"""What the scenarios of event source mappings are written with: queues, mappings, and a function that does as told."""

import json

from lambda_kit import ROLE, ROLES, client, create, equal, holds, iam, lam, log_lines, logs, made, name, until

sqs = client("sqs")
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
         "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"]}]}
iam.put_role_policy(RoleName=ROLE.split("/")[1], PolicyName="queues", PolicyDocument=json.dumps(ALLOW))
# Says what it was called with, and does what the messages ask for.
WORKER = """
import json, os, time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print('EVENT ' + json.dumps({'records': event['Records'], 'arn': context.invoked_function_arn}), flush=True)
    failed = []
    for record in event['Records']:
        body = record['body']
        if body == 'raise':
            raise ValueError('as asked')
        if body == 'die' and record['attributes']['ApproximateReceiveCount'] == '1':
            os._exit(1)
        if body.startswith('wait '):
            time.sleep(float(body.split()[1]))
        if body.startswith('fail'):
            failed.append({'itemIdentifier': record['messageId']})
        if body == 'nonsense':
            return {'batchItemFailures': [{'foo': 'bar'}]}
    return {'batchItemFailures': failed}
"""
urls = []
mappings = []


def queue(suffix, **attributes):
    more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if suffix.endswith(".fifo") else {}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    url = sqs.create_queue(QueueName=name(suffix), Attributes={**more, **texts})["QueueUrl"]
    urls.append(url)
    return url


def arn(url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def counts(url):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return tuple(int(found["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))


def send(url, *bodies, **more):
    for start in range(0, len(bodies), 10):
        sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(at), "MessageBody": body, **more} for at, body in enumerate(bodies[start:start + 10])])


def bodies(url, wait=0):
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait).get("Messages", [])
    return [message["Body"] for message in found]


def state(mapping):
    return lam.get_event_source_mapping(UUID=mapping["UUID"])["State"]


def connect(url, function, **more):
    mapping = lam.create_event_source_mapping(EventSourceArn=arn(url), FunctionName=function, **more)
    mappings.append(mapping["UUID"])
    if more.get("Enabled", True):
        until("enabled", lambda: state(mapping) == "Enabled")
    return mapping


def disconnect(mapping):
    lam.delete_event_source_mapping(UUID=mapping["UUID"])

    def gone():
        try:
            holds("deleting", state(mapping) == "Deleting")
        except lam.exceptions.ResourceNotFoundException:
            return True

    until("the mapping goes", gone)
    mappings.remove(mapping["UUID"])


def worker(suffix, **more):
    create(suffix, {"app.py": WORKER}, Timeout=3, **more)
    return name(suffix)


def events(function):
    try:
        lines = log_lines(function)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(line[6:]) for line in lines if line.startswith("EVENT ")]


def batches(function):
    return [[record["body"] for record in event["records"]] for event in events(function)]


def seen(function):
    return [body for batch in batches(function) for body in batch]


def clean_up():
    equal("no mapping is left", mappings, [])
    for function in made:
        lam.delete_function(FunctionName=function)
    for url in set(urls):
        sqs.delete_queue(QueueUrl=url)
    iam.delete_role_policy(RoleName=ROLE.split("/")[1], PolicyName="queues")
    for role in ROLES:
        iam.delete_role(RoleName=role)
