"""Plain ASGI: every way to answer that the specification knows."""

import asyncio

import common

SEEN = ("type", "http_version", "method", "scheme", "path", "query_string", "root_path")


def header(name, value):
    return [(name.encode(), value.encode())]


async def body_of(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def answer(send, body, status=200, kind="application/json", headers=()):
    await send({"type": "http.response.start", "status": status, "headers": [*header("Content-Type", kind), *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope, receive, send):
    seen = {name: scope[name] for name in SEEN}
    seen["headers"] = sorted([name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"])
    seen["raw_path"] = scope["raw_path"].decode("latin-1")
    seen["state"], seen["client"], seen["asgi"] = scope["state"], scope["client"][0], scope["asgi"]["version"]
    seen["body"] = common.told(await body_of(receive))
    await answer(send, common.document(**seen).encode())


async def stream(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": header("content-type", "text/csv")})
    for row in common.rows():
        await send({"type": "http.response.body", "body": row, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


async def cookies(scope, receive, send):
    some = header("set-cookie", "a=1") + header("set-cookie", "b=2; Path=/") + header("X-Latin", "grün")
    await answer(send, b"", headers=some)


async def status(scope, receive, send):
    await send({"type": "http.response.start", "status": int(scope["path"].rpartition("/")[2])})
    await send({"type": "http.response.body"})


async def later(scope, receive, send):
    """Goes on after the answer, as background tasks do."""
    await answer(send, b"sent", kind="text/plain")
    await asyncio.sleep(0.001)


async def fails(scope, receive, send):
    raise RuntimeError("probe")


async def fails_late(scope, receive, send):
    await answer(send, b"done", kind="text/plain")
    raise RuntimeError("probe")


async def big(scope, receive, send):
    await answer(send, common.data(3_000_000), kind="image/png")


PLAIN = {
    "/stream": stream,
    "/cookies": cookies,
    "/status/204": status,
    "/status/404": status,
    "/later": later,
    "/fails": fails,
    "/fails-late": fails_late,
    "/bytes/3000000": big,
}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["started"] = 1
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"].removeprefix(scope["root_path"])
    await PLAIN.get(path, echo)(scope, receive, send)
