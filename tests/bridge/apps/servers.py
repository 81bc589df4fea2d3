"""The probe apps behind real servers: `app` for gunicorn, and as a program uvicorn.

python3 servers.py MOUNT    serves every ASGI app below MOUNT, says {name: port} and stays until its stdin ends
"""

import importlib
import json
import socket
import sys
import threading
import time

WSGI = {
    "raw-wsgi": "raw_wsgi:app",
    "flask": "flask_app:app",
    "django": "django_app",
    "bottle": "bottle_app:app",
    "pyramid": "pyramid_app:make()",
    "falcon": "falcon_app:app",
}
ASGI = {
    "raw-asgi": "raw_asgi:app",
    "starlette": "starlette_app:app",
    "fastapi": "fastapi_app:app",
    "quart": "quart_app:app",
    "django-asgi": "django_app:asgi_app",
    "falcon-asgi": "falcon_app:asgi_app",
}
_loaded = {}


def load(target):
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), (name or "app").removesuffix("()"))
    return found() if name.endswith("()") else found


def app(environ, start_response):
    name = environ["HTTP_X_PROBE"]
    if name not in _loaded:
        _loaded[name] = load(WSGI[name])
    return _loaded[name](environ, start_response)


def falcon(app):
    """Falcon routes by the whole of `path`, which begins with `root_path`: behind uvicorn's it finds nothing."""

    async def unmounted(scope, receive, send):
        scope = {**scope, "path": scope.get("path", "").removeprefix(scope.get("root_path", ""))}
        await app(scope, receive, send)

    return unmounted


def main(mount):
    import uvicorn

    ports, servers = {}, []
    for name, target in ASGI.items():
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ports[name] = listener.getsockname()[1]
        found = falcon(load(target)) if name == "falcon-asgi" else load(target)
        settings = uvicorn.Config(found, root_path=mount, log_level="critical", ws="none")
        servers.append(uvicorn.Server(settings))
        threading.Thread(target=servers[-1].run, kwargs={"sockets": [listener]}, daemon=True).start()
    while not all(server.started for server in servers):
        time.sleep(0.01)
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
