"""Measure the page that compares branches: 60 keys on 50 branches."""

from functools import partial

from django.conf import settings

from console.models import Branch, User
from tests.factories.compare import fill
from tests.soak.bench.measure import Subject, on_the_cpu
from tests.soak.bench.sample_apps import create_app
from tests.soak.bench.wsgi import Browser, application

BRANCHES, KEYS = 50, 60
MATRIX = "/apps/dmatrix/compare/"


def compare(user: User) -> None:
    """Print the table. The promise is 150 ms of CPU and 400 KB."""
    app = create_app(user, "dmatrix", 0)
    missing = BRANCHES - app.branches.count()
    for number in range(missing):
        Branch.objects.create(app=app, name=f"feature/{number}")
    fill(app, keys=KEYS)
    ours = Browser(user, application(settings.MIDDLEWARE))
    on_the_cpu(
        f"{KEYS} keys on {BRANCHES} branches",
        [
            Subject("the page", partial(ours.get, MATRIX)),
            Subject("  the matrix alone", partial(ours.get, MATRIX, fragment=True)),
            Subject("  filtered", partial(ours.get, f"{MATRIX}?show=missing")),
        ],
    )
