"""Settings of asynchronous calls, dead letters, reserved and provisioned concurrency: AWS's answers and errors."""

import json

from lambda_kit import RUN, ROLE, client, create, equal, holds, iam, invoke, lam, name, package, refused, settled, until

INVALID = "InvalidParameterValueException"
NOT_FOUND = "ResourceNotFoundException"
sqs = client("sqs")
ACCOUNT = ROLE.split(":")[4]


def arn(service, rest):
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{rest}"


SOURCE = {"app.py": """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    if event.get("bad"):
        raise ValueError("as asked")
    return {"count": count, "by": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "pid": os.getpid()}
"""}


def permissions(*statements):
    allow = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
    document = {"Version": "2012-10-17", "Statement": allow}
    iam.put_role_policy(RoleName=ROLE.split("/")[-1], PolicyName="send", PolicyDocument=json.dumps(document))


def take(queue):
    found = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def settings():
    create("calls", SOURCE, Publish=True)
    function = name("calls")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    at = {"FunctionName": function, "Qualifier": "live"}
    queue = sqs.create_queue(QueueName=f"records-{RUN}")["QueueUrl"]
    records = arn("sqs", f"records-{RUN}")

    refused("none yet", NOT_FOUND, "doesn't have an EventInvokeConfig", lam.get_function_event_invoke_config, **at)
    refused("nothing said", INVALID, "at least one", lam.put_function_event_invoke_config, **at)
    refused("three retries", "ValidationException", "less than or equal to 2", lam.put_function_event_invoke_config,
            MaximumRetryAttempts=3, **at)
    to = {"OnFailure": {"Destination": records}}
    refused("not allowed", INVALID, "does not have permissions to call SendMessage on", lam.put_function_event_invoke_config,
            DestinationConfig=to, **at)
    permissions(("sqs:SendMessage", records))
    refused("to a table", INVALID, "is invalid", lam.put_function_event_invoke_config,
            DestinationConfig={"OnFailure": {"Destination": arn("dynamodb", "table/x")}}, **at)
    put = lam.put_function_event_invoke_config(MaximumRetryAttempts=0, DestinationConfig=to, **at)
    equal("the ARN", put["FunctionArn"], arn("lambda", f"function:{function}:live"))
    equal("retries", put["MaximumRetryAttempts"], 0)
    equal("destinations", put["DestinationConfig"], {"OnSuccess": {}, "OnFailure": {"Destination": records}})

    changed = lam.update_function_event_invoke_config(MaximumEventAgeInSeconds=60, **at)
    equal("what was not given stays", (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]), (0, 60))
    equal("anew", lam.put_function_event_invoke_config(MaximumEventAgeInSeconds=61, **at)["DestinationConfig"],
          {"OnSuccess": {}, "OnFailure": {}})
    lam.put_function_event_invoke_config(MaximumRetryAttempts=0, DestinationConfig=to, **at)
    lam.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=1)
    listed = lam.list_function_event_invoke_configs(FunctionName=function)["FunctionEventInvokeConfigs"]
    equal("of both", sorted(item["FunctionArn"].split(":")[-1] for item in listed), ["$LATEST", "live"])

    # The alias's destination, and not that of the function.
    lam.invoke(InvocationType="Event", Payload=b'{"bad": 1}', **at)
    [message] = until("the record", lambda: take(queue))
    record = json.loads(message["Body"])
    equal("record", (record["requestContext"]["condition"], record["requestPayload"]), ("RetriesExhausted", {"bad": 1}))
    equal("one run", record["requestContext"]["approximateInvokeCount"], 1)
    lam.delete_function_event_invoke_config(**at)
    refused("gone", NOT_FOUND, "doesn't have", lam.delete_function_event_invoke_config, **at)

    refused("letters to a bus", INVALID, "not supported", lam.update_function_configuration, FunctionName=function,
            DeadLetterConfig={"TargetArn": arn("events", "event-bus/default")})
    refused("letters to another", INVALID, "permissions to call SendMessage on SQS", lam.update_function_configuration,
            FunctionName=function, DeadLetterConfig={"TargetArn": arn("sqs", "other")})
    shown = lam.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": records})
    equal("letters", shown["DeadLetterConfig"], {"TargetArn": records})
    settled(function)
    lam.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    lam.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"bad": 2}')
    [letter] = until("the letter", lambda: take(queue))
    equal("the bare event", json.loads(letter["Body"]), {"bad": 2})
    equal("its attributes", sorted(letter["MessageAttributes"]), ["ErrorCode", "ErrorMessage", "RequestID"])
    equal("what was wrong", letter["MessageAttributes"]["ErrorMessage"]["StringValue"], "as asked")
    version = lam.publish_version(FunctionName=function)["Version"]
    refused("weights", INVALID, "dead-letter queue", lam.update_alias, FunctionName=function, Name="live",
            RoutingConfig={"AdditionalVersionWeights": {version: 0.5}})
    lam.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": ""})
    holds("no letters", "DeadLetterConfig" not in settled(function))


