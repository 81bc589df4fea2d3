"""The traffic of HTTP APIs in the local cloud, as a plain HTTP client sees it:
python http_traffic.py http://127.0.0.1:PORT"""

import base64
import json
import time

from gateway_kit import ACCOUNT, PORT, REGION, RUN, check, client, equal, function, remove, send

api, lam = client("apigatewayv2"), client("lambda")
ZERO = base64.b64encode(b"\x00\xff").decode()


def make(arn, keys, stage="$default", version="2.0", **more):
    """An API with these routes, live at once; its id."""
    id = api.create_api(Name=f"http-{RUN}", ProtocolType="HTTP")["ApiId"]
    integration = api.create_integration(ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion=version)
    for key in keys:
        api.create_route(ApiId=id, RouteKey=key, Target="integrations/" + integration["IntegrationId"])
    api.create_stage(ApiId=id, StageName=stage, AutoDeploy=True, **more)
    return id


def host(id):
    return f"{id}.execute-api.localhost:{PORT}"


def permit(name, id, pattern="*"):
    lam.add_permission(FunctionName=name, Qualifier="live", StatementId=f"api-{id}-{time.monotonic_ns()}", Action="lambda:InvokeFunction",
                       Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{id}/{pattern}")


def message(answer):
    return answer.status, answer.json(), answer.one("content-type")


def format_2(name, arn):
    id = make(arn, ["GET /pets/{id}", "$default"], StageVariables={"a": "1"})
    permit(name, id)
    at = host(id)
    answer = send("GET", "/pets/a%20b?x=1&x=2&y=%C3%A9&p=a+b&q=a%2Bb&z", host=at, headers=[
        ("X-Multi", "1"), ("X-Multi", "2"), ("Cookie", "a=1; b=2"), ("User-Agent", "it/1"), ("X-Forwarded-For", "9.9.9.9")])
    equal(answer.status, 200, f"a request with a route ({answer.body[:300]!r})")
    event = answer.json()
    context, headers = event.pop("requestContext"), event.pop("headers")
    trace = headers.pop("x-amzn-trace-id")
    check(trace.startswith("Root=1-"), "a trace id")
    equal(headers, {"host": at, "user-agent": "it/1", "x-multi": "1,2", "content-length": "0", "x-forwarded-for": "9.9.9.9, 127.0.0.1",
                    "x-forwarded-port": str(PORT), "x-forwarded-proto": "http"}, "headers: lower case, joined, no cookie")
    equal(event, {
        "version": "2.0", "routeKey": "GET /pets/{id}", "rawPath": "/pets/a b", "rawQueryString": "x=1&x=2&y=%C3%A9&p=a+b&q=a%2Bb&z",
        "cookies": ["a=1", "b=2"], "queryStringParameters": {"x": "1,2", "y": "é", "p": "a b", "q": "a+b", "z": ""},
        "pathParameters": {"id": "a b"}, "stageVariables": {"a": "1"}, "isBase64Encoded": False,
    }, "the event")
    check(abs(context.pop("timeEpoch") / 1000 - time.time()) < 60 and context.pop("time").endswith(" +0000"), "times")
    equal(context, {
        "accountId": ACCOUNT, "apiId": id, "domainName": f"{id}.execute-api.localhost", "domainPrefix": id, "requestId": answer.one("apigw-requestid"),
        "routeKey": "GET /pets/{id}", "stage": "$default",
        "http": {"method": "GET", "path": "/pets/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "it/1"},
    }, "requestContext")
    least = send("GET", "/", host=at).json()
    equal(sorted(least), ["headers", "isBase64Encoded", "rawPath", "rawQueryString", "requestContext", "routeKey", "stageVariables", "version"],
          "what is empty is left out")
    equal((least["rawPath"], least["routeKey"]), ("/", "$default"), "the root")

    def body(data, kind):
        got = send("POST", "/b", body=data, host=at, headers=[("content-type", kind)] if kind else []).json()
        return got["body"], got["isBase64Encoded"], got["headers"]["content-length"]

    for kind in ("text/plain", "text/html; charset=utf-8", "Application/JSON", "application/xml", "application/javascript"):
        equal(body("héllo", kind), ("héllo", False, "6"), f"{kind} is text")
    for kind in ("application/x-www-form-urlencoded", "image/svg+xml", "application/vnd.api+json", "application/octet-stream", None):
        equal(body("a=1", kind), (base64.b64encode(b"a=1").decode(), True, "3"), f"{kind} is not text")
    equal(body(b"\x00\xff", "text/plain")[:2], (ZERO, True), "what is not UTF-8 is no text")
    by_path = send("GET", f"/_aws/execute-api/{id}/x%2Fy?z=1").json()
    equal((by_path["rawPath"], by_path["headers"]["x-forwarded-prefix"], by_path["requestContext"]["domainName"]),
          ("/x/y", f"/_aws/execute-api/{id}", "127.0.0.1"), "the path form")
    forged = send("GET", "/x", host=at, headers=[("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Proto", "https")]).json()["headers"]
    equal((forged["x-forwarded-proto"], forged.get("x-forwarded-prefix")), ("http", "/evil"), "what the gateway writes, and what it does not touch")
    aws_host = f"{id}.execute-api.{REGION}.amazonaws.com"
    equal(send("GET", "/q", host=aws_host).json()["requestContext"]["domainName"], aws_host, "AWS's own host name")
    equal(message(send("GET", "/percent%25done", host=at)), (400, {"message": "Bad Request"}, "application/json"), "a path AWS refuses")
    equal(send("HEAD", "/x", host=at).body, b"", "HEAD has no body")
    print("ok format 2.0")
    return id


def format_1(name, arn):
    id = make(arn, ["ANY /pets/{id}", "$default"], stage="dev", version="1.0", StageVariables={"a": "1"})
    permit(name, id)
    at = host(id)
    answer = send("GET", "/dev/pets/a%20b?x=1&x=2", host=at,
                  headers=[("X-Multi", "1"), ("X-Multi", "2"), ("Cookie", "a=1; b=2"), ("User-Agent", "it/1")])
    event = answer.json()
    context, headers, many = event.pop("requestContext"), event.pop("headers"), event.pop("multiValueHeaders")
    equal(event, {
        "version": "1.0", "resource": "/pets/{id}", "path": "/dev/pets/a b", "httpMethod": "GET", "queryStringParameters": {"x": "2"},
        "multiValueQueryStringParameters": {"x": ["1", "2"]}, "pathParameters": {"id": "a b"}, "stageVariables": {"a": "1"}, "body": None,
        "isBase64Encoded": False,
    }, "the event")
    equal((headers["x-multi"], many["x-multi"], headers["cookie"], many["host"]), ("2", ["1", "2"], "a=1; b=2", [at]), "headers")
    check(abs(context.pop("requestTimeEpoch") / 1000 - time.time()) < 60 and context.pop("requestTime").endswith(" +0000"), "times")
    identity = context.pop("identity")
    equal((identity["sourceIp"], identity["userAgent"], identity["user"]), ("127.0.0.1", "it/1", None), "identity")
    request_id = answer.one("apigw-requestid")
    equal(context, {
        "accountId": ACCOUNT, "apiId": id, "domainName": f"{id}.execute-api.localhost", "domainPrefix": id, "extendedRequestId": request_id,
        "httpMethod": "GET", "path": "/dev/pets/a b", "protocol": "HTTP/1.1", "requestId": request_id, "resourceId": "ANY /pets/{id}",
        "resourcePath": "/pets/{id}", "stage": "dev",
    }, "requestContext")
    least = send("GET", "/dev", host=at).json()
    equal([least[member] for member in ("resource", "path", "pathParameters", "queryStringParameters", "multiValueQueryStringParameters")],
          ["$default", "/dev", None, None, None], "what is empty is null")
    binary = send("POST", "/dev/x", body=b"\x00\xff", host=at, headers=[("content-type", "image/png")]).json()
    equal((binary["body"], binary["isBase64Encoded"]), (ZERO, True), "a binary body")
    by_path = send("GET", f"/_aws/execute-api/{id}/dev/x").json()
    equal((by_path["path"], by_path["headers"]["x-forwarded-prefix"]), ("/dev/x", f"/_aws/execute-api/{id}/dev"), "the path form")

    def ask(do):
        return send("POST", "/dev/answer", body=json.dumps(do), host=at, headers=[("content-type", "application/json")])

    made = ask({"return": {"statusCode": 201, "headers": {"X-One": "1", "Set-Cookie": "b=2"},
                           "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": "héllo"}})
    equal((made.status, made.body, made.one("x-one"), made.all("set-cookie")), (201, "héllo".encode(), "1", ["a=1", "b=2"]), "a full answer")
    equal(made.one("content-type"), "text/plain; charset=utf-8", "the default content type")
    equal(ask({"return": {"statusCode": 200, "body": ZERO, "isBase64Encoded": True}}).body, b"\x00\xff", "a binary answer")
    for bad in ({"hello": 1}, "text", None, {"statusCode": "x"}):
        equal(message(ask({"return": bad})), (500, {"message": "Internal Server Error"}, "application/json"), f"a malformed answer {bad!r}")
    api.delete_api(ApiId=id)
    print("ok format 1.0")


def answers(id):
    def ask(do, headers=()):
        return send("POST", "/answer", body=json.dumps(do), host=host(id), headers=[("content-type", "application/json"), *headers])

    for value in ({"hello": 1}, "text", [1], None):
        inferred = ask({"return": value})
        equal((inferred.status, inferred.json(), inferred.one("content-type")), (200, value, "application/json"), "an inferred answer")
    made = ask({"return": {"statusCode": "201", "cookies": ["a=1; Path=/", "b=2"], "headers": {"X-N": 1, "Content-Type": "image/png"},
                           "body": ZERO, "isBase64Encoded": True}}, [("Accept", "text/html")])
    equal((made.status, made.all("set-cookie"), made.one("x-n"), made.one("content-type"), made.body),
          (201, ["a=1; Path=/", "b=2"], "1", "image/png", b"\x00\xff"), "a full answer, binary whatever the client accepts")
    plain = ask({"return": {"statusCode": 404, "body": "gone"}})
    equal((plain.status, plain.body, plain.one("content-type")), (404, b"gone", "text/plain; charset=utf-8"), "the default content type")
    for do in ({"raise": "secret"}, {"return": {"statusCode": 200, "body": {"a": 1}}}, {"return": {"statusCode": 20}},
               {"return": {"statusCode": 200, "body": "?", "isBase64Encoded": True}}):
        equal(message(ask(do)), (500, {"message": "Internal Server Error"}, "application/json"), f"{do!r} is a failure")
    large = send("POST", "/x", body=b"x" * (10 * 1024 * 1024 + 1), host=host(id))
    equal(message(large), (413, {"message": "Request Entity Too Large"}, "application/json"), "more than 10 MB")
    integration = api.get_integrations(ApiId=id)["Items"][0]["IntegrationId"]
    api.update_integration(ApiId=id, IntegrationId=integration, TimeoutInMillis=50)
    equal(message(ask({"sleep": 1})), (503, {"message": "Service Unavailable"}, "application/json"), "an integration that takes too long")
    api.update_integration(ApiId=id, IntegrationId=integration, TimeoutInMillis=30000)
    print("ok answers")


def routing(name, arn):
    documented = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}"]
    id = make(arn, documented)
    permit(name, id)
    at = host(id)

    def key(path, method="GET"):
        answer = send(method, path, host=at)
        if answer.status != 200:
            equal(message(answer), (404, {"message": "Not Found"}, "application/json"), f"{method} {path}")
            return None
        event = answer.json()
        return event["routeKey"], event.get("pathParameters")

    equal(key("/pets/dog/1"), ("GET /pets/dog/1", None), "a full match")
    equal(key("/pets/dog/2"), ("GET /pets/dog/{id}", {"id": "2"}), "a variable")
    equal(key("/pets/cat/1"), ("GET /pets/{proxy+}", {"proxy": "cat/1"}), "a greedy variable")
    equal(key("/pets/dog/1", "POST"), ("ANY /{proxy+}", {"proxy": "pets/dog/1"}), "a method the others lack")
    equal((key("/"), key("/", "POST")), (None, None), "no $default")
    for verb in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        equal(key("/x", verb), ("ANY /{proxy+}", {"proxy": "x"}), verb)
    integration = api.get_integrations(ApiId=id)["Items"][0]["IntegrationId"]
    api.create_route(ApiId=id, RouteKey="$default", Target=f"integrations/{integration}")
    equal(key("/"), ("$default", None), "a new route is live at once")
    api.create_route(ApiId=id, RouteKey="GET /aimless")
    equal(send("GET", "/aimless", host=at).status, 500, "a route without an integration")
    api.create_route(ApiId=id, RouteKey="GET /signed", Target=f"integrations/{integration}", AuthorizationType="AWS_IAM")
    equal(message(send("GET", "/signed", host=at)), (403, {"message": "Forbidden"}, "application/json"), "AWS_IAM wants a signature")
    signature = ("Authorization", "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=0")
    signed = send("GET", "/signed", host=at, headers=[signature]).json()
    equal(signed["requestContext"]["authorizer"]["iam"]["accessKey"], "AK", "a signed request")
    api.delete_api(ApiId=id)
    equal(send("GET", "/", host=at).status, 403, "a deleted API")
    print("ok routing")


def stages(name, arn):
    id = make(arn, ["GET /a", "$default"], stage="dev", StageVariables={"s": "dev"})
    permit(name, id)
    at = host(id)

    def seen(path):
        answer = send("GET", path, host=at)
        if answer.status != 200:
            equal(message(answer), (404, {"message": "Not Found"}, "application/json"), path)
            return None
        event = answer.json()
        return event["requestContext"]["stage"], event["rawPath"], event["routeKey"]

    equal(seen("/dev/a"), ("dev", "/dev/a", "GET /a"), "a named stage is in the path")
    equal((seen("/dev"), seen("/dev/")), (("dev", "/dev", "$default"), ("dev", "/dev/", "$default")), "its root")
    equal((seen("/a"), seen("/develop/a")), (None, None), "there is no $default stage")
    deployment = api.create_deployment(ApiId=id)["DeploymentId"]
    api.create_stage(ApiId=id, StageName="$default", DeploymentId=deployment)
    equal((seen("/a"), seen("/dev/a")), (("$default", "/a", "GET /a"), ("dev", "/dev/a", "GET /a")), "a stage by name goes before $default")
    equal(seen("/develop/a"), ("$default", "/develop/a", "$default"), "a stage is a whole segment")
    api.delete_route(ApiId=id, RouteId=next(one["RouteId"] for one in api.get_routes(ApiId=id)["Items"] if one["RouteKey"] == "GET /a"))
    equal((seen("/a")[2], seen("/dev/a")[2]), ("GET /a", "$default"), "a deployment is a snapshot, a stage that deploys itself is not")
    api.update_stage(ApiId=id, StageName="$default", DeploymentId=api.create_deployment(ApiId=id)["DeploymentId"])
    equal(seen("/a")[2], "$default", "the stage moved to another deployment")
    api.create_stage(ApiId=id, StageName="empty")
    equal(seen("/empty/a"), None, "a stage nothing was deployed to")

    by_variable = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn.replace(':live', ':${stageVariables.alias}')}/invocations"
    integration = api.get_integrations(ApiId=id)["Items"][0]["IntegrationId"]
    api.update_integration(ApiId=id, IntegrationId=integration, IntegrationUri=by_variable)
    equal(send("GET", "/dev/a", host=at).status, 500, "a variable the stage does not have")
    api.update_stage(ApiId=id, StageName="dev", StageVariables={"alias": "live"})
    equal(seen("/dev/a"), ("dev", "/dev/a", "$default"), "an alias from a stage variable")
    api.update_api(ApiId=id, DisableExecuteApiEndpoint=True)
    equal(seen("/dev/a"), None, "a disabled endpoint")
    api.delete_api(ApiId=id)
    print("ok stages")


