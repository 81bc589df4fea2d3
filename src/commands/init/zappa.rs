//! Zappa's settings (`zappa_settings.json`, `.toml`, `.yml`) in rzap's words, as far as rzap has one; what is
//! left is named.
//!
//! The keys are those of Zappa's README: <https://github.com/zappa/Zappa#advanced-settings>.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::found::{Carried, Line};
use super::survey::Survey;
use super::write::fit;
use super::yaml::{literal, scalar};

const FILES: [&str; 4] = ["zappa_settings.json", "zappa_settings.toml", "zappa_settings.yml", "zappa_settings.yaml"];

/// Keys that say nothing rzap would have to know: it does that by itself, or not at all.
const NEEDLESS: &[&str] = &[
    "app_function",
    "binary_support",
    "debug",
    "delete_local_zip",
    "delete_s3_zip",
    "django_settings",
    "extends",
    "function_url_enabled",
    "log_level",
    "manage_roles",
    "num_retained_versions",
    "project_name",
    "runtime",
    "s3_bucket",
    "slim_handler",
    "touch",
    "touch_path",
    "use_precompiled_packages",
];

/// What to do about keys that have no word here.
const INSTEAD: &[(&str, &str)] = &[
    ("attach_policy", "write the statements under `policies`"),
    ("callbacks", "no hooks; `build` runs a command before packaging"),
    ("cors", "answer with the headers in the app (Flask-CORS, django-cors-headers)"),
    ("django_settings", "it differs between stages: set it with `env`"),
    ("keep_warm_expression", "`keep_warm: true` has an interval of its own"),
    ("prebuild_script", "`build` runs a command before packaging"),
    ("remote_env", "put the values under `env`, as `${env.NAME}` where they are secret"),
    ("role_arn", "rzap makes a role for each stage"),
    ("role_name", "rzap makes a role for each stage"),
];

/// The settings in the project's folder, if there are any that can be read.
pub(super) fn read(survey: &Survey) -> Option<Carried> {
    let (file, stages) = FILES.iter().find_map(|file| Some((*file, parse(file, &survey.text(file)?)?)))?;
    let mut carried = Carried { file: file.to_owned(), ..Carried::default() };
    let mut entries = BTreeSet::new();
    for name in stages.keys() {
        let settings = whole(&stages, name, 0);
        let text = |key: &str| settings.get(key).and_then(Value::as_str).map(str::to_owned);
        carried.app = carried.app.or_else(|| text("project_name").map(|name| fit(&name)));
        carried.runtime = carried.runtime.or_else(|| text("runtime"));
        let entry = text("django_settings").or_else(|| text("app_function"));
        entries.extend(entry.clone());
        carried.entry = carried.entry.or(entry);
        carried.url |= settings.get("function_url_enabled") == Some(&Value::Bool(true));
        let mut lines = Vec::new();
        for (key, value) in &settings {
            if NEEDLESS.contains(&key.as_str()) {
                continue;
            }
            match line(key, value) {
                Some(line) => merge(&mut lines, line),
                None if means_nothing(value) => {}
                None => {
                    let instead = INSTEAD.iter().find(|(known, _)| known == key).map(|(_, instead)| *instead);
                    carried
                        .left_out
                        .insert(format!("{name}: {key}"), instead.unwrap_or("rzap has no such setting").to_owned());
                }
            }
        }
        lines.sort_by(|a: &Line, b| a.key.cmp(&b.key));
        carried.stages.push((fit(name), lines));
    }
    if entries.len() > 1 {
        let all = entries.into_iter().collect::<Vec<_>>().join(", ");
        carried.left_out.insert("app_function".to_owned(), format!("one for all stages: there are {all}"));
    }
    share(&mut carried);
    Some(carried)
}

fn parse(file: &str, text: &str) -> Option<Map<String, Value>> {
    let value = match file.rsplit_once('.')?.1 {
        "json" => serde_json::from_str(text).ok()?,
        "toml" => serde_json::to_value(text.parse::<toml::Table>().ok()?).ok()?,
        _ => serde_yaml::from_str::<Value>(text).ok()?,
    };
    let Value::Object(stages) = value else { return None };
    let stages: Map<String, Value> = stages.into_iter().filter(|(_, settings)| settings.is_object()).collect();
    (!stages.is_empty()).then_some(stages)
}

/// The settings of a stage over those of the one it extends.
fn whole(stages: &Map<String, Value>, name: &str, depth: usize) -> Map<String, Value> {
    let Some(Value::Object(own)) = stages.get(name) else { return Map::new() };
    let mut all = match own.get("extends").and_then(Value::as_str) {
        Some(base) if depth < 10 => whole(stages, base, depth + 1),
        _ => Map::new(),
    };
    all.extend(own.clone());
    all
}

