"""Compare what reaches Amplify with plain boto3 on the same fake account: wall clock.

Plain boto3 overwrites what somebody else changed; our push reads before and after its write.
"""

import uuid
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import boto3
from django.conf import settings
from django.utils import timezone

from console.access.actors import from_command_line
from console.amplify.pushes import push_pending
from console.amplify.service import service
from console.models import App, Connection, User
from console.workflows.connected_apps.refreshing import sync_all
from envvars_app.models import Variable
from envvars_app.variables.commands import SetVariable
from envvars_app.variables.save import save
from tests.fixtures.amplify import AmplifyServer
from tests.soak.bench.measure import Subject, on_the_wall
from tests.soak.bench.sample_apps import create_app

if TYPE_CHECKING:
    from types_boto3_amplify import AmplifyClient

VARIABLES = 200  # of the app that is pushed
BRANCHES, KEYS = 60, 50  # of the app that is refreshed
_numbers = count()


def compare(user: User, amplify: AmplifyServer) -> None:
    """Print the table."""
    client = boto3.client("amplify", region_name=settings.AWS_REGION)
    app, large = create_app(user, "dpush", 0), create_app(user, "dscopes", 0)
    amplify.add_app("dplain")
    for one in (app, large):
        amplify.add_app(one.app_id)
        Connection.objects.create(app=one, connected_at=timezone.now(), connected_by=user.email)
    for number in range(BRANCHES):
        variables = {f"KEY_{key}": f"value {key}" for key in range(KEYS)}
        amplify.add_branch(large.app_id, f"feature/{number}", variables=variables)
    refresh(app)
    refresh(large)
    on_the_wall(
        "Connected apps, on the fake Amplify",
        [
            Subject("update_app of 200 variables, plain boto3", partial(update, client)),
            Subject("our save and push of 200", partial(save_and_push, user, app)),
            Subject("60 branches of 50, plain boto3", partial(read, client, large), against=2),
            Subject("our refresh without changes", partial(refresh, large), against=2),
        ],
    )


def update(client: "AmplifyClient") -> None:
    """Replace the map of an app that isn't connected."""
    variables = {f"KEY_{number}": f"{next(_numbers)}" for number in range(VARIABLES)}
    client.update_app(appId="dplain", environmentVariables=variables)


def save_and_push(user: User, app: App) -> None:
    """Save new values of all variables, and push them."""
    known = Variable.objects.filter(app=app).in_bulk(field_name="pk")
    existing = {row.key: row for row in known.values()}
    commands = [
        SetVariable(
            key,
            variable_id=existing[key].pk if key in existing else None,
            key=None if key in existing else key,
            expected_version=existing[key].version if key in existing else 0,
            value=f"{next(_numbers)}",
        )
        for key in (f"KEY_{number}" for number in range(VARIABLES))
    ]
    actor = from_command_line(user)
    save(actor=actor, app_id=app.app_id, commands=commands, change_set=uuid.uuid4())
    pushed = push_pending(service(), app)
    assert pushed.done == VARIABLES, pushed


def read(client: "AmplifyClient", app: App) -> None:
    """Read the app and its branches."""
    client.get_app(appId=app.app_id)
    pages = client.get_paginator("list_branches").paginate(appId=app.app_id)
    assert sum(len(page["branches"]) for page in pages) == BRANCHES


def refresh(app: App) -> None:
    """Refresh an app as `manage.py sync_apps` does."""
    [result] = sync_all(app.app_id)
    assert not result.problem, result
