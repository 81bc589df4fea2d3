//! Whether a lock file was made from the project file beside it: both Poetry and pipenv write a hash
//! of what they read into their locks, over the text that Python's `json.dumps` gives for it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::normal_name;

/// Poetry's content hash, as its versions compute it (`poetry/packages/locker.py`): with the
/// dependency groups since 2.3, without them before, and of its own table alone before 2.0.
pub(super) fn poetry(pyproject: &Table) -> Vec<String> {
    let empty = Table::new();
    let table = |name: &str| pyproject.get(name).and_then(Value::as_table);
    let own = table("tool").and_then(|tool| tool.get("poetry")?.as_table()).unwrap_or(&empty);
    let project = table("project").unwrap_or(&empty);
    let groups = table("dependency-groups").filter(|groups| !groups.is_empty());
    [(Some(project), groups), (Some(project), None), (None, None)]
        .map(|(project, groups)| poetry_content(own, project.unwrap_or(&empty), groups))
        .iter()
        .map(|content| digest(content, Form::PLAIN))
        .collect()
}

fn poetry_content(own: &Table, project: &Table, groups: Option<&Table>) -> Json {
    let pick = |table: &Table, keys: &[&str]| -> Vec<(String, Json)> {
        keys.iter().filter_map(|key| Some(((*key).to_owned(), Json::from(table.get(*key)?)))).collect()
    };
    let project = pick(project, &["requires-python", "dependencies", "optional-dependencies"]);
    let legacy = ["dependencies", "source", "extras", "dev-dependencies"];
    let mut relevant = pick(own, &legacy);
    relevant.extend(pick(own, &["group"]));
    if project.is_empty() && groups.is_none() {
        // These count as null where they are missing.
        let missing = legacy.iter().filter(|key| !own.contains_key(**key));
        relevant.extend(missing.map(|key| ((*key).to_owned(), Json::Null)));
        return Json::Map(relevant);
    }
    let mut content = vec![("tool".to_owned(), Json::Map(vec![("poetry".to_owned(), Json::Map(relevant))]))];
    if !project.is_empty() {
        content.push(("project".to_owned(), Json::Map(project)));
    }
    if let Some(groups) = groups {
        content.push(("dependency-groups".to_owned(), Json::from(&Value::Table(groups.clone()))));
    }
    Json::Map(content)
}

/// pipenv's hash of a Pipfile: with the names as they stand there, and (newer versions) in their
/// normal form (`pipenv/utils/pipfile.py`).
pub(super) fn pipfile(pipfile: &Table) -> Vec<String> {
    const KNOWN: [&str; 9] =
        ["source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop"];
    [false, true]
        .map(|normal| {
            let json = |key: &str| pipfile.get(key).map_or_else(|| Json::Map(vec![]), Json::from);
            let section = |json: Json| match json {
                Json::Map(items) if normal => {
                    Json::Map(items.into_iter().map(|(name, value)| (normal_name(&name), value)).collect())
                }
                json => json,
            };
            let meta = vec![("sources".to_owned(), json("source")), ("requires".to_owned(), json("requires"))];
            let mut all = vec![("_meta".to_owned(), Json::Map(meta))];
            all.push(("default".to_owned(), section(json("packages"))));
            all.push(("develop".to_owned(), section(json("dev-packages"))));
            let more = pipfile.keys().filter(|key| !KNOWN.contains(&key.as_str()));
            all.extend(more.map(|key| (key.clone(), section(json(key)))));
            digest(&Json::Map(all), Form::DENSE)
        })
        .to_vec()
}

fn digest(content: &Json, form: Form) -> String {
    let mut text = String::new();
    content.write(form, &mut text);
    hex::encode(Sha256::digest(text))
}

/// What stands between items, and between a key and its value.
#[derive(Clone, Copy)]
struct Form {
    comma: &'static str,
    colon: &'static str,
}

impl Form {
    const PLAIN: Self = Self { comma: ", ", colon: ": " };
    const DENSE: Self = Self { comma: ",", colon: ":" };
}

/// A document as Python has it in memory.
enum Json {
    Null,
    /// Numbers and truth values, as they are written.
    Word(String),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Table(table) => {
                Self::Map(table.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
            Value::Float(number) => Self::Word(format!("{number:?}")),
            other => Self::Word(other.to_string()),
        }
    }
}

impl Json {
    /// `json.dumps(self, sort_keys=True)`
    fn write(&self, form: Form, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Word(word) => out.push_str(word),
            Self::Text(text) => quote(text, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { form.comma } else { "" });
                    item.write(form, out);
                }
                out.push(']');
            }
            Self::Map(items) => {
                let mut items: Vec<_> = items.iter().collect();
                items.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (index, (key, value)) in items.into_iter().enumerate() {
                    out.push_str(if index > 0 { form.comma } else { "" });
                    quote(key, out);
                    out.push_str(form.colon);
                    value.write(form, out);
                }
                out.push('}');
            }
        }
    }
}

/// As Python writes a string: everything but ASCII as escapes of its UTF-16.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_python_does() {
        let table: Table = r#"b = ["ä\"\n😀", 1, true]
a = { z = 1.5, y = {} }"#
            .parse()
            .unwrap_or_default();
        let json = Json::from(&Value::Table(table));
        let written = |form| {
            let mut text = String::new();
            json.write(form, &mut text);
            text
        };
        // python3 -c 'import json; print(json.dumps({"b": ["ä\"\n😀", 1, True], "a": {"z": 1.5, "y": {}}}, sort_keys=True))'
        assert_eq!(written(Form::PLAIN), r#"{"a": {"y": {}, "z": 1.5}, "b": ["\u00e4\"\n\ud83d\ude00", 1, true]}"#);
        assert_eq!(written(Form::DENSE), r#"{"a":{"y":{},"z":1.5},"b":["\u00e4\"\n\ud83d\ude00",1,true]}"#);
    }
}
