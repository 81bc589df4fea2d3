"""What static files need of S3: one object, and a link to one.

Owns signing (Signature Version 4) and the connection. Imported with the first file that is not in memory,
because http.client and ssl are more to import than all the rest of the bridge.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
import http.client
import time
from urllib.parse import quote, urlsplit

from .static import EXPIRES

_EMPTY = hashlib.sha256(b"").hexdigest()
# Seconds S3 has for each step; a function that waits longer has lost its client.
_PATIENCE = 10


class Store:
    """Objects below RZAP_STATIC ({bucket}/{prefix}), as the environment of a function says."""

    def __init__(self, environ):
        place = environ.get("RZAP_STATIC", "")
        bucket, slash, self._prefix = place.partition("/")
        if not slash:
            raise OSError("static: RZAP_STATIC is not set, so nobody knows where the files are: run `rzap deploy`")
        self._environ = environ
        self._region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            # The bucket's name in the host would need DNS that points at the endpoint.
            parts = urlsplit(endpoint)
            self._scheme, self._host = parts.scheme, parts.netloc.rpartition("@")[2]
            self._root = parts.path.rstrip("/") + "/" + bucket + "/"
        else:
            suffix = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
            self._scheme, self._host = "https", "{}.s3.{}.{}".format(bucket, self._region, suffix)
            self._root = "/"
        self._idle = None
        self._context = None

    def get(self, name):
        """The bytes of an object. OSError says why not, and what to do."""
        path = self._root + quote(self._prefix + name)
        status, body = 0, b""
        for attempt in (1, 2):
            try:
                status, body = self._ask(path)
            except (OSError, http.client.HTTPException) as error:
                # A connection that was kept while the function was frozen is often gone.
                if attempt == 2:
                    raise OSError("static: no answer from S3 at {}: {!r}".format(self._host, error)) from error
                continue
            if status < 500:
                break
        if status == 200:
            return body
        text = body.decode("utf-8", "replace")
        said = " ".join(text.partition("<{}>".format(tag))[2].partition("<")[0] for tag in ("Code", "Message"))
        hint = " (`rzap deploy` uploads what is missing and grants what is needed)" if status in (403, 404) else ""
        raise OSError("static: S3 answered {} to GET {}{}: {}{}".format(status, self._host, path, said.strip(), hint))

    def link(self, name, kind, encoding, caching):
        """A URL that gives the object to anybody for a while."""
        path = self._root + quote(self._prefix + name)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": self._environ.get("AWS_ACCESS_KEY_ID", "") + "/" + self._scope(stamp),
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(EXPIRES),
            "X-Amz-SignedHeaders": "host",
            "response-cache-control": caching,
            "response-content-type": kind,
        }
        if encoding:
            query["response-content-encoding"] = encoding
        if self._environ.get("AWS_SESSION_TOKEN"):
            query["X-Amz-Security-Token"] = self._environ["AWS_SESSION_TOKEN"]
        text = "&".join(quote(key, safe="") + "=" + quote(query[key], safe="") for key in sorted(query))
        signature = self._sign(path, text, {"host": self._host}, "UNSIGNED-PAYLOAD", stamp)
        return "{}://{}{}?{}&X-Amz-Signature={}".format(self._scheme, self._host, path, text, signature)

    def _ask(self, path):
        connection, self._idle = self._idle or self._connect(), None
        try:
            connection.request("GET", path, headers=self._headers(path))
            answer = connection.getresponse()
            body = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._idle = connection
        return answer.status, body

    def _connect(self):
        if self._scheme == "http":
            return http.client.HTTPConnection(self._host, timeout=_PATIENCE)
        if self._context is None:
            import ssl

            self._context = ssl.create_default_context(cafile=self._environ.get("AWS_CA_BUNDLE") or None)
        return http.client.HTTPSConnection(self._host, timeout=_PATIENCE, context=self._context)

    def _headers(self, path):
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"host": self._host, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
        if self._environ.get("AWS_SESSION_TOKEN"):
            headers["x-amz-security-token"] = self._environ["AWS_SESSION_TOKEN"]
        signature = self._sign(path, "", headers, _EMPTY, stamp)
        headers["authorization"] = "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(
            self._environ.get("AWS_ACCESS_KEY_ID", ""), self._scope(stamp), ";".join(sorted(headers)), signature
        )
        return headers

    def _scope(self, stamp):
        return "{}/{}/s3/aws4_request".format(stamp[:8], self._region)

    def _sign(self, path, query, headers, payload, stamp):
        names = sorted(headers)
        lines = ["GET", path, query] + [name + ":" + headers[name] for name in names] + ["", ";".join(names), payload]
        request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, self._scope(stamp), request])
        key = ("AWS4" + self._environ.get("AWS_SECRET_ACCESS_KEY", "")).encode()
        for part in self._scope(stamp).split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()
