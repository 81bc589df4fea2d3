"""What the tests of the bridge share: apps that are written where they are used."""

import os
import sys
import tempfile
import textwrap
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BRIDGE = os.path.join(HERE, "..", "..", "templates", "bridge")
sys.path[:0] = [HERE, BRIDGE]
sys.dont_write_bytecode = True

from rzap_web import bridge  # noqa: E402


def handler(protocol, app, **options):
    """The handler of an app that is at hand."""
    module = types.ModuleType("bridge_probe")
    module.app = app
    sys.modules["bridge_probe"] = module
    return bridge(protocol, "bridge_probe:app", **options)


class WithModules(unittest.TestCase):
    """Modules as files, gone after the test."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        sys.path.insert(0, self.folder.name)
        self.addCleanup(sys.path.remove, self.folder.name)

    def module(self, name, text):
        path = os.path.join(self.folder.name, *name.split(".")) + ".py"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))
        self.addCleanup(sys.modules.pop, name, None)
