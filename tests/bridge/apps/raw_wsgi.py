"""Plain WSGI: every way to answer that PEP 3333 knows."""

import common

# What must be the same; addresses and ports of the two servers differ.
SEEN = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "wsgi.url_scheme", "wsgi.version")


def echo(environ, start_response):
    seen = {name: environ[name] for name in SEEN}
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [common.document(body=common.told(body), headers=common.headers_of(environ), **seen).encode()]


def lines(environ, start_response):
    stream = environ["wsgi.input"]
    seen = [stream.readline(), stream.read(3), stream.readline(4), *stream, stream.read()]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(seen)


def write(environ, start_response):
    out = start_response("202 Accepted", [("Content-Type", "text/plain")])
    out(b"one ")
    return [b"two ", b"", b"three"]


def late(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("X-Late", "1")])
    yield b""
    yield "grüße ".encode()
    yield b"end"


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/csv")])
    return common.rows()


def replaced(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise KeyError("x")
    except KeyError as error:
        start_response("503 Sorry", [("Content-Type", "text/plain")], (type(error), error, error.__traceback__))
    return [b"sorry"]


def fails(environ, start_response):
    raise RuntimeError("probe")


def fixed(status, headers, body=b""):
    def app(environ, start_response):
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


PLAIN = {
    "/lines": lines,
    "/write": write,
    "/late": late,
    "/stream": stream,
    "/replaced": replaced,
    "/fails": fails,
    "/bytes/1000": fixed("200 OK", [("Content-Type", "image/png")], common.data(1000)),
    "/bytes/3000000": fixed("200 OK", [("Content-Type", "image/png")], common.data(3_000_000)),
    "/text/3000000": fixed("200 OK", [("Content-Type", "text/plain")], common.words(3_000_000).encode()),
    "/latin1": fixed("200 OK", [("Content-Type", "text/plain; charset=iso-8859-1")], b"gr\xfc\xdfe"),
    "/broken-json": fixed("200 OK", [("Content-Type", "application/json")], b'{"gr\xfc": \xff}'),
    "/gzip": fixed("200 OK", [("Content-Type", "text/html"), ("Content-Encoding", "gzip")], common.GZIPPED),
    "/untyped": fixed("200 OK", [], b"no type"),
    "/empty": fixed("200 OK", [("Content-Type", "text/plain")]),
    "/status/204": fixed("204 No Content", [("X-A", "1")]),
    "/status/304": fixed("304 Not Modified", [("ETag", '"x"')]),
    "/status/418": fixed("418 I'm a teapot", [("Content-Type", "text/plain")], b"short and stout"),
    "/status/599": fixed("599 Own", [("Content-Type", "text/plain")], b"own"),
    "/repeated": fixed("401 Unauthorized", common.REPEATED[:3] + [("X-Latin", "gr\xc3\xbcn")], b""),
    "/cookies": fixed(
        "200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/; HttpOnly"), ("set-cookie", "c=")], b""
    ),
}


def app(environ, start_response):
    return PLAIN.get(environ["PATH_INFO"], echo)(environ, start_response)
