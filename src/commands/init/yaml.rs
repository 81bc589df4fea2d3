//! The text of the `rzap.yaml` that init writes: tidy, with a comment where a choice was made.

use std::fmt::Write as _;

use super::found::{Found, Line};

/// Where comments behind a value begin.
const COLUMN: usize = 34;

/// A value that YAML reads as this text.
pub(super) fn scalar(text: &str) -> String {
    let plain = |each: char| each.is_ascii_alphanumeric() || "_./:@()-+".contains(each);
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') || text.starts_with("./");
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    let number = text.parse::<f64>().is_ok();
    if starts && text.chars().all(plain) && !word && !number && !text.ends_with(':') {
        text.to_owned()
    } else {
        // JSON's strings are YAML's.
        serde_json::Value::from(text).to_string()
    }
}

/// The same where rzap would otherwise put in what `${…}` names.
pub(super) fn literal(text: &str) -> String {
    scalar(&text.replace("${", "$${"))
}

/// The whole file.
pub(super) fn text(app: &str, found: &Found) -> String {
    let chosen = &found.chosen;
    let mut text = String::new();
    let mut add = |key: &str, value: &str, comment: &str| {
        let line = format!("{key}: {value}");
        let comment = if comment.is_empty() {
            String::new()
        } else {
            format!("{:>1$}# {comment}", "", COLUMN.saturating_sub(line.len()).max(2))
        };
        let _ = writeln!(text, "{line}{comment}");
    };
    add("app", &scalar(app), "");
    if let Some(runtime) = &found.runtime {
        add("runtime", &scalar(&runtime.value), &runtime.because);
    }
    if let Some(dir) = &chosen.dir {
        add("dir", &scalar(dir), "the code folder: what Python imports from");
    }
    let target = if chosen.target == "true" { "true".to_owned() } else { scalar(&chosen.target) };
    add(chosen.entry, &target, &chosen.at.shown());
    if let Some(http) = &found.http {
        add("http", &http.value, &http.because);
    }
    if found.wants_static {
        add("static", "true", "what collectstatic gives, served from S3");
    }
    let carried = found.carried.as_ref();
    for line in carried.into_iter().flat_map(|carried| &carried.shared) {
        put(&mut text, line, "");
    }
    env(&mut text, found);
    stages(&mut text, found);
    text
}

/// What the code reads and nobody has said yet, ready to be filled in.
fn env(text: &mut String, found: &Found) {
    if found.env.is_empty() {
        return;
    }
    text.push_str("\n# The code reads these; `${env.NAME}` is the value in the environment rzap runs in.\n# env:\n");
    let lines = found.env.iter().map(|variable| (format!("#   {0}: ${{env.{0}}}", variable.name), variable.at.shown()));
    let lines: Vec<(String, String)> = lines.collect();
    let column = lines.iter().map(|(line, _)| line.len() + 2).max().unwrap_or_default().max(COLUMN);
    for (line, at) in lines {
        let _ = writeln!(text, "{line:<column$}# {at}");
    }
}

fn stages(text: &mut String, found: &Found) {
    text.push_str("\nstages:\n");
    let stages = found.carried.as_ref().map(|carried| carried.stages.as_slice()).unwrap_or_default();
    for (name, lines) in stages {
        if lines.is_empty() {
            let _ = writeln!(text, "  {}: {{}}", scalar(name));
            continue;
        }
        let _ = writeln!(text, "  {}:", scalar(name));
        for line in lines {
            put(text, line, "    ");
        }
    }
    if stages.is_empty() {
        let exec = found.chosen.entry == "django";
        text.push_str("  dev: {}");
        text.push_str(if exec { "    # `dev: { exec: true }` allows `rzap manage dev -- migrate`\n" } else { "\n" });
        text.push_str("  prod: {}\n");
    }
}

fn put(text: &mut String, line: &Line, indent: &str) {
    if line.below.is_empty() {
        let _ = writeln!(text, "{indent}{}: {}", line.key, line.value);
        return;
    }
    let _ = writeln!(text, "{indent}{}:", line.key);
    for below in &line.below {
        let _ = writeln!(text, "{indent}  {below}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_stays_what_it_is() {
        for text in [
            "app:app",
            "create_app()",
            "true",
            "NO",
            "1.10",
            "",
            "a b",
            "x: y",
            "#1",
            "a#b",
            "-",
            "é",
            "a\nb",
            "@x",
            "0x1f",
            "1e3",
            "null",
            "a:",
            "~",
            ".5",
            "-1",
        ] {
            let yaml = format!("key: {}\n", scalar(text));
            let back: std::collections::BTreeMap<String, serde_json::Value> =
                serde_yaml::from_str(&yaml).unwrap_or_default();
            assert_eq!(back.get("key"), Some(&serde_json::Value::from(text)), "{yaml}");
        }
        assert_eq!(literal("a${b}"), "\"a$${b}\"");
    }
}
