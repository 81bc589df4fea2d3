"""The bridge and WSGI, event by event.

All these tests need nothing but Python: `python3 -m unittest discover -s tests/bridge`.
"""

import contextlib
import io
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "templates", "bridge")]
sys.dont_write_bytecode = True

import events  # noqa: E402
import probing  # noqa: E402
from rzap_web import request, response, wsgi  # noqa: E402

# The proxy event of the Lambda developer guide, "Using AWS Lambda with API Gateway", shortened headers only.
DOCS_REST = {
    "resource": "/",
    "path": "/",
    "httpMethod": "GET",
    "requestContext": {
        "resourcePath": "/",
        "httpMethod": "GET",
        "path": "/Prod/",
        "stage": "Prod",
        "domainName": "70ixmpl4fl.execute-api.ca-central-1.amazonaws.com",
        "identity": {"sourceIp": "52.255.255.12"},
        "protocol": "HTTP/1.1",
    },
    "headers": {
        "accept": "text/html",
        "Host": "70ixmpl4fl.execute-api.us-east-2.amazonaws.com",
        "X-Amzn-Trace-Id": "Root=1-5e66d96f-7491f09xmpl79d18acf3d050",
    },
    "multiValueHeaders": {"accept": ["text/html"], "accept-encoding": ["gzip, deflate, br"]},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "body": None,
    "isBase64Encoded": False,
}

# Payload format 2.0 as the API Gateway developer guide prints it.
DOCS_HTTP = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/my/path",
    "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
    "cookies": ["cookie1", "cookie2"],
    "headers": {"header1": "value1", "header2": "value1,value2"},
    "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "api-id",
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "http": {
            "method": "POST",
            "path": "/my/path",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "12/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    },
    "body": "Hello from Lambda",
    "pathParameters": {"parameter1": "value1"},
    "isBase64Encoded": False,
    "stageVariables": {"stageVariable1": "value1", "stageVariable2": "value2"},
}


def environ(event):
    return wsgi.environ(request.Request(event, events.Context()))


def run(app, event=None):
    """(Lambda's result, what was logged) of one call."""
    with contextlib.redirect_stderr(io.StringIO()) as log:
        result = probing.handler("wsgi", app)(events.rest() if event is None else event, events.Context())
    json.dumps(result)
    return result, log.getvalue()


def replying(body=b"ok", status="200 OK", headers=(("Content-Type", "text/plain"),)):
    def app(environ, start_response):
        start_response(status, list(headers))
        return [body]

    return app


