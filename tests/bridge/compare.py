"""The same apps behind a real server and behind the bridge must give the same answers, byte for byte.

    python3 tests/bridge/compare.py [--only APP] [--adapter NAME] [--verbose]     needs tests/requirements.txt

Every request goes over a socket to gunicorn (WSGI) or uvicorn (ASGI), and as an event through every front
of Lambda to the bridge. What is compared: status, headers but those that belong to the server, body.
Loopback only. And what an app raises has to be in the log once, and nowhere in the answer.

`--adapter` runs somebody else's over the same events: mangum, apig-wsgi, serverless-wsgi or awsgi, where they
are installed. What came of it is in the docstring of rzap_web/__init__.py.

What a front does to a request before the app is called is done to the reference request, too:

| front | the request changes like this |
|---|---|
| REST API | query decoded, grouped by name, encoded again |
| HTTP API | path decoded; repeated headers joined by a comma |
| function URL | repeated headers joined by a comma |

And where the answers may differ, with the reason: `DIFFERENCES`.
"""

import argparse
import contextlib
import email.utils
import http.client
import io
import json
import logging
import os
import socket
import subprocess
import sys
import time
from urllib.parse import parse_qsl, quote, unquote, urlencode

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "apps")
sys.path[:0] = [HERE, APPS, os.path.join(HERE, "..", "..", "templates", "bridge")]
sys.dont_write_bytecode = True

import corpus  # noqa: E402
import events  # noqa: E402
import servers  # noqa: E402
from rzap_web import bridge  # noqa: E402

# Written by the server in front of the app: gunicorn or uvicorn there, API Gateway here.
SERVERS_OWN = {"server", "date", "connection", "transfer-encoding", "content-length"}
MOUNT = "/api"
LOG = io.StringIO()
# The apps' tracebacks; a server that does not start says why with --verbose.
ERRORS = None if "--verbose" in sys.argv else subprocess.DEVNULL

# (applies to app, target and the server's answer; what is not compared; why)
DIFFERENCES = [
    (
        lambda app, target, answer: answer[0] == 500 and answer[2] in OWN_PAGES,
        ("headers", "body"),
        "the app left its error to the server, and each has a page of its own for it",
    ),
    (
        lambda app, target, answer: app == "raw-wsgi" and target == "/replaced",
        ("headers",),
        "start_response with exc_info: gunicorn adds to the old headers, PEP 3333 has them replaced",
    ),
]
OWN_PAGES = (
    b"<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n"
    b"    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n",
    b"Internal Server Error",
)


class Front:
    """A way from the client to the function: the event it makes, and what it does to the request."""

    def __init__(self, name, host, mount, make, v2, streamed=False):
        self.name, self.host, self.mount, self.make = name, host, mount, make
        self.v2, self.streamed = v2, streamed

    def reference(self, target, headers):
        """The request as the app should see it."""
        path, mark, query = target.partition("?")
        if self.v2:
            joined = {}
            for name, value in headers:
                joined.setdefault(name.lower(), []).append(value)
            headers = [(name, ",".join(values)) for name, values in joined.items()]
        elif query:
            grouped = {}
            for name, value in parse_qsl(query, keep_blank_values=True):
                grouped.setdefault(name, []).append(value)
            query = urlencode(grouped, doseq=True, quote_via=quote, safe="")
        if self.name.startswith("http api"):
            path = quote(unquote(path), safe="/:@!$&'()*+,;=~-._")
        return path + mark + query, headers


FRONTS = [
    Front("rest, stage", events.REST_HOST, MOUNT, lambda *a: events.rest(*a, stage="api"), False),
    Front("rest, base path", "api.example.com", MOUNT, lambda *a: events.rest(*a, base=MOUNT), False),
    Front("http api, $default", events.REST_HOST, "", events.http_api, True),
    Front("http api, stage", events.REST_HOST, MOUNT, lambda *a: events.http_api(*a, stage="api"), True),
    Front("function url", events.URL_HOST, "", events.function_url, True),
    Front("function url, streamed", events.URL_HOST, "", events.function_url, True, streamed=True),
]


