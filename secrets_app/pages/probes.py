"""Endpoints for machines: readiness and metrics."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from console.pages.health import database_answers
from secrets_app.ops.gauges import measured
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError

CHECKED_KEY, RESULT_KEY = "store-asked", "store-answers"
FRESH_SECONDS = 5
HANG_SECONDS = 15  # longer than any call to the store
RESULT_SECONDS = 60
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus's text format


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Return 200 if the database and the parameter store answer, and 503 otherwise."""
    try:
        database_answers()
        ready = _is_store_ready()
    except DatabaseError:
        ready = False
    text, status = ("ready\n", 200) if ready else ("not ready\n", 503)
    return HttpResponse(text, content_type="text/plain", status=status)


def _is_store_ready() -> bool:
    """Return True if the store answered the last ping, which is at most FRESH_SECONDS old."""
    # The endpoint is public, so only one request at a time pings the store. The others use its last
    # result: a hanging store delays only one. `in` comes first because `add` always writes.
    if CHECKED_KEY not in cache and cache.add(CHECKED_KEY, True, timeout=HANG_SECONDS):
        cache.set(RESULT_KEY, _store_answers(), timeout=RESULT_SECONDS)
        cache.set(CHECKED_KEY, True, timeout=FRESH_SECONDS)
    return bool(cache.get(RESULT_KEY))


def _store_answers() -> bool:
    try:
        parameter_store().ping()
    except StoreError:
        return False
    return True


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics in Prometheus's format. Requires METRICS_TOKEN as a bearer token."""
    if not settings.METRICS_TOKEN:
        raise Http404("Metrics are off. Set METRICS_TOKEN to turn them on.")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token, settings.METRICS_TOKEN):
        challenge = {"Content-Type": "text/plain", "WWW-Authenticate": "Bearer"}
        return HttpResponse(
            "Send METRICS_TOKEN as a bearer token.\n", status=401, headers=challenge
        )
    from console.ops.metrics import exposition  # imports Prometheus's library only if needed

    text = exposition(measured())
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    return HttpResponse(text, headers=headers)