class Paths(unittest.TestCase):
    """SCRIPT_NAME + PATH_INFO is what the client sees; PATH_INFO is what the app routes by."""

    REST, DOMAIN, LOCAL = events.REST_HOST, "api.example.com", "127.0.0.1:4566"

    def check(self, event, script_name, path_info):
        found = environ(event)
        self.assertEqual((found["SCRIPT_NAME"], found["PATH_INFO"]), (script_name, path_info))

    def test_rest_has_the_stage_in_the_url_only(self):
        self.check(DOCS_REST, "/Prod", "/")
        for path in ("/", "/products", "/prod/x", "/Prod", "/Prod/x", "/x/"):
            with self.subTest(path):
                self.check(events.rest(target=path), "/Prod", path)

    def test_rest_stage_is_not_cut_from_the_middle_of_a_segment(self):
        """Zappa 0.63 makes `/ucts` of `/products` on stage `prod`."""
        self.check(events.rest(target="/products", stage="prod"), "/prod", "/products")

    def test_rest_behind_a_custom_domain_without_base_path(self):
        for path in ("/", "/a/b", "/a/"):
            with self.subTest(path):
                self.check(events.rest(target=path, host=self.DOMAIN), "", path)

    def test_rest_base_path_is_script_name(self):
        """With a base path mapping `path` and requestContext.path both carry it; the resource does not."""
        table = [
            # base path, resource, parameters, path after the base path, PATH_INFO
            ("/v1", "/{proxy+}", {"proxy": "a/b"}, "/a/b", "/a/b"),
            ("/v1", "/{proxy+}", {"proxy": "a/b"}, "/a/b/", "/a/b/"),
            ("/v1", "/{proxy+}", {"proxy": "v1"}, "/v1", "/v1"),
            ("/v1/nested", "/payment/{invoice+}", {"invoice": "12-afekl"}, "/payment/12-afekl/", "/payment/12-afekl/"),
            ("/v1", "/", None, "", "/"),
            ("/v1", "/", None, "/", "/"),
            ("/v1", "/{proxy+}", {"proxy": "caf%C3%A9"}, "/caf%C3%A9", "/caf\xc3\xa9"),
            ("/v1", "/{proxy+}", {"proxy": "café"}, "/caf%C3%A9", "/caf\xc3\xa9"),
            ("/v1", "/{proxy+}", {"proxy": "100%25"}, "/100%25", "/100%"),
        ]
        for base, resource, parameters, path, path_info in table:
            with self.subTest(base + path):
                whole = base + path
                event = events.rest(target=whole, host=self.DOMAIN, resource=resource, pathParameters=parameters)
                self.check(event, base, path_info)

    def test_http_api_stage_is_stripped_on_a_segment_boundary(self):
        self.check(DOCS_HTTP, "", "/my/path")
        self.check(events.http_api(target="/x", stage="prod"), "/prod", "/x")
        self.check(events.http_api(target="/", stage="prod"), "/prod", "/")
        self.check(events.http_api(stage="prod", rawPath="/prod"), "/prod", "/")
        self.check(events.http_api(stage="prod", rawPath="/products"), "", "/products")
        self.check(events.http_api(target="/$default/x"), "", "/$default/x")
        self.check(events.http_api(target="/x", stage="prod", host=self.DOMAIN), "", "/x")

    def test_http_api_with_payload_1(self):
        event = events.rest(path="/prod/caf\u00e9 100%25", stage="prod", version="1.0")
        self.check(event, "/prod", "/caf\xc3\xa9 100%25")

    def test_function_url(self):
        self.check(events.function_url(target="/prod/x"), "", "/prod/x")

    def test_decoded_once_and_as_utf8_in_latin1(self):
        table = [
            ("/caf%C3%A9", "/caf\xc3\xa9"),
            ("/%E2%82%AC", "/\xe2\x82\xac"),
            ("/a%20b+c", "/a b+c"),
            ("/100%2525", "/100%25"),
            ("/a%2Fb", "/a/b"),
            ("/%F0%9F%90%8D", "/\xf0\x9f\x90\x8d"),
        ]
        for sent, expected in table:
            for make in (events.rest, events.http_api, events.function_url):
                with self.subTest(make.__name__ + " " + sent):
                    self.assertEqual(environ(make(target=sent))["PATH_INFO"], expected)

    def test_bytes_that_are_not_utf8_stay_bytes(self):
        self.assertEqual(environ(events.rest(target="/%FF%00"))["PATH_INFO"], "/\xff\x00")

    def test_local_cloud_prefix(self):
        prefix = ("X-Forwarded-Prefix", "/_aws/execute-api/ab12/dev")
        for host in ("127.0.0.1:4566", "localhost", "[::1]:80"):
            with self.subTest(host):
                self.check(events.rest(target="/x", headers=[prefix], host=host), prefix[1], "/x")
        self.check(events.function_url(target="/x", headers=[prefix], host=self.LOCAL), prefix[1], "/x")
        event = events.rest(target="/x", host=self.LOCAL)
        event["requestContext"]["path"] = "/dev/x"
        self.check(event, "/dev", "/x")

    def test_prefix_of_a_client_is_not_believed_on_aws(self):
        prefix = ("X-Forwarded-Prefix", "/evil")
        self.check(events.rest(target="/x", headers=[prefix]), "/Prod", "/x")
        self.check(events.rest(target="/x", headers=[prefix], host=self.DOMAIN), "", "/x")
        self.check(events.function_url(target="/x", headers=[prefix]), "", "/x")


