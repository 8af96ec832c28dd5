"""Measure reconciling 30,000 secrets in the embedded store, beside other apps of that size."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from console.models import App, User
from secrets_app.models import EmbeddedParameter, Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync.listing import folders_of
from secrets_app.sync.reconciling import reconcile_now
from tests.soak.bench.measure import Subject, on_the_cpu
from tests.soak.bench.sample_apps import create_app

SECRETS = 30_000


def compare(user: User) -> None:
    """Print the table."""
    app = create_app(user, "dlarge", 0)
    for sample in (app, create_app(user, "dlarger", 0), create_app(user, "dlargest", 0)):
        EmbeddedParameter.objects.bulk_create(_parameters(sample), batch_size=5_000)
    reconcile_now(app)
    assert app.secrets.count() == SECRETS
    path = EmbeddedParameter.objects.filter(path__startswith=f"/amplify/{app.app_id}/").last()
    assert path
    on_the_cpu(
        f"Reconciling {SECRETS:,} secrets, embedded",
        [
            Subject("our reconcile without changes", partial(reconcile, app)),
            Subject("our reconcile of 1 change", partial(change_and_reconcile, app, path.path)),
        ],
        rounds=3,
        block=3,
    )


def _parameters(app: App) -> Iterator[EmbeddedParameter]:
    """Yield a parameter for each secret, and its mirror unless it is for All branches."""
    now, folders = datetime.now(UTC), folders_of(app)
    branches = [None, *app.branches.values_list("pk", flat=True)]
    for number in range(SECRETS):
        branch = branches[number % len(branches)]
        for is_mirror in (False, True):
            if folder := folders.get((branch, is_mirror)):
                path = f"{folder}/STRIPE_API_KEY_{number:05}"
                yield EmbeddedParameter(path=path, version=1, modified=now)


def reconcile(app: App) -> None:
    """Reconcile, and check that nothing is missing."""
    assert reconcile_now(app)
    assert Secret.objects.filter(app=app, version__gt=0).count() == SECRETS


def change_and_reconcile(app: App, path: str) -> None:
    """Reconcile after one parameter changed outside Branchkeep."""
    parameter_store().put(path, SecretValue("changed outside"), overwrite=True)
    reconcile(app)
