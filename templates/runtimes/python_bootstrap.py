"""The Lambda runtime for Python of rzap's local cloud.

It speaks the Lambda Runtime API the way AWS's own runtime does: same handler resolution, context,
error documents and log format. Two things differ on purpose: boto3 is not here unless it is packaged,
and a Decimal in a result becomes an int or a float.

It is started with `python -I -S`, so only the standard library, the package and its layers can be
imported. Its argument, if any, is the folder that is `/opt` on AWS. When the Runtime API goes away, it
ends.
"""

import json
import logging
import os
import socket
import sys
import time

# One line of output is one log event; the local cloud turns this into a line feed inside an event.
INNER_LINE_FEED = "\x1e"

request_id = None


class RuntimeApi:
    """A keep-alive HTTP connection; the server is ours and always sends a content-length."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.host = address
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def send(self, method, path, body=b"", **headers):
        head = [f"{method} /2018-06-01/runtime/{path} HTTP/1.1", f"host: {self.host}", f"content-length: {len(body)}"]
        head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        try:
            self.socket.sendall("\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + body)
            return self.receive()
        except OSError:
            # The local cloud is gone, also when it was killed. Threads must not keep this alive.
            os._exit(1)

    def receive(self):
        status = self.reader.readline().split(b" ")
        if len(status) < 2 or status[1] not in (b"200", b"202", b"400", b"413"):
            raise ConnectionError("the Runtime API has ended")
        received = {}
        while line := self.reader.readline().decode("utf-8", "replace").rstrip("\r\n"):
            name, _, value = line.partition(":")
            received[name.lower()] = value.strip()
        return received, self.reader.read(int(received.get("content-length", 0)))


class Fault(Exception):
    """What is wrong with the package or its result, under AWS's name for it."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.document = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": trace or []}


class Record:
    """Some of a mapping's members as attributes, `None` where there is none."""

    def __init__(self, names, values):
        for name in names:
            setattr(self, name, values.get(name))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items())})"


class LambdaContext:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, headers):
        environment = os.environ
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.tenant_id = None
        self.identity = Record(["cognito_identity_id", "cognito_identity_pool_id"], {})
        self.client_context = None
        if context := headers.get("lambda-runtime-client-context"):
            context = json.loads(context)
            self.client_context = Record(["custom", "env", "client"], context)
            if self.client_context.client is not None:
                names = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]
                self.client_context.client = Record(names, self.client_context.client)
        self._deadline = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        write(str(message))


def write(text):
    """Past sys.stdout, which the package may have replaced, but into the same pipe."""
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(1, data) :]


class LogHandler(logging.Handler):
    def emit(self, record):
        record.aws_request_id = request_id or ""
        try:
            write(self.format(record).replace("\n", INNER_LINE_FEED) + "\n")
        except Exception:
            self.handleError(record)


def set_up_logging():
    logging.Formatter.converter = time.gmtime
    handler = LogHandler()
    handler.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )
    )
    logging.getLogger().addHandler(handler)


def set_up_path():
    """The package first, then the layers; then what PYTHONPATH names, which `python -I` does not look at.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """
    task = os.environ["LAMBDA_TASK_ROOT"]
    paths = [task]
    sites = []
    for opt in sys.argv[1:]:
        runtime = os.environ["AWS_EXECUTION_ENV"].removeprefix("AWS_Lambda_")
        sites.append(f"{opt}/python/lib/{runtime}/site-packages")
        paths += [*sites, f"{opt}/python"]
    del sys.argv[1:]
    for path in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if path == "/var/task" or path.startswith("/var/task/"):
            path = task + path[len("/var/task") :]
        if path:
            paths.append(path)
    sys.path[:0] = paths
    # `python -S` leaves these out together with site-packages.
    import site

    for folder in filter(os.path.isdir, sites):
        site.addsitedir(folder)
    site.setquit()
    site.sethelper()


def load(handler):
    import importlib

    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        message = f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)"
        raise Fault("Runtime.MalformedHandlerName", message)
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module_name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from error
    try:
        return getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from error


def as_number(value):
    # By name, so that decimal is imported only by those who use it.
    if type(value).__name__ == "Decimal":
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def marshal(result):
    if isinstance(result, bytes):
        return result, "application/unknown"
    # Since Python 3.12 AWS's runtime writes Unicode as it is.
    ascii_only = os.environ["AWS_EXECUTION_ENV"] in {f"AWS_Lambda_python3.{minor}" for minor in (9, 10, 11)}
    try:
        text = json.dumps(result, ensure_ascii=ascii_only, default=as_number)
        return text.encode("utf-8", "surrogatepass"), "application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def describe(error):
    """The error document, without the frames of this file."""
    import traceback

    if isinstance(error, Fault):
        return error.document
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename == __file__:
        del frames[0]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": "",
        "stackTrace": traceback.format_list(frames),
    }


def log_error(document):
    lines = [f"[ERROR] {document['errorType']}: {document['errorMessage']}", "Traceback (most recent call last):"]
    for frame in document["stackTrace"]:
        for line in frame.splitlines():
            bare = line.lstrip(" ")
            # No-break spaces, because leading blanks would be cut where logs are shown.
            lines.append("\u00a0" * (len(line) - len(bare)) + bare)
    write(INNER_LINE_FEED.join(line.replace("\n", INNER_LINE_FEED) for line in lines) + "\n")


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def post_error(api, path, document):
    flush()
    log_error(document)
    body = json.dumps(document).encode()
    api.send(
        "POST",
        path,
        body,
        content_type="application/vnd.aws.lambda.error+json",
        lambda_runtime_function_error_type=document["errorType"],
    )


def handle(api, handler, headers, body):
    path = f"invocation/{request_id}/"
    try:
        context = LambdaContext(headers)
        try:
            event = json.loads(body)
        except ValueError as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
        result, content_type = marshal(handler(event, context))
    except Exception as error:
        document = describe(error)
        document["requestId"] = request_id
        post_error(api, path + "error", document)
        return
    flush()
    api.send("POST", path + "response", result, content_type=content_type)


def main():
    global request_id
    # Where the locale in LANG is not installed Python sets this, and functions are to see Lambda's
    # environment (https://peps.python.org/pep-0538/).
    if os.environ.get("LC_CTYPE") == "C.UTF-8":
        del os.environ["LC_CTYPE"]
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    set_up_path()
    set_up_logging()
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        post_error(api, "init/error", describe(error))
        sys.exit(1)
    while True:
        headers, body = api.send("GET", "invocation/next")
        request_id = headers["lambda-runtime-aws-request-id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
        handle(api, handler, headers, body)


main()