class Requests(unittest.TestCase):
    def test_docs_event_1(self):
        found = environ(DOCS_REST)
        self.assertEqual(found["REQUEST_METHOD"], "GET")
        self.assertEqual(found["QUERY_STRING"], "")
        self.assertEqual(found["HTTP_ACCEPT"], "text/html")
        self.assertEqual(found["HTTP_ACCEPT_ENCODING"], "gzip, deflate, br")
        self.assertEqual(found["HTTP_X_AMZN_TRACE_ID"], "Root=1-5e66d96f-7491f09xmpl79d18acf3d050")
        self.assertEqual(found["REMOTE_ADDR"], "52.255.255.12")
        self.assertEqual((found["wsgi.url_scheme"], found["SERVER_PORT"]), ("https", "443"))
        self.assertEqual(found["SERVER_NAME"], "70ixmpl4fl.execute-api.us-east-2.amazonaws.com")
        self.assertNotIn("CONTENT_LENGTH", found)

    def test_docs_event_2(self):
        found = environ(DOCS_HTTP)
        self.assertEqual(found["REQUEST_METHOD"], "POST")
        self.assertEqual(found["QUERY_STRING"], "parameter1=value1&parameter1=value2&parameter2=value")
        self.assertEqual(found["HTTP_COOKIE"], "cookie1; cookie2")
        self.assertEqual(found["HTTP_HEADER2"], "value1,value2")
        self.assertEqual(found["REMOTE_ADDR"], "192.0.2.1")
        self.assertEqual(found["SERVER_NAME"], "id.execute-api.us-east-1.amazonaws.com")
        self.assertEqual((found["CONTENT_LENGTH"], found["wsgi.input"].read()), ("17", b"Hello from Lambda"))

    def test_is_a_valid_wsgi_environ(self):
        from wsgiref.validate import check_environ

        for event in (DOCS_REST, DOCS_HTTP, events.rest("POST", "/x", body=b"b"), events.function_url()):
            found = environ(event)
            check_environ(found)
            self.assertEqual((found["wsgi.multithread"], found["wsgi.multiprocess"]), (False, True))

    def test_query_of_1_is_encoded_again(self):
        table = [
            ({"a": ["1", "2"], "b": [""]}, "a=1&a=2&b="),
            ({"q": ["a b&c=d+e%"]}, "q=a%20b%26c%3Dd%2Be%25"),
            ({"é[]": ["€"]}, "%C3%A9%5B%5D=%E2%82%AC"),
            ({"x": None}, "x="),
        ]
        for given, expected in table:
            event = events.rest(multiValueQueryStringParameters=given)
            self.assertEqual(environ(event)["QUERY_STRING"], expected)
        event = events.rest(multiValueQueryStringParameters=None, queryStringParameters={"a": "1"})
        self.assertEqual(environ(event)["QUERY_STRING"], "a=1")

    def test_query_of_2_is_left_alone(self):
        for query in ("", "a=%2B+&a&=&%zz", "x=1;y=2"):
            self.assertEqual(environ(events.function_url(target="/?" + query))["QUERY_STRING"], query)

    def test_headers(self):
        sent = [
            ("Accept", "a"), ("Accept", "b"), ("Cookie", "x=1"), ("Cookie", "y=2"), ("Content-Type", "text/plain"),
            ("X-Caf", "caf\u00e9"), ("X-Raw", "caf\xc3\xa9"), ("X-Euro", "\u20ac"), ("X_Real_Ip", "6.6.6.6"),
            ("Transfer-Encoding", "chunked"), ("Connection", "close"),
        ]  # fmt: skip
        found = environ(events.rest("POST", headers=sent, body=b"1"))
        self.assertEqual(found["HTTP_ACCEPT"], "a,b")
        self.assertEqual(found["HTTP_COOKIE"], "x=1; y=2")
        self.assertEqual(found["CONTENT_TYPE"], "text/plain")
        self.assertEqual(found["HTTP_X_CAF"], "caf\xc3\xa9")
        self.assertEqual(found["HTTP_X_RAW"], "caf\xc3\xa9")
        self.assertEqual(found["HTTP_X_EURO"], "\xe2\x82\xac")
        for absent in ("HTTP_CONTENT_TYPE", "HTTP_X_REAL_IP", "HTTP_TRANSFER_ENCODING", "HTTP_CONNECTION"):
            self.assertNotIn(absent, found)
        self.assertEqual(
            environ({**events.rest(), "headers": None, "multiValueHeaders": None})["SERVER_NAME"], events.REST_HOST
        )
        single = events.rest(headers=sent, multiValueHeaders=None)
        self.assertEqual(environ(single)["HTTP_ACCEPT"], "b")

    def test_client_address_is_not_taken_from_a_header(self):
        for make, expected in ((events.rest, "52.255.255.12"), (events.function_url, "203.0.113.9")):
            found = environ(make(headers=[("X-Forwarded-For", "1.2.3.4, 52.255.255.12"), ("X-Forwarded-Host", "evil")]))
            self.assertEqual(found["REMOTE_ADDR"], expected)
            self.assertNotIn("evil", found["SERVER_NAME"])

    def test_scheme_host_and_port(self):
        table = [
            ([], "api.example.com", ("https", "api.example.com", "443")),
            ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")], "a.b", ("https", "a.b", "443")),
            ([("X-Forwarded-Proto", "https, http")], "a.b", ("http", "a.b", "80")),
            ([], "127.0.0.1:4566", ("http", "127.0.0.1", "4566")),
            ([], "[::1]:4566", ("http", "::1", "4566")),
            ([], "ab.execute-api.localhost:4566", ("http", "ab.execute-api.localhost", "4566")),
        ]
        for headers, host, expected in table:
            for make in (events.rest, events.http_api):
                found = environ(make(headers=headers, host=host))
                self.assertEqual((found["wsgi.url_scheme"], found["SERVER_NAME"], found["SERVER_PORT"]), expected)
                self.assertEqual(found["HTTP_HOST"], host)

    def test_bodies_of_every_method(self):
        raw = bytes(range(256))
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            for make in (events.rest, events.http_api, events.function_url):
                found = environ(make(method, body=raw))
                self.assertEqual((found["CONTENT_LENGTH"], found["wsgi.input"].read()), ("256", raw))
        found = environ({**events.rest("POST"), "body": "grüße"})
        self.assertEqual(found["wsgi.input"].read(), "grüße".encode())

    def test_length_is_counted_not_believed(self):
        found = environ(events.rest("POST", headers=[("Content-Length", "99")], body=b"abc"))
        self.assertEqual(found["CONTENT_LENGTH"], "3")
        self.assertNotIn("HTTP_CONTENT_LENGTH", found)
        self.assertEqual(environ(events.rest("POST", headers=[("Content-Length", "0")]))["CONTENT_LENGTH"], "0")

    def test_event_and_context_are_there(self):
        event, context = events.rest(), events.Context()
        found = wsgi.environ(request.Request(event, context))
        for name in ("lambda.event", "apig_wsgi.full_event"):
            self.assertIs(found[name], event)
        for name in ("lambda.context", "apig_wsgi.context"):
            self.assertIs(found[name], context)
        self.assertIs(found["apig_wsgi.request_context"], event["requestContext"])

    def test_other_events_are_refused(self):
        table = [
            {},
            [],
            None,
            "x",
            {"Records": [{"eventSource": "aws:s3"}]},
            {"source": "aws.events", "detail-type": "Scheduled Event"},
            {"requestContext": {"connectionId": "x", "routeKey": "$connect"}},
            {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/"},
            {"version": "2.0", "requestContext": {"http": {}}},
        ]
        for event in table:
            with (
                self.subTest(repr(event)),
                self.assertRaisesRegex(ValueError, "web application and expects an HTTP event"),
            ):
                environ(event)


class Responses(unittest.TestCase):
    def test_text_and_binary(self):
        table = [
            ("text/html; charset=utf-8", "gr\u00fc\u00dfe".encode(), False),
            ("text/plain", b"ascii", False),
            ("TEXT/CSS", b"a{}", False),
            ("application/json", b"{}", False),
            ("application/problem+json; x=y", b"{}", False),
            ("image/svg+xml", b"<svg/>", False),
            ("application/xml", b"<a/>", False),
            ("application/javascript", b"1", False),
            ("application/x-www-form-urlencoded", b"a=b", False),
            ("text/plain; charset=iso-8859-1", b"gr\xfc\xdfe", True),
            ("application/octet-stream", b"ascii", True),
            ("image/png", b"\x89PNG", True),
            ("application/jsonx", b"{}", True),
            ("", b"x", True),
        ]
        for kind, body, binary in table:
            with self.subTest(kind):
                result, _ = run(replying(body, headers=[("Content-Type", kind)] if kind else []))
                self.assertEqual((result["isBase64Encoded"], events.answered(result)[2]), (binary, body))

    def test_encoded_content_is_binary(self):
        headers = [("Content-Type", "text/html"), ("Content-Encoding", "gzip")]
        result, _ = run(replying(b"\x1f\x8babc", headers=headers))
        self.assertTrue(result["isBase64Encoded"])
        self.assertEqual(events.answered(result)[2], b"\x1f\x8babc")
        self.assertTrue(run(replying(b"looks like text", headers=headers))[0]["isBase64Encoded"])

    def test_cookies_survive(self):
        """Zappa 0.63 makes eight of two."""
        cookies = [("Set-Cookie", "a=1; Path=/"), ("set-cookie", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT")]
        for event in (events.rest(), events.http_api(), events.function_url()):
            result, _ = run(replying(headers=[*cookies, ("X-One", "1")]), event)
            got = [value for name, value in events.answered(result)[1] if name == "set-cookie"]
            self.assertEqual(got, [value for _, value in cookies])
        self.assertEqual(result["cookies"], [value for _, value in cookies])
        self.assertNotIn("Set-Cookie", result["headers"])

    def test_other_repeated_headers(self):
        headers = [("WWW-Authenticate", "Basic"), ("Www-Authenticate", "Bearer"), ("Vary", "Cookie")]
        result, _ = run(replying(headers=headers))
        self.assertEqual(result["multiValueHeaders"], {"WWW-Authenticate": ["Basic", "Bearer"]})
        self.assertEqual(result["headers"], {"Vary": "Cookie"})
        result, _ = run(replying(headers=headers), events.function_url())
        self.assertEqual(result["headers"], {"WWW-Authenticate": "Basic, Bearer", "Vary": "Cookie"})

    def test_header_text(self):
        result, _ = run(replying(headers=[("X-A", "caf\xc3\xa9"), ("X-B", "\xff"), ("X-C", " c\t")]))
        self.assertEqual(result["headers"], {"X-A": "café", "X-B": "\xff", "X-C": "c"})

    def test_connection_headers_and_length_are_the_gateways(self):
        headers = [("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Content-Length", "2")]
        self.assertEqual(run(replying(headers=headers))[0]["headers"], {})

    def test_head_and_bodyless_statuses(self):
        result, _ = run(replying(b"hello", headers=[("Content-Length", "5")]), events.rest("HEAD"))
        self.assertEqual((result["body"], result["headers"]), ("", {"Content-Length": "5"}))
        for status in ("204 No Content", "304 Not Modified"):
            self.assertEqual(run(replying(b"x", status))[0]["body"], "")

    def test_status_without_reason(self):
        self.assertEqual(run(replying(status="299"))[0]["statusCode"], 299)

    def test_generator_that_starts_late_and_close(self):
        closed = []

        class Body:
            def __init__(self, start_response):
                self.start_response = start_response

            def __iter__(self):
                self.start_response("201 Created", [("Content-Type", "text/plain")])
                yield b""
                yield b"a"
                yield b"b"

            def close(self):
                closed.append(True)

        result, _ = run(lambda environ, start_response: Body(start_response))
        self.assertEqual((result["statusCode"], result["body"], closed), (201, "ab", [True]))

    def test_write(self):
        def app(environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"one ")
            write(b"two ")
            return [b"three"]

        self.assertEqual(run(app)[0]["body"], "one two three")

    def test_start_response_again_with_exc_info_replaces(self):
        def app(environ, start_response):
            start_response("200 OK", [("X-First", "1")])
            yield b"half a page"
            try:
                raise KeyError("x")
            except KeyError:
                start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
            yield b"sorry"

        result, _ = run(app)
        self.assertEqual(
            (result["statusCode"], result["headers"], result["body"]), (500, {"Content-Type": "text/plain"}, "sorry")
        )


class Failures(unittest.TestCase):
    def failing(self, app, event=None):
        result, log = run(app, event)
        self.assertEqual(result["statusCode"], 500)
        told = json.loads(result["body"])
        self.assertEqual(told, {"message": "Internal Server Error", "requestId": events.Context.aws_request_id})
        return log

    def test_exception_is_logged_and_not_told(self):
        def app(environ, start_response):
            raise RuntimeError("the password is 1234")

        log = self.failing(app, events.rest("POST", "/pay"))
        self.assertIn("Traceback", log)
        self.assertIn("RuntimeError: the password is 1234", log)
        self.assertIn("bridge_probe:app failed on POST /Prod/pay", log)

    def test_exit_and_interrupt_are_errors_of_one_request(self):
        for error in (SystemExit(3), KeyboardInterrupt()):

            def app(environ, start_response, error=error):
                raise error

            self.assertIn(type(error).__name__, self.failing(app))
        self.assertEqual(run(app, events.rest("HEAD"))[0]["body"], "")

    def test_exception_in_the_middle_still_closes(self):
        closed = []

        class Body:
            def __iter__(self):
                yield b"x"
                raise OSError("gone")

            def close(self):
                closed.append(True)

        def app(environ, start_response):
            start_response("200 OK", [])
            return Body()

        self.assertIn("OSError: gone", self.failing(app))
        self.assertEqual(closed, [True])

    def test_broken_applications(self):
        def twice(environ, start_response):
            start_response("200 OK", [])
            start_response("200 OK", [])
            return []

        table = [
            (twice, "second time without exc_info"),
            (lambda environ, start_response: [b"x"], "did not call start_response"),
            (replying("text"), "consists of bytes, not str"),
            (replying(status="abc"), "ValueError"),
            (replying(headers=[("X-A", "1\r\nSet-Cookie: evil=1")]), "character that HTTP does not allow"),
            (replying(headers=[("X-A", 1)]), "must be str"),
        ]
        for app, expected in table:
            with self.subTest(expected):
                self.assertIn(expected, self.failing(app))

    def test_logging_is_used_where_it_is_set_up(self):
        import logging

        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        logging.root.addHandler(handler)
        try:
            log = self.failing(lambda environ, start_response: 1 / 0)
        finally:
            logging.root.removeHandler(handler)
        self.assertEqual(log, "")
        self.assertIn("ZeroDivisionError", stream.getvalue())

    def test_six_megabytes(self):
        binary = [("Content-Type", "image/png")]
        fits = response.LIMIT * 3 // 4 - 1000
        result, _ = run(replying(b"\xff" * fits, headers=binary))
        self.assertEqual(result["statusCode"], 200)
        self.assertLessEqual(len(json.dumps(result)), response.LIMIT)
        log = self.failing(replying(b"\xff" * (fits + 2000), headers=binary), events.rest(target="/big"))
        self.assertIn("/Prod/big has 4,719,667 bytes", log)
        self.assertNotIn("Traceback", log)

    def test_text_that_is_longer_as_json_than_as_base64(self):
        body = b"\x01" * 4_000_000
        result, _ = run(replying(body))
        self.assertTrue(result["isBase64Encoded"])
        self.assertEqual(events.answered(result)[2], body)
        result, _ = run(replying(b"x" * 6_000_000))
        self.assertFalse(result["isBase64Encoded"])


if __name__ == "__main__":
    unittest.main()
