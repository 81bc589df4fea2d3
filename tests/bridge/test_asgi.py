"""The bridge and ASGI, event by event."""

import asyncio
import contextlib
import io
import json
import unittest

import events
import probing


def calling(act):
    """An app without a lifespan."""

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await act(scope, receive, send)

    return app


async def answer(send, body=b"ok", status=200, headers=((b"content-type", b"text/plain"),)):
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def run(act, event=None):
    """(Lambda's result, what was logged) of one call."""
    with contextlib.redirect_stderr(io.StringIO()) as log:
        handler = probing.handler("asgi", calling(act))
        result = handler(events.rest() if event is None else event, events.Context())
    json.dumps(result)
    return result, log.getvalue()


def seen(event):
    """The scope an event becomes."""
    scopes = []

    async def act(scope, receive, send):
        scopes.append(scope)
        await answer(send)

    run(act, event)
    return scopes[0]


class Scopes(unittest.TestCase):
    def test_every_key(self):
        event = events.rest("POST", "/a%2Fb/%C3%BC?q=1&q=2", [("X-Two", "1"), ("X-Two", "2")], b"body")
        scope = seen(event)
        context = scope.pop("aws.context")
        self.assertEqual(context.aws_request_id, events.Context.aws_request_id)
        self.assertEqual(
            scope,
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "method": "POST",
                "scheme": "https",
                "path": "/Prod/a/b/ü",
                "raw_path": b"/Prod/a%2Fb/%C3%BC",
                "query_string": b"q=1&q=2",
                "root_path": "/Prod",
                "headers": [
                    (b"host", events.REST_HOST.encode()),
                    (b"x-two", b"1"),
                    (b"x-two", b"2"),
                    (b"content-length", b"4"),
                ],
                "client": ("52.255.255.12", 0),
                "server": (events.REST_HOST, 443),
                "state": {},
                "extensions": {},
                "aws.event": event,
            },
        )

    def test_paths(self):
        local = {"host": "localhost:4566"}
        here = ("X-Forwarded-Prefix", "/_aws/execute-api/ab12")
        named = ("X-Forwarded-Prefix", "/_aws/execute-api/ab12/live")
        url = ("X-Forwarded-Prefix", "/_aws/lambda-url/ab12")
        base = {"host": "api.example.com", "base": "/v1"}
        table = [
            # event, root_path, path, raw_path
            (events.rest(target="/"), "/Prod", "/Prod/", b"/Prod/"),
            (events.rest(target="/Prod/x"), "/Prod", "/Prod/Prod/x", b"/Prod/Prod/x"),
            (events.rest(target="/a%20b", **base), "/v1", "/v1/a b", b"/v1/a%20b"),
            (events.rest(target="//a//", **base), "/v1", "/v1//a//", b"/v1//a//"),
            (events.http_api(target="/100%2525"), "", "/100%25", b"/100%2525"),
            (events.http_api(target="/a%2Fb", stage="live"), "/live", "/live/a/b", b"/live/a/b"),
            (events.http_api(stage="live", rawPath="/live"), "/live", "/live/", b"/live/"),
            (events.http_api(target="/x", stage="live", host="api.example.com"), "", "/x", b"/x"),
            (events.http_api(target="/x", host="ab12.execute-api.localhost"), "", "/x", b"/x"),
            (events.http_api(target="/ü%2525", headers=[here], **local), here[1], here[1] + "/ü%25", None),
            (events.http_api(target="/x", stage="live", headers=[named], **local), named[1], None, None),
            (events.function_url(target="/a%2Fb"), "", "/a/b", b"/a%2Fb"),
            (events.function_url(target="/%FF"), "", "/\ufffd", b"/%FF"),
            (events.function_url(target="/a%2525", headers=[url], **local), url[1], url[1] + "/a%25", None),
        ]
        for event, root_path, path, raw_path in table:
            scope = seen(event)
            with self.subTest(event.get("rawPath") or event["path"]):
                self.assertEqual(scope["root_path"], root_path)
                self.assertEqual(scope["path"], path or root_path + "/x")
                self.assertEqual(scope["raw_path"], raw_path or scope["raw_path"])

    def test_headers_are_bytes(self):
        headers = [("X-Ü".encode().decode("latin-1"), "1"), ("X-Text", "grün"), ("Cookie", "a=1; b=2"), ("TE", "x")]
        for make in (events.rest, events.function_url):
            scope = seen(make(headers=headers))
            for name in dict(scope["headers"]):
                self.assertIsInstance(name, bytes)
                self.assertEqual(name, name.lower())
            found = dict(scope["headers"])
            self.assertEqual(found[b"x-text"], "grün".encode())
            self.assertEqual(found[b"cookie"], b"a=1; b=2")
            self.assertNotIn(b"te", found)

    def test_http_2(self):
        event = events.function_url()
        event["requestContext"]["http"]["protocol"] = "HTTP/2.0"
        self.assertEqual(seen(event)["http_version"], "2")


