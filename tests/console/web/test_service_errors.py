"""A page that fails because of the store or Amplify says what to do (guarantee 42)."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from console import urls
from console.amplify import errors as amplify
from console.lib.service_calls import ServiceError
from secrets_app.store import errors as store
from tests.documents.test_documents import kinds

KINDS = [*kinds(store.StoreError), *kinds(amplify.AmplifyError)]
failures = {f"{kind.__module__}.{kind.__name__}": kind for kind in KINDS}


def fail(request: HttpRequest, name: str) -> HttpResponse:
    """Raise an error whose code must stay inside."""
    raise failures[name](code="CodeOfTheService")


urlpatterns = [path("fails/<name>/", fail), *urls.urlpatterns]


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return alice's browser."""
    return client_for("alice")


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("name", failures)
def test_it_works(alice: Client, name: str) -> None:
    kind: type[ServiceError] = failures[name]
    response = alice.get(f"/fails/{name}/")
    assert response.status_code == kind.status
    assert 400 <= kind.status < 600
    page = response.text.replace("&#x27;", "'")
    assert f"<h1>{kind.service} reported a problem</h1>" in page
    assert kind.message in page
    assert "request ID" in page
    assert "CodeOfTheService" not in page


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("name", failures)
def test_a_fragment_is_one_sentence(alice: Client, name: str) -> None:
    response = alice.get(f"/fails/{name}/", headers={"HX-Request": "true"})
    assert response.status_code == failures[name].status
    assert "<h1" not in response.text
    assert failures[name].message in response.text.replace("&#x27;", "'")


@pytest.mark.urls(__name__)
def test_which_service(alice: Client) -> None:
    assert {kind.service for kind in KINDS} == {"Amplify", "The parameter store"}
    statuses = {kind.__name__: kind.status for kind in kinds(amplify.AmplifyError)}
    assert statuses == {
        **dict.fromkeys(("AccessDenied", "Throttled", "Misconfigured", "Unreachable"), 503),
        "AmplifyFailed": 503,
        "OutcomeUnknown": 502,
        "NotFound": 404,
        **dict.fromkeys(("Rejected", "LimitReached"), 422),
    }
