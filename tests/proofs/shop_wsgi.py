"""The shop on WSGI: `gunicorn tests.proofs.shop_wsgi:app`."""

from flask import Flask, Response, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from perfkit.wsgi import PerfkitMiddleware, reports_app
from tests.proofs import shop

app = Flask("shop")


@app.get("/pages/<name>")
def page(name):
    nonce = request.environ["perfkit"]["csp_nonce"]
    answer = shop.page(request.path, request.headers.get("If-None-Match"), nonce)
    return Response(answer.body, answer.status, answer.headers)


@app.get("/seen")
def seen():
    return shop.seen()


mounted = DispatcherMiddleware(app.wsgi_app, {"/reports": reports_app(shop.receiver)})
app.wsgi_app = PerfkitMiddleware(mounted, shop.SETTINGS)  # type: ignore[method-assign]
