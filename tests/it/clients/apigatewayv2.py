"""The control plane of HTTP APIs in the local cloud, as boto3 sees it:
python apigatewayv2.py http://127.0.0.1:PORT"""

import json
import time

from gateway_kit import ACCOUNT, ENDPOINT, REGION, RUN, check, client, equal, function, refused, remove, send, unsupported

api = client("apigatewayv2")
METADATA = "ResponseMetadata"


def bare(answer):
    return {name: value for name, value in answer.items() if name != METADATA}


def create(**more):
    return api.create_api(**{"Name": f"http-{RUN}", "ProtocolType": "HTTP", **more})["ApiId"]


def lambda_proxy(id, arn, version="2.0", **more):
    return api.create_integration(ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion=version,
                                  **more)["IntegrationId"]


def route(id, key, integration, **more):
    return api.create_route(ApiId=id, RouteKey=key, Target=f"integrations/{integration}", **more)["RouteId"]


def every(operation, **arguments):
    pages = api.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **arguments)
    return [item for page in pages for item in page["Items"]]


def apis():
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 60, "AllowCredentials": True}
    made = bare(api.create_api(Name=f"http-{RUN}", ProtocolType="HTTP", Description="d", Version="1", CorsConfiguration=cors,
                               Tags={"rzap:app": "a"}))
    id = made["ApiId"]
    check(abs(made.pop("CreatedDate").timestamp() - time.time()) < 60, "CreatedDate")
    equal(made, {
        "ApiId": id, "ApiEndpoint": f"{ENDPOINT}/_aws/execute-api/{id}", "Name": f"http-{RUN}", "ProtocolType": "HTTP",
        "Description": "d", "Version": "1", "CorsConfiguration": cors, "Tags": {"rzap:app": "a"}, "IpAddressType": "ipv4",
        "DisableExecuteApiEndpoint": False, "RouteSelectionExpression": "$request.method $request.path",
        "ApiKeySelectionExpression": "$request.header.x-api-key",
    }, "a new API")
    equal(bare(api.get_api(ApiId=id))["Name"], f"http-{RUN}", "GetApi")
    updated = api.update_api(ApiId=id, Name="renamed", Description="", DisableExecuteApiEndpoint=True,
                             CorsConfiguration={"AllowOrigins": ["*"]})
    equal((updated["Name"], updated.get("Description"), updated["Version"], updated["DisableExecuteApiEndpoint"]),
          ("renamed", None, "1", True), "an update changes what it names")
    equal(updated["CorsConfiguration"], {"AllowOrigins": ["*"]}, "CORS is replaced as a whole")
    api.delete_cors_configuration(ApiId=id)
    equal(api.get_api(ApiId=id).get("CorsConfiguration"), None, "DeleteCorsConfiguration")

    others = [create(Name=f"page-{RUN}-{number}") for number in range(4)]
    mine = [one for one in every("get_apis") if RUN in one["Name"] or one["ApiId"] == id]
    equal(sorted(one["ApiId"] for one in mine), sorted([id, *others]), "all APIs, two to a page")
    first = api.get_apis(MaxResults="2")
    check(len(first["Items"]) == 2 and first["NextToken"], "a page and its token")
    equal([one["Name"] for one in client("apigatewayv2", region_name="us-east-1").get_apis()["Items"] if RUN in one["Name"]], [],
          "an API belongs to its region")
    refused("NotFoundException", client("apigatewayv2", region_name="us-east-1").get_api, ApiId=id)

    rest = client("apigateway").create_rest_api(name=f"rest-{RUN}")["id"]
    refused("NotFoundException", api.get_api, ApiId=rest)
    refused("NotFoundException", client("apigateway").get_rest_api, restApiId=id)
    client("apigateway").delete_rest_api(restApiId=rest)

    unsupported(api.create_api, "protocolType WEBSOCKET", Name="x", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")
    unsupported(api.create_api, "ipAddressType", Name="x", ProtocolType="HTTP", IpAddressType="dualstack")
    for bad in (dict(ProtocolType="X"), dict(Name=" "), dict(Name="x" * 129), dict(RouteSelectionExpression="$request.body.a"),
                dict(RouteKey="$default"), dict(CorsConfiguration={"AllowOrigins": ["a.example"]}),
                dict(CorsConfiguration={"AllowOrigins": ["*"], "AllowCredentials": True}),
                dict(CorsConfiguration={"AllowMethods": ["SPRING"]}), dict(CorsConfiguration={"MaxAge": 86401}),
                dict(Tags={"aws:x": "1"})):
        refused("BadRequestException", api.create_api, **{"Name": "x", "ProtocolType": "HTTP", **bad})
    refused("BadRequestException", api.update_api, ApiId=id, Target=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")
    refused("BadRequestException", api.get_apis, NextToken="nope")
    refused("BadRequestException", api.get_apis, MaxResults="0")
    for call in (api.get_api, api.update_api, api.delete_api, api.get_routes, api.get_integrations, api.get_stages,
                 api.get_deployments, api.create_deployment, api.delete_cors_configuration):
        refused("NotFoundException", call, ApiId="nope")
    unsigned = send("GET", "/v2/apis")
    equal((unsigned.status, unsigned.one("x-amzn-errortype")), (403, "MissingAuthenticationTokenException"), "an unsigned call")

    for one in [id, *others]:
        api.delete_api(ApiId=one)
    refused("NotFoundException", api.delete_api, ApiId=id)
    print("ok APIs, paging")


def tagging():
    id = create()
    api.create_stage(ApiId=id, StageName="dev", Tags={"s": "1"})
    for arn, before in ((f"arn:aws:apigateway:{REGION}::/apis/{id}", {}), (f"arn:aws:apigateway:{REGION}::/apis/{id}/stages/dev", {"s": "1"})):
        equal(api.get_tags(ResourceArn=arn)["Tags"], before, "tags")
        equal(api.tag_resource(ResourceArn=arn, Tags={"x": "1", "y": "2"})[METADATA]["HTTPStatusCode"], 201, "TagResource")
        api.untag_resource(ResourceArn=arn, TagKeys=["x", "s"])
        equal(api.get_tags(ResourceArn=arn)["Tags"], {"y": "2"}, "tags of the resource")
        refused("NotFoundException", api.get_tags, ResourceArn=arn + "x")
    equal(api.get_api(ApiId=id)["Tags"], {"y": "2"}, "tags of an API")
    equal(api.get_stage(ApiId=id, StageName="dev")["Tags"], {"y": "2"}, "tags of a stage")
    refused("BadRequestException", api.get_tags, ResourceArn="arn:aws:s3:::x")
    refused("BadRequestException", api.tag_resource, ResourceArn=f"arn:aws:apigateway:{REGION}::/apis/{id}", Tags={"aws:x": "1"})
    api.delete_api(ApiId=id)
    print("ok tags")


def integrations(arn):
    id = create()
    invoked = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    made = bare(api.create_integration(ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0",
                                       Description="d"))
    first = made["IntegrationId"]
    equal(made, {
        "IntegrationId": first, "IntegrationType": "AWS_PROXY", "IntegrationUri": arn, "PayloadFormatVersion": "2.0",
        "Description": "d", "ConnectionType": "INTERNET", "IntegrationMethod": "POST", "TimeoutInMillis": 30000,
    }, "a new integration")
    equal(bare(api.get_integration(ApiId=id, IntegrationId=first)), made, "GetIntegration")
    updated = api.update_integration(ApiId=id, IntegrationId=first, IntegrationUri=invoked, PayloadFormatVersion="1.0", TimeoutInMillis=50)
    equal((updated["IntegrationUri"], updated["PayloadFormatVersion"], updated["TimeoutInMillis"], updated["Description"]),
          (invoked, "1.0", 50, "d"), "an updated integration")
    more = [lambda_proxy(id, arn) for _ in range(4)]
    equal(sorted(one["IntegrationId"] for one in every("get_integrations", ApiId=id)), sorted([first, *more]), "GetIntegrations")

    fine = dict(ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0")
    for bad, says in (
        (dict(PayloadFormatVersion="3.0"), "3.0"), (dict(TimeoutInMillis=30001), "30000 ms"),
        (dict(IntegrationUri="arn:aws:s3:::x"), "function ARN"), (dict(IntegrationMethod="GET"), "POST"), (dict(IntegrationType="X"), "X"),
    ):
        refused("BadRequestException", api.create_integration, says, **{**fine, **bad})
        refused("BadRequestException", api.update_integration, says, IntegrationId=first, **{**fine, **bad})
    for missing in ("PayloadFormatVersion", "IntegrationUri"):
        refused("BadRequestException", api.create_integration, missing, **{name: value for name, value in fine.items() if name != missing})
    unsupported(api.create_integration, "HTTP_PROXY", ApiId=id, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", IntegrationUri="http://example.com",
                PayloadFormatVersion="1.0")
    for what, more_members in (
        ("connectionType", dict(ConnectionType="VPC_LINK")), ("integrationSubtype", dict(IntegrationSubtype="SQS-SendMessage")),
        ("credentialsArn", dict(CredentialsArn="arn:aws:iam::000000000000:role/x")), ("tlsConfig", dict(TlsConfig={"ServerNameToVerify": "x"})),
        ("requestParameters", dict(RequestParameters={"append:header.x": "1"})), ("responseParameters", dict(ResponseParameters={"200": {"append:header.x": "1"}})),
    ):
        unsupported(api.create_integration, what, **fine, **more_members)
    refused("NotFoundException", api.get_integration, ApiId=id, IntegrationId="nope")
    refused("NotFoundException", api.update_integration, ApiId=id, IntegrationId="nope", Description="x")
    at = route(id, "GET /x", first)
    refused("ConflictException", api.delete_integration, at, ApiId=id, IntegrationId=first)
    api.delete_route(ApiId=id, RouteId=at)
    api.delete_integration(ApiId=id, IntegrationId=first)
    refused("NotFoundException", api.delete_integration, ApiId=id, IntegrationId=first)
    api.delete_api(ApiId=id)
    print("ok integrations")


def routes(arn):
    id = create()
    target = lambda_proxy(id, arn)
    made = bare(api.create_route(ApiId=id, RouteKey="GET /pets/{id}", Target=f"integrations/{target}", OperationName="pet"))
    first = made["RouteId"]
    equal(made, {"RouteId": first, "RouteKey": "GET /pets/{id}", "Target": f"integrations/{target}", "OperationName": "pet",
                 "AuthorizationType": "NONE", "ApiKeyRequired": False}, "a new route")
    equal(bare(api.get_route(ApiId=id, RouteId=first)), made, "GetRoute")
    more = [route(id, key, target) for key in ("$default", "ANY /pets/{proxy+}", "POST /pets/{id}", "GET /")]
    equal(sorted(one["RouteId"] for one in every("get_routes", ApiId=id)), sorted([first, *more]), "GetRoutes")
    updated = api.update_route(ApiId=id, RouteId=first, RouteKey="GET /cats/{id}", AuthorizationType="AWS_IAM")
    equal((updated["RouteKey"], updated["AuthorizationType"], updated["Target"]), ("GET /cats/{id}", "AWS_IAM", f"integrations/{target}"),
          "an updated route")
    equal(api.create_route(ApiId=id, RouteKey="GET /later").get("Target"), None, "a route without a target")

    refused("ConflictException", api.create_route, "$default", ApiId=id, RouteKey="$default")
    refused("ConflictException", api.update_route, "GET /", ApiId=id, RouteId=first, RouteKey="GET /")
    refused("ConflictException", api.create_route, "conflicting variable", ApiId=id, RouteKey="GET /cats/{name}")
    for bad in ("", "GET", "get /x", "GET x", "GET /{a+}/b", "GET /a{b}", "$connect"):
        refused("BadRequestException", api.create_route, ApiId=id, RouteKey=bad)
    refused("BadRequestException", api.create_route, ApiId=id, RouteKey="GET /t", Target="nope")
    refused("NotFoundException", api.create_route, ApiId=id, RouteKey="GET /t", Target="integrations/nope")
    unsupported(api.create_route, "JWT", ApiId=id, RouteKey="GET /t", AuthorizationType="JWT")
    unsupported(api.create_route, "authorizerId", ApiId=id, RouteKey="GET /t", AuthorizerId="x")
    unsupported(api.create_route, "authorizationScopes", ApiId=id, RouteKey="GET /t", AuthorizationScopes=["x"])
    unsupported(api.create_route, "apiKeyRequired", ApiId=id, RouteKey="GET /t", ApiKeyRequired=True)
    unsupported(api.create_authorizer, "/authorizers", ApiId=id, AuthorizerType="JWT", Name="x", IdentitySource=["$request.header.Authorization"])
    unsupported(api.get_domain_names, "/v2/domainnames")
    unsupported(api.export_api, "/exports/", ApiId=id, Specification="OAS30", OutputType="JSON")
    for call in (api.get_route, api.update_route, api.delete_route):
        refused("NotFoundException", call, ApiId=id, RouteId="nope")
    api.delete_route(ApiId=id, RouteId=first)
    refused("NotFoundException", api.get_route, ApiId=id, RouteId=first)
    api.delete_api(ApiId=id)
    print("ok routes")


def stages(arn):
    id = create()
    refused("BadRequestException", api.create_deployment, "no routes exist", ApiId=id)
    early = api.create_stage(ApiId=id, StageName="auto", AutoDeploy=True)
    equal(early.get("DeploymentId"), None, "nothing to deploy yet")
    equal(api.get_deployments(ApiId=id)["Items"], [], "no deployments")
    target = lambda_proxy(id, arn)
    route(id, "GET /a", target)
    automatic = api.get_stage(ApiId=id, StageName="auto")
    one = api.get_deployment(ApiId=id, DeploymentId=automatic["DeploymentId"])
    equal((one["AutoDeployed"], one["DeploymentStatus"]), (True, "DEPLOYED"), "an automatic deployment")
    check(one["DeploymentId"] in automatic["LastDeploymentStatusMessage"], "the stage says how it went")
    route(id, "GET /b", target)
    check(api.get_stage(ApiId=id, StageName="auto")["DeploymentId"] != one["DeploymentId"], "every change is deployed")
    refused("NotFoundException", api.get_deployment, ApiId=id, DeploymentId=one["DeploymentId"])
    before = api.update_stage(ApiId=id, StageName="auto", Description="x")["DeploymentId"]
    api.update_stage(ApiId=id, StageName="auto", AutoDeploy=False)
    route(id, "GET /c", target)
    equal(api.get_stage(ApiId=id, StageName="auto")["DeploymentId"], before, "only changes are deployed, and only to stages that deploy themselves")
    check(api.update_stage(ApiId=id, StageName="auto", AutoDeploy=True)["DeploymentId"] != before, "what was missed is deployed")

    first = bare(api.create_deployment(ApiId=id, Description="one"))
    equal((first["AutoDeployed"], first["DeploymentStatus"], first["Description"]), (False, "DEPLOYED", "one"), "a deployment")
    check(abs(first["CreatedDate"].timestamp() - time.time()) < 60, "CreatedDate")
    first = first["DeploymentId"]
    equal(api.update_deployment(ApiId=id, DeploymentId=first, Description="1st")["Description"], "1st", "UpdateDeployment")
    made = bare(api.create_stage(ApiId=id, StageName="$default", DeploymentId=first, Description="d", StageVariables={"a": "1"}, Tags={"t": "1"},
                                 DefaultRouteSettings={"ThrottlingBurstLimit": 10}))
    check(made.pop("CreatedDate") and made.pop("LastUpdatedDate"), "dates")
    equal(made, {"StageName": "$default", "DeploymentId": first, "Description": "d", "StageVariables": {"a": "1"}, "Tags": {"t": "1"},
                 "AutoDeploy": False, "DefaultRouteSettings": {"DetailedMetricsEnabled": False, "ThrottlingBurstLimit": 10}, "RouteSettings": {}},
          "a new stage")
    equal(bare(api.get_stage(ApiId=id, StageName="$default"))["StageVariables"], {"a": "1"}, "GetStage")
    refused("BadRequestException", api.delete_deployment, ApiId=id, DeploymentId=first)
    second = api.create_deployment(ApiId=id, StageName="$default")["DeploymentId"]
    equal(api.get_stage(ApiId=id, StageName="$default")["DeploymentId"], second, "a deployment to a stage")
    updated = api.update_stage(ApiId=id, StageName="$default", DeploymentId=first, StageVariables={"b": "2"}, Description="")
    equal((updated["DeploymentId"], updated["StageVariables"], updated.get("Description")), (first, {"b": "2"}, None), "an updated stage")
    api.delete_deployment(ApiId=id, DeploymentId=second)
    refused("NotFoundException", api.delete_deployment, ApiId=id, DeploymentId=second)
    equal(sorted(one["StageName"] for one in every("get_stages", ApiId=id)), ["$default", "auto"], "GetStages")
    listed = [one["DeploymentId"] for one in every("get_deployments", ApiId=id)]
    equal(sorted(listed), sorted([first, api.get_stage(ApiId=id, StageName="auto")["DeploymentId"]]), "GetDeployments")

    refused("ConflictException", api.create_stage, ApiId=id, StageName="auto")
    refused("NotFoundException", api.create_stage, ApiId=id, StageName="x", DeploymentId="nope")
    refused("BadRequestException", api.create_stage, ApiId=id, StageName="a b")
    refused("BadRequestException", api.create_stage, ApiId=id, StageName="x", StageVariables={"a": "{}"})
    refused("BadRequestException", api.create_stage, ApiId=id, StageName="x", AutoDeploy=True, DeploymentId=first)
    refused("BadRequestException", api.update_stage, ApiId=id, StageName="auto", DeploymentId=first)
    refused("BadRequestException", api.create_stage, ApiId=id, StageName="x", AccessLogSettings={"DestinationArn": "arn:aws:logs:::x"})
    for call in (api.get_stage, api.update_stage, api.delete_stage):
        refused("NotFoundException", call, ApiId=id, StageName="nope")
    refused("NotFoundException", api.create_deployment, ApiId=id, StageName="nope")
    api.delete_stage(ApiId=id, StageName="auto")
    refused("NotFoundException", api.get_stage, ApiId=id, StageName="auto")
    equal([one["DeploymentId"] for one in api.get_deployments(ApiId=id)["Items"]], [first], "its deployment goes with it")
    api.delete_api(ApiId=id)
    print("ok stages, deployments")


def quick_create(arn):
    id = create(Target=arn)
    stage, only = api.get_stage(ApiId=id, StageName="$default"), api.get_routes(ApiId=id)["Items"][0]
    integration = api.get_integrations(ApiId=id)["Items"][0]
    equal((only["RouteKey"], only["ApiGatewayManaged"], stage["AutoDeploy"], stage["ApiGatewayManaged"]), ("$default", True, True, True), "quick create")
    equal((integration["PayloadFormatVersion"], integration["IntegrationUri"], integration["ApiGatewayManaged"]), ("2.0", arn, True), "its integration")
    refused("BadRequestException", api.delete_integration, ApiId=id, IntegrationId=integration["IntegrationId"])
    refused("BadRequestException", api.update_route, ApiId=id, RouteId=only["RouteId"], RouteKey="GET /")
    refused("BadRequestException", api.update_stage, ApiId=id, StageName="$default", Description="x")
    refused("BadRequestException", api.delete_stage, ApiId=id, StageName="$default")
    api.update_api(ApiId=id, Target=arn.replace(":live", ""), RouteKey="GET /only")
    equal(api.get_route(ApiId=id, RouteId=only["RouteId"])["RouteKey"], "GET /only", "UpdateApi changes what quick create made")
    equal(api.get_integrations(ApiId=id)["Items"][0]["IntegrationUri"], arn.replace(":live", ""), "and its target")
    refused("BadRequestException", create, Target="arn:aws:s3:::x")
    refused("NotImplemented", create, Target="https://example.com")
    api.delete_api(ApiId=id)
    print("ok quick create")


def definition(arn, **more):
    operation = {"x-amazon-apigateway-integration": {"type": "AWS_PROXY", "httpMethod": "POST", "uri": arn, "payloadFormatVersion": "2.0"}}
    named = {"$ref": "#/components/x-amazon-apigateway-integrations/old"}
    return {
        "openapi": "3.0.1",
        "info": {"title": f"imported-{RUN}", "version": "1", "description": "d"},
        "tags": [{"name": "t", "x-amazon-apigateway-tag-value": "1"}],
        "paths": {
            "/pets": {"get": {**operation, "operationId": "pets"}, "post": {"x-amazon-apigateway-integration": named}},
            "/pets/{proxy+}": {"x-amazon-apigateway-any-method": operation},
            "/$default": {"x-amazon-apigateway-any-method": {**operation, "isDefaultRoute": True}},
        },
        "components": {"x-amazon-apigateway-integrations": {"old": {
            "type": "aws_proxy", "httpMethod": "POST", "uri": arn, "payloadFormatVersion": 1.0, "timeoutInMillis": 1000}}},
        "x-amazon-apigateway-cors": {"allowOrigins": ["https://a.example"]},
        "x-amazon-apigateway-importexport-version": "1.0",
        **more,
    }


def importing(arn):
    made = api.import_api(Body=json.dumps(definition(arn)))
    id = made["ApiId"]
    equal((made["Name"], made["Version"], made["Description"], made["Tags"], made["CorsConfiguration"]),
          (f"imported-{RUN}", "1", "d", {"t": "1"}, {"AllowOrigins": ["https://a.example"]}), "an imported API")
    keys = {one["RouteKey"]: one for one in api.get_routes(ApiId=id)["Items"]}
    equal(sorted(keys), ["$default", "ANY /pets/{proxy+}", "GET /pets", "POST /pets"], "imported routes")
    old = api.get_integration(ApiId=id, IntegrationId=keys["POST /pets"]["Target"].split("/")[1])
    equal((old["PayloadFormatVersion"], old["TimeoutInMillis"], keys["GET /pets"]["OperationName"]), ("1.0", 1000, "pets"), "its integrations")

    api.create_stage(ApiId=id, StageName="dev", AutoDeploy=True)
    before = api.get_stage(ApiId=id, StageName="dev")["DeploymentId"]
    other = definition(arn, paths={"/other": definition(arn)["paths"]["/pets"]}, servers=[{"url": "https://x.example/base"}])
    again = api.reimport_api(ApiId=id, Body=json.dumps(other), Basepath="prepend")
    equal(again["ApiId"], id, "ReimportApi keeps the API")
    equal(sorted(one["RouteKey"] for one in api.get_routes(ApiId=id)["Items"]), ["GET /base/other", "POST /base/other"], "and replaces its routes")
    check(api.get_stage(ApiId=id, StageName="dev")["DeploymentId"] != before, "a stage that deploys itself serves the new ones")
    for bad in ("{", "{}", '{"swagger": "2.0"}', json.dumps(definition(arn, paths={"x": {}})), json.dumps(definition(arn, info={}))):
        refused("BadRequestException", api.reimport_api, ApiId=id, Body=bad)
        refused("BadRequestException", api.import_api, Body=bad)
    equal(len(api.get_routes(ApiId=id)["Items"]), 2, "a refused import changes nothing")

    jwt = {"get": {"security": [{"jwt": []}], **definition(arn)["paths"]["/pets"]["get"]}}
    unsupported(api.import_api, "security of GET /x", Body=json.dumps(definition(arn, paths={"/x": jwt})))
    http = {"get": {"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "http://example.com"}}}
    unsupported(api.import_api, "HTTP_PROXY", Body=json.dumps(definition(arn, paths={"/x": http})))
    unsupported(api.import_api, "x-amazon-apigateway-policy", Body=json.dumps(definition(arn, **{"x-amazon-apigateway-policy": {"a": 1}})))
    without = json.dumps(definition(arn, paths={"/x": {"get": {}}}))
    check("GET /x" in api.import_api(Body=without)["Warnings"][0], "what is ignored is warned about")
    refused("BadRequestException", api.import_api, "GET /x", Body=without, FailOnWarnings=True)
    yaml = f"openapi: 3.0.1\ninfo: {{title: yaml-{RUN}}}\npaths:\n  /y:\n    get:\n      x-amazon-apigateway-integration:\n" \
           f"        {{type: aws_proxy, httpMethod: POST, uri: '{arn}', payloadFormatVersion: '2.0'}}\n"
    by_yaml = api.import_api(Body=yaml)["ApiId"]
    equal([one["RouteKey"] for one in api.get_routes(ApiId=by_yaml)["Items"]], ["GET /y"], "YAML is read too")
    for one in every("get_apis"):
        if RUN in one["Name"]:
            api.delete_api(ApiId=one["ApiId"])
    print("ok import and reimport")


def main():
    name, arn = function()
    apis()
    tagging()
    integrations(arn)
    routes(arn)
    stages(arn)
    quick_create(arn)
    importing(arn)
    remove(name)
    print("ok cleaned up")


main()
