"""An HTTP event of Lambda as one request, the same for WSGI and ASGI.

Owns the differences between the event formats:
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html

Trusts what AWS writes (requestContext, X-Forwarded-Proto, X-Forwarded-Port) and not what a client
may write: the client address is requestContext's, and X-Forwarded-Host, which no service of AWS sets,
is left to the application as an ordinary header.
"""

from binascii import a2b_base64  # base64 would import re and struct
from urllib.parse import quote, unquote_to_bytes

# They describe the connection to the gateway, which has ended; the body here is whole.
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")


class Request:
    """One request. All text but `raw_path` and `query` is bytes as latin-1, as WSGI wants it.

    mount: SCRIPT_NAME, root_path: what the client's path begins with and the app does not route by.
    path: decoded, without the mount. raw_path: the same as the client sent it. query: as it was sent.
    headers: (lower-case name, value), a repeated one as often as the front keeps it.
    """

    def __init__(self, event, context):
        """ValueError when `event` is not an HTTP request."""
        about = _request_context(event)
        self.event, self.context = event, context
        self.v2 = event.get("version") == "2.0"
        http = about["http"] if self.v2 else about
        domain = about.get("domainName") or ""
        self.body = _body(event)
        self.headers = _headers(event, len(self.body))
        last = dict(self.headers)
        self.method = http["method"] if self.v2 else event["httpMethod"]
        self.protocol = http.get("protocol") or "HTTP/1.1"
        self.scheme = _last(last.get("x-forwarded-proto")) or ("http" if _is_loopback(domain) else "https")
        name, _, port = _split_port(last.get("host") or domain)
        self.host = name or "localhost"
        self.port = _last(last.get("x-forwarded-port")) or port or ("80" if self.scheme == "http" else "443")
        identity = about.get("identity") or {}
        self.client = (http.get("sourceIp") if self.v2 else identity.get("sourceIp")) or ""
        self.is_function_url = self.v2 and _is_function_url(domain, last)
        self.mount, self.path, self.raw_path = _paths(event, about, domain, last)
        self.query = (event.get("rawQueryString") or "") if self.v2 else _query(event)

    def __str__(self):
        return "{} {}{}".format(self.method, self.mount, self.path)


def text(path):
    """A path of latin-1 text as people read it."""
    return path.encode("latin-1").decode("utf-8", "replace")


def quoted(path):
    """A path of latin-1 text, percent-encoded where HTTP wants it."""
    return quote(path.encode("latin-1"), safe="/:@!$&'()*+,;=~-._")


def _request_context(event):
    about = event.get("requestContext") if isinstance(event, dict) else None
    if isinstance(about, dict) and "elb" not in about:
        http = about.get("http")
        if event.get("version") == "2.0":
            if isinstance(http, dict) and "method" in http and "rawPath" in event:
                return about
        elif "httpMethod" in event and "path" in event:
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


def _headers(event, length):
    merged = {}
    for name, value in (event.get("headers") or {}).items():
        merged[name.lower()] = [value]
    for name, values in (event.get("multiValueHeaders") or {}).items():
        merged[name.lower()] = values
    if event.get("cookies"):
        merged["cookie"] = event["cookies"]
    result = []
    for name, values in merged.items():
        values = [_latin1(str(value)) for value in values if value is not None]
        if name == "content-length":
            continue
        if name == "cookie":
            values = ["; ".join(values)]
        if name not in _HOP_BY_HOP:
            result += [(name, value) for value in values]
    if length or "content-length" in merged:
        # Counted, not believed.
        result.append(("content-length", str(length)))
    return result


def _latin1(value):
    """Bytes as latin-1.

    An event carries text. Where that text is not itself UTF-8 read as latin-1, it is UTF-8 decoded.
    """
    if value.isascii():
        return value
    try:
        value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value.encode("utf-8", "surrogatepass").decode("latin-1")
    return value


def _is_function_url(domain, headers):
    if _is_local(domain):
        return "/lambda-url/" in headers.get("x-forwarded-prefix", "")
    return ".lambda-url." in domain


def _paths(event, about, domain, headers):
    """(mount, path, raw path)."""
    raw = event["rawPath"] if event.get("version") == "2.0" else event["path"]
    raw = raw or "/"
    # The local cloud serves every API below a path of one host; on AWS a client could write this header.
    prefix = headers.get("x-forwarded-prefix", "") if _is_local(domain) else ""
    # REST APIs and function URLs hand on the path as the client sent it; HTTP APIs decode it first, in both
    # formats (only they write a `version` into 1.0). Decoding twice would turn `100%25` into garbage.
    # Seen on AWS by https://github.com/hotsock/voker/pull/8; the documentation does not say.
    if _is_local(domain):
        http_api = "version" in event and "/execute-api/" in prefix
    else:
        http_api = "version" in event and ".lambda-url." not in domain
    if http_api:
        path = raw.encode("utf-8", "surrogatepass").decode("latin-1")
        raw = quoted(path)
    else:
        path = _decoded(raw)
    stage = about.get("stage") or ""
    mount = cut = ""
    if "version" in event:
        if stage not in ("", "$default"):
            cut = _prefix(path, "/" + stage)
            # On a custom domain the stage is in the event but not in the URL. (An API mapping would be in the URL
            # but is not in the event: "rawPath won't provide the API mapping value".)
            mount = cut if ".execute-api." in domain else ""
    elif ".execute-api." in domain:
        mount = "/" + stage if stage else ""
    elif _is_local(domain):
        whole = _decoded(about.get("path") or "")
        if whole.endswith(path):
            mount = whole[: len(whole) - len(path)]
    else:
        mount = cut = _base_path_mapping(event, path)
    path = path[len(cut) :]
    # As many segments of the raw path as of the decoded one: no prefix has a slash in disguise.
    raw = "/" + "/".join(raw.split("/")[cut.count("/") + 1 :]) if cut else raw
    if prefix.startswith("/"):
        mount = _decoded(prefix)
    return mount.rstrip("/"), path or "/", raw


def _prefix(path, prefix):
    """`prefix` where `path` begins with it, on a segment boundary: `/prod` begins `/prod/x`, not `/products`."""
    return prefix if path == prefix or path.startswith(prefix + "/") else ""


def _base_path_mapping(event, path):
    """The base path `path` begins with on a custom domain; `resource` and its parameters tell how long it is."""
    expanded = event.get("resource")
    if not expanded:
        return ""
    for name, value in (event.get("pathParameters") or {}).items():
        expanded = expanded.replace("{" + name + "+}", value or "").replace("{" + name + "}", value or "")
    # API Gateway drops a trailing slash from the parameter, not from the path.
    bare = path.rstrip("/")
    for candidate in (expanded.encode("utf-8", "surrogatepass").decode("latin-1"), _decoded(expanded)):
        candidate = candidate.rstrip("/")
        if bare.endswith(candidate):
            return bare[: len(bare) - len(candidate)].rstrip("/")
    return ""


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
