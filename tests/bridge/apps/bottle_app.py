"""Bottle."""

import bottle
import common
from bottle import HTTPResponse, request, response

app = bottle.Bottle()
bottle.BaseRequest.MEMFILE_MAX = 10_000_000


@app.route("/echo/", method=common.METHODS)
@app.route("/echo/<rest:path>", method=common.METHODS, name="echo")
def echo(rest=""):
    response.content_type = "application/json"
    return common.document(
        method=request.method,
        path=request.path,
        script_name=request.script_name,
        url=request.url,
        rest=rest,
        args=common.pairs(request.query.allitems()),
        client=request.remote_addr,
        headers=common.headers_of(request.environ),
        body=common.told(request.body.read()),
    )


@app.route("/form", method=["POST", "PUT"])
def form():
    files = [[name, f.raw_filename, f.content_type, common.told(f.file.read())] for name, f in request.files.allitems()]
    return common.document(fields=list(request.forms.allitems()), files=files)


@app.route("/json", method=["POST", "PUT", "DELETE"])
def document():
    return {"seen": request.json}


@app.route("/cookies")
def cookies():
    for name, value in request.cookies.allitems():
        response.set_cookie("seen-" + name, value.encode("latin-1", "replace").decode("ascii", "replace"))
    return dict(request.cookies)


@app.route("/redirect")
def redirect():
    bottle.redirect("echo/next?a=b")


@app.route("/file")
def file():
    return bottle.static_file("common.py", common.os.path.dirname(common.FILE), download="common.py")


@app.route("/bytes/<size:int>")
def data(size):
    response.content_type = "application/octet-stream"
    return common.data(size)


@app.route("/text/<size:int>")
def text(size):
    response.content_type = "text/plain; charset=utf-8"
    return common.words(size)


@app.route("/stream")
def stream():
    response.content_type = "text/csv"
    return common.rows()


@app.route("/status/<code:int>", method=common.METHODS)
def status(code):
    return HTTPResponse("status", code)


@app.route("/repeated")
def repeated():
    answer = HTTPResponse("repeated", 401)
    for name, value in common.REPEATED[:3]:
        answer.add_header(name, value)
    return answer


@app.route("/fails")
def fails():
    raise RuntimeError("probe")
