"""AWS's delays, states and rates in front of an endpoint that has none of them, and a log of all calls.

    benches/slow_cloud.py ENDPOINT --port 4599 [--delay 0.06] [--role 8] [--pending 3] [--updating 2] [--rates]

Knows nothing of rzap; `GET /_slow_cloud` says what it has seen. What it answers itself is as AWS documents it; the pages are named where it does. It holds:

- every call takes `delay` seconds;
- a role cannot be used for `role` seconds after CreateRole;
- a new function is `Pending` for `pending` seconds, an updated one `InProgress` for `updating` seconds;
- with `rates`, each operation's calls per second, refused with 429 or what the service says instead.
"""

import argparse
import asyncio
import dataclasses
import json
import re
import time
import urllib.parse
from dataclasses import dataclass, field

LAMBDA = [
    ("GET", r"/functions/?$", "ListFunctions"),
    ("POST", r"/functions/?$", "CreateFunction"),
    ("GET", r"/functions/[^/]+$", "GetFunction"),
    ("DELETE", r"/functions/[^/]+$", "DeleteFunction"),
    ("GET", r"/functions/[^/]+/configuration$", "GetFunctionConfiguration"),
    ("PUT", r"/functions/[^/]+/configuration$", "UpdateFunctionConfiguration"),
    ("PUT", r"/functions/[^/]+/code$", "UpdateFunctionCode"),
    ("POST", r"/functions/[^/]+/versions$", "PublishVersion"),
    ("GET", r"/functions/[^/]+/versions$", "ListVersionsByFunction"),
    ("POST", r"/functions/[^/]+/aliases$", "CreateAlias"),
    ("GET", r"/functions/[^/]+/aliases$", "ListAliases"),
    ("GET", r"/functions/[^/]+/aliases/[^/]+$", "GetAlias"),
    ("PUT", r"/functions/[^/]+/aliases/[^/]+$", "UpdateAlias"),
    ("GET", r"/functions/[^/]+/policy$", "GetPolicy"),
    ("POST", r"/functions/[^/]+/policy$", "AddPermission"),
    ("DELETE", r"/functions/[^/]+/policy/[^/]+$", "RemovePermission"),
    ("GET", r"/functions/[^/]+/url$", "GetFunctionUrlConfig"),
    ("POST", r"/functions/[^/]+/url$", "CreateFunctionUrlConfig"),
    ("PUT", r"/functions/[^/]+/url$", "UpdateFunctionUrlConfig"),
    ("DELETE", r"/functions/[^/]+/url$", "DeleteFunctionUrlConfig"),
    ("POST", r"/functions/[^/]+/invocations$", "Invoke"),
    ("GET", r"/layers/?$", "ListLayers"),
]
GATEWAY = [
    ("POST", r"/restapis/?$", "CreateRestApi"),
    ("GET", r"/restapis/?$", "GetRestApis"),
    ("PUT", r"/restapis/[^/]+$", "PutRestApi"),
    ("DELETE", r"/restapis/[^/]+$", "DeleteRestApi"),
    ("GET", r"/restapis/[^/]+/resources$", "GetResources"),
    ("POST", r"/restapis/[^/]+/deployments$", "CreateDeployment"),
    ("GET", r"/restapis/[^/]+/deployments$", "GetDeployments"),
    ("GET", r"/restapis/[^/]+/deployments/[^/]+$", "GetDeployment"),
    ("GET", r"/restapis/[^/]+/stages/[^/]+$", "GetStage"),
    ("PATCH", r"/restapis/[^/]+/stages/[^/]+$", "UpdateStage"),
    ("GET", r"/v2/apis/?$", "GetApis"),
    ("POST", r"/v2/apis/?$", "CreateApi"),
    ("GET", r"/v2/apis/[^/]+/(routes|integrations)$", "GetRoutes/Integrations"),
    ("POST", r"/v2/apis/[^/]+/(routes|integrations)$", "CreateRoute/Integration"),
    ("GET", r"/v2/apis/[^/]+/stages/[^/]+$", "GetStage"),
    ("POST", r"/v2/apis/[^/]+/stages$", "CreateStage"),
]
SCHEDULER = [
    ("GET", r"/schedule-groups/[^/]+$", "GetScheduleGroup"),
    ("POST", r"/schedule-groups/[^/]+$", "CreateScheduleGroup"),
    ("POST", r"/schedules/[^/]+$", "CreateSchedule"),
    ("GET", r"/schedules/?$", "ListSchedules"),
    ("GET", r"/schedules/[^/]+$", "GetSchedule"),
    ("GET", r"/tags/.*$", "ListTagsForResource"),
]

