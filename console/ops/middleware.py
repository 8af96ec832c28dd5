"""Middleware for Prometheus and load balancers."""

from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from console.conf.logging import PROBE_PATHS

Handler = Callable[[HttpRequest], HttpResponse]


class RequestMetrics:
    """Counts requests and their duration for Prometheus if METRICS_TOKEN is set."""

    def __init__(self, get_response: Handler) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        from console.ops import (
            metrics,  # imported only if used: the library costs memory and time at the start
        )

        self.get_response, self.metrics = get_response, metrics

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on. A streaming response counts as finished when it starts."""
        started = perf_counter()
        self.metrics.request_began()
        response = self.get_response(request)
        self.metrics.request_ended(
            view=request.resolver_match.view_name if request.resolver_match else "",
            method=request.method or "",
            status=response.status_code,
            seconds=perf_counter() - started,
        )
        return response


class Probes:
    """Answers load balancers and Prometheus under any Host, and without a session.

    Health and metrics don't depend on the host and build no links, so Host validation is skipped
    for them. Without cookies, no middleware asks the database who sent the request.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        if request.path_info in PROBE_PATHS:
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".")
            request.META.pop("HTTP_COOKIE", None)
        return self.get_response(request)
