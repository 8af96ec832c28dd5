"""What BACKUP_KEY may be."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.access.test_production import start as start  # a fixture: settings read anew

NEW, OLD = "a-new-key-of-backups-alone-for-tests", "an-old-key-of-backups-alone-for-tests"


@pytest.mark.parametrize(("value", "keys"), [("", []), (NEW, [NEW]), (f"{NEW}, {OLD}", [NEW, OLD])])
def test_it_works(start: Callable[..., Any], value: str, keys: list[str]) -> None:
    assert keys == start(BACKUP_KEY=value).BACKUP_KEYS


@pytest.mark.parametrize("value", ["short", f"{NEW},short"])
def test_one_that_is_short_is_refused(start: Callable[..., Any], value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="BACKUP_KEY contains a key that is too short"):
        start(BACKUP_KEY=value)
