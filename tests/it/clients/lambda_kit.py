"""What the Lambda scenario is written with: clients, checks, packages, and functions that go away again."""

import base64
import io
import json
import stat
import sys
import time
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
REGION = "eu-west-1"
RUN = uuid.uuid4().hex[:8]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def client(service, region=REGION):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=ENDPOINT,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path"},
            read_timeout=60,
            max_pool_connections=20,
        ),
    )


lam, iam, s3, logs = client("lambda"), client("iam"), client("s3"), client("logs")


def equal(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")


def holds(what, condition):
    if not condition:
        sys.exit(f"{what}: does not hold")


def refused(what, code, words, call, **arguments):
    """The call fails with this code and a message that contains these words."""
    try:
        found = call(**arguments)
    except ClientError as error:
        equal(f"{what}: code", error.response["Error"]["Code"], code)
        message = error.response["Error"]["Message"]
        holds(f"{what}: {words!r} in {message!r}", words in message)
        return error.response
    sys.exit(f"{what}: was accepted: {found}")


def until(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    sys.exit(f"{what}: not within {seconds} s")


def package(files, executable=()):
    """A zip of name → text; `executable` names get their exec bits."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | (0o755 if name in executable else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return data.getvalue()


def name(suffix):
    return f"scn-{RUN}-{suffix}"


made = []


def create(suffix, files, handler="app.handler", runtime="python3.13", executable=(), wait=True, **more):
    function = name(suffix)
    found = lam.create_function(
        FunctionName=function,
        Runtime=runtime,
        Role=ROLE,
        Handler=handler,
        Code={"ZipFile": package(files, executable)},
        **more,
    )
    made.append(function)
    if wait:
        settled(function)
    return found


layers = []


def layer(suffix, files, executable=(), **more):
    """Publishes a layer version; it goes away at the end."""
    found = lam.publish_layer_version(
        LayerName=name(suffix), Content={"ZipFile": package(files, executable)}, **more
    )
    layers.append((name(suffix), found["Version"]))
    return found


def settled(function, **qualifier):
    def ready():
        shown = lam.get_function_configuration(FunctionName=function, **qualifier)
        return shown["State"] == "Active" and shown.get("LastUpdateStatus") == "Successful" and shown

    return until(f"{function} settles", ready)


def invoke(function, event=None, **more):
    """(payload, response) of a synchronous call."""
    found = lam.invoke(FunctionName=function, Payload=json.dumps(event).encode(), LogType="Tail", **more)
    found["Tail"] = base64.b64decode(found["LogResult"]).decode()
    return json.loads(found["Payload"].read()), found


def log_lines(function):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    return [event["message"] for page in pages for event in page["events"]]


def make_role(suffix, service):
    trust = json.loads(json.dumps(TRUST).replace("lambda.amazonaws.com", service))
    role = iam.create_role(RoleName=name(suffix), AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    ROLES.append(role["RoleName"])
    return role["Arn"]


ROLES = []
ROLE = make_role("role", "lambda.amazonaws.com")
OTHER_ROLE = make_role("other", "ec2.amazonaws.com")
