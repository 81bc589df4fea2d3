"""Django, as WSGI (`app`) and as ASGI (`asgi_app`). It is its own settings module and its own URLconf."""

import common

DEBUG = False
SECRET_KEY = "not a secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_app"
WSGI_APPLICATION = "django_app.app"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
# Without an end, so that no time is in the cookie.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
]
LOGGING_CONFIG = None
APPEND_SLASH = True
USE_TZ = True


def echo(request, rest=""):
    from django.urls import reverse

    headers = {name: value for name, value in sorted(request.headers.items()) if name != "Script-Name"}
    return json_response(
        method=request.method,
        path=request.path,
        path_info=request.path_info,
        url=request.build_absolute_uri(),
        rest=rest,
        args=common.pairs((name, value) for name, values in request.GET.lists() for value in values),
        client=request.META["REMOTE_ADDR"],
        headers=headers,
        here=request.build_absolute_uri(reverse("echo", kwargs={"rest": rest or "x"})),
        body=common.told(request.body),
    )


def json_response(**seen):
    from django.http import HttpResponse

    return HttpResponse(common.document(**seen), content_type="application/json")


def form(request):
    files = [
        [name, f.name, f.content_type, common.told(f.read())]
        for name, several in request.FILES.lists()
        for f in several
    ]
    return json_response(fields=list(request.POST.lists()), files=files)


def document(request):
    import json

    return json_response(seen=json.loads(request.body))


def cookies(request):
    answer = json_response(**request.COOKIES)
    for name, value in request.COOKIES.items():
        answer.set_cookie("seen-" + name, value, httponly=True)
    answer.delete_cookie("gone")
    return answer


def session(request):
    from django.http import HttpResponse

    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse(str(request.session["count"]))


def redirect(request):
    from django.shortcuts import redirect as to

    return to("echo", rest=common.UNICODE)


def file(request):
    from django.http import FileResponse

    return FileResponse(open(common.FILE, "rb"), as_attachment=True, filename="grüße.py")


def data(request, size):
    from django.http import HttpResponse

    return HttpResponse(common.data(size), content_type="application/octet-stream")


def text(request, size):
    from django.http import HttpResponse

    return HttpResponse(common.words(size), content_type="text/plain")


def stream(request):
    from django.http import StreamingHttpResponse

    async def rows():
        for row in common.rows():
            yield row

    # Django warns of the one that is not its server's.
    return StreamingHttpResponse(rows() if hasattr(request, "scope") else common.rows(), content_type="text/csv")


def status(request, code):
    from django.http import HttpResponse

    return HttpResponse("status", status=code)


def gzip(request):
    from django.http import HttpResponse

    return HttpResponse(common.GZIPPED, headers={"Content-Encoding": "gzip"})


def fails(request):
    raise RuntimeError("probe")


def urls():
    from django.urls import path, re_path

    return [
        path("echo/", echo),
        re_path("^echo/(?P<rest>.+)$", echo, name="echo"),
        path("form", form),
        path("json", document),
        path("cookies", cookies),
        path("session", session),
        path("redirect", redirect),
        path("file", file),
        path("bytes/<int:size>", data),
        path("text/<int:size>", text),
        path("stream", stream),
        path("status/<int:code>", status),
        path("gzip", gzip),
        path("fails", fails),
        path("slash/", status, {"code": 200}),
    ]


def __getattr__(name):
    """Made when asked for: as settings this module must be importable without Django."""
    if name == "urlpatterns":
        return urls()
    if name not in ("app", "asgi_app"):
        raise AttributeError(name)
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app")
    from django.core import signing
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application

    signing.time = Clock
    made = get_wsgi_application() if name == "app" else get_asgi_application()
    globals()[name] = made
    return made


class Clock:
    """Two servers must sign a session alike."""

    time = staticmethod(lambda: common.NOW)
