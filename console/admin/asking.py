"""Ask operators for recent re-authentication before the admin takes any post."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from console.access import acts
from console.access.actors import from_request
from console.admin.base import AuditedAdmin
from console.web import confirmation
from console.web.refusals import SAFE

_FORMS = ("add_view", "change_view")  # AuditedAdmin shows them again as they were typed


def asking_first(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return a view that asks before an unsafe request, whatever it does; signing out does not."""
    name = getattr(view, "__name__", "")
    keeps_input = name in _FORMS and isinstance(getattr(view, "__self__", None), AuditedAdmin)

    @wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in SAFE and name != "logout":
            try:
                acts.require_recent(from_request(request), acts.ADMIN)
            except acts.ConfirmationRequired as asked:
                if not keeps_input:
                    raise
                confirmation.ask(request, asked)
        return view(request, *args, **kwargs)

    return asking
