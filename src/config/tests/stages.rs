//! Good input, and what becomes of it.

use std::collections::BTreeMap;

use super::{BASE, Folder, project, told};
use crate::config::stage::{Arch, Entry, Http, StageConfig};

fn stage(yaml: &str, name: &str) -> StageConfig {
    let (_folder, project) = project(yaml).unwrap();
    project.stage(Some(name)).unwrap()
}

#[test]
fn four_lines_are_an_app() {
    let (folder, project) = project(BASE).unwrap();
    let stage = project.stage(None).unwrap();
    assert_eq!((stage.app.as_str(), stage.stage.as_str()), ("shop", "dev"));
    assert_eq!(stage.root, folder.path().canonicalize().unwrap());
    assert_eq!(stage.functions.keys().collect::<Vec<_>>(), ["web"]);
    let web = &stage.functions["web"];
    assert_eq!((web.memory, web.timeout, web.ephemeral_storage, web.log_retention), (512, 30, 512, 30));
    assert_eq!((web.arch, web.http, &web.entry), (Arch::X86_64, Some(Http::Rest), &Entry::Wsgi("app:app".to_owned())));
    assert_eq!(web.source.dir, stage.root);
}

#[test]
fn the_only_function_is_called_after_what_it_is() {
    let named = |yaml: &str| stage(yaml, "dev").functions.into_keys().next().unwrap();
    assert_eq!(named("app: a\nbootstrap: run\nstages: { dev: }\n"), "main");
    assert_eq!(named("app: a\nbootstrap: run\nhttp: url\nstages: { dev: }\n"), "web");
    assert_eq!(named("app: a\nbootstrap: run\nstages: { dev: , prod: { http: url } }\n"), "web");
}

#[test]
fn a_ready_executable_brings_its_runtime() {
    let runtime = |yaml: &str| stage(yaml, "dev").functions["job"].runtime.clone();
    assert_eq!(
        runtime("app: a\nruntime: python3.13\nfunctions: { job: { bootstrap: run } }\nstages: { dev: }\n"),
        "provided.al2023"
    );
    assert_eq!(
        runtime("app: a\nfunctions: { job: { bootstrap: run, runtime: provided.al2 } }\nstages: { dev: }\n"),
        "provided.al2"
    );
}

#[test]
fn handlers_are_found_the_way_the_runtimes_find_them() {
    for (runtime, handler) in [
        ("python3.13", "app.f"),
        ("python3.13", "src.jobs.f"),
        ("python3.13", "src/jobs.f"),
        ("python3.13", "src.guest.f"),
        ("nodejs22.x", "main.f"),
        ("nodejs22.x", "lib/deep.a.b"),
        ("java21", "com.example.Handler::handleRequest"),
    ] {
        let yaml = format!("app: a\nruntime: {runtime}\nhandler: {handler}\nstages: {{ dev: }}\n");
        assert_eq!(stage(&yaml, "dev").functions["main"].entry, Entry::Handler(handler.to_owned()));
    }
    let web = stage(&format!("{}dir: src\n", BASE.replace("app:app", "guest:app")), "dev").functions["web"].clone();
    assert!(web.source.dir.ends_with("src"));
}

/// One number per place, so that the value says which place won.
#[test]
fn one_function_beats_all_functions_and_one_stage_beats_all_stages() {
    let yaml = |top: &str, stage: &str, function: &str, both: &str| {
        format!(
            "app: a\n{top}functions: {{ job: {{ bootstrap: run{function} }}, other: {{ bootstrap: run }} }}\n\
             stages: {{ dev: {{ {stage}functions: {{ job: {{ {both} }} }} }}, plain: }}\n"
        )
    };
    let (top, wide, function, both) = ("memory: 201\n", "memory: 202, ", ", memory: 203", "memory: 204");
    for (yaml, expected) in [
        (yaml(top, wide, function, both), 204),
        (yaml(top, wide, function, ""), 203),
        (yaml(top, wide, "", ""), 202),
        (yaml(top, "", "", ""), 201),
        (yaml("", "", "", ""), 512),
    ] {
        assert_eq!(stage(&yaml, "dev").functions["job"].memory, expected, "{yaml}");
    }
    let everything = yaml(top, wide, function, both);
    assert_eq!(stage(&everything, "dev").functions["other"].memory, 202);
    assert_eq!(stage(&everything, "plain").functions["job"].memory, 203);
    assert_eq!(stage(&everything, "plain").functions["other"].memory, 201);
}

