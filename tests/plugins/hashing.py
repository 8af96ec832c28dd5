"""Recovery codes are hashed slowly on purpose, ten at a time; tests need not wait for that.

tests/settings.py does the same for passwords.
"""

from collections.abc import Iterator

import pytest

from console.auth import recovery_codes

assert recovery_codes.COST == 2**14  # what the console itself takes


@pytest.fixture(scope="session", autouse=True)
def _recovery_codes_cost_little() -> Iterator[None]:
    """Hash with scrypt's least."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery_codes, "COST", 2)
        yield
