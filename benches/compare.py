#!/usr/bin/env python3
"""rzap against the other packagers, on the same files in the same run.

    cargo build --release && benches/compare.py [--rzap PROGRAM] [--rounds 3] [TREE…]

Needs cargo, zip, and a package index for the first run; everything it makes lies in `.cache/bench`.
benches/README.md says what each number includes. Prints Markdown; what it does meanwhile, on stderr.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BENCH = ROOT / ".cache/bench"
ZAPPA = "zappa==0.63.0"
UV = "uv==0.13.8"

# Versions that have wheels for Python 3.11 on Amazon Linux 2, too, so that any Python from 3.11 to 3.13 can run this.
TREES = {
    "science": (["numpy==2.2.6", "pandas==2.2.3", "scipy==1.15.3"], "numpy + pandas + scipy"),
    "flask": (["flask==3.1.3"], "Flask"),
    "django": (["django==5.2.19", "pillow==11.3.0", "psycopg[binary]==3.2.9"], "Django + Pillow + psycopg"),
}

APP = """def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, cwd, env=None, check=True):
    """Seconds, and the highest resident memory in bytes of the command and the programs it waited for."""
    started = time.perf_counter()
    with open(BENCH / "last.out", "wb") as out, open(BENCH / "last.log", "wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if check and process.returncode != 0:
        said = "".join((BENCH / name).read_text(errors="replace")[-3000:] for name in ["last.out", "last.log"])
        sys.exit(f"{' '.join(map(str, command))} failed:\n{said}")
    # Linux counts in KiB, macOS in bytes.
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def registry():
    """How this machine reaches its package index; nothing else of the environment."""
    parts = ["CERT", "INDEX", "PROXY", "TRUSTED_HOST", "CA_BUNDLE"]
    return {name: value for name, value in os.environ.items() if any(part in name.upper() for part in parts)}


class Tree:
    def __init__(self, name, rzap):
        self.name = name
        self.requirements, self.title = TREES[name]
        self.rzap_program = rzap
        self.app = BENCH / "apps" / name
        self.venv = BENCH / "venvs" / name
        self.files = BENCH / "files" / name
        self.cache = BENCH / "rzap-cache" / name
        self.edits = 0

    def prepare(self):
        """The app, and a virtualenv with its dependencies and Zappa."""
        version = ".".join(platform.python_version_tuple()[:2])
        shutil.rmtree(self.app, ignore_errors=True)
        self.app.mkdir(parents=True)
        (self.app / "app.py").write_text(APP)
        (self.app / "requirements.txt").write_text("".join(f"{line}\n" for line in self.requirements))
        (self.app / "rzap.yaml").write_text(
            f"app: bench\nruntime: python{version}\nwsgi: app:app\nhttp: url\nexclude: [/zappa_settings.json, '*.zip']\n"
            "stages: { dev: { region: eu-west-1 } }\n"
        )
        settings = {
            "app_function": "app.app",
            "aws_region": "eu-west-1",
            "exclude": ["*.zip"],
            "keep_warm": False,
            "manage_roles": False,
            "project_name": "bench",
            "role_name": "bench",
            "runtime": f"python{version}",
            "s3_bucket": "bench-is-not-uploaded",
        }
        (self.app / "zappa_settings.json").write_text(json.dumps({"dev": settings}))
        marker = self.venv / "complete"
        wanted = "\n".join([*self.requirements, ZAPPA])
        if not marker.exists() or marker.read_text() != wanted:
            say(f"{self.name}: making the virtualenv")
            shutil.rmtree(self.venv, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", self.venv], check=True)
            pip = [self.venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            # Zappa wants setuptools and wheel to be there, and pip to be its own.
            subprocess.run([*pip, "setuptools<81", "wheel", *self.requirements, ZAPPA], check=True)
            marker.write_text(wanted)

    def edit(self):
        self.edits += 1
        with open(self.app / "app.py", "a") as file:
            file.write(f"# edit {self.edits}\n")

    # --- rzap ---

    def rzap(self):
        env = {
            **registry(),
            "PATH": f"{BENCH / 'tools/bin'}:/usr/bin:/bin",
            "HOME": str(BENCH / "home"),
            "RZAP_CACHE_DIR": str(self.cache),
        }
        out = BENCH / "out"
        shutil.rmtree(out, ignore_errors=True)
        seconds, memory = run([self.rzap_program, "package", "dev", "--json"], self.app, env)
        document = json.loads((BENCH / "last.out").read_text())
        self.zip = pathlib.Path(next(iter(document["packages"].values()))["file"])
        return seconds, memory

    def forget(self):
        """All that was compressed; what was installed stays."""
        for folder in ["zips", "stats"]:
            shutil.rmtree(self.cache / folder, ignore_errors=True)

    def measure_rzap(self, rounds):
        shutil.rmtree(self.cache, ignore_errors=True)
        install, _ = self.rzap()
        with zipfile.ZipFile(self.zip) as archive:
            shutil.rmtree(self.files, ignore_errors=True)
            archive.extractall(self.files)
        # What was written a moment ago is not believed to stay; in life, an install is older than that.
        time.sleep(3)
        cold, edited, same, memory = [], [], [], 0
        for _ in range(rounds):
            self.forget()
            seconds, peak = self.rzap()
            cold.append(seconds)
            memory = max(memory, peak)
            for _ in range(2):
                self.edit()
                seconds, peak = self.rzap()
                edited.append(seconds)
                memory = max(memory, peak)
            time.sleep(3)
            self.rzap()
            same.append(self.rzap()[0])
        return {
            "install": install,
            "cold": statistics.median(cold),
            "edit": statistics.median(edited),
            "same": statistics.median(same),
            "size": self.zip.stat().st_size,
            "memory": memory,
        }

    # --- the others ---

    def measure_zappa(self):
        env = {
            **registry(),
            "PATH": f"{self.venv / 'bin'}:/usr/bin:/bin",
            "HOME": str(BENCH / "home"),
            "TMPDIR": str(BENCH / "tmp"),
            "VIRTUAL_ENV": str(self.venv),
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

        def package():
            out = BENCH / "zappa.zip"
            out.unlink(missing_ok=True)
            seconds, memory = run([self.venv / "bin/zappa", "package", "dev", "-o", out], self.app, env)
            return seconds, memory, out.stat().st_size

        # The first time, it looks for other wheels and keeps what it finds.
        package()
        cold, memory, size = package()
        self.edit()
        edited, *_ = package()
        return {"cold": cold, "edit": edited, "size": size, "memory": memory}

    def measure_zip(self):
        out = BENCH / "zip.zip"
        out.unlink(missing_ok=True)
        command = ["zip", "-6", "-q", "-r", out, "."]
        cold, memory = run(command, self.files)
        size = out.stat().st_size
        with open(self.files / "app.py", "a") as file:
            file.write("# edited\n")
        edited, _ = run(command, self.files)
        return {"cold": cold, "edit": edited, "size": size, "memory": memory}

    def measure_raw(self, rounds):
        program = HERE / "deflate/target/release/deflate-bench"
        results = []
        for _ in range(rounds):
            _, memory = run([program, "raw", "6", self.files], ROOT)
            seconds, size = (BENCH / "last.out").read_text().split()
            results.append((float(seconds), int(size), memory))
        seconds, size, memory = sorted(results)[len(results) // 2]
        return {"cold": seconds, "size": size, "memory": memory}


def row(name, result, best):
    def seconds(key):
        if key not in result:
            return "–"
        times = f" ({result[key] / best[key]:.1f}×)" if result is not best and key in best else ""
        return f"{result[key]:.2f} s{times}"

    size = f"{result['size'] / 1e6:.2f} MB"
    return f"| {name} | {seconds('cold')} | {seconds('edit')} | {size} | {result['memory'] / 1e6:.0f} MB |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rzap", type=pathlib.Path, default=ROOT / "target/release/rzap")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-zappa", action="store_true")
    parser.add_argument("trees", nargs="*", metavar="TREE", choices=[[], *TREES], help=", ".join(TREES))
    arguments = parser.parse_args()
    for folder in ["home", "tmp"]:
        (BENCH / folder).mkdir(parents=True, exist_ok=True)
    if not (BENCH / "tools/bin/uv").exists():
        subprocess.run([sys.executable, "-m", "venv", BENCH / "tools"], check=True)
        subprocess.run([BENCH / "tools/bin/python", "-m", "pip", "install", "--quiet", UV], check=True)
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked"], cwd=HERE / "deflate", check=True)

    cores = os.cpu_count()
    print(f"{cores} cores, {processor()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d', time.gmtime())}")
    for name in arguments.trees or TREES:
        tree = Tree(name, arguments.rzap.resolve())
        tree.prepare()
        say(f"{name}: rzap")
        rzap = tree.measure_rzap(arguments.rounds)
        say(f"{name}: raw")
        results = [("raw cost", tree.measure_raw(arguments.rounds))]
        say(f"{name}: zip -r")
        results.append(("zip -r (-6)", tree.measure_zip()))
        if not arguments.without_zappa:
            say(f"{name}: zappa")
            results.append(("Zappa 0.63", tree.measure_zappa()))
        files = [path for path in tree.files.rglob("*") if path.is_file()]
        bytes_ = sum(path.stat().st_size for path in files)
        print(f"\n**{tree.title}**: {len(files)} files, {bytes_ / 1e6:.0f} MB\n")
        print("| | cold | after one edit | size | peak memory |\n|---|--:|--:|--:|--:|")
        print(row("**rzap**", rzap, rzap))
        for title, result in results:
            print(row(title, result, rzap))
        print(f"\nrzap without any change: {rzap['same']:.2f} s; with the dependencies to install: {rzap['install']:.2f} s.")


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
