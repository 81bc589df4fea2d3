"""What the clients of API Gateway share: the endpoint, boto3 clients, checks, plain HTTP, a function.

The function does what the request says, so that every shape of an answer comes from one place; a request that
says nothing is answered with its own event.
"""

import io
import json
import sys
import time
import uuid
import zipfile
from http.client import HTTPConnection
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
PORT = urlsplit(ENDPOINT).port
REGION = "eu-west-1"
ACCOUNT = "000000000000"
RUN = uuid.uuid4().hex[:8]

CODE = """
import base64, json, time
def handler(event, context):
    raw = event.get("body") if event.get("rawPath", event.get("path", "")).endswith("/answer") else None
    if raw:
        if event.get("isBase64Encoded"):
            raw = base64.b64decode(raw).decode()
        do = json.loads(raw)
        if "raise" in do:
            raise ValueError(do["raise"])
        if "sleep" in do:
            time.sleep(do["sleep"])
        return do.get("return")
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""


def client(service, **more):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name=more.pop("region_name", REGION), aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}), **more,
    )


def equal(have, want, what):
    if have != want:
        sys.exit(f"{sys.argv[0]}: {what}\n  have {have!r}\n  want {want!r}")


def check(good, what):
    if not good:
        sys.exit(f"{sys.argv[0]}: {what}")


def refused(code, call, says="", **arguments):
    """The call is refused with this code, and its message says this."""
    try:
        call(**arguments)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, f"the code of {call.__name__}({arguments!r}): {error}")
        message = error.response["Error"]["Message"]
        check(message and says in message, f"{call.__name__}({arguments!r}) says {message!r}, not {says!r}")
        return
    sys.exit(f"{sys.argv[0]}: {call.__name__}({arguments!r}) should be refused with {code}")


def unsupported(call, what, **arguments):
    """The call is refused because the local cloud does not do that, and says so by name."""
    refused("NotImplemented", call, what, **arguments)
    refused("NotImplemented", call, "is not supported by the local cloud", **arguments)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.getheaders(), response.read()

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name):
        return (self.all(name) or [None])[0]

    def json(self):
        return json.loads(self.body)


def send(method, path, body=None, headers=None, host=None):
    connection = HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", host or f"127.0.0.1:{PORT}")
    body = body.encode() if isinstance(body, str) else body
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    for name, value in headers or []:
        connection.putheader(name, value)
    connection.endheaders(body)
    return Answer(connection.getresponse())


def function():
    """A role, a function and its alias; nobody may invoke it yet. Name and the alias's ARN."""
    lam, iam = client("lambda"), client("iam")
    name = f"gateway-{RUN}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    }))["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    for _ in range(40):
        try:
            lam.create_function(FunctionName=name, Role=role, Runtime="python3.13", Handler="app.handler", Timeout=10,
                                Publish=True, Code={"ZipFile": packed.getvalue()})
            break
        except ClientError as error:
            # A fresh role cannot be assumed at once.
            if "role" not in error.response["Error"]["Message"]:
                raise
            time.sleep(0.25)
    else:
        sys.exit(f"{sys.argv[0]}: the role never became usable")
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return name, lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]


def remove(name):
    client("lambda").delete_function(FunctionName=name)
    client("iam").delete_role(RoleName=name)
