"""The app's static files, answered from S3 before the app is asked.

    files = Files("/static/")
    answer = files.respond("GET", "/static/app.css", {"accept-encoding": "br, gzip"})

Owns: which file a path means (an exact look into `rzap_static.json`, so no path leads anywhere else), what
HTTP says about it (RFC 9110: conditions, ranges, encodings; RFC 9111: caching), and fetching its bytes.
Refuses to guess: what is not in the list is not ours, and the app answers it, usually with its own 404.

The list: {"files": {"css/app.css": {"type": "text/css", "size": 9, "sha256": "…", "br": ["sha256", size],
"gzip": ["sha256", size], "immutable": true}}}. The bytes of each are an object in S3 under their hash, below
what RZAP_STATIC says ({bucket}/{prefix}). Fetched once they are kept in memory: nothing else can ever come to
lie under that name.

Python's own library only: importing boto3 takes longer than fetching a hundred files. What talks to S3 is
imported by the first request that needs it.
"""

import os

# A buffered answer of Lambda has at most 6 MB, as text: in base64, and with its headers.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST = 4_400_000
# Bytes kept in memory; small beside the 128 MB the smallest function has.
MEMORY = 16 << 20
# Seconds a link to a large file is good for, and for how long a browser may keep it.
EXPIRES, KEPT = 300, 240

# A name that carries its content's hash means this content for ever (RFC 8246). Behind any other name the
# content may change with the next deploy: five minutes is how long that may take to show everywhere, and
# then a 304 is enough.
FOREVER = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=300"


class Files:
    """The static files below `url`, which starts and ends with a slash."""

    def __init__(self, url):
        self._url = url
        self._list = None
        self._kept = {}
        self._size = 0
        self._store = None

    def respond(self, method, path, headers):
        """None when `path` is no file of ours, else (status, [(name, value)], body).

        `path` is decoded text without the mount point; `headers` have lower-case names.
        Raises OSError when S3 does not give the file.
        """
        if not path.startswith(self._url):
            return None
        if self._list is None:
            self._list = _read_list()
        file = self._list.get(path[len(self._url) :])
        if file is None:
            return None
        if method not in ("GET", "HEAD"):
            return 405, [("Allow", "GET, HEAD"), ("Content-Length", "0")], b""
        wanted = headers.get("range") if method == "GET" else None
        encoding, (sha256, size) = _chosen(file, "" if wanted else headers.get("accept-encoding", ""))
        etag = '"' + sha256[:32] + '"'
        about = [
            ("ETag", etag),
            ("Cache-Control", FOREVER if file.get("immutable") else BRIEFLY),
        ]
        if "gzip" in file or "br" in file:
            about.append(("Vary", "Accept-Encoding"))
        if _lists(headers.get("if-none-match", ""), etag):
            return 304, about, b""
        if method == "GET" and size > LARGEST:
            # S3 knows about ranges itself.
            link = self._s3().link(sha256, file["type"], encoding, about[1][1])
            moved = [("Location", link), ("Cache-Control", "private, max-age={}".format(KEPT)), ("Content-Length", "0")]
            return 307, moved + about[2:], b""
        about.append(("Content-Type", file["type"]))
        about.append(("X-Content-Type-Options", "nosniff"))
        about.append(("Accept-Ranges", "bytes"))
        if encoding:
            about.append(("Content-Encoding", encoding))
        if method == "HEAD":
            return 200, about + [("Content-Length", str(size))], b""
        if wanted and headers.get("if-range", etag) == etag:
            part = _range(wanted, size)
            if part == ():
                return 416, about[:2] + [("Content-Range", "bytes */{}".format(size)), ("Content-Length", "0")], b""
            if part:
                body = self._bytes(sha256, size)[part[0] : part[1] + 1]
                about.append(("Content-Range", "bytes {}-{}/{}".format(part[0], part[1], size)))
                return 206, about + [("Content-Length", str(len(body)))], body
        return 200, about + [("Content-Length", str(size))], self._bytes(sha256, size)

    def _bytes(self, sha256, size):
        body = self._kept.pop(sha256, None)
        if body is None:
            body = self._s3().get(sha256)
            if len(body) != size:
                raise OSError("static: S3 gave {} bytes of {}, which has {}".format(len(body), sha256, size))
            self._size += size
        # At the end: what stands first was used longest ago.
        self._kept[sha256] = body
        while self._size > MEMORY:
            self._size -= len(self._kept.pop(next(iter(self._kept))))
        return body

    def _s3(self):
        if self._store is None:
            from .static_s3 import Store

            self._store = Store(os.environ)
        return self._store


def _read_list():
    import json

    # Beside rzap_handler.py, one folder up.
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(folder, "rzap_static.json"), "rb") as file:
        return json.load(file)["files"]


def _chosen(file, accepted):
    """What to send of `file`: (name of the encoding or None, [sha256, size])."""
    whole = None, (file["sha256"], file["size"])
    if not accepted or not ("gzip" in file or "br" in file):
        return whole
    quality = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        try:
            quality[name] = float(weight or 1)
        except ValueError:
            quality[name] = 0.0
    best, found = quality.get("identity", 0.0), whole
    # The smaller one first: it wins where the client has no preference.
    for name in ("br", "gzip"):
        if name in file:
            said = quality.get(name, quality.get("*", 0.0))
            if said > 0 and (said > best or (said == best and found is whole)):
                best, found = said, (name, tuple(file[name]))
    return found


def _lists(header, etag):
    """True when If-None-Match names this ETag; the comparison is weak, because proxies weaken."""
    names = [name.strip() for name in header.split(",")]
    return "*" in names or etag in names or "W/" + etag in names


def _range(header, size):
    """(first, last) of the range that is asked for, () when it has no byte, None when it is to be ignored."""
    unit, _, spec = header.partition("=")
    first, dash, last = spec.partition("-")
    first, last = first.strip(), last.strip()
    if unit.strip().lower() != "bytes" or not dash or "," in spec:
        return None
    if not (first + last).isdigit() or not (first + last).isascii():
        return None
    if not first:
        return (max(size - int(last), 0), size - 1) if int(last) and size else ()
    if last and int(last) < int(first):
        return None
    return (int(first), min(int(last or size), size - 1)) if int(first) < size else ()
