"""Say why a post was refused: from another address, without a cookie, or from an old page."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import (
    REASON_BAD_ORIGIN,
    REASON_BAD_REFERER,
    REASON_CSRF_TOKEN_MISSING,
    REASON_INSECURE_REFERER,
    REASON_MALFORMED_REFERER,
    REASON_NO_CSRF_COOKIE,
    REASON_NO_REFERER,
)

_SHOWN = 200  # characters of an address


@dataclass(frozen=True)
class Refusal:
    """A heading, what happened, and what to do.

    `is_expired` is True if the page's token is at fault, so that a new one may help.
    """

    heading: str
    cause: str
    remedy: str = "Go back, reload the page, and try again."
    is_expired: bool = False


NULL_ORIGIN = Refusal(
    "Your browser hides where this form came from",
    "Your browser sent “Origin: null”, as browsers do for saved pages, for sandboxed frames and "
    "with some privacy settings.",
    "Open Branchkeep in a tab of its own and fill in the form there.",
)
NO_ORIGIN = Refusal(
    "Your browser hides where this form came from",
    "Your browser sent neither an Origin nor a Referer header.",
    "Turn off the extension or setting that removes them for this site, and try again.",
)
NO_COOKIE = Refusal(
    "Your browser sent no cookie",
    "Your browser sent no cookie, so Branchkeep can't tell that this form is yours.",
    "Allow cookies for this site, reload the page, and try again.",
)
NO_COOKIE_WITHOUT_TLS = Refusal(
    NO_COOKIE.heading,
    NO_COOKIE.cause,
    "Check that the address begins with https:// and that cookies are allowed for this site. Then "
    "reload the page and try again.",
)
NO_TOKEN = Refusal(
    "This form is incomplete",
    "This form arrived without the token that proves that it is from one of Branchkeep's pages.",
)
EXPIRED = Refusal(
    "This page has expired",
    "You signed in or out after this page was opened.",
    is_expired=True,
)


def explain(request: HttpRequest, reason: str) -> Refusal:
    """Return why Django's CSRF check refused a request, given its reason."""
    origin, referer = (request.META.get(name, "") for name in ("HTTP_ORIGIN", "HTTP_REFERER"))
    if reason == REASON_BAD_ORIGIN % origin:
        return NULL_ORIGIN if origin == "null" else _from(origin, request)
    if reason == REASON_NO_REFERER:
        return NO_ORIGIN
    if reason in {REASON_MALFORMED_REFERER, REASON_INSECURE_REFERER} or reason.startswith(
        REASON_BAD_REFERER.partition("%s")[0]
    ):
        return _from(_origin_of(referer), request)
    if reason == REASON_NO_CSRF_COOKIE:
        return NO_COOKIE if settings.LOCAL else NO_COOKIE_WITHOUT_TLS
    return NO_TOKEN if reason == REASON_CSRF_TOKEN_MISSING else EXPIRED


def _from(origin: str, request: HttpRequest) -> Refusal:
    """Return the refusal of a form from `origin`, which isn't the address of the request."""
    ours = f"{request.scheme}://{request.get_host()}"
    said = f"Your browser says that this form is from {origin[:_SHOWN]}."
    cause = f"{said} Branchkeep's address is {ours}."
    if _name(origin) == _name(ours):
        return Refusal(
            "Branchkeep is set up for another address",
            cause,
            f"Open {ours}, or ask an operator to set BASE_URL to the address you use.",
        )
    return Refusal(
        "This form is from another site",
        cause,
        "If you did not send it, leave that site. If it is an address of this console, ask an "
        "operator to let the proxy pass the Host header on.",
    )


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url


def _name(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
