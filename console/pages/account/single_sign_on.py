"""Views that send the browser to the OpenID provider and receive it back."""

import secrets
from collections.abc import Callable
from functools import wraps
from threading import BoundedSemaphore

from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from requests import RequestException

from console.auth import limiter
from console.auth.oidc import provisioning as sso
from console.auth.oidc.client import InvalidProviderResponse, OpenIdAdapter

# OpenID Connect Core 3.1.2.1: the provider asks again and must report when it did.
ASK_AGAIN = {"prompt": "login", "max_age": "0"}
SLOT_PATIENCE = 0.3  # seconds
# Half of a process's eight threads, so that a slow provider can't take all of them.
SLOTS = BoundedSemaphore(4)
# A sign-in takes two requests, and an office shares one address.
RATE = "120/60s/ip"


def provider_view(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a view that contacts the provider: handle its errors, and limit rate and threads.

    Anyone can make Branchkeep send requests to the provider, so they are limited per address.
    Raises Http404 if there is no provider.
    """

    @login_not_required
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if limiter.consume(request, "single_sign_on", RATE, limit_get=True) is None:
            return _rate_limited(request)
        if not SLOTS.acquire(timeout=SLOT_PATIENCE):
            return sso.not_signed_in(request, sso.BUSY, 503)
        try:
            return view(request)
        except SocialApp.DoesNotExist:
            raise Http404 from None
        except ImmediateHttpResponse as answer:
            response: HttpResponse = answer.response
            return response
        except (OAuth2Error, RequestException) as error:
            return sso.failed(request, error)
        finally:
            SLOTS.release()

    return guarded


def _rate_limited(request: HttpRequest) -> HttpResponse:
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response


@provider_view
def single_sign_on(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. A user who is already signed in re-authenticates.

    `next` names the page to return to. Other parameters are ignored, because a link could use them
    to change the request.
    """
    confirms, nonce = request.user.is_authenticated, secrets.token_urlsafe(16)
    provider = get_adapter().get_provider(request, "openid_connect")
    response: HttpResponse = provider.redirect(
        request,
        "login",
        next_url=get_next_redirect_url(request),
        auth_params={"nonce": nonce} | (ASK_AGAIN if confirms else {}),
        nonce=nonce,
        confirms=confirms,
    )
    return response


@provider_view
def callback(request: HttpRequest) -> HttpResponse:
    """Verify the provider's response and sign the user in."""
    adapter = OpenIdAdapter(request, "openid_connect")
    issuer = adapter.get_provider().app.provider_id
    if request.GET.get("iss", issuer).rstrip("/") != issuer:
        raise InvalidProviderResponse("the answer is of another issuer")  # RFC 9207
    response: HttpResponse = OAuth2CallbackView.adapter_view(adapter)(request)
    return response
