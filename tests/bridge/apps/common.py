"""What the probe apps share: what they tell about a request, and answers that are the same every time.

Every app has the same paths, as far as its framework can:
echo/…  form  json  cookies  session  redirect  file  bytes/N  text/N  stream  status/N  repeated  gzip  fails
"""

import gzip
import hashlib
import json
import os

import itsdangerous

# Two servers must sign a session alike.
NOW = 1_600_000_000
itsdangerous.TimestampSigner.get_timestamp = lambda self: NOW

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# A file whose time of change is the same for both servers.
FILE = os.path.abspath(__file__)
GZIPPED = gzip.compress(b"hello " * 100, mtime=0)
REPEATED = [("WWW-Authenticate", "Basic"), ("WWW-Authenticate", "Bearer"), ("Vary", "Accept"), ("X-Late", "grün")]
UNICODE = "zürich/東京 🐍/a+b"


def data(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def words(size):
    return ("grüße, 東京 und 🐍\n" * (size // 20))[:size]


def rows():
    for number in range(20):
        yield "row {} ü\n".format(number).encode()


def told(body):
    """A body that may be long, as JSON takes it."""
    return body.decode("latin-1") if len(body) < 1000 else [len(body), hashlib.sha256(body).hexdigest()]


def document(**seen):
    return json.dumps(seen, sort_keys=True, default=str)


def pairs(many):
    return sorted([name, value] for name, value in many)


def headers_of(environ):
    """What a WSGI server made of the headers; SCRIPT_NAME as a header is how gunicorn is told the mount point."""
    names = [name for name in environ if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")]
    return {name: environ[name] for name in sorted(names) if name != "HTTP_SCRIPT_NAME"}
