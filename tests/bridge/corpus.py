"""The requests that compare.py sends, the same ones every time: lists, and dice with a seed."""

import gzip
import json
import random
from urllib.parse import quote, urlencode

WORDS = [
    "a",
    "zürich",
    "東京",
    "🐍",
    "a b",
    "100%",
    "a+b",
    "x=y&z",
    'quo"te',
    "semi;colon",
    "~tilde",
    "q?",
    "h#",
    "%2F",
]
PATHS = [
    "/echo/",
    "/echo/a/b/",
    "/echo/a%2Fb",
    "/echo/100%25",
    "/echo/100%2525",
    "/echo/a//b",
    "/echo//",
    "/echo/a/../b",
    "/echo/a/./b",
    "/echo/%2e%2e/x",
    "/echo/z%C3%BCrich/%E6%9D%B1%E4%BA%AC",
    "/echo/%F0%9F%90%8D",
    "/echo/%FF%FE",
    "/echo/a%20b+c",
    "/echo/a;b=c,d@e:f!$'()*~",
    "/echo/%3Fno%23query",
    "/echo/api/echo",
    "/echo",
    "/slash",
    "/nowhere/to/be/found",
    "/",
]
QUERIES = [
    "a=1&a=2&a=3",
    "blank=&other=x",
    "a=b%26c%3Dd",
    "plus=a+b&percent=a%20b%2B",
    "z=%C3%BC&%E6%9D%B1=%E4%BA%AC",
    "a%5B%5D=1&a%5B%5D=2",
    "b=1&a=2&b=3",
    "url=http%3A%2F%2Fx%2F%3Fy%3D1%23z",
    "semi=1;2",
]
GETS = [
    "/cookies",
    "/redirect",
    "/file",
    "/stream",
    "/bytes/0",
    "/bytes/1000",
    "/bytes/100000",
    "/text/50",
    "/text/100000",
    "/status/204",
    "/status/304",
    "/status/404",
    "/status/418",
    "/repeated",
    "/gzip",
    "/fails",
]
# What only plain WSGI and ASGI answer.
RAW = ["/write", "/late", "/latin1", "/broken-json", "/untyped", "/empty", "/replaced", "/status/599", "/later"]
BIG = ["/bytes/3000000", "/text/3000000"]


def requests(app):
    """(method, target, headers, body)."""
    dice = random.Random(20)
    for path in GETS:
        yield "GET", path, [], b""
    for path in PATHS:
        yield "GET", path, [], b""
    for query in QUERIES:
        yield "GET", "/echo/q?" + query, [], b""
    if app.startswith("raw"):
        for path in RAW + ["/fails-late"]:
            yield "GET", path, [], b""
    for path in ("/file", "/bytes/1000", "/status/404", "/stream", "/echo/x", "/text/50"):
        yield "HEAD", path, [], b""
    for path in ("/echo/x", "/file", "/nowhere"):
        yield "OPTIONS", path, [], b""
    for method in ("DELETE", "PATCH", "PUT"):
        yield method, "/echo/" + method, [("Content-Type", "text/plain")], b"a body"
    yield "POST", "/redirect", [], b""
    yield from conditional()
    yield from bodies(dice)
    yield from sent_headers(dice)
    if app in ("raw-wsgi", "starlette", "django"):
        for path in BIG:
            yield "GET", path, [], b""
        blob = dice.randbytes(4_400_000)
        yield "POST", "/echo/big", [("Content-Type", "application/octet-stream")], blob
        yield "POST", "/echo/big", [("Content-Type", "text/plain")], b"x" * 5_000_000


def conditional():
    yield "GET", "/file", [("Range", "bytes=100-199")], b""
    yield "GET", "/file", [("Range", "bytes=-10")], b""
    yield "GET", "/file", [("Range", "bytes=999999-")], b""
    yield "GET", "/file", [("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")], b""
    yield "GET", "/bytes/1000", [("If-None-Match", '"x", *')], b""
    yield "GET", "/text/100000", [("Accept-Encoding", "gzip")], b""
    yield "GET", "/static/common.py", [], b""
    yield "GET", "/sub/echo/mounted", [], b""


def bodies(dice):
    word = lambda: dice.choice(WORDS)  # noqa: E731
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    js = [("Content-Type", "application/json")]
    for _ in range(4):
        yield "POST", "/form", form, urlencode([("a", word()), ("a", word()), (word(), word())]).encode()
        document = {"name": word(), "price": 2, "tags": [word()]}
        yield "POST", "/json?q=" + quote(word()), js, json.dumps(document, ensure_ascii=False).encode()
    yield "POST", "/json", js, b'{"broken": '
    yield "POST", "/json", js, json.dumps({"name": ["ü" * 50_000]}).encode()
    for size in (0, 10, 70_000):
        yield "POST", "/form", [("Content-Type", "multipart/form-data; boundary=B")], multipart(dice, size)
    yield "POST", "/form", [("Content-Type", "multipart/form-data; boundary=B")], b"--B\r\nbroken"
    for size in (0, 1, 1000, 100_000, 1_000_000):
        yield "POST", "/echo/bin", [("Content-Type", "application/octet-stream")], dice.randbytes(size)
    yield "POST", "/echo/gz", [("Content-Encoding", "gzip"), *js], gzip.compress(b"{}", mtime=0)
    yield "POST", "/lines", [], b"one\ntwo\nthree\nfour"
    yield "GET", "/echo/get", [("Content-Type", "text/plain")], b"a GET with a body"


def multipart(dice, size):
    parts = b""
    for name, extra, data in (
        ("a", "", "grüße".encode()),
        ("file", '; filename="grüße 1.bin"\r\nContent-Type: image/x-probe', dice.randbytes(size)),
        ("file", '; filename="two.txt"\r\nContent-Type: text/plain', b"two\r\n"),
    ):
        head = '--B\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'.format(name, extra)
        parts += head.encode() + data + b"\r\n"
    return parts + b"--B--\r\n"


def sent_headers(dice):
    word = lambda: dice.choice(WORDS)  # noqa: E731
    for number in range(3):
        cookie = "; ".join("c{}={}".format(i, quote(word())) for i in range(number + 1))
        yield "GET", "/cookies", [("Cookie", cookie)], b""
    yield "GET", "/echo/c", [("Cookie", 'a="quoted; value"; b; c=1=2')], b""
    yield "GET", "/echo/h", [("X-Word", "grüße"), ("X-Euro", "€"), ("x-lower", "1"), ("X-Empty", "")], b""
    yield "GET", "/echo/h", [("Accept", "text/html"), ("Accept", "application/json;q=0.5"), ("X-Two", "1, 2")], b""
    yield "GET", "/echo/h", [("Authorization", "Basic dTpw"), ("User-Agent", "probe/1 (x; y)"), ("DNT", "1")], b""
    yield "GET", "/echo/h", [("X-Forwarded-Host", "evil.example"), ("Forwarded", "for=6.6.6.6;host=evil")], b""
    yield "GET", "/echo/h", [("X_Under_Score", "1"), ("X-Long", "x" * 4000)], b""