#[test]
fn a_stage_overrides_the_only_function() {
    let yaml =
        format!("{}memory: 256\n", BASE.replace("dev:", "dev: , prod: { memory: 1024, http: url, region: us-east-1 }"));
    let prod = stage(&yaml, "prod");
    assert_eq!((prod.functions["web"].memory, prod.functions["web"].http), (1024, Some(Http::Url)));
    assert_eq!(prod.region.as_deref(), Some("us-east-1"));
    assert_eq!(stage(&yaml, "dev").functions["web"].memory, 256);
}

#[test]
fn stages_inherit_from_the_stage_they_extend() {
    let yaml = "app: a\nbootstrap: run\nfunctions: { job: { bootstrap: run } }\nstages:\n  \
                base: { protect: true, region: eu-west-1, memory: 300, functions: { job: { timeout: 7 } } }\n  \
                mid: { extends: base, memory: 400, local: true }\n  top: { extends: mid, protect: false, timeout: 9 }\n"
        .replace("app: a\nbootstrap: run\n", "app: a\n");
    let top = stage(&yaml, "top");
    assert_eq!((top.local, top.protect, top.region.as_deref()), (true, false, Some("eu-west-1")));
    assert_eq!((top.functions["job"].memory, top.functions["job"].timeout), (400, 7));
}

