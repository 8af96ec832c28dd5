"""Fill an app for the page that compares branches, and read the page."""

from typing import Any

from django.utils import timezone

from console.models import App, Branch
from envvars_app.models import Variable
from secrets_app.models import Secret
from tests.fixtures.people import World

COMPARE = "/apps/d1shop/compare/"


def states(response: Any) -> dict[str, list[str]]:
    """Return each key's states: for All branches, then for each branch of the page."""
    return {line.key: [word for _, _, word, _ in line.cells] for line in _lines(response)}


def marks(response: Any) -> dict[str, list[str]]:
    """Return the marks beside each key's states, such as "changed"."""
    return {
        line.key: [" ".join(classes.split()[1:]) for classes, *_ in line.cells]
        for line in _lines(response)
    }


def _lines(response: Any) -> list[Any]:
    return [line for group in response.context["groups"] for line in group.lines]


def add_branches(world: World, count: int) -> list[Branch]:
    """Add branches named feature/0 and so on."""
    return [
        Branch.objects.create(app=world.app, name=f"feature/{number}") for number in range(count)
    ]


def fill(app: App, *, keys: int) -> None:
    """Give each branch half of the keys itself; two in three are secrets, without a value.

    Every fifth key is set for All branches, too.
    """
    common = {"app": app, "version": 1, "changed_at": timezone.now()}
    secrets, variables = [], []
    for position, scope in enumerate([None, *app.branches.all()]):
        for number in range(keys):
            if number % 5 if scope is None else (number + position) % 2:
                continue
            fields = {**common, "branch": scope, "key": f"STRIPE_API_KEY_{number:03}"}
            if number % 3:
                secrets.append(Secret(**fields, touched_at=timezone.now()))
            else:
                variables.append(Variable(**fields, value=f"{position % 3}"))
    Secret.objects.bulk_create(secrets)
    Variable.objects.bulk_create(variables)
