"""Whether the console can do its work."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from console.pages.apps import database_answers
from secrets_app.ops.gauges import measured
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError

ASKED, KNOWN = "store-asked", "store-answers"
FRESH = 5  # seconds
WHILE_IT_HANGS = 15  # no call takes longer
KEPT = 60
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus's text format


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether the database and the parameter store answer."""
    try:
        database_answers()
        ready = _store_is_well()
    except DatabaseError:
        ready = False
    words, status = ("ready\n", 200) if ready else ("not ready\n", 503)
    return HttpResponse(words, content_type="text/plain", status=status)


def _store_is_well() -> bool:
    """Return what the store last answered. Anyone may ask, so one asks it at a time, and seldom:
    while it hangs, everybody else has his answer at once. Looking first writes nothing, which `add`
    always does."""
    if ASKED not in cache and cache.add(ASKED, True, timeout=WHILE_IT_HANGS):
        cache.set(KNOWN, _store_answers(), timeout=KEPT)
        cache.set(ASKED, True, timeout=FRESH)
    return bool(cache.get(KNOWN))


def _store_answers() -> bool:
    try:
        parameter_store().ping()
    except StoreError:
        return False
    return True


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell Prometheus what docs/operations.md says, if it brings METRICS_TOKEN."""
    if not settings.METRICS_TOKEN:
        raise Http404("Metrics are off. Set METRICS_TOKEN to turn them on.")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token, settings.METRICS_TOKEN):
        asked = {"Content-Type": "text/plain", "WWW-Authenticate": "Bearer"}
        return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=401, headers=asked)
    from console.ops.metrics import exposition  # their library is for who has Prometheus

    text = exposition(measured())
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    return HttpResponse(text, headers=headers)
