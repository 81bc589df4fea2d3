//! When the cloud is not as it should be: no credentials, nobody there, or somebody else's things.
//!
//! Not testable here: an artifact bucket that another account owns. The local cloud, `MiniStack` and moto
//! know one account each (moto's second account needs a role to change into, and its bucket names are
//! not shared). A bucket of our own account that rzap did not make is the nearest, and is tested.

use serde_json::json;

use crate::emulator::{Emulator, free_port};
use crate::faulty::Proxy;
use crate::http;
use crate::world::World;

#[test]
fn missing_credentials_are_exit_4_with_the_command_to_run() {
    let world = World::new().app("hello-python");
    for line in ["deploy dev", "status dev", "update dev", "undeploy dev --yes", "invoke dev", "tail dev"] {
        let output = world.run(line).failure(4);
        output.says(&["no AWS credentials were found", "hint: run `aws configure`"]);
    }
    insta::assert_snapshot!(world.run("status dev --quiet").failure(4).err(), @r"
    error: failed to find out who we are (sts:GetCallerIdentity)
      cause: no AWS credentials were found in the environment, the profile files, SSO or the instance
    hint: run `aws configure` or `aws sso login`, name a profile with `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    hint: `--local` needs no credentials at all
    ");
    insta::assert_snapshot!(world.run("status dev --quiet --profile work").failure(4).err(), @r"
    error: failed to find out who we are (sts:GetCallerIdentity)
      cause: no AWS credentials were found in the environment, the profile files, SSO or the instance
    hint: run `aws configure` or `aws sso login`, name a profile with `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    hint: `--local` needs no credentials at all
    hint: the profile in use is `work`; `aws configure list-profiles` shows which there are
    ");
}

#[test]
fn an_expired_sso_session_names_its_login() {
    let world = World::new().app("hello-python");
    let config = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\nregion = eu-west-1\n\
                  [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n";
    std::fs::create_dir_all(world.root().join("home/.aws")).expect("a folder");
    std::fs::write(world.root().join("home/.aws/config"), config).expect("a file");
    insta::assert_snapshot!(world.run("status dev --quiet --profile work").failure(4).err(), @r"
    error: failed to find out who we are (sts:GetCallerIdentity)
      cause: failed to load the cached SSO token
    hint: run `aws sso login` (with `--profile NAME` when you use one), then run rzap again
    hint: the profile in use is `work`; `aws configure list-profiles` shows which there are
    ");
}

#[test]
fn a_missing_region_is_asked_for() {
    let world = World::new().app("hello-python").keys();
    world.edit("rzap.yaml", "region: eu-west-1\n", "");
    insta::assert_snapshot!(world.run("status dev --quiet").failure(2).err(), @r"
    error: no AWS region is configured
    hint: add `region: eu-west-1` to rzap.yaml, pass `--region`, or set AWS_REGION
    hint: `--local` needs no AWS account at all
    ");
}

#[test]
fn an_endpoint_that_is_not_there_is_named() {
    let world = World::new().app("hello-python").keys();
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let output = world.args(&["status", "dev", "--quiet", "--endpoint-url", &endpoint]).failure(1);
    insta::assert_snapshot!(output.err(), @r"
    error: failed to find out who we are (sts:GetCallerIdentity)
      cause: tcp connect error
      cause: Connection refused (os error 111)
    hint: nothing answers there: check the network, `--endpoint-url`, AWS_ENDPOINT_URL and the region's name
    hint: the endpoint in use is http://127.0.0.1:[port]: does it answer?
    ");
    let by_environment = world.at(&endpoint).run("status dev").failure(1);
    by_environment.says(&["nothing answers there"]);
}

#[test]
fn an_endpoint_that_speaks_something_else_is_not_believed() {
    // API Gateway's address answers, but not as AWS.
    let emulator = Emulator::moto();
    let world = World::new().app("hello-python").keys();
    let endpoint = format!("{}/moto-api/nothing", emulator.endpoint);
    let output = world.args(&["status", "dev", "--endpoint-url", &endpoint]).failure(1);
    assert_eq!(output.stdout, "");
    output.says(&["error: failed to find out who we are", "hint: "]);
}

/// Makes something by hand under a name that the app would need; deploy and undeploy must leave it alone.
fn refused(make: &str, look: &str) -> String {
    let world = World::new().app("hello-python");
    let cloud = world.local();
    cloud.boto(make);
    let seen = || {
        let mut all = cloud.inventory();
        // The lock lies in the artifact bucket, which is made for it when it is missing.
        all["buckets"] = json!(null);
        (cloud.boto(look), all)
    };
    let before = seen();
    let output = world.run("deploy dev --local --quiet").failure(1);
    assert_eq!(seen(), before, "{output}");
    let undeploy = world.run("undeploy dev --local --yes");
    assert_eq!(seen(), before, "{undeploy}");
    output.err()
}

#[test]
fn a_function_of_somebody_else_is_refused_and_untouched() {
    let make = r#"
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
role = client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
client("lambda").create_function(FunctionName="hello-python-dev-web", Runtime="python3.13", Role=role, Handler="app.handler",
                                 Code={"ZipFile": package(app__py="def handler(event, context): return 'theirs'")})
"#;
    let look = r#"
function = client("lambda").get_function(FunctionName="hello-python-dev-web")
answer([function["Configuration"]["CodeSha256"], function["Configuration"]["LastModified"], function.get("Tags", {})])
"#;
    insta::assert_snapshot!(refused(make, look), @r"
    error: the function `hello-python-dev-web` exists, but does not belong to stage `dev` of app `hello-python`: rzap does not touch it
    hint: rename the app, the stage or the function in rzap.yaml, or remove that resource yourself
    ");
}

#[test]
fn a_role_of_somebody_else_is_refused_and_untouched() {
    let make = r#"
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
client("iam").create_role(RoleName="hello-python-dev-web-eu-west-1", AssumeRolePolicyDocument=trust)
"#;
    let look = r#"
role = client("iam").get_role(RoleName="hello-python-dev-web-eu-west-1")["Role"]
answer([role["AssumeRolePolicyDocument"], role.get("Tags", []), client("iam").list_role_policies(RoleName=role["RoleName"])["PolicyNames"]])
"#;
    insta::assert_snapshot!(refused(make, look), @r"
    error: the role `hello-python-dev-web-eu-west-1` exists, but does not belong to stage `dev` of app `hello-python`: rzap does not touch it
    hint: rename the app, the stage or the function in rzap.yaml, or remove that resource yourself
    ");
}

#[test]
fn a_log_group_of_somebody_else_is_refused_and_untouched() {
    let make =
        r#"client("logs").create_log_group(logGroupName="/aws/lambda/hello-python-dev-web", tags={"team": "theirs"})"#;
    let look = r#"answer(client("logs").describe_log_groups()["logGroups"][0].get("retentionInDays"))"#;
    insta::assert_snapshot!(refused(make, look), @r"
    error: the log group `/aws/lambda/hello-python-dev-web` exists, but does not belong to stage `dev` of app `hello-python`: rzap does not touch it
    hint: rename the app, the stage or the function in rzap.yaml, or remove that resource yourself
    ");
}

#[test]
fn an_artifact_bucket_that_rzap_did_not_make_is_refused_and_untouched() {
    let make = r#"
client("s3").create_bucket(Bucket="rzap-000000000000-eu-west-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
client("s3").put_object(Bucket="rzap-000000000000-eu-west-1", Key="thesis.txt", Body=b"mine")
"#;
    let look = r#"answer(client("s3").get_object(Bucket="rzap-000000000000-eu-west-1", Key="thesis.txt")["Body"].read().decode())"#;
    insta::assert_snapshot!(refused(make, look), @r"
    error: the artifact bucket `rzap-000000000000-eu-west-1` exists, but does not belong to stage `dev` of app `hello-python`: rzap does not touch it
    hint: its name comes from the account and the region: empty and remove it, or use another region
    ");
}

#[test]
fn an_api_of_somebody_else_with_our_name_is_left_alone() {
    // Names of APIs are not unique, so this is no reason to refuse: ours is known by its tags.
    let world = World::new().app("multi");
    world.local().boto(r#"client("apigateway").create_rest_api(name="multi-dev", description="theirs")"#);
    world.run("deploy dev --local").success();
    assert_eq!(world.local().inventory()["apis"], json!(["multi-dev", "multi-dev"]));
    world.run("undeploy dev --local --yes").success();
    let left =
        world.local().boto(r#"answer([api["description"] for api in client("apigateway").get_rest_apis()["items"]])"#);
    assert_eq!(left, json!(["theirs"]));
}

#[test]
fn a_package_too_large_is_refused_before_anything_is_made() {
    let world = World::new().app("hello-python");
    let world = world.file("data/note.txt", "small");
    let file = std::fs::File::create(world.project().join("data/model.bin")).expect("a file");
    file.set_len(270 * 1024 * 1024).expect("a sparse file of 270 MiB");
    let output = world.run("deploy dev --local --quiet").failure(1);
    insta::assert_snapshot!(output.stderr, @r"
    error: cannot package web
      cause: the package has 270.1 MB unpacked, 20.1 MB more than the 250.0 MB Lambda allows
      cause: what weighs most:
             data   270.0 MB    100 %
    hint: leave out what is not needed at run time with `exclude` (of dependencies with `drop`), or drop a dependency
    ");
    world.local().is_empty();
}

#[test]
fn a_missing_permission_is_exit_4_and_named() {
    let emulator = Emulator::strict_ministack();
    let actions = ["sts:*", "s3:*", "iam:*", "logs:*", "lambda:Get*", "lambda:List*", "apigateway:*", "scheduler:*"];
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
    let world = World::new().app("hello-python").with_policy(&emulator, &policy);
    let output = world.run("deploy dev").failure(4);
    output
        .says(&["hint: whoever runs rzap needs the permission `lambda:CreateFunction`", "`rzap deploy dev` continues"]);
}

#[test]
fn wrong_keys_are_exit_4() {
    let emulator = Emulator::strict_ministack();
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let world = World::new().app("hello-python").with_policy(&emulator, &policy).env("AWS_SECRET_ACCESS_KEY", "wrong");
    insta::assert_snapshot!(world.run("status dev --quiet").failure(4).err(), @r"
    error: failed to find out who we are (sts:GetCallerIdentity)
      cause: SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
    hint: run `aws configure` or `aws sso login`, name a profile with `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    hint: `aws sts get-caller-identity` shows whether AWS knows your keys
    ");
}

#[test]
fn a_bucket_that_somebody_fills_in_the_last_moment_stays_and_is_not_said_to_be_gone() {
    let world = World::new().app("hello-python");
    world.run("deploy dev --local").success();
    let local = world.local();
    let proxy = Proxy::start(&local.endpoint);
    let object = format!("{}/rzap-000000000000-eu-west-1/other/dev/lock", local.endpoint);
    proxy.rule(move |call| {
        let path = call.path.split('?').next().unwrap_or_default();
        if call.method == "DELETE" && path.trim_matches('/') == "rzap-000000000000-eu-west-1" {
            let object = object.clone();
            let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, Signature=0";
            // This thread has a runtime already.
            let put = std::thread::spawn(move || http::request("PUT", &object, &[("authorization", scope)], "{}"));
            assert_eq!(put.join().expect("no panic").status, 200);
        }
        None
    });
    let world = world.at(&proxy.endpoint);
    let gone = world.run("undeploy dev --yes").success();
    gone.says(&["kept      artifact bucket       rzap-000000000000-eu-west-1"]);
    assert!(!gone.stderr.contains("deleted   artifact bucket"), "{gone}");
    assert_eq!(local.inventory()["buckets"], json!(["rzap-000000000000-eu-west-1"]));
    let again = world.run("undeploy dev --yes --json").success();
    assert_eq!(again.changes(), [""; 0]);
}

#[test]
fn a_route_that_leads_to_no_function_is_a_difference_and_no_obstacle() {
    let world = World::new().app("multi");
    world.run("deploy dev --local").success();
    let local = world.local();
    for integration in ["type='MOCK'", "type='HTTP_PROXY', integrationHttpMethod='GET', uri='https://example.com/'"] {
        local.boto(&format!(
            "it = client('apigateway')\nid = it.get_rest_apis()['items'][0]['id']\n\
             root = [one for one in it.get_resources(restApiId=id)['items'] if one['path'] == '/'][0]['id']\n\
             it.put_integration(restApiId=id, resourceId=root, httpMethod='ANY', {integration})"
        ));
        let status = world.run("status dev --local --json").success().json();
        assert_eq!(status["changes"][0]["kind"], "api", "{status}");
        assert_eq!(world.run("deploy dev --local --json").success().changes(), ["update api"]);
        world.run("status dev --local --check").success();
    }
    local.boto(
        "it = client('apigateway')\nid = it.get_rest_apis()['items'][0]['id']\n\
         for one in it.get_resources(restApiId=id)['items']:\n    \
             it.put_integration(restApiId=id, resourceId=one['id'], httpMethod='ANY', type='MOCK')",
    );
    world.run("undeploy dev --local --yes").success();
    local.is_empty();
}
