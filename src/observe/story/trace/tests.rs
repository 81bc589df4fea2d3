//! Tracebacks as the runtimes print them.

use super::*;

fn told(text: &str) -> String {
    let Some(Crash { kind, message, place }) = crash(text) else { return "nothing".to_owned() };
    let place = place.map_or_else(String::new, |Place { file, line, function }| {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        format!(" at {file}{line} in {}", function.as_deref().unwrap_or("?"))
    });
    format!("{kind} | {message}{place}")
}

#[test]
fn python() {
    // <https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html>
    let of_lambda = "ValueError: no list\rTraceback (most recent call last):\r  File \"/var/task/worker.py\", line 12, in \
                     handler\r    raise ValueError(\"no list\")";
    assert_eq!(told(of_lambda), "ValueError | no list at worker.py:12 in handler");
    let printed = "could not save\nTraceback (most recent call last):\n  File \"/var/task/a.py\", line 1, in f\n    x()\n  \
                   File \"/var/task/site-packages/lib.py\", line 9, in x\n    y\nbotocore.errorfactory.NoSuchKey: gone: it";
    assert_eq!(told(printed), "NoSuchKey | gone: it at a.py:1 in f");
    let chained = "Traceback (most recent call last):\n  File \"/var/task/a.py\", line 1, in f\n    x\nKeyError: 'a'\n\n\
                   During handling of the above exception, another exception occurred:\n\nTraceback (most recent call \
                   last):\n  File \"/var/task/b.py\", line 2, in g\n    y\nRuntimeError: b\nmore of it";
    assert_eq!(told(chained), "RuntimeError | b at b.py:2 in g");
    assert_eq!(
        told(
            "Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\rTraceback (most \
                     recent call last):"
        ),
        "ImportModuleError | Unable to import module 'app': No module named 'x'"
    );
}

#[test]
fn node() {
    // <https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html>
    let thrown = "TypeError: Cannot read properties of undefined (reading 'a')\n    at inner (/var/task/node_modules/x/i.js:1:2)\
                  \n    at handler (file:///var/task/index.mjs:3:9)\n    at Runtime.handleOnceNonStreaming \
                  (file:///var/runtime/index.mjs:1173:29)";
    assert_eq!(told(thrown), "TypeError | Cannot read properties of undefined (reading 'a') at index.mjs:3 in handler");
    assert_eq!(told("Custom: no\n    at async /var/task/a.js:7:1"), "Custom | no at a.js:7 in ?");
}

#[test]
fn java_ruby_go_rust_and_dotnet() {
    let java = "java.lang.RuntimeException: outer\n\tat example.Handler.handleRequest(Handler.java:12)\n\tat \
                java.base/java.lang.Thread.run(Unknown Source)\nCaused by: java.io.IOException: disk\n\tat \
                java.io.File.open(File.java:3)\n\tat example.Disk.read(Disk.java:7)\n\t... 2 more";
    assert_eq!(told(java), "java.io.IOException | disk at Disk.java:7 in example.Disk.read");
    assert_eq!(told("RuntimeError: no\n/var/task/app.rb:5:in 'handler'"), "RuntimeError | no at app.rb:5 in handler");
    let go = "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.handler(...)\n\t/src/main.go:12 +0x1d";
    assert_eq!(told(go), "panic | runtime error: index out of range at /src/main.go:12 in ?");
    let rust = "thread 'main' panicked at src/main.rs:12:5:\nno value";
    assert_eq!(told(rust), "panic | no value at src/main.rs:12 in ?");
    let dotnet = "System.ArgumentException: no\n   at Shop.Function.Handle(String a) in /src/Function.cs:line 12";
    assert_eq!(told(dotnet), "System.ArgumentException | no at /src/Function.cs:12 in Shop.Function.Handle");
}

#[test]
fn what_lambda_says() {
    let exit = "Error: Runtime exited with error: signal: killed\nRuntime.ExitError";
    assert_eq!(told(exit), "Runtime.ExitError | Runtime exited with error: signal: killed");
    assert_eq!(told("Task timed out after 3.00 seconds"), "Task timed out | Task timed out after 3.00 seconds");
    for text in ["all is well", "", "a\nb", "Errors: none", "saved: 3 errors"] {
        assert_eq!(told(text), "nothing", "{text}");
        assert!(!has_trace(text), "{text}");
    }
}

#[test]
fn places_in_the_local_cloud_are_those_of_the_package() {
    let file = format!("/tmp/state/code/{}/app.py", "ab".repeat(32));
    assert_eq!(below_the_package(&file), "app.py");
    assert_eq!(below_the_package("src/app.py"), "src/app.py");
}

#[test]
fn lines_that_come_one_by_one() {
    for line in ["Traceback (most recent call last):", "ValueError: x", "java.lang.X_Exception", "panic: no"] {
        assert!(may_begin(line), "{line}");
    }
    for line in ["Error handling is done", "an Error: x", "", "Erroris", "12 Error"] {
        assert!(!may_begin(line), "{line}");
    }
    assert!(goes_on("\tat a.b(C.java:1)") && goes_on("") && goes_on("Caused by: x") && !goes_on("saved"));
    assert!(is_foreign("    at x (node:internal/a:1:2)") && !is_foreign("    at x (/var/task/a.js:1:2)"));
}
