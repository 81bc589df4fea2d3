"""What buckets tell functions and queues, through boto3: python s3_notifications.py http://127.0.0.1:PORT"""

import json

from botocore.exceptions import ClientError
from lambda_kit import ROLES, client, create, equal, holds, iam, log_lines, name, refused, until

s3, sqs, lam = client("s3"), client("sqs"), client("lambda")
BUCKET = name("told")
SOURCE = f"arn:aws:s3:::{BUCKET}"
s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def queue(suffix, **attributes):
    url = sqs.create_queue(QueueName=name(suffix), Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def take(url):
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def put(**configuration):
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)


def receiver(kind, arn, *events, **filters):
    rules = [{"Name": name, "Value": value} for name, value in filters.items() if name != "Id"]
    entry = {kind: arn, "Events": list(events)}
    if rules:
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    if "Id" in filters:
        entry["Id"] = filters["Id"]
    return entry


def told(*entries):
    return {"QueueConfigurations": list(entries)}


def events(url):
    return [(record["eventName"], record["s3"]["object"]["key"]) for body in take(url) for record in body["Records"]]


url, arn = queue("told")
CREATED, REMOVED = "s3:ObjectCreated:*", "s3:ObjectRemoved:*"

# What is set is shown, with an id where none was given, and a queue hears of it.
put(**told(receiver("QueueArn", arn, CREATED, prefix="in/", suffix=".jpg"), receiver("QueueArn", arn, REMOVED, Id="gone")))
(first, second) = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
holds("an id", first["Id"] and second["Id"] == "gone")
equal("the filter", first["Filter"]["Key"]["FilterRules"], [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".jpg"}])
tests = take(url)
equal("tests", [(it["Service"], it["Event"], it["Bucket"]) for it in tests], [("Amazon S3", "s3:TestEvent", BUCKET)] * 2)

# One record for an event, with what AWS says of the object; keys come as in a form.
answer = s3.put_object(Bucket=BUCKET, Key="in/my photo (ü).jpg", Body=b"12345")
for key in ["out/a.jpg", "in/a.png"]:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
(body,) = take(url)
(record,) = body["Records"]
equal("the record", [record["eventVersion"].split(".")[0], record["eventSource"], record["awsRegion"], record["eventName"]],
      ["2", "aws:s3", "eu-west-1", "ObjectCreated:Put"])
about = record["s3"]
equal("the bucket", [about["bucket"]["name"], about["bucket"]["arn"], about["configurationId"]], [BUCKET, SOURCE, first["Id"]])
equal("the object", {key: about["object"][key] for key in ("key", "size", "eTag")},
      {"key": "in/my+photo+%28%C3%BC%29.jpg", "size": 5, "eTag": answer["ETag"].strip('"')})
equal("the request", record["responseElements"]["x-amz-request-id"], answer["ResponseMetadata"]["RequestId"])
last = about["object"]["sequencer"]

# Each way to make an object has its name, and a later event a greater sequencer.
s3.copy_object(Bucket=BUCKET, Key="in/copy.jpg", CopySource={"Bucket": BUCKET, "Key": "out/a.jpg"})
upload = s3.create_multipart_upload(Bucket=BUCKET, Key="in/large.jpg")["UploadId"]
part = s3.upload_part(Bucket=BUCKET, Key="in/large.jpg", UploadId=upload, PartNumber=1, Body=b"part")
equal("a part is nothing yet", events(url), [("ObjectCreated:Copy", "in/copy.jpg")])
s3.complete_multipart_upload(Bucket=BUCKET, Key="in/large.jpg", UploadId=upload,
                             MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
s3.put_object(Bucket=BUCKET, Key="in/my photo (ü).jpg", Body=b"1234567")
found = {record["eventName"]: record["s3"]["object"] for body in take(url) for record in body["Records"]}
equal("the names", sorted(found), ["ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Put"])
equal("the large one", [found["ObjectCreated:CompleteMultipartUpload"][key] for key in ("key", "size")], ["in/large.jpg", 4])
holds("order", found["ObjectCreated:Put"]["sequencer"].zfill(30) > last.zfill(30))

# What goes: one by one and many at once, but not what was never there.
s3.delete_object(Bucket=BUCKET, Key="in/copy.jpg")
s3.delete_object(Bucket=BUCKET, Key="in/nothing.jpg")
s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "in/large.jpg"}, {"Key": "in/nothing.jpg"}]})
equal("what is gone", sorted(events(url)), [("ObjectRemoved:Delete", "in/copy.jpg"), ("ObjectRemoved:Delete", "in/large.jpg")])

