"""A build's `$secrets` has ten of a branch's own secrets; the page names branches with more."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from console.lib.naming.names import PathProfile
from console.models import Branch
from console.pages.apps.forms import PROFILE_WORDS
from secrets_app.models import Secret
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases

URL = "/apps/d1shop/hosting/secrets/"


def add(world: World, number: int, branch: Branch | None) -> None:
    """Add secrets with a mirror, as after a reconcile."""
    now = timezone.now()
    Secret.objects.bulk_create(
        Secret(
            app=world.app,
            branch=branch,
            key=f"KEY_{index}",
            version=1,
            mirror_version=1 if branch else 0,
            touched_at=now,
        )
        for index in range(number)
    )


def warnings(client: Client) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = client.get(URL).context["crowded"]
    return found


def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    vera = client_for("vera")
    add(world, 10, world.main)
    add(world, 30, None)  # builds don't get them at all
    assert warnings(vera) == []
    Secret.objects.filter(branch=world.main).delete()
    add(world, 11, world.main)
    add(world, 12, world.dev)
    assert warnings(vera) == [("dev", 12), ("main", 11)]
    text = " ".join(vera.get(URL).text.split())
    assert "main has 11 secrets at the documented path." in text
    assert "gets only the first ten of them." in text


@pytest.mark.parametrize(
    ("profile", "expected"),
    [(PathProfile.DOCUMENTED, [("dev", 11)]), (PathProfile.BACKEND, [])],
)
def test_other_profiles(
    world: World,
    client_for: Callable[[str], Client],
    profile: str,
    expected: list[tuple[str, int]],
) -> None:
    add(world, 11, world.dev)
    Secret.objects.update(mirror_version=0)
    world.app.path_profile = profile
    world.app.save()
    assert warnings(client_for("vera")) == expected


def test_without_mirror_or_branch(world: World, client_for: Callable[[str], Client]) -> None:
    add(world, 11, world.main)
    Secret.objects.filter(key="KEY_0").update(mirror_version=0)
    add(world, 11, world.dev)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    assert warnings(client_for("vera")) == []


@pytest.mark.parametrize("profile", [PathProfile.BOTH, PathProfile.DOCUMENTED])
def test_the_profiles_promise_no_more(profile: PathProfile) -> None:
    assert "only ten secrets, of the branch's own" in PROFILE_WORDS[profile]
