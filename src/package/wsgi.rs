//! A WSGI app's extra files: the bridge, and the module Lambda calls.

use super::entry::Entry;
use crate::error::{Error, Result};

/// What Lambda gets as `Handler` of a WSGI function.
pub(super) const HANDLER: &str = "rzap_handler.handler";
const FILE: &str = "rzap_handler.py";

/// Adds `bridge` (path in the zip, text) and the handler of `target` (`module:object`).
pub(super) fn place(entries: &mut Vec<Entry>, target: &str, bridge: &[(&str, &str)]) -> Result<()> {
    // A JSON string is a Python string literal too.
    let literal = serde_json::Value::from(target).to_string();
    let handler = format!(
        "# Written by rzap: binds the WSGI app {literal} to Lambda.\nfrom rzap_wsgi import bridge\n\nhandler = bridge({literal})\n"
    );
    let ours = bridge.iter().copied().chain([(FILE, handler.as_str())]);
    for (path, text) in ours {
        if let Some(taken) = entries.iter().find(|entry| clashes(&entry.path, path)) {
            return Err(Error::failed(format!("{} has the name of a file rzap adds for WSGI ({path})", taken.path))
                .hint("rename it: names that begin with `rzap_` are rzap's own in a package"));
        }
        entries.push(Entry::generated(path, text));
    }
    Ok(())
}

/// True when both are the same file, or would be imported under the same name.
fn clashes(theirs: &str, ours: &str) -> bool {
    let module = ours.strip_suffix(".py").filter(|module| !module.contains('/'));
    theirs == ours
        || module.is_some_and(|module| {
            theirs
                .strip_prefix(module)
                .is_some_and(|rest| rest.starts_with('/') || (rest.starts_with('.') && !rest.contains('/')))
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::entry::Content;
    use super::*;

    const BRIDGE: &[(&str, &str)] = &[("rzap_wsgi.py", "def bridge(target): ..."), ("rzap_lib/__init__.py", "")];

    #[test]
    fn the_handler_binds_the_app_to_the_bridge() {
        let mut entries = vec![];
        place(&mut entries, "guestbook:app", BRIDGE).unwrap();
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["rzap_wsgi.py", "rzap_lib/__init__.py", "rzap_handler.py"]);
        let Content::Text(text) = &entries[2].content else { panic!("not generated") };
        assert_eq!(
            String::from_utf8_lossy(text),
            "# Written by rzap: binds the WSGI app \"guestbook:app\" to Lambda.\nfrom rzap_wsgi import bridge\n\nhandler = bridge(\"guestbook:app\")\n"
        );
    }

    #[test]
    fn a_users_file_of_such_a_name_is_not_shadowed() {
        for name in ["rzap_handler.py", "rzap_handler/__init__.py", "rzap_wsgi.so", "rzap_wsgi/x.py"] {
            let error = place(&mut vec![Entry::generated(name, "")], "a:b", BRIDGE).unwrap_err();
            assert!(error.message.starts_with(name), "{error}");
        }
        place(&mut vec![Entry::generated("rzap_wsgi_notes.txt", "")], "a:b", BRIDGE).unwrap();
    }
}
