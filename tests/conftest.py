"""What every test stands on; tests/settings.py has the environment."""

from hypothesis import settings as hypothesis

pytest_plugins = [
    "tests.plugins.clock",
    "tests.plugins.collector",
    "tests.plugins.emptying",
    "tests.plugins.hashing",
    "tests.plugins.order",
    "tests.plugins.postgres",
    "tests.plugins.moto",
    "tests.plugins.faulty",
    "tests.plugins.chromium",
    "tests.plugins.people",
    "tests.plugins.provider",
]

hypothesis.register_profile("console", deadline=None)  # two cores, and a browser beside
hypothesis.load_profile("console")
