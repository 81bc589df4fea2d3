#!/usr/bin/env python3
"""Cold starts in the local cloud: the Init Duration of REPORT, with the bridge and with byte code.

    benches/cold_start_local.py [--rounds 15] [--rzap target/release/rzap] [--python 3.11]

Each round stops the local cloud, so that no process is warm, and calls every function once, taking turns. The
numbers are wall-clock milliseconds of the initialisation, as the function's log has them: the median of the rounds.
Lambda gives a function of 512 MB about 0.3 of a core: there all of it takes longer. Prints Markdown.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

FILES = {
    "bare/app.py": "def handler(event, context):\n    return None\n",
    "wsgi/app.py": """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
""",
    "asgi/app.py": """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
""",
    "flask/app.py": "import flask\napp = flask.Flask(__name__)\n",
    "flask/requirements.txt": "flask==3.1.3\n",
    "fastapi/app.py": "import fastapi\napp = fastapi.FastAPI()\n",
    "fastapi/requirements.txt": "fastapi==0.162.5\n",
    "django/settings.py": """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = [
    "django.contrib." + name for name in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
]
""",
    "django/urls.py": "from django.contrib import admin\nfrom django.urls import path\nurlpatterns = [path('', admin.site.urls)]\n",
    "django/requirements.txt": "django==5.2.19\n",
}

FUNCTIONS = {
    "bare": ("handler: app.handler", "a plain handler"),
    "wsgi": ("wsgi: app:app", "a plain WSGI app"),
    "asgi": ("asgi: app:app", "a plain ASGI app"),
    "flask": ("wsgi: app:app", "Flask"),
    "fastapi": ("asgi: app:app", "FastAPI"),
    "django": ("django: settings", "Django with its admin"),
}


def config(python):
    """The same functions twice: as they are, and with byte code."""
    lines = ["app: cold", "runtime: python" + python, "region: eu-west-1", "timeout: 60", "stages: { dev: {} }", "functions:"]
    for name, (entry, _) in FUNCTIONS.items():
        front = "" if name == "bare" else ", http: url"
        lines.append("  {0}: {{ dir: {0}, {1}{2} }}".format(name, entry, front))
        lines.append("  {0}-bytecode: {{ dir: {0}, {1}{2}, bytecode: true }}".format(name, entry, front))
    return "\n".join(lines) + "\n"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--rzap", default=shutil.which("rzap") or str(HERE.parent / "target/release/rzap"))
    options.add_argument("--python", default="3.11")
    chosen = options.parse_args()
    chosen.rzap = str(pathlib.Path(chosen.rzap).absolute())

    folder = pathlib.Path(tempfile.mkdtemp(prefix="rzap-cold-"))
    environment = {**os.environ, "RZAP_STATE_DIR": str(folder / "state"), "RZAP_LOCAL": "1"}

    def rzap(*words):
        done = subprocess.run([chosen.rzap, *words], cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit("rzap {} failed:\n{}{}".format(" ".join(words), done.stdout, done.stderr))
        return done.stdout

    try:
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text.lstrip("\n"))
        (folder / "rzap.yaml").write_text(config(chosen.python))
        rzap("deploy", "dev")
        took = {}
        for _ in range(chosen.rounds):
            rzap("local", "stop")
            for name in [name + ending for name in FUNCTIONS for ending in ("", "-bytecode")]:
                log = json.loads(rzap("invoke", "dev", name, "--payload", '{"rzap": "warm"}', "--logs", "--json"))["log"]
                took.setdefault(name, []).append(float(re.search(r"Init Duration: ([\d.]+) ms", log).group(1)))
    finally:
        subprocess.run([chosen.rzap, "local", "stop"], env=environment, capture_output=True)
        shutil.rmtree(folder)

    print("| init, ms | as it is | `bytecode: true` |\n|---|--:|--:|")
    for name, (_, title) in FUNCTIONS.items():
        print("| {} | {:.0f} | {:.0f} |".format(title, *(statistics.median(took[name + end]) for end in ("", "-bytecode"))))


if __name__ == "__main__":
    main()
