"""Refuse requests that are not UTF-8.

Django decodes a request with the charset of its Content-Type, even if Python's codec of that name
is no text encoding, such as base64. That fails before its error handling begins.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_header_parameters

UTF8_AND_ITS_PART = {"utf-8", "utf8", "us-ascii", "ascii"}
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NotUtf8(BadRequest):
    """Raised for a request whose Content-Type is invalid or names another charset than UTF-8."""

    def __init__(self) -> None:
        super().__init__(
            "This request has a Content-Type that Branchkeep can't read: it isn't valid, or it "
            "names another charset than UTF-8. Send “charset=utf-8”, or no charset."
        )


class OnlyUtf8:
    """Answers 400 to requests that say they are encoded as anything but UTF-8 or its part ASCII."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, decoded as UTF-8. Raises NotUtf8."""
        charset = (request.content_params or {}).get("charset")
        if charset is not None:
            request.encoding = "utf-8"
            if not _is_utf8(charset):
                raise NotUtf8
        return self.get_response(request)


def with_readable_content_type(application: Application) -> Application:
    """Return a WSGI application whose requests have a Content-Type that Django can handle.

    Others get an unknown charset, which Django ignores and OnlyUtf8 refuses.
    """

    def serve(cgi: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_readable(cgi.get("CONTENT_TYPE", "")):
            cgi["CONTENT_TYPE"] = "text/plain; charset=unknown"
        return application(cgi, start_response)

    return serve


def _is_readable(content_type: str) -> bool:
    try:
        _, parameters = parse_header_parameters(content_type)
    except (LookupError, ValueError):  # a parameter in a charset of its own (RFC 2231)
        return False
    return _is_utf8(parameters.get("charset", "utf-8"))


def _is_utf8(charset: str) -> bool:
    return charset.lower() in UTF8_AND_ITS_PART
