"""Measure, and print. Ratios of one run say more than seconds, which are this machine's."""

from django.core.management import call_command
from django.test import override_settings

from console.server.start import prepare_database
from secrets_app.store import parameter_store
from tests.fixtures.moto import running
from tests.soak.bench import load, pages, replicas, store, variables
from tests.soak.bench.apps import owner


def main() -> None:
    """Run it all."""
    prepare_database()
    call_command("collectstatic", interactive=False, verbosity=0)
    user = owner()
    pages.compare(user)
    variables.compare(user)
    with running() as moto, override_settings(PARAMETER_STORE="ssm"):
        moto.point_botocore_at_it()
        parameter_store.cache_clear()
        store.compare(user)
    load.compare()
    replicas.prove()


if __name__ == "__main__":
    main()
