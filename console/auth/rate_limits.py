"""How often somebody may try to sign in: counted before a hash is computed, for every process.

Tries count by account and by address. A browser that somebody signed in with before carries a
signed cookie, and its tries for that account count for themselves: whoever uses up an account's
tries elsewhere keeps its owner out of new browsers alone, and for minutes. (OWASP calls it a device
cookie.) It opens nothing.
"""

import secrets
from hashlib import sha256

from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare, salted_hmac

from console.access.actors import from_request
from console.audit.events import Action, Target, refuse
from console.auth import limiter

WINDOW = 300  # seconds
PER_ACCOUNT = f"5/{WINDOW}s/key"
PER_ADDRESS = "10/60s/ip"
_SALT = "console.known_browser"
_LIFE = 365 * 24 * 3600  # seconds


def take(request: HttpRequest, email: str, kind: str = "password") -> limiter.Usage:
    """Count a try of `kind` for an account, there or not; `rollback` of what comes back undoes it.

    Beyond the limit raises ImmediateHttpResponse with a 429; the audit trail has one entry for all
    that one browser, or everybody else, tries for that account within the window.
    """
    email = email.strip().lower()
    browser = _known_browser(request, email)
    key = f"browser {browser}" if browser else email
    rates = PER_ACCOUNT if browser else f"{PER_ADDRESS},{PER_ACCOUNT}"
    usage = limiter.consume(request, kind, rates, key=key)
    if usage is None:
        _record_once(request, email, key)
        response = render(request, "429.html", status=429)
        response["Retry-After"] = str(WINDOW)
        raise ImmediateHttpResponse(response)
    return usage


def _record_once(request: HttpRequest, email: str, key: str) -> None:
    digest = sha256(key.encode()).hexdigest()
    if cache.add(f"console.limited.{digest}", True, WINDOW):
        record_denied(from_request(request), Action.SIGN_IN_LIMITED, Target(subject=email[:254]))


def remember_browser(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Let the browser know that somebody signed in to this account with it."""
    email = email.strip().lower()
    if _known_browser(request, email):
        return
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE,
        signing.dumps([_digest(email), secrets.token_urlsafe(16)], salt=_SALT),
        max_age=_LIFE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known_browser(request: HttpRequest, email: str) -> str:
    """Return what names this browser, "" where nobody signed in to the account with it."""
    cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE, "")
    try:
        digest, name = signing.loads(cookie, salt=_SALT, max_age=_LIFE)
    except (signing.BadSignature, ValueError):
        return ""
    return str(name) if constant_time_compare(digest, _digest(email)) else ""


def _digest(email: str) -> str:
    return salted_hmac(_SALT, email, algorithm="sha256").hexdigest()
