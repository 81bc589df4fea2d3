"""The bridge's runtime against a Runtime API of a few lines, and the console that `rzap exec` speaks to."""

import base64
import json
import os
import pathlib
import queue
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

BRIDGE = pathlib.Path(__file__).parents[2] / "templates/bridge/rzap_web"
LIMIT = 30

HANDLER = """
import json, logging, os, sys, time

def wait(path):
    until = time.time() + 20
    while not os.path.exists(path):
        assert time.time() < until
        time.sleep(0.005)

def handler(event, context):
    if event.get("fail"):
        raise KeyError("no such thing")
    if event.get("log"):
        logging.getLogger("app").error("two\\nlines")
        print("printed")
    if event.get("about") == "context":
        return {name: str(value) for name, value in vars(context).items()} | {
            "remaining": context.get_remaining_time_in_millis(), "trace": os.environ.get("_X_AMZN_TRACE_ID")}
    if event.get("about") == "path":
        import rzap_web.runtime_log
        return sys.path
    return event

def stream(event, context):
    kind = event.get("stream")
    def chunks():
        yield b"one"
        if "go" in event:
            wait(event["go"])
        yield b""
        yield b"two"
        if kind == "broken":
            raise ValueError("in the \\u00e4middle")
    if kind is None:
        return None
    if kind == "refused":
        raise RuntimeError("not at all")
    return (None if kind == "raw" else {"statusCode": 201, "headers": {"x": "y"}, "cookies": ["a=1"]}), chunks()

handler.stream = stream
STREAMS = True

def plain(event, context):
    return "plain"
plain.stream = lambda event, context: (None, iter([b"streamed"])) if True else None
"""


class RuntimeApi:
    """Gives out events one by one; what the runtime posts is in `posts`, the parts of a stream in `parts`."""

    def __init__(self):
        self.events = queue.Queue()
        self.posts = queue.Queue()
        self.parts = queue.Queue()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self.listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.connected, args=(connection,), daemon=True).start()

    def connected(self, connection):
        with connection:
            try:
                self.serve(connection)
            except ConnectionError:
                pass  # The runtime was killed.

    def serve(self, connection):
        reader = connection.makefile("rb")
        while line := reader.readline():
            method, path, _ = line.decode().split(" ")
            headers = self.headers(reader)
            if headers.get("transfer-encoding") == "chunked":
                body, trailers = b"", {}
                while size := int(reader.readline(), 16):
                    part = reader.read(size)
                    assert reader.readline() == b"\r\n"
                    self.parts.put(part)
                    body += part
                trailers = self.headers(reader)
            else:
                body, trailers = reader.read(int(headers.get("content-length", 0))), {}
            if method == "GET":
                event, extra = self.events.get()
                answer = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\n" + extra
                data = json.dumps(event).encode()
                # As Go's server does it with long bodies.
                half = len(data) // 2
                chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:half], data[half:]) if part)
                connection.sendall(answer.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
            else:
                self.posts.put((path.removeprefix("/2018-06-01/runtime/"), headers, body, trailers))
                connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}")

    def headers(self, reader):
        headers = {}
        while line := reader.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return headers

    def ask(self, event, extra="Lambda-Runtime-Deadline-Ms: 99999999999999\r\n"):
        self.events.put((event, extra))

    def answer(self):
        return self.posts.get(timeout=LIMIT)


