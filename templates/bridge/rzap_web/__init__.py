"""rzap's bridge between AWS Lambda's HTTP events and a WSGI or ASGI application.

    from rzap_web import bridge
    handler = bridge("wsgi", "guestbook:app")

Owns: the way of a request, and what happens when the application fails. `load` finds the application,
`request` reads the event, `wsgi` or `asgi` calls the application, `response` writes what Lambda returns.

Accepts REST API events (payload 1.0), HTTP API events (1.0 and 2.0) and function URL events (2.0).
Refuses everything else, load balancers included, with a ValueError that says so.

Why not a library: each was run over the requests of rzap's tests/bridge/compare.py, where this bridge answers
all of them as gunicorn and uvicorn do.
- mangum 0.22 (MIT): `root_path` is always empty, so links miss the stage or the base path, and a named stage
  of an HTTP API is a 404 without configuration; `raw_path` is None; paths that HTTP APIs have decoded are
  decoded again (`100%2525`); HEAD gets a body, and answers without a content type one of JSON; the lifespan
  runs anew in every invocation; no streaming, and no word on answers over 6 MB. WSGI apps need a2wsgi (1.10,
  Apache-2.0) in between, and run in its threads.
- apig-wsgi 2.20 (MIT): no SCRIPT_NAME, no stage, no base path (404 behind both); the first of two repeated
  headers is lost in 2.0; text that is not UTF-8, and every error of the app, fail the invocation.
- serverless-wsgi 3.1 (MIT): knows REST stages, but no stage of an HTTP API (404) and a base path only by
  configuration; no `body` at all in empty answers; fails on text that is not UTF-8. Imports werkzeug.
- aws-wsgi (awsgi) 0.2.7 (MIT): payload 1.0 only, the status is a string, no mount point.
Wrapping all that is more code than this. The keys of mangum (`aws.event`, `aws.context`) and of apig-wsgi
(`apig_wsgi.*`) are kept, so that an app can move without a change.
"""

import sys

from . import load, request, response

__all__ = ["bridge"]


def bridge(protocol, target, console=False, static=None):
    """The Lambda handler for an application.

    protocol: `wsgi` or `asgi` with `module:object` or `module:factory()`, or `django` with the name of its settings.
    console: whether `rzap exec` may run code in here. static: the URL below which static files are served.

    Imports the application at once, so that a broken one fails while Lambda initialises it. The handler's
    `stream(event, context)` is (prelude, iterator of bytes) for what is to be streamed, else None.
    """
    if protocol == "asgi":
        from .asgi import Server
    elif protocol in ("wsgi", "django"):
        from .wsgi import Server
    else:
        raise ValueError("{!r} is not a protocol: wsgi, asgi or django".format(protocol))
    files = None
    if static is not None:
        from .static import Files

        files = Files(static)
    server = Server(lambda: load.application(protocol, target))

    def handler(event, context):
        about = _not_http(event)
        if about == "warm":
            return None
        if about == "exec":
            return b"".join(_console(console, event, context)).decode("utf-8", "replace")
        asked = request.Request(event, context)
        try:
            status, headers, chunks = _answer(server, files, asked, False)
            return response.to_event(asked, status, headers, b"".join(chunks))
        except response.TooLarge as error:
            _log("rzap: {}".format(error))
        except BaseException:  # SystemExit, too: Lambda would say nothing but that the process is gone.
            _log("rzap: {} failed on {}".format(target, asked), sys.exc_info())
        return response.to_event(asked, *response.failure(getattr(context, "aws_request_id", None)))

    def stream(event, context):
        about = _not_http(event)
        if about == "exec":
            return None, _console(console, event, context)
        if about is not None:
            return None
        asked = request.Request(event, context)
        if not asked.is_function_url:
            return None
        try:
            status, headers, chunks = _answer(server, files, asked, True)
            start = response.prelude(status, headers, True)
        except BaseException:
            _log("rzap: {} failed on {}".format(target, asked), sys.exc_info())
            status, headers, body = response.failure(getattr(context, "aws_request_id", None))
            start, chunks = response.prelude(status, headers, True), iter([body])
        return start, _streamed(chunks, response.is_bodyless(asked, status))

    handler.stream = stream
    return handler


def _not_http(event):
    """`warm` or `exec`, what rzap itself sends; None for everything else. No front of HTTP can make such an event."""
    about = event.get("rzap") if isinstance(event, dict) and "requestContext" not in event else None
    return about if about in ("warm", "exec") else None


def _console(allowed, event, context):
    if not allowed:
        raise ValueError("this function runs no code from outside: set `exec: true` in rzap.yaml and deploy again")
    from .console import run

    return run(event, context)


def _answer(server, files, asked, streaming):
    """(status, headers, iterator of chunks), the first of which has been made."""
    if files is not None:
        found = files.respond(asked.method, request.text(asked.path), dict(asked.headers))
        if found is not None:
            return found[0], found[1], iter([found[2]])
    exchange = server.respond(asked, streaming)
    first = next(exchange.chunks)

    def chunks():
        try:
            yield first
            yield from exchange.chunks
        finally:
            exchange.chunks.close()
        error = exchange.late_error
        if error is not None:
            _log("rzap: failed after the answer to {}".format(asked), (type(error), error, error.__traceback__))

    return exchange.status, exchange.headers, chunks()


def _streamed(chunks, bodyless):
    try:
        for chunk in chunks:
            if chunk and not bodyless:
                yield chunk
    except (SystemExit, KeyboardInterrupt) as error:
        # An error of this request, not the end of the process.
        raise RuntimeError("the application raised {!r}".format(error)) from error
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _log(text, exc_info=None):
    """One record with everything.

    Through the root logger where somebody listens: Lambda's own handler makes it one log event that
    carries the request id, and an app that configured logging gets it in its own form.
    """
    logging = sys.modules.get("logging")
    if logging is not None and logging.root.handlers and logging.root.isEnabledFor(logging.ERROR):
        logging.root.error(text, exc_info=exc_info)
        return
    if exc_info is not None:
        import traceback

        text += "\n" + "".join(traceback.format_exception(*exc_info)).rstrip("\n")
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
