//! Bad input, and exactly what is said about it.

use super::{BASE, Folder, errors, told};
use crate::config::find;

/// Lines added to `BASE`, and "underlined | title | label" of every error.
const ADDED: &[(&str, &[&str])] = &[
    // Keys.
    ("memroy: 512", &["memroy | unknown key `memroy` | did you mean `memory`?"]),
    ("qwertz: 1", &["qwertz | unknown key `qwertz` | rzap has no such key"]),
    ("domain: a.example", &["domain | `domain` is not supported by this version of rzap | "]),
    ("layer: yes", &["yes | `layer` cannot be `yes` | `auto`, or `none`; folders and ARNs go under `layers`"]),
    ("bundle: true", &["bundle | `bundle` does nothing here | it is for Node"]),
    ("layers: ./src", &["./src | `layers` needs a list of texts | this is text"]),
    ("layers: [srk]", &["srk | no folder `srk` | did you mean `src`?"]),
    ("layers: [src, ./src]", &["./src | this layer stands here twice | remove one of them"]),
    (
        "layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:x']",
        &[
            "'arn:aws:lambda:eu-west-1:123456789012:layer:x' | `arn:aws:lambda:eu-west-1:123456789012:layer:x` is not the ARN of a layer version | the version at its end is missing, like `:3`",
        ],
    ),
    (
        "layer: auto\nlayers: [src, src/guest, lib, 'arn:aws:lambda:r:1:layer:x:1', 'arn:aws:lambda:r:1:layer:x:2']",
        &["layers | a function has at most 5 layers | these are 6, the one of `layer: auto` among them"],
    ),
    ("build: ' '", &["' ' | `build` is empty | write a command, like `make`"]),
    ("drop: ['{']", &["'{' | this is not a gitignore pattern | a `{` needs its `}`"]),
    ("extends: dev", &["extends | `extends` cannot stand here | it belongs to a stage"]),
    ("handler: app.f", &["handler | a function has either `wsgi` or `handler` | remove one of them"]),
    (
        "memory: 512\nmemory: 1024\nenv: { AA: 1, AA: 2 }\ntimeout: 0",
        &[
            "memory | `memory` is set twice | first set on line 5",
            "AA | `AA` is set twice | first set on line 7",
            "0 | `timeout` is out of range: Lambda allows 1 to 900 seconds | at least 1",
        ],
    ),
    ("? [a]\n: 1", &["[ | a key has to be text, this one is a list | to write `{` or `[` as text, put it in quotes"]),
    // Types.
    ("memory: '1024'", &["'1024' | `memory` needs a whole number of MB | this is text: remove the quotes"]),
    ("memory: 1.5", &["1.5 | `memory` needs a whole number of MB | this is a number"]),
    ("memory:", &["memory | `memory` needs a whole number of MB | this is empty"]),
    ("timeout: { a: 1 }", &["timeout | `timeout` needs a whole number of seconds | this is a map"]),
    ("description: [x]", &["description | `description` needs text | this is a list"]),
    ("include: 3", &["3 | `include` needs a list of texts | this is a number"]),
    ("description: 12", &["12 | `description` needs text | this is a number: put it in quotes"]),
    ("local: yes", &["yes | `local` needs true or false | did you mean `true`?"]),
    ("protect: 1", &["1 | `protect` needs true or false | this is a number"]),
    ("include: x", &["x | `include` needs a list of texts | this is text"]),
    ("exclude: ['a{']", &["'a{' | this is not a gitignore pattern | a `{` needs its `}`"]),
    ("env: [a]", &["env | `env` needs a map of names and values | this is a list"]),
    ("env: { LOG: { a: b } }", &["LOG | `LOG` needs text | this is a map"]),
    // Limits of AWS.
    ("memory: 64", &["64 | `memory` is out of range: Lambda allows 128 to 10,240 MB | at least 128"]),
    ("memory: 10241", &["10241 | `memory` is out of range: Lambda allows 128 to 10,240 MB | at most 10,240"]),
    ("timeout: 901", &["901 | `timeout` is out of range: Lambda allows 1 to 900 seconds | at most 900"]),
    (
        "ephemeral_storage: 100",
        &["100 | `ephemeral_storage` is out of range: Lambda allows 512 to 10,240 MB | at least 512"],
    ),
    ("log_retention: 45", &["45 | CloudWatch Logs cannot keep a log for exactly 45 days | the nearest it can is 60"]),
    (
        "env: { AWS_REGION: x, A: 1, A-B: 1, _A: 1 }",
        &[
            "AWS_REGION | `AWS_REGION` cannot be an environment variable of a function | Lambda sets it itself",
            "A | `A` cannot be an environment variable of a function | it needs at least two characters",
            "A-B | `A-B` cannot be an environment variable of a function | only letters, digits and `_` are allowed",
            "_A | `_A` cannot be an environment variable of a function | it has to start with a letter",
        ],
    ),
    // Words of AWS.
    ("arch: amd64", &["amd64 | unknown architecture `amd64` | AWS calls it `x86_64`"]),
    ("region: eu-west1", &["eu-west1 | `eu-west1` is not the name of a region | like `eu-west-1`"]),
    ("profile: ''", &["'' | `profile` is empty | "]),
    (
        "http: { /: web }",
        &["http | `http` needs `rest`, `http`, `url`, or a list of routes like `GET /orders` | this is a map"],
    ),
    ("http: rset", &["rset | unknown kind of HTTP front `rset` | did you mean `rest`?"]),
    // Interpolation.
    (
        "description: \"é ${satge} ${HOME}\"",
        &[
            "${satge} | unknown `${satge}` | did you mean `${stage}`?",
            "${HOME} | unknown `${HOME}` | a variable of the environment is `${env.HOME}`; to keep the text, write `$${HOME}`",
        ],
    ),
    ("description: ${region}", &["${region} | `${region}` has no value here | `region` is not set in the config"]),
    ("region: ${env.TOKEN}", &["${env.TOKEN} | `${env.TOKEN}` is not the name of a region | like `eu-west-1`"]),
    // Places.
    ("dir: sorce", &["sorce | no folder `sorce` | looked for it next to `rzap.yaml`"]),
    ("dir: scr", &["scr | no folder `scr` | did you mean `src`?"]),
    ("dir: app.py", &["app.py | `app.py` is not a folder | "]),
    ("dir: ..", &[".. | `..` is not inside the project | write a path relative to `rzap.yaml`, without `..`"]),
    ("dir: /etc", &["/etc | `/etc` is not inside the project | write a path relative to `rzap.yaml`, without `..`"]),
    // YAML.
    ("x: [", &["[ | this bracket is never closed | "]),
    ("x: \"a\n  b", &[" | a quote before this line is still open | close it"]),
    ("x: \"a\ny: 1", &["y | a quote before this line is still open | close it"]),
    ("x: 'it's'", &["s | text goes on after the closing quote | write `''` for a quote inside '…'"]),
    ("x: \"\\d\"", &["\" | double quotes know no such escape | use '…' for text with a backslash"]),
    ("x: 1\n y: 2", &[": | a `:` cannot stand here | check the indentation, or put text with `: ` in quotes"]),
    ("x:\n  a: 1\n b: 2", &["b | this line is indented like nothing before it | align it with the keys it belongs to"]),
    ("x: {a: ${b}}", &["{ | this map does not end well | in `{ }`, text with `{`, `}` or `,` needs quotes"]),
    ("x:\n\ty: 1", &["\t | a tab cannot indent | use spaces"]),
    ("x: a: b", &[": | a `:` cannot stand here | check the indentation, or put text with `: ` in quotes"]),
    ("x: @b", &["@ | a plain text cannot start with this character | put it in quotes"]),
    ("x: *b", &["* | this alias has no anchor | text that starts with `*` needs quotes"]),
    ("x: !Ref y", &["y | the tag `!Ref` means nothing here | tags are not supported"]),
    ("x: &a [*a]", &["*a | this anchor contains itself | "]),
    ("---\napp: b", &["--- | a second YAML document starts here | one file is one app"]),
];

