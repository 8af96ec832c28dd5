"""An operator who owns an app claims a project for it, and no other app has the same."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from console.access.acts import ConfirmationRequired
from secrets_app.hosting.projects import TAKEN, claim_project, release_project
from tests.factories import audit_events, only_event, set_role
from tests.fixtures.people import World


def test_it_works(world: World) -> None:
    set_role(world, "olga", "owner")
    olga, app_id = world.actor("olga"), world.app.app_id
    assert claim_project(actor=olga, app_id=app_id, name="@acme/web-shop") == "web-shop"
    world.app.refresh_from_db()
    assert world.app.hosting_project == "web-shop"
    release_project(actor=olga, app_id=app_id)
    world.app.refresh_from_db()
    assert world.app.hosting_project == ""
    acts = [(it.action, it.subject) for it in audit_events()]
    assert acts == [("app.claim_hosting", "web-shop"), ("app.release_hosting", "web-shop")]


def test_project_of_another_app(world: World) -> None:
    world.other_app.hosting_project = "web-shop"
    world.other_app.save()
    set_role(world, "olga", "owner")
    with pytest.raises(ValidationError, match="Another app has claimed this project"):
        claim_project(actor=world.actor("olga"), app_id=world.app.app_id, name="@other/web-shop")
    [outcome] = only_event().outcomes.all()
    assert (outcome.outcome, outcome.detail) == ("failed", TAKEN[:200])
    world.app.refresh_from_db()
    assert world.app.hosting_project == ""


def test_name_that_is_too_long(world: World) -> None:
    set_role(world, "olga", "owner")
    with pytest.raises(ValidationError, match="at most 214"):
        claim_project(actor=world.actor("olga"), app_id=world.app.app_id, name="a" * 215)


def test_others(world: World) -> None:
    """Neither an owner who is not an operator, nor an operator who owns another app or none."""
    app_id = world.app.app_id
    for name in ("alice", "mia", "bob", "vera"):
        with pytest.raises(PermissionDenied):
            claim_project(actor=world.actor(name), app_id=app_id, name="shop")
        with pytest.raises(PermissionDenied):
            release_project(actor=world.actor(name), app_id=app_id)
    for name in ("charlie", "olga"):
        with pytest.raises(Http404):
            claim_project(actor=world.actor(name), app_id=app_id, name="shop")
    set_role(world, "olga", "maintainer")
    with pytest.raises(PermissionDenied):
        claim_project(actor=world.actor("olga"), app_id=app_id, name="shop")
    set_role(world, "olga", "owner")
    with pytest.raises(ConfirmationRequired):
        claim_project(actor=world.old_actor("olga"), app_id=app_id, name="shop")
    world.app.refresh_from_db()
    assert world.app.hosting_project == ""


def test_app_that_has_a_project(world: World) -> None:
    """It is released first, so that the audit trail says when each project's use ended."""
    set_role(world, "olga", "owner")
    olga, app_id = world.actor("olga"), world.app.app_id
    for name in ("web-shop", "@acme/web-shop"):  # the same, such as a form that is sent twice
        claim_project(actor=olga, app_id=app_id, name=name)
    with pytest.raises(ValidationError, match="Release that one first"):
        claim_project(actor=olga, app_id=app_id, name="other")
    world.app.refresh_from_db()
    assert world.app.hosting_project == "web-shop"
    release_project(actor=olga, app_id=app_id)
    claim_project(actor=olga, app_id=app_id, name="other")
    outcomes = [(it.subject, it.outcomes.get().outcome) for it in audit_events()]
    assert outcomes == [
        *[("web-shop", "succeeded")] * 2,
        ("other", "failed"),
        ("web-shop", "succeeded"),
        ("other", "succeeded"),
    ]
