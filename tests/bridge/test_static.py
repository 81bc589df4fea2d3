"""Static files through the bridge: what HTTP gets to see, and how S3 is asked for it.

S3 is moto's server with its IAM switched on, so every signature is checked by somebody else's code; besides,
each is compared with botocore's own. Needs tests/requirements.txt.
"""

import datetime
import gzip
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
import urllib.request
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
BRIDGE = os.path.join(HERE, "..", "..", "templates", "bridge")
sys.path[:0] = [BRIDGE]
sys.dont_write_bytecode = True

import boto3  # noqa: E402
import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.credentials  # noqa: E402
import moto.moto_api._internal  # noqa: E402
import moto.settings  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402
from rzap_web import static, static_s3  # noqa: E402

CSS = b"body { color: teal }\n" * 200
PLACE = "rzap-123456789012-eu-west-1/shop/_static/"
BUCKET, PREFIX = PLACE.split("/", 1)


def sha256(body):
    return hashlib.sha256(body).hexdigest()


def entry(body, kind, **more):
    return dict({"type": kind, "size": len(body), "sha256": sha256(body)}, **more)


def squeezed(body):
    return gzip.compress(body, mtime=0)


OBJECTS = {
    "css": CSS,
    "gzip": squeezed(CSS),
    # What stands for brotli need not be brotli: nobody here unpacks it.
    "br": b"brotli of the style sheet",
    "png": bytes(range(256)) * 8,
    "big": b"0123456789" * 700_000,
    "empty": b"",
}
LIST = {
    "css/app.css": entry(
        CSS,
        "text/css; charset=utf-8",
        gzip=[sha256(OBJECTS["gzip"]), len(OBJECTS["gzip"])],
        br=[sha256(OBJECTS["br"]), len(OBJECTS["br"])],
    ),
    "app.3f2a9c1b.css": entry(CSS, "text/css; charset=utf-8", immutable=True),
    "logo.png": entry(OBJECTS["png"], "image/png"),
    "größe/日本 1.png": entry(OBJECTS["png"], "image/png"),
    "big.bin": entry(OBJECTS["big"], "application/octet-stream"),
    "empty.txt": entry(b"", "text/plain; charset=utf-8"),
    "lost.txt": entry(b"never uploaded", "text/plain; charset=utf-8"),
}


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.addClassCleanup(moto.moto_api._internal.moto_api_backend.reset)
        cls.endpoint = "http://{}:{}".format(*cls.server.get_host_and_port())
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        s3, iam, sts = (
            boto3.client(name, endpoint_url=cls.endpoint, region_name="eu-west-1", **keys) for name in ["s3", "iam", "sts"]
        )
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for body in OBJECTS.values():
            s3.put_object(Bucket=BUCKET, Key=PREFIX + sha256(body), Body=body, ContentType="binary/wrong")
        s3.put_object(Bucket=BUCKET, Key="shop/secret", Body=b"secret")
        # A role that may do what rzap's role may do, and nothing else.
        anybody = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [anybody]}
        iam.create_role(RoleName="shop", AssumeRolePolicyDocument=json.dumps(trust))
        allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + PLACE + "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="shop", PolicyName="rzap", PolicyDocument=policy)
        role = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/shop", RoleSessionName="web")["Credentials"]
        cls.environ = {
            "RZAP_STATIC": PLACE,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
            "AWS_ENDPOINT_URL": cls.endpoint,
        }

    def setUp(self):
        # moto checks signatures and policies from the first request on.
        strict = mock.patch.multiple(moto.settings, INITIAL_NO_AUTH_ACTION_COUNT=0)
        for patch in [mock.patch.dict(os.environ, self.environ), strict]:
            patch.start()
            self.addCleanup(patch.stop)
        self.files = static.Files("/static/")
        self.files._list = LIST

    def get(self, path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.files.respond(method, "/static/" + path, headers)
        if answer is None:
            return None
        status, pairs, body = answer
        for name, value in pairs:
            self.assertIs(type(value), str, name)
        self.assertEqual(len({name.lower() for name, _ in pairs}), len(pairs), pairs)
        self.assertIs(type(body), bytes)
        return types.SimpleNamespace(status=status, headers={name.lower(): value for name, value in pairs}, body=body)


class Answers(Case):
    def test_a_file_with_all_that_belongs_to_it(self):
        answer = self.get("css/app.css")
        self.assertEqual((answer.status, answer.body), (200, CSS))
        self.assertEqual(
            answer.headers,
            {
                "content-type": "text/css; charset=utf-8",
                "content-length": str(len(CSS)),
                "etag": '"{}"'.format(sha256(CSS)[:32]),
                "cache-control": "public, max-age=300",
                "vary": "Accept-Encoding",
                "accept-ranges": "bytes",
                "x-content-type-options": "nosniff",
            },
        )

    def test_a_name_with_a_hash_is_kept_for_ever(self):
        self.assertEqual(self.get("app.3f2a9c1b.css").headers["cache-control"], "public, max-age=31536000, immutable")

    def test_what_is_always_the_same_does_not_vary(self):
        self.assertNotIn("vary", self.get("logo.png", accept_encoding="br, gzip").headers)

    def test_an_empty_file(self):
        answer = self.get("empty.txt")
        self.assertEqual((answer.status, answer.body, answer.headers["content-length"]), (200, b"", "0"))

    def test_unicode_names(self):
        self.assertEqual(self.get("größe/日本 1.png").body, OBJECTS["png"])

    def test_what_is_not_in_the_list_is_not_ours(self):
        paths = ["", "css", "css/", "css/app.css/", "missing.css", "../secret", "css/../css/app.css", "./css/app.css"]
        paths += ["/css/app.css", "css//app.css", "..%2fsecret", "css\\app.css", "CSS/APP.CSS", "css/app.css\0"]
        paths += ["%63ss/app.css"]
        for path in paths:
            self.assertIsNone(self.get(path), path)
        for path in ["/css/app.css", "/static", "/staticcss/app.css", "static/css/app.css", ""]:
            self.assertIsNone(self.files.respond("GET", path, {}), path)
        self.assertIsNone(self.get("missing.css", "POST"), "what is not ours is the app's, whatever the method")

    def test_other_methods(self):
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"]:
            answer = self.get("css/app.css", method)
            self.assertEqual((answer.status, answer.headers["allow"], answer.body), (405, "GET, HEAD", b""), method)

    def test_head_says_the_same_and_asks_nobody(self):
        with mock.patch.object(static_s3.Store, "_ask", side_effect=AssertionError("S3 was asked")):
            for encoding in ["", "br"]:
                head = self.get("css/app.css", "HEAD", accept_encoding=encoding)
                self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers, self.get("css/app.css", accept_encoding="br").headers)
        self.assertEqual(self.get("big.bin", "HEAD").headers["content-length"], "7000000")

    def test_a_condition(self):
        etag = self.get("css/app.css").headers["etag"]
        for said in [etag, "W/" + etag, '"other", ' + etag, "*"]:
            for method in ["GET", "HEAD"]:
                answer = self.get("css/app.css", method, if_none_match=said)
                self.assertEqual((answer.status, answer.body), (304, b""), said)
                self.assertEqual(set(answer.headers), {"etag", "cache-control", "vary"})
        for said in ['"other"', etag.strip('"'), etag[:-2] + '"', ""]:
            self.assertEqual(self.get("css/app.css", if_none_match=said).status, 200, said)
        # Another encoding is another representation.
        self.assertEqual(self.get("css/app.css", if_none_match=etag, accept_encoding="br").status, 200)

    def test_encodings(self):
        cases = {
            "br, gzip": "br",
            "gzip, br": "br",
            "gzip": "gzip",
            "GZIP;Q=0.5": "gzip",
            "br;q=0.1, gzip;q=0.9": "gzip",
            "br; q=0, gzip": "gzip",
            "*": "br",
            "*;q=0.5, br;q=0": "gzip",
            "identity, gzip;q=0.5": None,
            "identity;q=0.5, gzip;q=0.5": "gzip",
            "gzip;q=0": None,
            "gzip;q=nonsense": None,
            "deflate": None,
            "": None,
            ",;=,": None,
        }
        for accepted, encoding in cases.items():
            answer = self.get("css/app.css", accept_encoding=accepted)
            self.assertEqual(answer.headers.get("content-encoding"), encoding, accepted)
            self.assertEqual(answer.body, OBJECTS[encoding or "css"], accepted)
            self.assertEqual(answer.headers["content-type"], "text/css; charset=utf-8")
        etags = {self.get("css/app.css", accept_encoding=name).headers["etag"] for name in ["", "br", "gzip"]}
        self.assertEqual(len(etags), 3)

    def test_ranges(self):
        png, size = OBJECTS["png"], len(OBJECTS["png"])
        for said, first, last in [
            ("bytes=0-0", 0, 0),
            ("bytes=10-19", 10, 19),
            ("bytes=2000-", 2000, size - 1),
            ("bytes=2000-99999", 2000, size - 1),
            ("bytes=-5", size - 5, size - 1),
            ("bytes=-99999", 0, size - 1),
            ("Bytes = 1 - 2", 1, 2),
        ]:
            answer = self.get("logo.png", range=said)
            self.assertEqual((answer.status, answer.body), (206, png[first : last + 1]), said)
            self.assertEqual(answer.headers["content-range"], "bytes {}-{}/{}".format(first, last, size))
            self.assertEqual(answer.headers["content-length"], str(last - first + 1))
        for said in ["bytes={}-".format(size), "bytes=-0", "bytes=99999-100000"]:
            answer = self.get("logo.png", range=said)
            self.assertEqual((answer.status, answer.headers["content-range"]), (416, "bytes */2048"), said)
        for said in ["bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-", "bytes", "bytes=1", "bytes=²-"]:
            self.assertEqual(self.get("logo.png", range=said).status, 200, said)
        # A range is one of the file as it is, not of what it is packed into.
        part = self.get("css/app.css", range="bytes=0-3", accept_encoding="br")
        self.assertEqual((part.status, part.body, part.headers.get("content-encoding")), (206, b"body", None))
        self.assertEqual(self.get("logo.png", range="bytes=0-0", if_range=part.headers["etag"]).status, 200)
        etag = self.get("logo.png").headers["etag"]
        self.assertEqual(self.get("logo.png", range="bytes=0-0", if_range=etag).status, 206)
        self.assertEqual(self.get("logo.png", "HEAD", range="bytes=0-0").status, 200)
        self.assertEqual(self.get("empty.txt", range="bytes=0-").status, 416)

    def test_a_large_file_is_a_link_that_works(self):
        answer = self.get("big.bin", range="bytes=0-9")
        self.assertEqual((answer.status, answer.body), (307, b""))
        self.assertEqual(answer.headers["cache-control"], "private, max-age=240")
        self.assertLess(static.KEPT, static.EXPIRES, "a browser must not follow a link that has ended")
        # moto knows no signatures in links; `Signatures` looks at them.
        moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
        with urllib.request.urlopen(answer.headers["location"]) as file:
            self.assertEqual(file.read(), OBJECTS["big"])
            # One content may have several names: the type is that of the name.
            self.assertEqual(file.headers["Content-Type"], "application/octet-stream")
            self.assertEqual(file.headers["Cache-Control"], "public, max-age=300")
        self.assertEqual(self.get("big.bin", if_none_match='"' + sha256(OBJECTS["big"])[:32] + '"').status, 304)


