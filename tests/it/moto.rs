//! The control plane on moto, which others wrote; it keeps accounts and runs no code.
//!
//! What moto 5.2.5 gets wrong, and what that means here:
//! - `PutRestApi` stores `x-amazon-apigateway-any-method` as a method of that name and drops the binary
//!   media types. So on moto, and only there, `status` sees a difference in the API for ever.
//! - `PublishVersion` makes a version even when nothing changed, so versions are not compared.
//! - Invoke echoes; function URLs do not exist. Both are tested in `local` and `ministack`.

use serde_json::json;

use crate::emulator::Emulator;
use crate::world::World;

#[test]
fn the_control_plane_story_on_moto() {
    let emulator = Emulator::moto();
    let cloud = emulator.cloud();
    let world = World::new().app("guestbook").at(&emulator.endpoint);

    let first = world.run("deploy dev --json").success();
    assert_eq!(
        first.changes(),
        ["create api", "create artifact", "create bucket", "create function", "create log_group", "create role"]
    );
    assert_eq!(first.json()["functions"][0]["version"], "1");

    // In sync but for the API, and there exactly in what moto stores wrongly.
    let status = world.run("status dev --check --json").failure(3);
    assert_eq!(status.changes(), ["update api"]);
    let fields: Vec<_> = status.json()["changes"][0]["differences"]
        .as_array()
        .expect("differences")
        .iter()
        .map(|difference| difference["field"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        fields,
        [
            "binary[]",
            "deployed",
            "routes.ANY /",
            "routes.ANY /{proxy+}",
            "routes.X-AMAZON-APIGATEWAY-ANY-METHOD /",
            "routes.X-AMAZON-APIGATEWAY-ANY-METHOD /{proxy+}"
        ]
    );

    let second = world.run("deploy dev --json").success();
    assert_eq!(second.changes(), ["update api"], "{second}");
    assert_eq!(cloud.inventory()["apis"], json!(["guestbook-dev"]));

    world.edit("guestbook.py", "Thank you, {name}!", "Thanks, {name}!");
    let update = world.run("update dev --json").success();
    assert_eq!(update.changes(), ["update function"]);

    cloud.boto("client('lambda').update_function_configuration(FunctionName='guestbook-dev-web', MemorySize=256)");
    assert_eq!(world.run("status dev --json").success().changes(), ["update api", "update function"]);
    assert_eq!(world.run("deploy dev --json").success().changes(), ["update api", "update function"]);

    // Every call that ends in an inventory of nothing is one that moto understood as we do.
    world.run("undeploy dev --yes").success();
    cloud.is_empty();
}

#[test]
fn what_moto_knows_of_a_stage_is_what_aws_would_know() {
    let emulator = Emulator::moto();
    let world = World::new().app("guestbook").at(&emulator.endpoint);
    world.run("deploy dev").success();
    let seen = emulator.cloud().boto(
        r#"
function = client("lambda").get_function(FunctionName="guestbook-dev-web")
role = client("iam").get_role(RoleName="guestbook-dev-web-eu-west-1")["Role"]
policies = every("iam", "list_role_policies", "PolicyNames", RoleName=role["RoleName"])
document = client("iam").get_role_policy(RoleName=role["RoleName"], PolicyName=policies[0])["PolicyDocument"]
s3, bucket = client("s3"), "rzap-123456789012-eu-west-1"
answer({
    "configuration": {key: function["Configuration"][key] for key in ("Handler", "Runtime", "MemorySize", "Timeout", "PackageType")},
    "tags": function["Tags"],
    "role tags": {tag["Key"]: tag["Value"] for tag in role["Tags"]},
    "trust": role["AssumeRolePolicyDocument"]["Statement"],
    "policy": document["Statement"],
    "log group": [(group["logGroupName"], group["retentionInDays"]) for group in every("logs", "describe_log_groups", "logGroups")],
    "public": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
    "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"],
    "region": s3.get_bucket_location(Bucket=bucket)["LocationConstraint"],
    "lifecycle": [rule["Status"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]],
})
"#,
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&seen).expect("JSON"), @r#"
    {
      "configuration": {
        "Handler": "rzap_handler.handler",
        "MemorySize": 512,
        "PackageType": "Zip",
        "Runtime": "python3.13",
        "Timeout": 30
      },
      "encryption": {
        "SSEAlgorithm": "AES256"
      },
      "lifecycle": [
        "Enabled",
        "Enabled"
      ],
      "log group": [
        [
          "/aws/lambda/guestbook-dev-web",
          30
        ]
      ],
      "policy": [
        {
          "Action": [
            "logs:CreateLogStream",
            "logs:PutLogEvents"
          ],
          "Effect": "Allow",
          "Resource": [
            "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/guestbook-dev-web:*"
          ],
          "Sid": "WriteOwnLogs"
        }
      ],
      "public": {
        "BlockPublicAcls": true,
        "BlockPublicPolicy": true,
        "IgnorePublicAcls": true,
        "RestrictPublicBuckets": true
      },
      "region": "eu-west-1",
      "role tags": {
        "rzap:app": "guestbook",
        "rzap:stage": "dev"
      },
      "tags": {
        "rzap:app": "guestbook",
        "rzap:function": "web",
        "rzap:stage": "dev"
      },
      "trust": [
        {
          "Action": "sts:AssumeRole",
          "Effect": "Allow",
          "Principal": {
            "Service": "lambda.amazonaws.com"
          }
        }
      ]
    }
    "#);
}
