"""REST APIs and function URLs of the local cloud, as boto3 and a plain HTTP client see them:
python apigateway.py http://127.0.0.1:PORT"""

import base64
import gzip
import json
import sys
import time
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from gateway_kit import ACCOUNT, PORT, REGION, RUN, check, client, equal, function, refused, remove, send

api, lam = client("apigateway"), client("lambda")


def rest_host(id):
    return f"{id}.execute-api.localhost:{PORT}"


def uri(arn):
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"


def definition(arn, **more):
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(arn), "passthroughBehavior": "when_no_match"}
    operation = {"x-amazon-apigateway-integration": integration, "responses": {}}
    return {
        "openapi": "3.0.1",
        "info": {"title": f"api-{RUN}", "version": "1", "description": "d"},
        "paths": {
            "/": {"x-amazon-apigateway-any-method": operation},
            "/pets": {"get": operation},
            "/pets/{id}": {"get": operation, "parameters": [{"name": "id", "in": "path", "required": True}]},
            "/pets/new": {"get": operation},
            "/{proxy+}": {"x-amazon-apigateway-any-method": operation},
        },
        **more,
    }


def import_api(document, **parameters):
    parameters = {key: str(value) for key, value in parameters.items()}
    return api.import_rest_api(body=json.dumps(document), parameters=parameters)


def paths(id):
    items = api.get_resources(restApiId=id, limit=500)["items"]
    return {item["path"]: item for item in items}


def apis():
    made = api.create_rest_api(name=f"plain-{RUN}", description="x", tags={"rzap:app": "a"}, binaryMediaTypes=["image/png"],
                               endpointConfiguration={"types": ["REGIONAL"]})
    id = made["id"]
    check(made["rootResourceId"] and abs(made["createdDate"].timestamp() - time.time()) < 60, "a new API has a root and a date")
    equal((made["endpointConfiguration"]["types"], made["apiKeySource"], made["tags"]), (["REGIONAL"], "HEADER", {"rzap:app": "a"}),
          "a new API's members")
    updated = api.update_rest_api(restApiId=id, patchOperations=[
        {"op": "replace", "path": "/name", "value": f"renamed-{RUN}"},
        {"op": "add", "path": "/binaryMediaTypes/image~1jpeg"},
        {"op": "remove", "path": "/binaryMediaTypes/image~1png"},
    ])
    equal((updated["name"], updated["binaryMediaTypes"]), (f"renamed-{RUN}", ["image/jpeg"]), "an updated API")
    refused("BadRequestException", api.update_rest_api, restApiId=id, patchOperations=[{"op": "replace", "path": "/nope", "value": "1"}])
    refused("BadRequestException", api.create_rest_api, name=" ")
    refused("NotFoundException", api.get_rest_api, restApiId="nope")
    for number in range(3):
        api.create_rest_api(name=f"page-{RUN}-{number}")
    mine = [one for page in api.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 2})
            for one in page["items"] if RUN in one["name"]]
    equal(len(mine), 4, "all APIs, two to a page")
    check(len(api.get_rest_apis(limit=2)["items"]) == 2 and "position" in api.get_rest_apis(limit=2), "a page has a position")

    arn = f"arn:aws:apigateway:{REGION}::/restapis/{id}"
    api.tag_resource(resourceArn=arn, tags={"x": "1", "y": "2"})
    api.untag_resource(resourceArn=arn, tagKeys=["x"])
    equal(api.get_tags(resourceArn=arn)["tags"], {"rzap:app": "a", "y": "2"}, "tags")
    refused("NotFoundException", api.get_tags, resourceArn=arn + "x")
    refused("BadRequestException", api.get_tags, resourceArn="arn:aws:s3:::x")
    equal(api.get_account()["throttleSettings"]["burstLimit"], 5000, "GetAccount")
    for one in mine:
        api.delete_rest_api(restApiId=one["id"])
    refused("NotFoundException", api.delete_rest_api, restApiId=id)
    print("ok APIs, paging, tags")


