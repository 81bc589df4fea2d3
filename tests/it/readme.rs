//! What README says is true: its console blocks run, and what `rzap init` writes deploys as it is.

use std::fs;

use serde_json::Value;

use crate::emulator::Emulator;
use crate::http;
use crate::tools::repository;
use crate::world::World;

/// One command of a console block with the output that README shows for it.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The ```` ```console ```` blocks, each as steps.
fn blocks(text: &str) -> Vec<Vec<Step>> {
    let mut blocks = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        match line.trim_end() {
            "```console" => {
                inside = true;
                blocks.push(Vec::new());
            }
            "```" => inside = false,
            line if inside => {
                let steps = blocks.last_mut().expect("a block was opened");
                if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(Step { line: index + 1, command: command.to_owned(), output: Vec::new() });
                } else {
                    let step =
                        steps.last_mut().unwrap_or_else(|| panic!("README.md:{}: output without a command", index + 1));
                    step.output.push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    blocks
}

/// Whether a line is what README shows; `…` stands for anything.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn the_console_blocks_of_the_readme_do_what_they_show() {
    let text = fs::read_to_string(repository().join("README.md")).expect("README.md");
    let blocks = blocks(&text);
    assert!(blocks.iter().map(Vec::len).sum::<usize>() >= 5, "the blocks were not found");
    // One world for all of them, as for somebody who reads from the top.
    let world = World::new().with_fixtures();
    for block in blocks {
        // Blocks share no variables, but the commands of one do: each runs after those before it, whose
        // output is only looked at in their own turn.
        let mut script = String::new();
        for step in &block {
            let command = step.command.replace("cargo run --release -- ", "rzap ");
            script.push_str(&format!("echo '#README {}'\n{command}\n", step.line));
        }
        let output = world.shell(&format!("set -e\n{script}")).success();
        for step in &block {
            let mark = format!("#README {}\n", step.line);
            let (_, after) =
                output.stdout.split_once(&mark).unwrap_or_else(|| panic!("{step:?} did not run\n{output}"));
            let said: Vec<&str> = after.split("#README").next().unwrap_or_default().lines().collect();
            if step.output.is_empty() {
                // What README does not show is not promised.
                continue;
            }
            let same =
                said.len() == step.output.len() && step.output.iter().zip(&said).all(|(shown, line)| fits(shown, line));
            assert!(
                same,
                "README.md:{}: `{}` shows\n{}\nbut says\n{}",
                step.line,
                step.command,
                step.output.join("\n"),
                said.join("\n")
            );
        }
    }
}

#[test]
fn a_wrong_readme_would_be_found() {
    let text = "```console\n$ one\na\n$ two\n```\n```sh\n$ not this\n```\n";
    let steps = blocks(text);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0][0], Step { line: 2, command: "one".to_owned(), output: vec!["a".to_owned()] });
    assert!(fits("http://…/dev/", "http://127.0.0.1:1/dev/") && fits("a…b…c", "a1b2c") && fits("same", "same"));
    assert!(
        !fits("http://…/dev/", "http://127.0.0.1:1/prod/") && !fits("same", "same and more") && !fits("a…b…c", "ac")
    );
}

