"""Lambda through boto3: a client nobody here wrote, against the local cloud.

Usage: lambda.py ENDPOINT. Prints a line per topic; ends with 1 and a sentence at the first deviation
from AWS. It makes its own roles and removes what it made.
"""

import lambda_control
import lambda_layers
import lambda_running
import lambda_weights
from lambda_kit import ROLES, iam, lam, layers, made, refused


def clean_up():
    for function in made:
        lam.delete_function(FunctionName=function)
    refused("deleted function", "ResourceNotFoundException", "Function not found", lam.invoke, FunctionName=made[0])
    for layer, number in layers:
        lam.delete_layer_version(LayerName=layer, VersionNumber=number)
    for role in ROLES:
        iam.delete_role(RoleName=role)


for topic in [
    lambda_control.create_and_states,
    lambda_control.validation,
    lambda_control.versions_and_aliases,
    lambda_control.permissions,
    lambda_control.urls_tags_limits,
    lambda_running.kinds_of_invocation,
    lambda_running.logs_and_tail,
    lambda_running.timeout_and_crash,
    lambda_running.init_errors,
    lambda_running.concurrency,
    lambda_running.isolation,
    lambda_running.own_runtimes,
    lambda_running.node,
    lambda_running.new_code_runs_at_once,
    lambda_weights.what_may_be_asked,
    lambda_weights.every_way_in,
    lambda_weights.one_draw_per_event,
    lambda_layers.versions_of_layers,
    lambda_layers.lists_of_layers,
    lambda_layers.what_functions_have,
    lambda_layers.limits,
    lambda_layers.python,
    lambda_layers.node,
    lambda_layers.own_runtimes,
    lambda_layers.deleted_and_frozen,
    lambda_control.not_supported,
    clean_up,
]:
    topic()
    print(f"lambda: {topic.__name__.replace('_', ' ')}")