def resources(arn):
    id = api.create_rest_api(name=f"res-{RUN}")["id"]
    root = paths(id)["/"]["id"]
    pets = api.create_resource(restApiId=id, parentId=root, pathPart="pets")
    equal((pets["path"], pets["parentId"], pets["pathPart"]), ("/pets", root, "pets"), "a new resource")
    one = api.create_resource(restApiId=id, parentId=pets["id"], pathPart="{id}")["id"]
    refused("ConflictException", api.create_resource, restApiId=id, parentId=root, pathPart="pets")
    refused("BadRequestException", api.create_resource, restApiId=id, parentId=pets["id"], pathPart="{other}")
    refused("BadRequestException", api.create_resource, restApiId=id, parentId=root, pathPart="a/b")
    refused("NotFoundException", api.create_resource, restApiId=id, parentId="nope", pathPart="x")
    greedy = api.create_resource(restApiId=id, parentId=root, pathPart="{proxy+}")["id"]
    refused("BadRequestException", api.create_resource, restApiId=id, parentId=greedy, pathPart="x")
    refused("BadRequestException", api.delete_resource, restApiId=id, resourceId=root)

    at = dict(restApiId=id, resourceId=one, httpMethod="GET")
    refused("BadRequestException", api.create_deployment, restApiId=id)
    method = api.put_method(authorizationType="NONE", requestParameters={"method.request.path.id": True}, **at)
    equal((method["httpMethod"], method["apiKeyRequired"]), ("GET", False), "a new method")
    refused("ConflictException", api.put_method, authorizationType="NONE", **at)
    refused("BadRequestException", api.create_deployment, restApiId=id)
    refused("NotFoundException", api.get_integration, **at)
    refused("BadRequestException", api.put_integration, type="AWS_PROXY", uri=uri(arn), **at)
    refused("BadRequestException", api.put_integration, type="AWS_PROXY", integrationHttpMethod="POST", uri="arn:x", **at)
    put = api.put_integration(type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(arn), **at)
    equal((put["timeoutInMillis"], put["passthroughBehavior"], put["httpMethod"]), (29_000, "WHEN_NO_MATCH", "POST"), "an integration")
    api.put_method_response(statusCode="200", **at)
    api.put_integration_response(statusCode="200", selectionPattern="", **at)
    got = api.get_method(**at)
    equal((sorted(got["methodResponses"]), sorted(got["methodIntegration"]["integrationResponses"])), (["200"], ["200"]), "responses")
    equal(paths(id)["/pets/{id}"]["resourceMethods"], {"GET": {}}, "methods are only named")
    embedded = api.get_resource(restApiId=id, resourceId=one, embed=["methods"])
    equal(embedded["resourceMethods"]["GET"]["methodIntegration"]["uri"], uri(arn), "methods on request")
    api.delete_integration(**at)
    refused("NotFoundException", api.get_integration, **at)
    api.delete_method(**at)
    refused("NotFoundException", api.get_method, **at)
    api.delete_resource(restApiId=id, resourceId=pets["id"])
    equal(sorted(paths(id)), ["/", "/{proxy+}"], "a resource takes its children with it")

    root_any = dict(restApiId=id, resourceId=root, httpMethod="ANY")
    for call, more in [
        (api.put_method, dict(authorizationType="CUSTOM", authorizerId="x", **root_any)),
        (api.put_method, dict(authorizationType="NONE", apiKeyRequired=True, **root_any)),
        (api.create_rest_api, dict(name="x", policy="{}")),
        (api.create_rest_api, dict(name="x", endpointConfiguration={"types": ["PRIVATE"]})),
        (api.get_usage_plans, {}),
        (api.get_authorizers, dict(restApiId=id)),
    ]:
        try:
            call(**more)
        except ClientError as error:
            check("not supported by the local cloud" in error.response["Error"]["Message"], f"{call.__name__} says it is not supported")
        else:
            sys.exit(f"apigateway: {call.__name__}({more!r}) should be refused")
    api.delete_rest_api(restApiId=id)
    print("ok resources, methods, integrations")