fn means_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// A setting in rzap's words.
fn line(key: &str, value: &Value) -> Option<Line> {
    let inline = |key: &str, value: String| Some(Line { key: key.to_owned(), value, below: vec![] });
    let text = |value: &Value| match value {
        Value::String(text) => Some(literal(text)),
        Value::Number(number) => Some(scalar(&number.to_string())),
        Value::Bool(yes) => Some(scalar(&yes.to_string())),
        _ => None,
    };
    let items = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|item| Some(format!("- {}", scalar(item.as_str()?)))).collect()
    };
    match key {
        "aws_region" => inline("region", literal(value.as_str()?)),
        "profile_name" => inline("profile", literal(value.as_str()?)),
        "lambda_description" => inline("description", literal(value.as_str()?)),
        "memory_size" => inline("memory", value.as_u64()?.to_string()),
        "timeout_seconds" => inline("timeout", value.as_u64()?.to_string()),
        "ephemeral_storage" => inline("ephemeral_storage", value.get("Size")?.as_u64()?.to_string()),
        "keep_warm" => value.as_bool().filter(|yes| *yes).and_then(|_| inline("keep_warm", "true".to_owned())),
        "architecture" => {
            let name = value.as_str().or_else(|| value.as_array()?.first()?.as_str())?;
            inline("arch", scalar(name))
        }
        "environment_variables" | "aws_environment_variables" => {
            let all = value.as_object().filter(|all| !all.is_empty())?;
            let below = all.iter().map(|(name, value)| Some(format!("{name}: {}", text(value)?)));
            Some(Line { key: "env".to_owned(), value: String::new(), below: below.collect::<Option<_>>()? })
        }
        "exclude" | "exclude_glob" => {
            let below = items(value).filter(|below| !below.is_empty())?;
            Some(Line { key: "exclude".to_owned(), value: String::new(), below })
        }
        "layers" => {
            let below = items(value).filter(|below| !below.is_empty())?;
            Some(Line { key: "layers".to_owned(), value: String::new(), below })
        }
        "extra_permissions" => {
            // JSON is YAML, and `${…}` of IAM is none of ours.
            let statements = value.as_array().filter(|all| !all.is_empty())?;
            let below = statements.iter().map(|each| format!("- {}", each.to_string().replace("${", "$${")));
            Some(Line { key: "policies".to_owned(), value: String::new(), below: below.collect() })
        }
        _ => None,
    }
}

/// Two settings of Zappa may be one of rzap.
fn merge(lines: &mut Vec<Line>, line: Line) {
    match lines.iter_mut().find(|known| known.key == line.key) {
        Some(known) => {
            let new = line.below.into_iter().filter(|each| !known.below.contains(each)).collect::<Vec<_>>();
            known.below.extend(new);
        }
        None => lines.push(line),
    }
}

/// What all stages have goes to the top.
fn share(carried: &mut Carried) {
    let Some((_, first)) = carried.stages.first().cloned() else { return };
    let everywhere = |line: &Line| carried.stages.iter().all(|(_, lines)| lines.contains(line));
    carried.shared = first.into_iter().filter(everywhere).collect();
    for (_, lines) in &mut carried.stages {
        lines.retain(|line| !carried.shared.contains(line));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> Option<Carried> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        read(&Survey::of(dir.path()))
    }

    #[test]
    fn settings_are_taken_over_and_what_is_left_is_named() {
        let text = r#"{
            "dev": {"app_function": "shop.app", "project_name": "My Shop", "aws_region": "eu-west-1", "memory_size": 256,
                "runtime": "python3.12", "s3_bucket": "b", "environment_variables": {"A": "1", "B": "x${y}"},
                "vpc_config": {"SubnetIds": ["s"]}, "cors": true, "xray_tracing": false},
            "prod": {"extends": "dev", "memory_size": 1024, "timeout_seconds": 60, "keep_warm": true}
        }"#;
        let carried = of("zappa_settings.json", text).unwrap();
        assert_eq!((carried.app.as_deref(), carried.entry.as_deref()), (Some("my-shop"), Some("shop.app")));
        assert_eq!(carried.runtime.as_deref(), Some("python3.12"));
        let shared: Vec<_> = carried.shared.iter().map(|line| line.key.as_str()).collect();
        assert_eq!(shared, ["env", "region"]);
        assert_eq!(carried.shared[0].below, ["A: \"1\"", "B: \"x$${y}\""]);
        let stages: Vec<(String, Vec<String>)> = carried
            .stages
            .iter()
            .map(|(name, lines)| {
                (name.clone(), lines.iter().map(|line| format!("{}: {}", line.key, line.value)).collect())
            })
            .collect();
        assert_eq!(stages[0], ("dev".to_owned(), vec!["memory: 256".to_owned()]));
        let prod = ["keep_warm: true", "memory: 1024", "timeout: 60"].map(str::to_owned).to_vec();
        assert_eq!(stages[1], ("prod".to_owned(), prod));
        let left: Vec<_> = carried.left_out.keys().map(String::as_str).collect();
        assert_eq!(left, ["dev: cors", "dev: vpc_config", "prod: cors", "prod: vpc_config"]);
    }

    #[test]
    fn other_notations_and_broken_files() {
        assert_eq!(of("zappa_settings.toml", "[dev]\napp_function = 'a.b'\n").unwrap().entry.as_deref(), Some("a.b"));
        assert_eq!(of("zappa_settings.yml", "dev:\n  app_function: a.b\n").unwrap().entry.as_deref(), Some("a.b"));
        assert!(of("zappa_settings.json", "{ broken").is_none() && of("zappa_settings.json", "[]").is_none());
        assert!(of("zappa_settings.json", r#"{"dev": {"extends": "dev"}}"#).is_some());
    }
}
