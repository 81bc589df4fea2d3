"""What `rzap exec` and `rzap manage` run inside the function, and what it prints, while it prints it.

    {"rzap": "exec", "kind": "code", "code": "1 + 1"}             an expression, statements, or module:function
    {"rzap": "exec", "kind": "manage", "arguments": ["migrate"]}  a management command of Django

Gives lines of JSON: {"out": text} and {"err": text} as they come, {"exit": code} at the end. Whatever writes
to the descriptors of stdout and stderr is caught, child processes included. The log says that something was
run, neither what nor what it printed.
There is nothing to read: whoever asks for input gets an EOFError that says so.
"""

import io
import json
import os
import sys

_BLOCK = 65536
_SOURCE = "<rzap exec>"


class NoInput(io.TextIOBase):
    """stdin, where nobody sits."""

    def readable(self):
        return True

    def readline(self, size=-1):
        raise EOFError("nobody can answer here: the code runs in the function, without a terminal or stdin")

    read = readline


def run(event, context):
    """Runs what the event asks for. The iterator gives bytes, and has to be read to its end."""
    kind = event.get("kind")
    if kind == "code":
        code = event["code"]
        return _lines("rzap exec", lambda: _code(code))
    if kind == "manage":
        arguments = [str(argument) for argument in event["arguments"]]
        return _lines("rzap manage", lambda: _manage(arguments))
    raise ValueError("rzap exec of this version does not know {!r}: deploy again".format(kind))


def _lines(name, work):
    import codecs
    import select
    import threading

    print("rzap: runs what `{}` sent".format(name))
    done = []
    pipes = {"out": os.pipe(), "err": os.pipe()}
    over = os.pipe()
    saved = _Streams(pipes)

    def worker():
        try:
            done.append(_exit_code(work))
        finally:
            os.close(over[1])

    poll = select.poll()
    names = {}
    for name, (reader, _) in pipes.items():
        os.set_blocking(reader, False)
        names[reader] = (name, codecs.getincrementaldecoder("utf-8")("replace"))
        poll.register(reader, select.POLLIN)
    poll.register(over[0], select.POLLIN)
    thread = threading.Thread(target=worker, name="rzap-exec", daemon=True)

    def texts():
        """What is in the pipes."""
        for reader, (name, decoder) in names.items():
            while True:
                try:
                    data = os.read(reader, _BLOCK)
                except BlockingIOError:
                    break
                if not data:
                    break
                text = decoder.decode(data)
                if text:
                    yield _line({name: text})

    thread.start()
    try:
        running = True
        while running:
            running = over[0] not in [reader for reader, _ in poll.poll()]
            yield from texts()
        thread.join()
        # A child that was left behind may hold the pipes open for ever: what is in them now is all.
        saved.restore()
        yield from texts()
        for name, decoder in names.values():
            rest = decoder.decode(b"", True)
            if rest:
                yield _line({name: rest})
        yield _line({"exit": done[0] if done else 1})
    finally:
        saved.restore()
        for descriptor in (over[0], *names):
            os.close(descriptor)


def _line(document):
    return json.dumps(document).encode() + b"\n"


class _Streams:
    """The process's streams, lent out to the pipes until `restore`."""

    def __init__(self, pipes):
        self.streams = (sys.stdin, sys.stdout, sys.stderr)
        self.flush()
        self.saved = {1: os.dup(1), 2: os.dup(2)}
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(pipes[name][1], number)
            os.close(pipes[name][1])
        sys.stdin = NoInput()
        sys.stdout, sys.stderr = _unbuffered(1), _unbuffered(2)
        self.handlers = _log_to_stderr()

    def flush(self):
        for stream in (*self.streams[1:], sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass

    def restore(self):
        if not self.saved:
            return
        self.flush()
        sys.stdin, sys.stdout, sys.stderr = self.streams
        for number, copy in self.saved.items():
            os.dup2(copy, number)
            os.close(copy)
        self.saved = {}
        for handler, emit in self.handlers:
            handler.emit = emit


def _unbuffered(number):
    raw = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _log_to_stderr():
    """Records for Lambda's log go to whoever waits for the command; gives what to put back."""
    logging = sys.modules.get("logging")
    if logging is None:
        return []
    changed = []
    plain = logging.Formatter("%(levelname)s %(name)s: %(message)s")

    def emit(record):
        sys.stderr.write(plain.format(record) + "\n")

    for handler in logging.root.handlers:
        if type(handler).__module__ == "rzap_web.runtime_log":
            changed.append((handler, handler.emit))
            handler.emit = emit
    return changed


def _exit_code(work):
    try:
        work()
        return 0
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 255
        print(error.code, file=sys.stderr)
        return 1
    except BaseException as error:
        import traceback

        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename == _SOURCE:
            trace = None  # Only the parser's.
        traceback.print_exception(type(error), error, trace)
        return 1


def _code(code):
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    module, colon, path = code.strip().partition(":")
    if colon and all(part.isidentifier() for part in (module + "." + path).split(".")):
        __import__(module)
        found = sys.modules[module]
        for name in path.split("."):
            found = getattr(found, name)
        return _show(found())
    import ast
    import linecache

    # For tracebacks. Without a time linecache believes it.
    linecache.cache[_SOURCE] = (len(code), None, code.splitlines(True), _SOURCE)
    tree = ast.parse(code, _SOURCE)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, _SOURCE, "exec"), names)
    if last is not None:
        _show(eval(compile(ast.Expression(last.value), _SOURCE, "eval"), names))


def _show(value):
    import inspect

    if inspect.iscoroutine(value):
        import asyncio

        value = asyncio.run(value)
    if value is not None:
        print(repr(value))


def _manage(arguments):
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit("rzap manage runs Django's commands, and Django is not in the package: {}".format(error))
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise SystemExit("rzap manage needs Django's settings: `django:` or DJANGO_SETTINGS_MODULE in rzap.yaml")
    from .load import forget_mount

    try:
        execute_from_command_line(["manage.py", *arguments])
    finally:
        forget_mount()
