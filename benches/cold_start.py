#!/usr/bin/env python3
"""What the bridge adds to a web app's cold start, against other adapters, on the same apps in the same run.

    benches/cold_start.py [--rounds 15]

Needs a package index for the first run; everything lies in `.cache/bench/cold-start`. Every number is a new
process each time, and the median of the rounds, all cases taking turns: the processor time to import the app,
what the adapter takes on top of that until there is a handler, and then the first answer. (What else the machine
does would be in the time of the clock.) Modules are what the adapter adds to sys.modules. As in a package of
rzap's, nothing but the standard library has its bytecode. Prints Markdown.
"""

import argparse
import json
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BENCH = ROOT / ".cache/bench/cold-start"
sys.path.insert(0, str(ROOT / "tests/bridge"))
sys.dont_write_bytecode = True

import events  # noqa: E402

PINS = [
    "flask==3.1.3",
    "fastapi==0.162.5",
    "mangum==0.22.0",
    "apig-wsgi==2.20.0",
    "a2wsgi==1.10.10",
    "serverless-wsgi==3.1.0",
]

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}

APPS = {
    "plain_wsgi": """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
""",
    "plain_asgi": """
import asyncio
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})
""",
    "flask_app": """
import flask
app = flask.Flask(__name__)
@app.route("/")
def hello():
    return "hello"
""",
    "fastapi_app": """
import fastapi
app = fastapi.FastAPI()
@app.get("/")
def hello():
    return "hello"
""",
}
# After the app has been imported as `app`.
WSGI = {
    "rzap": "from rzap_web import bridge; handler = bridge('wsgi', '{0}:app')",
    "apig-wsgi": "from apig_wsgi import make_lambda_handler as make; handler = make(app, binary_support=True)",
    "serverless-wsgi": "import serverless_wsgi as s; handler = lambda e, context: s.handle_request(app, e, context)",
    "mangum + a2wsgi": "from mangum import Mangum; from a2wsgi import WSGIMiddleware as W; handler = Mangum(W(app))",
}
ASGI = {
    "rzap": "from rzap_web import bridge; handler = bridge('asgi', '{0}:app')",
    "mangum": "from mangum import Mangum; handler = Mangum(app)",
}

# Lambda's runtime has imported these before it looks at the handler.
PROGRAM = """
import importlib, json, logging, os, sys, time, traceback
sys.path.insert(0, {folder!r})
event = json.loads({event!r})
class Context:
    aws_request_id = "1"
times = [time.process_time()]
from {app} import app
times.append(time.process_time())
modules = len(sys.modules)
{code}
times.append(time.process_time())
modules = len(sys.modules) - modules
answer = handler(event, Context())
times.append(time.process_time())
assert answer["statusCode"] == 200, answer
print(json.dumps([(after - before) * 1000 for before, after in zip(times, times[1:])] + [modules]))
"""


def virtualenv():
    python = BENCH / "venv/bin/python"
    done = BENCH / "done.json"
    if not done.exists() or json.loads(done.read_text()) != PINS:
        BENCH.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", BENCH / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", *PINS], check=True)
        done.write_text(json.dumps(PINS))
    return python


def measure(python, app, code):
    program = PROGRAM.format(folder=str(BENCH), event=json.dumps(events.function_url()), app=app, code=code.format(app))
    done = subprocess.run([python, "-c", program], stdout=subprocess.PIPE, check=True, env=ENVIRONMENT)
    return json.loads(done.stdout)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=11)
    rounds = options.parse_args().rounds
    python = virtualenv()
    shutil.rmtree(BENCH / "rzap_web", ignore_errors=True)
    shutil.copytree(
        ROOT / "templates/bridge/rzap_web", BENCH / "rzap_web", ignore=shutil.ignore_patterns("__pycache__")
    )
    times = {}
    for app, text in APPS.items():
        (BENCH / (app + ".py")).write_text(text)
    for _ in range(rounds):
        for app in APPS:
            for adapter, code in (ASGI if app in ("plain_asgi", "fastapi_app") else WSGI).items():
                times.setdefault((app, adapter), []).append(measure(python, app, code))
    version = subprocess.check_output([python, "-V"], text=True).strip()
    print("{}, {}, median of {} processes\n".format(version, platform.machine(), rounds))
    print("| app | import of the app | adapter | on top | first answer | modules |\n|---|--:|---|--:|--:|--:|")
    for (app, adapter), rows in times.items():
        alone, more, answered, modules = (statistics.median(column) for column in zip(*rows))
        line = "| {} | {:.1f} ms | {} | {:.1f} ms | {:.1f} ms | {:.0f} |"
        print(line.format(app, alone, adapter, more, answered, modules))


if __name__ == "__main__":
    main()