def permissions(name, arn):
    id = make(arn, ["GET /pets/{id}", "GET /x", "$default"])
    at = host(id)

    def may():
        return [send("GET", path, host=at).status for path in ("/pets/1", "/x", "/other")]

    denied = send("GET", "/x", host=at)
    equal(message(denied), (500, {"message": "Internal Server Error"}, "application/json"), "a function that API Gateway may not invoke")
    lam.add_permission(FunctionName=name, StatementId=f"fn-{id}", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    equal(may(), [500, 500, 500], "a permission on the function is none on its alias")
    permit(name, id, "dev/*")
    equal(may(), [500, 500, 500], "the permission of another stage")
    permit(name, id, "*/POST/x")
    equal(may(), [500, 500, 500], "of another method")
    permit(name, id, "*/GET/x")
    equal(may(), [500, 200, 500], "of one route")
    permit(name, id, "*/*/pets/*")
    equal(may(), [200, 200, 500], "of a route with a variable")
    permit(name, id, "$default/$default")
    equal(may(), [200, 200, 200], "of $default")
    quick = api.create_api(Name=f"http-{RUN}", ProtocolType="HTTP", Target=arn)["ApiId"]
    equal(send("GET", "/", host=host(quick)).status, 500, "quick create gives no permission")
    permit(name, quick)
    equal(send("GET", "/q", host=host(quick)).json()["rawPath"], "/q", "quick create serves")
    for one in (id, quick):
        api.delete_api(ApiId=one)
    print("ok permissions")


def cors(name, arn):
    id = make(arn, ["POST /answer", "OPTIONS /answer"])
    permit(name, id)
    api.update_api(ApiId=id, CorsConfiguration={
        "AllowOrigins": ["https://a.example", "http://*"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-a", "content-type"],
        "ExposeHeaders": ["x-b"], "MaxAge": 60, "AllowCredentials": True})

    def preflight(origin, path="/answer"):
        return send("OPTIONS", path, host=host(id), headers=[("Origin", origin), ("Access-Control-Request-Method", "POST")])

    def ask(do, *headers):
        return send("POST", "/answer", body=json.dumps(do), host=host(id), headers=[("content-type", "application/json"), *headers])

    for path in ("/answer", "/no/route"):
        answer = preflight("https://a.example", path)
        allowed = [answer.one(f"access-control-{what}") for what in ("allow-origin", "allow-methods", "allow-headers", "max-age", "allow-credentials")]
        equal((answer.status, allowed, answer.body), (204, ["https://a.example", "GET,POST", "x-a,content-type", "60", "true"], b""),
              "a preflight request is answered without the function, route or not")
    equal(preflight("http://anybody.example").one("access-control-allow-origin"), "http://anybody.example", "every origin of a scheme")
    stranger = preflight("https://b.example")
    equal([key for key, _ in stranger.headers if key.startswith("access-control-")], [], "a strange origin")
    equal(send("OPTIONS", "/answer", host=host(id)).json()["requestContext"]["http"]["method"], "OPTIONS", "an OPTIONS request that is no preflight")
    own = {"return": {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://own.example", "Access-Control-Allow-Headers": "own"}}}
    dressed = ask(own, ("Origin", "https://a.example"))
    equal((dressed.all("access-control-allow-origin"), dressed.all("access-control-allow-headers"), dressed.one("access-control-expose-headers")),
          (["https://a.example"], [], "x-b"), "the function's own CORS headers are ignored")
    equal(ask(own).all("access-control-allow-origin"), [], "without an origin there is nothing to allow")
    api.update_api(ApiId=id, CorsConfiguration={"AllowOrigins": ["*"]})
    equal(ask(own, ("Origin", "https://x.example")).all("access-control-allow-origin"), ["*"], "everybody")
    api.delete_cors_configuration(ApiId=id)
    equal(ask(own, ("Origin", "https://x.example")).all("access-control-allow-origin"), ["https://own.example"], "without CORS the function decides")
    api.delete_api(ApiId=id)
    print("ok CORS")


def main():
    name, arn = function()
    id = format_2(name, arn)
    answers(id)
    api.delete_api(ApiId=id)
    format_1(name, arn)
    routing(name, arn)
    stages(name, arn)
    permissions(name, arn)
    cors(name, arn)
    remove(name)
    print("ok cleaned up")


main()