def importing(arn):
    made = import_api(definition(arn), endpointConfigurationTypes="REGIONAL")
    id = made["id"]
    equal((made["name"], made["version"], made["description"]), (f"api-{RUN}", "1", "d"), "an imported API")
    equal((made["endpointConfiguration"]["types"], made["tags"]), (["REGIONAL"], {}), "endpoint type and tags")
    equal(sorted(paths(id)), ["/", "/pets", "/pets/new", "/pets/{id}", "/{proxy+}"], "imported resources")
    equal(sorted(paths(id)["/{proxy+}"]["resourceMethods"]), ["ANY"], "any-method")
    before = paths(id)["/pets"]["id"]

    extra = {"openapi": "3.0.1", "info": {"title": "merged"}, "paths": {"/a/b": definition(arn)["paths"]["/pets"]}}
    merged = api.put_rest_api(restApiId=id, body=json.dumps(extra))
    equal(merged["name"], "merged", "merging renames")
    check({"/a", "/a/b", "/pets"} <= set(paths(id)), "merging keeps what is there")
    api.put_rest_api(restApiId=id, mode="overwrite", body=json.dumps(definition(arn)))
    equal(sorted(paths(id)), ["/", "/pets", "/pets/new", "/pets/{id}", "/{proxy+}"], "overwriting does not")
    equal(paths(id)["/pets"]["id"], before, "a path keeps its resource")
    for bad in (b"{", b"{}", b'{"openapi": "2.0"}'):
        refused("BadRequestException", api.put_rest_api, restApiId=id, mode="overwrite", body=bad)
    equal(len(paths(id)), 5, "a refused import changes nothing")
    api.delete_rest_api(restApiId=id)

    swagger = {"swagger": "2.0", "info": {"title": "s"}, "basePath": "/a/b/c", "paths": {"/e": definition(arn)["paths"]["/pets"]}}
    for how, want in {
        "ignore": ["/", "/e"],
        "prepend": ["/", "/a", "/a/b", "/a/b/c", "/a/b/c/e"],
        "split": ["/", "/b", "/b/c", "/b/c/e"],
    }.items():
        id = import_api(swagger, basepath=how)["id"]
        equal(sorted(paths(id)), want, f"basepath={how}")
        api.delete_rest_api(restApiId=id)

    modelled = definition(arn, components={"schemas": {"Pet": {"type": "object"}}})
    warned = import_api(modelled)
    check(warned["warnings"], "what has no effect is warned about")
    api.delete_rest_api(restApiId=warned["id"])
    refused("BadRequestException", api.import_rest_api, body=json.dumps(modelled), failOnWarnings=True)
    yaml = "openapi: 3.0.1\ninfo:\n  title: yaml\npaths:\n  /x:\n    get:\n      x-amazon-apigateway-integration:\n        type: mock\n"
    id = api.import_rest_api(body=yaml)["id"]
    equal(sorted(paths(id)), ["/", "/x"], "YAML is read too")
    api.delete_rest_api(restApiId=id)
    print("ok import and put")


