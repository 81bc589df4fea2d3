"""An ASGI application and its requests, the way https://asgi.readthedocs.io says (HTTP 2.4, lifespan 2.0).

One event loop, made before the application is imported and kept as long as the process. It runs while a
request is being answered and stands still in between, as Lambda freezes the process: what an app starts
and does not wait for (`asyncio.create_task`) goes on with the next request. What belongs to the request,
Starlette's background tasks for one, is finished before the answer is.

Refuses websockets: Lambda never gets one through these fronts.
"""

import asyncio

from .request import quoted, text

_HTTP = {"version": "3.0", "spec_version": "2.4"}
_LIFESPAN = {"version": "3.0", "spec_version": "2.0"}


class Server:
    """Serves one application. `respond` is what `wsgi.Server` has, too."""

    def __init__(self, load):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.app = load()
        self.lifespan = Lifespan(self.app, self.loop)
        # Falcon routes by the whole of `path`, though the specification has it begin with `root_path`.
        self._path_has_mount = not type(self.app).__module__.startswith("falcon.")

    def respond(self, request, streaming):
        """An `Exchange`, whose status and headers stand as soon as its first chunk is taken."""
        return Exchange(self.app, self._scope(request), request.body, streaming, self.loop)

    def _scope(self, request):
        mount, path = text(request.mount), text(request.path)
        version = request.protocol.rpartition("/")[2]
        return {
            "type": "http",
            "asgi": _HTTP.copy(),
            "http_version": "2" if version == "2.0" else version,
            "method": request.method.upper(),
            "scheme": request.scheme,
            "path": mount + path if self._path_has_mount else path,
            "raw_path": (quoted(request.mount) + request.raw_path).encode("latin-1", "replace"),
            "query_string": request.query.encode("utf-8", "surrogatepass"),
            "root_path": mount,
            "headers": [
                (name.encode("latin-1", "replace"), value.encode("latin-1")) for name, value in request.headers
            ],
            "client": (request.client, 0) if request.client else None,
            "server": (request.host, int(request.port)),
            "state": self.lifespan.state.copy(),
            "extensions": {},
            # Mangum's names, so that an app can move without a change.
            "aws.event": request.event,
            "aws.context": request.context,
        }


class Exchange:
    """One call of the application."""

    def __init__(self, app, scope, body, streaming, loop):
        self.status = None
        self.headers = []
        self.chunks = self._run(app, scope)
        # What the app raised after its response was complete: of use to the log only.
        self.late_error = None
        self._error = None
        self._body = body
        self._streaming = streaming
        self._loop = loop
        self._pending = []
        self._ready = self._complete = False
        self._over = asyncio.Event()
        self._taken = asyncio.Event()

    def _run(self, app, scope):
        """Yields the body: as it comes when streaming, otherwise at the end."""
        task = _start(self._loop, self._call(app, scope))
        try:
            while not task.done():
                self._loop.run_forever()
                if self._ready and not task.done():
                    self._ready = False
                    yield self._take()
                    self._taken.set()
        finally:
            # The client has gone, or something else stopped the loop.
            if not task.done():
                self._over.set()
                task.cancel()
                while not task.done():
                    self._loop.run_forever()
        if self._complete:
            self.late_error = self._error
        else:
            raise self._error or AssertionError("the application returned before its response was complete")
        yield self._take()

    async def _call(self, app, scope):
        try:
            await app(scope, self.receive, self.send)
        except BaseException as error:  # kept for whoever takes the chunks, out of reach of the loop
            self._error = error
        self._over.set()

    async def receive(self):
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        # Some frameworks take an early disconnect for a reason to stop answering.
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        kind = message["type"]
        if self._over.is_set() and not self._complete:
            raise OSError("the client has gone")
        if kind == "http.response.start" and self.status is None:
            pairs = message.get("headers", ())
            self.headers = [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in pairs]
            self.status = int(message["status"])
            return
        if kind != "http.response.body" or self.status is None or self._complete:
            state = "complete" if self._complete else "not started" if self.status is None else "started"
            raise RuntimeError("unexpected ASGI message {!r}: the response is {}".format(kind, state))
        self._pending.append(bytes(message.get("body", b"")))
        if not message.get("more_body", False):
            self._complete = True
            self._over.set()
        if self._streaming and (self._pending[-1] or self._complete):
            self._ready = True
            self._taken.clear()
            self._loop.stop()
            # The app is not faster than the client.
            await self._taken.wait()

    def _take(self):
        body = b"".join(self._pending)
        self._pending.clear()
        return body


class Lifespan:
    """Starts the application up, once. It is not shut down: Lambda tells most functions nothing of their end."""

    def __init__(self, app, loop):
        self.state = {}
        self._loop = loop
        self._said = None
        self._failure = None
        self._asked = False
        # Kept: the loop alone would not keep the task. It ends with the process, and asyncio need not tell.
        self._task = _start(loop, self._call(app))
        self._task._log_destroy_pending = False
        while self._said is None and not self._task.done():
            loop.run_forever()
        if self._failure is not None:
            raise RuntimeError("the application's startup failed: " + self._failure)

    async def _call(self, app):
        scope = {"type": "lifespan", "asgi": _LIFESPAN.copy(), "state": self.state}
        try:
            await app(scope, self._receive, self._send)
        except SystemExit as error:
            self._failure = "it called sys.exit({!r})".format(error.code)
        except Exception:
            # How an app says that it knows no lifespan.
            pass

    async def _receive(self):
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        return await self._loop.create_future()

    async def _send(self, message):
        self._said = message["type"]
        if self._said == "lifespan.startup.failed":
            self._failure = message.get("message") or "it gave no reason"
        self._loop.stop()


def _start(loop, coroutine):
    """A task that stops the loop when it is done. The loop may stop for other reasons, too."""
    task = loop.create_task(coroutine)
    task.add_done_callback(lambda _: loop.stop())
    return task
