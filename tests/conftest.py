"""Plugins with the shared fixtures. tests/README.md explains how the tests are organized."""

from hypothesis import settings as hypothesis

pytest_plugins = [
    "tests.fixtures.clock",
    "tests.fixtures.speed.collector",
    "tests.fixtures.speed.emptying",
    "tests.fixtures.speed.hashing",
    "tests.fixtures.speed.order",
    "tests.fixtures.postgres",
    "tests.fixtures.moto",
    "tests.fixtures.faulty",
    "tests.fixtures.amplify",
    "tests.fixtures.chromium",
    "tests.fixtures.commands",
    "tests.fixtures.machine",
    "tests.fixtures.mail",
    "tests.fixtures.people",
    "tests.fixtures.slow_answers",
    "tests.fixtures.stores",
    "tests.fixtures.speed.tables",
    "tests.fixtures.provider",
]

hypothesis.register_profile("console", deadline=None)  # test machines can be slow
hypothesis.load_profile("console")
