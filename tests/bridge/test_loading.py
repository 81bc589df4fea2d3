"""Finding the application, what is said when it cannot be found, and what the bridge imports for itself."""

import ast
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

import events
import probing
from rzap_web import bridge, load


class Loading(probing.WithModules):
    def test_a_missing_dependency_is_named_with_what_to_do(self):
        self.module("wants_more", "import not_there_at_all.sub")
        with self.assertRaisesRegex(
            ModuleNotFoundError,
            "'not_there_at_all.*imported by wants_more.*of the same name: not_there_at_all.*requirements.txt",
        ) as caught:
            bridge("wsgi", "wants_more:app")
        self.assertEqual(caught.exception.name, "not_there_at_all")

    def test_a_missing_module_of_the_app_is_not_blamed_on_requirements(self):
        with self.assertRaisesRegex(ModuleNotFoundError, "'guestboook'.*`wsgi` in rzap.yaml"):
            bridge("wsgi", "guestboook:app")
        with self.assertRaisesRegex(ModuleNotFoundError, "'guestboook'.*`wsgi` in rzap.yaml"):
            bridge("wsgi", "guestboook.web:app")

    def test_other_import_errors_keep_their_text(self):
        self.module("wrong_name", "from os import not_a_name")
        with self.assertRaisesRegex(ImportError, "not_a_name.*while importing wrong_name"):
            bridge("wsgi", "wrong_name:app")

    def test_other_exceptions_pass(self):
        self.module("explodes", "1 / 0")
        with self.assertRaises(ZeroDivisionError):
            bridge("wsgi", "explodes:app")

    def test_object(self):
        self.module("has_app", "class site:\n    def app(e, s): ...\nvalue = 3")
        self.assertTrue(callable(bridge("wsgi", "has_app:site.app")))
        with self.assertRaisesRegex(AttributeError, "has_app has no object 'application'"):
            bridge("wsgi", "has_app:application")
        with self.assertRaisesRegex(TypeError, "has_app:value is not a WSGI application: a int"):
            bridge("wsgi", "has_app:value")
        for target in ("", "has_app", ":app", "has_app:"):
            with self.assertRaisesRegex(ValueError, "not of the form module:object"):
                bridge("wsgi", target)

    def test_known_distributions(self):
        table = [
            ("PIL", "Pillow"),
            ("PIL.Image", "Pillow"),
            ("yaml", "PyYAML"),
            ("cv2", "opencv-python-headless"),
            ("bs4", "beautifulsoup4"),
            ("dotenv", "python-dotenv"),
            ("google.cloud.storage", "google-cloud-storage"),
            ("google.cloud.secretmanager_v1", "google-cloud-secretmanager-v1"),
            ("google.protobuf.message", "protobuf"),
        ]
        for missing, distribution in table:
            self.assertEqual(load._distribution(missing), distribution)
        self.module("wants_yaml", "raise ModuleNotFoundError('no yaml', name='yaml')")
        with self.assertRaisesRegex(ModuleNotFoundError, "no module 'yaml'.*: add PyYAML to requirements.txt"):
            bridge("wsgi", "wants_yaml:app")

    def test_factory(self):
        self.module("makes_app", "def make():\n    return lambda e, s: []\nclass site:\n    make = make\nwrong = dict")
        self.assertTrue(callable(bridge("wsgi", "makes_app:make()")))
        self.assertTrue(callable(bridge("wsgi", "makes_app:site.make()")))
        with self.assertRaisesRegex(TypeError, r"makes_app:wrong\(\) is not a WSGI application: a dict"):
            bridge("wsgi", "makes_app:wrong()")
        self.module("makes_late", "def make():\n    import not_there_at_all")
        with self.assertRaisesRegex(ModuleNotFoundError, "'not_there_at_all'.*imported by makes_late.*requirements"):
            bridge("asgi", "makes_late:make()")

    def test_the_other_protocol(self):
        self.module(
            "both",
            """
            async def asgi(scope, receive, send): ...
            def wsgi(environ, start_response): ...
            class Asgi:
                async def __call__(self, scope, receive, send): ...
            class Wsgi:
                def __call__(self, environ, start_response): ...
            asgi_object, wsgi_object = Asgi(), Wsgi()
            """,
        )
        for name in ("asgi", "asgi_object"):
            with self.assertRaisesRegex(TypeError, "write `asgi: both:{}`".format(name)):
                bridge("wsgi", "both:" + name)
        for name in ("wsgi", "wsgi_object"):
            with self.assertRaisesRegex(TypeError, "write `wsgi: both:{}`".format(name)):
                bridge("asgi", "both:" + name)
        with self.assertRaisesRegex(ValueError, "'http' is not a protocol"):
            bridge("http", "both:asgi")

    def test_exit_while_starting_says_so(self):
        self.module("leaves", "import sys\nsys.exit(3)")
        with self.assertRaisesRegex(RuntimeError, r"leaves called sys.exit\(3\) while starting"):
            bridge("wsgi", "leaves:app")


