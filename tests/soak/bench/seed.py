"""Fill the database of a console for the load test: `python -m tests.soak.bench.seed CLIENTS`.

Runs with the console's own settings, and prints the ids of the clients' secrets as JSON.
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
from tests.soak.bench.sample_apps import create_app, create_owner


def main(clients: int) -> list[int]:
    """Create an app with a thousand secrets, and one with a stored secret for each client."""
    user = create_owner()
    user.set_password(PASSWORD)
    user.save()
    create_app(user, "d1000", 1000)
    return _store_secrets(create_app(user, "dload", 0), user, clients)


def _store_secrets(app: App, user: User, number: int) -> list[int]:
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
