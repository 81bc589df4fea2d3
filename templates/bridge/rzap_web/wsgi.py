"""A WSGI application and its requests, the way PEP 3333 says."""

import sys
from io import BytesIO


class Server:
    """Serves one application. `respond` is what `asgi.Server` has, too."""

    def __init__(self, load):
        self.app = load()

    def respond(self, request, streaming):
        """An `Exchange`, whose status and headers stand as soon as its first chunk is taken."""
        return Exchange(self.app, request, streaming)


def environ(request):
    """The WSGI environ of `request`."""
    result = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mount,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_NAME": request.host,
        "SERVER_PORT": request.port,
        "SERVER_PROTOCOL": request.protocol,
        "REMOTE_ADDR": request.client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        # The body ends where the stream ends, whatever Content-Length says.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        # One process per concurrent request is how Lambda scales.
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "lambda.event": request.event,
        "lambda.context": request.context,
        "apig_wsgi.full_event": request.event,
        "apig_wsgi.request_context": request.event["requestContext"],
        "apig_wsgi.context": request.context,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            result[key] = value
        # `X_Real_Ip` would be taken for `X-Real-Ip`: the spelling with _ is dropped, as nginx and gunicorn do.
        elif "_" not in name:
            key = "HTTP_" + key
            result[key] = result[key] + "," + value if key in result else value
    return result


class Exchange:
    """One call of the application; `start_response` and `write` are what PEP 3333 says."""

    def __init__(self, app, request, streaming):
        self.status = None
        self.headers = []
        self.chunks = self._run(app, environ(request))
        self.late_error = None
        self._streaming = streaming
        self._sent = False
        self._pending = []

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            if self._sent:
                raise exc_info[1].with_traceback(exc_info[2])
            # Nothing has been sent yet, so the app may still change its mind about all of it.
            self._pending.clear()
        elif self.status is not None:
            raise AssertionError("start_response was called a second time without exc_info")
        # Read before it is kept: what fails here has started nothing.
        code, pairs = int(status[:3]), list(headers)
        self.headers = pairs
        self.status = code
        return self.write

    def write(self, data):
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError("a WSGI body consists of bytes, not {}".format(type(data).__name__))
        if data:
            if self.status is None:
                raise AssertionError("the application did not call start_response before its body")
            self._pending.append(bytes(data))

    def _run(self, app, variables):
        """Yields the body: as it comes when streaming, otherwise at the end, when the app can no longer replace it."""
        result = app(variables, self.start_response)
        try:
            for chunk in result:
                self.write(chunk)
                if self._streaming and self._pending:
                    self._sent = True
                    yield self._taken()
        finally:
            # Always, also when the client has gone.
            close = getattr(result, "close", None)
            if close is not None:
                close()
        if self.status is None:
            raise AssertionError("the application did not call start_response")
        yield self._taken()

    def _taken(self):
        body = b"".join(self._pending)
        self._pending.clear()
        return body
