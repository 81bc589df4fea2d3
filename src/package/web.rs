//! A web app's extra files: the bridge, and the module Lambda calls.

use super::entry::Entry;
use crate::config::{FunctionConfig, Web};
use crate::error::{Error, Result};

/// What Lambda gets as `Handler` of a web app.
pub(super) const HANDLER: &str = "rzap_handler.handler";
const FILE: &str = "rzap_handler.py";

/// A file of the bridge between Lambda and web applications.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BridgeFile {
    /// Path in the zip. What begins with `#!` is executable.
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
    pub(crate) part: Part,
}

/// What a file of the bridge is for: it is in a package only where it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Every web app.
    Base,
    /// `wsgi` and `django`.
    Wsgi,
    /// `asgi`.
    Asgi,
    /// `stream` and `exec`: a runtime that can stream, and its start.
    Runtime,
    /// `exec`.
    Console,
    /// `static`.
    Static,
}

impl Part {
    fn is_needed(self, protocol: &str, web: &Web) -> bool {
        match self {
            Self::Base => true,
            Self::Wsgi => protocol != "asgi",
            Self::Asgi => protocol == "asgi",
            Self::Runtime => web.stream || web.exec,
            Self::Console => web.exec,
            Self::Static => web.static_files.is_some(),
        }
    }
}

/// Adds what `function` needs of the `bridge`, and the handler that binds its app to it. Nothing for a
/// function that is no web app.
pub(super) fn place(entries: &mut Vec<Entry>, function: &FunctionConfig, bridge: &[BridgeFile]) -> Result<()> {
    let Some((protocol, target)) = function.entry.web() else { return Ok(()) };
    let handler = handler(protocol, target, &function.web);
    let needed = bridge.iter().filter(|file| file.part.is_needed(protocol, &function.web));
    let ours = needed.map(|file| (file.path, file.text)).chain([(FILE, handler.as_str())]);
    for (path, text) in ours {
        if let Some(taken) = entries.iter().find(|entry| clashes(&entry.path, path)) {
            return Err(Error::failed(format!(
                "{} has the name of a file rzap adds for web apps ({path})",
                taken.path
            ))
            .hint("rename it: names that begin with `rzap_` are rzap's own in a package"));
        }
        let executable = text.starts_with("#!");
        entries.push(Entry { executable, ..Entry::generated(path, text) });
    }
    Ok(())
}

/// The text of the module Lambda calls.
fn handler(protocol: &str, target: &str, web: &Web) -> String {
    // A JSON string is a Python string literal too.
    let literal = |text: &str| serde_json::Value::from(text).to_string();
    let mut arguments = vec![literal(protocol), literal(target)];
    arguments.extend(web.exec.then(|| "console=True".to_owned()));
    arguments.extend(web.static_files.as_ref().map(|files| format!("static={}", literal(&files.url))));
    // For the bridge's runtime: a URL that does not stream could not read a streamed answer.
    let streams = if web.stream { "STREAMS = True\n" } else { "" };
    format!(
        "# Written by rzap: binds the app {} to Lambda.\nfrom rzap_web import bridge\n\nhandler = bridge({})\n{streams}",
        literal(target),
        arguments.join(", ")
    )
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
    use super::super::tests::function;
    use super::*;
    use crate::config::Entry as Called;
    use crate::config::stage::StaticFiles;

    const BRIDGE: &[BridgeFile] = &[
        BridgeFile { path: "rzap_web.py", text: "def bridge(kind, target): ...", part: Part::Base },
        BridgeFile { path: "rzap_lib/wsgi.py", text: "", part: Part::Wsgi },
        BridgeFile { path: "rzap_lib/asgi.py", text: "", part: Part::Asgi },
        BridgeFile { path: "rzap_lib/start", text: "#!/bin/sh\n", part: Part::Runtime },
        BridgeFile { path: "rzap_lib/console.py", text: "", part: Part::Console },
        BridgeFile { path: "rzap_lib/static.py", text: "", part: Part::Static },
    ];

    fn placed(entry: Called, web: Web) -> (Vec<String>, String) {
        let function = FunctionConfig { web, ..function("web", entry) };
        let mut entries = vec![];
        place(&mut entries, &function, BRIDGE).unwrap();
        let last = entries.last().map(|entry| entry.content.clone());
        let Some(Content::Text(text)) = last else { panic!("not generated") };
        let shown = |entry: &Entry| format!("{}{}", entry.path, if entry.executable { "*" } else { "" });
        (entries.iter().map(shown).collect(), String::from_utf8(text).unwrap())
    }

    #[test]
    fn the_handler_binds_the_app_to_the_bridge() {
        let (paths, text) = placed(Called::Wsgi("guestbook:app".into()), Web::default());
        assert_eq!(paths, ["rzap_web.py", "rzap_lib/wsgi.py", "rzap_handler.py"]);
        assert_eq!(
            text,
            "# Written by rzap: binds the app \"guestbook:app\" to Lambda.\nfrom rzap_web import bridge\n\nhandler = bridge(\"wsgi\", \"guestbook:app\")\n"
        );
    }

    #[test]
    fn only_what_is_needed_is_packed() {
        let files = StaticFiles { dir: None, url: "/s/".into() };
        let web = Web { exec: true, static_files: Some(files), ..Web::default() };
        let (paths, text) = placed(Called::Asgi("m:app()".into()), web);
        let lib = ["asgi.py", "start*", "console.py", "static.py"].map(|name| format!("rzap_lib/{name}"));
        assert_eq!(paths[1..paths.len() - 1], lib);
        assert!(text.ends_with("bridge(\"asgi\", \"m:app()\", console=True, static=\"/s/\")\n"), "{text}");
    }

    #[test]
    fn the_handler_says_whether_its_url_streams() {
        let (paths, text) = placed(Called::Wsgi("m:app".into()), Web { stream: true, ..Web::default() });
        assert_eq!(paths, ["rzap_web.py", "rzap_lib/wsgi.py", "rzap_lib/start*", "rzap_handler.py"]);
        assert!(text.ends_with("bridge(\"wsgi\", \"m:app\")\nSTREAMS = True\n"), "{text}");
    }

    #[test]
    fn a_users_file_of_such_a_name_is_not_shadowed() {
        let web = function("web", Called::Wsgi("a:b".into()));
        for name in ["rzap_handler.py", "rzap_handler/__init__.py", "rzap_web.so", "rzap_web/x.py"] {
            let error = place(&mut vec![Entry::generated(name, "")], &web, BRIDGE).unwrap_err();
            assert!(error.message.starts_with(name), "{error}");
        }
        place(&mut vec![Entry::generated("rzap_web_notes.txt", "")], &web, BRIDGE).unwrap();
    }
}
