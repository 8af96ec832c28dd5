"""Which parameter store a process gets, and when it makes a new one."""

import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.embedded.store import EmbeddedStore
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.moto import Moto

FORK = """
import os
from django.conf import settings
settings.configure(PARAMETER_STORE="ssm", AWS_REGION="us-east-1")
from secrets_app.store import parameter_store
before = parameter_store()
assert parameter_store() is before
child = os.fork()
if not child:
    os._exit(7 if parameter_store() is not before else 0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert parameter_store() is before
"""
WITHOUT_BOTO3 = """
import os
import sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from secrets_app.store import parameter_store
parameter_store()
assert not {"boto3", "botocore"} & set(sys.modules)
"""


def test_it_works() -> None:
    assert isinstance(parameter_store(), EmbeddedStore)
    assert parameter_store() is parameter_store()


def test_ssm(console_on_ssm: Moto) -> None:
    store = parameter_store()
    assert isinstance(store, SsmStore)
    assert store.put("/amplify/d1/main/foo", SecretValue("x"), overwrite=False).version == 1


def test_changed_settings_make_a_new_store(settings: Any) -> None:
    before = parameter_store()
    settings.ENCRYPTION_KEYS = ["B" * 43]
    assert parameter_store() is not before
    settings.ENCRYPTION_KEYS = ["nonsense"]
    with pytest.raises(ImproperlyConfigured):
        parameter_store()


def test_a_forked_process_makes_a_new_store() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True)


def test_boto3_is_not_imported_without_aws() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_BOTO3], check=True)
