"""Which client a process gets: none unless AMPLIFY is on."""

import subprocess
import sys
from typing import Any

import pytest

from console.amplify import errors, service
from console.amplify.client import Amplify
from tests.fixtures.amplify import AmplifyServer

WITHOUT_BOTO3 = """
import os
import sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from console.amplify import service
assert not service.is_on()
assert not {"boto3", "botocore"} & set(sys.modules)
"""


def test_it_works(console_on_amplify: AmplifyServer) -> None:
    assert service.is_on()
    client = service.service()
    assert isinstance(client, Amplify)
    assert service.service() is client
    client.ping()
    assert console_on_amplify.operations() == ["ListApps"]


def test_off() -> None:
    assert not service.is_on()
    with pytest.raises(errors.Misconfigured, match="set AMPLIFY to") as failure:
        service.service()
    assert failure.value.code == "TurnedOff"


def test_turned_off_again(console_on_amplify: AmplifyServer, settings: Any) -> None:
    service.service()
    settings.AMPLIFY = "off"
    with pytest.raises(errors.Misconfigured):
        service.service()


@pytest.mark.parametrize(
    ("variable", "text"), [("AWS_ENDPOINT_URL_AMPLIFY", "no url"), ("AWS_PROFILE", "nobody")]
)
def test_invalid_settings(
    console_on_amplify: AmplifyServer,
    aws_environment: pytest.MonkeyPatch,
    variable: str,
    text: str,
) -> None:
    aws_environment.setenv(variable, text)
    with pytest.raises(errors.Misconfigured):
        service.service()


def test_no_credentials(
    console_on_amplify: AmplifyServer, aws_environment: pytest.MonkeyPatch
) -> None:
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    aws_environment.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(errors.Misconfigured) as failure:
        service.service().ping()
    assert failure.value.code == "NoCredentialsError"


def test_boto3_is_not_imported_without_amplify() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_BOTO3], check=True)
