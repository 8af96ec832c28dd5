"""Answers of passkeys that no browser makes are incorrect, and never a failure (guarantee 47)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

DEEP = "[" * 100_000
URLS = {
    "/accounts/passkey/": "",
    "/accounts/reauthenticate/passkey/": "alice",
    "/accounts/second-factor/passkeys/add/": "alice",
}


def encoded(text: str) -> str:
    """Return text in URL-safe base64 without padding, as browsers send it."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def answer(**response: Any) -> str:
    """Return a passkey's answer with these parts of its `response`."""
    id = encoded("x" * 16)
    parts = {
        "clientDataJSON": encoded('{"type":"webauthn.get","challenge":"eA","origin":"http://x"}'),
        "authenticatorData": encoded("\0" * 37),
        "attestationObject": encoded("\0"),
        "signature": encoded("s"),
        "userHandle": encoded("1"),
    }
    data = {"id": id, "rawId": id, "type": "public-key", "response": parts | response}
    return json.dumps(data)


ANSWERS = {
    "nested": DEEP,
    "nested objects": '{"a":' * 100_000,
    "nested within": answer(clientDataJSON=encoded(DEEP)),
    "no object within": answer(clientDataJSON=encoded("1")),
    "no type within": answer(clientDataJSON=encoded("{}")),
    "no text within": answer(clientDataJSON="_w"),
    "a list": "[1]",
    "a number": "1",
    "a list of parts": json.dumps({"response": []}),
    "no base64": answer(authenticatorData="é", attestationObject="é", userHandle="é"),
    "short": answer(authenticatorData="AA", attestationObject="AA"),
    "numbers": answer(authenticatorData=1, attestationObject=1, userHandle=1, clientDataJSON=1),
    "nothing": answer(authenticatorData=None, attestationObject=None, userHandle=None),
    "a large user": answer(userHandle=encoded("9" * 60)),
}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("text", ANSWERS)
def test_it_works(
    client: Client, client_for: Callable[[str], Client], db: None, url: str, text: str
) -> None:
    browser = client_for(URLS[url]) if URLS[url] else client
    browser.get(url)
    assert browser.post(url, {"credential": ANSWERS[text]}).status_code in (200, 302)
