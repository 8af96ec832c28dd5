"""Whether the console can do its work."""

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from console.views import database_answers
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError


@login_not_required
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether the database and the parameter store answer."""
    try:
        database_answers()
        cache.get_or_set("store-answers", _store_answers, timeout=5)  # anyone may ask
    except (DatabaseError, StoreError):
        return HttpResponse("not ready\n", content_type="text/plain", status=503)
    return HttpResponse("ready\n", content_type="text/plain")


def _store_answers() -> bool:
    parameter_store().ping()
    return True
