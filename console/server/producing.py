"""Run the application for a complete request, as gunicorn's own workers do."""

from typing import Any

from gunicorn.http import wsgi
from gunicorn.workers import base

from console.server.connection import Connection


def produce(worker: base.Worker, connection: Connection) -> bool:
    """Write the response. Return True if the connection can take another request.

    Raises OSError if the client is gone or too slow, and what the application raises while it
    streams: then the client must notice that the response is incomplete.
    """
    request, outgoing = connection.incoming.request, connection.outgoing
    response: Any = None
    try:
        response, environ = wsgi.create(
            request, outgoing, connection.address, connection.server, worker.cfg
        )
        environ["wsgi.multithread"] = True
        if not worker.alive:
            response.force_close()
        _write_all(worker.wsgi(environ, response.start_response), response)
    except OSError:
        raise
    except Exception as error:
        if response is not None and response.headers_sent:
            worker.log.exception("Error handling request")
            raise
        worker.handle_error(request, outgoing, connection.address, error)
        return False
    return not response.should_close()


def _write_all(parts: Any, response: Any) -> None:
    try:
        for part in parts:
            response.write(part)
        response.close()
    finally:
        if hasattr(parts, "close"):
            parts.close()
