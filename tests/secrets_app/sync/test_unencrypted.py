"""Parameters that somebody wrote unencrypted, as a String, to the place of a secret.

guarantee 41
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from secrets_app.models import Secret
from tests.factories import (
    create_command,
    delete_command,
    listed_secret,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_secret,
)
from tests.fixtures.people import World

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.literals import ParameterTypeType

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("console_on_ssm")]


def put(ssm: "SSMClient", path: str, type: "ParameterTypeType" = "String") -> None:
    """Write a parameter as the AWS command line does."""
    ssm.put_parameter(Name=path, Value="plain", Type=type, Overwrite=False)


def test_it_works(
    world: World, plain_ssm: "SSMClient", client_for: Callable[[str], Client]
) -> None:
    alice = client_for("alice")
    set_secret(world, "SAFE")
    put(plain_ssm, "/amplify/shared/d1shop/MAILER")
    reconcile_now(world)
    row = secret_row(world, "MAILER")
    assert row.unencrypted
    assert not secret_row(world, "SAFE").unencrypted
    base = "/apps/d1shop/hosting/secrets/"
    assert alice.get(base).text.count('#i-unlock"/></svg>Not encrypted</span>') == 1
    assert alice.get(f"{base}manage/").text.count("Not encrypted") == 1
    page = " ".join(alice.get(f"{base}{row.pk}/").text.split())
    assert "Not encrypted" in page
    assert "Replace it with an encrypted one." in page
    assert "Not encrypted" not in alice.get(f"{base}{secret_row(world, 'SAFE').pk}/").text


@pytest.mark.parametrize("type", ["String", "StringList"])
@pytest.mark.parametrize("place", [0, 1])
def test_each_place_of_a_branchs_secret(
    world: World, plain_ssm: "SSMClient", type: "ParameterTypeType", place: int
) -> None:
    put(plain_ssm, secret_paths(world, "MAILER", world.main)[place], type)
    reconcile_now(world)
    assert listed_secret(world, "MAILER", world.main).unencrypted
    assert listed_secret(world, "MAILER", world.main).notable


def test_a_secret_that_was_known_before(world: World, plain_ssm: "SSMClient") -> None:
    """As after an upgrade: the row doesn't say yet that the parameter is a String."""
    put(plain_ssm, "/amplify/shared/d1shop/MAILER")
    reconcile_now(world)
    Secret.objects.update(unencrypted=False)
    before = secret_row(world, "MAILER").touched_at
    reconcile_now(world)
    row = secret_row(world, "MAILER")
    assert row.unencrypted
    assert row.touched_at > before  # so that open pages show it


def test_removing_and_adding_it_again_encrypts_it(world: World, plain_ssm: "SSMClient") -> None:
    put(plain_ssm, "/amplify/shared/d1shop/MAILER")
    reconcile_now(world)
    save_secrets(world, delete_command(secret_row(world, "MAILER")))
    save_secrets(world, create_command("MAILER", "safe"))
    reconcile_now(world)
    assert not secret_row(world, "MAILER").unencrypted