#[test]
fn each_error_underlines_its_cause_and_says_what_to_do() {
    for (added, expected) in ADDED {
        assert_eq!(errors(&format!("{BASE}{added}\n")), *expected, "{added}");
    }
}

#[test]
fn spans_are_right_behind_wide_characters_and_windows_line_ends() {
    for (added, expected) in ADDED {
        // A duplicate's line number is one higher behind the comment.
        let expected: Vec<_> = expected
            .iter()
            .map(|line| line.replace("on line 5", "on line 6").replace("on line 7", "on line 8"))
            .collect();
        let yaml = format!("# é → 🦀\n{BASE}{added}\n").replace('\n', "\r\n");
        assert_eq!(errors(&yaml), expected, "{added}");
    }
}

#[test]
fn a_file_that_is_no_config_is_named_as_what_it_is() {
    let large = vec![b'#'; 1024 * 1024 + 1];
    let cases: [(&[u8], &str); 9] = [
        (b"", "`rzap.yaml` is empty | run `rzap init` for one to start from"),
        (b"# nothing\n", "`rzap.yaml` is empty | run `rzap init` for one to start from"),
        (b"{}", "`rzap.yaml` is empty | run `rzap init` for one to start from"),
        (b"hello", "hello | the file has to be a map of keys | start with `app: NAME`"),
        (b"- a\n- b\n", "a | the file has to be a map of keys | start with `app: NAME`"),
        (b"app: a\nx: \xE4\n", "`rzap.yaml` is not UTF-8: line 2 has a byte that cannot be read | save it as UTF-8"),
        (b"\xFF\xFEa\0", "`rzap.yaml` is UTF-16 | save it as UTF-8"),
        (b"app: \0b\n", "\0 | a control character cannot stand here | remove it"),
        (&large, "`rzap.yaml` is larger than 1 MiB | "),
    ];
    for (bytes, expected) in cases {
        let error = Folder::new().load(bytes).unwrap_err();
        assert_eq!(told(&error), [expected]);
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(errors(&format!("\u{feff}{BASE}memory: 1\n")).len(), 1);
    assert!(errors(&format!("\u{feff}{BASE}memory: 1\n"))[0].starts_with("1 | "));
}

#[test]
fn names_have_a_shape() {
    let yaml = "app: My App\nruntime: python3.13\nfunctions:\n  We_b: { wsgi: app:app }\n  2go: { handler: app.f }\n\
                stages:\n  Pr_*: {}\n  abcdefghijklmnopqrstuvwxyz-12345: {}\n";
    assert_eq!(
        errors(yaml),
        [
            "My App | `My App` cannot be the name of an app | only a-z, 0-9 and `-`; how about `my-app`?",
            "We_b | `We_b` cannot be the name of a function | only a-z, 0-9 and `-`; how about `we-b`?",
            "2go | `2go` cannot be the name of a function | it has to start with a letter",
            "Pr_* | `Pr_*` cannot be the name of a stage | only a-z, 0-9 and `-`; how about `pr-*`?",
            "abcdefghijklmnopqrstuvwxyz-12345 | `abcdefghijklmnopqrstuvwxyz-12345` cannot be the name of a stage | \
             32 characters, at most 30 are allowed",
        ]
    );
}

#[test]
fn what_has_to_be_there_is_asked_for() {
    assert_eq!(
        errors("memory: 128\n"),
        ["memory | the app has no name | add `app: NAME`", "memory | the app has no stage | add `stages: { dev: {} }`",]
    );
    assert_eq!(
        errors("app: a\nstages: { dev: }\n"),
        [
            "app | nothing says what function `main` runs | add `wsgi:`, `asgi:`, `django:`, `handler:`, `bootstrap:`, `cargo:`, `go:` or `image:`"
        ]
    );
    assert_eq!(
        errors("app: a\nstages: [dev]\nfunctions: {}\n"),
        [
            "stages | `stages` needs a map of stages | this is a list",
            "functions | `functions` is empty | name at least one function"
        ]
    );
    assert_eq!(
        errors("app: a\nhandler: app.f\nstages: { dev: }\n"),
        ["app | function `main` has no `runtime` | add it here or at the top level: `runtime: python3.13`"]
    );
}

#[test]
fn stages_extend_what_is_there_and_never_themselves() {
    let stages = |stages: &str| errors(&format!("app: a\nbootstrap: run\nstages:\n{stages}"));
    assert_eq!(stages("  dev: { extends: dev }\n"), ["dev | stage `dev` extends itself | "]);
    assert_eq!(
        stages("  z: { extends: b }\n  b: { extends: c }\n  c: { extends: a }\n  a: { extends: b }\n"),
        ["a | stages extend each other in a circle: a → b → c → a | break the circle here or elsewhere"]
    );
    assert_eq!(
        stages("  dev:\n  prod: { extends: dve }\n  qa: { extends: xyz }\n  ci: { extends: [dev] }\n"),
        [
            "dve | no stage `dve` to extend | did you mean `dev`?",
            "xyz | no stage `xyz` to extend | there is `dev`, `prod`, `qa` and `ci`",
            "extends | `extends` needs the name of a stage | this is a list",
        ]
    );
}

#[test]
fn functions_have_their_place() {
    let yaml = "app: a\nruntime: python3.13\nwsgi: app:app\nfunctions:\n  web: { wsgi: app:app, region: x }\n  \
                api: { wsgi: app:app }\nstages:\n  dev: { http: url, functions: { wbe: { memory: 1 }, web: 3 } }\n";
    assert_eq!(
        errors(yaml),
        [
            "wsgi | `wsgi` belongs to one function | this app has `functions`: move it below one of them",
            "region | `region` cannot stand here | it belongs to the top level or to a stage",
            "http | `http` belongs to one function | this app has `functions`: move it below one of them",
            "wbe | no function `wbe` | did you mean `web`?",
            "1 | `memory` is out of range: Lambda allows 128 to 10,240 MB | at least 128",
            "3 | `web` needs a map of keys | this is a number",
        ]
    );
}

#[test]
fn a_stage_has_one_rest_api() {
    let yaml = "app: a\nruntime: python3.13\nfunctions:\n  web: { wsgi: app:app }\n  api: { wsgi: app:app }\n  \
                job: { handler: app.f, http: rest }\nstages: { dev: }\n";
    assert_eq!(
        errors(yaml),
        [
            "api | `web` and `api` both have `http: rest` | a stage has one REST API: use `http: url` here",
            "rest | `web` and `job` both have `http: rest` | a stage has one REST API: use `http: url` here",
        ]
    );
}

#[test]
fn statements_iam_would_refuse_are_found() {
    let yaml = format!(
        "{BASE}policies:\n  - Effect: allow\n    Action: s3:GetObject\n    Resource: arn:${{aws:username}}\n  \
         - effect: Allow\n    Action: []\n    Ressource: '*'\n  - Principal: '*'\n    Effect: Deny\n    Action: 3\n    \
         NotAction: '*'\n    Resource: ['*', 1]\n    Condition: x\n  - s3:*\n"
    );
    assert_eq!(
        errors(&yaml),
        [
            "allow | unknown effect `allow` | did you mean `Allow`?",
            "${aws:username} | unknown `${aws:username}` | known are app, stage, region, env.NAME, resources.NAME.arn and stack.OUTPUT; to keep the text, write `$${aws:username}`",
            "effect | unknown key `effect` | did you mean `Effect`?",
            "effect | this statement has no `Effect` | add `Effect: Allow`",
            "effect | this statement has no `Resource` | ",
            "Action | `Action` is empty | ",
            "Ressource | unknown key `Ressource` | did you mean `Resource`?",
            "Principal | `Principal` cannot stand in a function's own policy | the principal is always the function's role",
            "NotAction | a statement has either `Action` or `NotAction` | remove one of them",
            "1 | `Resource` needs text | this is a number: put it in quotes",
            "x | `Condition` needs a map | this is text",
            "s3:* | `s3:*` is not the name of a managed policy | like `AmazonS3ReadOnlyAccess`, or `arn:aws:iam::123456789012:policy/NAME`",
        ]
    );
}

#[test]
fn four_kilobytes_of_environment_count_names_and_values_of_all_layers() {
    /// `{"AA":"","BB":""}`
    const JSON: usize = 17;
    let yaml = |length: usize| {
        format!(
            "app: a\nbootstrap: run\nenv: {{ AA: {} }}\nstages: {{ dev: {{ env: {{ BB: {} }} }} }}\n",
            "x".repeat(length),
            "y".repeat(100)
        )
    };
    assert!(super::project(&yaml(4096 - JSON - 100)).is_ok());
    assert_eq!(
        errors(&yaml(4096 - JSON - 99)),
        [
            "env | the environment of `main` has 4,097 bytes | Lambda allows 4,096 for all names and values, written as JSON"
        ]
    );
    // A reference longer than what it stands for is not counted by its own length.
    let short = yaml(4096 - JSON - 100).replace(&"y".repeat(100), &format!("'{}${{env.EMPTY}}'", "y".repeat(100)));
    let (_folder, project) = super::project(&short).unwrap();
    assert!(project.stage_to_show(None).is_ok());
}

#[test]
fn aliases_and_merges_point_at_the_line_to_change() {
    let yaml = "app: a\nruntime: python3.13\nfunctions:\n  web: &web { wsgi: app:app, memory: 99999 }\n  \
                job:\n    <<: *web\n    timeout: 5\n    http: url\nstages: { dev: &d { timeout: 0 }, prod: *d }\n";
    assert_eq!(
        errors(yaml),
        [
            "99999 | `memory` is out of range: Lambda allows 128 to 10,240 MB | at most 10,240",
            "0 | `timeout` is out of range: Lambda allows 1 to 900 seconds | at least 1",
        ]
    );
}

#[test]
fn aliases_of_aliases_end_early() {
    let levels = (1..9).map(|level| {
        let before = format!("*a{}", level - 1);
        format!("b{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", "))
    });
    let yaml: Vec<String> = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned()].into_iter().chain(levels).collect();
    assert_eq!(errors(&yaml.concat()), ["x | this is nested too deeply or repeated too often | "]);
    assert_eq!(errors(&"[".repeat(5000)), ["[ | this is nested too deeply or repeated too often | "]);
}

#[test]
fn nothing_from_the_environment_shows_up_in_an_error() {
    let everywhere = "app: ${env.TOKEN}\nregion: ${env.TOKEN}\nprofile: ${env.TOKEN}\narch: ${env.TOKEN}\n\
                      http: ${env.TOKEN}\ndir: ${env.TOKEN}\nstages: { dev: }\n\
                      policies: [{ Effect: '${env.TOKEN}', Action: x, Resource: x }]\n";
    let entries = ["wsgi", "handler", "bootstrap"];
    let texts = ["${env.TOKEN}", "${env.TOKEN}.${env.TOKEN}", "${env.TOKEN}:x", "/${env.TOKEN}", "${env.TOKEN}.f"];
    let runtimes = ["python3.13", "nodejs22.x", "provided.al2023", "${env.TOKEN}-"];
    for base in ["app: a\nstages: { dev: }\n", everywhere] {
        for (entry, text) in entries.into_iter().flat_map(|entry| texts.map(|text| (entry, text))) {
            for runtime in runtimes {
                let told = errors(&format!("{base}runtime: {runtime}\n{entry}: '{text}'\n"));
                assert!(told.iter().all(|line| !line.contains("s3cret")), "{told:?}");
            }
        }
    }
}

#[test]
fn the_config_is_looked_for_upwards() {
    let folder = Folder::new();
    let deep = folder.path().join("src/guest");
    let error = find(&deep).unwrap_err();
    assert!(error.message.starts_with("no `rzap.yaml` here or in any folder above `"), "{error}");
    assert_eq!(error.hints, ["run `rzap init` to write one, or name the folder with `--project DIR`"]);

    folder.write("rzap.yml", "");
    let error = find(&deep).unwrap_err();
    assert_eq!(error.message, "the config is called `rzap.yaml`, not `rzap.yml`");
    assert!(error.hints[0].starts_with("mv "), "{:?}", error.hints);

    folder.write("rzap.yaml", "");
    assert_eq!(find(&deep).unwrap(), folder.path().canonicalize().unwrap());
    assert!(find(&folder.path().join("nope")).unwrap_err().message.starts_with("cannot open the folder"));
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("rzap.yaml")).unwrap();
    let error = crate::config::load(folder.path(), &|_| None).unwrap_err();
    assert!(error.message.starts_with("cannot read `"), "{error}");
    assert_eq!(error.causes.len(), 1);
}