def provisioned():
    create("ready", SOURCE, Publish=True)
    function = name("ready")
    lam.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    at = {"FunctionName": function, "Qualifier": "live"}

    def ready(count):
        found = lam.get_provisioned_concurrency_config(**at)
        return found["Status"] == "READY" and found["AvailableProvisionedConcurrentExecutions"] == count and found

    refused("of $LATEST", INVALID, "unpublished", lam.put_provisioned_concurrency_config, FunctionName=function,
            Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    refused("none", "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned", lam.get_provisioned_concurrency_config, **at)
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=2)
    refused("more than reserved", INVALID, "should not be greater than the reserved", lam.put_provisioned_concurrency_config,
            ProvisionedConcurrentExecutions=3, **at)
    equal("asked", lam.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=2, **at)
          ["RequestedProvisionedConcurrentExecutions"], 2)
    until("two are ready", lambda: ready(2))
    refused("less than provisioned", INVALID, "should not be lower", lam.put_function_concurrency, FunctionName=function,
            ReservedConcurrentExecutions=1)
    refused("the version besides", INVALID, "Version is pointed by", lam.put_provisioned_concurrency_config,
            FunctionName=function, Qualifier="1", ProvisionedConcurrentExecutions=1)
    answer, found = invoke(function, {}, Qualifier="live")
    equal("started before", (answer["count"], answer["by"]), (1, "provisioned-concurrency"))
    holds("no init in the call", "Init Duration" not in found["Tail"])
    other, found = invoke(function, {})
    equal("of $LATEST", (other["by"], "Init Duration" in found["Tail"]), ("on-demand", True))

    # It follows the alias.
    lam.update_function_code(FunctionName=function, ZipFile=package({**SOURCE, "more.txt": "1"}), Publish=True)
    settled(function, Qualifier="2")
    lam.update_alias(FunctionName=function, Name="live", FunctionVersion="2")
    until("two are ready again", lambda: ready(2))
    answer, found = invoke(function, {}, Qualifier="live")
    equal("of the new one", (answer["count"], found["ExecutedVersion"], answer["by"]), (1, "2", "provisioned-concurrency"))
    listed = lam.list_provisioned_concurrency_configs(FunctionName=function)["ProvisionedConcurrencyConfigs"]
    equal("listed", [item["FunctionArn"].split(":")[-1] for item in listed], ["live"])

    lam.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    refused("weights", INVALID, "Alias with weights can not be used", lam.put_provisioned_concurrency_config,
            ProvisionedConcurrentExecutions=1, **at)
    lam.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    lam.delete_provisioned_concurrency_config(**at)
    refused("gone", "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned", lam.get_provisioned_concurrency_config, **at)


def broken():
    create("broken", {"app.py": "raise RuntimeError('no start')"}, Publish=True)
    function = name("broken")
    at = {"FunctionName": function, "Qualifier": "1"}
    lam.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=1, **at)
    found = until("it fails", lambda: (it := lam.get_provisioned_concurrency_config(**at))["Status"] == "FAILED" and it)
    equal("why", found["StatusReason"], "FUNCTION_ERROR_INIT_FAILURE")


settings()
provisioned()
broken()
print("ok")
