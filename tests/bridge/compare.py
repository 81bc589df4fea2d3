"""The same app behind gunicorn and behind the bridge must give the same answers, byte for byte.

    python3 tests/bridge/compare.py        with a Python that has flask and gunicorn

Every request goes over a socket to gunicorn, and as a REST, an HTTP API and a function URL event to the bridge.
What is compared: status, headers but those that belong to the server, body. Loopback only.
Left out: start_response called again with exc_info, where gunicorn adds to the old headers although
PEP 3333 has them replaced; test_bridge.py has it.
"""

import contextlib
import http.client
import importlib.util
import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from urllib.parse import parse_qsl, quote, urlencode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "templates", "bridge")]
sys.dont_write_bytecode = True

import events  # noqa: E402
from rzap_web import bridge  # noqa: E402

# Written by the server in front of the app: gunicorn there, API Gateway here.
SERVERS_OWN = {"server", "date", "connection", "transfer-encoding", "content-length"}
WORDS = ["a", "zürich", "東京", "🐍", "a b", "100%", "a+b", "x=y&z", 'quo"te', "semi;colon", "~tilde", "q?", "h#"]


def requests():
    """(method, target, headers, body), the same ones every time."""
    dice = random.Random(20)
    word = lambda: dice.choice(WORDS)  # noqa: E731
    for path in (
        "write",
        "late",
        "bytes",
        "latin1",
        "gzip",
        "untyped",
        "empty",
        "204",
        "304",
        "418",
        "repeated",
        "cookies",
    ):
        yield "GET", "/wsgi/" + path, [], b""
    for path in ("bytes", "418", "204"):
        yield "HEAD", "/wsgi/" + path, [], b""
    for path in ("/redirect", "/session", "/download", "/stream", "/fails", "/missing", "/args", "/"):
        yield "GET", path, [], b""
    yield "HEAD", "/download", [], b""
    yield "GET", "/download", [("Range", "bytes=100-199")], b""
    yield "GET", "/download", [("If-None-Match", '"fixed"')], b""
    yield "OPTIONS", "/args", [], b""
    yield "DELETE", "/redirect", [], b""
    for _ in range(25):
        rest = "/".join(word() for _ in range(dice.randint(1, 3)))
        yield dice.choice(["GET", "POST"]), "/path/" + quote(rest, safe="/"), [], b""
    for _ in range(20):
        query = urlencode([(word(), word()) for _ in range(dice.randint(1, 4))])
        yield "GET", "/args?" + query, [], b""
        yield "POST", "/wsgi/echo/" + quote(word(), safe="") + "?" + query, [("X-Word", word())], word().encode()
    for n in range(15):
        form = urlencode([(word(), word()) for _ in range(3)]).encode()
        yield (
            dice.choice(["POST", "PUT", "PATCH", "DELETE"]),
            "/args",
            [("Content-Type", "application/x-www-form-urlencoded")],
            form,
        )
        document = json.dumps({word(): [word(), n]}, ensure_ascii=n % 2 == 0).encode()
        yield dice.choice(["POST", "PUT", "DELETE"]), "/json", [("Content-Type", "application/json")], document
    for n in range(10):
        cookie = "; ".join("c{}={}".format(i, quote(word())) for i in range(n % 4 + 1))
        yield "GET", "/cookies", [("Cookie", cookie)], b""
        raw = bytes(dice.randrange(256) for _ in range(dice.choice([0, 1, 1000, 70000])))
        yield dice.choice(["GET", "POST", "DELETE"]), "/wsgi/echo", [("Content-Type", "application/octet-stream")], raw
        part = (
            '--B\r\nContent-Disposition: form-data; name="file"; filename="{}.bin"\r\nContent-Type: image/x-probe\r\n\r\n'.format(
                word().replace('"', "")
            )
        ).encode()
        yield "POST", "/upload", [("Content-Type", "multipart/form-data; boundary=B")], part + raw + b"\r\n--B--\r\n"


def over_the_socket(port, method, target, headers, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode())
    connection.endheaders(body or None)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    # http.client reads header bytes as latin-1; both sides are compared as bytes.
    return answer.status, [(name.lower(), value.encode("latin-1")) for name, value in answer.getheaders()], data


def through_the_bridge(handler, event):
    event = json.loads(json.dumps(event))
    with contextlib.redirect_stderr(io.StringIO()):
        result = handler(event, events.Context())
    status, pairs, body = events.answered(json.loads(json.dumps(result)))
    return status, [(name, value.encode()) for name, value in pairs], body


def comparable(answer, target, joined, reordered):
    status, pairs, body = answer
    grouped = {}
    for name, value in sorted(pairs):
        if name not in SERVERS_OWN:
            grouped.setdefault(name, []).append(value)
    if "allow" in grouped:
        # Flask writes a set, whose order differs from process to process.
        grouped["allow"] = [b", ".join(sorted(grouped["allow"][0].split(b", ")))]
    if joined:
        grouped = {name: values if name == "set-cookie" else [b", ".join(values)] for name, values in grouped.items()}
    if reordered and target.startswith("/wsgi/echo"):
        # REST APIs hand on a decoded, grouped query: equal in meaning, not in spelling.
        seen = json.loads(body)
        seen["QUERY_STRING"] = sorted(parse_qsl(seen["QUERY_STRING"], keep_blank_values=True))
        body = json.dumps(seen)
    if reordered and target.startswith("/args"):
        body = json.dumps(json.loads(body), sort_keys=True) if body.startswith(b"{") else body
    return status, grouped, body


def wait_for(port, server):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if server.poll() is not None:
            sys.exit("gunicorn ended with status {}".format(server.returncode))
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    sys.exit("gunicorn did not start within 20 s")


def main():
    missing = [name for name in ("flask", "gunicorn") if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit("{} is missing {}: pip install flask gunicorn".format(sys.executable, " and ".join(missing)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--chdir",
            HERE,
            "-b",
            "127.0.0.1:{}".format(port),
            "--log-level",
            "critical",
            "probe:app",
        ],
        stderr=subprocess.DEVNULL,
    )
    different = count = 0
    try:
        wait_for(port, server)
        handler = bridge("wsgi", "probe:app")
        host = "127.0.0.1:{}".format(port)
        for method, target, headers, body in requests():
            forwarded = [("X-Forwarded-Proto", "http"), ("X-Forwarded-Port", str(port)), *headers]
            length = [("Content-Length", str(len(body)))] if body or method in ("POST", "PUT", "PATCH") else []
            expected = over_the_socket(port, method, target, [("Host", host), *forwarded, *length], body)
            made = {
                "rest": events.rest(method, target, forwarded + length, body, host),
                "http api": events.http_api(method, target, forwarded + length, body, host="example.com"),
                "function url": events.function_url(method, target, forwarded + length, body, host),
            }
            made["http api"]["headers"]["host"] = host
            for kind, event in made.items():
                count += 1
                rules = {"target": target, "joined": kind != "rest", "reordered": kind == "rest"}
                want = comparable(expected, **rules)
                got = comparable(through_the_bridge(handler, event), **rules)
                if want != got:
                    different += 1
                    print("{}: {} {}\n  gunicorn {}\n  bridge   {}".format(kind, method, target, want, got))
    finally:
        server.terminate()
        server.wait(10)
    print("{} answers compared, {} differ".format(count, different))
    return 1 if different or count < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
