"""Secrets Manager through boto3: python secretsmanager.py http://127.0.0.1:PORT

Ends with 1 and a sentence at the first deviation from AWS. It removes what it made.
"""

import datetime
import string
import uuid

import lambda_kit
from lambda_kit import client, name


def equal(found, wanted, what):
    lambda_kit.equal(what, found, wanted)


def holds(condition, what):
    lambda_kit.holds(what, condition)


def refused(code, call, *values, **arguments):
    what = f"{call.__name__} {values} {sorted(arguments)}"
    lambda_kit.refused(what, code, "", lambda: call(*values, **arguments))


secrets = client("secretsmanager")
ONE = name("app") + "/dev/one"
PREFIX = ONE.rsplit("/", 1)[0]


def value(secret=ONE, **more):
    return secrets.get_secret_value(SecretId=secret, **more)


def stages():
    listed = secrets.list_secret_version_ids(SecretId=ONE)["Versions"]
    return {version["VersionId"]: sorted(version["VersionStages"]) for version in listed}


def creates():
    made = secrets.create_secret(Name=ONE, Tags=[{"Key": "team", "Value": "x"}], Description="d")
    holds("VersionId" not in made, "a secret without a value has no version")
    equal(made["ARN"].rsplit("-", 1)[0].split(":", 6)[6], ONE, "the ARN")
    equal(len(made["ARN"].rsplit("-", 1)[1]), 6, "six characters")
    refused("ResourceNotFoundException", value)
    refused("ResourceExistsException", secrets.create_secret, Name=ONE, SecretString="x")
    refused("ValidationException", secrets.create_secret, Name="a b", SecretString="x")
    refused("ResourceNotFoundException", value, "none")
    return made["ARN"]


def versions(arn):
    first = str(uuid.uuid4())
    put = secrets.put_secret_value(SecretId=ONE, SecretString="v1", ClientRequestToken=first)
    equal((put["VersionId"], put["VersionStages"]), (first, ["AWSCURRENT"]), "the caller's id")
    # The same call again is no other; the same id for another value is refused.
    secrets.put_secret_value(SecretId=ONE, SecretString="v1", ClientRequestToken=first)
    refused("ResourceExistsException", secrets.put_secret_value, SecretId=ONE, SecretString="v2", ClientRequestToken=first)
    refused("InvalidParameterException", secrets.put_secret_value, SecretId=ONE)
    second = secrets.put_secret_value(SecretId=arn, SecretString="v2")["VersionId"]
    equal(stages(), {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}, "stages")
    equal(value()["SecretString"], "v2", "the current one")
    equal(value(VersionStage="AWSPREVIOUS")["SecretString"], "v1", "the previous one")
    equal(value(VersionId=first)["VersionStages"], ["AWSPREVIOUS"], "by id")
    equal(value(arn)["Name"], ONE, "by ARN")
    equal(value(arn.rsplit("-", 1)[0])["Name"], ONE, "by an ARN without its end")
    refused("ResourceNotFoundException", value, VersionStage="NONE")
    refused("ResourceNotFoundException", value, VersionId=str(uuid.uuid4()))
    third = secrets.update_secret(SecretId=ONE, SecretBinary=b"\x00\x01", Description="e")["VersionId"]
    equal(value()["SecretBinary"], b"\x00\x01", "bytes")
    equal(stages(), {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}, "three versions, two that count")
    all_of_them = secrets.list_secret_version_ids(SecretId=ONE, IncludeDeprecated=True)["Versions"]
    equal(len(all_of_them), 3, "and one that does not")
    fourth = secrets.put_secret_value(SecretId=ONE, SecretString="v4", VersionStages=["next"])["VersionId"]
    equal(value()["VersionId"], third, "a version with a stage of its own changes nothing")
    refused("InvalidParameterException", secrets.update_secret_version_stage, SecretId=ONE, VersionStage="AWSCURRENT", MoveToVersionId=fourth)
    secrets.update_secret_version_stage(SecretId=ONE, VersionStage="AWSCURRENT", MoveToVersionId=fourth, RemoveFromVersionId=third)
    equal(stages(), {third: ["AWSPREVIOUS"], fourth: ["AWSCURRENT", "next"]}, "moved by hand")
    found = secrets.batch_get_secret_value(SecretIdList=[ONE, "none"])
    equal([item["SecretString"] for item in found["SecretValues"]], ["v4"], "several")
    equal([item["ErrorCode"] for item in found["Errors"]], ["ResourceNotFoundException"], "those that are not there")


