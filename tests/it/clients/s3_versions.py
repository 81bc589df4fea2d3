"""Buckets with versions, through boto3: python s3_versions.py http://127.0.0.1:PORT"""

import io
import json

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from lambda_kit import client, equal, holds, name, refused

s3, sqs = client("s3"), client("sqs")
BUCKET = name("versions")
s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def versioning(status):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})
    equal("versioning", s3.get_bucket_versioning(Bucket=BUCKET)["Status"], status)


def put(key, body, **more):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more).get("VersionId")


def get(key, version=None, **more):
    more |= {"VersionId": version} if version else {}
    return s3.get_object(Bucket=BUCKET, Key=key, **more)


def text(key, version=None):
    return get(key, version)["Body"].read().decode()


def listed(**more):
    """Each version as key, id, whether it is the newest, and its size; delete markers have none."""
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, **more):
        found += [(it["Key"], it["VersionId"], it["IsLatest"], it["Size"]) for it in page.get("Versions", [])]
        found += [(it["Key"], it["VersionId"], it["IsLatest"], None) for it in page.get("DeleteMarkers", [])]
    return sorted(found, key=str)


def current():
    return [it["Key"] for it in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


# Before there are versions nothing speaks of them, but `null` is the name of what is there.
equal("no id", put("old", b"before"), None)
holds("no header", "VersionId" not in get("old"))
equal("null", text("old", "null"), "before")
refused("no such version", "NoSuchVersion", "does not exist", s3.get_object, Bucket=BUCKET, Key="old", VersionId="0" * 32)
equal("one version", listed(), [("old", "null", True, 6)])
refused("neither", "IllegalVersioningConfigurationException", "must be specified", s3.put_bucket_versioning, Bucket=BUCKET,
        VersioningConfiguration={})
refused("a second factor", "NotImplemented", "second factor", s3.put_bucket_versioning, Bucket=BUCKET,
        VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})

# What is overwritten stays.
versioning("Enabled")
equal("now it has a name", get("old")["VersionId"], "null")
first, second = put("old", b"one"), put("old", b"second")
holds("two ids", first and second and first != second)
equal("the newest", [text("old"), get("old")["VersionId"], s3.head_object(Bucket=BUCKET, Key="old")["VersionId"]], ["second", second, second])
equal("the others", [text("old", "null"), text("old", first), text("old", second)], ["before", "one", "second"])
equal("a part of one", get("old", first, Range="bytes=1-")["Body"].read(), b"ne")
equal("all", listed(), sorted([("old", "null", False, 6), ("old", first, False, 3), ("old", second, True, 6)]))
equal("one of them is listed", current(), ["old"])
refused("there already", "PreconditionFailed", "pre-conditions", s3.put_object, Bucket=BUCKET, Key="old", Body=b"", IfNoneMatch="*")

# Copies: of a former version, also to bring it back.
copied = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "old", "VersionId": first})
equal("what was copied", [copied["CopySourceVersionId"], text("copy"), get("copy")["VersionId"]], [first, "one", copied["VersionId"]])
back = s3.copy_object(Bucket=BUCKET, Key="old", CopySource={"Bucket": BUCKET, "Key": "old", "VersionId": first})["VersionId"]
equal("brought back", [text("old"), get("old")["VersionId"]], ["one", back])
s3.delete_object(Bucket=BUCKET, Key="old", VersionId=back)
equal("and away again", text("old"), "second")

