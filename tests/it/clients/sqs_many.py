"""A queue with ten thousand messages, through boto3: python sqs_many.py http://127.0.0.1:PORT

More than anybody looks at one by one: each comes out once, and no step gets slow.
"""

from lambda_kit import ROLES, client, equal, iam, name

sqs = client("sqs")
url = sqs.create_queue(QueueName=name("many"), Attributes={"VisibilityTimeout": "600"})["QueueUrl"]


def counts():
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return tuple(int(found["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))


for start in range(0, 10_000, 10):
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(at), "MessageBody": str(start + at)} for at in range(10)])
equal("all there", counts(), (10_000, 0, 0))
seen = set()
while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
    seen.update(message["Body"] for message in messages)
    handles = [{"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(messages)]
    sqs.delete_message_batch(QueueUrl=url, Entries=handles)
equal("each once", (len(seen), counts()), (10_000, (0, 0, 0)))
sqs.delete_queue(QueueUrl=url)
for role in ROLES:
    iam.delete_role(RoleName=role)
