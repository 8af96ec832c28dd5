"""What every test stands on; tests/settings.py has the environment."""

from hypothesis import settings as hypothesis

pytest_plugins = [
    "tests.fixtures.clock",
    "tests.fixtures.collector",
    "tests.fixtures.emptying",
    "tests.fixtures.hashing",
    "tests.fixtures.order",
    "tests.fixtures.postgres",
    "tests.fixtures.moto",
    "tests.fixtures.faulty",
    "tests.fixtures.stores",
    "tests.fixtures.chromium",
    "tests.fixtures.people",
    "tests.fixtures.provider",
]

hypothesis.register_profile("console", deadline=None)  # two cores, and a browser beside
hypothesis.load_profile("console")
