"""Streamed answers, and the events that are rzap's own."""

import asyncio
import contextlib
import io
import json
import sys
import types
import unittest

import events
import probing


def streaming(protocol, app, event=None, **options):
    """(prelude, chunks) of one call."""
    handler = probing.handler(protocol, app, **options)
    return handler.stream(events.function_url() if event is None else event, events.Context())


class Wsgi(unittest.TestCase):
    def setUp(self):
        self.steps = []

    def app(self, environ, start_response):
        start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Content-Length", "3")])
        return self.body()

    def body(self):
        try:
            for n in range(3):
                self.steps.append(n)
                yield b"" if n == 1 else str(n).encode()
        finally:
            self.steps.append("closed")

    def test_chunks_leave_as_they_are_made(self):
        prelude, chunks = streaming("wsgi", self.app)
        self.assertEqual(prelude, {"statusCode": 201, "headers": {"Content-Type": "text/plain"}, "cookies": ["a=1"]})
        self.assertEqual(self.steps, [0])
        self.assertEqual(next(chunks), b"0")
        self.assertEqual(self.steps, [0])
        self.assertEqual(next(chunks), b"2")
        self.assertEqual(list(chunks), [])
        self.assertEqual(self.steps, [0, 1, 2, "closed"])

    def test_the_client_goes(self):
        _, chunks = streaming("wsgi", self.app)
        self.assertEqual(next(chunks), b"0")
        chunks.close()
        self.assertEqual(self.steps, [0, "closed"])

    def test_an_error_in_the_middle_reaches_the_runtime(self):
        for error in (OSError("gone"), SystemExit(1)):

            def app(environ, start_response):
                start_response("200 OK", [])
                yield b"half"
                raise error

            with contextlib.redirect_stderr(io.StringIO()) as log:
                _, chunks = streaming("wsgi", app)
                self.assertEqual(next(chunks), b"half")
                with self.assertRaisesRegex(Exception, "gone|SystemExit"):
                    next(chunks)
            self.assertEqual(log.getvalue(), "")

    def test_an_error_at_the_start_is_a_500(self):
        def app(environ, start_response):
            raise RuntimeError("secret")

        def late(environ, start_response):
            start_response("200 OK", [("X", "a\nb")])
            return [b"x"]

        for each in (app, late):
            with contextlib.redirect_stderr(io.StringIO()) as log:
                prelude, chunks = streaming("wsgi", each)
                body = b"".join(chunks)
            self.assertEqual(prelude["statusCode"], 500)
            self.assertEqual(json.loads(body)["requestId"], events.Context.aws_request_id)
            self.assertEqual(log.getvalue().count("Traceback"), 1)

    def test_headers_that_were_sent_cannot_be_replaced(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            yield b"half"
            try:
                raise KeyError("x")
            except KeyError:
                start_response("500 Oops", [], sys.exc_info())

        _, chunks = streaming("wsgi", app)
        next(chunks)
        with self.assertRaises(KeyError):
            next(chunks)

    def test_no_body_where_http_has_none(self):
        def app(environ, start_response):
            start_response("204 No Content" if environ["PATH_INFO"] == "/204" else "200 OK", [])
            return [b"x"]

        for event in (events.function_url("HEAD"), events.function_url(target="/204")):
            self.assertEqual(list(streaming("wsgi", app, event)[1]), [])

    def test_more_than_six_megabytes(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            return (b"x" * 1_000_000 for _ in range(20))

        self.assertEqual(sum(map(len, streaming("wsgi", app)[1])), 20_000_000)

    def test_only_function_urls(self):
        for event in (events.rest(), events.http_api(), events.http_api(host="api.example.com")):
            self.assertIsNone(streaming("wsgi", self.app, event))
        prefix = [("X-Forwarded-Prefix", "/_aws/lambda-url/u1")]
        self.assertIsNotNone(streaming("wsgi", self.app, events.function_url(headers=prefix, host="127.0.0.1:4566")))
        prefix = [("X-Forwarded-Prefix", "/_aws/execute-api/a1")]
        self.assertIsNone(streaming("wsgi", self.app, events.http_api(headers=prefix, host="127.0.0.1:4566")))


class Asgi(unittest.TestCase):
    def setUp(self):
        self.steps = []

    async def app(self, scope, receive, send):
        if scope["type"] != "http":
            return
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
            for n in range(3):
                self.steps.append(n)
                await send({"type": "http.response.body", "body": str(n).encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            await asyncio.sleep(0.001)
            self.steps.append("background")
        except BaseException as error:
            self.steps.append(type(error).__name__)
            raise
        finally:
            self.steps.append("end")

    def test_chunks_leave_as_they_are_made(self):
        prelude, chunks = streaming("asgi", self.app)
        self.assertEqual(prelude, {"statusCode": 200, "headers": {"x-a": "1"}})
        self.assertEqual(self.steps, [0])
        self.assertEqual(next(chunks), b"0")
        self.assertEqual(self.steps, [0])
        self.assertEqual(next(chunks), b"1")
        self.assertEqual(self.steps, [0, 1])
        self.assertEqual(list(chunks), [b"2"])
        self.assertEqual(self.steps, [0, 1, 2, "background", "end"])

    def test_the_client_goes(self):
        handler = probing.handler("asgi", self.app)
        for _ in range(2):
            self.steps.clear()
            _, chunks = handler.stream(events.function_url(), events.Context())
            self.assertEqual(next(chunks), b"0")
            chunks.close()
            self.assertEqual(self.steps, [0, "CancelledError", "end"])
        # And the next request finds everything as usual.
        self.assertEqual(handler(events.function_url(), events.Context())["statusCode"], 200)

    def test_who_holds_on_is_told_that_the_client_has_gone(self):
        heard = []

        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            await send({"type": "http.response.start", "status": 200})
            try:
                await send({"type": "http.response.body", "body": b"1", "more_body": True})
            except asyncio.CancelledError:
                heard.append((await receive())["type"])
                heard.append((await receive())["type"])
                try:
                    await send({"type": "http.response.body", "body": b"2"})
                except OSError as error:
                    heard.append(str(error))

        _, chunks = streaming("asgi", app)
        next(chunks)
        chunks.close()
        self.assertEqual(heard, ["http.request", "http.disconnect", "the client has gone"])

    def test_errors(self):
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            if scope["path"] == "/start":
                raise RuntimeError("at the start")
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"half", "more_body": scope["path"] != "/late"})
            raise OSError("gone")

        with contextlib.redirect_stderr(io.StringIO()) as log:
            prelude, chunks = streaming("asgi", app, events.function_url(target="/start"))
            self.assertEqual((prelude["statusCode"], b"Internal" in b"".join(chunks)), (500, True))
        self.assertEqual(log.getvalue().count("RuntimeError: at the start"), 1)
        with contextlib.redirect_stderr(io.StringIO()) as log:
            _, chunks = streaming("asgi", app)
            self.assertEqual(next(chunks), b"half")
            with self.assertRaisesRegex(OSError, "gone"):
                next(chunks)
        self.assertEqual(log.getvalue(), "")
        with contextlib.redirect_stderr(io.StringIO()) as log:
            _, chunks = streaming("asgi", app, events.function_url(target="/late"))
            self.assertEqual(list(chunks), [b"half"])
        self.assertIn("failed after the answer to GET /late", log.getvalue())

    def test_an_empty_answer_does_not_wait_for_the_background(self):
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
            self.steps.append("background")

        prelude, chunks = streaming("asgi", app)
        self.assertEqual((prelude["statusCode"], self.steps), (204, []))
        self.assertEqual((list(chunks), self.steps), ([], ["background"]))


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app"]


class Hooks(unittest.TestCase):
    def stand_in(self, name, **members):
        """A module of the bridge that has tests of its own."""
        import rzap_web

        module = types.ModuleType("rzap_web." + name)
        vars(module).update(members)
        for store, key in ((sys.modules, module.__name__), (vars(rzap_web), name)):
            before = store.get(key)
            store[key] = module
            self.addCleanup(
                lambda store=store, key=key, before=before: (
                    store.__setitem__(key, before) if before else store.pop(key, None)
                )
            )

    def test_warming_calls_nothing(self):
        handler = probing.handler("wsgi", hello)
        self.assertIsNone(handler({"rzap": "warm"}, events.Context()))
        self.assertIsNone(handler.stream({"rzap": "warm"}, events.Context()))

    def test_exec_has_to_be_allowed(self):
        handler = probing.handler("wsgi", hello)
        for call in (handler, handler.stream):
            with self.assertRaisesRegex(ValueError, "`exec: true` in rzap.yaml"):
                call({"rzap": "exec", "code": "1"}, events.Context())

    def test_exec(self):
        self.stand_in("console", run=lambda event, context: iter([b'{"out": "1"}\n', b'{"exit": 0}\n']))
        handler = probing.handler("wsgi", hello, console=True)
        event = {"rzap": "exec", "code": "1"}
        self.assertEqual(handler(event, events.Context()), '{"out": "1"}\n{"exit": 0}\n')
        prelude, chunks = handler.stream(event, events.Context())
        self.assertEqual((prelude, list(chunks)), (None, [b'{"out": "1"}\n', b'{"exit": 0}\n']))

    def test_no_http_request_is_a_command(self):
        self.stand_in("console", run=lambda event, context: self.fail("reached over HTTP"))
        handler = probing.handler("wsgi", hello, console=True)
        for rzap in ("exec", "warm"):
            for event in (events.rest(rzap=rzap), events.function_url(rzap=rzap)):
                self.assertEqual(handler(event, events.Context())["body"], "app")

    def test_static_files_come_first(self):
        asked = []

        class Files:
            def __init__(self, url):
                asked.append(url)

            def respond(self, method, path, headers):
                asked.append((method, path, headers.get("range")))
                if path.startswith("/static/"):
                    return 206, [("Content-Type", "image/png"), ("Content-Length", "2")], b"\xff\x00"
                return None

        async def asgi(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"app"})

        self.stand_in("static", Files=Files)
        for protocol, app in (("wsgi", hello), ("asgi", asgi)):
            handler = probing.handler(protocol, app, static="/static/")
            asked[:] = asked[-1:]
            event = events.function_url(target="/static/%C3%BC.png", headers=[("Range", "bytes=0-1")])
            result = handler(event, events.Context())
            self.assertEqual((result["statusCode"], events.answered(result)[2]), (206, b"\xff\x00"))
            prelude, chunks = handler.stream(event, events.Context())
            self.assertEqual((prelude["statusCode"], list(chunks)), (206, [b"\xff\x00"]))
            self.assertEqual(handler(events.rest(target="/x"), events.Context())["body"], "app")
            one = ("GET", "/static/ü.png", "bytes=0-1")
            self.assertEqual(asked, ["/static/", one, one, ("GET", "/x", None)])


if __name__ == "__main__":
    unittest.main()
