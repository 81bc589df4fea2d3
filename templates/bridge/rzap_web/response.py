"""What an application answers, as what Lambda returns to API Gateway or a function URL.

Owns buffering, the choice between text and base64, repeated headers and Lambda's size limit.
Streams nothing itself: Lambda's proxy response is one JSON document, a streamed one begins with `prelude`.
"""

import sys
from binascii import b2a_base64  # base64 would import re and struct

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB; the service's own message
# ("exceeded maximum allowed payload size (6291556 bytes)") gives the number.
# API Gateway's own limit of 10 MB is never reached.
LIMIT = 6_291_556
# JSON may write one byte as six characters (\u0000): below this nothing has to be measured.
_SURELY_FITS = LIMIT // 8

_TEXT_TYPES = frozenset(
    "application/" + kind
    for kind in (
        "ecmascript",
        "graphql",
        "javascript",
        "json",
        "manifest+json",
        "sql",
        "toml",
        "x-javascript",
        "x-ndjson",
        "x-sh",
        "x-www-form-urlencoded",
        "x-yaml",
        "xml",
        "yaml",
    )
)
# The gateway speaks to the client itself and sets these.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "trailers", "transfer-encoding", "upgrade")
)


class TooLarge(Exception):
    """The answer does not fit into Lambda's response."""


def prelude(status, headers, v2, keep_length=False):
    """Status and headers as Lambda takes them; an error that names the header HTTP does not allow.

    Streamed answers have no length: Lambda would rename the header (`x-amzn-remapped-content-length`).
    """
    if not 100 <= status <= 599:
        raise ValueError("{!r} is not an HTTP status".format(status))
    return {"statusCode": status, **_headers([_checked(*pair) for pair in headers], v2, keep_length)}


def is_bodyless(request, status):
    """True when HTTP has no body here, whatever the application says."""
    return request.method == "HEAD" or status in (204, 304) or status < 200


def to_event(request, status, headers, body):
    """The dict to return to Lambda; TooLarge when Lambda would refuse it."""
    event = prelude(status, headers, request.v2, keep_length=request.method == "HEAD")
    if is_bodyless(request, status):
        body = b""
    text = _as_text(body, headers)
    if text is not None:
        event.update(body=text, isBase64Encoded=False)
        if len(body) <= _SURELY_FITS or _size(event) <= LIMIT:
            return event
    # Text full of escapes may be shorter in base64.
    event.update(body=b2a_base64(body, newline=False).decode("ascii"), isBase64Encoded=True)
    if len(body) > _SURELY_FITS and _size(event) > LIMIT:
        raise TooLarge(
            "the answer to {} has {:,} bytes and does not fit into the 6 MB that Lambda returns; send large files "
            "through S3 (a redirect to a presigned URL), or stream them through a function URL (`stream: true`)".format(
                request, len(body)
            )
        )
    return event


def failure(request_id):
    """(status, headers, body) of a 500 that tells the client nothing but where to look."""
    shown = '"' + request_id + '"' if request_id else "null"
    body = '{"message": "Internal Server Error", "requestId": ' + shown + "}"
    return 500, [("content-type", "application/json")], body.encode()


def _checked(name, value):
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError("header {!r}: name and value must be str".format(name))
    if any(c in name + value for c in "\r\n\0") or not name or ":" in name:
        raise ValueError("header {!r} has a character that HTTP does not allow".format(name))
    # Django's cookies begin with a space, which belongs to the header's form and not to its value.
    return name, _json_text(value.strip(" \t"))


def _json_text(value):
    """Bytes as latin-1 back to text: UTF-8 where the bytes are UTF-8."""
    if value.isascii():
        return value
    raw = value.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _headers(pairs, v2, keep_length):
    """1.0 repeats through multiValueHeaders; 2.0 through `cookies`, and joins what else is repeated."""
    grouped = {}
    for name, value in pairs:
        lower = name.lower()
        # The gateway counts the body itself; only the answer to HEAD speaks of a body that is not there.
        if lower in _HOP_BY_HOP or (lower == "content-length" and not keep_length):
            continue
        grouped.setdefault(lower, (name, []))[1].append(value)
    if v2:
        cookies = grouped.pop("set-cookie", (None, []))[1]
        event = {"headers": {name: ", ".join(values) for name, values in grouped.values()}}
        if cookies:
            event["cookies"] = cookies
        return event
    event = {"headers": {name: values[0] for name, values in grouped.values() if len(values) == 1}}
    repeated = {name: values for name, values in grouped.values() if len(values) > 1}
    if repeated:
        event["multiValueHeaders"] = repeated
    return event


def _as_text(body, headers):
    """The body as text when it is declared as text and comes out byte for byte the same; else None."""
    if not body:
        return ""
    declared = {name.lower(): value for name, value in headers}
    if declared.get("content-encoding", "identity").strip().lower() != "identity":
        return None
    kind = declared.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml"))):
        return None
    try:
        # The gateway writes text as UTF-8, so any charset is right as long as the bytes are UTF-8.
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _size(event):
    """Bytes of the JSON that Lambda's Python runtime makes of `event`."""
    import json

    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-response-format: unescaped since 3.12.
    return len(json.dumps(event, ensure_ascii=sys.version_info < (3, 12)).encode("utf-8", "surrogatepass"))
