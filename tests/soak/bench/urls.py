"""The console's URLs, and those of the plain Django views."""

from django.urls import path

from console.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.soak.bench import plain_django

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *urlpatterns,
    path("bare/<str:app_id>/", plain_django.signed_in),
    path("bare/<str:app_id>/open/", plain_django.table),
    path("bare/<str:app_id>/same/", plain_django.signed_in, {"template": "same.html"}),
]