# Calls per second and how many may come at once. What AWS does not say of a burst is one second's worth.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
RATES = {
    "lambda GetFunction": (100, 100),
    "lambda GetPolicy": (15, 15),
    "lambda": (15, 15),
    "apigateway CreateRestApi": (1 / 3, 1),
    "apigateway PutRestApi": (1, 1),
    "apigateway CreateDeployment": (1 / 5, 1),
    "apigateway DeleteRestApi": (1 / 30, 1),
    "apigateway GetResources": (2.5, 5),
    "apigateway": (10, 40),
    "logs CreateLogGroup": (10, 10),
    "logs PutRetentionPolicy": (10, 10),
    "logs DescribeLogGroups": (10, 10),
    "logs ListTagsForResource": (10, 10),
}


@dataclass
class Call:
    operation: str
    name: str
    start: float
    end: float = 0.0
    status: int = 0
    # Nothing came of it but that it is too early.
    early: bool = False
    throttled: bool = False
    bytes: int = 0


@dataclass
class Timing:
    delay: float = 0.06
    role: float = 8.0
    pending: float = 3.0
    updating: float = 2.0
    rates: bool = False


@dataclass
class Request:
    method: str
    target: str
    headers: list
    body: bytes
    service: str = ""
    operation: str = ""
    name: str = ""
    values: dict = field(default_factory=dict)

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), "")


