"""The console's URLs, and the bare page's."""

from django.urls import path

from console.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.soak.bench import bare

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *urlpatterns,
    path("bare/<str:app_id>/", bare.signed_in),
    path("bare/<str:app_id>/open/", bare.table),
    path("bare/<str:app_id>/same/", bare.signed_in, {"template": "same.html"}),
]