class Store(Case):
    def test_a_file_is_fetched_once_and_memory_stays_small(self):
        with mock.patch.object(static_s3.Store, "_ask", autospec=True, side_effect=static_s3.Store._ask) as ask:
            for _ in range(3):
                self.assertEqual(self.get("logo.png").status, 200)
            self.assertEqual(self.get("größe/日本 1.png").status, 200)
            self.assertEqual(ask.call_count, 1)
            with mock.patch.object(static, "MEMORY", len(CSS) + 10):
                self.get("css/app.css")
                self.assertEqual(list(self.files._kept), [sha256(CSS)])
                self.get("logo.png")
                self.get("empty.txt")
                self.assertEqual(self.files._size, sum(map(len, self.files._kept.values())))
                self.assertEqual(list(self.files._kept), [sha256(OBJECTS["png"]), sha256(b"")])

    def test_what_was_used_last_stays(self):
        with mock.patch.object(static, "MEMORY", 2048 + 100):
            self.get("empty.txt")
            self.get("logo.png")
            self.get("empty.txt")
            self.assertEqual(list(self.files._kept), [sha256(OBJECTS["png"]), sha256(b"")])

    def test_a_lost_object_is_an_error_that_says_what_to_do(self):
        with self.assertRaisesRegex(OSError, "S3 answered 40[34] to GET .*shop/_static/.*: (NoSuchKey|AccessDenied) .*`rzap deploy` uploads"):
            self.get("lost.txt")

    def test_half_an_object_is_not_served(self):
        with mock.patch.object(static_s3.Store, "get", return_value=b"half"):
            with self.assertRaisesRegex(OSError, "gave 4 bytes"):
                self.get("logo.png")

    def test_nobody_says_where_the_files_are(self):
        with mock.patch.dict(os.environ, {"RZAP_STATIC": ""}):
            with self.assertRaisesRegex(OSError, "RZAP_STATIC is not set.*rzap deploy"):
                self.get("logo.png")

    def test_the_role_reaches_nothing_else(self):
        store = static_s3.Store(dict(self.environ, RZAP_STATIC=BUCKET + "/shop/"))
        with self.assertRaisesRegex(OSError, "S3 answered 403"):
            store.get("secret")

    def test_a_wrong_secret_is_noticed(self):
        store = static_s3.Store(dict(self.environ, AWS_SECRET_ACCESS_KEY="wrong"))
        with self.assertRaisesRegex(OSError, "S3 answered 403"):
            store.get(sha256(CSS))