class Messages(unittest.TestCase):
    def test_the_body_comes_at_once_and_then_the_client_is_there_until_the_end(self):
        heard = []

        async def act(scope, receive, send):
            heard.append(await receive())
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0.001)
            heard.append(waiting.done())
            await answer(send)
            heard.append(await waiting)

        run(act, events.rest("POST", body=b"abc"))
        body = {"type": "http.request", "body": b"abc", "more_body": False}
        self.assertEqual(heard, [body, False, {"type": "http.disconnect"}])

    def test_what_goes_on_after_the_answer_is_finished_before_lambda_freezes(self):
        done = []

        async def act(scope, receive, send):
            await answer(send)
            await asyncio.sleep(0.01)
            done.append(True)

        self.assertEqual(run(act)[0]["body"], "ok")
        self.assertEqual(done, [True])

    def test_one_loop_for_all_requests(self):
        loops = []

        async def act(scope, receive, send):
            loops.append(asyncio.get_running_loop())
            await answer(send)

        handler = probing.handler("asgi", calling(act))
        for _ in range(3):
            handler(events.rest(), events.Context())
        self.assertEqual(len(loops), 3)
        self.assertEqual(len(set(map(id, loops))), 1)

    def test_what_an_app_starts_goes_on_with_the_next_request(self):
        steps = []

        async def beside():
            while True:
                steps.append(len(steps))
                await asyncio.sleep(0)

        async def act(scope, receive, send):
            if not steps:
                steps.append(0)
                act.task = asyncio.ensure_future(beside())
            await asyncio.sleep(0)
            await answer(send)

        handler = probing.handler("asgi", calling(act))
        handler(events.rest(), events.Context())
        before = len(steps)
        handler(events.rest(), events.Context())
        self.assertGreater(len(steps), before)
        act.task.cancel()
        handler(events.rest(), events.Context())

    def test_parts_are_joined_and_cookies_kept(self):
        async def act(scope, receive, send):
            headers = [(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"content-type", "text/plain; x=ü".encode())]
            await send({"type": "http.response.start", "status": 201, "headers": iter(headers)})
            await send({"type": "http.response.body", "body": b"one ", "more_body": True})
            await send({"type": "http.response.body", "more_body": True})
            await send({"type": "http.response.body", "body": bytearray(b"two")})

        result, _ = run(act, events.function_url())
        self.assertEqual((result["statusCode"], result["body"], result["cookies"]), (201, "one two", ["a=1", "b=2"]))
        self.assertEqual(result["headers"], {"content-type": "text/plain; x=ü"})
        result, _ = run(act)
        self.assertEqual(result["multiValueHeaders"], {"Set-Cookie": ["a=1", "b=2"]})


