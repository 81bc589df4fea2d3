//! `--report`: one page with a treemap of every package, complete in itself.
//!
//! Names of files are somebody else's text. They go into the page as JSON, in which nothing can end
//! the script element around it, and its script makes text of them, never markup. A policy in the
//! page lets only that script run, and nothing be loaded.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Weighed;
use crate::config::StageConfig;
use crate::error::{Error, OrFailed as _, Result};
use crate::package::{self, Content, Explained, MOST_UNZIPPED};

const PAGE: &str = include_str!("../../../templates/report/page.html");
const STYLE: &str = include_str!("../../../templates/report/page.css");
const SCRIPT: &str =
    concat!(include_str!("../../../templates/report/treemap.js"), include_str!("../../../templates/report/page.js"));

/// How many paths of a rule are in the page.
const PATHS: usize = 40;

/// Writes the page.
pub(super) fn write(file: &Path, stage: &StageConfig, packages: &[Weighed]) -> Result<()> {
    let what = || format!("write {}", file.display());
    if file.is_dir() {
        return Err(Error::usage(format!("{} is a folder", file.display()))
            .hint(format!("name a file, like `--report {}`", file.join("report.html").display())));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .or_failed(what)?;
    temporary.write_all(page(stage, packages).as_bytes()).or_failed(what)?;
    temporary.persist(file).map_err(|error| error.error).or_failed(what)?;
    Ok(())
}

fn page(stage: &StageConfig, packages: &[Weighed]) -> String {
    let data = json!({
        "app": stage.app,
        "stage": stage.stage,
        "packages": packages.iter().flat_map(with_layers).collect::<Vec<_>>(),
    });
    fill(
        PAGE,
        &[
            ("style_hash", &hash(STYLE)),
            ("script_hash", &hash(SCRIPT)),
            ("style", STYLE),
            ("script", SCRIPT),
            ("data", &embedded(&data)),
        ],
    )
}

/// A package and then its layers, as the page's script reads them.
fn with_layers(weighed: &Weighed) -> Vec<Value> {
    let name = weighed.functions.join(", ");
    let mut package = contents(&name, (weighed.unzipped, weighed.zipped), &weighed.package.contents);
    package["layers"] =
        weighed.layers.iter().map(|layer| json!({"name": layer.name, "unzipped": layer.unzipped})).collect();
    package["savings"] = json!(weighed.savings);
    package["rules"] = weighed.explained.iter().filter(|rule| !rule.left_out.is_empty()).map(rule).collect();
    let layers = weighed.layers.iter().map(|layer| {
        contents(&format!("layer {} of {name}", layer.name), (layer.unzipped, layer.zipped), &layer.contents)
    });
    std::iter::once(package).chain(layers).collect()
}

/// What is in one zip. The parts are named once and then by their number.
fn contents(name: &str, (unzipped, zipped): (u64, u64), files: &[Content]) -> Value {
    let parts = package::parts(files);
    let numbers: HashMap<(&str, bool), usize> =
        parts.iter().enumerate().map(|(index, part)| ((part.name.as_str(), part.dependency), index)).collect();
    let files = files.iter().map(|file| {
        let part = numbers.get(&(file.of.as_str(), file.dependency)).copied().unwrap_or_default();
        json!([file.path, part, file.unzipped, file.zipped])
    });
    json!({
        "name": name,
        "unzipped": unzipped,
        "zipped": zipped,
        "limit": MOST_UNZIPPED,
        "layers": [],
        "parts": parts.iter().map(|part| json!([part.name, part.dependency])).collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "savings": [],
        "rules": [],
    })
}

fn rule(rule: &Explained) -> Value {
    let paths: Vec<&str> = rule.left_out.iter().take(PATHS).map(|left| left.path.as_str()).collect();
    json!({
        "rule": if rule.of == "dependencies" { format!("{} (dependencies)", rule.rule) } else { rule.rule.clone() },
        "why": rule.why,
        "instead": rule.instead,
        "files": rule.files,
        "unzipped": rule.unzipped,
        "more": rule.left_out.len() - paths.len(),
        "paths": paths,
    })
}

/// JSON that may stand in a script element: in it `<` begins a tag or a comment, and the two line ends
/// of Unicode were no part of older JavaScript's texts.
fn embedded(data: &Value) -> String {
    let escape = |letter: char| match letter {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(letter)),
        _ => letter.to_string(),
    };
    data.to_string().chars().map(escape).collect()
}

/// `sha256-…`, as a Content-Security-Policy names what may run.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
}

/// `template` with its `{{names}}` replaced; what replaces them is not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_can_end_it() {
        let data = json!({"</script><script>alert(1)": "<!-- \u{2028} & {{script}}"});
        let text = embedded(&data);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(data));
    }

    #[test]
    fn each_name_is_replaced_once() {
        assert_eq!(fill("a {{x}} b {{y}} c {{x}}", &[("x", "{{y}}"), ("y", "2")]), "a {{y}} b 2 c {{y}}");
    }

    #[test]
    fn the_page_has_all_it_names_and_names_nothing_else() {
        let names: Vec<&str> = PAGE.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).collect();
        assert_eq!(names, ["script_hash", "style_hash", "style", "data", "script"]);
        for part in [PAGE, STYLE, SCRIPT] {
            for word in ["http:", "https:", "url(", "@import", "innerHTML", "eval(", "document.write"] {
                assert!(!part.contains(word), "{word}");
            }
        }
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }
}
