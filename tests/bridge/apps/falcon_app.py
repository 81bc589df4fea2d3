"""Falcon, as WSGI (`app`) and as ASGI (`asgi_app`)."""

import common
import falcon
import falcon.asgi


def seen(request, body):
    headers = {name: value for name, value in sorted(request.headers.items()) if name.upper() != "SCRIPT-NAME"}
    return common.document(
        method=request.method,
        path=request.path,
        root=request.root_path,
        url=request.url,
        args=sorted(request.params.items()),
        client=request.remote_addr,
        headers=headers,
        cookies=request.cookies,
        body=common.told(body),
    )


class Echo:
    def on_get(self, request, response):
        response.text = seen(request, request.bounded_stream.read())

    on_post = on_put = on_patch = on_delete = on_head = on_get


class AsyncEcho:
    async def on_get(self, request, response):
        response.text = seen(request, await request.stream.read())

    on_post = on_put = on_patch = on_delete = on_head = on_get


class Json:
    def on_post(self, request, response):
        response.media = {"seen": request.get_media()}


class AsyncJson:
    async def on_post(self, request, response):
        response.media = {"seen": await request.get_media()}


class Form:
    def on_post(self, request, response):
        form = request.get_media()
        urlencoded = isinstance(form, dict)
        response.media = form if urlencoded else [[p.name, p.filename, common.told(p.stream.read())] for p in form]


class AsyncForm:
    async def on_post(self, request, response):
        form = await request.get_media()
        urlencoded = isinstance(form, dict)
        response.media = (
            form if urlencoded else [[p.name, p.filename, common.told(await p.stream.read())] async for p in form]
        )


def plain(act):
    """A resource for both."""

    class Resource:
        def on_get(self, request, response, **given):
            act(request, response, **given)

    class AsyncResource:
        async def on_get(self, request, response, **given):
            act(request, response, **given)

    return Resource(), AsyncResource()


def cookies(request, response):
    for name in request.cookies:
        response.set_cookie("seen-" + name, "1", secure=False)
    response.media = request.cookies


def redirect(request, response):
    raise falcon.HTTPFound(request.prefix + "/echo/next?a=b")


def data(request, response, size):
    response.content_type = "application/octet-stream"
    response.data = common.data(size)


def text(request, response, size):
    response.content_type = "text/plain"
    response.text = common.words(size)


def status(request, response, code):
    response.status = code


def fails(request, response):
    raise RuntimeError("probe")


def stream(request, response):
    async def rows():
        for row in common.rows():
            yield row

    response.content_type = "text/csv"
    response.stream = rows() if isinstance(request, falcon.asgi.Request) else common.rows()


ROUTES = {
    "/json": (Json(), AsyncJson()),
    "/form": (Form(), AsyncForm()),
    "/cookies": plain(cookies),
    "/redirect": plain(redirect),
    "/bytes/{size:int}": plain(data),
    "/text/{size:int}": plain(text),
    "/status/{code:int}": plain(status),
    "/stream": plain(stream),
    "/fails": plain(fails),
}
app, asgi_app = falcon.App(), falcon.asgi.App()
for one, number in ((app, 0), (asgi_app, 1)):
    one.add_sink((Echo(), AsyncEcho())[number].on_get, prefix="/echo")
    for pattern, resources in ROUTES.items():
        one.add_route(pattern, resources[number])
