"""Every operation of HTTP APIs, driven by the AWS CLI: python http_cli.py http://127.0.0.1:PORT

The CLI runs in this process, because fifty processes of it take minutes on a busy machine. Endpoint and keys come from
the environment.
"""

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver

from gateway_kit import ACCOUNT, REGION, RUN, equal

CLI = create_clidriver()
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:live"


def aws(operation, *arguments, fails=None):
    """The answer's JSON; with `fails`, the code the CLI reports."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = CLI.main(["apigatewayv2", operation, *arguments])
    if fails:
        if code == 0 or f"({fails})" not in err.getvalue():
            sys.exit(f"http_cli: {operation} {arguments} should fail with {fails}\n{out.getvalue()}{err.getvalue()}")
        return err.getvalue()
    if code:
        sys.exit(f"http_cli: {operation} {arguments}\n{err.getvalue()}")
    return json.loads(out.getvalue()) if out.getvalue().strip() else None


def main():
    id = aws("create-api", "--name", f"cli-{RUN}", "--protocol-type", "HTTP", "--cors-configuration", "AllowOrigins=https://a.example,MaxAge=5")["ApiId"]
    at = ("--api-id", id)
    equal(aws("get-api", *at)["CorsConfiguration"], {"AllowOrigins": ["https://a.example"], "MaxAge": 5}, "get-api")
    equal(aws("get-apis", "--query", f"Items[?ApiId=='{id}'].Name"), [f"cli-{RUN}"], "get-apis")
    equal(aws("update-api", *at, "--name", "renamed")["Name"], "renamed", "update-api")
    aws("delete-cors-configuration", *at)
    equal("CorsConfiguration" in aws("get-api", *at), False, "delete-cors-configuration")
    text = aws("create-api", "--name", "x", "--protocol-type", "WEBSOCKET", "--route-selection-expression", "$request.body.a", fails="NotImplemented")
    equal("protocolType WEBSOCKET is not supported by the local cloud" in text, True, "a WebSocket API is refused by name")

    made = aws("create-integration", *at, "--integration-type", "AWS_PROXY", "--integration-uri", ARN, "--payload-format-version", "2.0")["IntegrationId"]
    integration = (*at, "--integration-id", made)
    equal(aws("get-integration", *integration)["IntegrationUri"], ARN, "get-integration")
    equal([one["IntegrationId"] for one in aws("get-integrations", *at)["Items"]], [made], "get-integrations")
    equal(aws("update-integration", *integration, "--timeout-in-millis", "100")["TimeoutInMillis"], 100, "update-integration")
    aws("create-integration", *at, "--integration-type", "AWS_PROXY", "--integration-uri", ARN, fails="BadRequestException")

    found = aws("create-route", *at, "--route-key", "GET /a", "--target", f"integrations/{made}")["RouteId"]
    route = (*at, "--route-id", found)
    equal(aws("get-route", *route)["RouteKey"], "GET /a", "get-route")
    equal([one["RouteId"] for one in aws("get-routes", *at)["Items"]], [found], "get-routes")
    equal(aws("update-route", *route, "--route-key", "GET /b")["RouteKey"], "GET /b", "update-route")
    aws("create-route", *at, "--route-key", "GET /b", fails="ConflictException")
    aws("delete-integration", *integration, fails="ConflictException")

    deployed = aws("create-deployment", *at, "--description", "one")["DeploymentId"]
    deployment = (*at, "--deployment-id", deployed)
    equal(aws("get-deployment", *deployment)["Description"], "one", "get-deployment")
    equal(aws("update-deployment", *deployment, "--description", "two")["Description"], "two", "update-deployment")
    equal([one["DeploymentId"] for one in aws("get-deployments", *at)["Items"]], [deployed], "get-deployments")
    aws("create-stage", *at, "--stage-name", "$default", "--deployment-id", deployed, "--stage-variables", "a=1")
    stage = (*at, "--stage-name", "$default")
    equal(aws("get-stage", *stage)["StageVariables"], {"a": "1"}, "get-stage")
    equal([one["StageName"] for one in aws("get-stages", *at)["Items"]], ["$default"], "get-stages")
    aws("delete-deployment", *deployment, fails="BadRequestException")
    equal(aws("update-stage", *stage, "--auto-deploy")["AutoDeploy"], True, "update-stage")
    aws("delete-deployment", *deployment)

    resource = ("--resource-arn", f"arn:aws:apigateway:{REGION}::/apis/{id}")
    aws("tag-resource", *resource, "--tags", "x=1,y=2")
    aws("untag-resource", *resource, "--tag-keys", "x")
    equal(aws("get-tags", *resource)["Tags"], {"y": "2"}, "tags")

    operation = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": ARN, "payloadFormatVersion": "2.0"}}
    definition = {"openapi": "3.0.1", "info": {"title": f"cli-{RUN}"}, "paths": {"$default": {"x-amazon-apigateway-any-method": operation}}}
    imported = aws("import-api", "--body", json.dumps(definition))["ApiId"]
    equal(aws("get-routes", "--api-id", imported, "--query", "Items[].RouteKey"), ["$default"], "import-api")
    definition["paths"] = {"/c": {"put": operation}}
    aws("reimport-api", "--api-id", imported, "--body", json.dumps(definition))
    equal(aws("get-routes", "--api-id", imported, "--query", "Items[].RouteKey"), ["PUT /c"], "reimport-api")

    aws("delete-stage", *stage)
    aws("delete-route", *route)
    aws("delete-integration", *integration)
    for one in (id, imported):
        aws("delete-api", "--api-id", one)
        aws("get-api", "--api-id", one, fails="NotFoundException")
    print("ok")


main()