class Signatures(unittest.TestCase):
    """Ours and botocore's, of the same requests at the same second."""

    ENVIRONMENTS = [
        {"AWS_REGION": "eu-west-1"},
        {"AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "FwoGZXIvYXdzE+/=="},
        {"AWS_REGION": "cn-north-1"},
        {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_SESSION_TOKEN": "a b"},
        {"AWS_DEFAULT_REGION": "x-y", "AWS_ENDPOINT_URL_S3": "https://s3.example:8443/a/", "AWS_ENDPOINT_URL": "no"},
    ]

    def setUp(self):
        now = datetime.datetime(2026, 11, 21, 9, 30, 7)
        for target in ["botocore.auth.get_current_datetime", "botocore.compat.get_current_datetime"]:
            self.patch(mock.patch(target, lambda *_, **__: now))
        self.patch(mock.patch.object(static_s3.time, "gmtime", lambda: now.timetuple()))

    def patch(self, patch):
        patch.start()
        self.addCleanup(patch.stop)

    def stores(self):
        for environ in self.ENVIRONMENTS:
            environ = dict(environ, RZAP_STATIC=PLACE, AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="sec/ret+")
            keys = botocore.credentials.Credentials("AKIAEXAMPLE", "sec/ret+", environ.get("AWS_SESSION_TOKEN"))
            region = environ.get("AWS_REGION") or environ["AWS_DEFAULT_REGION"]
            yield environ, static_s3.Store(environ), keys, region

    def test_requests(self):
        name = sha256(CSS)
        for environ, store, keys, region in self.stores():
            path = store._root + PREFIX + name
            url = "{}://{}{}".format(store._scheme, store._host, path)
            request = botocore.awsrequest.AWSRequest("GET", url)
            botocore.auth.S3SigV4Auth(keys, "s3", region).add_auth(request)
            ours = store._headers(path)
            self.assertEqual(ours["authorization"], request.headers["Authorization"], environ)
            self.assertEqual(ours.get("x-amz-security-token"), request.headers.get("X-Amz-Security-Token"))
            self.assertEqual(ours["x-amz-content-sha256"], request.headers["X-Amz-Content-SHA256"])

    def test_links(self):
        name = sha256(CSS)
        for environ, store, keys, region in self.stores():
            for encoding in [None, "br"]:
                link = store.link(name, "text/css; charset=utf-8", encoding, static.FOREVER)
                ours = dict(parse_qsl(urlsplit(link).query, strict_parsing=True))
                params = {key: value for key, value in ours.items() if key.startswith("response-")}
                self.assertEqual(params.get("response-content-encoding"), encoding)
                request = botocore.awsrequest.AWSRequest("GET", link.partition("?")[0], params=params)
                botocore.auth.S3SigV4QueryAuth(keys, "s3", region, expires=static.EXPIRES).add_auth(request)
                theirs = dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))
                self.assertEqual(ours, theirs, environ)

    def test_hosts(self):
        hosts = [(store._scheme, store._host, store._root) for _, store, _, _ in self.stores()]
        self.assertEqual(
            hosts,
            [
                ("https", BUCKET + ".s3.eu-west-1.amazonaws.com", "/"),
                ("https", BUCKET + ".s3.eu-west-1.amazonaws.com", "/"),
                ("https", BUCKET + ".s3.cn-north-1.amazonaws.com.cn", "/"),
                ("http", "127.0.0.1:4566", "/" + BUCKET + "/"),
                ("https", "s3.example:8443", "/a/" + BUCKET + "/"),
            ],
        )


