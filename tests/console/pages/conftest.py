"""What the tests of pages share."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from console.models import Branch
from secrets_app.models import Secret
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save
from tests.fixtures.people import World


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return the owner."""
    return as_("alice")


@pytest.fixture
def olga(as_: Callable[[str], Client]) -> Client:
    """Return the operator, who is a member of nothing."""
    return as_("olga")


@pytest.fixture
def make_secret(world: World) -> Callable[..., Secret]:
    """Return a function that adds a secret on a branch; None is All branches."""

    def make(branch: Branch | None, key: str = "API_KEY") -> Secret:
        branch_id = branch.pk if branch else None
        change = SetSecret("1", key=key, branch_id=branch_id, value=SecretValue("canary"))
        [outcome] = save(
            actor=world.actor("alice"), app_id="d1shop", commands=[change], change_set=uuid4()
        )
        return Secret.objects.get(pk=outcome.pk)

    return make


def errors(answer: Any) -> dict[str, list[str]]:
    """Return what a form that was refused says, by field."""
    assert answer.status_code == 422
    return {name: list(texts) for name, texts in answer.context["form"].errors.items()}
