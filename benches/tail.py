#!/usr/bin/env python3
"""How soon, with how many calls and how fast logs are shown: rzap next to `sam logs`, `zappa tail` and `aws logs`.

    benches/tail.py [--rzap target/release/rzap] [--seconds 60] [--events 1000000] [--only rzap,sam…] [--ministack]

Each tool follows one log group of the local cloud (or MiniStack) behind a line that counts calls, while an event comes every
third of a second or so; then prints what is there to a file. The others are installed from PyPI into `.cache/bench/tail`.
Version 2 of the AWS CLI, which has `aws logs tail`, is not on PyPI: it is measured when `aws` on the path is one. Version 1 has
`aws logs start-live-tail` only. benches/README.md says what the columns are. Prints Markdown.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".cache/bench/tail"
GROUP = "/aws/lambda/bench-dev-main"
CONFIG = "app: bench\nruntime: python3.13\nregion: eu-west-1\nhandler: app.handler\nstages: { dev: {} }\n"
ZAPPA = '{"main": {"project_name": "bench-dev", "app_function": "app.app", "aws_region": "eu-west-1", "runtime": "python3.11"}}'
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}


class Line:
    """Passes bytes on and counts the calls in them: sessions as well, whose answers have no end."""

    def __init__(self, upstream):
        host, port = upstream.removeprefix("http://").split(":")
        self.upstream, self.calls, self.lock = (host, int(port)), collections.Counter(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.upstream)
            for one, other, counts in ((client, server, True), (server, client, False)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.pump, args=(one, other, counts), daemon=True).start()

    def pump(self, one, other, counts):
        rest = b""
        try:
            while data := one.recv(1 << 16):
                if counts:
                    text = rest + data
                    found = re.findall(rb"Logs_20140328\.(\w+)\r\n", text)
                    # What may go on in the next part is looked at again, what was counted is not.
                    rest = text.rpartition(b"\r\n")[2][-200:]
                    with self.lock:
                        self.calls.update(name.decode() for name in found)
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def tools(args, folder):
    """Name → command that follows, command that prints what is there; None where there is none."""
    bin_ = VENV / "bin"
    found = {
        "rzap": ([args.rzap, "tail", "dev"], [args.rzap, "tail", "dev", "--no-follow", "--since", "1d"]),
        "rzap --live": ([args.rzap, "tail", "dev", "--live"], None),
        "sam logs": ([bin_ / "sam", "logs", "--cw-log-group", GROUP, "--tail"],
                     [bin_ / "sam", "logs", "--cw-log-group", GROUP, "--start-time", "1 day ago"]),
        "zappa tail": ([bin_ / "zappa", "tail", "main", "--since", "10m"],
                       [bin_ / "zappa", "tail", "main", "--since", "1d", "--disable-keep-open"]),
        "aws logs start-live-tail": ([bin_ / "aws", "logs", "start-live-tail", "--log-group-identifiers",
                                      f"arn:aws:logs:eu-west-1:000000000000:log-group:{GROUP}"], None),
    }
    cli = shutil.which("aws")
    if cli and b"aws-cli/2" in subprocess.run([cli, "--version"], capture_output=True).stdout:
        found["aws logs tail"] = ([cli, "logs", "tail", GROUP, "--follow"], [cli, "logs", "tail", GROUP, "--since", "1d"])
    return {name: commands for name, commands in found.items() if not args.only or name.split()[0] in args.only.split(",")}


def environment(args, endpoint, folder):
    return {**KEYS, "AWS_ENDPOINT_URL": endpoint, "HOME": str(folder), "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "RZAP_STATE_DIR": str(folder / "state"), "NO_PROXY": "127.0.0.1,localhost",
            **({"RZAP_PACE": "aws"} if args.pace else {})}


def put(logs, stream, messages):
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream,
                        logEvents=[{"timestamp": now, "message": message} for message in messages])


def delay(logs, command, env, folder, line, seconds):
    """The median and the worst delay in seconds, events, those that did not come, calls a minute."""
    sent, arrived = {}, {}
    with subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        def read():
            for text in process.stdout:
                now = time.monotonic()
                for mark in re.findall(rb"mark-(\d+)-", text):
                    arrived.setdefault(int(mark), now)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        number, began = 0, time.monotonic()
        # Until the tool follows, and its first look is over.
        while not arrived and time.monotonic() < began + 60:
            put(logs, "s", [f"mark-{number}-"])
            number += 1
            time.sleep(0.5)
        time.sleep(3)
        first, start = number, time.monotonic()
        line.calls.clear()
        while time.monotonic() < start + seconds:
            sent[number] = time.monotonic()
            put(logs, "s", [f"mark-{number}-"])
            number += 1
            time.sleep(random.uniform(0.1, 0.6))
        calls = sum(line.calls.values()) * 60 / (time.monotonic() - start)
        time.sleep(8)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join(2)
    delays = [arrived[mark] - at for mark, at in sent.items() if mark in arrived]
    if not delays:
        return None
    return statistics.median(delays), max(delays), len(sent), len(sent) - len(delays), calls, first


def throughput(command, env, folder, name):
    """Seconds, peak resident MB, events in the file."""
    target = folder / f"{name.split()[0]}.txt"
    with target.open("wb") as out:
        began = time.monotonic()
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=out, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        took = time.monotonic() - began
    count = sum(text.count(b"event-") for text in target.open("rb"))
    target.unlink()
    return took, used.ru_maxrss / 1024, count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rzap", default=str(ROOT / "target/release/rzap"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--pace", action="store_true", help="rzap keeps AWS's rates, as it would there")
    parser.add_argument("--ministack", action="store_true", help="against MiniStack (of the test environment)")
    args = parser.parse_args()
    args.rzap = str(pathlib.Path(args.rzap).resolve())
    if not (VENV / "bin/sam").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        packages = ["boto3", "awscli", "aws-sam-cli", "zappa", "setuptools<81"]
        subprocess.run([VENV / "bin/pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)
    if pathlib.Path(sys.prefix) != VENV:
        os.execv(VENV / "bin/python", [str(VENV / "bin/python"), *sys.argv])
    import boto3

    folder = pathlib.Path(tempfile.mkdtemp(prefix="rzap-bench-tail-"))
    (folder / "rzap.yaml").write_text(CONFIG)
    (folder / "app.py").write_text("def handler(event, context):\n    return None\n")
    (folder / "zappa_settings.json").write_text(ZAPPA)
    os.symlink(VENV, folder / "venv")
    base = environment(args, "", folder)
    base["VIRTUAL_ENV"] = str(VENV)
    cloud = None
    try:
        if args.ministack:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = str(free.getsockname()[1])
            program = ROOT / ".cache/test-env/venv/bin/ministack"
            bare = {"PATH": os.environ["PATH"], "HOME": str(folder), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": port}
            cloud = subprocess.Popen([program], env=bare, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            endpoint = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", int(port))).close()
                    break
                except OSError:
                    time.sleep(0.1)
        else:
            started = {key: value for key, value in base.items() if key != "AWS_ENDPOINT_URL"}
            text = subprocess.run([args.rzap, "local", "start", "--json"], env=started, cwd=folder, check=True,
                                  capture_output=True, text=True).stdout
            endpoint = re.search(r'"endpoint": "([^"]+)"', text)[1]
        logs = boto3.client("logs", endpoint_url=endpoint, region_name="eu-west-1", aws_access_key_id="test",
                            aws_secret_access_key="test")
        line = Line(endpoint)
        env = {**base, "AWS_ENDPOINT_URL": line.endpoint}
        print(f"| {'MiniStack' if args.ministack else 'local cloud'} | median delay | worst | events | did not come | calls a minute |")
        print("|---|---|---|---|---|---|")
        for name, (follow, _) in tools(args, folder).items():
            logs.create_log_group(logGroupName=GROUP)
            logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
            found = delay(logs, follow, env, folder, line, args.seconds)
            logs.delete_log_group(logGroupName=GROUP)
            row = "| showed nothing | | | | |" if found is None else \
                f"| {found[0]:.2f} s | {found[1]:.2f} s | {found[2]} | {found[3]} | {found[4]:.0f} |"
            print(f"| {name} {row}", flush=True)
        logs.create_log_group(logGroupName=GROUP)
        batch = min(5_000, args.events)
        streams = [f"s{number}" for number in range(4)]
        for stream in streams:
            logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        for start in range(0, args.events, batch):
            put(logs, streams[start // batch % 4], [f"event-{number} of a request that took 12.3 ms and found what it looked for"
                                                   for number in range(start, min(start + batch, args.events))])
        print(f"\n| {args.events:,} events to a file | seconds | events/s | peak resident | events in it |")
        print("|---|---|---|---|---|")
        for name, (_, there) in tools(args, folder).items():
            if there:
                took, peak, count = throughput(there, env, folder, name)
                print(f"| {name} | {took:.1f} | {count / took:,.0f} | {peak:.0f} MB | {count:,} |", flush=True)
    finally:
        if cloud:
            cloud.terminate()
            cloud.wait()
        else:
            started = {key: value for key, value in base.items() if key != "AWS_ENDPOINT_URL"}
            subprocess.run([args.rzap, "local", "stop"], env=started, cwd=folder, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
