#!/usr/bin/env python3
"""`rzap map`: calls a second on the client's side, and many items through the local cloud.

    benches/map.py [--rzap target/release/rzap] [--items 100000] [--concurrency 200] [--wait 0] [--local-items 100000]

The first measurement is against an endpoint that answers at once (benches/map, built on the way): what rzap itself
costs, signing and all. Both ends share the machine. The second one runs real Python processes in the local cloud. Each
output is read back: every index once, in order, with its own answer. RSS is the peak of rzap's own process.
Prints Markdown.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = "app: bench\nruntime: python3.13\nregion: eu-west-1\nfunctions:\n  echo: { handler: app.handler }\nstages: { dev: {} }\n"
APP = "def handler(event, context):\n    return event\n"


def measured(command, environment):
    """The command's JSON document, seconds, CPU seconds and peak RSS in MB."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}\n{out.decode()}")
    return json.loads(out), time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def check(output, items, ordered):
    """Every index once, with its own answer."""
    seen = bytearray(items)
    with open(output) as lines:
        for place, line in enumerate(lines):
            line = json.loads(line)
            assert line["output"]["n"] == line["index"] and not seen[line["index"]], line
            assert not ordered or line["index"] == place, line
            seen[line["index"]] = 1
    assert all(seen), f"{sum(seen)} of {items}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rzap", default=HERE.parent / "target/release/rzap", type=pathlib.Path)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--wait", type=int, default=0, help="milliseconds that the endpoint takes for a call")
    parser.add_argument("--local-items", type=int, default=100_000, help="0: not through the local cloud")
    options = parser.parse_args()
    rzap = options.rzap.resolve()
    with tempfile.TemporaryDirectory(prefix="rzap-bench-") as folder:
        folder = pathlib.Path(folder)
        (folder / "rzap.yaml").write_text(CONFIG)
        (folder / "app.py").write_text(APP)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "TMPDIR": str(folder),
            "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true",
        }
        print("| through | items | at once | s | items/s | CPU µs an item | RSS MB | throttled | lost |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")

        def run(name, items, *flags):
            with open(folder / "items.jsonl", "w") as file:
                for index in range(items):
                    file.write(f'{{"n": {index}, "text": "{"x" * 100}"}}\n')
            command = [rzap, "map", "dev", "echo", "--project", folder, "--input", folder / "items.jsonl"]
            command += ["--output", folder / "out.jsonl", "--restart", "--json", "--concurrency", str(options.concurrency), *flags]
            document, seconds, cpu, rss = measured(command, environment)
            check(folder / "out.jsonl", items, "--unordered" not in flags)
            print(
                f"| {name} | {items:,} | {options.concurrency} | {seconds:.1f} | {items / seconds:,.0f} "
                f"| {cpu * 1e6 / items:.0f} | {rss:.0f} | {document['throttles']} | 0 |",
                flush=True,
            )

        bench = HERE / "map"
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=bench, check=True)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", bench / "target"))
        server = subprocess.Popen([target / "release/map-bench", str(options.wait)], stdout=subprocess.PIPE, text=True)
        try:
            endpoint = server.stdout.readline().strip()
            name = f"an endpoint that takes {options.wait} ms"
            run(name, options.items, "--endpoint-url", endpoint)
            run(f"{name}, `--unordered`", options.items, "--endpoint-url", endpoint, "--unordered")
        finally:
            server.kill()
            server.wait()
        if options.local_items:
            quiet = {"check": True, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            try:
                subprocess.run([rzap, "deploy", "dev", "--local", "--project", folder], **quiet)
                run("the local cloud", options.local_items, "--local")
            finally:
                subprocess.run([rzap, "local", "stop"], **quiet)


main()