#[test]
fn env_is_merged_by_name_and_lists_are_replaced() {
    let yaml = "app: a\nenv: { AA: top, BB: top, CC: top, DD: top }\nexclude: [a, b]\nfunctions:\n  \
                job: { bootstrap: run, env: { BB: function, NO: no, ON: true, VER: 1.10, ID: 0123, HEX: 0x10, EMPTY: '' } }\n\
                stages:\n  dev: { env: { BB: stage, CC: stage, DD: }, exclude: [c] }\n"
        .replace("\\\n", "\n");
    let job = stage(&yaml, "dev").functions["job"].clone();
    let expected = [
        ("AA", "top"),
        ("BB", "function"),
        ("CC", "stage"),
        ("NO", "no"),
        ("ON", "true"),
        ("VER", "1.10"),
        ("ID", "0123"),
        ("HEX", "0x10"),
        ("EMPTY", ""),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(job.env, expected);
    assert_eq!(job.source.exclude, ["c"]);
}

#[test]
fn text_is_filled_in_per_stage() {
    let yaml = format!(
        "{}region: eu-west-1\ndescription: ${{app}} on ${{stage}} in ${{region}} for $${{me}}\n\
         env: {{ DB: '${{stage}}.db', SECRET: 'x${{env.TOKEN}}', LEVEL: '${{env.NOPE:-info}}' }}\n",
        BASE.replace("dev:", "'pr-*':")
    );
    let (_folder, project) = project(&yaml).unwrap();
    let stage = project.stage(Some("pr-41")).unwrap();
    assert_eq!(stage.stage, "pr-41");
    let web = &stage.functions["web"];
    assert_eq!(web.description.as_deref(), Some("shop on pr-41 in eu-west-1 for ${me}"));
    assert_eq!([&web.env["DB"], &web.env["SECRET"], &web.env["LEVEL"]], ["pr-41.db", "xs3cret", "info"]);

    let shown = project.stage_to_show(Some("pr-41")).unwrap();
    assert_eq!(shown.functions["web"].env["SECRET"], "x${env.TOKEN}");
    assert!(!format!("{project:?}").contains("s3cret"));
}

#[test]
fn a_missing_variable_matters_to_its_own_stage_only() {
    let yaml = BASE.replace("dev:", "dev: , prod: { env: { KEY: '${env.NOPE}', OK: x } }");
    let (_folder, project) = project(&yaml).unwrap();
    assert!(project.stage(Some("dev")).is_ok());
    let error = project.stage(Some("prod")).unwrap_err();
    let expected = "${env.NOPE} | the environment variable `NOPE` is not set | set it, or write `${env.NOPE:-DEFAULT}`";
    assert_eq!(told(&error), [expected]);
    let looked = project.stage_to_look_at(Some("prod")).unwrap();
    assert_eq!(looked.functions["web"].env.keys().collect::<Vec<_>>(), ["OK"]);
}

#[test]
fn looking_at_a_stage_takes_no_code() {
    let folder = Folder::new();
    let project = folder.load("app: a\nbootstrap: not/built\ndir: nowhere\nstages: { dev: }\n").unwrap();
    assert_eq!(told(&project.check().unwrap_err()).len(), 1);
    assert_eq!(told(&project.stage(None).unwrap_err()).len(), 1);
    assert_eq!(project.stage_to_look_at(None).unwrap().functions.len(), 1);

    // What it runs is not known, and a deploy's error says why.
    let project = folder.load("app: a\nbootstrap: '${env.NOPE}'\nstages: { dev: }\n").unwrap();
    assert!(told(&project.stage_to_look_at(None).unwrap_err())[0].contains("`NOPE` is not set"));

    // With an error in the text, the files' errors are told along with it.
    assert_eq!(told(&folder.load("app: a\nbootstrap: not/built\nmemory: 1\nstages: { dev: }\n").unwrap_err()).len(), 2);
}

#[test]
fn an_account_id_in_a_policy_keeps_its_digits() {
    let yaml = format!(
        "{BASE}policies:\n  - Effect: Allow\n    Action: [s3:GetObject]\n    Resource: 'arn:aws:s3:::${{stage}}-x/$${{aws:username}}'\n    \
         Condition: {{ StringEquals: {{ 'aws:PrincipalAccount': 012345678901 }}, Bool: {{ 'aws:SecureTransport': true }} }}\n"
    );
    let web = stage(&yaml, "dev").functions["web"].clone();
    let expected = r#"[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::dev-x/${aws:username}","Condition":{"StringEquals":{"aws:PrincipalAccount":"012345678901"},"Bool":{"aws:SecureTransport":"true"}}}]"#;
    assert_eq!(serde_json::to_string(&web.policies).unwrap(), expected);
}

#[test]
fn a_stage_is_named_exactly_or_by_the_longest_pattern() {
    let yaml = "app: a\nbootstrap: run\nstages:\n  '*': { memory: 200 }\n  'pr-*': { memory: 300 }\n  \
                '*-41': { memory: 400 }\n  pr-7: { memory: 500 }\n  dev: { memory: 600 }\n";
    let (_folder, named) = project(yaml).unwrap();
    assert_eq!(named.stage_names(), ["*", "pr-*", "*-41", "pr-7", "dev"]);
    for (name, memory) in [("pr-7", 500), ("pr-8", 300), ("pr-41", 300), ("x-41", 400), ("x", 200), ("dev", 600)] {
        let stage = named.stage(Some(name)).unwrap();
        assert_eq!((stage.stage.as_str(), stage.functions["main"].memory), (name, memory));
    }
    let refused = |name| told(&named.stage(name).unwrap_err());
    assert_eq!(refused(Some("pr-*")), ["`pr-*` cannot be the name of a stage | only a-z, 0-9 and `-`, no `*`"]);
    assert_eq!(
        refused(Some("PR_1")),
        ["`PR_1` cannot be the name of a stage | only a-z, 0-9 and `-`; how about `pr-1`?"]
    );
    assert_eq!(refused(None), ["which stage? | name one: `*`, `pr-*`, `*-41`, `pr-7` and `dev`"]);

    let (_folder, two) = project("app: a\nbootstrap: run\nstages: { dev: , prod: }\n").unwrap();
    assert_eq!(told(&two.stage(Some("dve")).unwrap_err()), ["no stage `dve` | did you mean `dev`?"]);
    assert_eq!(told(&two.stage(Some("other")).unwrap_err()), ["no stage `other` | there is `dev` and `prod`"]);
    let (_folder, pattern) = project("app: a\nbootstrap: run\nstages: { 'pr-*': }\n").unwrap();
    assert_eq!(told(&pattern.stage(None).unwrap_err()), ["which stage? | name one: `pr-*`"]);
}

#[test]
fn the_resolved_stage_is_written_as_yaml() {
    let yaml = format!(
        "{BASE}env: {{ VER: 1.10, YES: 'yes', NUM: 0123 }}\nexclude: ['*.md']\nregion: eu-west-1\nprotect: true\n"
    );
    let text = serde_yaml::to_string(&stage(&yaml, "dev")).unwrap();
    insta::assert_snapshot!(text, @r#"
    app: shop
    stage: dev
    region: eu-west-1
    local: false
    protect: true
    functions:
      web:
        name: web
        runtime: python3.13
        arch: x86_64
        entry:
          wsgi: app:app
        memory: 512
        timeout: 30
        ephemeral_storage: 512
        env:
          NUM: "0123"
          VER: "1.10"
          "YES": "yes"
        http: rest
        log_retention: 30
        policies: []
        role: own
        source:
          exclude:
          - "*.md"
          include: []
    "#);
    // Whoever reads it back gets text where there was text.
    let back: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(back["functions"]["web"]["env"], serde_json::json!({ "VER": "1.10", "YES": "yes", "NUM": "0123" }));
}
