"""The plain Django views that our list is compared with.

They show the same rows of the same model in the same order with an ordinary template, but without
search, pagination, permissions or a page layout.
"""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from secrets_app.models import Secret


def table(request: HttpRequest, app_id: str, template: str = "bare.html") -> HttpResponse:
    """Show the first hundred secrets of an app; `template` chooses three columns or our cells."""
    secrets = (
        Secret.objects.filter(app__app_id=app_id)
        .select_related("branch")
        .order_by("branch__name", "key")[:100]
    )
    return render(request, template, {"secrets": secrets}, using="bare")


signed_in = login_required(table)
