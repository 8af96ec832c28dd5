"""Middleware for Prometheus and for load balancers."""

from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from console.conf.logging import PROBE_PATHS

Handler = Callable[[HttpRequest], HttpResponse]


class Measured:
    """Counts each request and its time for Prometheus, with METRICS_TOKEN set."""

    def __init__(self, get_response: Handler) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        from console.ops import (
            metrics,  # its library takes time and memory of who has no Prometheus
        )

        self.get_response, self.metrics = get_response, metrics

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on. An answer that streams has ended here when it begins."""
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
    """Lets load balancers and Prometheus ask under any Host: they come by a server's address.

    What they ask for depends on no name and builds no link, so it is asked under our own.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        if request.path in PROBE_PATHS:
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".")
        return self.get_response(request)