class Unsteady(http.server.BaseHTTPRequestHandler):
    """Answers as `plan` says: a status, or None for a connection that breaks."""

    protocol_version = "HTTP/1.1"
    plan, connections = [], set()

    def do_GET(self):
        self.connections.add(self.client_address)
        status = self.plan.pop(0)
        if status is None:
            self.close_connection = True
            return
        body = b"status %d" % status
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Connections(unittest.TestCase):
    def setUp(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unsteady)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        Unsteady.connections = set()
        endpoint = "http://127.0.0.1:{}".format(server.server_port)
        self.store = static_s3.Store({"RZAP_STATIC": PLACE, "AWS_ENDPOINT_URL": endpoint})

    def get(self, *plan):
        Unsteady.plan = list(plan)
        try:
            return self.store.get("x")
        except OSError as error:
            return str(error)
        finally:
            self.assertEqual(Unsteady.plan, [], "not all was asked for")

    def test_one_connection_for_all(self):
        for _ in range(3):
            self.assertEqual(self.get(200), b"status 200")
        self.assertEqual(len(Unsteady.connections), 1)

    def test_a_connection_that_is_gone_is_replaced_once(self):
        self.get(200)
        self.assertEqual(self.get(None, 200), b"status 200")
        self.assertIn("no answer from S3", self.get(None, None))

    def test_a_failure_of_s3_is_retried_once_and_a_refusal_is_not(self):
        self.assertEqual(self.get(503, 200), b"status 200")
        self.assertIn("S3 answered 500", self.get(503, 500))
        self.assertIn("S3 answered 403", self.get(403))


