"""Pyramid, made by a factory."""

import common
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound
from pyramid.response import FileResponse, Response


def echo(request):
    return Response(
        common.document(
            method=request.method,
            path=request.path,
            script_name=request.script_name,
            url=request.url,
            rest=request.matchdict["rest"],
            args=common.pairs(request.GET.items()),
            client=request.client_addr,
            headers=common.headers_of(request.environ),
            here=request.route_url("echo", rest=request.matchdict["rest"]),
            body=common.told(request.body),
        ),
        content_type="application/json",
        charset="utf-8",
    )


def form(request):
    found = [
        [name, value if isinstance(value, str) else [value.filename, value.type, common.told(value.file.read())]]
        for name, value in request.POST.items()
    ]
    return Response(common.document(fields=found), content_type="application/json", charset="utf-8")


def document(request):
    return Response(json_body={"seen": request.json_body})


def cookies(request):
    answer = Response(common.document(**request.cookies))
    for name in request.cookies:
        answer.set_cookie("seen-" + name, "1", httponly=True)
    return answer


def redirect(request):
    return HTTPFound(request.route_url("echo", rest=common.UNICODE.split("/"), _query={"next": "a b"}))


def file(request):
    return FileResponse(common.FILE, request, content_type="text/x-python")


def data(request):
    return Response(common.data(int(request.matchdict["size"])), content_type="application/octet-stream")


def text(request):
    return Response(common.words(int(request.matchdict["size"])), content_type="text/plain", charset="utf-8")


def stream(request):
    return Response(app_iter=common.rows(), content_type="text/csv")


def status(request):
    return Response("status", int(request.matchdict["code"]))


def fails(request):
    raise RuntimeError("probe")


def make():
    config = Configurator()
    routes = {
        "/echo/*rest": echo,
        "/form": form,
        "/json": document,
        "/cookies": cookies,
        "/redirect": redirect,
        "/file": file,
        "/bytes/{size}": data,
        "/text/{size}": text,
        "/stream": stream,
        "/status/{code}": status,
        "/fails": fails,
    }
    for pattern, view in routes.items():
        config.add_route(view.__name__, pattern)
        config.add_view(view, route_name=view.__name__)
    return config.make_wsgi_app()
