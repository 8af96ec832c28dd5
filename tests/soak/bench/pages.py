"""Compare our pages with a plain Django page of the same rows: CPU per request."""

from functools import partial

from django.conf import settings

from console.models import User
from tests.soak.bench.measure import Subject, on_the_cpu
from tests.soak.bench.sample_apps import add_variables, create_app
from tests.soak.bench.wsgi import Browser, application

LIST = "/apps/{}/hosting/secrets/?per_page=100"
EDIT = "/apps/{}/hosting/secrets/manage/?per_page=100"
VARIABLES = "/apps/{}/hosting/environment-variables/?per_page=100"
VARIABLES_EDIT = "/apps/{}/hosting/environment-variables/manage/?per_page=100"


def compare(user: User) -> None:
    """Print the table; the other lines are compared with the first."""
    create_app(user, "d100", 100)
    create_app(user, "d1000", 1000)
    add_variables(create_app(user, "d300", 0), user, 300)
    bare = Browser(user, application(settings.STARTPROJECT_MIDDLEWARE))
    barest = Browser(user, application([]))
    ours = Browser(user, application(settings.MIDDLEWARE))
    on_the_cpu(
        "CPU of a request",
        [
            Subject("plain Django page of 100 rows, signed in", partial(bare.get, "/bare/d100/")),
            Subject("  without any middleware", partial(barest.get, "/bare/d100/open/")),
            Subject("  with the cells of our rows", partial(bare.get, "/bare/d100/same/")),
            Subject("our list, 100 of 100 secrets", partial(ours.get, LIST.format("d100"))),
            Subject("our list, 100 of 1,000", partial(ours.get, LIST.format("d1000"))),
            Subject(
                "  the table alone, as htmx asks for it",
                partial(ours.get, LIST.format("d1000"), fragment=True),
            ),
            Subject("our edit mode, 100 of 1,000", partial(ours.get, EDIT.format("d1000"))),
            Subject("our variables, 100 of 300", partial(ours.get, VARIABLES.format("d300"))),
            Subject("  their edit mode", partial(ours.get, VARIABLES_EDIT.format("d300"))),
        ],
    )
