"""Measure, and print tables. Compare the ratios; the times depend on the machine and its load."""

from django.core.management import call_command
from django.test import override_settings

from console.server.start import prepare_database
from secrets_app.store import parameter_store
from tests.fixtures import amplify as fake_amplify
from tests.fixtures import moto
from tests.soak.bench import (
    amplify,
    imports,
    large_app,
    load,
    matrix,
    pages,
    scanning,
    store,
    variables,
)
from tests.soak.bench.sample_apps import create_owner


def main() -> None:
    """Print every table."""
    prepare_database()
    call_command("collectstatic", interactive=False, verbosity=0)
    user = create_owner()
    pages.compare(user)
    variables.compare(user)
    matrix.compare(user)
    imports.compare(user)
    scanning.compare()
    large_app.compare(user)
    with moto.running() as server, override_settings(PARAMETER_STORE="ssm"):
        server.point_botocore_at_it()
        parameter_store.cache_clear()
        store.compare(user)
    with fake_amplify.running() as account, override_settings(AMPLIFY="on"):
        fake_amplify.point_botocore_at(account)
        amplify.compare(user, account)
    load.compare()


if __name__ == "__main__":
    main()
