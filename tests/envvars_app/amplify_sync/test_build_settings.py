"""Build settings of a connected app are read from Amplify and pushed to it, with conflicts."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from envvars_app import build_settings
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpec, SyncedBuildSpec
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.envvars_app.amplify_sync.steps import events, pull, push_now
from tests.fixtures.people import World

PAGE = "/apps/d1shop/hosting/build-settings/"
THEIRS = DEFAULT + "# theirs\n"
OURS = DEFAULT + "# ours\n"


def save(world: World, text: str, base: int = 0, branch_id: int | None = None) -> BuildSpec:
    """Save the build settings as alice."""
    return build_settings.save(
        actor=world.actor("alice"), app_id="d1shop", branch_id=branch_id, text=text, base=base
    )


def decide(client: Client, choice: str) -> None:
    """Press the button of the page."""
    page = client.get(PAGE).content.decode()
    form = re.search(rf'amplify/{choice}/".*?name="seen" value="(\w+)"', page, re.DOTALL)
    assert form, page
    assert client.post(f"{PAGE}amplify/{choice}/", {"seen": form[1]}).status_code == 302


def state() -> str:
    """Return how the settings for All branches compare."""
    return str(SyncedBuildSpec.objects.get(scope__branch=None).state)


def test_it_works(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    save(world, OURS)
    assert state() == "pending"
    assert push_now(world, remote).done == 1
    assert remote.own.build_spec == OURS
    assert remote.calls == ["app", "set_app_build_spec", "app"]
    assert state() == ""
    assert events("amplify") == [("alice", "amplify.build", "Build settings", "succeeded")]


def test_of_a_branch(world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    save(world, OURS, branch_id=world.dev.pk)
    push_now(world, remote)
    assert (remote.own.build_spec, remote.kept["dev"].build_spec) == ("", OURS)


def test_read_the_first_time(world: World, remote: MemoryAmplify) -> None:
    remote.own.build_spec = THEIRS
    pull(world, remote)
    assert BuildSpec.objects.get().text == THEIRS
    assert state() == ""


def test_changed_in_amplify(alice: Client, world: World, remote: MemoryAmplify) -> None:
    remote.own.build_spec = OURS
    pull(world, remote)
    remote.own.build_spec = THEIRS
    pull(world, remote)
    assert state() == "drift"
    assert events("found.build")[0][1:] == ("found.build", "Build settings", "succeeded")
    decide(alice, "use")
    assert BuildSpec.objects.get().text == THEIRS
    assert state() == ""


def test_changed_on_both_sides(alice: Client, world: World, remote: MemoryAmplify) -> None:
    remote.own.build_spec = DEFAULT
    pull(world, remote)
    save(world, OURS, base=1)
    remote.own.build_spec = THEIRS
    assert push_now(world, remote).left == 1
    assert remote.own.build_spec == THEIRS
    assert "Somebody changed these build settings" in alice.get(PAGE).content.decode()
    decide(alice, "keep")
    push_now(world, remote)
    assert remote.own.build_spec == OURS


def test_removing_is_refused(world: World, remote: MemoryAmplify) -> None:
    remote.own.build_spec = DEFAULT
    pull(world, remote)
    with pytest.raises(ValidationError, match="Amplify can't remove build settings"):
        build_settings.remove(actor=world.actor("alice"), app_id="d1shop", branch_id=None, base=1)


def test_the_page_says_what_wins(alice: Client, world: World, remote: MemoryAmplify) -> None:
    pull(world, remote)
    page = alice.get(PAGE).content.decode()
    assert "If your repository has an amplify.yml, builds use that one instead." in page
