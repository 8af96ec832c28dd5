"""Amplify's self-managed hosting and Branchkeep share configuration and secrets.

Deployed code reads them with @aws-blocks/hosting, whose command line writes them, too: those of its
stage, otherwise the shared ones.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_app.hosting import values
from secrets_app.hosting.places import Kind, Place
from secrets_app.hosting_paths import project_id
from secrets_app.store.base import SecretValue
from tests.amplify.packages import Refused, SecretClient
from tests.fixtures.moto import Moto
from tests.fixtures.people import World

names = st.one_of(st.text("a1-_@/. 日🗝", max_size=20), st.text(max_size=20))
ODD_VALUES = ("a\r\n\n", " \t", "\ufeff\u2028", "日本🗝" * 300, '{"a": "\\"}')
KINDS = list(Kind)


class Both:
    """The values of one kind, as alice and as Amplify's client use them. "" is the shared stage."""

    def __init__(self, world: World, client: SecretClient, kind: Kind) -> None:
        self._who: dict[str, Any] = {"actor": world.actor("alice"), "app_id": world.app.app_id}
        self._client, self._kind = client, kind

    def we_set(self, key: str, value: str, stage: str = "", expected: str | None = None) -> str:
        """Set a value, as pages do if a version is expected. Return its version."""
        place, secret = self._place(key, stage), SecretValue(value)
        saved = values.set_value(**self._who, place=place, value=secret, expected=expected)
        return saved.version

    def we_get(self, key: str, stage: str = "") -> str:
        return values.get_value(**self._who, place=self._place(key, stage)).reveal()

    def we_remove(self, key: str, stage: str = "") -> None:
        values.remove_value(**self._who, place=self._place(key, stage))

    def we_restore(self, key: str, stage: str = "") -> None:
        values.restore_secret(**self._who, place=self._place(key, stage))

    def we_list(self) -> list[values.HostingValue]:
        return values.list_values(**self._who, kind=self._kind)

    def they(self, operation: str, *inputs: str, stage: str = "") -> Any:
        """Call Amplify's packages for a project with this name in package.json."""
        scope = {"project": "@acme/web-shop", "kind": self._kind, "stage": stage or None}
        return self._client(f"{operation}Hosting", scope, *inputs)

    def _place(self, key: str, stage: str) -> Place:
        return Place(self._kind, stage, key)


@pytest.fixture(params=KINDS)
def both(
    request: pytest.FixtureRequest, world: World, client: SecretClient, console_on_ssm: Moto
) -> Both:
    world.app.hosting_project = project_id("@acme/web-shop")
    world.app.save()
    return Both(world, client, request.param)


def test_it_works(both: Both) -> None:
    both.we_set("KEY", "shared")
    first = both.we_set("KEY", "first", "prod")
    both.we_set("KEY", "second", "prod", expected=first)
    assert both.they("read", "KEY") == "shared"
    assert both.they("read", "KEY", stage="prod") == "second"
    assert both.they("read", "KEY", stage="dev") == "shared"
    both.we_set("KEY", "changed")
    assert both.they("read", "KEY", stage="dev") == "changed"
    assert both.they("list") == both.they("list", stage="prod") == ["KEY"]
    assert both.they("list", stage="dev") == []
    for key in (f"KEY_{number}" for number in range(12)):  # more than a page of Parameter Store
        both.we_set(key, key)
    assert len(both.they("list")) == 13


def test_changed_by_amplify(both: Both) -> None:
    both.we_set("KEY", "ours")
    both.they("set", "KEY", "theirs")
    both.they("set", "KEY", "of prod", stage="prod")
    assert both.we_get("KEY") == "theirs"
    assert both.we_get("KEY", "prod") == "of prod"
    assert [(row.place.stage, row.place.key) for row in both.we_list()] == [
        ("", "KEY"),
        ("prod", "KEY"),
    ]
    both.we_set("KEY", "ours again", "prod")
    assert both.they("read", "KEY", stage="prod") == "ours again"


def test_odd_values(both: Both) -> None:
    for number, text in enumerate(ODD_VALUES):
        both.we_set(f"OURS_{number}", text)
        assert both.they("read", f"OURS_{number}") == text
        both.they("set", f"THEIRS_{number}", text)
        assert both.we_get(f"THEIRS_{number}") == text


@pytest.mark.parametrize("both", [Kind.CONFIG], indirect=True)
def test_removed_configuration(both: Both) -> None:
    for key in ("A", "B"):
        both.we_set(key, "shared")
        both.we_set(key, "of prod", "prod")
    both.we_remove("A", "prod")
    both.they("remove", "B", stage="prod")
    assert [row.place.stage for row in both.we_list()] == ["", ""]
    assert both.they("read", "A", stage="prod") == both.they("read", "B", stage="prod") == "shared"


@pytest.mark.parametrize("both", [Kind.SECRET], indirect=True)
def test_removed_secrets(both: Both) -> None:
    """A stage whose secret is scheduled for deletion gets an error, not the shared one."""
    for key in ("A", "B"):
        both.we_set(key, "shared")
        both.we_set(key, "of prod", "prod")
    both.we_remove("A", "prod")
    both.they("remove", "B", stage="prod")
    assert [row.removed for row in both.we_list()] == [False, False, True, True]
    for key in ("A", "B"):
        with pytest.raises(Refused, match="InvalidRequestException"):
            both.they("read", key, stage="prod")
        both.we_restore(key, "prod")
        assert both.they("read", key, stage="prod") == "of prod"
    both.we_remove("A")
    both.we_set("A", "again")
    assert both.they("read", "A") == "again"


@settings(max_examples=10)
@given(packages=st.lists(names, min_size=20, max_size=30))
def test_projects(client: SecretClient, packages: list[str]) -> None:
    assert client("projects", packages) == [project_id(name) for name in packages]
