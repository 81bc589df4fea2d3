//! What stands beside the functions: `cloudformation` and state machines, and what texts say of them.

use serde_json::{Value, json};

use super::{Folder, told};

const BASE: &str =
    "app: shop\nruntime: python3.13\nfunctions: { web: { handler: app.main }, charge: { handler: app.pay } }\n";

/// A folder with a template and a definition.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("infra.yaml", "Resources: { Q: { Type: !Sub 'AWS::SQS::Queue' } }\n");
    folder.write(
        "flow.asl.json",
        r#"{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "${Charge}", "TimeoutSeconds": ${Wait}, "End": true}}}"#,
    );
    folder.write(
        "flow.asl.yaml",
        "StartAt: A\nStates:\n  A: { Type: Pass, Comment: '${stage} $${kept} ${stack.Table}', End: true }\n",
    );
    folder.write("broken.json", "{");
    folder
}

fn stage(lines: &str, name: &str) -> crate::config::StageConfig {
    folder().load(format!("{BASE}{lines}")).unwrap().stage(Some(name)).unwrap()
}

fn wrong(lines: &str) -> Vec<String> {
    let folder = folder();
    let checked = folder.load(format!("{BASE}stages: {{ dev: }}\n{lines}")).and_then(|project| project.check());
    told(&checked.unwrap_err())
}

#[test]
fn a_template_is_merged_over_the_places_that_speak_of_it() {
    let lines = "cloudformation: { template: infra.yaml, parameters: { Size: 5, Names: [a, b], Key: '${env.TOKEN}' }, capabilities: [iam] }\n\
                 stages: { dev: , prod: { cloudformation: { parameters: { Size: 9, Key: } } } }\n";
    let dev = stage(lines, "dev").cloudformation.unwrap();
    assert_eq!(serde_json::to_value(&dev.parameters).unwrap(), json!({"Key": "s3cret", "Names": "a,b", "Size": "5"}));
    assert_eq!((dev.capabilities, dev.body.contains("!Sub")), (vec!["CAPABILITY_IAM".to_owned()], true));
    let prod = stage(lines, "prod").cloudformation.unwrap();
    assert_eq!(serde_json::to_value(&prod.parameters).unwrap(), json!({"Names": "a,b", "Size": "9"}));
    let short = stage("cloudformation: infra.yaml\nstages: { dev: }\n", "dev").cloudformation.unwrap();
    assert_eq!(short.path.to_str(), Some("infra.yaml"));
}

#[test]
fn values_of_the_environment_are_not_shown() {
    let lines = "cloudformation: { template: infra.yaml, parameters: { Key: '${env.TOKEN}' } }\nstages: { dev: }\n";
    let shown = folder().load(format!("{BASE}{lines}")).unwrap().stage_to_show(None).unwrap();
    assert_eq!(shown.cloudformation.unwrap().parameters["Key"], "${env.TOKEN}");
}

#[test]
fn what_is_wrong_with_a_template_is_told_at_its_place() {
    assert_eq!(
        wrong("cloudformation: { tempalte: x }"),
        [
            "cloudformation | `cloudformation` needs `template` | like `template: template.yaml`",
            "tempalte | `cloudformation` has no key `tempalte` | did you mean `template`?",
        ]
    );
    assert_eq!(
        wrong("cloudformation: { template: infra.yaml, capabilities: [iamm] }"),
        ["[ | unknown capability `iamm` | did you mean `iam`?"].map(|text| text.replacen('[', "capabilities", 1)),
    );
    assert_eq!(
        wrong("cloudformation: ../infra.yaml"),
        [
            "../infra.yaml | `../infra.yaml` is not inside the project | write a path relative to `rzap.yaml`, without `..`"
        ]
    );
    let [missing] = &wrong("cloudformation: nope.yaml")[..] else { panic!("one problem") };
    assert!(missing.starts_with("nope.yaml | cannot read `nope.yaml` | "), "{missing}");
}

