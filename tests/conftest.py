"""Plugins with the shared fixtures. tests/README.md explains how the tests are organized."""

import os

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

# Test machines can be slow. Only `make test-all` looks for new examples, so that `make test` fails
# for what changed alone.
hypothesis.register_profile("console", deadline=None, derandomize="NEW_EXAMPLES" not in os.environ)
hypothesis.load_profile("console")
