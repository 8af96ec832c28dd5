"""Whether the console can do its work."""

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from console.views import database_answers
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether the database and the parameter store answer."""
    try:
        database_answers()
        # Anyone may ask, so nobody asks the store more than once in a while, well or not
        ready = cache.get_or_set("store-answers", _store_answers, timeout=5)
    except DatabaseError:
        ready = False
    words, status = ("ready\n", 200) if ready else ("not ready\n", 503)
    return HttpResponse(words, content_type="text/plain", status=status)


def _store_answers() -> bool:
    try:
        parameter_store().ping()
    except StoreError:
        return False
    return True
