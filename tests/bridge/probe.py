"""The app that compare.py runs behind gunicorn and behind the bridge: plain WSGI below /wsgi, Flask elsewhere."""

import gzip
import io
import json

import flask
import itsdangerous

# Two servers must sign a session alike.
itsdangerous.TimestampSigner.get_timestamp = lambda self: 1_600_000_000

site = flask.Flask(__name__)
site.secret_key = "not a secret"

ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# What must be the same; addresses and ports of the two servers differ.
SEEN = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "wsgi.url_scheme",
)


def echo(environ, start_response):
    seen = {name: environ[name] for name in SEEN if name in environ}
    seen.update({name: value for name, value in environ.items() if name.startswith("HTTP_")})
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen, sort_keys=True).encode()]


def write(environ, start_response):
    out = start_response("202 Accepted", [("Content-Type", "text/plain")])
    out(b"one ")
    return [b"two ", b"", b"three"]


def late(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("X-Late", "1")])
    yield b""
    yield "grüße ".encode()
    yield b"end"


def fixed(status, headers, body):
    def app(environ, start_response):
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


PLAIN = {
    "/wsgi/write": write,
    "/wsgi/late": late,
    "/wsgi/bytes": fixed("200 OK", [("Content-Type", "image/png")], bytes(range(256))),
    "/wsgi/latin1": fixed("200 OK", [("Content-Type", "text/plain; charset=iso-8859-1")], b"gr\xfc\xdfe"),
    "/wsgi/gzip": fixed(
        "200 OK", [("Content-Type", "text/html"), ("Content-Encoding", "gzip")], gzip.compress(b"hello", mtime=0)
    ),
    "/wsgi/untyped": fixed("200 OK", [], b"no type"),
    "/wsgi/empty": fixed("200 OK", [("Content-Type", "text/plain")], b""),
    "/wsgi/204": fixed("204 No Content", [("X-A", "1")], b""),
    "/wsgi/304": fixed("304 Not Modified", [("ETag", '"x"')], b""),
    "/wsgi/418": fixed("418 I'm a teapot", [("Content-Type", "text/plain")], b"short and stout"),
    "/wsgi/repeated": fixed("401 Unauthorized", [("WWW-Authenticate", "Basic"), ("WWW-Authenticate", "Bearer")], b""),
    "/wsgi/cookies": fixed(
        "200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/; HttpOnly"), ("Set-Cookie", "c=")], b""
    ),
}


@site.route("/args", methods=ALL)
def args():
    request = flask.request
    return flask.jsonify(args=request.args.to_dict(flat=False), form=request.form.to_dict(flat=False), url=request.path)


@site.route("/path/<path:rest>", methods=ALL)
def path(rest):
    return rest + " " + flask.url_for("path", rest=rest) + " " + flask.request.url_root


@site.route("/json", methods=ALL)
def document():
    return flask.jsonify(flask.request.get_json(silent=True))


@site.route("/upload", methods=["POST", "PUT"])
def upload():
    file = flask.request.files["file"]
    return flask.Response(
        file.read(), mimetype=file.mimetype, headers={"X-Name": file.filename.encode().decode("latin-1")}
    )


@site.route("/redirect")
def redirect():
    return flask.redirect(flask.url_for("path", rest="zürich", next="a b"))


@site.route("/cookies")
def cookies():
    answer = flask.jsonify(dict(flask.request.cookies))
    for name, value in flask.request.cookies.items():
        answer.set_cookie("seen-" + name, value)
    return answer


@site.route("/session")
def session():
    flask.session["count"] = 1
    flask.flash("hello")
    return "stored"


@site.route("/download")
def download():
    data = bytes(range(256)) * 20
    return flask.send_file(
        io.BytesIO(data),
        "application/zip",
        as_attachment=True,
        download_name="grüße.zip",
        etag="fixed",
        conditional=True,
    )


@site.route("/stream")
def stream():
    return flask.Response((f"row {n}\n" for n in range(50)), mimetype="text/csv")


@site.route("/fails")
def fails():
    raise RuntimeError("probe")


def app(environ, start_response):
    plain = PLAIN.get(environ["PATH_INFO"])
    if environ["PATH_INFO"].startswith("/wsgi/echo"):
        plain = echo
    return (plain or site)(environ, start_response)
