from flask import Flask, jsonify, render_template

app = Flask(__name__)


@app.get("/")
def index():
    return render_template("index.html")


@app.get("/api/hello/<name>")
def hello(name):
    return jsonify(hello=name)