def lists():
    for number in range(3):
        secrets.create_secret(Name=f"{PREFIX}/more-{number}", SecretString="x")
    pages = secrets.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [PREFIX]}], MaxResults=2)
    names = [item["Name"] for page in pages for item in page["SecretList"]]
    equal(sorted(names), sorted([ONE] + [f"{PREFIX}/more-{number}" for number in range(3)]), "a list")
    one = secrets.list_secrets(Filters=[{"Key": "name", "Values": [ONE]}])["SecretList"][0]
    equal((one["Description"], one["Tags"]), ("e", [{"Key": "team", "Value": "x"}]), "what a list says")
    holds("AWSCURRENT" in str(one["SecretVersionsToStages"]) and "SecretString" not in one, "and what not")
    secrets.tag_resource(SecretId=ONE, Tags=[{"Key": "b", "Value": "2"}])
    secrets.untag_resource(SecretId=ONE, TagKeys=["team"])
    equal(secrets.describe_secret(SecretId=ONE)["Tags"], [{"Key": "b", "Value": "2"}], "tags")


def deletions():
    gone = secrets.delete_secret(SecretId=ONE, RecoveryWindowInDays=7)
    days = (gone["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400
    holds(6.9 < days < 7.1, f"seven days, not {days}")
    refused("InvalidRequestException", value)
    refused("InvalidRequestException", secrets.put_secret_value, SecretId=ONE, SecretString="x")
    refused("InvalidRequestException", secrets.delete_secret, SecretId=ONE)
    refused("InvalidRequestException", secrets.create_secret, Name=ONE, SecretString="x")
    filters = [{"Key": "name", "Values": [ONE]}]
    equal(secrets.list_secrets(Filters=filters)["SecretList"], [], "a deleted one is not listed")
    equal(len(secrets.list_secrets(Filters=filters, IncludePlannedDeletion=True)["SecretList"]), 1, "unless asked for")
    holds("DeletedDate" in secrets.describe_secret(SecretId=ONE), "and says so")
    secrets.restore_secret(SecretId=ONE)
    equal(value()["SecretString"], "v4", "restored with its value")
    refused("InvalidParameterException", secrets.delete_secret, SecretId=ONE, RecoveryWindowInDays=6)
    refused("InvalidParameterException", secrets.delete_secret, SecretId=ONE, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
    for secret in [ONE] + [f"{PREFIX}/more-{number}" for number in range(3)]:
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", secrets.describe_secret, SecretId=ONE)


def passwords():
    def password(**more):
        return secrets.get_random_password(**more)["RandomPassword"]
    one = password()
    holds(len(one) == 32 and one != password(), "32 characters, never the same")
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, string.punctuation)
    holds(all(set(one) & set(kind) for kind in kinds), f"one of each kind: {one}")
    plain = password(PasswordLength=500, ExcludePunctuation=True, ExcludeCharacters="0Ol1")
    holds(len(plain) == 500 and plain.isalnum() and not set(plain) & set("0Ol1"), "what is left out is left out")
    refused("InvalidParameterException", password, PasswordLength=3)
    # What the local cloud does not know it says.
    refused("NotImplemented", secrets.rotate_secret, SecretId="x")


arn = creates()
versions(arn)
lists()
deletions()
passwords()
print("ok")