# Tags, when somebody wants to hear of them; what fails tells nobody.
put(**told(receiver("QueueArn", arn, "s3:ObjectTagging:*", "s3:ObjectCreated:Put")))
take(url)
s3.put_object_tagging(Bucket=BUCKET, Key="out/a.jpg", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
s3.delete_object_tagging(Bucket=BUCKET, Key="out/a.jpg")
refused("PreconditionFailed", "PreconditionFailed", "", s3.put_object, Bucket=BUCKET, Key="out/a.jpg", Body=b"", IfNoneMatch="*")
equal("tags", sorted(events(url)), [("ObjectTagging:Delete", "out/a.jpg"), ("ObjectTagging:Put", "out/a.jpg")])

# A function has to let the bucket in, and gets no test.
create("heard", {"app.py": "def handler(event, context):\n    print('heard', event['Records'][0]['s3']['object']['key'])\n"})
function = lam.get_function(FunctionName=name("heard"))["Configuration"]["FunctionArn"]
calls = {"LambdaFunctionConfigurations": [receiver("LambdaFunctionArn", function, CREATED)]}
validate = "Unable to validate the following destination configurations"
refused("not let in", "InvalidArgument", validate, put, **calls)
lam.add_permission(FunctionName=name("heard"), StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
                   SourceArn=SOURCE, SourceAccount="000000000000")
put(**calls)
s3.put_object(Bucket=BUCKET, Key="in/b c.jpg", Body=b"")


def heard():
    try:
        return any("heard in/b+c.jpg" in line for line in log_lines(name("heard")))
    except ClientError:
        # The log begins with the first call.
        return False


until("the function to hear", heard, 60)
lines = log_lines(name("heard"))
holds("no test event", not any("TestEvent" in line or "KeyError" in line for line in lines))

# What AWS refuses.
other = receiver("QueueArn", arn, CREATED)
bad = [
    ("overlap", "cannot share a common event type", told(other, receiver("QueueArn", arn, "s3:ObjectCreated:Put"))),
    ("ambiguous", "ambiguously defined", told(receiver("QueueArn", arn, CREATED, prefix="in/"),
                                              receiver("QueueArn", arn, CREATED, prefix="in/a/", suffix=".jpg"))),
    ("no event", "not supported for notifications", told(receiver("QueueArn", arn, "s3:ObjectCreated:Got"))),
    ("no queue", validate, told(receiver("QueueArn", arn + "x", CREATED))),
    ("another region", "not valid for the bucket location constraint",
     told(receiver("QueueArn", arn.replace("eu-west-1", "eu-west-2"), CREATED))),
    ("another service", "could not be parsed", told(receiver("QueueArn", function, CREATED))),
    ("two of an id", "IDs must be unique", told(receiver("QueueArn", arn, CREATED, Id="a"), receiver("QueueArn", arn, REMOVED, Id="a"))),
    ("a filter", "prefix or suffix", told(receiver("QueueArn", arn, CREATED, infix="a"))),
]
for what, words, configuration in bad:
    refused(what, "InvalidArgument", words, put, **configuration)
_, fifo = queue("told.fifo", FifoQueue="true")
refused("FIFO", "InvalidArgument", validate, put, **told(receiver("QueueArn", fifo, CREATED)))
equal("nothing of it was kept", len(s3.get_bucket_notification_configuration(Bucket=BUCKET)["LambdaFunctionConfigurations"]), 1)

# Unasked it is taken; and off again.
s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=told(receiver("QueueArn", arn + "x", CREATED)),
                                         SkipDestinationValidation=True)
