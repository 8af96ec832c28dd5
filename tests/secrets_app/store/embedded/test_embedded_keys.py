"""The keys of the embedded store."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from secrets_app.store.base import SecretValue
from secrets_app.store.embedded.store import EmbeddedStore
from secrets_app.store.errors import Unreadable

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

OLD, NEW = (base64.urlsafe_b64encode(byte * 32).decode() for byte in (b"\xfb", b"n"))
PATH, LATER = "/amplify/d1/main/foo", "/amplify/d1/main/later"


def test_it_works() -> None:
    EmbeddedStore([OLD]).put(PATH, SecretValue("kept"), overwrite=False)
    both = EmbeddedStore([NEW, OLD])
    assert both.read([PATH])[PATH].value == SecretValue("kept")


def test_the_newest_key_encrypts() -> None:
    EmbeddedStore([NEW, OLD]).put(PATH, SecretValue("x"), overwrite=False)
    assert EmbeddedStore([NEW]).read([PATH])[PATH].value == SecretValue("x")
    with pytest.raises(Unreadable):
        EmbeddedStore([OLD]).read([PATH])


def test_a_missing_key_overwrites_nothing() -> None:
    EmbeddedStore([OLD]).put(PATH, SecretValue("x"), overwrite=False)
    other = EmbeddedStore([NEW])
    assert other.current([PATH])[PATH].version == 1
    with pytest.raises(Unreadable) as refusal:
        other.read([PATH])
    assert refusal.value.code == "KeyMissing"
    assert EmbeddedStore([OLD]).read([PATH])[PATH].value == SecretValue("x")


def test_missing_keys_are_found_without_reading() -> None:
    old, new = EmbeddedStore([OLD]), EmbeddedStore([NEW])
    assert old.missing_keys() == set()
    old.put(PATH, SecretValue("x"), overwrite=False)
    new.put(LATER, SecretValue("x"), overwrite=False)
    assert len(old.missing_keys()) == len(new.missing_keys()) == 1
    assert old.missing_keys() != new.missing_keys()
    assert EmbeddedStore([NEW, OLD]).missing_keys() == set()


@pytest.mark.parametrize(
    "text", [f" {OLD}\n", OLD.rstrip("="), base64.b64encode(b"\xfb" * 32).decode()]
)
def test_other_spellings_of_a_key_are_accepted(text: str) -> None:
    EmbeddedStore([OLD]).put(PATH, SecretValue("x"), overwrite=False)
    assert EmbeddedStore([text]).read([PATH])[PATH].value == SecretValue("x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        base64.urlsafe_b64encode(b"x" * 31).decode(),
        base64.urlsafe_b64encode(b"x" * 33).decode(),
        OLD[:20] + "!" + OLD[20:],
        "clé" + OLD[4:],
    ],
)
def test_an_invalid_key_stops_the_start_and_is_not_shown(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        EmbeddedStore([OLD, text])
    assert str(refusal.value) == (
        "Key 2 in ENCRYPTION_KEYS is not 32 bytes in URL-safe base64. "
        "Correct it: values encrypted with it can't be read without it."
    )


def test_no_key_at_all_stops_the_start() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"ENCRYPTION_KEYS is empty\. Set it to"):
        EmbeddedStore([])
