"""The archive with Flask: `gunicorn tests.proofs.archive_wsgi:app`."""

from flask import Flask, Response, jsonify

from perfkit.wsgi import PerfkitMiddleware
from tests.proofs import archive

app = Flask("archive", static_url_path="/static", static_folder=str(archive.STATIC))
app.wsgi_app = PerfkitMiddleware(app.wsgi_app, archive.SETTINGS)  # type: ignore[method-assign]


@app.get("/json")
def shelf():
    return archive.SHELF


@app.get("/etag")
def tagged():
    response = jsonify(archive.SHELF)
    response.headers["ETag"] = archive.ETAG
    return response


@app.get("/lines")
def lines():
    return Response(iter(archive.LINES), mimetype=archive.NDJSON)


@app.get("/page")
def page():
    return archive.PAGE


@app.get("/live/<kind>/<name>")
def live(kind, name):
    return Response(archive.live(name), content_type=archive.KINDS[kind])


@app.get("/gate/<name>")
def gate(name):
    archive.open_gate(name)
    return "open"


@app.get("/endless/<kind>")
def endless(kind):
    return Response(archive.endless(), content_type=archive.KINDS[kind])


@app.get("/left")
def left():
    return archive.left()