#[test]
fn the_permissions_in_the_readme_are_enough() {
    let text = fs::read_to_string(repository().join("README.md")).expect("README.md");
    let policies = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let policies: Vec<Value> = policies.filter_map(|block| serde_json::from_str(block).ok()).collect();
    let mut policy = policies.into_iter().find(|block| block["Statement"].is_array()).expect("a policy in README.md");
    // `MiniStack` takes `*` for the resource of a call that has the name in its body, like CreateFunction.
    // So what is tested is that no action is missing; that it refuses what is not named is tested with
    // the errors.
    for statement in policy["Statement"].as_array_mut().expect("statements") {
        statement["Resource"] = "*".into();
    }
    // It takes GetAlias, UpdateAlias and DeleteAlias for ListAliases; these three stay untested.
    let aliases = serde_json::json!({"Effect": "Allow", "Action": "lambda:ListAliases", "Resource": "*"});
    policy["Statement"].as_array_mut().expect("statements").push(aliases);
    let emulator = Emulator::strict_ministack();
    let world = World::new().app("guestbook").with_policy(&emulator, &policy);
    world.run("deploy dev").success();
    world.run("deploy dev").success();
    world.edit("guestbook.py", "Thank you", "Thanks");
    world.edit("rzap.yaml", "app: guestbook", "app: guestbook\ntimeout: 20");
    world.run("update dev").success();
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    world.write("event.json", r#"{"no": "web event"}"#);
    world.run("invoke dev --payload @event.json").failure(1);
    world.run("tail dev --no-follow").success();
    // Every call of the other kinds of HTTP fronts, too, and those for static files.
    world.edit("rzap.yaml", "http: rest", "http: http\nstatic: true");
    world.run("deploy dev --allow-replace").success();
    emulator.cloud().boto(
        "api = client('apigatewayv2')\nid = api.get_apis()['Items'][0]['ApiId']\nroute = api.get_routes(ApiId=id)['Items'][0]\n\
         api.create_route(ApiId=id, RouteKey='GET /x', Target=route['Target'])\n\
         api.update_route(ApiId=id, RouteId=route['RouteId'], AuthorizationType='AWS_IAM')\n\
         api.update_stage(ApiId=id, StageName='$default', AutoDeploy=False)\n\
         api.create_integration(ApiId=id, IntegrationType='HTTP_PROXY', IntegrationUri='https://example.com')",
    );
    world.run("deploy dev").success();
    world.run("status dev --check").success();
    world.edit("rzap.yaml", "http: http", "http: url\nlayer: auto\nkeep_warm: true");
    world.run("deploy dev --allow-replace").success();
    emulator.cloud().boto(
        "it = client('scheduler').get_schedule(GroupName='guestbook-dev', Name='guestbook-dev-web-warm')\n\
         names = ['Name', 'GroupName', 'ScheduleExpression', 'FlexibleTimeWindow', 'Target']\n\
         client('scheduler').update_schedule(State='DISABLED', **{name: it[name] for name in names})",
    );
    world.run("deploy dev").success();
    world.edit("requirements.txt", "\n", "\nsix==1.17.0\n");
    world.run("update dev").success();
    // Those of parameters and secrets: made, changed, deleted and brought back.
    let some = "app: guestbook\nresources:\n  url: { type: parameter, secure: true, value: a }\n  key: { type: secret, value: a }";
    world.edit("rzap.yaml", "app: guestbook", some);
    world.run("deploy dev").success();
    world.edit("rzap.yaml", "value: a", "value: b");
    world.run("deploy dev").success();
    world.edit("rzap.yaml", "\n  key: { type: secret, value: b }", "");
    world.run("deploy dev --delete-data").success();
    world.edit("rzap.yaml", "resources:", "resources:\n  key: secret");
    world.run("deploy dev").success();
    world.with_stdin("secret set dev key", "c").success();
    // And those that move traffic step by step.
    emulator.cloud().boto(
        "client('cloudwatch').put_metric_alarm(AlarmName='errors', Namespace='Shop', MetricName='errors', Statistic='Sum', \
         Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator='GreaterThanThreshold')",
    );
    let gradual = "app: guestbook\ntraffic: { canary: 50%, for: 1s }\nalarms: [errors]\nsmoke: [GET /, { invoke: web, payload: { rzap: warm } }]";
    world.edit("rzap.yaml", "app: guestbook", gradual);
    world.edit("guestbook.py", "Thanks", "Thank you");
    world.run("update dev").success().says(&["50 % to the new versions", "1 alarm is quiet"]);
    world.run("undeploy dev --yes").success();
    emulator.cloud().is_empty();
}

/// What each template answers at its URL.
fn template(name: &str, expected: &str) {
    let world = World::new();
    let written = world.args(&["init", "shop", "--template", name]).success();
    assert!(written.stdout.contains("wrote the app `shop` into shop"), "{written}");
    let url = world.run("deploy dev --local --project shop --json").success().url();
    let answer = http::get(&format!("{url}/"));
    assert!(answer.status == 200 && answer.text().contains(expected), "{}\n{answer:?}", answer.text());
    world.run("status dev --local --check --project shop").success();

    let again = world.args(&["init", "shop", "--template", name]).failure(2);
    again.says(&["nothing was written"]);
    world.run("undeploy dev --local --yes --project shop").success();
    world.local().is_empty();
}

#[test]
fn the_flask_template_deploys_as_it_is() {
    template("flask", "<h1>It works</h1>");
}

#[test]
fn the_python_template_deploys_as_it_is() {
    template("python", "ello");
}

#[test]
fn the_node_template_deploys_as_it_is() {
    template("node", "ello");
}

#[test]
fn the_bootstrap_template_deploys_as_it_is() {
    template("bootstrap", "ello");
}

#[test]
fn init_without_a_terminal_names_the_templates() {
    let world = World::new();
    insta::assert_snapshot!(world.run("init").failure(2).err(), @r"
    error: which template?
    hint: --template python|flask|django|fastapi|thumbnailer|node|bootstrap
    ");
    insta::assert_snapshot!(world.run("init --template flask").success().out(), @r"
    wrote the app `project` into .
      rzap.yaml
      app.py
      templates/index.html
      requirements.txt
      README.md
      .gitignore

    next:
      rzap deploy dev --local    # runs on this machine, no AWS account needed
      rzap deploy dev            # runs on AWS
    ");
}
