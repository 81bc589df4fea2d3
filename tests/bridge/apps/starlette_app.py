"""Starlette, with a lifespan that leaves something in the state."""

import contextlib

import common
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

done = []


async def echo(request):
    return Response(
        common.document(
            method=request.method,
            path=request.scope["path"],
            root=request.scope["root_path"],
            url=str(request.url),
            base=str(request.base_url),
            here=str(request.url_for("echo", rest="a b/ü")),
            rest=request.path_params["rest"],
            args=common.pairs(request.query_params.multi_items()),
            client=request.client.host,
            headers=common.pairs(request.headers.items()),
            state=request.state.started,
            body=common.told(await request.body()),
        ),
        media_type="application/json",
    )


async def form(request):
    async with request.form() as found:
        fields = [
            [
                name,
                value
                if isinstance(value, str)
                else [value.filename, value.content_type, common.told(await value.read())],
            ]
            for name, value in found.multi_items()
        ]
    return JSONResponse(fields)


async def document(request):
    return JSONResponse(await request.json())


async def cookies(request):
    answer = JSONResponse(request.cookies)
    for name, value in request.cookies.items():
        answer.set_cookie("seen-" + name, value, httponly=True)
    return answer


async def session(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return Response(str(request.session["count"]))


async def redirect(request):
    return RedirectResponse(request.url_for("echo", rest=common.UNICODE).include_query_params(next="a b"))


async def file(request):
    return FileResponse(common.FILE, filename="grüße.py")


async def data(request):
    return Response(common.data(request.path_params["size"]), media_type="application/octet-stream")


def text(request):
    """Not async: Starlette runs it in a thread."""
    return Response(common.words(request.path_params["size"]), media_type="text/plain")


async def stream(request):
    return StreamingResponse(common.rows(), media_type="text/csv", background=BackgroundTask(done.append, 1))


async def status(request):
    return Response(status_code=request.path_params["code"], background=BackgroundTask(done.append, 1))


async def repeated(request):
    answer = Response("repeated", 401)
    for name, value in common.REPEATED[:3]:
        answer.headers.append(name, value)
    return answer


async def fails(request):
    raise RuntimeError("probe")


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"started": "yes"}


def make(application=Starlette):
    routes = [
        Route("/echo/{rest:path}", echo, methods=common.METHODS, name="echo"),
        Route("/form", form, methods=["POST", "PUT"]),
        Route("/json", document, methods=["POST", "PUT", "DELETE"]),
        Route("/cookies", cookies),
        Route("/session", session),
        Route("/redirect", redirect),
        Route("/file", file),
        Route("/bytes/{size:int}", data),
        Route("/text/{size:int}", text),
        Route("/stream", stream),
        Route("/status/{code:int}", status),
        Route("/repeated", repeated),
        Route("/fails", fails),
        Route("/slash/", status),
        Mount("/static", StaticFiles(directory=common.os.path.dirname(common.FILE)), name="static"),
        Mount("/sub", routes=[Route("/echo/{rest:path}", echo)]),
    ]
    middleware = [Middleware(SessionMiddleware, secret_key="not a secret", max_age=None), Middleware(GZipMiddleware)]
    return application(routes=routes, middleware=middleware, lifespan=lifespan)


app = make()
