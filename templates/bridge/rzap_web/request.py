"""An HTTP event of Lambda as the environ of a WSGI application.

Owns the differences between the event formats:
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html

Trusts what AWS writes (requestContext, X-Forwarded-Proto, X-Forwarded-Port) and not what a client
may write: the client address is requestContext's, and X-Forwarded-Host, which no service of AWS sets,
is left to the application as an ordinary header.
"""

import sys
from binascii import a2b_base64  # base64 would import re and struct
from io import BytesIO
from urllib.parse import quote, unquote_to_bytes

# They describe the connection to the gateway, which has ended; the body here is whole.
_HOP_BY_HOP = ("CONNECTION", "KEEP_ALIVE", "PROXY_CONNECTION", "TE", "TRAILER", "TRANSFER_ENCODING", "UPGRADE")


def is_v2(event):
    """True for payload format 2.0: HTTP API and function URL."""
    return event.get("version") == "2.0"


def environ(event, context):
    """The WSGI environ of `event`; ValueError when it is not an HTTP request."""
    about = _request_context(event)
    v2 = is_v2(event)
    http = about["http"] if v2 else about
    host = about.get("domainName") or ""
    headers = _headers(event)
    script_name, path_info = _paths(event, about, host, headers)
    body = _body(event)
    scheme = _last(headers.get("X_FORWARDED_PROTO")) or ("http" if _is_loopback(host) else "https")
    name, _, port = _split_port(headers.get("HOST") or host)
    port = _last(headers.get("X_FORWARDED_PORT")) or port or ("80" if scheme == "http" else "443")
    identity = about.get("identity") or {}

    result = {
        "REQUEST_METHOD": http["method"] if v2 else event["httpMethod"],
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path_info,
        "QUERY_STRING": (event.get("rawQueryString") or "") if v2 else _query(event),
        "SERVER_NAME": name or "localhost",
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": http.get("protocol") or "HTTP/1.1",
        "REMOTE_ADDR": (http.get("sourceIp") if v2 else identity.get("sourceIp")) or "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": BytesIO(body),
        # The body ends where the stream ends, whatever Content-Length says.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        # One process per concurrent request is how Lambda scales.
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "lambda.event": event,
        "lambda.context": context,
        "apig_wsgi.full_event": event,
        "apig_wsgi.request_context": about,
        "apig_wsgi.context": context,
    }
    if body or "CONTENT_LENGTH" in headers:
        result["CONTENT_LENGTH"] = str(len(body))
    for key, value in headers.items():
        if key == "CONTENT_TYPE":
            result[key] = value
        elif key != "CONTENT_LENGTH":
            result["HTTP_" + key] = value
    return result


def _request_context(event):
    about = event.get("requestContext") if isinstance(event, dict) else None
    if isinstance(about, dict) and "elb" not in about:
        if is_v2(event) and isinstance(about.get("http"), dict) and "method" in about["http"] and "rawPath" in event:
            return about
        if not is_v2(event) and "httpMethod" in event and "path" in event:
            return about
    if not isinstance(event, dict):
        seen = "a " + type(event).__name__
    elif isinstance(about, dict) and "elb" in about:
        seen = "a load balancer's event"
    else:
        seen = "the keys " + ", ".join(sorted(map(str, event))[:8]) if event else "an empty object"
    raise ValueError(
        "this function is a web application and expects an HTTP event (REST API, HTTP API or function URL); "
        "it got {}. To do other work, give rzap.yaml a second function with a `handler`.".format(seen)
    )


def _headers(event):
    """Name in CGI spelling, without HTTP_, to value."""
    merged = {}
    for name, value in (event.get("headers") or {}).items():
        merged[name.lower()] = [value]
    for name, values in (event.get("multiValueHeaders") or {}).items():
        merged[name.lower()] = values
    if event.get("cookies"):
        merged["cookie"] = event["cookies"]
    result = {}
    for name, values in merged.items():
        key = name.upper().replace("-", "_")
        # `X_Real_Ip` would be taken for `X-Real-Ip`: the spelling with _ is dropped, as nginx and gunicorn do.
        if "_" in name or key in _HOP_BY_HOP:
            continue
        result[key] = _wsgi_text(("; " if key == "COOKIE" else ", ").join(str(v) for v in values if v is not None))
    return result


