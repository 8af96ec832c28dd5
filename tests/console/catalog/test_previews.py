"""Preview rules: which branch is a preview of which, and who may change the rules."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import Client
from django.utils import timezone

from console.catalog import previews
from console.models import AuditEvent, Branch, PreviewRule
from tests.factories import access_of, create_branch
from tests.fixtures.people import World

PAGE = "/apps/d1shop/settings/previews/"
APP = {"app_id": "d1shop"}


def add(world: World, pattern: str, source: Branch, by: str = "alice") -> PreviewRule:
    return previews.add_rule(actor=world.actor(by), **APP, pattern=pattern, source_id=source.pk)


def sources(world: World) -> dict[str, str]:
    """Return the name of each preview's source, by the preview's name."""
    access = access_of(world, "alice")
    names = {branch.pk: branch.name for branch in access.branches}
    return {names[pk]: it.name for pk, it in previews.previews_of(access).sources.items()}


def test_it_works(client_for: Callable[[str], Client], world: World) -> None:
    create_branch(world, "pr-12")
    alice = client_for("alice")
    assert "No rules yet" in alice.get(PAGE).content.decode()
    answer = alice.post(PAGE, {"pattern": " pr-* ", "source": world.dev.pk}, follow=True)
    text = answer.content.decode()
    assert "Added the rule for pr-*." in text
    assert "pr-12" in text
    assert sources(world) == {"pr-12": "dev"}
    rule = PreviewRule.objects.get()
    text = alice.post(PAGE, {"remove": rule.pk}, follow=True).content.decode()
    assert "Removed the rule for pr-*." in text
    assert sources(world) == {}
    events = AuditEvent.objects.filter(action="branch.previews").order_by("pk")
    assert [event.subject for event in events] == [
        "added pr-*, which takes from dev",
        "removed pr-*, which takes from dev",
    ]
    activity = alice.get("/apps/d1shop/activity/").content.decode()
    assert "changed the preview rules:" in activity


def test_the_first_rule_that_matches_decides(
    client_for: Callable[[str], Client], world: World
) -> None:
    create_branch(world, "pr-1")
    create_branch(world, "feature/login")
    staging = create_branch(world, "staging")
    add(world, "*", world.dev)
    rule = add(world, "pr-*", staging)
    assert sources(world) == {"pr-1": "dev", "feature/login": "dev"}
    client_for("alice").post(PAGE, {"up": rule.pk})
    assert sources(world) == {"pr-1": "staging", "feature/login": "dev"}
    client_for("alice").post(PAGE, {"up": rule.pk})  # it is the first already
    assert sources(world) == {"pr-1": "staging", "feature/login": "dev"}


def test_branches_that_are_never_previews(world: World) -> None:
    gone, pr = create_branch(world, "pr-0", deleted_at=timezone.now()), create_branch(world, "pr-1")
    staging = create_branch(world, "staging")
    add(world, "*", world.dev)  # matches production, dev itself, and the source of the next rule
    add(world, "pr-*", staging)
    assert sources(world) == {"pr-1": "dev"}
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    assert sources(world) == {}, "the first rule still decides, and gives nothing"
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=None)
    Branch.objects.filter(pk__in=[pr.pk, gone.pk]).update(deleted_at=timezone.now())
    assert sources(world) == {}


def test_invalid_rules(world: World) -> None:
    add(world, "pr-*", world.dev)
    deleted = create_branch(world, "old", deleted_at=timezone.now())
    for pattern, source, message in (
        ("pr-*", world.main, "There is a rule for this pattern already"),
        ("dev", world.dev, "can't take values from itself"),
        ("x-*", deleted, "was deleted"),
        ("", world.dev, "not a valid pattern"),
        ("pr\u202e-*", world.dev, "not a valid pattern"),
    ):
        with pytest.raises(ValidationError, match=message):
            add(world, pattern, source)
    with pytest.raises(Http404):
        add(world, "x-*", world.other_branch)
    assert PreviewRule.objects.count() == 1


def test_at_most_twenty(world: World) -> None:
    rows = (
        PreviewRule(app=world.app, position=it, pattern=f"{it}-*", source=world.dev)
        for it in range(previews.MAX_RULES)
    )
    PreviewRule.objects.bulk_create(rows)
    with pytest.raises(ValidationError, match="at most 20"):
        add(world, "pr-*", world.dev)


def test_only_owners(client_for: Callable[[str], Client], world: World) -> None:
    rule = add(world, "pr-*", world.dev)
    for change in (previews.remove_rule, previews.move_rule_up):
        with pytest.raises(PermissionDenied):
            change(actor=world.actor("mia"), **APP, pk=rule.pk)
    with pytest.raises(PermissionDenied):
        add(world, "x-*", world.dev, by="mia")
    oscar = {"actor": world.actor("oscar"), "app_id": "d2other"}
    with pytest.raises(Http404):
        previews.remove_rule(**oscar, pk=rule.pk)
    mia = client_for("mia")
    assert mia.get(PAGE).status_code == 403
    assert mia.post(PAGE, {"remove": rule.pk}).status_code == 403
    assert PreviewRule.objects.get() == rule
    denied = AuditEvent.objects.filter(action="branch.previews", outcomes__outcome="denied")
    assert denied.count() == 4


def test_hostile_posts(client_for: Callable[[str], Client], world: World) -> None:
    alice = client_for("alice")
    for name in ("remove", "up"):
        for value in ("", "x", "0", "9" * 30):
            assert alice.post(PAGE, {name: value}).status_code == 404
    assert alice.post(PAGE, {"pattern": "pr-*", "source": "x"}).status_code == 422
    assert alice.post(PAGE, {"pattern": "pr-*", "source": world.other_branch.pk}).status_code == 422
    assert not PreviewRule.objects.exists()


def test_words_about_sources(client_for: Callable[[str], Client], world: World) -> None:
    add(world, "pr-*", world.main)
    add(world, "x-*", world.dev)
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    text = client_for("alice").get(PAGE).content.decode()
    assert "Copies on unprotected branches can be revealed by every developer." in text
    assert "Nothing is taken until you add the branch again or remove this rule." in text
