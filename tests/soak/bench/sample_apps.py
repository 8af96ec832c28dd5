"""Sample data: apps with many secrets and variables."""

import uuid
from datetime import timedelta

from django.utils import timezone

from console.access.actors import from_command_line
from console.lib.results import DONE
from console.models import App, Branch, Member, User
from envvars_app.variables.commands import SetVariable
from envvars_app.variables.save import save
from secrets_app.models import Revalidation, Secret

BRANCHES = ("main", "staging", "dev", "feature/login", "feature/checkout", "pr-42")


def create_owner() -> User:
    """Create the user who sends the measured requests."""
    return User.objects.create_user("alice@example.org")


def create_app(user: User, app_id: str, count: int) -> App:
    """Create an app with `count` secrets in the projection, two in five for All branches."""
    app = App.objects.create(app_id=app_id, name="Web shop", region="us-east-1")
    Member.objects.create(app=app, user=user, role="owner")
    branches = [
        Branch.objects.create(
            app=app, name=name, protected=name == "main", production=name == "main"
        )
        for name in BRANCHES
    ]
    now = timezone.now()
    Revalidation.objects.create(app=app, started_at=now, agreed_at=now)
    Secret.objects.bulk_create(
        Secret(
            app=app,
            branch=None if number % 5 < 2 else branches[number % len(branches)],
            key=f"STRIPE_API_KEY_{number:04}",
            version=number % 7 + 1,
            mirror_version=number % 7 + 1,
            mirror_of=number % 7 + 1,
            modified=now - timedelta(hours=number),
            changed_at=now - timedelta(hours=number),
            changed_by=user.email if number % 3 else "",
            touched_at=now - timedelta(hours=number),
        )
        for number in range(count)
    )
    return app


def add_variables(app: App, user: User, count: int) -> None:
    """Give an app so many variables, two in three for All branches and the rest overrides."""
    branches = {branch.name: branch.pk for branch in app.branches.all()}
    changes = [
        SetVariable(
            str(number),
            key=f"API_URL_{number - number % 3:04}" + "A" * (number % 3 == 1),
            branch_id=branches[BRANCHES[number % len(BRANCHES)]] if number % 3 == 2 else None,
            value=f"https://api-{number}.example.org/v1",
        )
        for number in range(count)
    ]
    outcomes = save(
        actor=from_command_line(user), app_id=app.app_id, commands=changes, change_set=uuid.uuid4()
    )
    assert all(outcome.outcome in DONE for outcome in outcomes)