#[test]
fn outputs_stand_where_they_may_and_only_with_a_stack() {
    let env = |lines: &str| format!("{lines}\nenv: {{ AT: '${{stack.Table}}', ME: '${{functions.web.arn}}' }}");
    let dev = stage(&format!("{}\nstages: {{ dev: }}\n", env("cloudformation: infra.yaml")), "dev");
    let said = &dev.functions["web"].env;
    assert_eq!(
        (said["AT"].as_str(), said["ME"].as_str()),
        ("\u{FDD0}@stack.Table\u{FDD1}", "\u{FDD0}@functions.web.arn\u{FDD1}")
    );
    assert_eq!(
        wrong(&env("")),
        [
            "${stack.Table} | there is no stack to have outputs | add `cloudformation: TEMPLATE`, whose stack has this output"
        ]
    );
    assert_eq!(
        wrong(
            "cloudformation: infra.yaml\nlog_retention: 7\ndir: ${stack.Table}\nenv: { AA: '${functions.wbe.arn}', BB: '${functions.web}' }"
        ),
        [
            "${stack.Table} | `${stack.…}` cannot stand here | only `env` and `policies` may speak of the stack's outputs",
            "${functions.wbe.arn} | no function `wbe` | did you mean `web`?",
            "${functions.web} | this does not say what of `web` | there is `arn`, of its alias `live`",
        ]
    );
}

#[test]
fn a_definition_gets_its_substitutions() {
    let lines = "cloudformation: infra.yaml\nresources:\n  pay: { type: state_machine, definition: flow.asl.json, express: true, substitutions: { Charge: \
                 '${functions.charge.arn}', Wait: 30 } }\n  other: { type: state_machine, definition: flow.asl.yaml }\nstages: { dev: }\n";
    let dev = stage(lines, "dev");
    let body = |name: &str| match &dev.resources[name] {
        crate::config::resources::ResourceConfig::StateMachine(machine) => (machine.body.clone(), machine.log.clone()),
        other => panic!("{other:?}"),
    };
    let (pay, log) = body("pay");
    assert_eq!(pay["States"]["Pay"]["Resource"], "\u{FDD0}@functions.charge.arn\u{FDD1}");
    assert_eq!((&pay["States"]["Pay"]["TimeoutSeconds"], log.as_str()), (&json!(30), "ERROR"));
    let (other, log) = body("other");
    assert_eq!(other["States"]["A"]["Comment"], "dev ${kept} \u{FDD0}@stack.Table\u{FDD1}");
    assert_eq!(log, "OFF");
}

#[test]
fn what_is_wrong_with_a_definition_is_told() {
    let machine = |more: &str| wrong(&format!("resources: {{ pay: {{ type: state_machine, {more} }} }}"));
    assert_eq!(
        machine("definition: flow.asl.json, substitutions: { Chrage: x, Wait: 1 }"),
        ["flow.asl.json | the definition speaks of `${Charge}`: unknown `${Charge}` | did you mean `${Chrage}`?"]
    );
    assert_eq!(
        machine("definition: flow.asl.json, substitutions: { Charge: '${env.TOKEN}', Wait: 1 }"),
        [
            "'${env.TOKEN}' | `${env.…}` cannot stand here | plans show definitions: give it to a function, or keep it in a secret"
        ]
    );
    assert_eq!(
        machine("definition: infra.yaml, log: verbose"),
        ["verbose | unknown log level `verbose` | there is `all`, `error`, `fatal` and `off`"]
    );
    assert!(machine("definition: broken.json")[0].starts_with("broken.json | `broken.json` cannot be read as JSON | "));
    assert_eq!(machine("log: off"), ["pay | a state machine needs `definition` | like `definition: flow.asl.json`"]);
}

#[test]
fn the_local_cloud_is_spared_what_it_does_not_have() {
    let lines = "cloudformation: infra.yaml\nresources:\n  jobs: queue\n  flow: { type: state_machine, definition: flow.asl.yaml }\n\
                 uses: [jobs, flow]\nenv: { AA: one, BB: '${resources.flow.arn}', CC: 'x ${stack.T}', DD: '${resources.jobs.arn}' }\n\
                 policies:\n  - { Effect: Allow, Action: 'x:Y', Resource: ['${stack.T}'] }\n  - { Effect: Allow, Action: 'x:Y', Resource: '*' }\n\
                 stages: { dev: }\n";
    let local = stage(lines, "dev").for_local_cloud();
    assert_eq!(local.left_out, ["resources.flow", "cloudformation"]);
    let web = &local.functions["web"];
    assert_eq!(web.env.keys().collect::<Vec<_>>(), ["AA", "DD"]);
    assert!(web.uses.keys().eq(["jobs"]) && web.policies.len() == 1);
    assert!(local.cloudformation.is_none() && !local.resources.contains_key("flow"));
    let nothing: Vec<Value> = Vec::new();
    assert_eq!(serde_json::to_value(&local).unwrap()["left_out"].as_array().unwrap_or(&nothing).len(), 2);
}
