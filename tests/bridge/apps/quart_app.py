"""Quart."""

import common
import quart
from quart import request

app = quart.Quart(__name__)
app.secret_key = "not a secret"


@app.route("/echo/", methods=common.METHODS, defaults={"rest": ""})
@app.route("/echo/<path:rest>", methods=common.METHODS)
async def echo(rest):
    return common.document(
        method=request.method,
        path=request.path,
        root=request.root_path,
        url=request.url,
        rest=rest,
        args=common.pairs(request.args.items(multi=True)),
        client=request.remote_addr.partition(":")[0],
        headers=common.pairs(request.headers.items()),
        here=quart.url_for("echo", rest=rest, _external=True),
        body=common.told(await request.get_data()),
    )


@app.route("/form", methods=["POST", "PUT"])
async def form():
    fields, files = await request.form, await request.files
    seen = [[name, f.filename, f.mimetype, common.told(f.read())] for name, f in files.items(multi=True)]
    return quart.jsonify(fields=list(fields.items(multi=True)), files=seen)


@app.route("/json", methods=["POST", "PUT", "DELETE"])
async def document():
    return quart.jsonify(await request.get_json())


@app.route("/cookies")
async def cookies():
    answer = quart.jsonify(request.cookies)
    for name, value in request.cookies.items():
        answer.set_cookie("seen-" + name, value, httponly=True)
    return answer


@app.route("/session")
async def session():
    quart.session["count"] = quart.session.get("count", 0) + 1
    return str(quart.session["count"])


@app.route("/redirect")
async def redirect():
    return quart.redirect(quart.url_for("echo", rest=common.UNICODE, next="a b"))


@app.route("/file")
async def file():
    return await quart.send_file(common.FILE, "text/x-python", conditional=True)


@app.route("/bytes/<int:size>")
async def data(size):
    return quart.Response(common.data(size), mimetype="application/octet-stream")


@app.route("/stream")
async def stream():
    return quart.Response(common.rows(), mimetype="text/csv")


@app.route("/status/<int:code>", methods=common.METHODS)
async def status(code):
    return "status", code


@app.route("/fails")
async def fails():
    raise RuntimeError("probe")
