"""Valid and invalid values of BACKUP_KEY."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.console.backup.conftest import KEY, OTHER_KEY
from tests.console.server.test_production import (
    start as start,  # a fixture: executes the settings file
)


@pytest.mark.parametrize(
    ("value", "keys"), [("", []), (KEY, [KEY]), (f"{KEY}, {OTHER_KEY}", [KEY, OTHER_KEY])]
)
def test_it_works(start: Callable[..., Any], value: str, keys: list[str]) -> None:
    assert keys == start(BACKUP_KEY=value).BACKUP_KEYS


@pytest.mark.parametrize(
    "value",
    [
        "fifty random characters, which opened backups before they were age files",
        f"{KEY},short",
        f"{KEY[:-1]}X",
        "age1jehhp0sum8pf65l25sxlkfdkx978eflcf4qe9kprsq83axu40veqv0cn9p",  # a public key
    ],
)
def test_invalid_keys(start: Callable[..., Any], value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is not an age secret key") as refusal:
        start(BACKUP_KEY=value)
    assert KEY not in str(refusal.value)
