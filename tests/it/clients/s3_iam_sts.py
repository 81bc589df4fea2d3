"""S3, IAM and STS of the local cloud, judged by boto3.

usage: s3_iam_sts.py ENDPOINT

Makes what it needs under fresh names and removes it again. Prints a line per topic; exits 1 with a
sentence at the first deviation from AWS's documented behaviour.
"""

import base64
import binascii
import concurrent.futures
import hashlib
import io
import json
import socket
import sys
import urllib.error
import urllib.request
import uuid

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
MIB = 1 << 20
RUN = uuid.uuid4().hex[:8]


class Deviation(Exception):
    pass


_resolve = socket.getaddrinfo


def _localhost(host, *args, **kwargs):
    """Names under localhost are this machine (RFC 6761); not every resolver knows it."""
    return _resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *args, **kwargs)


socket.getaddrinfo = _localhost


def client(service, region="eu-west-1", **config):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, **config),
    )


s3 = client("s3")
iam = client("iam")
sts = client("sts")


def same(found, expected, what):
    if found != expected:
        raise Deviation(f"{what}: expected {expected!r}, found {found!r}")


def holds(condition, what):
    if not condition:
        raise Deviation(what)


def fails(code, status, call, *args, **kwargs):
    """The call must fail with AWS's code and status; returns the whole error response."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        same(found, (code, status), f"{error.operation_name}")
        return error.response
    raise Deviation(f"expected {code}, but the call succeeded with {answer!r}")


def new_bucket(name):
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def empty_and_delete(name):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if keys:
            same(s3.delete_objects(Bucket=name, Delete={"Objects": keys}).get("Errors"), None, "delete errors")
    s3.delete_bucket(Bucket=name)


def buckets():
    name = f"rzap-{RUN}-buckets"
    fails("404", 404, s3.head_bucket, Bucket=name)
    new_bucket(name)
    head = s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
    same(head["x-amz-bucket-region"], "eu-west-1", "bucket region")
    holds(head.get("x-amz-request-id"), "an answer carries a request id")
    again = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    fails("BucketAlreadyOwnedByYou", 409, s3.create_bucket, **again)
    same(s3.get_bucket_location(Bucket=name)["LocationConstraint"], "eu-west-1", "location")
    holds(name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], "the new bucket is listed")
    same([bucket["Name"] for bucket in s3.list_buckets(Prefix=name)["Buckets"]], [name], "list by prefix")

    fails("IllegalLocationConstraintException", 400, s3.create_bucket, Bucket=f"{name}-x")
    wrong = {"LocationConstraint": "us-west-2"}
    fails("IllegalLocationConstraintException", 400, s3.create_bucket, Bucket=f"{name}-x", CreateBucketConfiguration=wrong)
    fails("InvalidBucketName", 400, s3.create_bucket, Bucket="Upper", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    old = client("s3", "us-east-1")
    legacy = f"{name}-legacy"
    old.create_bucket(Bucket=legacy)
    old.create_bucket(Bucket=legacy)  # the oldest region answers 200 for one's own
    same(old.get_bucket_location(Bucket=legacy)["LocationConstraint"], None, "location in us-east-1")
    fails("InvalidLocationConstraint", 400, old.create_bucket, Bucket=f"{legacy}-x", CreateBucketConfiguration={"LocationConstraint": "moon"})
    old.delete_bucket(Bucket=legacy)

    fails("403", 403, s3.head_bucket, Bucket=name, ExpectedBucketOwner="111122223333")
    s3.head_bucket(Bucket=name, ExpectedBucketOwner="000000000000")
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    fails("BucketNotEmpty", 409, s3.delete_bucket, Bucket=name)
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    fails("NoSuchBucket", 404, s3.delete_bucket, Bucket=name)
    fails("NoSuchBucket", 404, s3.put_object, Bucket=name, Key="k", Body=b"x")

    tagged = f"{name}-tagged"
    s3.create_bucket(
        Bucket=tagged,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1", "Tags": [{"Key": "rzap:app", "Value": "a"}]},
    )
    same(s3.get_bucket_tagging(Bucket=tagged)["TagSet"], [{"Key": "rzap:app", "Value": "a"}], "tags given at creation")
    s3.delete_bucket(Bucket=tagged)


def redirects():
    name = new_bucket(f"rzap-{RUN}-region")
    request = urllib.request.Request(f"{ENDPOINT}/{name}?list-type=2")
    scope = "AKIDEXAMPLE/20261121/us-west-2/s3/aws4_request"
    request.add_header("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    try:
        urllib.request.urlopen(request)
        raise Deviation("a request of another region must be redirected")
    except urllib.error.HTTPError as error:
        same(error.code, 301, "status for another region")
        same(error.headers["x-amz-bucket-region"], "eu-west-1", "the right region is named")
        holds(b"<Code>PermanentRedirect</Code>" in error.read(), "PermanentRedirect")
    # boto3 follows such a redirect by itself.
    same(client("s3", "us-west-2").list_objects_v2(Bucket=name)["KeyCount"], 0, "boto3 follows the region")
    s3.delete_bucket(Bucket=name)


def objects():
    name = new_bucket(f"rzap-{RUN}-objects")
    key = "dir/ünï côdé+%&=?#.txt"
    body = b"hello world"
    put = s3.put_object(
        Bucket=name,
        Key=key,
        Body=body,
        ContentType="text/plain",
        CacheControl="no-store",
        ContentDisposition="attachment",
        ContentEncoding="identity",
        Metadata={"One": "1", "two": "zwei"},
        Tagging="a=1&b=x%20y",
    )
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    same(put["ETag"], etag, "ETag of a put")
    same(put["ServerSideEncryption"], "AES256", "encrypted by default")
    get = s3.get_object(Bucket=name, Key=key)
    same(get["Body"].read(), body, "the same bytes")
    same(get["ContentType"], "text/plain", "content type")
    same(get["CacheControl"], "no-store", "cache control")
    same(get["ContentDisposition"], "attachment", "disposition")
    same(get["ContentEncoding"], "identity", "content encoding without aws-chunked")
    same(get["Metadata"], {"one": "1", "two": "zwei"}, "metadata")
    same(get["TagCount"], 2, "tag count")
    head = s3.head_object(Bucket=name, Key=key)
    same((head["ContentLength"], head["ETag"]), (len(body), etag), "HEAD")
    same(s3.get_object_tagging(Bucket=name, Key=key)["TagSet"], [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}], "tags")

    part = s3.get_object(Bucket=name, Key=key, Range="bytes=6-")
    same((part["Body"].read(), part["ContentRange"]), (b"world", "bytes 6-10/11"), "open range")
    same(part["ResponseMetadata"]["HTTPStatusCode"], 206, "range status")
    same(s3.get_object(Bucket=name, Key=key, Range="bytes=-3")["Body"].read(), b"rld", "suffix range")
    same(s3.get_object(Bucket=name, Key=key, Range="bytes=0-4")["Body"].read(), b"hello", "closed range")
    error = fails("InvalidRange", 416, s3.get_object, Bucket=name, Key=key, Range="bytes=11-")
    same(error["Error"]["ActualObjectSize"], "11", "the real size is named")

    fails("304", 304, s3.get_object, Bucket=name, Key=key, IfNoneMatch=etag)
    fails("PreconditionFailed", 412, s3.get_object, Bucket=name, Key=key, IfMatch='"0"')
    fails("304", 304, s3.head_object, Bucket=name, Key=key, IfModifiedSince=head["LastModified"])
    fails("412", 412, s3.head_object, Bucket=name, Key=key, IfUnmodifiedSince="2000-01-01T00:00:00Z")
    fails("NoSuchKey", 404, s3.get_object, Bucket=name, Key="none")
    fails("404", 404, s3.head_object, Bucket=name, Key="none")
    fails("NoSuchBucket", 404, s3.get_object, Bucket=f"{name}-none", Key="none")
    fails("KeyTooLongError", 400, s3.put_object, Bucket=name, Key="k" * 1025, Body=b"")
    override = s3.get_object(Bucket=name, Key=key, ResponseContentType="application/x-other")
    same(override["ContentType"], "application/x-other", "response-content-type")

    s3.put_object_tagging(Bucket=name, Key=key, Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    same(s3.get_object_tagging(Bucket=name, Key=key)["TagSet"], [{"Key": "c", "Value": ""}], "replaced tags")
    s3.delete_object_tagging(Bucket=name, Key=key)
    same(s3.get_object_tagging(Bucket=name, Key=key)["TagSet"], [], "deleted tags")
    many = {"TagSet": [{"Key": str(number), "Value": ""} for number in range(11)]}
    fails("BadRequest", 400, s3.put_object_tagging, Bucket=name, Key=key, Tagging=many)

    s3.put_object(Bucket=name, Key="empty", Body=b"")
    same(s3.get_object(Bucket=name, Key="empty")["Body"].read(), b"", "an empty object")
    same(s3.head_object(Bucket=name, Key="empty")["ContentType"], "binary/octet-stream", "default content type")
    s3.delete_object(Bucket=name, Key="never was")
    grants = s3.get_object_acl(Bucket=name, Key=key)["Grants"]
    same([grant["Permission"] for grant in grants], ["FULL_CONTROL"], "object ACL")
    fails("AccessControlListNotSupported", 400, s3.put_object, Bucket=name, Key="acl", Body=b"", ACL="public-read")
    fails("NoSuchVersion", 404, s3.get_object, Bucket=name, Key=key, VersionId="abc")
    fails("NotImplemented", 501, s3.get_object_retention, Bucket=name, Key=key)
    fails("NotImplemented", 501, s3.put_object, Bucket=name, Key="kms", Body=b"", ServerSideEncryption="aws:kms")
    empty_and_delete(name)


def copies():
    name = new_bucket(f"rzap-{RUN}-copies")
    s3.put_object(Bucket=name, Key="a b+c", Body=b"copy me", ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1")
    source = {"Bucket": name, "Key": "a b+c"}
    result = s3.copy_object(Bucket=name, Key="to", CopySource=source)
    same(result["CopyObjectResult"]["ETag"], f'"{hashlib.md5(b"copy me").hexdigest()}"', "ETag of a copy")
    copy = s3.get_object(Bucket=name, Key="to")
    same((copy["Body"].read(), copy["ContentType"], copy["Metadata"], copy["TagCount"]), (b"copy me", "text/x", {"m": "1"}, 1), "a copy")
    s3.copy_object(Bucket=name, Key="to", CopySource=source, MetadataDirective="REPLACE", ContentType="text/y", TaggingDirective="REPLACE", Tagging="u=2")
    copy = s3.head_object(Bucket=name, Key="to")
    same((copy["ContentType"], copy["Metadata"]), ("text/y", {}), "replaced metadata")
    same(s3.get_object_tagging(Bucket=name, Key="to")["TagSet"], [{"Key": "u", "Value": "2"}], "replaced tags")
    fails("InvalidRequest", 400, s3.copy_object, Bucket=name, Key="a b+c", CopySource=source)
    s3.copy_object(Bucket=name, Key="a b+c", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    same(s3.head_object(Bucket=name, Key="a b+c")["Metadata"], {"n": "2"}, "metadata replaced in place")
    fails("NoSuchKey", 404, s3.copy_object, Bucket=name, Key="x", CopySource={"Bucket": name, "Key": "none"})
    fails("PreconditionFailed", 412, s3.copy_object, Bucket=name, Key="x", CopySource=source, CopySourceIfMatch='"0"')
    fails("PreconditionFailed", 412, s3.copy_object, Bucket=name, Key="to", CopySource=source, IfNoneMatch="*")
    empty_and_delete(name)


def conditional_writes():
    name = new_bucket(f"rzap-{RUN}-locks")
    first = s3.put_object(Bucket=name, Key="lock", Body=b"1", IfNoneMatch="*")["ETag"]
    fails("PreconditionFailed", 412, s3.put_object, Bucket=name, Key="lock", Body=b"2", IfNoneMatch="*")
    same(s3.get_object(Bucket=name, Key="lock")["Body"].read(), b"1", "the loser changed nothing")
    second = s3.put_object(Bucket=name, Key="lock", Body=b"2", IfMatch=first)["ETag"]
    fails("PreconditionFailed", 412, s3.put_object, Bucket=name, Key="lock", Body=b"3", IfMatch=first)
    fails("NoSuchKey", 404, s3.put_object, Bucket=name, Key="none", Body=b"3", IfMatch=first)
    fails("PreconditionFailed", 412, s3.delete_object, Bucket=name, Key="lock", IfMatch=first)
    s3.delete_object(Bucket=name, Key="lock", IfMatch=second)
    fails("404", 404, s3.head_object, Bucket=name, Key="lock")

    def race(number):
        try:
            s3.put_object(Bucket=name, Key="race", Body=str(number).encode(), IfNoneMatch="*")
            return number
        except ClientError as error:
            same(error.response["Error"]["Code"], "PreconditionFailed", "the code of a loser")
            return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(race, range(48)) if number is not None]
    same(len(winners), 1, "winners of a race for one key")
    same(s3.get_object(Bucket=name, Key="race")["Body"].read(), str(winners[0]).encode(), "the winner's bytes")
    empty_and_delete(name)


def checksums():
    name = new_bucket(f"rzap-{RUN}-sums")
    body = bytes(range(256)) * 40
    expected = {
        "CRC32": base64.b64encode(binascii.crc32(body).to_bytes(4, "big")).decode(),
        "SHA1": base64.b64encode(hashlib.sha1(body).digest()).decode(),
        "SHA256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    for algorithm, value in expected.items():
        field = f"Checksum{algorithm}"
        for source in (body, io.BytesIO(body)):
            put = s3.put_object(Bucket=name, Key=algorithm, Body=source, ChecksumAlgorithm=algorithm)
            same(put[field], value, f"{algorithm} of a put")
        same(s3.head_object(Bucket=name, Key=algorithm, ChecksumMode="ENABLED")[field], value, f"{algorithm} on HEAD")
        get = s3.get_object(Bucket=name, Key=algorithm, ChecksumMode="ENABLED")
        same((get[field], get["ChecksumType"], get["Body"].read()), (value, "FULL_OBJECT", body), f"{algorithm} on GET")
    plain = client("s3", request_checksum_calculation="when_required", response_checksum_validation="when_required")
    put = plain.put_object(Bucket=name, Key="plain", Body=b"123456789")
    same(put["ChecksumCRC64NVME"], "rosUhgp5mIg=", "S3's own checksum")
    holds("ChecksumCRC64NVME" not in plain.head_object(Bucket=name, Key="plain"), "no checksum unless asked for")
    fails("BadDigest", 400, plain.put_object, Bucket=name, Key="bad", Body=b"x", ChecksumSHA256=expected["SHA256"])
    fails("BadDigest", 400, plain.put_object, Bucket=name, Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")
    fails("InvalidRequest", 400, plain.put_object, Bucket=name, Key="bad", Body=b"x", ChecksumCRC32="no")
    md5 = base64.b64encode(hashlib.md5(b"y").digest()).decode()
    fails("BadDigest", 400, plain.put_object, Bucket=name, Key="bad", Body=b"x", ContentMD5=md5)
    fails("InvalidDigest", 400, plain.put_object, Bucket=name, Key="bad", Body=b"x", ContentMD5="AAAA")
    fails("404", 404, s3.head_object, Bucket=name, Key="bad")
    empty_and_delete(name)


def trailers():
    """Over plain HTTP boto3 sends no trailers; other SDKs do, so here they are by hand."""
    name = new_bucket(f"rzap-{RUN}-chunks")
    crc = base64.b64encode(binascii.crc32(b"hello world").to_bytes(4, "big")).decode()

    def put(key, body, **more):
        request = urllib.request.Request(f"{ENDPOINT}/{name}/{key}", data=body, method="PUT")
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0",
            "Content-Encoding": "aws-chunked",
            "Content-Type": "text/plain",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": "11",
            "x-amz-trailer": "x-amz-checksum-crc32",
            **more,
        }
        for header, value in headers.items():
            request.add_header(header, value)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, b""
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    data = b"6\r\nhello \r\n5\r\nworld\r\n0\r\n"
    same(put("unsigned", data + f"x-amz-checksum-crc32:{crc}\r\n\r\n".encode()), (200, b""), "unsigned chunks")
    get = s3.get_object(Bucket=name, Key="unsigned", ChecksumMode="ENABLED")
    same((get["Body"].read(), get["ChecksumCRC32"]), (b"hello world", crc), "decoded bytes and the trailer's checksum")
    holds("ContentEncoding" not in get, "aws-chunked is not part of the object")
    signed = b"b;chunk-signature=00\r\nhello world\r\n0;chunk-signature=00\r\n\r\n"
    plain = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-trailer": "", "Content-Encoding": "aws-chunked,gzip"}
    same(put("signed", signed, **plain), (200, b""), "signed chunks")
    same(s3.head_object(Bucket=name, Key="signed")["ContentEncoding"], "gzip", "the other encoding stays")

    for body, code in (
        (data + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n", b"BadDigest"),
        (data + b"\r\n", b"MalformedTrailerError"),
        (data[:-8], b"IncompleteBody"),
        (b"3\r\nhel\r\n0\r\n\r\n", b"IncompleteBody"),
    ):
        status, answer = put("bad", body)
        holds(status == 400 and code in answer, f"{code} for a bad body, found {status} {answer}")
    fails("404", 404, s3.head_object, Bucket=name, Key="bad")
    empty_and_delete(name)


def listings():
    name = new_bucket(f"rzap-{RUN}-lists")
    keys = [f"a/{number:03}" for number in range(30)] + ["b c", "b+c", "d/e/f", "d/g", "ü"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=name, Key=key, Body=b"x"), keys))
    ordered = sorted(keys, key=str.encode)
    for operation in ("list_objects_v2", "list_objects"):
        paginator = s3.get_paginator(operation)
        for size in (1, 7, 1000):
            pages = list(paginator.paginate(Bucket=name, PaginationConfig={"PageSize": size}))
            same([item["Key"] for page in pages for item in page.get("Contents", [])], ordered, f"{operation} by {size}")
            grouped = list(paginator.paginate(Bucket=name, Delimiter="/", PaginationConfig={"PageSize": size}))
            prefixes = [item["Prefix"] for page in grouped for item in page.get("CommonPrefixes", [])]
            same(prefixes, ["a/", "d/"], f"{operation} prefixes by {size}")
            same([item["Key"] for page in grouped for item in page.get("Contents", [])], ["b c", "b+c", "ü"], f"{operation} keys by {size}")
    page = s3.list_objects_v2(Bucket=name, Prefix="d/", Delimiter="/")
    same(([item["Key"] for item in page["Contents"]], page["CommonPrefixes"], page["KeyCount"]), (["d/g"], [{"Prefix": "d/e/"}], 2), "below a prefix")
    after = s3.list_objects_v2(Bucket=name, StartAfter="a/028")
    same(after["Contents"][0]["Key"], "a/029", "start after")
    holds("Owner" not in after["Contents"][0], "no owner unless asked for")
    holds("Owner" in s3.list_objects_v2(Bucket=name, MaxKeys=1, FetchOwner=True)["Contents"][0], "owner when asked for")
    none = s3.list_objects_v2(Bucket=name, MaxKeys=0)
    same((none["KeyCount"], none["IsTruncated"]), (0, False), "no keys wanted")
    fails("InvalidArgument", 400, s3.list_objects_v2, Bucket=name, ContinuationToken="!")
    versions = s3.list_object_versions(Bucket=name, Prefix="d/")
    same([(item["Key"], item["VersionId"], item["IsLatest"]) for item in versions["Versions"]], [("d/e/f", "null", True), ("d/g", "null", True)], "versions")
    removed = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "b c"}, {"Key": "never"}, {"Key": "ü", "ETag": '"0"'}]})
    same(sorted(item["Key"] for item in removed["Deleted"]), ["b c", "never"], "deleted keys")
    same([(item["Key"], item["Code"]) for item in removed["Errors"]], [("ü", "PreconditionFailed")], "kept keys")
    quiet = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "d/g"}], "Quiet": True})
    holds("Deleted" not in quiet, "quiet")
    empty_and_delete(name)


def multipart():
    name = new_bucket(f"rzap-{RUN}-parts")
    big, small = b"p" * (5 * MIB), b"tail"

    def begin(key="big", **more):
        # Without an algorithm the upload is CRC64NVME's, and a part's CRC32 belongs to no part of it.
        return s3.create_multipart_upload(Bucket=name, Key=key, **{"ChecksumAlgorithm": "CRC32", **more})["UploadId"]

    def part(upload, number, body, key="big", **more):
        answer = s3.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=number, Body=body, **more)
        sums = {field: answer[field] for field in ("ChecksumCRC32", "ChecksumSHA256") if field in answer}
        return {"PartNumber": number, "ETag": answer["ETag"], **sums}

    def complete(upload, parts, key="big", **more):
        return s3.complete_multipart_upload(Bucket=name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more)

    upload = begin(ContentType="x/y", Metadata={"m": "1"}, Tagging="t=1")
    parts = [part(upload, 1, small), part(upload, 1, big), part(upload, 2, small)][1:]
    listed = s3.list_parts(Bucket=name, Key="big", UploadId=upload)
    same([(item["PartNumber"], item["Size"]) for item in listed["Parts"]], [(1, len(big)), (2, 4)], "parts")
    first = s3.list_parts(Bucket=name, Key="big", UploadId=upload, MaxParts=1)
    same((first["IsTruncated"], first["NextPartNumberMarker"]), (True, 1), "a page of parts")
    same([item["UploadId"] for item in s3.list_multipart_uploads(Bucket=name)["Uploads"]], [upload], "uploads")
    fails("404", 404, s3.head_object, Bucket=name, Key="big")
    fails("InvalidPartOrder", 400, complete, upload, parts[::-1])
    plain = s3.create_multipart_upload(Bucket=name, Key="plain")["UploadId"]
    fails("InvalidPart", 400, complete, plain, [part(plain, 1, big, "plain")], "plain")
    s3.abort_multipart_upload(Bucket=name, Key="plain", UploadId=plain)
    fails("InvalidPart", 400, complete, upload, [parts[0], {**parts[1], "ETag": '"0"'}])
    fails("InvalidPart", 400, complete, upload, [parts[0], {**parts[1], "PartNumber": 3}])
    fails("MalformedXML", 400, complete, upload, [])
    done = complete(upload, parts)
    digests = hashlib.md5(big).digest() + hashlib.md5(small).digest()
    same(done["ETag"], f'"{hashlib.md5(digests).hexdigest()}-2"', "ETag of a multipart object")
    get = s3.get_object(Bucket=name, Key="big")
    same((get["Body"].read() == big + small, get["ContentType"], get["Metadata"], get["TagCount"]), (True, "x/y", {"m": "1"}, 1), "the whole")
    second = s3.get_object(Bucket=name, Key="big", PartNumber=2)
    same((second["Body"].read(), second["PartsCount"]), (small, 2), "one part")
    fails("NoSuchUpload", 404, complete, upload, parts)
    holds("Uploads" not in s3.list_multipart_uploads(Bucket=name), "nothing in progress")

    upload = begin()
    parts = [part(upload, 1, small), part(upload, 2, small)]
    fails("EntityTooSmall", 400, complete, upload, parts)
    fails("InvalidArgument", 400, part, upload, 10001, small)
    fails("PreconditionFailed", 412, complete, upload, parts[:1], IfNoneMatch="*")
    s3.abort_multipart_upload(Bucket=name, Key="big", UploadId=upload)
    fails("NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=name, Key="big", UploadId=upload)
    fails("NoSuchUpload", 404, part, upload, 1, small)
    same(s3.head_object(Bucket=name, Key="big")["ContentLength"], len(big) + 4, "the object is as it was")

    upload = begin("sum", ChecksumAlgorithm="SHA256")
    fails("InvalidRequest", 400, part, upload, 1, small, "sum", ChecksumAlgorithm="CRC32")
    parts = [part(upload, 1, big, "sum", ChecksumAlgorithm="SHA256"), part(upload, 2, small, "sum", ChecksumAlgorithm="SHA256")]
    done = complete(upload, parts, "sum")
    raw = hashlib.sha256(big).digest() + hashlib.sha256(small).digest()
    same(done["ChecksumSHA256"], base64.b64encode(hashlib.sha256(raw).digest()).decode() + "-2", "composite checksum")
    same(done["ChecksumType"], "COMPOSITE", "checksum type")

    upload = begin("full", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [part(upload, 1, big, "full"), part(upload, 2, small, "full")]
    crc = base64.b64encode(binascii.crc32(big + small).to_bytes(4, "big")).decode()
    fails("BadDigest", 400, complete, upload, parts, "full", ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    same(complete(upload, parts, "full", ChecksumCRC32=crc, ChecksumType="FULL_OBJECT")["ChecksumCRC32"], crc, "full checksum")

    upload = begin("copied", ChecksumAlgorithm="CRC32")
    source = {"Bucket": name, "Key": "big"}
    copied = s3.upload_part_copy(Bucket=name, Key="copied", UploadId=upload, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=0-{5 * MIB - 1}")
    checked = {item["PartNumber"]: item for item in s3.list_parts(Bucket=name, Key="copied", UploadId=upload)["Parts"]}
    one = {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"], "ChecksumCRC32": checked[1]["ChecksumCRC32"]}
    complete(upload, [one, part(upload, 2, small, "copied")], "copied")
    same(s3.get_object(Bucket=name, Key="copied")["Body"].read() == big + small, True, "a part that was copied")

    # The transfer manager: parallel parts up, parallel ranges down.
    data = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(17 * MIB // 32)) + b"end"
    config = TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(data), name, "managed", Config=config)
    out = io.BytesIO()
    s3.download_fileobj(name, "managed", out, Config=config)
    same(out.getvalue() == data, True, "the transfer manager's bytes")
    holds(s3.head_object(Bucket=name, Key="managed")["ETag"].endswith('-4"'), "four parts")
    empty_and_delete(name)


def settings():
    name = new_bucket(f"rzap-{RUN}-settings")
    fails("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=name)
    tags = [{"Key": "rzap:app", "Value": "a b"}, {"Key": "x", "Value": "<&>"[0:0]}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    same(s3.get_bucket_tagging(Bucket=name)["TagSet"], tags, "bucket tags")
    s3.delete_bucket_tagging(Bucket=name)
    fails("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=name)

    fails("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=name)
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 30}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    same(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"], [rule], "lifecycle")
    bad = {**rule, "Expiration": {"Days": 0}}
    fails("InvalidArgument", 400, s3.put_bucket_lifecycle_configuration, Bucket=name, LifecycleConfiguration={"Rules": [bad]})
    s3.delete_bucket_lifecycle(Bucket=name)
    fails("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=name)

    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    same(set(block.values()), {True}, "public access is blocked by default")
    public = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}]}
    fails("AccessDenied", 403, s3.put_bucket_policy, Bucket=name, Policy=json.dumps(public))
    wanted = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=wanted)
    same(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"], wanted, "public access block")
    fails("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(public))
    same(json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]), public, "policy")
    fails("MalformedPolicy", 400, s3.put_bucket_policy, Bucket=name, Policy="{}")
    s3.delete_bucket_policy(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    fails("NoSuchPublicAccessBlockConfiguration", 404, s3.get_public_access_block, Bucket=name)

    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    same(rules[0]["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"}, "encryption by default")
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    s3.delete_bucket_encryption(Bucket=name)
    holds("Status" not in s3.get_bucket_versioning(Bucket=name), "versioning is off")
    ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    same(s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"], ownership, "ownership")
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
    same(s3.get_bucket_acl(Bucket=name)["Grants"][0]["Permission"], "FULL_CONTROL", "bucket ACL")
    notifications = s3.get_bucket_notification_configuration(Bucket=name)
    same({key for key in notifications if key != "ResponseMetadata"}, set(), "no notifications")
    queue = {"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:eu-west-1:000000000000:q", "Events": ["s3:ObjectCreated:*"]}]}
    fails("InvalidArgument", 400, s3.put_bucket_notification_configuration, Bucket=name, NotificationConfiguration=queue)
    fails("NotImplemented", 501, s3.get_bucket_website, Bucket=name)
    s3.delete_bucket(Bucket=name)


def addressing():
    name = new_bucket(f"rzap-{RUN}-hosts")
    port = ENDPOINT.rsplit(":", 1)[1]
    virtual = boto3.client(
        "s3", endpoint_url=f"http://localhost:{port}", region_name="eu-west-1", aws_access_key_id="t", aws_secret_access_key="t",
        config=Config(s3={"addressing_style": "virtual"}),
    )
    same(virtual._endpoint.host, f"http://localhost:{port}", "endpoint")
    virtual.put_object(Bucket=name, Key="a/b c", Body=b"virtual")
    same(s3.get_object(Bucket=name, Key="a/b c")["Body"].read(), b"virtual", "path style reads what virtual style wrote")
    v4 = client("s3", signature_version="s3v4")
    for signer in (s3, v4):
        url = signer.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a/b c"})
        same(urllib.request.urlopen(url).read(), b"virtual", "a presigned URL")
        url = signer.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a/b c"}, ExpiresIn=-60)
        try:
            urllib.request.urlopen(url)
            raise Deviation("a presigned URL must end")
        except urllib.error.HTTPError as error:
            holds(error.code in (400, 403), f"status of an old link: {error.code}")
    shown = urllib.request.Request(v4.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a/b c"}))
    shown.add_header("Sec-Fetch-Site", "cross-site")
    same(urllib.request.urlopen(shown).read(), b"virtual", "a page shows an object by its link")
    url = v4.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "up"})
    urllib.request.urlopen(urllib.request.Request(url, data=b"by link", method="PUT", headers={"Content-Type": ""})).close()
    same(s3.get_object(Bucket=name, Key="up")["Body"].read(), b"by link", "a presigned upload")
    try:
        urllib.request.urlopen(f"{ENDPOINT}/{name}/up")
        raise Deviation("an unsigned request must be refused")
    except urllib.error.HTTPError as error:
        same(error.code, 403, "status of an unsigned request")
        holds(b"<Code>AccessDenied</Code>" in error.read(), "code of an unsigned request")
    empty_and_delete(name)


TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
LOGS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]}


def roles():
    name = f"rzap-{RUN}-role"
    fails("NoSuchEntity", 404, iam.get_role, RoleName=name)
    made = iam.create_role(
        RoleName=name, Path="/app/", Description="a <b> & c", AssumeRolePolicyDocument=json.dumps(TRUST),
        MaxSessionDuration=7200, Tags=[{"Key": "rzap:app", "Value": "x"}],
    )["Role"]
    same(made["Arn"], f"arn:aws:iam::000000000000:role/app/{name}", "role ARN")
    holds(made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 21, "role id")
    got = iam.get_role(RoleName=name)["Role"]
    same(got["AssumeRolePolicyDocument"], TRUST, "trust policy")
    same((got["Description"], got["MaxSessionDuration"], got["Path"]), ("a <b> & c", 7200, "/app/"), "role")
    same(got["Tags"], [{"Key": "rzap:app", "Value": "x"}], "tags given at creation")
    same(got["CreateDate"], made["CreateDate"], "creation date")
    fails("EntityAlreadyExists", 409, iam.create_role, RoleName=name.upper(), AssumeRolePolicyDocument=json.dumps(TRUST))
    fails("ValidationError", 400, iam.create_role, RoleName="r" * 65, AssumeRolePolicyDocument=json.dumps(TRUST))
    fails("ValidationError", 400, iam.create_role, RoleName="a/b", AssumeRolePolicyDocument=json.dumps(TRUST))
    fails("MalformedPolicyDocument", 400, iam.create_role, RoleName=f"{name}-x", AssumeRolePolicyDocument="{")
    broken = json.loads(json.dumps(TRUST).replace("lambda.amazonaws.com", "lambda"))
    fails("MalformedPolicyDocument", 400, iam.create_role, RoleName=f"{name}-x", AssumeRolePolicyDocument=json.dumps(broken))

    iam.tag_role(RoleName=name, Tags=[{"Key": "rzap:stage", "Value": "dev"}, {"Key": "rzap:app", "Value": "y"}])
    same({tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]}, {"rzap:app": "y", "rzap:stage": "dev"}, "tags")
    iam.untag_role(RoleName=name, TagKeys=["rzap:stage"])
    same(iam.list_role_tags(RoleName=name)["Tags"], [{"Key": "rzap:app", "Value": "y"}], "tags left")
    iam.update_role(RoleName=name, Description="new", MaxSessionDuration=3600)
    same(iam.get_role(RoleName=name)["Role"]["Description"], "new", "description")
    other = json.loads(json.dumps(TRUST).replace("lambda", "events"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(other))
    same(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"], other, "new trust policy")

    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(LOGS))
    same(iam.get_role_policy(RoleName=name, PolicyName="logs")["PolicyDocument"], LOGS, "inline policy")
    same(iam.list_role_policies(RoleName=name)["PolicyNames"], ["logs"], "inline policies")
    fails("NoSuchEntity", 404, iam.get_role_policy, RoleName=name, PolicyName="none")
    fails("MalformedPolicyDocument", 400, iam.put_role_policy, RoleName=name, PolicyName="bad", PolicyDocument=json.dumps(TRUST))
    huge = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"arn:aws:s3:::{'b' * 50}{number}" for number in range(160)]}]}
    fails("LimitExceeded", 409, iam.put_role_policy, RoleName=name, PolicyName="huge", PolicyDocument=json.dumps(huge))
    fails("DeleteConflict", 409, iam.delete_role, RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="logs")
    fails("NoSuchEntity", 404, iam.delete_role_policy, RoleName=name, PolicyName="logs")

    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName=name, PolicyArn=basic)
    attached = [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": basic}]
    same(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"], attached, "attached policies")
    fails("DeleteConflict", 409, iam.delete_role, RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=basic)
    fails("NoSuchEntity", 404, iam.detach_role_policy, RoleName=name, PolicyArn=basic)
    own = iam.create_policy(PolicyName=f"{name}-policy", PolicyDocument=json.dumps(LOGS))["Policy"]["Arn"]
    fails("EntityAlreadyExists", 409, iam.create_policy, PolicyName=f"{name}-policy", PolicyDocument=json.dumps(LOGS))
    iam.attach_role_policy(RoleName=name, PolicyArn=own)
    same(iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"], 1, "attachments")
    holds(own in [policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]], "own policies are listed")
    fails("DeleteConflict", 409, iam.delete_policy, PolicyArn=own)
    iam.detach_role_policy(RoleName=name, PolicyArn=own)
    iam.delete_policy(PolicyArn=own)
    fails("NoSuchEntity", 404, iam.attach_role_policy, RoleName=name, PolicyArn=own)
    iam.delete_role(RoleName=name)
    fails("NoSuchEntity", 404, iam.delete_role, RoleName=name)
    fails("NotImplemented", 501, iam.create_user, UserName="u")


def role_pages():
    names = [f"rzap-{RUN}-page-{number}" for number in range(5)]
    for name in names:
        iam.create_role(RoleName=name, Path=f"/{RUN}/", AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix=f"/{RUN}/", PaginationConfig={"PageSize": 2}))
    same([role["RoleName"] for page in pages for role in page["Roles"]], names, "roles over pages")
    same(len(pages), 3, "number of pages")
    for name in names:
        iam.delete_role(RoleName=name)


def identity():
    me = sts.get_caller_identity()
    same((me["Account"], me["Arn"]), ("000000000000", "arn:aws:iam::000000000000:root"), "caller")
    name = f"rzap-{RUN}-session"
    trust = json.loads(json.dumps(TRUST).replace('"Service": "lambda.amazonaws.com"', '"AWS": "arn:aws:iam::000000000000:root"'))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ci", DurationSeconds=900)
    keys = session["Credentials"]
    holds(keys["AccessKeyId"].startswith("ASIA"), "a temporary key")
    there = boto3.client(
        "sts", endpoint_url=ENDPOINT, region_name="eu-west-1", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
    ).get_caller_identity()
    same(there["Arn"], f"arn:aws:sts::000000000000:assumed-role/{name}/ci", "assumed role")
    same(there["UserId"], f"{role['RoleId']}:ci", "assumed role id")
    fails("AccessDenied", 403, sts.assume_role, RoleArn=role["Arn"] + "x", RoleSessionName="ci")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(TRUST))
    fails("AccessDenied", 403, sts.assume_role, RoleArn=role["Arn"], RoleSessionName="ci")
    fails("ValidationError", 400, sts.assume_role, RoleArn=role["Arn"], RoleSessionName="c i")
    iam.delete_role(RoleName=name)


def refusals():
    firehose = client("firehose")
    error = fails("NotImplemented", 501, firehose.list_delivery_streams)
    same(error["Error"]["Message"], "service `firehose` is not supported by the local cloud", "an unknown service")
    fails("NotImplemented", 501, client("elasticache").describe_cache_clusters)

    def status(path="/_rzap/health", method="GET", data=None, **headers):
        request = urllib.request.Request(ENDPOINT + path, method=method, data=data)
        for header, value in headers.items():
            request.add_header(header.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    same(status(), 200, "health")
    same(status(Host="evil.example"), 403, "health under a foreign name")
    same(status("/_rzap/stop", "POST"), 403, "stop without the header")
    same(status("/_rzap/reset", "POST"), 403, "reset without the header")
    same(status("/_rzap/stop", "POST", Origin="https://evil.example", x_rzap="1"), 403, "stop from a web page")
    form = b"Action=ListRoles&Version=2010-05-08"
    same(status("/", "POST", form), 403, "an unsigned IAM call")
    same(status(Sec_Fetch_Site="cross-site"), 403, "health for a web page")
    link = "/?X-Amz-Credential=AK/20261121/us-east-1/iam/aws4_request"
    same(status(link, "POST", form), 501, "an IAM call by link")
    same(status("/2015-03-31/functions"), 403, "an unsigned Lambda call")


for topic in (
    buckets, redirects, objects, copies, conditional_writes, checksums, trailers, listings, multipart, settings, addressing,
    roles, role_pages, identity, refusals,
):
    try:
        topic()
    except (Deviation, ClientError) as error:
        print(f"{topic.__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    print(f"ok {topic.__name__}")
