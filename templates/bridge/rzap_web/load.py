"""Finds the application a function's `wsgi`, `asgi` or `django` names, and says why when it cannot.

Owns the notation `module:object` and `module:factory()` (gunicorn's) and the texts of import errors:
Lambda shows nothing of an error at start but its message.
"""

import sys

# What is imported under one name and installed under another: https://pypi.org knows only the latter.
_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "decouple": "python-decouple",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "environ": "django-environ",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "google.auth": "google-auth",
    "google.generativeai": "google-generativeai",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client",
    "graphene_django": "graphene-django",
    "grpc": "grpcio",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "mysql": "mysql-connector-python",
    "nacl": "PyNaCl",
    "pkg_resources": "setuptools",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "telegram": "python-telegram-bot",
    "yaml": "PyYAML",
}


def application(key, target):
    """The application that rzap.yaml names under `key`; raises what says what is wrong with it."""
    if key == "django":
        return _django(target)
    module_name, _, path = target.partition(":")
    name = path[:-2] if path.endswith("()") else path
    if not (module_name and name):
        raise ValueError("{}: {!r} is not of the form module:object".format(key, target))
    found = _import(key, module_name)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            text = "{}: {} has no object {!r} (looked for {})".format(key, module_name, name, target)
            raise AttributeError(text) from None
    if name != path:
        found = _guarded(found, module_name)
    if not callable(found):
        kind = "an ASGI" if key == "asgi" else "a WSGI"
        text = "{}: {} is not {} application: a {} cannot be called"
        raise TypeError(text.format(key, target, kind, type(found).__name__))
    other = _other_protocol(key, found)
    if other:
        raise TypeError("{0}: {1} speaks the other protocol: write `{2}: {1}` in rzap.yaml".format(key, target, other))
    return found


def _django(settings_name):
    """As Django's own runserver finds it, without what else runserver imports."""
    import os

    os.environ["DJANGO_SETTINGS_MODULE"] = settings_name
    # Named first: whatever Django says about it later is less to the point.
    _import("django", settings_name)

    def make():
        from django.conf import settings

        return settings.WSGI_APPLICATION

    named = _guarded(make, settings_name)
    if named is not None:
        return _at_any_mount(application("WSGI_APPLICATION of " + settings_name, ":".join(named.rsplit(".", 1))))

    def make():  # noqa: F811
        from django.core.wsgi import get_wsgi_application

        return get_wsgi_application()

    return _at_any_mount(_guarded(make, settings_name))


def _at_any_mount(app):
    """The application for a function with several addresses: a stage's and a custom domain's, an API and a URL."""
    last = None

    def follow(environ, start_response):
        nonlocal last
        if environ["SCRIPT_NAME"] != last:
            forget_mount()
            last = environ["SCRIPT_NAME"]
        return app(environ, start_response)

    follow.__wrapped__ = app
    return follow


def forget_mount():
    """Has Django work STATIC_URL and MEDIA_URL out again.

    It does so once in a process, with the SCRIPT_NAME of the request that asks first, or without one in a management
    command, and every page after that would link there. Its tests forget in the same way: django/test/signals.py.
    """
    django = sys.modules.get("django.conf")
    if django is None:
        return
    for name in ("STATIC_URL", "MEDIA_URL"):
        django.settings.__dict__.pop(name, None)
    files = sys.modules.get("django.core.files.storage")
    media = getattr(getattr(files, "default_storage", None), "_wrapped", None)
    if hasattr(type(media), "base_url"):
        media.__dict__.pop("base_url", None)
    static = sys.modules.get("django.contrib.staticfiles.storage")
    if static is not None:
        from django.utils.functional import empty

        # Since Django 4.2 a handler keeps what it made.
        getattr(getattr(files, "storages", None), "_storages", {}).pop("staticfiles", None)
        static.staticfiles_storage._wrapped = empty


def _import(key, module_name):
    # Not importlib: `__import__` keeps the traceback short, and Lambda logs all of it.
    _guarded(lambda: __import__(module_name), module_name, key)
    return sys.modules[module_name]


def _guarded(call, module_name, key=None):
    """What `call` returns; its errors are those of starting `module_name`."""
    try:
        return call()
    except ImportError as error:
        raise _explained(error, module_name, key) from error
    except SystemExit as error:
        # Lambda would say "Runtime exited without providing a reason".
        raise RuntimeError("{} called sys.exit({!r}) while starting".format(module_name, error.code)) from error


def _explained(error, module_name, key):
    """The same error with a hint."""
    missing = error.name
    if not isinstance(error, ModuleNotFoundError) or not missing:
        return ImportError("{} (while importing {})".format(error, module_name), name=missing, path=error.path)
    if key and (module_name == missing or module_name.startswith(missing + ".")):
        text = "no module {!r} in the package: `{}` in rzap.yaml must name a file of the project".format(missing, key)
    else:
        text = (
            "no module {!r} in the package (imported by {}): "
            "add {} to requirements.txt or pyproject.toml and deploy again"
        )
        text = text.format(missing, module_name, _distribution(missing))
    return ModuleNotFoundError(text, name=missing, path=error.path)


def _distribution(missing):
    if missing.startswith("google.cloud."):
        return "google-cloud-" + missing.split(".")[2].replace("_", "-")
    parts = missing.split(".")
    for end in range(len(parts), 0, -1):
        known = _DISTRIBUTIONS.get(".".join(parts[:end]))
        if known:
            return known
    return "the distribution that provides it (often of the same name: {})".format(parts[0])


def _other_protocol(key, app):
    """`asgi` or `wsgi` when `app` is plainly that, but not what `key` says; else None."""
    code = getattr(app, "__code__", None) or getattr(getattr(type(app), "__call__", None), "__code__", None)
    if code is None:
        return None
    # CO_COROUTINE; `inspect` would be a large import.
    is_coroutine = bool(code.co_flags & 0x80)
    if key == "asgi":
        return "wsgi" if not is_coroutine and "start_response" in code.co_varnames[: code.co_argcount] else None
    return "asgi" if is_coroutine else None
