#!/usr/bin/env python3
"""How many calls a command takes, how many of them one after another, and how close that is to the least possible.

    benches/latency.py [--rzap target/release/rzap] [--front rest|http|url]… [--calls] [--functions 50] [--only …]

Runs rzap against the local cloud behind `slow_cloud.py`: 60 ms per call, 8 s until a new role can be used, 3 s until a new
function is active, 2 s until an update is through. With `--functions N`, a stage of N functions at AWS's real rates instead.
benches/README.md says what the columns are. Prints Markdown; `--calls` lists every call on stderr.
"""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

from slow_cloud import RATES, SlowCloud, Timing, covered, path

ROOT = pathlib.Path(__file__).resolve().parent.parent

APP = """def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def handler(event, context):
    return None
"""

# What nobody can leave out, because each call needs the answer of the one before it; what stands in brackets is waited
# for. The bucket of a first deploy: the lock says that there is none.
BEGIN = ["GetCallerIdentity", "lock"]
END = ["release", "unlock"]
LOOK = {
    "rest": ["GetRestApis", "GetStage"],
    "http": ["GetApis", "GetRoutes"],
    "url": ["ListFunctions", "GetFunction"],
}
OPEN = {
    "rest": ["AddPermission", "CreateDeployment"],
    "http": ["CreateIntegration", "CreateRoute", "CreateStage"],
    "url": ["AddPermission", "AddPermission"],
}
READY = ["[updating]", "GetFunction", "UpdateAlias", *END]
LEAST = {
    "first deploy": lambda front: [
        "GetCallerIdentity", "lock", "CreateBucket", "its settings", "lock", "look", "CreateRole", "[role]", "CreateFunction",
        "[pending]", "GetFunction", "CreateAlias", *OPEN[front], *END,
    ],
    "no-op deploy": lambda front: [*BEGIN, *LOOK[front], "unlock"],
    "update, code (1 MB)": lambda front: [*BEGIN, "UpdateFunctionCode", *READY],
    "deploy, code (1 MB)": lambda front: [*BEGIN, *LOOK[front], "PutObject", "UpdateFunctionCode", *READY],
    "deploy, memory": lambda front: [
        *BEGIN, *LOOK[front], "UpdateFunctionConfiguration", "[updating]", "GetFunction", "PublishVersion", "GetFunction",
        "UpdateAlias", *END,
    ],
    "rollback": lambda front: [*BEGIN, "releases", "GetFunction", "UpdateAlias", *END],
    # Who we are is asked beside it.
    "status": lambda front: LOOK[front],
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, rzap, front, functions=1):
        self.rzap_program = rzap
        self.front = front
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rzap-latency-"))
        for name in ["home", "state", "app"]:
            (self.folder / name).mkdir()
        self.app = self.folder / "app"
        (self.app / "app.py").write_text(APP)
        # Does not get smaller in a zip.
        (self.app / "data.bin").write_bytes(random.Random(1).randbytes(1_000_000 if functions == 1 else 1000))
        self.memory = 256
        self.functions = functions
        self.configure()
        keep = ["CERT", "PATH", "CA_BUNDLE"]
        self.env = {name: value for name, value in os.environ.items() if any(word in name for word in keep)}
        self.env |= {
            "HOME": str(self.folder / "home"),
            "RZAP_STATE_DIR": str(self.folder / "state"),
            "RZAP_CACHE_DIR": str(self.folder / "cache"),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def configure(self):
        text = f"app: guestbook\nruntime: python3.13\nregion: eu-west-1\nmemory: {self.memory}\n"
        if self.functions == 1:
            text += f"wsgi: app:app\nhttp: {self.front}\n"
        else:
            text += "functions:\n"
            for number in range(self.functions):
                code = f"wsgi: 'app:app', http: {self.front}" if number == 0 else "handler: app.handler"
                text += f"  f{number:02}: {{ {code} }}\n"
        (self.app / "rzap.yaml").write_text(text + "stages: { dev: {} }\n")

    async def run(self, *arguments, env=None):
        process = await asyncio.create_subprocess_exec(
            str(self.rzap_program), *arguments, cwd=self.app, env=self.env | (env or {}),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"rzap {' '.join(arguments)} ended with {process.returncode}:\n{out.decode()}{err.decode()}")
        return out.decode()

    async def start(self, timing):
        answer = json.loads(await self.run("local", "start", "--json"))
        self.cloud = SlowCloud(answer["endpoint"], timing)
        port = await self.cloud.start()
        self.env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"

    async def stop(self):
        await self.run("local", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    async def measure(self, *arguments, env=None):
        self.cloud.calls.clear()
        self.cloud.refill()
        started = time.monotonic()
        await self.run(*arguments, env=env)
        return time.monotonic() - started, list(self.cloud.calls), started

    def edit(self):
        with open(self.app / "app.py", "a") as file:
            file.write(f"# {time.time()}\n")


def moved(call):
    """Traffic has moved with its answer."""
    return call.operation.split()[1] in ["UpdateAlias", "CreateDeployment", "UpdateStage", "CreateFunctionUrlConfig", "CreateStage"]


def least(links, timing):
    waits = {"[role]": timing.role, "[pending]": timing.pending, "[updating]": timing.updating}
    return sum(waits.get(link, timing.delay) for link in links), sum(link not in waits for link in links)


def show(calls, started):
    on_path = {id(call) for call in path(calls)}
    for call in sorted(calls, key=lambda call: call.start):
        mark = "*" if id(call) in on_path else " "
        note = " early" if call.early else " THROTTLED" if call.throttled else ""
        times = f"{(call.start - started) * 1000:6.0f} – {(call.end - started) * 1000:6.0f}"
        say(f"{times} {mark} {call.status} {call.operation} {call.name}{note}")


async def fronts(arguments):
    timing = Timing()
    print("| front | command | calls | path | until live | least path | s | of them own | least s | ratio |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for front in arguments.front or ["rest", "http", "url"]:
        bench = Bench(arguments.rzap, front)
        await bench.start(timing)

        async def row(title, *command):
            if arguments.only and title not in arguments.only and title != "first deploy":
                return
            seconds, calls, started = await bench.measure(*command)
            if arguments.calls:
                say(f"\n{front}: {title}")
                show(calls, started)
            traffic = [call for call in calls if moved(call)]
            until = len(path(calls, max(traffic, key=lambda call: call.end))) if traffic else "–"
            own = seconds - covered(calls)
            wanted, count = least(LEAST[title](front), timing)
            print(
                f"| {front} | {title} | {len(calls)} | {len(path(calls))} | {until} | {count} | {seconds:.2f} | {own:.2f} "
                f"| {wanted:.2f} | {(seconds - own) / wanted:.2f} |",
                flush=True,
            )

        await row("first deploy", "deploy", "dev")
        await row("no-op deploy", "deploy", "dev")
        bench.edit()
        await row("update, code (1 MB)", "update", "dev")
        bench.edit()
        await row("deploy, code (1 MB)", "deploy", "dev")
        bench.memory = 512
        bench.configure()
        await row("deploy, memory", "deploy", "dev")
        await row("rollback", "rollback", "dev")
        await row("status", "status", "dev")
        await bench.stop()


def slots(calls):
    """Seconds that AWS's rates ask for at least: of the calls that got through, the busiest group."""
    counts = collections.Counter()
    for call in calls:
        if call.throttled:
            continue
        service = call.operation.split()[0]
        own = call.operation in RATES
        counts[call.operation] += own
        counts[service] += service in RATES and not (own and service == "lambda")
    times = {key: max(0.0, (count - RATES[key][1]) / RATES[key][0]) for key, count in counts.items() if count}
    return max(times.items(), key=lambda it: it[1]), counts


async def many(arguments):
    timing = Timing(rates=True)
    bench = Bench(arguments.rzap, "rest", arguments.functions)
    await bench.start(timing)
    print("| command | calls | refused | s | rates alone |\n|---|--:|--:|--:|---|")

    async def row(title, *command):
        seconds, calls, started = await bench.measure(*command, env={"RZAP_PACE": "aws"})
        if arguments.calls:
            say(f"\n{title}")
            show(calls, started)
        (group, wanted), counts = slots(calls)
        refused = sum(call.throttled for call in calls)
        print(f"| {title} | {len(calls)} | {refused} | {seconds:.1f} | {wanted:.1f} s ({counts[group]} × {group}) |", flush=True)

    await row("first deploy", "deploy", "dev")
    await row("no-op deploy", "deploy", "dev")
    bench.edit()
    await row("code update", "update", "dev")
    await row("rollback", "rollback", "dev")
    await row("status", "status", "dev")
    bench.memory = 512
    bench.configure()
    await row("deploy, memory", "deploy", "dev")
    await bench.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rzap", type=pathlib.Path, default=ROOT / "target/release/rzap")
    parser.add_argument("--front", action="append", choices=["rest", "http", "url"])
    parser.add_argument("--only", action="append", choices=LEAST, help="besides the first deploy")
    parser.add_argument("--calls", action="store_true", help="list every call on stderr")
    parser.add_argument("--functions", type=int, metavar="N", help="a stage of N functions, at AWS's rates")
    arguments = parser.parse_args()
    arguments.rzap = arguments.rzap.resolve()
    asyncio.run(many(arguments) if arguments.functions else fronts(arguments))


if __name__ == "__main__":
    main()