def over_the_socket(port, method, target, headers, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode())
    connection.endheaders(body or None)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    # http.client reads header bytes as latin-1; both sides are compared as bytes.
    return answer.status, [(name.lower(), value.encode("latin-1")) for name, value in answer.getheaders()], data


def through_the_bridge(handler, front, event, log=None):
    event = json.loads(json.dumps(event))
    with contextlib.redirect_stderr(io.StringIO() if log is None else log):
        if front.streamed:
            prelude, chunks = handler.stream(event, events.Context())
            json.dumps(prelude)
            result = {**prelude, "body": b"".join(chunks), "isBase64Encoded": None}
        else:
            result = json.loads(json.dumps(handler(event, events.Context())))
    status, pairs, body = events.answered(result)
    return status, [(name, value.encode()) for name, value in pairs], body


def is_later(date):
    """Whether an HTTP date is in the future."""
    parsed = email.utils.parsedate_tz(date.decode("latin-1"))
    return parsed is not None and email.utils.mktime_tz(parsed) > time.time()


def comparable(answer, v2, ignored):
    status, pairs, body = answer
    grouped = {}
    for name, value in pairs:
        if name not in SERVERS_OWN:
            grouped.setdefault(name, []).append(value)
    if "allow" in grouped:
        # Flask writes a set, whose order differs from process to process.
        grouped["allow"] = [b", ".join(sorted(grouped["allow"][0].split(b", ")))]
    if is_later(grouped.get("expires", [b""])[0]):
        # Counted from the moment of the answer: the next one may fall into another second.
        grouped["expires"] = [b"later"]
    if v2:
        # Payload 2.0 repeats no header but Set-Cookie.
        grouped = {name: values if name == "set-cookie" else [b", ".join(values)] for name, values in grouped.items()}
    return status, None if "headers" in ignored else grouped, None if "body" in ignored else body


@contextlib.contextmanager
def gunicorn():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "-m",
        "gunicorn",
        "--chdir",
        APPS,
        "-b",
        "127.0.0.1:{}".format(port),
        "--log-level",
        "critical",
        "--no-control-socket",
    ]
    server = subprocess.Popen([sys.executable, *words, "servers:app"], stderr=ERRORS)
    try:
        until = time.monotonic() + 30
        while True:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("gunicorn did not start (status {})".format(server.returncode))
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(10)


@contextlib.contextmanager
def uvicorn(mount):
    """Yields {app: port}."""
    words = [sys.executable, os.path.join(APPS, "servers.py"), mount]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=ERRORS, cwd=APPS)
    try:
        said = server.stdout.readline()
        if not said:
            sys.exit("uvicorn did not start (status {})".format(server.wait(10)))
        yield json.loads(said)
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(10)


def compare(app, handler, ports, fronts, verbose):
    """(requests, answers compared, answers of them that are no error, differences per front)."""
    count, compared, fine, different = 0, 0, 0, {}
    waiting = [("GET", "/session", [], b""), *corpus.requests(app)]
    for method, target, headers, body in waiting:
        count += 1
        fresh = target == "/session" and not headers
        headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443"), ("X-Probe", app), *headers]
        if body or method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(body))))
        known = {}
        for front in fronts:
            sent, sent_headers = front.reference(target, headers)
            key = (front.host, front.mount, sent, str(sent_headers))
            if key not in known:
                # gunicorn is told the mount point by a header and takes it off the path, uvicorn adds its own.
                mount = [("SCRIPT_NAME", front.mount)] if app in servers.WSGI else []
                whole = front.mount + sent if mount else sent
                port = ports[front.mount][app]
                known[key] = over_the_socket(port, method, whole, [("Host", front.host), *mount, *sent_headers], body)
            ignored = ()
            for applies, what, _ in DIFFERENCES:
                if applies(app, target, known[key]):
                    ignored += what
            want = comparable(known[key], front.v2, ignored)
            try:
                event = front.make(method, target, headers, body, front.host)
                event["requestContext"].get("identity", event["requestContext"].get("http"))["sourceIp"] = "127.0.0.1"
                got = comparable(through_the_bridge(handler, front, event), front.v2, ignored)
            except Exception as error:
                got = "{}: {}".format(type(error).__name__, error)
            compared += 1
            fine += 200 <= want[0] < 400
            if fresh and front is fronts[0]:
                # As a browser would: with the cookie of the first visit.
                cookies = [value.decode().partition(";")[0] for value in (want[1] or {}).get("set-cookie", ())]
                waiting += [("GET", "/session", [("Cookie", "; ".join(cookies))], b"")] if cookies else []
            if want != got:
                different.setdefault(front.name, []).append("{} {}".format(method, target))
                if verbose:
                    print(
                        "{}, {}: {} {} {}\n  server {}\n  bridge {}".format(
                            app, front.name, method, target, headers[3:], short(want), short(got)
                        )
                    )
    return count, compared, fine, different