# In parts.
s3.upload_fileobj(io.BytesIO(b"x" * (6 << 20)), BUCKET, "large", Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
large = s3.head_object(Bucket=BUCKET, Key="large")["VersionId"]
again = s3.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
part = s3.upload_part_copy(Bucket=BUCKET, Key="large", UploadId=again, PartNumber=1,
                           CopySource={"Bucket": BUCKET, "Key": "old", "VersionId": "null"})
equal("the part's source", part["CopySourceVersionId"], "null")
parts = {"Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]}
done = s3.complete_multipart_upload(Bucket=BUCKET, Key="large", UploadId=again, MultipartUpload=parts)["VersionId"]
equal("both", [text("large"), get("large", large)["ContentLength"], get("large")["VersionId"]], ["before", 6 << 20, done])

# Tags are of one version.
s3.put_object_tagging(Bucket=BUCKET, Key="old", VersionId=first, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
tags = s3.get_object_tagging(Bucket=BUCKET, Key="old", VersionId=first)
equal("tags", [tags["VersionId"], tags["TagSet"], s3.get_object_tagging(Bucket=BUCKET, Key="old")["TagSet"]],
      [first, [{"Key": "a", "Value": "b"}], []])
equal("untagged", s3.delete_object_tagging(Bucket=BUCKET, Key="old", VersionId=first)["VersionId"], first)

# A deletion hides; what is hidden is found by its version.
gone = s3.delete_object(Bucket=BUCKET, Key="old")
marker = gone["VersionId"]
holds("a marker", gone["DeleteMarker"] and marker not in (first, second))
error = refused("hidden", "NoSuchKey", "does not exist", s3.get_object, Bucket=BUCKET, Key="old")
equal("it says why", [error["ResponseMetadata"]["HTTPHeaders"].get(it) for it in ("x-amz-delete-marker", "x-amz-version-id")], ["true", marker])
error = refused("the marker", "MethodNotAllowed", "not allowed", s3.get_object, Bucket=BUCKET, Key="old", VersionId=marker)
equal("which is one", [error["ResponseMetadata"]["HTTPHeaders"].get(it) for it in ("x-amz-delete-marker", "allow")], ["true", "DELETE"])
refused("no copy of it", "InvalidRequest", "delete marker", s3.copy_object, Bucket=BUCKET, Key="x",
        CopySource={"Bucket": BUCKET, "Key": "old", "VersionId": marker})
refused("no tags", "MethodNotAllowed", "", s3.get_object_tagging, Bucket=BUCKET, Key="old", VersionId=marker)
equal("the one below", text("old", second), "second")
equal("not listed", current(), ["copy", "large"])
equal("but as a version", [it for it in listed(Prefix="old") if it[2]], [("old", marker, True, None)])
refused("not empty", "BucketNotEmpty", "not empty", s3.delete_bucket, Bucket=BUCKET)
put("old", b"third", IfNoneMatch="*")
equal("new above the marker", text("old"), "third")
third = get("old")["VersionId"]

# A version goes for good, and a marker, too; what is not there goes as well.
equal("a version", s3.delete_object(Bucket=BUCKET, Key="old", VersionId=third).get("VersionId"), third)
refused("hidden again", "NoSuchKey", "", s3.get_object, Bucket=BUCKET, Key="old")
gone = s3.delete_object(Bucket=BUCKET, Key="old", VersionId=marker)
equal("the marker itself", [gone.get("DeleteMarker"), gone.get("VersionId")], [True, marker])
equal("it is back", text("old"), "second")
s3.delete_object(Bucket=BUCKET, Key="old", VersionId=marker)
refused("first", "NoSuchVersion", "", s3.get_object, Bucket=BUCKET, Key="old", VersionId=third)
never = s3.delete_object(Bucket=BUCKET, Key="never")
holds("also of what never was", never["DeleteMarker"])

# Many at once.
many = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [
    {"Key": "copy"}, {"Key": "old", "VersionId": first}, {"Key": "never", "VersionId": never["VersionId"]}, {"Key": "large", "VersionId": "no"}]})
holds("no errors", "Errors" not in many)
found = {it["Key"]: it for it in many["Deleted"]}
holds("a marker was made", found["copy"]["DeleteMarker"] and found["copy"]["DeleteMarkerVersionId"] and "VersionId" not in found["copy"])
equal("a version", found["old"], {"Key": "old", "VersionId": first})
equal("a marker went", found["never"], {"Key": "never", "VersionId": never["VersionId"], "DeleteMarker": True,
                                        "DeleteMarkerVersionId": never["VersionId"]})
equal("current", current(), ["large", "old"])

# Suspended: `null` is made and replaced, the others stay.
versioning("Suspended")
equal("null again", put("old", b"null"), "null")
equal("in place of the first one", [text("old"), text("old", "null"), text("old", second)], ["null", "null", "second"])
gone = s3.delete_object(Bucket=BUCKET, Key="old")
equal("a marker null", [gone["DeleteMarker"], gone["VersionId"]], [True, "null"])
equal("in its place", listed(Prefix="old"), sorted([("old", "null", True, None), ("old", second, False, 6)], key=str))
equal("and away", s3.delete_object(Bucket=BUCKET, Key="old", VersionId="null").get("DeleteMarker"), True)
equal("below", text("old"), "second")
versioning("Enabled")

# Pages of any size, also while versions go: the way every tool empties a bucket.
for key in ["p/a", "p/b", "p/q/c"]:
    for number in range(3):
        put(key, str(number))
s3.delete_object(Bucket=BUCKET, Key="p/b")
whole = listed()
for size in (1, 2, 3, 7):
    equal(f"{size} at a time", listed(PaginationConfig={"PageSize": size}), whole)
grouped = s3.list_object_versions(Bucket=BUCKET, Prefix="p/", Delimiter="/")
equal("grouped", [[it["Prefix"] for it in grouped["CommonPrefixes"]], len(grouped["Versions"]), len(grouped["DeleteMarkers"])], [["p/q/"], 6, 1])
found = s3.list_object_versions(Bucket=BUCKET, Prefix="p/a")["Versions"]
equal("the newest first", [text("p/a", it["VersionId"]) for it in found], ["2", "1", "0"])
refused("half a marker", "InvalidArgument", "without a key marker", s3.list_object_versions, Bucket=BUCKET, VersionIdMarker="null")

# What is heard of it.
url = sqs.create_queue(QueueName=name("versions"))["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={
    "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
made = put("told", b"1")
hidden = s3.delete_object(Bucket=BUCKET, Key="told")["VersionId"]
s3.delete_object(Bucket=BUCKET, Key="told", VersionId=made)
told = []
while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        told += [(it["eventName"], it["s3"]["object"]["versionId"]) for it in json.loads(message["Body"]).get("Records", [])]
equal("told", sorted(told), sorted([("ObjectCreated:Put", made), ("ObjectRemoved:DeleteMarkerCreated", hidden), ("ObjectRemoved:Delete", made)]))
sqs.delete_queue(QueueUrl=url)

for page in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 4}):
    all_of_it = [{"Key": it["Key"], "VersionId": it["VersionId"]} for it in page.get("Versions", []) + page.get("DeleteMarkers", [])]
    holds("emptied", "Errors" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": all_of_it}))
equal("empty", listed(), [])
s3.delete_bucket(Bucket=BUCKET)
try:
    s3.head_bucket(Bucket=BUCKET)
except ClientError as error:
    equal("gone", error.response["Error"]["Code"], "404")
