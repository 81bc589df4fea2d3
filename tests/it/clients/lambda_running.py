"""Functions that run: invocations, logs, failures, concurrency, isolation, runtimes."""

import base64
import concurrent.futures
import json
import tempfile
import time

from lambda_kit import (
    ENDPOINT,
    REGION,
    create,
    equal,
    holds,
    invoke,
    lam,
    log_lines,
    name,
    package,
    refused,
    settled,
    until,
)

KINDS = """
import json, logging, os, subprocess, sys, time

def handler(event, context):
    kind = event.get("kind") if isinstance(event, dict) else None
    if kind == "print":
        print("printed"); print("no line feed", end=""); sys.stderr.write(" and stderr\\n")
        logging.getLogger().warning("two\\nlines"); sys.stdout.write("last words")
        return "done"
    if kind == "raise": raise ValueError("boom")
    if kind == "unserialisable": return object()
    if kind == "sleep": time.sleep(event["seconds"]); return os.getpid()
    if kind == "exit": sys.exit(event["code"])
    if kind == "kill": os.kill(os.getpid(), 9)
    if kind == "big": return "x" * event["size"]
    if kind == "child":
        subprocess.Popen(["sleep", "30"]); return "left a child"
    if kind == "context":
        return [context.function_name, context.memory_limit_in_mb, context.aws_request_id, context.log_group_name,
                context.log_stream_name, context.client_context and context.client_context.custom, context.get_remaining_time_in_millis()]
    if kind == "count":
        path = os.environ["TMPDIR"] + "/count"
        with open(path, "a") as file: file.write(".")
        return os.path.getsize(path)
    if kind == "flaky":
        with open(event["path"], "a") as file: file.write(".")
        raise RuntimeError("flaky")
    return event
"""


def kinds_of_invocation():
    create("kinds", {"app.py": KINDS}, Timeout=20)
    function = name("kinds")
    equal("no payload", json.loads(lam.invoke(FunctionName=function)["Payload"].read()), {})
    equal("dry run", lam.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"], 204)
    refused(
        "payload that is no JSON",
        "InvalidRequestContentException",
        "Could not parse request body into json",
        lam.invoke,
        FunctionName=function,
        Payload=b"{",
    )
    refused(
        "payload over 6 MB",
        "RequestEntityTooLargeException",
        "limit 6291456 bytes",
        lam.invoke,
        FunctionName=function,
        Payload=b'"' + b"x" * 6291456 + b'"',
    )
    refused(
        "event over 1 MB",
        "RequestEntityTooLargeException",
        "Event invocation type",
        lam.invoke,
        FunctionName=function,
        InvocationType="Event",
        Payload=b'"' + b"x" * 1048576 + b'"',
    )
    payload, found = invoke(function, {"kind": "raise"})
    equal("function error", found["FunctionError"], "Unhandled")
    equal("error", (payload["errorType"], payload["errorMessage"]), ("ValueError", "boom"))
    holds(
        "stack trace ends in the handler",
        'in handler\n    if kind == "raise": raise ValueError("boom")' in payload["stackTrace"][-1]
        and "bootstrap" not in payload["stackTrace"][0],
    )
    holds("error in the log", "[ERROR] ValueError: boom" in found["Tail"])
    equal(
        "result that is no JSON", invoke(function, {"kind": "unserialisable"})[0]["errorType"], "Runtime.MarshalError"
    )
    payload, found = invoke(function, {"kind": "big", "size": 6291557})
    equal(
        "answer over 6 MB",
        (payload["errorType"], found["FunctionError"]),
        ("Function.ResponseSizeTooLarge", "Unhandled"),
    )
    equal("answer of just under 6 MB", len(invoke(function, {"kind": "big", "size": 6291554})[0]), 6291554)
    context = base64.b64encode(b'{"custom": {"k": "\xc3\xbc"}}').decode()
    payload, found = invoke(function, {"kind": "context"}, ClientContext=context)
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    equal("context", payload[:4], [function, "128", request, f"/aws/lambda/{function}"])
    holds(f"stream {payload[4]}", payload[4][10:21] == "/[$LATEST]" + payload[4][20] and len(payload[4]) == 20 + 32)
    equal("client context", payload[5], {"k": "ü"})
    holds(f"remaining time {payload[6]}", 15_000 < payload[6] <= 20_000)
    before = time.monotonic()
    equal("a child that stays", invoke(function, {"kind": "child"})[0], "left a child")
    holds("nobody waits for it", time.monotonic() - before < 5)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tries"
        event = json.dumps({"kind": "flaky", "path": path})
        found = lam.invoke(FunctionName=function, InvocationType="Event", Payload=event)
        equal("event", found["StatusCode"], 202)

        def tries():
            try:
                with open(path) as file:
                    return len(file.read())
            except FileNotFoundError:
                return 0

        until("an event is tried three times", lambda: tries() >= 3)
        time.sleep(1.2)
        equal("and not more often", tries(), 3)


def logs_and_tail():
    function = name("kinds")
    payload, found = invoke(function, {"kind": "print"})
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    lines = found["Tail"].splitlines()
    equal("first line", lines[0], f"START RequestId: {request} Version: $LATEST")
    equal("printed", lines[1:3], ["printed", "no line feed and stderr"])
    holds(f"logger line {lines[3]!r}", lines[3].startswith("[WARNING]\t20") and lines[3].endswith(f"Z\t{request}\ttwo"))
    equal("unfinished line", lines[4:6], ["lines", "last words"])
    equal("end", lines[6], f"END RequestId: {request}")
    report = lines[7].split("\t")
    equal(
        "report",
        [part.split(":")[0] for part in report if part],
        ["REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used"],
    )
    holds(f"memory in {report}", int(report[4].split()[3]) > 0)
    kept = log_lines(function)
    at = next(index for index, line in enumerate(kept) if line.startswith(f"START RequestId: {request}"))
    equal("the same in CloudWatch Logs", "".join(kept[at : at + 7]), found["Tail"])
    equal("a record of two lines is one event", kept[at + 3].count("\n"), 2)


def timeout_and_crash():
    create("crash", {"app.py": KINDS}, Timeout=1)
    function = name("crash")
    holds("cold start is reported", "Init Duration: " in invoke(function, {})[1]["Tail"])
    before = time.monotonic()
    payload, found = invoke(function, {"kind": "sleep", "seconds": 60})
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    holds("timeout is enforced", 1 <= time.monotonic() - before < 4)
    equal(
        "timeout",
        payload,
        {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds",
        },
    )
    holds(
        "timeout in the log",
        f"{request} Task timed out after 1.00 seconds" in found["Tail"] and "Status: timeout" in found["Tail"],
    )
    payload, found = invoke(function, {"kind": "count"})
    equal("a new worker afterwards", (payload, "Init Duration" in found["Tail"]), (1, True))
    equal("which stays warm", [invoke(function, {"kind": "count"})[0] for _ in range(3)], [2, 3, 4])
    payload, found = invoke(function, {"kind": "exit", "code": 3})
    request = found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    equal(
        "exit",
        payload,
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {request} Error: Runtime exited with error: exit status 3",
        },
    )
    holds("killed", invoke(function, {"kind": "kill"})[0]["errorMessage"].endswith("signal: killed"))
    equal("a new worker again", invoke(function, {"kind": "count"})[0], 1)


