"""Flask."""

import common
import flask
from flask import request

app = flask.Flask(__name__)
app.secret_key = "not a secret"


@app.route("/echo/", methods=common.METHODS, defaults={"rest": ""})
@app.route("/echo/<path:rest>", methods=common.METHODS)
def echo(rest):
    return common.document(
        method=request.method,
        path=request.path,
        root=request.root_path,
        url=request.url,
        full_path=request.full_path,
        rest=rest,
        args=common.pairs(request.args.items(multi=True)),
        client=request.remote_addr,
        headers=common.headers_of(request.environ),
        here=flask.url_for("echo", rest=rest, _external=True),
        body=common.told(request.get_data()),
    )


@app.route("/form", methods=["POST", "PUT"])
def form():
    files = [[name, f.filename, f.mimetype, common.told(f.read())] for name, f in request.files.items(multi=True)]
    return flask.jsonify(fields=list(request.form.items(multi=True)), files=files)


@app.route("/json", methods=["POST", "PUT", "DELETE"])
def document():
    return flask.jsonify(request.get_json())


@app.route("/cookies")
def cookies():
    answer = flask.jsonify(request.cookies)
    for name, value in request.cookies.items():
        answer.set_cookie("seen-" + name, value, httponly=True)
    answer.delete_cookie("gone")
    return answer


@app.route("/session")
def session():
    flask.session["count"] = flask.session.get("count", 0) + 1
    flask.flash("hello")
    return str(flask.session["count"])


@app.route("/redirect")
def redirect():
    return flask.redirect(flask.url_for("echo", rest=common.UNICODE, next="a b"))


@app.route("/file")
def file():
    return flask.send_file(common.FILE, "text/x-python", True, "grüße.py", conditional=True)


@app.route("/bytes/<int:size>")
def data(size):
    return flask.Response(common.data(size), mimetype="application/octet-stream")


@app.route("/text/<int:size>")
def text(size):
    return flask.Response(common.words(size), mimetype="text/plain")


@app.route("/stream")
def stream():
    return flask.Response(common.rows(), mimetype="text/csv")


@app.route("/status/<int:code>", methods=common.METHODS)
def status(code):
    return "status", code


@app.route("/repeated")
def repeated():
    answer = flask.Response("repeated", 401)
    for name, value in common.REPEATED[:3]:
        answer.headers.add(name, value)
    return answer


@app.route("/gzip")
def gzip():
    return flask.Response(common.GZIPPED, headers={"Content-Encoding": "gzip"})


@app.route("/fails")
def fails():
    raise RuntimeError("probe")
