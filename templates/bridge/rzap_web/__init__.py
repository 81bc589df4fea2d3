"""rzap's bridge between AWS Lambda's HTTP events and a WSGI application.

    from rzap_web import bridge
    handler = bridge("wsgi", "guestbook:app")

Owns: finding the application, calling it the way PEP 3333 says, and what happens when it fails.
`request` turns an event into a WSGI environ, `response` turns the answer into what Lambda returns.

Accepts REST API events (payload 1.0), HTTP API events (1.0 and 2.0) and function URL events (2.0).
Refuses everything else, load balancers included, with a ValueError that says so.

Why not a library: apig-wsgi 2.20 (MIT) is the best kept one, and was compared point by point. It knows
no SCRIPT_NAME and no stage, takes the client address from a header the client may write, reads paths
that API Gateway has already decoded as latin-1, loses repeated headers in 2.0, appends headers when
start_response is called again, sends bodies with 204 and HEAD, does not decode text that is not
UTF-8, and has no answer to errors or to answers over 6 MB. Wrapping all that is more code than this.
Its environ keys (`apig_wsgi.*`) are kept, so that an app can move without a change.
"""

import sys

from . import request, response

__all__ = ["bridge"]


def bridge(protocol, target):
    """The Lambda handler for the WSGI application `module:object`.

    Imports the application at once, so that a broken one fails while Lambda initialises it.
    """
    app = _load(target)

    def handler(event, context):
        environ = request.environ(event, context)
        answer = response.Answer(environ, v2=request.is_v2(event))
        try:
            answer.collect(app)
            return answer.to_event()
        except response.TooLarge as error:
            _log("rzap: " + str(error))
        except Exception:
            line = "rzap: {} failed on {REQUEST_METHOD} {SCRIPT_NAME}{PATH_INFO}"
            _log(line.format(target, **environ), sys.exc_info())
        # The client learns nothing but the id under which the log has the rest.
        return response.failure(getattr(context, "aws_request_id", None))

    return handler


def _load(target):
    module_name, colon, path = target.partition(":")
    if not (module_name and colon and path):
        raise ValueError("wsgi: {!r} is not of the form module:object".format(target))
    try:
        # Not importlib: `__import__` keeps the traceback short, and Lambda logs all of it.
        __import__(module_name)
    except ImportError as error:
        raise _explained(error, module_name) from error
    found = sys.modules[module_name]
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            text = "wsgi: {} has no object {!r} (looked for {})".format(module_name, path, target)
            raise AttributeError(text) from None
    if not callable(found):
        raise TypeError(
            "wsgi: {} is not a WSGI application: a {} cannot be called".format(target, type(found).__name__)
        )
    return found


def _explained(error, module_name):
    """The same error with a hint, because Lambda shows nothing but its message."""
    missing = error.name
    if not isinstance(error, ModuleNotFoundError) or not missing:
        return ImportError("{} (while importing {})".format(error, module_name), name=missing, path=error.path)
    if module_name == missing or module_name.startswith(missing + "."):
        text = "no module {!r} in the package: `wsgi` in rzap.yaml must name a file of the project".format(missing)
    else:
        text = (
            "no module {!r} in the package (imported by {}): add the distribution that provides it "
            "to requirements.txt or pyproject.toml and deploy again"
        ).format(missing, module_name)
    return ModuleNotFoundError(text, name=missing, path=error.path)


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
