"""Compare saving many variables with plain Django: wall clock.

Plain Django only inserts the rows, without permissions, versions, conflicts or an audit log.
"""

from functools import partial
from itertools import count

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from console.models import App, User
from envvars_app.models import Variable
from tests.soak.bench.measure import Subject, on_the_wall
from tests.soak.bench.sample_apps import create_app
from tests.soak.bench.wsgi import Browser, application

ROWS = 50  # rows that our edit mode sends per request
_numbers = count()


def compare(user: User) -> None:
    """Print the table."""
    app = create_app(user, "dvars", 0)
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
    """Insert `number` rows."""
    with transaction.atomic():
        Variable.objects.bulk_create(
            Variable(app=app, key=f"PLAIN_{next(_numbers)}", value="x", changed_at=timezone.now())
            for _ in range(number)
        )


def save(ours: Browser, app: App, number: int) -> bytes:
    """Save `number` new variables, in batches as our edit mode does."""
    url = f"/apps/{app.app_id}/hosting/environment-variables/manage/"
    answer = b"".join(
        ours.post(url, new_rows(min(ROWS, number - start))) for start in range(0, number, ROWS)
    )
    assert answer.count(b'data-outcome="saved"') == number
    return answer


def new_rows(number: int) -> dict[str, str]:
    """Return the form's fields for `number` rows."""
    fields = {}
    for row in range(1, number + 1):
        key = f"KEY_{next(_numbers)}"
        fields |= {f"new-{row}-key": key, f"new-{row}-branch": "", f"new-{row}-value": "x"}
    return fields
