"""Lambda's HTTP events, as AWS sends them for a given request.

Owns the formats only. What each service does to a path and a query before it calls the function:
- REST API: path as the client sent it, without the stage; query decoded into two maps.
- HTTP API: path decoded, with the stage unless it is $default; query as the client sent it.
- function URL: path and query as the client sent them.
"""

import base64
from urllib.parse import parse_qsl, unquote_to_bytes

REST_HOST = "70ixmpl4fl.execute-api.us-east-2.amazonaws.com"
URL_HOST = "l4xmplxyz.lambda-url.us-west-2.on.aws"


class Context:
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def rest(method="GET", target="/", headers=(), body=b"", host=REST_HOST, stage="Prod", base="", **changes):
    """Payload 1.0 with `binaryMediaTypes: */*`, resources `/` and `/{proxy+}`; `base` is a base path mapping.

    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event
    """
    path, _, query = target.partition("?")
    many = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        many.setdefault(name, []).append(value)
    grouped = {}
    for name, value in (("Host", host), *headers):
        grouped.setdefault(name, []).append(value)
    proxy = path.strip("/")
    event = {
        "resource": "/{proxy+}" if proxy else "/",
        "path": base + path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in grouped.items()},
        "multiValueHeaders": grouped,
        "queryStringParameters": {name: values[-1] for name, values in many.items()} or None,
        "multiValueQueryStringParameters": many or None,
        "pathParameters": {"proxy": proxy} if proxy else None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "2gxmpl",
            "resourcePath": "/{proxy+}" if proxy else "/",
            "httpMethod": method,
            "extendedRequestId": "JJbxmplHYosFVYQ=",
            "requestTime": "10/Mar/2020:00:03:59 +0000",
            "path": "/" + stage + path if ".execute-api." in host else base + path,
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": stage,
            "domainPrefix": host.partition(".")[0],
            "requestTimeEpoch": 1583798639428,
            "requestId": "77375676-xmpl-4b79-853a-f982474efe18",
            "identity": {"sourceIp": "52.255.255.12", "userAgent": "curl"},
            "domainName": host,
            "apiId": "70ixmpl4fl",
        },
        **_body(body),
    }
    event.update(changes)
    return event


def http_api(method="GET", target="/", headers=(), body=b"", host=REST_HOST, stage="$default", **changes):
    """Payload 2.0 of an HTTP API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    event = function_url(method, target, headers, body, host)
    path = unquote_to_bytes(target.partition("?")[0]).decode("utf-8", "replace")
    path = path if stage == "$default" else "/" + stage + path
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["stage"] = stage
    event.update(changes)
    return event


def function_url(method="GET", target="/", headers=(), body=b"", host=URL_HOST, **changes):
    """Payload 2.0 of a function URL.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    """
    path, _, query = target.partition("?")
    lower, cookies = {}, []
    for name, value in (("Host", host), *headers):
        if name.lower() == "cookie":
            cookies += [part.strip() for part in value.split(";")]
        else:
            lower.setdefault(name.lower(), []).append(value)
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name: ",".join(values) for name, values in lower.items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "curl",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        **_body(body),
    }
    if cookies:
        event["cookies"] = cookies
    event.update(changes)
    return event


def answered(result):
    """(status, [(lower-case name, value)], body) as the client gets it; a streamed body is bytes already."""
    pairs = [(name.lower(), value) for name, value in result.get("headers", {}).items()]
    for name, values in result.get("multiValueHeaders", {}).items():
        pairs += [(name.lower(), value) for value in values]
    pairs += [("set-cookie", value) for value in result.get("cookies", [])]
    body = result["body"]
    if result["isBase64Encoded"] is not None:
        body = base64.b64decode(body) if result["isBase64Encoded"] else body.encode()
    return result["statusCode"], pairs, body


def _body(body):
    if not body:
        return {"body": None, "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
