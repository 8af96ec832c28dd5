"""Limit sign-in attempts, counted before a password is hashed and shared by all processes.

Attempts count per account and per address. A limit per account alone would let anyone lock its
owner out, and one per address alone would let a botnet guess. So a browser in which the account has
signed in before carries a signed cookie, and its attempts count separately (OWASP calls it a device
cookie). Attempts from elsewhere can then lock the owner out of new browsers only. The cookie gives
no access.
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
from console.audit.events import Action, Target, record_denied
from console.auth import limiter

WINDOW = 300  # seconds
PER_ACCOUNT = f"5/{WINDOW}s/key"
PER_ADDRESS = "10/60s/ip"
_SALT = "console.known_browser"
_COOKIE_AGE = 365 * 24 * 3600  # seconds


def consume(request: HttpRequest, email: str, kind: str = "password") -> limiter.Usage:
    """Count an attempt for an account, whether it exists or not.

    Returns a usage that can be rolled back. Beyond the limit, raises ImmediateHttpResponse with a
    429. The audit trail gets one entry per window for each browser, and one for all others.
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
    # `add` succeeds once per window, so that an attack doesn't flood the audit trail.
    if cache.add(f"console.limited.{digest}", True, WINDOW):
        record_denied(from_request(request), Action.SIGN_IN_LIMITED, Target(subject=email[:254]))


def remember_browser(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Set the cookie of a browser in which the account has signed in."""
    email = email.strip().lower()
    if _known_browser(request, email):
        return
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE,
        signing.dumps([_digest(email), secrets.token_urlsafe(16)], salt=_SALT),
        max_age=_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known_browser(request: HttpRequest, email: str) -> str:
    """Return the browser's id, or "" if the account has not signed in there."""
    cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE, "")
    try:
        digest, browser_id = signing.loads(cookie, salt=_SALT, max_age=_COOKIE_AGE)
    except (signing.BadSignature, ValueError):
        return ""
    return str(browser_id) if constant_time_compare(digest, _digest(email)) else ""


def _digest(email: str) -> str:
    return salted_hmac(_SALT, email, algorithm="sha256").hexdigest()
