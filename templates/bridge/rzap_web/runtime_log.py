"""The log as AWS's Python runtime writes it: one event per record, with level, time and request id.

Where Lambda gives a descriptor for it, records are framed, so that one of several lines stays one event;
else their line feeds are written as carriage returns, as AWS's runtime does it for errors.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

import json
import logging
import os
import sys
import time

# The request that is being answered.
request_id = None

_TEXT, _JSON = 0xA55A0003, 0xA55A0002
_descriptor = None
_frame_type = _TEXT
# rzap's local cloud, which starts `python -I`, turns this into a line feed inside an event.
_inner_line_feed = "\x1e" if sys.flags.isolated else "\r"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"aws_request_id", "message", "asctime"}


def write(text, level=0):
    """One event, past sys.stdout, which the package may have replaced."""
    if _descriptor is None:
        data = (text.rstrip("\n").replace("\n", _inner_line_feed) + "\n").encode("utf-8", "replace")
        to = 1
    else:
        # Type, length, microseconds, text. The type has the level in steps of four.
        text = text.encode("utf-8", "replace")
        kind = _frame_type + (4 + level // 10 * 4 if level >= 10 else 0)
        now = time.time_ns() // 1000
        data = kind.to_bytes(4, "big") + len(text).to_bytes(4, "big") + now.to_bytes(8, "big") + text
        to = _descriptor
    while data:
        data = data[os.write(to, data) :]


def error(document):
    """The event that says why an invocation failed."""
    if _frame_type == _JSON:
        write(json.dumps({"timestamp": _now(time.time()), "level": "ERROR", **document}), logging.ERROR)
        return
    lines = ["[ERROR] {errorType}: {errorMessage}".format(**document), "Traceback (most recent call last):"]
    for frame in document["stackTrace"]:
        for line in frame.splitlines():
            bare = line.lstrip(" ")
            # No-break spaces, because leading blanks would be cut where logs are shown.
            lines.append("\u00a0" * (len(line) - len(bare)) + bare)
    write("\n".join(lines), logging.ERROR)


class Handler(logging.Handler):
    """Writes records as Lambda's events."""

    def emit(self, record):
        record.aws_request_id = request_id or ""
        try:
            write(self.format(record), min(50, max(0, record.levelno)))
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html"""

    def format(self, record):
        members = {
            "timestamp": _now(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": record.aws_request_id,
        }
        if record.exc_info and record.exc_info[0] is not None:
            import traceback

            kind, value, trace = record.exc_info
            members.update(
                stackTrace=traceback.format_tb(trace),
                errorType=kind.__name__,
                errorMessage=str(value),
                location="{0.pathname}:{0.funcName}:{0.lineno}".format(record),
            )
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return json.dumps({**extra, **members}, ensure_ascii=False, default=str)


def _now(seconds):
    return "{}.{:03d}Z".format(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)), int(seconds % 1 * 1000))


def set_up():
    """The root logger's handler, as the settings of the function want it."""
    global _descriptor, _frame_type
    if "_LAMBDA_TELEMETRY_LOG_FD" in os.environ:
        _descriptor = int(os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD"))
    logging.Formatter.converter = time.gmtime
    handler = Handler()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        _frame_type = _JSON
        handler.setFormatter(JsonFormatter())
    else:
        text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        handler.setFormatter(logging.Formatter(text, "%Y-%m-%dT%H:%M:%S"))
    logging.root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = getattr(logging, {"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level), None)
    if isinstance(level, int):
        logging.root.setLevel(level)
