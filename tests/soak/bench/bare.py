"""What the list is measured against: the pages that anybody would write first.

The same rows, by the same model, in the same order, by an ordinary template: no search, no pages,
no rights within the app, nothing around the table. It has three columns, or the cells of our rows.
"""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from secrets_app.models import Secret


def table(request: HttpRequest, app_id: str, template: str = "bare.html") -> HttpResponse:
    """Show the first hundred secrets of an app."""
    secrets = (
        Secret.objects.filter(app__app_id=app_id)
        .select_related("branch")
        .order_by("branch__name", "key")[:100]
    )
    return render(request, template, {"secrets": secrets}, using="bare")


signed_in = login_required(table)