class Runtime(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.task = self.folder / "task"
        shutil.copytree(BRIDGE, self.task / "rzap_web", ignore=shutil.ignore_patterns("__pycache__"))
        (self.task / "rzap_web/start").chmod(0o755)
        self.write("function.py", HANDLER)
        self.api = RuntimeApi()
        self.addCleanup(self.api.listener.close)

    def write(self, name, text):
        (self.task / name).write_text(text)

    def start(self, *flags, handler="function.handler", opt=(), pass_fds=(), **variables):
        command = [self.task / "rzap_web/start", sys.executable, *flags, "/var/runtime/bootstrap.py", *opt]
        variables = {
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "LAMBDA_TASK_ROOT": str(self.task),
            "_HANDLER": handler,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": "app-dev-web",
            **variables,
        }
        process = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=pass_fds
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_an_answer_is_a_document_with_aws_s_context(self):
        self.start()
        self.api.ask({"a": [1, "ü"]})
        path, headers, body, _ = self.api.answer()
        self.assertEqual(path, "invocation/id-1/response")
        self.assertEqual((json.loads(body), headers["content-type"]), ({"a": [1, "ü"]}, "application/json"))
        context = '{"custom":{"k":"v"},"client":{"app_title":"t"}}'
        self.api.ask(
            {"about": "context"},
            "Lambda-Runtime-Deadline-Ms: 99999999999999\r\nLambda-Runtime-Trace-Id: Root=1\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:x\r\nLambda-Runtime-Client-Context: " + context + "\r\n"
            'Lambda-Runtime-Cognito-Identity: {"cognitoIdentityId":"c"}\r\n',
        )
        about = json.loads(self.api.answer()[2])
        self.assertEqual((about["aws_request_id"], about["invoked_function_arn"]), ("id-1", "arn:x"))
        self.assertEqual((about["function_name"], about["trace"]), ("app-dev-web", "Root=1"))
        self.assertGreater(about["remaining"], 0)
        self.assertIn("custom={'k': 'v'}", about["client_context"])
        self.assertIn("app_title=t", about["client_context"])
        self.assertIn("cognito_identity_id=c", about["identity"])

    def test_a_failure_is_posted_and_logged_and_the_next_one_runs(self):
        process = self.start()
        self.api.ask({"fail": True})
        path, headers, body, _ = self.api.answer()
        document = json.loads(body)
        self.assertEqual(path, "invocation/id-1/error")
        self.assertEqual(headers["lambda-runtime-function-error-type"], "KeyError")
        self.assertEqual((document["errorType"], document["requestId"]), ("KeyError", "id-1"))
        self.assertEqual(document["errorMessage"], "'no such thing'")
        self.assertEqual(len(document["stackTrace"]), 1, document)
        self.assertIn("function.py", document["stackTrace"][0])
        # One line, so one event.
        line = process.stdout.readline().decode()
        self.assertTrue(line.startswith("[ERROR] KeyError: 'no such thing'\rTraceback"), line)
        self.api.ask({"stream": "refused"})
        self.assertEqual(json.loads(self.api.answer()[2])["errorType"], "RuntimeError")
        self.api.ask({})
        self.assertEqual(self.api.answer()[2], b"{}")

    def test_what_cannot_start_says_so(self):
        for handler, kind in [
            ("function", "Runtime.MalformedHandlerName"),
            ("nowhere.handler", "Runtime.ImportModuleError"),
            ("function.nothing", "Runtime.HandlerNotFound"),
            ("wrong.handler", "Runtime.UserCodeSyntaxError"),
            ("fails.handler", "ZeroDivisionError"),
        ]:
            self.write("wrong.py", "def (")
            self.write("fails.py", "1 / 0")
            process = self.start(handler=handler)
            path, headers, body, _ = self.api.answer()
            self.assertEqual((path, headers["lambda-runtime-function-error-type"]), ("init/error", kind))
            self.assertEqual(json.loads(body)["errorType"], kind)
            self.assertEqual(process.wait(LIMIT), 1)

    def test_chunks_are_sent_when_they_are_made(self):
        self.start()
        go = self.folder / "go"
        self.api.ask({"stream": "http", "go": str(go)})
        prelude = self.api.parts.get(timeout=LIMIT)
        self.assertEqual(self.api.parts.get(timeout=LIMIT), b"one")
        # The function waits for this: it has not made its second chunk yet.
        go.touch()
        path, headers, body, trailers = self.api.answer()
        self.assertEqual(path, "invocation/id-1/response")
        self.assertEqual(headers["content-type"], "application/vnd.awslambda.http-integration-response")
        self.assertEqual(headers["lambda-runtime-function-response-mode"], "streaming")
        head = {"statusCode": 201, "headers": {"x": "y"}, "cookies": ["a=1"]}
        self.assertEqual((json.loads(prelude[:-8]), prelude[-8:]), (head, bytes(8)))
        self.assertEqual((body, trailers), (prelude + b"onetwo", {}))
        # The connection was closed, and the next answer comes over a new one.
        self.api.ask({"stream": "raw"})
        _, headers, body, _ = self.api.answer()
        self.assertEqual((headers["content-type"], body), ("application/octet-stream", b"onetwo"))
        self.assertGreaterEqual(self.api.connections, 2)
        self.api.ask({"n": 1})
        self.assertEqual(self.api.answer()[2], b'{"n": 1}')

    def test_a_failure_in_the_middle_goes_behind_the_body(self):
        process = self.start()
        self.api.ask({"stream": "broken"})
        _, headers, body, trailers = self.api.answer()
        self.assertTrue(body.endswith(b"onetwo"))
        self.assertIn("Lambda-Runtime-Function-Error-Type", headers["trailer"])
        self.assertEqual(trailers["lambda-runtime-function-error-type"], "ValueError")
        document = json.loads(base64.b64decode(trailers["lambda-runtime-function-error-body"]))
        self.assertEqual(document["errorMessage"], "in the ämiddle")
        self.assertIn("function.py", document["stackTrace"][0])
        self.assertIn("[ERROR] ValueError: in the ämiddle", process.stdout.readline().decode())
        self.api.ask({})
        self.assertEqual(self.api.answer()[2], b"{}")

    def test_http_is_streamed_only_where_the_url_streams(self):
        self.write("buffered.py", "from function import plain as handler")
        self.start(handler="buffered.handler")
        self.api.ask({"version": "2.0"})
        _, headers, body, _ = self.api.answer()
        self.assertEqual((body, headers["content-type"]), (b'"plain"', "application/json"))
        self.api.ask({"rzap": "exec"})
        self.assertEqual(self.api.answer()[2], b"streamed")

    def test_the_log_is_aws_s(self):
        process = self.start()
        self.api.ask({"log": True})
        self.api.answer()
        line = process.stdout.readline().decode()
        self.assertRegex(line, r"^\[ERROR\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tid-1\ttwo\rlines\n$")
        self.assertEqual(process.stdout.readline(), b"printed\n")

    def test_the_log_as_json(self):
        process = self.start(AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="WARN")
        self.api.ask({"log": True, "fail": True})
        self.api.answer()
        failure = json.loads(process.stdout.readline())
        self.assertEqual((failure["level"], failure["errorType"], failure["requestId"]), ("ERROR", "KeyError", "id-1"))
        self.api.ask({"log": True})
        self.api.answer()
        record = json.loads(process.stdout.readline())
        self.assertEqual((record["level"], record["message"], record["logger"]), ("ERROR", "two\nlines", "app"))

    def test_the_log_in_frames(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.start(pass_fds=(writer,), _LAMBDA_TELEMETRY_LOG_FD=str(writer))
        os.close(writer)
        self.api.ask({"log": True})
        self.api.answer()
        kind, size, when = struct.unpack(">IIQ", os.read(reader, 16))
        # https://github.com/aws/aws-lambda-python-runtime-interface-client: text, ERROR
        self.assertEqual(kind, 0xA55A0017)
        self.assertGreater(when, 1_600_000_000_000_000)
        self.assertTrue(os.read(reader, 4096).endswith(b"\tid-1\ttwo\nlines"))
        self.assertGreater(size, 0)

    def test_the_package_comes_first_and_this_folder_never(self):
        opt = self.folder / "opt"
        site = "lib/python{}.{}/site-packages".format(*sys.version_info)
        (opt / "python" / site).mkdir(parents=True)
        (opt / "python" / site / "x.pth").write_text(str(self.folder / "pth") + "\n")
        (self.folder / "pth").mkdir()
        layers = [str(opt / "python" / site), str(opt / "python")]
        for flags in [(), ("-I", "-S", "-B", "-u", "-X", "utf8")]:
            # Another one, because the former still has the question of the runtime that was killed.
            self.api = RuntimeApi()
            self.addCleanup(self.api.listener.close)
            process = self.start(*flags, opt=(str(opt),), PYTHONPATH="/var/task/vendored", LAMBDA_RUNTIME_DIR="/var/runtime")
            self.api.ask({"about": "path"})
            path = json.loads(self.api.answer()[2])
            process.kill()
            process.wait()
            self.assertEqual(path[:3], [str(self.task), *layers], flags)
            self.assertNotIn(str(self.task / "rzap_web"), path)
            self.assertIn(str(self.folder / "pth"), path)
            if flags:
                self.assertEqual(path[3], str(self.task / "vendored"))
                self.assertNotIn("/var/runtime", path)
            else:
                self.assertLess(path.index(os.path.dirname(os.__file__)), path.index("/var/runtime"))

    def test_it_imports_little(self):
        self.write("bare.py", "import sys\ndef handler(event, context): return sorted(sys.modules)\n")
        self.start("-I", "-S", handler="bare.handler")
        self.api.ask({})
        modules = set(json.loads(self.api.answer()[2]))
        self.assertEqual(modules & {"http.client", "email", "ssl", "asyncio", "decimal", "urllib.request"}, set())


CONSOLE = """
import json, sys
from rzap_web.console import run
for line in run(json.loads(sys.argv[1]), None):
    sys.__stderr__.flush()
    import os
    os.write(3, line)
print("the log is back")
"""


class Console(unittest.TestCase):
    def run_code(self, code, kind="code", go=None, **members):
        """The lines, and what was written to the real streams."""
        event = {"rzap": "exec", "kind": kind, "code": code, **members}
        reader, writer = os.pipe()
        program = CONSOLE.replace("os.write(3,", "os.write({},".format(writer))
        variables = {"PYTHONPATH": str(BRIDGE.parent), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
        command = [sys.executable, "-c", program, json.dumps(event)]
        process = subprocess.Popen(
            command, env=variables, pass_fds=(writer,), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.close(writer)
        lines = []
        with os.fdopen(reader, "rb") as file:
            for line in file:
                lines.append(json.loads(line))
                if go is not None and len(lines) == 1:
                    go.touch()
        said = process.communicate(timeout=LIMIT)[0].decode()
        self.assertEqual(process.returncode, 0, said)
        return lines, said

    def result(self, code, **members):
        lines, said = self.run_code(code, **members)
        name = "rzap manage" if members.get("kind") == "manage" else "rzap exec"
        self.assertEqual(said, "rzap: runs what `{}` sent\nthe log is back\n".format(name))
        text = {name: "".join(line.get(name, "") for line in lines) for name in ("out", "err")}
        self.assertEqual([list(line) for line in lines[-1:]], [["exit"]], lines)
        return text["out"], text["err"], lines[-1]["exit"]

    def test_an_expression_is_shown_unless_it_is_none(self):
        self.assertEqual(self.result("1 + 1"), ("2\n", "", 0))
        self.assertEqual(self.result("'ü' * 2"), ("'üü'\n", "", 0))
        self.assertEqual(self.result("None"), ("", "", 0))
        self.assertEqual(self.result("a = 2\nfor n in range(a):\n  print(n)\na * 2"), ("0\n1\n4\n", "", 0))

    def test_a_function_is_called(self):
        self.assertEqual(self.result("platform:python_implementation"), ("'CPython'\n", "", 0))
        code = "async def f():\n  return 5\nf()"
        self.assertEqual(self.result(code), ("5\n", "", 0))

    def test_everything_that_is_written_comes(self):
        out, err, code = self.result(
            "import subprocess, sys, logging, os\nprint('a', end='')\nos.write(1, b'b')\n"
            "subprocess.run(['sh', '-c', 'echo c; echo d >&2'])\nlogging.basicConfig()\nlogging.warning('e')"
        )
        self.assertEqual((out, code), ("abc\n", 0))
        self.assertEqual(err, "d\nWARNING:root:e\n")

    def test_it_comes_while_it_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            go = pathlib.Path(folder, "go")
            code = (
                "import os, time\nprint('first', end='')\n"
                "while not os.path.exists({!r}): time.sleep(0.005)\nprint('second')".format(str(go))
            )
            lines, _ = self.run_code(code, go=go)
        # `go` was made when the first line had come.
        self.assertEqual((lines[0], lines[-1]), ({"out": "first"}, {"exit": 0}))
        self.assertEqual("".join(line["out"] for line in lines[1:-1]), "second\n")

    def test_exit_codes_and_tracebacks(self):
        self.assertEqual(self.result("import sys; sys.exit(3)"), ("", "", 3))
        self.assertEqual(self.result("raise SystemExit('not today')"), ("", "not today\n", 1))
        out, err, code = self.result("def f():\n  return 1 / 0\nf()")
        self.assertEqual((out, code), ("", 1))
        self.assertTrue(err.startswith('Traceback (most recent call last):\n  File "<rzap exec>", line 3'), err)
        self.assertIn("return 1 / 0", err)
        self.assertTrue(err.endswith("ZeroDivisionError: division by zero\n"), err)
        out, err, code = self.result("1 +")
        self.assertEqual((out, code), ("", 1))
        self.assertTrue(err.startswith('  File "<rzap exec>", line 1\n') and "SyntaxError" in err, err)
        self.assertIn("No module named 'nowhere'", self.result("nowhere:f")[1])

    def test_nobody_can_be_asked(self):
        out, err, code = self.result("input('Name? ')")
        self.assertEqual((out, code), ("Name? ", 1))
        self.assertIn("EOFError: nobody can answer here", err)
        self.assertEqual(self.result("import sys; sys.stdin.isatty()"), ("False\n", "", 0))

    def test_a_child_left_behind_is_not_waited_for(self):
        out, err, code = self.result("import subprocess; subprocess.Popen(['sleep', '60']).pid > 0")
        self.assertEqual((out, err, code), ("True\n", "", 0))

    def test_django_is_asked_for(self):
        out, err, code = self.result("", kind="manage", arguments=["check"])
        self.assertEqual((out, code), ("", 1))
        self.assertIn("Django", err)

    def test_much_output_comes_whole(self):
        out, _, code = self.result("print('ü' * 300000)")
        self.assertEqual((out, code), ("ü" * 300000 + "\n", 0))


if __name__ == "__main__":
    unittest.main()