class Package(unittest.TestCase):
    """As it lies in a package: in its folder, with the list beside the handler."""

    def test_the_list_is_read_when_it_is_needed_and_nothing_else_is_imported(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.join(os.path.abspath(BRIDGE), "rzap_web"), os.path.join(folder, "rzap_web_source"))
            package = os.path.join(folder, "rzap_web")
            os.mkdir(package)
            for name in ["__init__.py", "static.py", "static_s3.py"]:
                with open(os.path.join(BRIDGE, "rzap_web", name)) as source:
                    text = source.read() if name != "__init__.py" else ""
                with open(os.path.join(package, name), "w") as target:
                    target.write(text)
            with open(os.path.join(folder, "rzap_static.json"), "w", encoding="utf-8") as file:
                json.dump({"files": LIST}, file, ensure_ascii=False)
            script = (
                "import sys; sys.path.insert(0, {!r}); from rzap_web.static import Files; files = Files('/s/')\n"
                "assert files.respond('GET', '/other', {{}}) is None\n"
                "before = set(sys.modules)\n"
                "status, headers, body = files.respond('HEAD', '/s/größe/日本 1.png', {{}})\n"
                "loaded = [m for m in ('ssl', 'http.client', 'hashlib', 'urllib.parse', 'boto3') if m in sys.modules]\n"
                "print(status, loaded, 'json' in before)"
            ).format(folder)
            run = subprocess.run([sys.executable, "-X", "utf8", "-S", "-c", script], capture_output=True, text=True)
            self.assertEqual(run.stdout.strip(), "200 [] False", run.stderr)


if __name__ == "__main__":
    unittest.main()