def stages(arn):
    id = import_api(definition(arn))["id"]
    first = api.create_deployment(restApiId=id, stageName="dev", variables={"a": "1"}, description="one")["id"]
    stage = api.get_stage(restApiId=id, stageName="dev")
    equal((stage["deploymentId"], stage["variables"], stage["methodSettings"]), (first, {"a": "1"}, {}), "a stage of a deployment")
    second = api.create_deployment(restApiId=id)["id"]
    api.create_stage(restApiId=id, stageName="prod", deploymentId=second, tags={"t": "1"}, variables={"b": "2"})
    refused("ConflictException", api.create_stage, restApiId=id, stageName="prod", deploymentId=second)
    refused("BadRequestException", api.create_stage, restApiId=id, stageName="x", deploymentId="nope")
    refused("BadRequestException", api.create_stage, restApiId=id, stageName="a b", deploymentId=second)
    refused("BadRequestException", api.create_stage, restApiId=id, stageName="x", deploymentId=second, variables={"a": "{}"})
    equal([one["stageName"] for one in api.get_stages(restApiId=id)["item"]], ["dev", "prod"], "stages")
    equal([one["stageName"] for one in api.get_stages(restApiId=id, deploymentId=second)["item"]], ["prod"], "of a deployment")
    equal(sorted(one["id"] for one in api.get_deployments(restApiId=id)["items"]), sorted([first, second]), "deployments")
    refused("BadRequestException", api.delete_deployment, restApiId=id, deploymentId=first)
    updated = api.update_stage(restApiId=id, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": second},
        {"op": "replace", "path": "/variables/c", "value": "3"},
        {"op": "remove", "path": "/variables/a"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "10"},
        {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"},
    ])
    equal((updated["deploymentId"], updated["variables"]), (second, {"c": "3"}), "an updated stage")
    settings = updated["methodSettings"]["*/*"]
    equal((settings["throttlingBurstLimit"], settings["loggingLevel"]), (10, "ERROR"), "method settings")
    api.delete_deployment(restApiId=id, deploymentId=first)
    refused("NotFoundException", api.get_deployment, restApiId=id, deploymentId=first)
    refused("NotFoundException", api.update_stage, restApiId=id, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": first}])
    stage_arn = f"arn:aws:apigateway:{REGION}::/restapis/{id}/stages/prod"
    equal(api.get_tags(resourceArn=stage_arn)["tags"], {"t": "1"}, "tags of a stage")

    exported = api.get_export(restApiId=id, stageName="dev", exportType="oas30", parameters={"extensions": "integrations"})
    equal(exported["contentType"], "application/json", "the type of an export")
    document = json.loads(exported["body"].read())
    operation = document["paths"]["/{proxy+}"]["x-amazon-apigateway-any-method"]
    equal(operation["x-amazon-apigateway-integration"]["uri"], uri(arn), "an export has the integrations")
    again = import_api(document)["id"]
    equal(sorted(paths(again)), sorted(paths(id)), "an export can be imported")
    api.delete_rest_api(restApiId=again)
    api.delete_stage(restApiId=id, stageName="dev")
    refused("NotFoundException", api.get_stage, restApiId=id, stageName="dev")
    api.delete_rest_api(restApiId=id)
    print("ok deployments, stages, export")


def serving(name, arn):
    id = import_api(definition(arn))["id"]
    host = rest_host(id)
    api.create_deployment(restApiId=id, stageName="dev", variables={"a": "1"})

    denied = send("GET", "/dev/pets", host=host)
    equal((denied.status, denied.json()), (500, {"message": "Internal server error"}), "a function that API Gateway may not invoke")
    # A permission on the function is none on its alias.
    source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{id}/*/*/*"
    permission = dict(FunctionName=name, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com", SourceArn=source)
    lam.add_permission(StatementId=f"fn-{id}", **permission)
    equal(send("GET", "/dev/pets", host=host).status, 500, "the permission of another qualifier")
    lam.add_permission(StatementId=f"api-{id}", Qualifier="live", **permission)

    answer = send("GET", "/dev/pets/a%20b?x=1&x=2&y=%C3%A9&z", host=host,
                  headers=[("X-Multi", "1"), ("X-Multi", "2"), ("Cookie", "a=1"), ("User-Agent", "it/1"), ("X-Forwarded-For", "9.9.9.9")])
    equal(answer.status, 200, f"a request with a route ({answer.body[:300]!r})")
    event = answer.json()
    equal((event["resource"], event["path"], event["httpMethod"]), ("/pets/{id}", "/pets/a%20b", "GET"), "resource and path")
    equal(event["queryStringParameters"], {"x": "2", "y": "é", "z": ""}, "query, the last value")
    equal(event["multiValueQueryStringParameters"], {"x": ["1", "2"], "y": ["é"], "z": [""]}, "query, all values")
    equal((event["pathParameters"], event["stageVariables"]), ({"id": "a%20b"}, {"a": "1"}), "path parameters, stage variables")
    equal((event["multiValueHeaders"]["X-Multi"], event["headers"]["X-Multi"]), (["1", "2"], "2"), "headers")
    equal((event["headers"]["Host"], event["headers"]["X-Forwarded-Proto"], event["headers"]["X-Forwarded-Port"]),
          (host, "http", str(PORT)), "host, scheme and port")
    equal(event["headers"]["X-Forwarded-For"], "9.9.9.9, 127.0.0.1", "the chain of addresses")
    equal((event["body"], event["isBase64Encoded"]), (None, False), "no body")
    context = event["requestContext"]
    equal({key: context[key] for key in ("accountId", "apiId", "domainName", "domainPrefix", "httpMethod", "path", "protocol", "resourcePath", "stage")}, {
        "accountId": ACCOUNT, "apiId": id, "domainName": f"{id}.execute-api.localhost", "domainPrefix": id, "httpMethod": "GET",
        "path": "/dev/pets/a%20b", "protocol": "HTTP/1.1", "resourcePath": "/pets/{id}", "stage": "dev",
    }, "requestContext")
    equal((context["identity"]["sourceIp"], context["identity"]["userAgent"], context["identity"]["user"]), ("127.0.0.1", "it/1", None), "identity")
    check(abs(context["requestTimeEpoch"] / 1000 - time.time()) < 60, "requestTimeEpoch is in ms")
    equal(answer.one("x-amzn-RequestId"), context["requestId"], "the request id is in the answer")
    check(answer.one("x-amz-apigw-id") == context["extendedRequestId"] and answer.one("x-amzn-trace-id").startswith("Root=1-"), "ids")

    def resource(path, method="GET", at=host, prefix="/dev"):
        got = send(method, prefix + path, host=at).json()
        return got["resource"], got["path"], got["pathParameters"]

    equal(resource("/pets"), ("/pets", "/pets", None), "an exact route")
    equal(resource("/pets/new"), ("/pets/new", "/pets/new", None), "exact before variable")
    equal(resource("/pets", "POST"), ("/{proxy+}", "/pets", {"proxy": "pets"}), "a method the exact route lacks")
    equal(resource("/x/y/z/"), ("/{proxy+}", "/x/y/z/", {"proxy": "x/y/z"}), "the greedy route")
    equal((resource(""), resource("/")), (("/", "/", None), ("/", "/", None)), "the root, with and without slash")
    equal(send("GET", "/dev/pets").status in (400, 403, 404, 501), True, "without the host it is not the API's request")
    for verb in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        equal(resource("/other", verb)[0], "/{proxy+}", verb)
    head = send("HEAD", "/dev/other", host=host)
    equal((head.status, head.body), (200, b""), "HEAD has no body")

    by_path = send("GET", f"/_aws/execute-api/{id}/dev/x/y").json()
    equal((by_path["path"], by_path["requestContext"]["path"]), ("/x/y", f"/_aws/execute-api/{id}/dev/x/y"), "the path form")
    equal((by_path["headers"]["X-Forwarded-Prefix"], by_path["requestContext"]["domainName"]),
          (f"/_aws/execute-api/{id}/dev", "127.0.0.1"), "where the path form is mounted")
    aws_host = f"{id}.execute-api.{REGION}.amazonaws.com"
    equal(send("GET", "/dev/q", host=aws_host).json()["requestContext"]["domainName"], aws_host, "AWS's own host name")

    for path, message, error in (("/nope/x", "Forbidden", "ForbiddenException"), ("/", "Forbidden", "ForbiddenException"),
                                 ("/develop/pets", "Forbidden", "ForbiddenException")):
        lost = send("GET", path, host=host)
        equal((lost.status, lost.json(), lost.one("x-amzn-ErrorType")), (403, {"message": message}, error), f"no stage in {path}")
    equal(send("GET", "/dev", host=rest_host("nope")).status, 403, "no such API")
    large = send("POST", "/dev/x", body=b"x" * (10 * 1024 * 1024 + 1), host=host)
    equal(large.status, 413, "more than 10 MB")
    print("ok events and routes")
    return id, host


def answers(host):
    def ask(do, headers=()):
        return send("POST", "/dev/answer", body=json.dumps(do), host=host, headers=[("content-type", "application/json"), *headers])

    made = ask({"return": {"statusCode": 201, "headers": {"X-One": "1", "Set-Cookie": "b=2"},
                           "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": "héllo"}})
    equal((made.status, made.body, made.one("x-one")), (201, "héllo".encode(), "1"), "a full answer")
    equal(made.all("set-cookie"), ["a=1", "b=2"], "two cookies")
    equal(made.one("content-type"), "application/json", "the default content type")
    equal(ask({"return": {"statusCode": "204"}}).status, 204, "a status code as text")
    for bad in ("text", None, [1], {"statusCode": 200, "body": {"a": 1}}, {"statusCode": 200, "more": 1}, {"statusCode": "x"}):
        broken = ask({"return": bad})
        equal((broken.status, broken.json()), (502, {"message": "Internal server error"}), f"a malformed answer {bad!r}")
    failed = ask({"raise": "secret"})
    equal((failed.status, failed.json()), (502, {"message": "Internal server error"}), "a function that fails")
    encoded = {"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}
    equal(ask({"return": encoded}).body, base64.b64encode(b"\x00\xff"), "an API without media types decodes nothing")
    print("ok answers")


def deploying(id, arn, host):
    with_types = definition(arn, **{
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-gateway-responses": {"MISSING_AUTHENTICATION_TOKEN": {
            "statusCode": 404, "responseParameters": {"gatewayresponse.header.X-Gone": "'yes'"},
            "responseTemplates": {"application/json": '{"lost": $context.error.messageString, "at": "$context.path"}'}}},
    })
    slow = json.loads(json.dumps(with_types["paths"]["/pets"]))
    slow["get"]["x-amazon-apigateway-integration"]["timeoutInMillis"] = 50
    with_types["paths"] = {
        "/answer": {"post": with_types["paths"]["/pets"]["get"]},
        "/slow/answer": {"post": slow["get"]},
        "/echo": with_types["paths"]["/{proxy+}"],
        "/mock": {"get": {
            "responses": {"200": {}},
            "x-amazon-apigateway-integration": {
                "type": "mock", "requestTemplates": {"application/json": '{"statusCode": 418}'},
                "responses": {"default": {"statusCode": "200"}, "4\\d{2}": {
                    "statusCode": "418", "responseParameters": {"method.response.header.X-Tea": "'pot'"},
                    "responseTemplates": {"text/plain": "short and stout"}}}}}},
        "/elsewhere": {"get": {"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "http://example.com/"}}},
        "/signed": {"get": {**with_types["paths"]["/pets"]["get"], "x-amazon-apigateway-auth": {"type": "AWS_IAM"}}},
    }
    api.put_rest_api(restApiId=id, mode="overwrite", body=json.dumps(with_types))
    equal(send("GET", "/dev/pets", host=host).status, 200, "nothing is live before it is deployed")
    equal(send("GET", "/dev/mock", host=host).json()["resource"], "/{proxy+}", "the old routes still stand")
    api.create_deployment(restApiId=id, stageName="dev")
    lost = send("GET", "/dev/pets", host=host)
    equal((lost.status, lost.one("x-gone"), lost.json()), (404, "yes", {"lost": "Missing Authentication Token", "at": "/dev/pets"}),
          "the gateway response of a route that is gone")
    mock = send("GET", "/dev/mock", host=host)
    equal((mock.status, mock.one("x-tea"), mock.body), (418, "pot", b"short and stout"), "a mock")
    elsewhere = send("GET", "/dev/elsewhere", host=host)
    check(elsewhere.status == 501 and b"HTTP_PROXY" in elsewhere.body, "an integration that is not served says so")
    late = send("POST", "/dev/slow/answer", body='{"sleep": 1}', host=host, headers=[("content-type", "application/json")])
    equal((late.status, late.json()), (504, {"message": "Endpoint request timed out"}), "an integration that takes too long")

    png = send("POST", "/dev/echo", body=b"\x00\xff", host=host, headers=[("content-type", "image/png; x=y")]).json()
    equal((png["body"], png["isBase64Encoded"]), (base64.b64encode(b"\x00\xff").decode(), True), "a binary body")
    text = send("POST", "/dev/echo", body="héllo", host=host, headers=[("content-type", "text/plain")]).json()
    equal((text["body"], text["isBase64Encoded"]), ("héllo", False), "a text body")
    zipped = gzip.compress(b"hello")
    do = json.dumps({"return": {"statusCode": 200, "headers": {"content-type": "image/png", "content-encoding": "gzip"},
                                "body": base64.b64encode(zipped).decode(), "isBase64Encoded": True}})
    for accept, want in (("image/png,*/*", zipped), ("text/html,image/png", base64.b64encode(zipped))):
        got = send("POST", "/dev/answer", body=do, host=host, headers=[("content-type", "application/json"), ("Accept", accept)])
        equal(got.body, want, f"a binary answer to Accept: {accept}")
    unsigned = send("GET", "/dev/signed", host=host)
    equal(unsigned.status, 404, "an AWS_IAM route wants a signature")
    signature = ("Authorization", "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=0")
    signed = send("GET", "/dev/signed", host=host, headers=[signature]).json()
    check("Authorization" not in signed["headers"] and signed["requestContext"]["identity"]["accessKey"] == "AK", "a signed request")

    # */* makes everything binary, whatever the client accepts.
    api.update_rest_api(restApiId=id, patchOperations=[{"op": "add", "path": "/binaryMediaTypes/*~1*"}])
    api.create_deployment(restApiId=id, stageName="dev")
    everything = send("POST", "/dev/echo", body="text", host=host, headers=[("content-type", "text/plain")]).json()
    equal((everything["body"], everything["isBase64Encoded"]), (base64.b64encode(b"text").decode(), True), "*/* makes text binary")
    got = send("POST", "/dev/answer", body=do, host=host, headers=[("content-type", "application/json"), ("Accept", "text/html")])
    equal(got.body, zipped, "*/* decodes for every client")

    by_variable = definition(arn.replace(":live", ":${stageVariables.alias}"))
    api.put_rest_api(restApiId=id, mode="overwrite", body=json.dumps(by_variable))
    api.create_deployment(restApiId=id, stageName="var", variables={"alias": "live"})
    equal(send("GET", "/var/pets", host=host).status, 200, "an alias from a stage variable")
    api.delete_stage(restApiId=id, stageName="var")
    equal(send("GET", "/var/pets", host=host).status, 403, "a deleted stage")
    api.update_rest_api(restApiId=id, patchOperations=[{"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"}])
    equal(send("GET", "/dev/pets", host=host).status, 403, "a disabled endpoint")
    api.delete_rest_api(restApiId=id)
    equal(send("GET", "/dev/pets", host=host).status, 403, "a deleted API")
    print("ok deployments are snapshots, binary payloads, gateway responses, mocks")


def urls(name):
    made = lam.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE", Cors={
        "AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-a"], "ExposeHeaders": ["x-b"],
        "MaxAge": 60, "AllowCredentials": True})
    host = urlsplit(made["FunctionUrl"]).netloc
    id = host.split(".")[0]
    closed = send("GET", "/", host=host)
    check(closed.status == 403 and closed.json()["Message"].startswith("Forbidden"), "without a policy nobody gets in")
    lam.add_permission(FunctionName=name, Qualifier="live", StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
                       FunctionUrlAuthType="NONE")
    equal(send("GET", "/", host=host).status, 403, "one statement is not enough since October 2025")
    lam.add_permission(FunctionName=name, Qualifier="live", StatementId="invoke", Action="lambda:InvokeFunction", Principal="*",
                       InvokedViaFunctionUrl=True)

    answer = send("GET", "/a/b%20c?x=1&x=2&y=%C3%A9", host=host,
                  headers=[("Cookie", "a=1; b=2"), ("X-Multi", "1"), ("X-Multi", "2"), ("User-Agent", "it/1")])
    equal(answer.status, 200, f"a public URL ({answer.body[:300]!r})")
    event = answer.json()
    equal((event["version"], event["routeKey"], event["rawPath"], event["rawQueryString"]),
          ("2.0", "$default", "/a/b%20c", "x=1&x=2&y=%C3%A9"), "the event's head")
    equal((event["cookies"], "cookie" in event["headers"]), (["a=1", "b=2"], False), "cookies")
    equal((event["headers"]["x-multi"], event["queryStringParameters"]), ("1,2", {"x": "1,2", "y": "é"}), "joined values")
    context = event["requestContext"]
    equal((context["accountId"], context["apiId"], context["domainPrefix"], context["stage"], context["routeKey"]),
          ("anonymous", id, id, "$default", "$default"), "requestContext")
    equal(context["http"], {"method": "GET", "path": "/a/b%20c", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "it/1"}, "http")
    equal(("body" in event, event["isBase64Encoded"]), (False, False), "no body")
    equal(send("GET", f"/_aws/lambda-url/{id}/x").json()["rawPath"], "/x", "the path form")
    form = send("POST", "/", body="a=1", host=host, headers=[("content-type", "application/x-www-form-urlencoded")]).json()
    equal((form["body"], form["isBase64Encoded"]), (base64.b64encode(b"a=1").decode(), True), "a form is not text")

    def ask(do, headers=()):
        return send("POST", "/answer", body=json.dumps(do), host=host, headers=[("content-type", "application/json"), *headers])

    inferred = ask({"return": {"hello": 1}})
    equal((inferred.status, inferred.json(), inferred.one("content-type")), (200, {"hello": 1}, "application/json"), "an inferred answer")
    equal(ask({"return": "text"}).body, b'"text"', "a text is JSON")
    made = ask({"return": {"statusCode": 201, "cookies": ["a=1; Path=/", "b=2"], "body": base64.b64encode(b"\x00").decode(), "isBase64Encoded": True}})
    equal((made.status, made.all("set-cookie"), made.body), (201, ["a=1; Path=/", "b=2"], b"\x00"), "a full answer")
    broken = ask({"raise": "secret"})
    check(broken.status == 502 and b"secret" not in broken.body, "a function that fails")

    preflight = send("OPTIONS", "/", host=host, headers=[("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")])
    equal((preflight.status, preflight.one("access-control-allow-origin"), preflight.one("access-control-allow-methods"),
           preflight.one("access-control-allow-headers"), preflight.one("access-control-max-age"), preflight.body),
          (200, "https://a.example", "GET,POST", "x-a", "60", b""), "a preflight request is answered without the function")
    stranger = send("OPTIONS", "/", host=host, headers=[("Origin", "https://b.example"), ("Access-Control-Request-Method", "POST")])
    equal(stranger.one("access-control-allow-origin"), None, "a strange origin")
    dressed = ask({"return": {}}, [("Origin", "https://a.example")])
    equal((dressed.one("access-control-allow-origin"), dressed.one("access-control-expose-headers"), dressed.one("access-control-allow-credentials")),
          ("https://a.example", "x-b", "true"), "an actual request")

    lam.update_function_url_config(FunctionName=name, Qualifier="live", AuthType="AWS_IAM")
    equal(send("GET", "/", host=host).status, 403, "AWS_IAM wants a signature")
    signature = ("Authorization", "AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
    signed = send("GET", "/", host=host, headers=[signature]).json()
    equal((signed["requestContext"]["accountId"], signed["requestContext"]["authorizer"]["iam"]["accessKey"]), (ACCOUNT, "AK"), "a signed request")
    lam.delete_function_url_config(FunctionName=name, Qualifier="live")
    equal(send("GET", "/", host=host).status, 403, "a deleted URL")
    print("ok function URLs")


def main():
    name, arn = function()
    apis()
    resources(arn)
    importing(arn)
    stages(arn)
    id, host = serving(name, arn)
    answers(host)
    deploying(id, arn, host)
    urls(name)
    remove(name)
    print("ok cleaned up")


main()
