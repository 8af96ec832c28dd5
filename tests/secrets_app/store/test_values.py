"""Values come back byte for byte; invalid ones are rejected before any call."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.errors import Rejected
from tests.fixtures.stores import StoreCalls

PATH = "/amplify/d1/main/foo"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----\n"
ODD = st.sampled_from(list(" \n\r\t\0é日\u2028\ufeff\"\\'{}"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | ODD, min_size=1, max_size=300)
TOO_BIG = "Values can have at most 4,096 bytes in UTF-8. This one has {}. Shorten it."
BRACES = (
    "Parameter Store rejects values that contain both {{ and }}. Write the value in another form."
)


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        " both ends ",
        "final newline\n",
        "\ttabs\tand\r\nCRLF",
        PEM,
        "\ufeffa byte order mark",
        "null\0byte",
        "x" * 4096,
        "é" * 2048,
        "one {{ alone",
        "}} alone",
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_it_works(store: ParameterStore, text: str) -> None:
    store.put(PATH, SecretValue(text), overwrite=False)
    assert store.read([PATH])[PATH].value.reveal() == text


@given(text=TEXT)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_round_trips(store: ParameterStore, text: str) -> None:
    if "{{" in text and "}}" in text:
        with pytest.raises(Rejected):
            store.put(PATH, SecretValue(text), overwrite=True)
    else:
        store.put(PATH, SecretValue(text), overwrite=True)
        assert store.read([PATH])[PATH].value.reveal() == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Enter a value. Secrets can't be empty."),
        ("x" * 4097, TOO_BIG.format("4,097")),
        ("é" * 2049, TOO_BIG.format("4,098")),  # 2,049 characters
        ("{{ssm:other}}", BRACES),
        ("}} {{", BRACES),
        ("half an emoji: \ud83d", "The value is not valid Unicode text. Paste it again."),
    ],
    ids=["empty", "4,097 bytes", "multi-byte", "braces", "braces apart", "surrogate"],
)
def test_invalid_values(
    store: ParameterStore, store_calls: StoreCalls, text: str, sentence: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        store.put(PATH, SecretValue(text), overwrite=True)
    assert refusal.value.message == sentence
    assert store_calls.entries == []
