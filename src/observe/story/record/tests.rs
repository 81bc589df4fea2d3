//! Records as the loggers write them; where a shape is from stands beside it.

use serde_json::json;

use super::*;

fn told(value: Value) -> String {
    let Value::Object(document) = value else { panic!("no object") };
    let Some((record, request)) = read(document) else { return "nothing".to_owned() };
    let mut text = format!("{} {}", record.level.map_or("-", Level::word), record.message);
    for (name, value) in &record.fields {
        text.push_str(&format!(" {name}={value}"));
    }
    text.push_str(&request.map_or_else(String::new, |id| format!(" [{id}]")));
    text.push_str(&record.kind.map_or_else(String::new, |kind| format!(" <{kind}>")));
    text.push_str(if record.unhandled { " !" } else { "" });
    text.push_str(&record.trace.map_or_else(String::new, |trace| format!("\n{trace}")));
    text
}

#[test]
fn lambda() {
    // <https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html#python-logging-advanced>
    insta::assert_snapshot!(told(json!({"timestamp": "2023-10-27T19:17:45.586Z", "level": "INFO",
        "message": "Inside the handler function", "logger": "root", "requestId": "79b4f56e"})),
        @"INFO Inside the handler function logger=root [79b4f56e]");
    insta::assert_snapshot!(told(json!({"timestamp": "2023-11-01T00:21:51.358Z", "level": "ERROR", "message": "An error",
        "logger": "root", "stackTrace": ["  File \"/var/task/lambda_function.py\", line 15, in lambda_handler\n    int('a')\n"],
        "errorType": "ValueError", "errorMessage": "invalid literal", "requestId": "6f19",
        "location": "/var/task/lambda_function.py:lambda_handler:17"})), @r#"
    ERROR An error: ValueError: invalid literal logger=root location=/var/task/lambda_function.py:lambda_handler:17 [6f19] <ValueError>
      File "/var/task/lambda_function.py", line 15, in lambda_handler
        int('a')
    "#);
    // An exception that nobody caught, by the runtime interface client of Python.
    insta::assert_snapshot!(told(json!({"timestamp": "2023-11-01T00:21:51Z", "log_level": "ERROR",
        "errorMessage": "no", "errorType": "ValueError", "requestId": "6f19",
        "stackTrace": ["  File \"/var/task/a.py\", line 2, in f\n    x\n"]})), @r#"
    ERROR ValueError: no [6f19] <ValueError> !
      File "/var/task/a.py", line 2, in f
        x
    "#);
    // <https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html>
    insta::assert_snapshot!(told(json!({"timestamp": "2023-11-01T00:21:51.358Z", "level": "ERROR", "requestId": "6f19",
        "message": {"errorType": "ReferenceError", "errorMessage": "x is not defined",
            "stackTrace": ["ReferenceError: x is not defined", "    at Runtime.handler (file:///var/task/index.mjs:3:1)"]}})), @r"
    ERROR ReferenceError: x is not defined [6f19] <ReferenceError>
    ReferenceError: x is not defined
        at Runtime.handler (file:///var/task/index.mjs:3:1)
    ");
}

#[test]
fn powertools() {
    // <https://docs.aws.amazon.com/powertools/python/latest/core/logger/>
    insta::assert_snapshot!(told(json!({"level": "INFO", "location": "collect.handler:10", "message": "Collecting payment",
        "timestamp": "2021-05-03 11:47:12,494+0000", "service": "payment", "cold_start": true, "function_name": "test",
        "function_memory_size": 128, "function_arn": "arn:aws:lambda:eu-west-1:12345678910:function:test",
        "function_request_id": "52fdfc07", "order": {"id": 7, "lines": [1, 2]}})),
        @"INFO Collecting payment location=collect.handler:10 service=payment cold_start=true order.id=7 order.lines=[1,2] [52fdfc07]");
    insta::assert_snapshot!(told(json!({"level": "ERROR", "location": "collect.handler:5", "message": "Received an exception",
        "timestamp": "2021-05-03 11:47:12,494+0000", "service": "payment", "exception_name": "RuntimeError",
        "exception": "Traceback (most recent call last):\n  File \"<input>\", line 2, in <module>\nRuntimeError: Unable"})), @r#"
    ERROR Received an exception: RuntimeError location=collect.handler:5 service=payment <RuntimeError>
    Traceback (most recent call last):
      File "<input>", line 2, in <module>
    RuntimeError: Unable
    "#);
}

#[test]
fn structlog() {
    // <https://www.structlog.org/en/stable/getting-started.html> and `ExceptionRenderer`/`dict_tracebacks`.
    insta::assert_snapshot!(told(json!({"key": "value 1", "event": "hello", "level": "warning", "timestamp": "2022-10-07T10:41:29Z"})),
        @r#"WARN hello key="value 1""#);
    insta::assert_snapshot!(told(json!({"event": "no", "level": "error", "exception": [{"exc_type": "ZeroDivisionError",
        "exc_value": "division by zero", "syntax_error": null, "is_cause": false,
        "frames": [{"filename": "/var/task/a.py", "lineno": 2, "name": "make_call", "line": "", "locals": {}}]}]})), @r#"
    ERROR no <ZeroDivisionError>
    Traceback (most recent call last):
      File "/var/task/a.py", line 2, in make_call
    ZeroDivisionError: division by zero
    "#);
}

#[test]
fn pino_bunyan_and_winston() {
    // <https://getpino.io/#/docs/api?id=serializers-object>
    insta::assert_snapshot!(told(json!({"level": 50, "time": 1_531_257_618_044_u64, "pid": 8, "hostname": "x", "msg": "no",
        "err": {"type": "TypeError", "message": "x is no function", "stack": "TypeError: x is no function\n    at f (/var/task/i.js:3:1)", "code": 7}})), @r"
    ERROR no err.code=7 <TypeError>
    TypeError: x is no function
        at f (/var/task/i.js:3:1)
    ");
    // <https://github.com/trentm/node-bunyan#core-fields>
    insta::assert_snapshot!(told(json!({"name": "shop", "hostname": "h", "pid": 1, "level": 30, "msg": "hi", "time": "2012-02-03T18:33Z", "v": 0})),
        @"INFO hi name=shop");
    // <https://github.com/winstonjs/winston>
    insta::assert_snapshot!(told(json!({"level": "debug", "message": "here", "user": ""})), @r#"DEBUG here user="""#);
}

#[test]
fn tracing_subscriber() {
    // <https://docs.rs/tracing-subscriber/latest/tracing_subscriber/fmt/format/struct.Json.html>
    insta::assert_snapshot!(told(json!({"timestamp": "2022-02-15T18:47:10.821315Z", "level": "INFO",
        "fields": {"message": "preparing to shave yaks", "number_of_yaks": 3}, "target": "fmt_json",
        "span": {"yak": 3, "name": "shave"}, "spans": [{"name": "all"}, {"yak": 3, "name": "shave"}]})),
        @"INFO preparing to shave yaks number_of_yaks=3 target=fmt_json span.yak=3 span.name=shave");
}

#[test]
fn what_is_no_record() {
    assert_eq!(told(json!({"sum": 3})), "nothing");
    assert_eq!(told(json!({})), "nothing");
    assert_eq!(told(json!({"message": 7, "level": "chatty"})), "- 7 level=chatty");
}