def init_errors():
    create("import", {"app.py": "import flask"})
    payload, found = invoke(name("import"))
    equal(
        "import error",
        (payload["errorType"], payload["errorMessage"]),
        ("Runtime.ImportModuleError", "Unable to import module 'app': No module named 'flask'"),
    )
    holds("unhandled", found["FunctionError"] == "Unhandled")
    create("missing", {"app.py": ""})
    equal("no handler", invoke(name("missing"))[0]["errorMessage"], "Handler 'handler' missing on module 'app'")
    create("syntax", {"app.py": "def"})
    equal("syntax", invoke(name("syntax"))[0]["errorType"], "Runtime.UserCodeSyntaxError")
    create("nested", {"pkg/mod.py": "def go(e, c): return __name__", "pkg/__init__.py": ""}, handler="pkg/mod.go")
    equal("folder in the handler", invoke(name("nested"))[0], "pkg.mod")


def concurrency():
    create("many", {"app.py": KINDS}, Timeout=20)
    function = name("many")
    event = {"kind": "sleep", "seconds": 1}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(lambda _: invoke(function, event)[0], range(4)))
    equal("a process each", len(seen), 4)
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, function, {"kind": "sleep", "seconds": 2})
        time.sleep(0.7)
        found = refused(
            "over the reservation",
            "TooManyRequestsException",
            "Rate Exceeded",
            lam.invoke,
            FunctionName=function,
            Payload=b"{}",
        )
        equal("reason", found["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded")
        running.result()
    for _ in range(5):
        equal("free again at once", invoke(function, 7)[0], 7)


def isolation():
    code = """
import os, sys

def handler(event, context):
    try:
        import pip
        host = "pip"
    except ImportError:
        host = None
    try:
        open("x", "w").close()
        wrote = os.getuid() != 0
    except OSError:
        wrote = False
    return {"env": dict(os.environ), "host": host, "wrote": wrote, "path": sys.path[0], "cwd": os.getcwd()}
"""
    variables = {"GREETING": "hi", "PYTHONPATH": "/var/task/lib"}
    create("env", {"app.py": code}, Environment={"Variables": variables}, MemorySize=256)
    found = invoke(name("env"))[0]
    env = found["env"]
    known = {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LANG", "TZ", "PATH",
        "LD_LIBRARY_PATH", "HOME", "TMPDIR",
    }  # fmt: skip
    equal("names in the environment", set(env) - set(variables), known)
    wanted = {
        "GREETING": "hi",
        "AWS_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "_HANDLER": "app.handler",
        "TZ": ":UTC",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    }
    equal("values", {key: env[key] for key in wanted}, wanted)
    equal("nothing of the host's packages", found["host"], None)
    equal("task root", (found["path"], found["cwd"]), (env["LAMBDA_TASK_ROOT"], env["LAMBDA_TASK_ROOT"]))
    holds("the task root is read-only", not found["wrote"])
    sdk = "import os, urllib.request\ndef handler(e, c):\n    return os.environ['AWS_ENDPOINT_URL'].rsplit(':', 1)[1]"
    create("endpoint", {"app.py": sdk})
    equal("the SDK finds the local cloud", invoke(name("endpoint"))[0], ENDPOINT.rstrip("/").rsplit(":", 1)[1])


BOOTSTRAP = r"""#!/bin/sh
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next") || exit 1
  id=$(tr -d '\r' < "$headers" | sed -n 's/^lambda-runtime-aws-request-id: //p')
  echo "handling $_HANDLER"
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "{\"shell\": $event}" > /dev/null
done
"""


def own_runtimes():
    create(
        "own", {"bootstrap": BOOTSTRAP}, handler="main", runtime="provided.al2023", executable=["bootstrap"], Timeout=10
    )
    payload, found = invoke(name("own"), {"a": 1})
    equal("bootstrap", payload, {"shell": {"a": 1}})
    holds("its log", "handling main" in found["Tail"])
    create("noexec", {"bootstrap": BOOTSTRAP}, handler="main", runtime="provided.al2023")
    payload, found = invoke(name("noexec"))
    equal("without the exec bit", payload["errorType"], "Runtime.InvalidEntrypoint")
    holds(payload["errorMessage"], payload["errorMessage"].endswith("fork/exec /var/task/bootstrap: permission denied"))
    create("nothing", {"readme": ""}, handler="main", runtime="provided.al2023")
    holds("without a bootstrap", "Couldn't find valid bootstrap(s)" in invoke(name("nothing"))[0]["errorMessage"])


NODE = """
exports.promise = async (event, context) => { console.log("two\\nlines"); return [event, context.functionName]; };
exports.callback = (event, context, callback) => { setTimeout(() => callback(null, "called"), 20); };
exports.silent = (event) => {};
exports.fail = async () => { throw new TypeError("bad"); };
exports.reject = async () => { Promise.reject(new Error("loose")); await new Promise((r) => setTimeout(r, 1000)); };
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); stream.write("a"); stream.end("b"); });
"""


def node():
    for number, (handler, files) in enumerate(
        {
            "index.promise": {"index.js": NODE},
            "dir/index.handler": {"dir/index.mjs": "export const handler = async () => 'esm';"},
            "app.handler": {
                "app.js": "export const handler = async () => 'typed';",
                "package.json": '{"type": "module"}',
            },
        }.items()
    ):
        create(f"node{number}", files, handler=handler, runtime="nodejs20.x", Timeout=10)
    payload, found = invoke(name("node0"), {"a": "ü"})
    equal("async handler", payload, [{"a": "ü"}, name("node0")])
    holds("console", "\tINFO\ttwo\nlines\n" in found["Tail"])
    equal("ES module", invoke(name("node1"))[0], "esm")
    equal("type module", invoke(name("node2"))[0], "typed")

    def switched(handler):
        lam.update_function_configuration(FunctionName=name("node0"), Handler=handler)
        settled(name("node0"))
        return invoke(name("node0"))

    equal("callback", switched("index.callback")[0], "called")
    equal("no answer", switched("index.silent")[0], None)
    payload, found = switched("index.fail")
    equal(
        "error",
        (payload["errorType"], payload["errorMessage"], found["FunctionError"]),
        ("TypeError", "bad", "Unhandled"),
    )
    holds("trace", payload["trace"][0] == "TypeError: bad")
    equal("rejection nobody handles", switched("index.reject")[0]["errorType"], "Runtime.UnhandledPromiseRejection")
    equal("handler that is not there", switched("index.none")[0]["errorType"], "Runtime.HandlerNotFound")
    equal("module that is not there", switched("none.none")[0]["errorType"], "Runtime.ImportModuleError")
    lam.update_function_configuration(FunctionName=name("node0"), Handler="index.stream")
    settled(name("node0"))
    streamed = lam.invoke(FunctionName=name("node0"))["Payload"].read()
    equal("stream, collected", streamed, b'{"statusCode":201}' + bytes(8) + b"ab")


def new_code_runs_at_once():
    create("swap", {"app.py": "def handler(e, c): return 'old'"})
    function = name("swap")
    equal("before", invoke(function)[0], "old")
    lam.update_function_code(FunctionName=function, ZipFile=package({"app.py": "def handler(e, c): return 'new'"}))
    settled(function)
    equal("after", invoke(function)[0], "new")
