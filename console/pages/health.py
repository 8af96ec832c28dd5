"""The health check of the process."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Report that the process responds."""
    return HttpResponse("ok\n", content_type="text/plain")


def database_answers() -> None:
    """Raise django.db.Error unless the database responds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
