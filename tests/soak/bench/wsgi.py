"""Call the WSGI application as gunicorn does, and close each response."""

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, override_settings

from console.models import User

TOKEN = "t" * 32
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_X_CSRFTOKEN": TOKEN}


def application(middleware: list[str]) -> WSGIHandler:
    """Return the project with another MIDDLEWARE setting."""
    with override_settings(MIDDLEWARE=middleware):
        return WSGIHandler()


class Browser:
    """A signed-in user's browser."""

    def __init__(self, user: User, application: WSGIHandler) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.application = application
        self.cookie = f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={TOKEN}"

    def get(self, url: str, *, fragment: bool = False) -> bytes:
        """Return a page, or the fragment that htmx requests."""
        return self._request("GET", url, b"", HTMX if fragment else {})

    def post(self, url: str, fields: dict[str, str]) -> bytes:
        """Submit a form as htmx does, and return the fragment."""
        return self._request("POST", url, urlencode(fields).encode(), HTMX)

    def _request(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
        environ = self._environ(method, url, body) | headers
        response = self.application(environ, _start_response)
        try:
            return b"".join(response)
        finally:
            response.close()  # may close the database connection

    def _environ(self, method: str, url: str, body: bytes) -> dict[str, Any]:
        path, _, query = url.partition("?")
        return {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": self.cookie,
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
            "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
            "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    if not status.startswith("200"):
        raise RuntimeError(f"The response is {status}.")