class Bucket:
    def __init__(self, rate, burst):
        self.rate, self.burst, self.level, self.at = rate, burst, float(burst), time.monotonic()

    def take(self):
        now = time.monotonic()
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class SlowCloud:
    def __init__(self, upstream, timing):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.timing = timing
        self.calls = []
        self.roles, self.pending, self.updating = {}, {}, {}
        self.refill()

    def refill(self):
        self.buckets = {key: Bucket(*rate) for key, rate in RATES.items()}

    async def start(self, port=0):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port, backlog=512)
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        theirs = None
        try:
            while True:
                request = await read_request(reader, writer)
                if request is None:
                    break
                if request.target == "/_slow_cloud":
                    seen = json.dumps([dataclasses.asdict(call) for call in self.calls]).encode()
                    write_answer(writer, request, 200, [("Content-Type", "application/json")], seen)
                    continue
                classify(request)
                call = Call(request.operation, request.name, time.monotonic(), bytes=len(request.body))
                self.calls.append(call)
                await asyncio.sleep(self.timing.delay / 2)
                answer = self.refuse(request, call)
                if answer is None:
                    if theirs is None:
                        theirs = await asyncio.open_connection(*self.upstream)
                    answer = self.touch(request, call, await forward(theirs, request))
                await asyncio.sleep(self.timing.delay / 2)
                status, headers, body = answer
                call.status = status
                # rzap cannot have read it before.
                call.end = time.monotonic()
                write_answer(writer, request, status, headers, body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if theirs:
                theirs[1].close()

    def refuse(self, request, call):
        """An answer in the service's place."""
        if self.timing.rates and not self.may(request):
            call.throttled = True
            code = "ThrottlingException" if request.service in ["logs", "scheduler"] else "TooManyRequestsException"
            return error(400 if request.service == "logs" else 429, code, "Rate exceeded")
        now = time.monotonic()
        if request.operation in ["lambda CreateFunction", "lambda UpdateFunctionConfiguration", "scheduler CreateSchedule"]:
            document = json.loads(request.body or b"{}")
            role = document.get("Role") or document.get("Target", {}).get("RoleArn", "")
            if now < self.roles.get(role.rsplit("/", 1)[-1], 0):
                call.early = True
                if request.service == "scheduler":
                    text = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
                    return error(400, "ValidationException", text)
                text = "The role defined for the function cannot be assumed by Lambda."
                return error(400, "InvalidParameterValueException", text)
        # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        operation = request.operation.removeprefix("lambda ")
        busy = ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"]
        name = function_of(request)
        if operation in [*busy, "Invoke"] and now < self.pending.get(name, 0):
            call.early = True
            text = "The operation cannot be performed at this time. The function is currently in the following state: Pending"
            return error(409, "ResourceConflictException", text)
        if operation in busy and now < self.updating.get(name, 0):
            call.early = True
            text = f"The operation cannot be performed at this time. An update is in progress for resource: {name}"
            return error(409, "ResourceConflictException", text)
        return None

    def may(self, request):
        own = self.buckets.get(request.operation)
        if own and request.service == "lambda":
            return own.take()
        whole = self.buckets.get(request.service)
        return (own is None or own.take()) and (whole is None or whole.take())

    def touch(self, request, call, answer):
        """What an answer means for later, and what it has to say of now."""
        status, headers, body = answer
        now = time.monotonic()
        operation, name = request.operation, function_of(request)
        if status >= 300:
            return answer
        if operation == "iam CreateRole":
            self.roles[request.name] = now + self.timing.role
        if operation == "lambda CreateFunction":
            name = json.loads(request.body)["FunctionName"]
            self.pending[name] = now + self.timing.pending
            return status, headers, patched(body, {"State": "Pending", "StateReasonCode": "Creating"})
        if operation in ["lambda UpdateFunctionCode", "lambda UpdateFunctionConfiguration"]:
            self.updating[name] = now + self.timing.updating
            return status, headers, patched(body, {"LastUpdateStatus": "InProgress"})
        if operation in ["lambda GetFunction", "lambda GetFunctionConfiguration"]:
            # The alias leads to a version that has been ready for long, except when there is no other one.
            serves = "Qualifier=live" in request.target
            state = {}
            if now < self.pending.get(name, 0):
                state = {"State": "Pending", "StateReasonCode": "Creating"}
            elif now < self.updating.get(name, 0) and not serves:
                state = {"LastUpdateStatus": "InProgress"}
            if state:
                call.early = True
                return status, headers, patched(body, state, operation.endswith("Function"))
        return answer


def patched(body, state, inner=False):
    document = json.loads(body)
    (document["Configuration"] if inner else document).update(state)
    return json.dumps(document).encode()


def error(status, code, message):
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    return status, headers, json.dumps({"__type": code, "message": message, "Message": message}).encode()


def function_of(request):
    found = re.search(r"/functions/([^/?]+)", request.target)
    return urllib.parse.unquote(found[1]) if found and request.service == "lambda" else ""


def classify(request):
    scope = re.search(r"Credential=[^,]*/([a-z0-9-]+)/aws4_request", request.header("authorization"))
    request.service = scope[1] if scope else "none"
    path = urllib.parse.urlsplit(request.target).path
    target = request.header("x-amz-target")
    if target:
        name = target.rsplit(".", 1)[-1]
        document = json.loads(request.body or b"{}")
        request.name = document.get("logGroupName") or document.get("logGroupNamePrefix") or ""
    elif request.service in ["iam", "sts"]:
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        name, request.name = form.get("Action", "?"), form.get("RoleName", "")
    elif request.service == "s3":
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query, keep_blank_values=True))
        key = path.lstrip("/").partition("/")[2]
        kind = "Object" if key else "Bucket"
        sub = next((word for word in ["publicAccessBlock", "encryption", "lifecycle", "uploads"] if word in query), "")
        name = query.get("x-id") or request.method.title() + kind + (f"?{sub}" if sub else "")
        if "list-type" in query:
            name = "ListObjectsV2"
            key = query.get("prefix", "")
        request.name = key
    else:
        table = {"lambda": LAMBDA, "apigateway": GATEWAY, "scheduler": SCHEDULER}.get(request.service, [])
        trimmed = re.sub(r"^/20\d\d-\d\d-\d\d", "", path)
        matches = (name for method, pattern, name in table if method == request.method and re.match(pattern, trimmed))
        name = next(matches, f"{request.method} {trimmed}")
        request.name = function_of(request)
    request.operation = f"{request.service} {name}"