def _wsgi_text(value):
    """Bytes as latin-1, as WSGI wants text.

    An event carries text. Where that text is not itself UTF-8 read as latin-1, it is UTF-8 decoded.
    """
    if value.isascii():
        return value
    try:
        value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value.encode("utf-8", "surrogatepass").decode("latin-1")
    return value


def _paths(event, about, host, headers):
    """(SCRIPT_NAME, PATH_INFO), both decoded."""
    # REST APIs and function URLs hand on the path as the client sent it; HTTP APIs decode it first, in both
    # formats (only they write a `version` into 1.0). Decoding twice would turn `100%25` into garbage.
    http_api = "version" in event and not _is_local(host) and ".lambda-url." not in host
    raw = (event["rawPath"] if is_v2(event) else event["path"]) or "/"
    path = raw.encode("utf-8", "surrogatepass").decode("latin-1") if http_api else _decoded(raw)
    stage = about.get("stage") or ""
    script_name = ""
    if "version" in event:
        if stage not in ("", "$default"):
            prefix, rest = _without_prefix(path, "/" + stage)
            # On a custom domain the stage is in the event but not in the URL.
            script_name = prefix if ".execute-api." in host else ""
            path = rest
    elif ".execute-api." in host:
        script_name = "/" + stage if stage else ""
    elif _is_local(host):
        whole = _decoded(about.get("path") or "")
        if whole.endswith(path):
            script_name = whole[: len(whole) - len(path)]
    else:
        script_name, path = _base_path_mapping(event, path)
    if _is_local(host) and headers.get("X_FORWARDED_PREFIX", "").startswith("/"):
        # The local cloud serves every API below a path of one host; on AWS a client could write this header.
        script_name = _decoded(headers["X_FORWARDED_PREFIX"])
    return script_name.rstrip("/"), path or "/"


def _without_prefix(path, prefix):
    """Split on a segment boundary: `/prod` is a prefix of `/prod/x`, not of `/products`."""
    if path == prefix or path.startswith(prefix + "/"):
        return prefix, path[len(prefix) :]
    return "", path


def _base_path_mapping(event, path):
    """On a custom domain `path` begins with the base path; `resource` and its parameters tell how long it is."""
    expanded = event.get("resource")
    if not expanded:
        return "", path
    for name, value in (event.get("pathParameters") or {}).items():
        expanded = expanded.replace("{" + name + "+}", value or "").replace("{" + name + "}", value or "")
    # API Gateway drops a trailing slash from the parameter, not from the path.
    bare = path.rstrip("/")
    for candidate in (expanded.encode("utf-8", "surrogatepass").decode("latin-1"), _decoded(expanded)):
        candidate = candidate.rstrip("/")
        if bare.endswith(candidate):
            base = bare[: len(bare) - len(candidate)]
            return base, path[len(base) :] or "/"
    return "", path


def _query(event):
    """1.0 has no raw query: API Gateway has decoded names and values, so they are encoded again."""
    many = event.get("multiValueQueryStringParameters")
    if not many:
        many = {name: [value] for name, value in (event.get("queryStringParameters") or {}).items()}
    return "&".join(
        quote(name, safe="", errors="surrogatepass") + "=" + quote(value or "", safe="", errors="surrogatepass")
        for name, values in many.items()
        for value in values or [""]
    )


def _body(event):
    body = event.get("body") or ""
    return a2b_base64(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")


def _decoded(path):
    return unquote_to_bytes(path).decode("latin-1")


def _is_loopback(host):
    return _is_local(host) or _split_port(host)[0].endswith(".localhost")


def _is_local(host):
    return _split_port(host)[0] in ("localhost", "127.0.0.1", "::1")


def _split_port(host):
    """(name, colon, port); an IPv6 address loses its brackets."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, rest[:1], rest[1:]
    return host.partition(":")


def _last(value):
    """The last of a list is what the hop nearest to us wrote."""
    return value.rpartition(",")[2].strip() if value else ""
