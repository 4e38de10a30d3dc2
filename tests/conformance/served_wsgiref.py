"""The site on `wsgiref.simple_server`: ``python -m tests.conformance.served_wsgiref 8000``."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
from wsgiref.validate import validator

from tests.conformance.served import wsgi_validated


class Server(ThreadingMixIn, WSGIServer):
    """On threads, so that the gate of one request can be opened by another."""

    daemon_threads = True


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), validator(wsgi_validated), server_class=Server).serve_forever()
