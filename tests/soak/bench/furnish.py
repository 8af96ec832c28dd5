"""Fill the database of a console that is under load: python -m tests.soak.bench.furnish CLIENTS.

It runs with the console's own settings. Prints the secrets that the clients work at, as JSON.
"""

import json
import sys
import uuid

from console.access.actors import from_command_line
from console.models import App, User
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save
from tests.fixtures.people import PASSWORD
from tests.soak.bench.apps import app_of, owner


def main(clients: int) -> list[int]:
    """Make the owner, an app of a thousand secrets, and one with a secret for each client."""
    user = owner()
    user.set_password(PASSWORD)
    user.save()
    app_of(user, "d1000", 1000)
    return _stored(app_of(user, "dload", 0), user, clients)


def _stored(app: App, user: User, number: int) -> list[int]:
    branch = app.branches.get(name="dev")
    changes = [
        SetSecret(str(n), key=f"LOAD_{n}", branch_id=branch.pk, value=SecretValue("first"))
        for n in range(number)
    ]
    outcomes = save(
        actor=from_command_line(user), app_id=app.app_id, commands=changes, change_set=uuid.uuid4()
    )
    return [outcome.pk for outcome in outcomes if outcome.pk]


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