async def read_request(reader, writer):
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode().split()
    headers = await read_headers(reader)
    request = Request(method, target, headers, b"")
    if request.header("expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.body = await read_body(reader, headers)
    return request


async def read_headers(reader):
    headers = []
    while (line := await reader.readline()) not in [b"\r\n", b""]:
        key, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
        headers.append((key, value.strip()))
    return headers


async def read_body(reader, headers):
    known = {key.lower(): value for key, value in headers}
    if "chunked" in known.get("transfer-encoding", ""):
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await read_headers(reader)
        return body
    return await reader.readexactly(int(known.get("content-length", 0)))


async def forward(theirs, request):
    reader, writer = theirs
    skip = ["content-length", "transfer-encoding", "expect", "connection"]
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{key}: {value}" for key, value in request.headers if key.lower() not in skip]
    lines.append(f"content-length: {len(request.body)}")
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + request.body)
    await writer.drain()
    status = 100
    while status == 100:
        status = int((await reader.readline()).split()[1])
        headers = await read_headers(reader)
    body = b"" if request.method == "HEAD" or status in [204, 304] else await read_body(reader, headers)
    return status, headers, body


def write_answer(writer, request, status, headers, body):
    head = request.method == "HEAD"
    skip = ["transfer-encoding", "connection"] + ([] if head else ["content-length"])
    lines = [f"HTTP/1.1 {status} -"] + [f"{key}: {value}" for key, value in headers if key.lower() not in skip]
    if not head:
        lines.append(f"content-length: {len(body)}")
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def path(calls, last=None):
    """Backwards from the last call: the one before is that which was answered last before this one began. So many calls
    were made one after another; what came too early, or too often, was a wait and is not among them."""
    calls = [call for call in calls if call.end]
    call = last or max(calls, key=lambda call: call.end, default=None)
    links = []
    while call:
        links.append(call)
        call = max((other for other in calls if other.end <= call.start), key=lambda other: other.end, default=None)
    return [call for call in links[::-1] if not call.early and not call.throttled]


def covered(calls):
    """Seconds in which a call was under way, or something that was too early was waited for."""
    spans = []
    calls = sorted(calls, key=lambda call: call.start)
    for at, call in enumerate(calls):
        end = call.end
        if call.early or call.throttled:
            again = (other.start for other in calls[at + 1 :] if (other.operation, other.name) == (call.operation, call.name))
            end = next(again, end)
        spans.append((call.start, end))
    total, until = 0.0, 0.0
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("endpoint")
    parser.add_argument("--port", type=int, required=True)
    for field in dataclasses.fields(Timing):
        if field.name == "rates":
            parser.add_argument("--rates", action="store_true")
        else:
            parser.add_argument(f"--{field.name}", type=float, default=field.default, metavar="SECONDS")
    arguments = vars(parser.parse_args())
    endpoint, port = arguments.pop("endpoint"), arguments.pop("port")
    cloud = SlowCloud(endpoint, Timing(**arguments))
    await cloud.start(port)
    await cloud.server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
