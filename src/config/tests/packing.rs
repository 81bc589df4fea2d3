//! What is packed, and images and projects that rzap builds.

use std::path::PathBuf;

use super::{Folder, errors};
use crate::config::stage::{Entry, FunctionConfig, Image, Layer};

fn main_of(folder: &Folder, yaml: &str) -> FunctionConfig {
    folder.load(yaml).unwrap().stage(None).unwrap().functions["main"].clone()
}

#[test]
fn a_rust_or_go_project_says_itself_what_it_is() {
    let folder = Folder::new();
    folder.write("rust/Cargo.toml", "");
    folder.write("go/go.mod", "");
    folder.write("go/cmd/web/main.go", "");
    let of = |lines: &str| main_of(&folder, &format!("app: a\nstages: {{ dev: }}\n{lines}\n"));
    assert_eq!(of("dir: rust").entry, Entry::Cargo(None));
    assert_eq!(of("dir: rust\ncargo: true").entry, Entry::Cargo(None));
    assert_eq!(of("dir: rust\ncargo: web").entry, Entry::Cargo(Some("web".to_owned())));
    assert_eq!(of("dir: go").entry, Entry::Go(".".to_owned()));
    assert_eq!(of("dir: go\ngo: ./cmd/web").entry, Entry::Go("./cmd/web".to_owned()));
    assert_eq!(of("dir: go/cmd/web\ngo: true").entry, Entry::Go(".".to_owned()));
    assert_eq!(of("dir: go").runtime, "provided.al2023");
}

#[test]
fn what_runs_is_asked_for_and_not_needed_to_look_at_a_stage() {
    let yaml = "app: a\nruntime: python3.13\nstages: { dev: }\n";
    let expected = "app | nothing says what function `main` runs | add `wsgi:`, `asgi:`, `django:`, `handler:`, `bootstrap:`, `cargo:`, `go:` or `image:`";
    assert_eq!(errors(yaml), [expected]);
    let folder = Folder::new();
    let project = folder.load(yaml).unwrap();
    assert!(project.stage(None).is_err());
    assert_eq!(project.stage_to_look_at(None).unwrap().functions.len(), 1);
}

#[test]
fn an_image_is_an_address_or_a_map() {
    let folder = Folder::new();
    let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:v1";
    let short = main_of(&folder, &format!("app: a\nimage: {uri}\nstages: {{ dev: }}\n"));
    let image = Image { uri: uri.to_owned(), command: vec![], entrypoint: vec![], workdir: None };
    assert_eq!((short.entry, short.runtime.as_str()), (Entry::Image(image.clone()), ""));
    let long = format!("app: a\nimage: {{ uri: '{uri}', command: [app.f], workdir: /x }}\nstages: {{ dev: }}\n");
    let image = Image { command: vec!["app.f".to_owned()], workdir: Some("/x".to_owned()), ..image };
    assert_eq!(main_of(&folder, &long).entry, Entry::Image(image));
    for (written, expected) in [
        ("{ command: [a] }", "image | `image` needs a `uri` | the image's address in ECR"),
        ("{ cmd: [a] }", "cmd | unknown key `cmd` | `image` knows `uri`, `command`, `entrypoint` and `workdir`"),
        (
            "nginx",
            "nginx | Lambda cannot run the image `nginx` | write `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`",
        ),
        (
            "public.ecr.aws/a/b",
            "public.ecr.aws/a/b | Lambda cannot run the image `public.ecr.aws/a/b` | it has to be in a private ECR repository of the function's region: copy it there",
        ),
    ] {
        let found = errors(&format!("app: a\nimage: {written}\nstages: {{ dev: }}\n"));
        assert!(found.iter().any(|line| line == expected), "{found:?}");
    }
}

#[test]
fn what_a_build_makes_need_not_be_there() {
    let folder = Folder::new();
    let built = "app: a\nruntime: nodejs22.x\nbuild: npm run build\ndir: dist\nhandler: index.f\nstages: { dev: }\n";
    let config = main_of(&folder, built);
    assert_eq!(config.source.dir, folder.path().canonicalize().unwrap().join("dist"));
    assert_eq!(config.source.build.as_deref(), Some("npm run build"));

    let leaky = "app: a\nbootstrap: run\nbuild: make TOKEN=${env.TOKEN}\nstages: { dev: }\n";
    let found = errors(leaky);
    assert!(found.iter().any(|line| line.contains("`build` has the environment already")), "{found:?}");
}

#[test]
fn layers_are_folders_and_arns_in_their_order() {
    let folder = Folder::new();
    let arn = "arn:aws:lambda:eu-west-1:123456789012:layer:tools:7";
    let yaml = format!(
        "app: a\nruntime: python3.13\nhandler: app.f\nlayer: auto\nlayers: [./src, '{arn}']\nstages: {{ dev: }}\n"
    );
    let config = main_of(&folder, &yaml);
    assert_eq!(config.layers, [Layer::Folder(PathBuf::from("src")), Layer::Arn(arn.to_owned())]);
    assert!(config.source.layer);
}

#[test]
fn a_default_for_one_language_does_not_disturb_another() {
    let yaml = "app: a\nslim: true\nbundle: true\nruntime: python3.13\nfunctions:\n  main: { handler: app.f }\n  js: { handler: main.f, runtime: nodejs22.x }\nstages: { dev: }\n";
    let folder = Folder::new();
    let stage = folder.load(yaml).unwrap().stage(None).unwrap();
    let of = |name: &str| (stage.functions[name].source.slim, stage.functions[name].source.bundle);
    assert_eq!((of("main"), of("js")), ((true, None), (false, Some(true))));
}