class Lifespans(unittest.TestCase):
    def app(self, act):
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await act(scope, receive, send)
            else:
                self.state = scope["state"]
                await answer(send)

        return app

    def test_startup_runs_once_before_any_request(self):
        ran = []

        async def act(scope, receive, send):
            ran.append((await receive())["type"])
            await asyncio.sleep(0)
            scope["state"]["pool"] = ran
            await send({"type": "lifespan.startup.complete"})
            ran.append((await receive())["type"])

        handler = probing.handler("asgi", self.app(act))
        self.assertEqual(ran, ["lifespan.startup"])
        for _ in range(2):
            handler(events.rest(), events.Context())
        self.assertEqual(ran, ["lifespan.startup"])
        self.assertIs(self.state["pool"], ran)

    def test_state_is_each_requests_own(self):
        async def act(scope, receive, send):
            scope["state"]["n"] = 1
            await send({"type": "lifespan.startup.complete"})

        handler = probing.handler("asgi", self.app(act))
        handler(events.rest(), events.Context())
        self.state["n"] = 2
        handler(events.rest(), events.Context())
        self.assertEqual(self.state, {"n": 1})

    def test_failed_startup_fails_the_start(self):
        async def act(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            raise RuntimeError("after that")

        with self.assertRaisesRegex(RuntimeError, "startup failed: no database"):
            probing.handler("asgi", self.app(act))

        async def leaves(scope, receive, send):
            raise SystemExit(2)

        with self.assertRaisesRegex(RuntimeError, r"startup failed: it called sys.exit\(2\)"):
            probing.handler("asgi", self.app(leaves))

    def test_apps_that_know_no_lifespan(self):
        async def refuses(scope, receive, send):
            raise ValueError("only http")

        async def returns(scope, receive, send):
            return None

        for act in (refuses, returns):
            handler = probing.handler("asgi", self.app(act))
            self.assertEqual(handler(events.rest(), events.Context())["statusCode"], 200)

    def test_falcon_gets_its_path_without_the_mount(self):
        async def app(scope, receive, send):
            await answer(send, scope["path"].encode())

        class App:
            async def __call__(self, scope, receive, send):
                await answer(send, (scope["path"] + " " + scope["root_path"]).encode())

        App.__module__ = "falcon.asgi.app"
        result = probing.handler("asgi", App())(events.rest(target="/x"), events.Context())
        self.assertEqual(result["body"], "/x /Prod")


class Failures(unittest.TestCase):
    def failing(self, act):
        result, log = run(act)
        self.assertEqual(result["statusCode"], 500)
        self.assertEqual(json.loads(result["body"])["requestId"], events.Context.aws_request_id)
        return log

    def test_exceptions(self):
        async def raises(scope, receive, send):
            raise RuntimeError("the password is 1234")

        async def half(scope, receive, send):
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise OSError("gone")

        async def leaves(scope, receive, send):
            raise SystemExit(1)

        async def silent(scope, receive, send):
            return None

        async def unstarted(scope, receive, send):
            await send({"type": "http.response.body", "body": b"x"})

        async def broken(scope, receive, send):
            await answer(send, headers=[(b"x", b"1\r\nevil: 2")])

        table = [
            (raises, "RuntimeError: the password is 1234"),
            (half, "OSError: gone"),
            (leaves, "SystemExit: 1"),
            (silent, "returned before its response was complete"),
            (unstarted, "unexpected ASGI message 'http.response.body': the response is not started"),
            (broken, "character that HTTP does not allow"),
        ]
        for act, expected in table:
            with self.subTest(act.__name__):
                log = self.failing(act)
                self.assertIn(expected, log)
                self.assertEqual(log.count("Traceback"), 1)
                self.assertIn("bridge_probe:app failed on GET /Prod/", log)

    def test_what_fails_after_the_answer_is_logged_and_answered(self):
        async def act(scope, receive, send):
            await answer(send)
            raise RuntimeError("in the background")

        result, log = run(act)
        self.assertEqual((result["statusCode"], result["body"]), (200, "ok"))
        self.assertIn("failed after the answer to GET /Prod/", log)
        self.assertIn("RuntimeError: in the background", log)

    def test_the_loop_survives(self):
        async def act(scope, receive, send):
            if scope["query_string"]:
                raise KeyboardInterrupt
            await answer(send)

        with contextlib.redirect_stderr(io.StringIO()):
            handler = probing.handler("asgi", calling(act))
            statuses = [handler(events.rest(target=t), events.Context())["statusCode"] for t in ("/?a=1", "/", "/?a=1")]
        self.assertEqual(statuses, [500, 200, 500])

    def test_websockets_are_refused(self):
        handler = probing.handler("asgi", calling(None))
        with self.assertRaisesRegex(ValueError, "expects an HTTP event"):
            handler({"requestContext": {"connectionId": "x", "eventType": "CONNECT"}}, events.Context())


if __name__ == "__main__":
    unittest.main()