def troubles_of_errors(handler):
    """What is wrong with how the app's error is logged and told."""
    troubles = []
    for front in FRONTS:
        LOG.seek(0)
        LOG.truncate()
        status, _, body = through_the_bridge(handler, front, front.make("GET", "/fails", [], b"", front.host), LOG)
        times = LOG.getvalue().count("RuntimeError: probe")
        if status != 500 or times != 1 or b"probe" in body or b"Traceback" in body:
            troubles.append("{}: status {}, logged {} times, {}".format(front.name, status, times, body[:200]))
    return troubles


def handler_of(adapter, app, target):
    """The bridge, or somebody else's."""
    if adapter == "rzap":
        kind = "asgi" if app in servers.ASGI else "wsgi" if ":" in target else "django"
        return bridge(kind, target)
    found = servers.load(target)
    if adapter == "mangum":
        from mangum import Mangum

        if app in servers.WSGI:
            from a2wsgi import WSGIMiddleware

            found = WSGIMiddleware(found)
        return Mangum(found, api_gateway_base_path=MOUNT)
    if adapter == "apig-wsgi":
        from apig_wsgi import make_lambda_handler

        return make_lambda_handler(found, binary_support=True)
    if adapter == "serverless-wsgi":
        from serverless_wsgi import handle_request

        return lambda event, context: handle_request(found, event, context)
    from awsgi import response

    return lambda event, context: response(found, event, context)


def short(answer):
    text = str(answer)
    return text if len(text) < 3000 else text[:3000] + "…"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", action="append")
    options.add_argument("--adapter", default="rzap")
    options.add_argument("--verbose", action="store_true")
    options = options.parse_args()
    fronts = [front for front in FRONTS if options.adapter == "rzap" or not front.streamed]
    total = answers = wrong = thin = 0
    # As on Lambda: the root logger has a handler before the app is imported.
    logging.root.addHandler(logging.StreamHandler(LOG))
    with gunicorn() as port, uvicorn("") as bare, uvicorn(MOUNT) as mounted:
        wsgi = dict.fromkeys(servers.WSGI, port)
        ports = {"": {**bare, **wsgi}, MOUNT: {**mounted, **wsgi}}
        for app, target in {**servers.WSGI, **servers.ASGI}.items():
            if options.only and app not in options.only:
                continue
            started = time.monotonic()
            handler = handler_of(options.adapter, app, target)
            if options.adapter == "rzap":
                for trouble in troubles_of_errors(handler):
                    wrong += 1
                    print("{}, errors: {}".format(app, trouble))
            logging.disable()
            count, compared, fine, different = compare(app, handler, ports, fronts, options.verbose)
            logging.disable(logging.NOTSET)
            here = sum(map(len, different.values()))
            total, answers, wrong = total + count, answers + compared, wrong + here
            thin = thin or fine < compared / 3
            line = "{:12} {:4} requests, {:4} answers compared ({} no errors), {} differ, {:.1f} s"
            print(line.format(app, count, compared, fine, here, time.monotonic() - started))
            for front, those in different.items():
                print("    {}: {}".format(front, ", ".join(those)))
    print("{} requests, {} answers compared, {} differ".format(total, answers, wrong))
    # Two servers that answer everything with an error agree, too.
    return 1 if wrong or thin or (total < 400 and not options.only) else 0


if __name__ == "__main__":
    sys.exit(main())
