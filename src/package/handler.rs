//! Is the code that Lambda is told to call in the package?
//!
//! Without this the first to notice would be the first request.

use std::collections::BTreeSet;
use std::path::Path;

use super::entry::Entry as File;
use crate::config::{Entry, FunctionConfig};
use crate::error::{Error, Result};

/// Refuses a function whose handler's or app's file is not among `files`. Runtimes whose handlers
/// are not files (Java, .NET, …) pass.
pub(super) fn check(function: &FunctionConfig, files: &[File]) -> Result<()> {
    let (module, said) = match &function.entry {
        Entry::Wsgi(target) | Entry::Asgi(target) | Entry::Django(target) => {
            (target.split(':').next().unwrap_or(target), target)
        }
        // The last dot parts file and function (https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html).
        Entry::Handler(handler) => (handler.rsplit_once('.').map_or(handler.as_str(), |(file, _)| file), handler),
        Entry::Bootstrap(_) | Entry::Cargo(_) | Entry::Go(_) | Entry::Image(_) => return Ok(()),
    };
    let candidates: Vec<String> = if function.runtime.starts_with("python") {
        let path = module.replace('.', "/");
        vec![format!("{path}.py"), format!("{path}/__init__.py"), format!("{path}.so")]
    } else if function.runtime.starts_with("nodejs") {
        // A dot in a folder's or file's name is part of it: the function's name is after the last one
        // of the last segment (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html).
        let (folder, name) = said.rsplit_once('/').map_or(("", said.as_str()), |(folder, name)| (folder, name));
        let file = name.split('.').next().unwrap_or_default();
        let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
        vec![format!("{path}.js"), format!("{path}.mjs"), format!("{path}.cjs"), format!("{path}/index.js")]
    } else {
        return Ok(());
    };
    let is_there = |candidate: &String| files.iter().any(|file| is_module(&file.path, candidate));
    if candidates.iter().any(is_there) {
        return Ok(());
    }
    let mut error = Error::failed(format!(
        "function `{}`: `{said}` needs {} in the package, which is not there",
        function.name, candidates[0]
    ));
    let names: BTreeSet<&str> = files.iter().filter_map(|file| near(&file.path, &candidates[0])).collect();
    error = match names.first() {
        Some(name) => error.hint(format!("did you mean {name}?")),
        None => error.hint(format!("it is looked for in {}", function.source.dir.display())),
    };
    Err(error)
}

/// `path` is `candidate`, or the compiled module of that name (`x.cpython-313-….so`).
fn is_module(path: &str, candidate: &str) -> bool {
    if path == candidate {
        return true;
    }
    let rest = candidate.strip_suffix("so").and_then(|stem| path.strip_prefix(stem));
    rest.is_some_and(|rest| Path::new(rest).extension().is_some_and(|ending| ending == "so") && !rest.contains('/'))
}

/// `path`, when it is close enough to `wanted` to be what was meant.
fn near<'a>(path: &'a str, wanted: &str) -> Option<&'a str> {
    let same_ending = path.rsplit('.').next() == wanted.rsplit('.').next();
    (same_ending && strsim::damerau_levenshtein(path, wanted) <= 2).then_some(path)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::tests::function;
    use super::*;

    fn verdict(runtime: &str, entry: Entry, files: &[&str]) -> Result<()> {
        let mut function = function("web", entry);
        runtime.clone_into(&mut function.runtime);
        let files: Vec<File> = files.iter().map(|path| File::generated(path, "")).collect();
        check(&function, &files)
    }

    #[test]
    fn handlers_that_are_there() {
        for (runtime, handler, file) in [
            ("python3.13", "app.handler", "app.py"),
            ("python3.13", "api.web.handler", "api/web.py"),
            ("python3.13", "api/web.handler", "api/web.py"),
            ("python3.13", "pkg.handler", "pkg/__init__.py"),
            ("python3.13", "fast.handler", "fast.cpython-313-x86_64-linux-gnu.so"),
            ("nodejs22.x", "src/index.handler", "src/index.mjs"),
            ("nodejs22.x", "index.api.handler", "index.js"),
            ("java21", "com.example.Handler", "nothing"),
        ] {
            verdict(runtime, Entry::Handler(handler.into()), &[file]).unwrap();
        }
        verdict("python3.13", Entry::Wsgi("guest.book:app".into()), &["guest/book.py"]).unwrap();
    }

    #[test]
    fn handlers_that_are_not() {
        let error = verdict("python3.13", Entry::Wsgi("guestbok:app".into()), &["guestbook.py"]).unwrap_err();
        assert_eq!(
            error.message,
            "function `web`: `guestbok:app` needs guestbok.py in the package, which is not there"
        );
        assert_eq!(error.hints, ["did you mean guestbook.py?"]);
        assert!(verdict("python3.13", Entry::Handler("api.web".into()), &["api/web.py"]).is_err());
        assert!(verdict("nodejs22.x", Entry::Handler("index.handler".into()), &["src/index.js"]).is_err());
    }
}
