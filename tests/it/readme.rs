//! What README says is true: its console blocks run, and what `rzap init` writes deploys as it is.

use std::fs;

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
fn the_policy_in_the_readme_is_what_the_command_prints() {
    let text = fs::read_to_string(repository().join("README.md")).expect("README.md");
    let block = |language: &str, has: &str| {
        let opening = format!("```{language}\n");
        let blocks = text.split(&opening).skip(1).filter_map(|rest| rest.split("```").next());
        let found = blocks.map(str::to_owned).find(|block| block.contains(has));
        found.unwrap_or_else(|| panic!("no {has} in README.md"))
    };
    let world = World::new().app("guestbook").file("rzap.yaml", &block("yaml", "wsgi: guestbook:app"));
    let printed = world.env("AWS_REGION", "").run("policy --deployer").success();
    assert_eq!(printed.stdout, block("json", "\"Statement\""));
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
