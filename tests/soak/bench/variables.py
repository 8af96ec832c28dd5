"""Saving many variables, against what a plain Django view would do: wall clock.

The plain one writes the rows and nothing else: no rights, versions, conflicts or audit trail.
"""

from functools import partial
from itertools import count

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from console.models import App, User
from envvars_app.models import Variable
from tests.soak.bench.apps import app_of
from tests.soak.bench.measure import Subject, on_the_wall
from tests.soak.bench.wsgi import Browser, application

ROWS = 50  # that our edit mode sends at a time
_numbers = count()


def compare(user: User) -> None:
    """Print the table."""
    app = app_of(user, "dvars", 0)
    ours = Browser(user, application(settings.MIDDLEWARE))
    on_the_wall(
        "Saves of variables",
        [
            Subject("1 row, plain Django", partial(plain, app, 1)),
            Subject("our save of 1", partial(save, ours, app, 1)),
            Subject("300 rows in one insert, plain Django", partial(plain, app, 300), against=2),
            Subject("our save of 300", partial(save, ours, app, 300), against=2),
        ],
    )


def plain(app: App, number: int) -> None:
    """Write so many rows."""
    with transaction.atomic():
        Variable.objects.bulk_create(
            Variable(app=app, key=f"PLAIN_{next(_numbers)}", value="x", changed_at=timezone.now())
            for _ in range(number)
        )


def save(ours: Browser, app: App, number: int) -> bytes:
    """Save so many new variables, in the requests that our edit mode makes of them."""
    address = f"/apps/{app.app_id}/hosting/environment-variables/manage/"
    answer = b"".join(
        ours.post(address, new_rows(min(ROWS, number - start))) for start in range(0, number, ROWS)
    )
    assert answer.count(b'data-outcome="saved"') == number
    return answer


def new_rows(number: int) -> dict[str, str]:
    """Return the form's fields for so many rows."""
    fields = {}
    for row in range(1, number + 1):
        key = f"KEY_{next(_numbers)}"
        fields |= {f"new-{row}-key": key, f"new-{row}-branch": "", f"new-{row}-value": "x"}
    return fields
