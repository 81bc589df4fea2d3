"""A Lambda runtime for Python that streams: AWS's own can only answer with a whole document.

It does what AWS's runtime (awslambdaric) does: handler resolution, context, log format, error documents.
Beside that it asks the handler's `stream(event, context)` first, where there is one: what is not None is
sent in parts, while it is made. `start` puts it in the place of AWS's, with the interpreter and its flags.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

import json
import os
import sys

PRELUDE = "application/vnd.awslambda.http-integration-response"
END_OF_PRELUDE = bytes(8)


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
        return "{}({})".format(type(self).__name__, ", ".join("{}={}".format(*item) for item in vars(self).items()))


class LambdaContext:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        for name in ("function_name", "function_version", "log_group_name", "log_stream_name"):
            setattr(self, name, os.environ.get("AWS_LAMBDA_" + name.upper()))
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        identity = json.loads(headers.get("lambda-runtime-cognito-identity") or "{}")
        self.identity = Record(["cognito_identity_id", "cognito_identity_pool_id"], {})
        self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self.client_context = None
        context = headers.get("lambda-runtime-client-context")
        if context:
            self.client_context = Record(["custom", "env", "client"], json.loads(context))
            if self.client_context.client is not None:
                names = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]
                self.client_context.client = Record(names, self.client_context.client)
        self._deadline = int(headers.get("lambda-runtime-deadline-ms", 0))

    def get_remaining_time_in_millis(self):
        from time import time

        return max(0, self._deadline - int(time() * 1000))

    def log(self, message):
        from rzap_web import runtime_log

        runtime_log.write(str(message))


def set_up_path():
    """The package, the layers, then everything else, and what AWS brings (boto3) at the end.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """
    task = os.environ["LAMBDA_TASK_ROOT"]
    # `python -I` is the local cloud, which says itself where the layers are, and brings nothing.
    alone = sys.flags.isolated
    site_packages = "python/lib/python{}.{}/site-packages".format(*sys.version_info)
    sites = []
    paths = [task]
    for opt in sys.argv[1:] or ([] if alone else ["/opt"]):
        sites.append("{}/{}".format(opt, site_packages))
        paths += [sites[-1], opt + "/python"]
    del sys.argv[1:]
    if alone:
        for path in os.environ.get("PYTHONPATH", "").split(os.pathsep):
            if path == "/var/task" or path.startswith("/var/task/"):
                path = task + path[len("/var/task") :]
            paths += [path] if path else []
    brought = [] if alone else [os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")]
    # This folder is no place to import from: `request` and `static` may be names of the app.
    moved = [*paths, *brought, os.path.dirname(os.path.abspath(__file__))]
    sys.path[:] = paths + [path for path in sys.path if path not in moved] + brought
    # `python -S` leaves these out together with site-packages.
    import site

    for folder in filter(os.path.isdir, sites):
        site.addsitedir(folder)
    if alone:
        site.setquit()
        site.sethelper()


def load(name):
    """The handler, and whether it may stream its answers to HTTP."""
    import importlib

    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        message = "Bad handler '{}': not enough values to unpack (expected 2, got 1)".format(name)
        raise Fault("Runtime.MalformedHandlerName", message)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = "Unable to import module '{}': {}".format(module_name, error)
        raise Fault("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        trace = ['  File "{0.filename}" Line {0.lineno}\n    {0.text}'.format(error)]
        message = "Syntax error in module '{}': {}".format(module_name, error)
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from error
    try:
        return getattr(module, function_name), getattr(module, "STREAMS", False)
    except AttributeError as error:
        message = "Handler '{}' missing on module '{}'".format(function_name, module_name)
        raise Fault("Runtime.HandlerNotFound", message) from error


def as_number(value):
    # By name, so that decimal is imported only by those who use it.
    if type(value).__name__ == "Decimal":
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("Object of type {} is not JSON serializable".format(type(value).__name__))


def marshal(result):
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        # Since Python 3.12 AWS's runtime writes Unicode as it is.
        text = json.dumps(result, ensure_ascii=sys.version_info < (3, 12), default=as_number)
        return text.encode("utf-8", "surrogatepass"), "application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: {}".format(error)) from error


def describe(error):
    """The error document, without the frames of the runtime."""
    if isinstance(error, Fault):
        return dict(error.document)
    import traceback

    here = os.path.dirname(os.path.abspath(__file__))
    ours = {os.path.join(here, name) for name in ("runtime.py", "runtime_api.py")}
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename in ours:
        del frames[0]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": "",
        "stackTrace": traceback.format_list(frames),
    }


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def handle(api, log, handler, streams, headers, body):
    path = "invocation/{}/".format(log.request_id)

    def told(error):
        document = describe(error)
        document["requestId"] = log.request_id
        flush()
        log.error(document)
        return document

    try:
        context = LambdaContext(headers)
        try:
            event = json.loads(body)
        except ValueError as error:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: {}".format(error)) from error
        # What rzap itself sends is streamed in any case.
        ask = streams or (isinstance(event, dict) and "rzap" in event)
        stream = getattr(handler, "stream", None) if ask else None
        streamed = stream(event, context) if stream is not None else None
        if streamed is None:
            result, content_type = marshal(handler(event, context))
    except Exception as error:
        document = told(error)
        kind, error_type = "application/vnd.aws.lambda.error+json", document["errorType"]
        document = json.dumps(document).encode()
        api.send("POST", path + "error", document, content_type=kind, lambda_runtime_function_error_type=error_type)
        return
    if streamed is None:
        flush()
        api.send("POST", path + "response", result, content_type=content_type)
    else:
        prelude, chunks = streamed
        content_type = "application/octet-stream" if prelude is None else PRELUDE
        if not api.stream(path + "response", content_type, parts(prelude, chunks), told):
            # More than 200 MB, for example.
            log.write("[ERROR] rzap: Lambda stopped taking the streamed answer")


def parts(prelude, chunks):
    try:
        if prelude is not None:
            yield json.dumps(prelude).encode() + END_OF_PRELUDE
        yield from chunks
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        flush()


def main():
    # Where the locale in LANG is not installed Python sets this, and functions are to see Lambda's
    # environment (https://peps.python.org/pep-0538/).
    if os.environ.get("LC_CTYPE") == "C.UTF-8":
        del os.environ["LC_CTYPE"]
    set_up_path()
    from rzap_web import runtime_log as log
    from rzap_web.runtime_api import RuntimeApi

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    log.set_up()
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler, streams = load(os.environ["_HANDLER"])
    except Exception as error:
        document = describe(error)
        flush()
        log.error(document)
        kind, error_type = "application/vnd.aws.lambda.error+json", document["errorType"]
        document = json.dumps(document).encode()
        api.send("POST", "init/error", document, content_type=kind, lambda_runtime_function_error_type=error_type)
        sys.exit(1)
    while True:
        headers, body = api.send("GET", "invocation/next")
        log.request_id = headers["lambda-runtime-aws-request-id"]
        trace = headers.get("lambda-runtime-trace-id")
        if trace is None:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        else:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        handle(api, log, handler, streams, headers, body)


if __name__ == "__main__":
    main()