put()
holds("off", "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET))

# The default bus hears of everything, without a filter, beside those who asked for some of it.
events_api = client("events")
rule, url2 = name("told"), queue("bus")
events_api.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [BUCKET]}}}))
events_api.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": url2[1]}])
s3.put_object(Bucket=BUCKET, Key="nobody hears", Body=b"")
put(EventBridgeConfiguration={}, **told(receiver("QueueArn", arn, REMOVED)))
kept = s3.get_bucket_notification_configuration(Bucket=BUCKET)
holds("it is on", kept["EventBridgeConfiguration"] == {} and len(kept["QueueConfigurations"]) == 1)
take(url)
answer = s3.put_object(Bucket=BUCKET, Key="in/my photo (ü).jpg", Body=b"12345")
s3.put_object_tagging(Bucket=BUCKET, Key="in/my photo (ü).jpg", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
s3.copy_object(Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": "in/my photo (ü).jpg"})
s3.delete_object(Bucket=BUCKET, Key="copied")
on_bus = []
until("the bus", lambda: on_bus.extend(take(url2[0])) or len(on_bus) == 4)
found = {(it["detail-type"], it["detail"].get("reason"), it["detail"].get("deletion-type")): it for it in on_bus}
equal("what happened", sorted(found, key=str), sorted([
    ("Object Created", "PutObject", None), ("Object Tags Added", None, None), ("Object Created", "CopyObject", None),
    ("Object Deleted", "DeleteObject", "Permanently Deleted")], key=str))
event = found["Object Created", "PutObject", None]
equal("the event", [event[it] for it in ("source", "account", "region", "resources", "version")],
      ["aws.s3", "000000000000", "eu-west-1", [SOURCE], "0"])
detail = event["detail"]
sequencer = detail["object"].pop("sequencer")
equal("the object", detail["object"], {"key": "in/my photo (ü).jpg", "size": 5, "etag": answer["ETag"].strip('"')})
equal("about it", [detail["bucket"], detail["requester"], detail["source-ip-address"], detail["request-id"]],
      [{"name": BUCKET}, "000000000000", "127.0.0.1", answer["ResponseMetadata"]["RequestId"]])
holds("order", sequencer == sequencer.lower() and sequencer < found["Object Created", "CopyObject", None]["detail"]["object"]["sequencer"])
equal("and the queue as ever", events(url), [("ObjectRemoved:Delete", "copied")])
put()
holds("off", "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=BUCKET))
s3.put_object(Bucket=BUCKET, Key="nobody hears", Body=b"")
equal("silence", take(url2[0]), [])
events_api.remove_targets(Rule=rule, Ids=["queue"])
events_api.delete_rule(Name=rule)

# CORS rules are kept.
refused("none", "NoSuchCORSConfiguration", "does not exist", s3.get_bucket_cors, Bucket=BUCKET)
rule = {"AllowedOrigins": ["https://*.shop.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"], "MaxAgeSeconds": 60}
s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
equal("cors", s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"], [rule])
refused("a method", "InvalidRequest", "Unsupported method is PATCH", s3.put_bucket_cors, Bucket=BUCKET,
        CORSConfiguration={"CORSRules": [{**rule, "AllowedMethods": ["PATCH"]}]})
s3.delete_bucket_cors(Bucket=BUCKET)

for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
    for entry in page.get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
s3.delete_bucket(Bucket=BUCKET)
for suffix in ("told", "told.fifo", "bus"):
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name(suffix))["QueueUrl"])
lam.delete_function(FunctionName=name("heard"))
for role in ROLES:
    iam.delete_role(RoleName=role)