class Django(probing.WithModules):
    """A stand-in for Django: the real one is in compare.py."""

    def setUp(self):
        super().setUp()
        # Before a real one that is installed.
        self.module("django.__init__", "")
        self.module("django.core.__init__", "")
        self.module(
            "django.conf",
            """
            import importlib, os
            module = importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"])
            class Settings:
                WSGI_APPLICATION = getattr(module, "WSGI_APPLICATION", None)
            settings = Settings()
            """,
        )
        self.module("django.core.wsgi", "def get_wsgi_application():\n    return lambda environ, start_response: []")
        for name in ("django", "django.core"):
            self.addCleanup(sys.modules.pop, name, None)
            self.assertNotIn(name, sys.modules)
        self.addCleanup(os.environ.pop, "DJANGO_SETTINGS_MODULE", None)

    def app(self, settings):
        return load.application("django", settings)

    def test_own_application_or_djangos(self):
        self.module("plain_settings", "")
        self.assertEqual(self.app("plain_settings").__wrapped__.__module__, "django.core.wsgi")
        self.assertEqual(os.environ["DJANGO_SETTINGS_MODULE"], "plain_settings")
        sys.modules.pop("django.conf")
        self.module("own.settings", "WSGI_APPLICATION = 'own.wsgi.application'")
        self.module("own.wsgi", "def application(environ, start_response): ...")
        self.assertEqual(self.app("own.settings").__wrapped__.__module__, "own.wsgi")
        sys.modules.pop("django.conf")
        self.module("wrong_settings", "WSGI_APPLICATION = 'own.wsgi.missing'")
        with self.assertRaisesRegex(AttributeError, "WSGI_APPLICATION of wrong_settings: own.wsgi has no .*'missing'"):
            self.app("wrong_settings")

    def test_what_knows_the_mount_point_is_forgotten_when_that_changes(self):
        self.module("mounted", "WSGI_APPLICATION = 'site_of.application'")
        self.module(
            "site_of",
            """
            from django.conf import settings
            def application(environ, start_response):
                return settings.__dict__.setdefault("STATIC_URL", environ["SCRIPT_NAME"] + "/static/")
            """,
        )
        app = self.app("mounted")
        seen = [app({"SCRIPT_NAME": mount}, None) for mount in ("/dev", "/dev", "", "/v1")]
        self.assertEqual(seen, ["/dev/static/", "/dev/static/", "/static/", "/v1/static/"])
        # A command has no mount point.
        sys.modules["django.conf"].settings.STATIC_URL = "/static/"
        load.forget_mount()
        self.assertEqual(app({"SCRIPT_NAME": "/v1"}, None), "/v1/static/")

    def test_missing(self):
        with self.assertRaisesRegex(ModuleNotFoundError, "'mysite.settings'.*`django` in rzap.yaml|'mysite'.*`django`"):
            self.app("mysite.settings")
        self.module("wants_environ", "raise ModuleNotFoundError('x', name='environ')")
        with self.assertRaisesRegex(ModuleNotFoundError, "imported by wants_environ.: add django-environ"):
            self.app("wants_environ")


class Footprint(unittest.TestCase):
    """Every import costs at every cold start."""

    WSGI = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]
"""
    ASGI = """
import asyncio
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": (await receive())["body"]})
"""

    def extra(self, protocol, app, event):
        """What is imported when a request has been answered, and is not by the app alone."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "probe.py"), "w") as file:
                file.write(app)
            # As Lambda has it: the standard library's json, logging and traceback are there before the handler.
            alone = "import sys; sys.path[:0] = {!r}; import json, logging, traceback, probe".format(
                [probing.BRIDGE, folder]
            )
            served = "from rzap_web import bridge; handler = bridge({!r}, 'probe:app'); ".format(protocol)
            served += "assert handler(json.loads({!r}), None)['statusCode'] == 200".format(json.dumps(event))
            found = []
            for code in (alone, alone + "; " + served):
                code += "; print(json.dumps(sorted(sys.modules)))"
                done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, timeout=60)
                found.append(set(json.loads(done.stdout)))
        return {name for name in found[1] - found[0] if not name.startswith("rzap_web")}

    def test_nothing_is_imported_that_a_framework_does_not(self):
        # Every framework has imported it, and what it imports in turn depends on Python's version.
        common = subprocess.check_output(
            [sys.executable, "-c", "import json, logging, sys, urllib.parse; print(*sys.modules)"]
        )
        common = set(common.decode().split()) | {"binascii"}
        for event in (events.rest(), events.http_api(stage="x"), events.function_url("POST", "/%41", body=b"1")):
            for protocol, app in (("wsgi", self.WSGI), ("asgi", self.ASGI)):
                self.assertEqual(self.extra(protocol, app, event) - common, set())

    def test_every_file_is_python_3_9_and_has_a_docstring(self):
        files = glob.glob(os.path.join(probing.BRIDGE, "rzap_web", "*.py"))
        self.assertGreater(len(files), 5)
        for name in files:
            with open(name, encoding="utf-8") as file:
                tree = ast.parse(file.read(), name, feature_version=(3, 9))
            self.assertTrue(ast.get_docstring(tree), name)


if __name__ == "__main__":
    unittest.main()
